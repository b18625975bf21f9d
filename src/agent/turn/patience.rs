//! Noticing that a model goes round in circles: once it is told, the second time the run ends.

use crate::agent::tools::{ToolCall, ToolResult};
use crate::domain::task::End;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Consecutive answers with a call that cannot be read.
const MOST_FORMAT_ERRORS: u32 = 3;
/// Consecutive answers without a call.
const MOST_SILENT: u32 = 3;
/// The same call with the same result so many times.
const MOST_REPEATS: usize = 4;
/// The same call failing so many times.
const MOST_FAILURES: usize = 3;
/// Two calls taking turns for so many steps.
const LONGEST_PING_PONG: usize = 6;

/// What to do about the model's last answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing.
    GoOn,
    /// Tell it this.
    Nudge(&'static str),
    /// End the run so, for this reason.
    GiveUp(End, &'static str),
}

/// What was seen of the model's behaviour.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Patience {
    format_errors: u32,
    silent: u32,
    steps: Vec<Step>,
    was_nudged: bool,
}

/// One step, as fingerprints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Step {
    action: u64,
    observation: u64,
    has_failed: bool,
}

impl Patience {
    /// Looks at one step.
    pub(super) fn observe(&mut self, calls: &[ToolCall], results: &[ToolResult]) -> Verdict {
        if calls.is_empty() {
            return self.silence();
        }
        self.silent = 0;
        if calls.iter().any(|call| call.refused.is_none() && call.arguments.is_err()) {
            return self.format_error();
        }
        self.format_errors = 0;
        self.steps.push(Step::of(calls, results));
        if self.is_looping() { self.looping() } else { Verdict::GoOn }
    }

    fn silence(&mut self) -> Verdict {
        self.silent += 1;
        if self.silent >= MOST_SILENT {
            return Verdict::GiveUp(
                End::Stuck,
                "the model answered three times without doing anything",
            );
        }
        Verdict::Nudge(
            "You called no tool, so nothing happened. Go on with a tool, or call finish if the work \
             is complete.",
        )
    }

    fn format_error(&mut self) -> Verdict {
        self.format_errors += 1;
        if self.format_errors >= MOST_FORMAT_ERRORS {
            return Verdict::GiveUp(
                End::FormatError,
                "the model sent tool calls that cannot be read, three times in a row",
            );
        }
        Verdict::GoOn
    }

    fn looping(&mut self) -> Verdict {
        if self.was_nudged {
            return Verdict::GiveUp(End::Stuck, "the model repeated itself without getting on");
        }
        self.was_nudged = true;
        self.steps.clear();
        Verdict::Nudge(
            "You are repeating yourself and nothing changes. Step back: say what you know, and try \
             something different, or call finish with what you found.",
        )
    }

    fn is_looping(&self) -> bool {
        self.repeats() || self.keeps_failing() || self.plays_ping_pong()
    }

    fn repeats(&self) -> bool {
        let same = |pair: &[Step]| pair.first() == pair.last();
        self.last(MOST_REPEATS).is_some_and(|steps| steps.windows(2).all(same))
    }

    fn keeps_failing(&self) -> bool {
        let Some(steps) = self.last(MOST_FAILURES) else { return false };
        let first = steps.first().map(|step| step.action);
        steps.iter().all(|step| step.has_failed && Some(step.action) == first)
    }

    fn plays_ping_pong(&self) -> bool {
        let same = |triple: &[Step]| triple.first() == triple.last();
        self.last(LONGEST_PING_PONG).is_some_and(|steps| steps.windows(3).all(same))
    }

    fn last(&self, count: usize) -> Option<&[Step]> {
        self.steps.get(self.steps.len().checked_sub(count)?..)
    }
}

impl Step {
    fn of(calls: &[ToolCall], results: &[ToolResult]) -> Self {
        let mut action = DefaultHasher::new();
        for call in calls {
            call.name.hash(&mut action);
            call.arguments.as_ref().map(ToString::to_string).hash(&mut action);
        }
        let mut observation = DefaultHasher::new();
        for result in results {
            result.text.hash(&mut observation);
        }
        Self {
            action: action.finish(),
            observation: observation.finish(),
            has_failed: results.iter().any(|result| result.is_error),
        }
    }
}
