//! What a task may still use up, and what one more call may cost. Pure arithmetic.

use super::Assignment;
use crate::domain::catalog::Model;
use crate::domain::credit::NanoUsd;
use crate::domain::task::Limits;
use std::time::Duration;

/// With less than this an answer is cut off before it says anything.
const LEAST_OUTPUT: i64 = 1024;
/// More than this in one answer takes minutes and is hardly ever wanted.
const MOST_OUTPUT: i64 = 16 * 1024;
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
}

/// Leave for one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// The most tokens that the answer may have.
    pub max_output: i64,
    /// The most that the call can cost.
    pub at_most: NanoUsd,
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

    /// The time that is left.
    pub const fn time_left(&self, spent: Duration) -> Duration {
        self.limits.time.saturating_sub(spent)
    }

    /// What the model is told near the end of any bound, and when the money is enough for only one
    /// more call: a long prompt reserves much at once.
    pub fn warning(&self, spent: Spent, prompt_tokens: i64) -> Option<String> {
        let call = self.model.prices.worst_case(prompt_tokens, LEAST_OUTPUT);
        let near = [
            (i64::from(spent.steps), i64::from(self.limits.steps)),
            (spent.cost.0, self.hold.0),
            (millis(spent.time), millis(self.limits.time)),
        ];
        let is_near = |&(used, whole): &(i64, i64)| {
            used.saturating_mul(100) >= whole.saturating_mul(WARN_PERCENT)
        };
        let is_last = spent.cost.plus(call).plus(call) > self.hold;
        (is_last || near.iter().any(is_near)).then(|| self.what_is_left(spent))
    }

    fn what_is_left(&self, spent: Spent) -> String {
        let steps = self.limits.steps.saturating_sub(spent.steps);
        let cents = self.hold.0.saturating_sub(spent.cost.0).max(0) / 10_000_000;
        let minutes = self.time_left(spent.time).as_secs() / 60;
        format!(
            "Only {steps} steps, ${}.{:02} and {minutes} minutes are left. Bring what you have to a \
             sound state and call finish; name what you could not verify.",
            cents / 100,
            cents % 100
        )
    }
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}
