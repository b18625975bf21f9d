//! The machine that decides what happens next: an [`Event`] goes in, an [`Effect`] comes out.
//!
//! It does no IO, reads no clock and knows no chance; the time comes with the events. So the same
//! events always lead to the same place, which is how a run goes on after a crash: the stored steps
//! are fed in again, and nothing of them is done again.

mod calls;
mod ending;
mod hand_off;
mod patience;
mod repairs;

use super::budget::{Allowance, Bound, Budget, Exhausted, Spent};
use super::context::Conversation;
use super::tools::{Finish, ToolCall, ToolResult};
use super::{Assignment, Outcome, StepResults, prompt};
use crate::domain::catalog::{Model, Provider};
use crate::domain::credit::{NanoUsd, Usage};
use crate::domain::report::detail;
use crate::domain::review::Finding;
use crate::domain::task::{End, Kind};
use crate::llm::{LlmError, Message, Reply, Stop, UserPart};
use calls::{answers, answers_of, calls};
use hand_off::HandOff;
use patience::{Patience, Verdict};
use repairs::Repairs;
use std::collections::BTreeSet;
use std::time::Duration;

/// What the model is told when its answer was cut off.
const CUT_OFF: &str = "Your answer was cut off at the output limit, and none of its calls was run. \
                       Answer in smaller steps.";

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The run began.
    Started,
    /// The model answered.
    Replied(Reply),
    /// The model could not be asked, for good.
    CallFailed(LlmError),
    /// In an earlier attempt another model went on from here.
    FellBack,
    /// The tools of the last answer ran.
    ToolsRan(StepResults),
    /// The workspace broke.
    ToolsBroke(String),
}

/// What to do now.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Ask the model.
    Call {
        /// The number of the step, from one.
        step: u32,
        /// The most tokens that the answer may have.
        max_output: i64,
        /// The most that it can cost.
        at_most: NanoUsd,
    },
    /// Run these, in this order. There may be none; the step has results all the same.
    RunTools {
        /// The number of the step, from one.
        step: u32,
        /// What the model asked for.
        calls: Vec<ToolCall>,
    },
    /// Leave it until the model's service can be asked again.
    Wait {
        /// Who.
        provider: Provider,
        /// When.
        retry_in: Duration,
    },
    /// It is over.
    End(Box<Outcome>),
}

/// One task on its way.
#[derive(Clone, Debug)]
pub struct Turn {
    budget: Budget,
    may_edit: bool,
    conversation: Conversation,
    patience: Patience,
    spent: Spent,
    usage: Usage,
    changed: BTreeSet<String>,
    findings: Vec<Finding>,
    kind: Kind,
    fence: String,
    /// Of the last answer: what its results have to answer, and why it ended.
    calls: Vec<ToolCall>,
    stop: Stop,
    warned: BTreeSet<Bound>,
    hand_off: HandOff,
    /// Who goes on if the model's service fails for good.
    fallback: Option<Model>,
    fell_back_to: Option<String>,
    is_reviewed: bool,
    repairs: Repairs,
    /// What the model said when it first declared the end.
    said: Option<Finish>,
}

impl Turn {
    /// A task at its beginning; `fixed_bytes` is the length of what is sent besides the messages.
    pub fn new(assignment: &Assignment, fixed_bytes: usize) -> Self {
        Self {
            budget: Budget::new(assignment),
            may_edit: assignment.limits.may_edit,
            conversation: beginning(assignment, fixed_bytes),
            patience: Patience::default(),
            spent: Spent { time: Duration::ZERO, ..Spent::default() },
            usage: Usage::default(),
            changed: assignment.before.changed.clone(),
            findings: Vec::new(),
            kind: assignment.kind,
            fence: assignment.fence.clone(),
            calls: Vec::new(),
            stop: Stop::EndTurn,
            warned: BTreeSet::new(),
            hand_off: HandOff::new(assignment),
            fallback: assignment.fallback.clone(),
            fell_back_to: None,
            is_reviewed: false,
            repairs: Repairs::default(),
            said: None,
        }
    }

    /// What to do after this happened.
    pub fn handle(&mut self, event: Event) -> Effect {
        match event {
            Event::Started => self.go_on(),
            Event::Replied(reply) => self.replied(reply),
            Event::CallFailed(error) => self.call_failed(&error),
            Event::FellBack => self.fall_back(),
            Event::ToolsRan(results) => self.ran(&results),
            Event::ToolsBroke(why) => self.end(End::Internal, Some(why)),
        }
    }

    /// The conversation up to now.
    pub fn messages(&self) -> &[Message] {
        self.conversation.messages()
    }

    /// Every path that the tools changed up to now.
    pub const fn changed(&self) -> &BTreeSet<String> {
        &self.changed
    }

    /// The model that is asked.
    pub const fn model(&self) -> &Model {
        self.budget.model()
    }

    /// Whether this is the id of the model that would go on if the present one failed.
    pub fn would_fall_back_to(&self, id: Option<&str>) -> bool {
        self.fallback.as_ref().is_some_and(|fallback| Some(fallback.id.as_str()) == id)
    }

    /// Asks on, or has a conversation that has become too long handed off first.
    fn go_on(&mut self) -> Effect {
        let tokens = self.conversation.tokens();
        if !self.budget.is_long(tokens) {
            return self.ask();
        }
        // Notes cannot stand for a change that has to be judged line by line.
        if self.kind == Kind::PrReview || !self.hand_off.begin() {
            return self.window_is_full();
        }
        if !self.budget.has_room(tokens) {
            self.conversation.mask_all();
        }
        self.conversation.add(prompt::hand_off());
        self.ask()
    }

    fn ask(&self) -> Effect {
        match self.budget.allow(self.spent, self.conversation.tokens()) {
            Ok(Allowance { max_output, at_most }) => {
                Effect::Call { step: self.spent.steps + 1, max_output, at_most }
            }
            Err(Exhausted::Steps) => self.end(End::LimitSteps, None),
            Err(Exhausted::Time) => self.end(End::LimitTime, None),
            Err(Exhausted::Cost) => self.end(End::LimitCost, None),
            Err(Exhausted::Window) => self.window_is_full(),
            Err(Exhausted::Output) => {
                let why = detail::tools_said_enough();
                self.end(End::LimitCost, Some(why))
            }
        }
    }

    fn replied(&mut self, reply: Reply) -> Effect {
        self.spent.steps += 1;
        self.spent.cost = self.spent.cost.plus(self.model().prices.cost(reply.usage));
        self.usage = self.usage.plus(reply.usage);
        self.stop = reply.stop.clone();
        self.calls = if self.hand_off.is_under_way() { Vec::new() } else { calls(&reply) };
        self.hand_off.note(&reply);
        self.conversation.answered(reply);
        match &self.stop {
            Stop::Refusal { .. } => self.end(End::ProviderError, Some(detail::model_declined())),
            Stop::ContextFull => self.window_is_full(),
            Stop::EndTurn | Stop::ToolUse | Stop::MaxTokens | Stop::Pause | Stop::Other(_) => {
                Effect::RunTools { step: self.spent.steps, calls: self.calls.clone() }
            }
        }
    }

    fn call_failed(&mut self, error: &LlmError) -> Effect {
        if *error == LlmError::ContextTooLong {
            return self.window_is_full();
        }
        if error.is_about_the_service()
            && self.fallback.is_some()
            && let call @ Effect::Call { .. } = self.fall_back()
        {
            return call;
        }
        if let LlmError::Away { provider, retry_in } = *error {
            return Effect::Wait { provider, retry_in };
        }
        self.end(End::ProviderError, Some(error.to_string()))
    }

    /// Another model goes on with the same conversation. It happens once in a task.
    fn fall_back(&mut self) -> Effect {
        if let Some(model) = self.fallback.take() {
            self.fell_back_to = Some(model.id.clone());
            self.budget.use_model(model);
            self.conversation.translate();
        }
        self.ask()
    }

    fn ran(&mut self, results: &StepResults) -> Effect {
        self.spent.time = Duration::from_millis(results.active_ms);
        self.changed.clone_from(&results.changed);
        if let Some(words) = self.hand_off.take(results) {
            self.conversation.begin_again(words);
            return self.ask();
        }
        let output = results.results.iter().map(|result| result.text.len()).sum::<usize>();
        let output = i64::try_from(output).unwrap_or(i64::MAX);
        self.spent.output = self.spent.output.saturating_add(output);
        self.findings.extend_from_slice(&results.findings);
        if let Some(finish) = &results.finish {
            return self.looked_over(finish, results);
        }
        let verdict = self.patience.observe(&self.calls, &results.results);
        let nudge = match verdict {
            Verdict::GoOn => None,
            Verdict::Nudge(text) => Some(text.to_owned()),
            Verdict::GiveUp(end, why) => return self.end(end, Some(why.to_owned())),
        };
        self.answer(&results.results, nudge);
        self.go_on()
    }

    /// Says everything that there is to say to the last answer. The results come first.
    fn answer(&mut self, results: &[ToolResult], nudge: Option<String>) {
        let mut parts = answers(&self.calls, results);
        let cut_off = (self.stop == Stop::MaxTokens).then(|| CUT_OFF.to_owned());
        let near = self.budget.near(self.spent, self.conversation.tokens());
        let is_news = !near.is_subset(&self.warned);
        let warning = is_news.then(|| self.budget.what_is_left(self.spent));
        self.warned.extend(near);
        let words = [cut_off, nudge, warning].into_iter().flatten();
        parts.extend(words.map(|text| UserPart::Text { text, cache_breakpoint: false }));
        self.conversation.say(parts);
    }

    /// What a review found up to now.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Whether what was done should be shown to the model before the end is believed.
    pub fn wants_review(&self) -> bool {
        (self.may_edit || self.kind == Kind::PrReview) && !self.is_reviewed
    }

    /// Whether it was shown.
    pub const fn is_reviewed(&self) -> bool {
        self.is_reviewed
    }
}

/// How the conversation begins: with the task, and before it with what was said in the task that this
/// one continues, if there is one.
fn beginning(assignment: &Assignment, fixed_bytes: usize) -> Conversation {
    let mut conversation = Conversation::new(prompt::task(assignment), fixed_bytes);
    if assignment.before.steps.is_empty() {
        return conversation;
    }
    for step in &assignment.before.steps {
        conversation.recall(&step.reply, answers_of(step));
    }
    if assignment.before.is_foreign {
        conversation.translate();
    }
    conversation.add(prompt::goes_on(assignment));
    conversation
}
