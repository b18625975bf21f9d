//! What an answer of GitHub's or git's means for the next step: done, later, never, or not before a
//! limit ends.

use super::Outbox;
use crate::domain::report::detail;
use crate::git::GitError;
use crate::github::Place;
use crate::github::error::GitHubError;
use crate::store::acts::DueAct;
use serde_json::Value;
use std::time::Duration;

/// Errors in a row after which a wait no longer grows.
const MOST_DOUBLINGS: u32 = 7;

/// What became of an attempt to write.
pub(super) enum Verdict {
    /// It is there.
    Done(Value),
    /// It is not there yet; try again after this long.
    Later { wait: Duration, unsure: bool, error: String },
    /// GitHub asks the whole installation to wait.
    Blocked { wait: Duration, unsure: bool, error: String },
    /// It will never be there.
    Impossible(String),
    /// It needs something that only a person can give.
    Parked { lacks: String },
    /// The repository has another name now, and it is noted; try again.
    Moved { unsure: bool },
    /// It has become another act, which is noted and has its turn at once.
    Changed,
    /// The installation is suspended: nothing more is done for it.
    Suspended,
    /// Somebody else is the writer now.
    Lost,
}

impl Outbox {
    pub(super) async fn judged(
        &self,
        place: &Place,
        answer: Result<Value, GitHubError>,
        act: &DueAct,
    ) -> Verdict {
        match answer {
            Ok(value) => Verdict::Done(value),
            Err(error) => self.judge(place, &error, act.attempts, error.leaves_unsure()).await,
        }
    }

    /// What an error of GitHub's means for the next step.
    pub(super) async fn judge(
        &self,
        place: &Place,
        error: &GitHubError,
        attempts: i64,
        unsure: bool,
    ) -> Verdict {
        let text = error.to_string();
        match error {
            GitHubError::Limited(wait) => Verdict::Blocked { wait: *wait, unsure, error: text },
            GitHubError::Unauthorized(_) => {
                self.github.forget_tokens(place).await;
                Verdict::Later { wait: self.backoff(attempts), unsure, error: text }
            }
            GitHubError::Unwell(_) => {
                Verdict::Later { wait: self.backoff(attempts), unsure, error: text }
            }
            GitHubError::Lacks(lacks) => Verdict::Parked { lacks: lacks.clone() },
            GitHubError::Suspended => Verdict::Suspended,
            GitHubError::Moved => self.follow(place, attempts, unsure).await,
            GitHubError::NotFound(_) | GitHubError::Forbidden(_) | GitHubError::Refused { .. } => {
                Verdict::Impossible(detail::not_accepted(&text))
            }
        }
    }

    /// Asks where the repository is today.
    async fn follow(&self, place: &Place, attempts: i64, unsure: bool) -> Verdict {
        let gone = |why: &dyn std::fmt::Display| Verdict::Impossible(detail::moved_away(why));
        let name = match self.github.name_today(place).await {
            Ok(name) => name,
            Err(error) if error.is_passing() => {
                let wait = self.backoff(attempts);
                return Verdict::Later { wait, unsure, error: error.to_string() };
            }
            Err(error) => return gone(&error),
        };
        if name == place.name {
            return gone(&"GitHub sends me in circles");
        }
        match self.store.repository_moved(place.repository, &name).await {
            Ok(()) => Verdict::Moved { unsure },
            Err(error) => {
                let wait = self.backoff(attempts);
                Verdict::Later { wait, unsure, error: error.to_string() }
            }
        }
    }

    pub(super) fn backoff(&self, attempts: i64) -> Duration {
        let doublings = u32::try_from(attempts).unwrap_or(MOST_DOUBLINGS).min(MOST_DOUBLINGS);
        let jitter = rand::random_range(0.8..1.2);
        (self.timing.backoff * 2_u32.pow(doublings)).mul_f64(jitter)
    }

    pub(super) async fn judge_git(
        &self,
        place: &Place,
        error: &GitError,
        attempts: i64,
    ) -> Verdict {
        let text = error.to_string();
        match error {
            GitError::Unauthorized(_) => {
                self.github.forget_tokens(place).await;
                Verdict::Later { wait: self.backoff(attempts), unsure: true, error: text }
            }
            GitError::Unreachable(..)
            | GitError::TimedOut(..)
            | GitError::Unusable(_)
            | GitError::Io(..) => {
                Verdict::Later { wait: self.backoff(attempts), unsure: true, error: text }
            }
            GitError::Renamed => self.follow(place, attempts, false).await,
            GitError::Moved => Verdict::Impossible(detail::branch_is_taken()),
            GitError::Refused(_)
            | GitError::NotFound
            | GitError::Failed(..)
            | GitError::Mismatch(_) => Verdict::Impossible(text),
        }
    }
}
