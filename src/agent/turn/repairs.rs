//! Checks that the change made red: the model is shown them and may mend it, a few times.

use crate::agent::StepResults;
use crate::agent::prompt;
use crate::domain::verification::Verification;

/// Who has not mended it by then does not.
const MOST_REPAIRS: u32 = 3;

/// What the checks have said so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Repairs {
    rounds: u32,
    latest: Option<Verification>,
}

impl Repairs {
    /// What the model should mend, if there is something and it may still be asked to. Of a tree that
    /// it was shown already it is not told again: then it wants it so.
    pub(super) fn wanted(&mut self, fence: &str, results: &StepResults) -> Option<String> {
        let before = self.latest.take();
        self.latest.clone_from(&results.verification);
        let now = self.latest.as_ref().filter(|now| now.is_red())?;
        let is_known = before.is_some_and(|before| before.tree == now.tree);
        if is_known || self.rounds >= MOST_REPAIRS {
            return None;
        }
        self.rounds += 1;
        Some(prompt::red_checks(fence, now, MOST_REPAIRS - self.rounds))
    }

    /// What the checks said last.
    pub(super) fn latest(&self) -> Option<Verification> {
        self.latest.clone()
    }
}
