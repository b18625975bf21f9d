//! Handing a conversation off that has become too long: the model writes notes for itself, and the
//! conversation begins anew with the task and these notes.
//!
//! The notes are a step like any other, so a run that goes on from stored steps comes to the same words.

use crate::agent::{Assignment, StepResults, prompt};
use crate::domain::report::PlanItem;
use crate::llm::{Block, Reply, UserPart};

/// After so many a task is too large for one conversation.
const MOST: u32 = 2;

/// Where a task stands with it.
#[derive(Clone, Debug)]
pub(super) struct HandOff {
    /// The task, as it is told again.
    task: Vec<UserPart>,
    begun: u32,
    /// While the model writes its notes, and what they say.
    notes: Option<String>,
    plan: Vec<PlanItem>,
}

impl HandOff {
    pub(super) fn new(assignment: &Assignment) -> Self {
        let task = prompt::told_again(assignment);
        Self { task, begun: 0, notes: None, plan: Vec::new() }
    }

    /// The model is asked for its notes; `false` if that has happened too often.
    pub(super) fn begin(&mut self) -> bool {
        if self.begun >= MOST {
            return false;
        }
        self.begun += 1;
        self.notes = Some(String::new());
        true
    }

    pub(super) const fn is_under_way(&self) -> bool {
        self.notes.is_some()
    }

    /// Takes the notes out of an answer. Calls in it are not run: the conversation that they belong to
    /// ends here.
    pub(super) fn note(&mut self, reply: &Reply) {
        let Some(notes) = &mut self.notes else { return };
        let texts = reply.blocks.iter().filter_map(|block| match block {
            Block::Text(text) => Some(text.as_str()),
            Block::ToolCall { .. } | Block::Opaque(_) => None,
        });
        *notes = texts.collect::<Vec<_>>().join("\n\n");
    }

    /// The words with which the conversation begins anew, once the notes are stored.
    pub(super) fn take(&mut self, results: &StepResults) -> Option<Vec<UserPart>> {
        if let Some(plan) = &results.plan {
            self.plan.clone_from(plan);
        }
        let notes = self.notes.take()?;
        let mut words = self.task.clone();
        words.push(prompt::handed_off(&notes, &self.plan, &results.changed));
        Some(words)
    }
}
