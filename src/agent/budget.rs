//! What a task may still use up, and what one more call may cost. Pure arithmetic.

use super::Assignment;
use crate::domain::catalog::Model;
use crate::domain::credit::NanoUsd;
use crate::domain::task::Limits;
use std::collections::BTreeSet;
use std::time::Duration;

/// With less than this an answer is cut off before it says anything.
const LEAST_OUTPUT: i64 = 1024;
/// More than this in one answer takes minutes and is hardly ever wanted.
const MOST_OUTPUT: i64 = 16 * 1024;
/// What tools may answer in a task, for each of its steps.
const OUTPUT_BYTES_A_STEP: i64 = 32 * 1024;
/// A conversation that fills so much of the model's window, or has so many tokens, is handed off.
const LONG_PERCENT: i64 = 75;
const LONG_TOKENS: i64 = 120_000;
/// From this share of any bound on, the model is told once to come to an end.
const WARN_PERCENT: i64 = 80;

/// The bounds of one task.
#[derive(Clone, Debug)]
pub struct Budget {
    limits: Limits,
    hold: NanoUsd,
    model: Model,
}

/// What was used up so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// Answers of the model.
    pub steps: u32,
    /// At catalog prices.
    pub cost: NanoUsd,
    /// Active time over all attempts.
    pub time: Duration,
    /// Bytes that the tools answered.
    pub output: i64,
}

/// Leave for one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// The most tokens that the answer may have.
    pub max_output: i64,
    /// The most that the call can cost.
    pub at_most: NanoUsd,
}

/// What a task cannot use up without being warned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bound {
    /// Answers of the model.
    Steps,
    /// Active time.
    Time,
    /// What is held.
    Cost,
    /// What the tools answer.
    Output,
}

/// The bound that forbids another call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exhausted {
    /// No steps left.
    Steps,
    /// No time left.
    Time,
    /// No credits left for a useful answer.
    Cost,
    /// No room left in the model's window.
    Window,
    /// The tools have answered too much.
    Output,
}

impl Budget {
    /// The bounds of an assignment.
    pub fn new(assignment: &Assignment) -> Self {
        Self {
            limits: assignment.limits,
            hold: assignment.hold.to_nano_usd(),
            model: assignment.model.clone(),
        }
    }

    /// Whether the model may be asked once more with so many tokens, and how much it may answer.
    pub fn allow(&self, spent: Spent, prompt_tokens: i64) -> Result<Allowance, Exhausted> {
        if spent.steps >= self.limits.steps {
            return Err(Exhausted::Steps);
        }
        if spent.time >= self.limits.time {
            return Err(Exhausted::Time);
        }
        if spent.output >= self.most_output() {
            return Err(Exhausted::Output);
        }
        let room = self.model.context.saturating_sub(prompt_tokens);
        if room < LEAST_OUTPUT {
            return Err(Exhausted::Window);
        }
        let wanted = MOST_OUTPUT.min(self.model.max_output).min(room);
        let max_output = wanted.min(self.affordable(spent, prompt_tokens));
        if max_output < LEAST_OUTPUT {
            return Err(Exhausted::Cost);
        }
        let at_most = self.model.prices.worst_case(prompt_tokens, max_output);
        Ok(Allowance { max_output, at_most })
    }

    /// The output tokens that the rest of the hold pays for, after the prompt.
    fn affordable(&self, spent: Spent, prompt_tokens: i64) -> i64 {
        let prices = self.model.prices.dearest(prompt_tokens);
        let prompt = prices.worst_case(prompt_tokens, 0);
        let rest = self.hold.0.saturating_sub(spent.cost.0).saturating_sub(prompt.0);
        match prices.output {
            price if price > 0 => rest / price,
            _ if rest >= 0 => i64::MAX,
            _ => 0,
        }
    }

    /// What tools may answer in the whole task, in bytes.
    fn most_output(&self) -> i64 {
        OUTPUT_BYTES_A_STEP.saturating_mul(i64::from(self.limits.steps))
    }

    /// Whether a conversation of so many tokens should be handed off before it goes on.
    pub fn is_long(&self, tokens: i64) -> bool {
        tokens >= LONG_TOKENS.min(self.model.context.saturating_mul(LONG_PERCENT) / 100)
    }

    /// Whether a useful answer fits into the model's window after so many tokens.
    pub const fn has_room(&self, tokens: i64) -> bool {
        self.model.context.saturating_sub(tokens) >= LEAST_OUTPUT
    }

    /// The model that is asked.
    pub const fn model(&self) -> &Model {
        &self.model
    }

    /// From now on another model is asked.
    pub fn use_model(&mut self, model: Model) {
        self.model = model;
    }

    /// The time that is left.
    pub const fn time_left(&self, spent: Duration) -> Duration {
        self.limits.time.saturating_sub(spent)
    }

    /// The bounds that are nearly reached. For money that is also when it is enough for only one more
    /// call: a long prompt reserves much at once.
    pub fn near(&self, spent: Spent, prompt_tokens: i64) -> BTreeSet<Bound> {
        let is_near =
            |used: i64, whole: i64| used.saturating_mul(100) >= whole.saturating_mul(WARN_PERCENT);
        let call = self.model.prices.worst_case(prompt_tokens, LEAST_OUTPUT);
        let is_last = spent.cost.plus(call).plus(call) > self.hold;
        let bounds = [
            (Bound::Steps, is_near(i64::from(spent.steps), i64::from(self.limits.steps))),
            (Bound::Time, is_near(millis(spent.time), millis(self.limits.time))),
            (Bound::Cost, is_last || is_near(spent.cost.0, self.hold.0)),
            (Bound::Output, is_near(spent.output, self.most_output())),
        ];
        bounds.into_iter().filter(|(_, is_near)| *is_near).map(|(bound, _)| bound).collect()
    }

    /// What the model is told near the end of any bound.
    pub fn what_is_left(&self, spent: Spent) -> String {
        let steps = self.limits.steps.saturating_sub(spent.steps);
        let cents = self.hold.0.saturating_sub(spent.cost.0).max(0) / 10_000_000;
        let minutes = self.time_left(spent.time).as_secs() / 60;
        let kilobytes = self.most_output().saturating_sub(spent.output).max(0) / 1024;
        format!(
            "Only {steps} steps, ${}.{:02}, {minutes} minutes and {kilobytes} KiB of tool output are left. \
             Bring what you have to a sound state and call finish; name what you could not verify.",
            cents / 100,
            cents % 100
        )
    }
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}
