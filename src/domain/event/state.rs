//! States that GitHub tells of, each with the time of which it is.
//!
//! Deliveries come in any order and more than once. A state that is older than the known one changes
//! nothing, so the end is the same whatever the order was.

use super::{Account, Installation, Repository};
use crate::domain::ids::{InstallationId, RepoName, RepositoryId, Sha};
use crate::domain::plan::Subscription;
use crate::domain::text_enum;
use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};

/// When GitHub says that something was so. Its times are whole seconds; of two things in one second
/// the later rank counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AsOf(DateTime<Utc>);

impl AsOf {
    /// With a rank below a million: it stands where GitHub's seconds have no digits.
    pub fn new(at: DateTime<Utc>, rank: u8) -> Self {
        Self(at.trunc_subsecs(0) + TimeDelta::microseconds(i64::from(rank)))
    }

    /// To be stored and compared.
    pub const fn time(self) -> DateTime<Utc> {
        self.0
    }
}

/// Which repositories the App may reach from now on, and which no longer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// For which installation.
    pub installation: Installation,
    /// It reaches these.
    pub added: Vec<Named>,
    /// It does not reach these any more.
    pub removed: Vec<Named>,
}

/// A repository of which a payload says next to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// GitHub's id.
    pub id: RepositoryId,
    /// The name today.
    pub name: RepoName,
    /// Whether only its members see it.
    pub private: bool,
}

text_enum!(
    /// Whether a pull request is still to be decided.
    ProposalState {
        /// It is.
        Open = "open",
        /// Somebody closed it.
        Closed = "closed",
        /// Its change is in.
        Merged = "merged",
    }
);

/// A pull request as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// The installation that the delivery was sent for.
    pub installation: Option<InstallationId>,
    /// Where.
    pub repository: Repository,
    /// GitHub's id.
    pub id: i64,
    /// Its number in the repository.
    pub number: i64,
    /// Where people see it.
    pub url: String,
    /// Its title.
    pub title: String,
    /// Whether it is still to be decided.
    pub state: ProposalState,
    /// Whether it is a draft.
    pub draft: bool,
    /// The branch with the change, in the same repository.
    pub head: String,
    /// Where that branch is.
    pub head_sha: Sha,
    /// The branch it is for.
    pub base: String,
    /// Of when this is.
    pub as_of: AsOf,
}

/// What an account has on the Marketplace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purchase {
    /// Who.
    pub account: Account,
    /// What it has, or had if that is over now.
    pub subscription: Subscription,
    /// Whether it has it no longer.
    pub is_over: bool,
    /// Of when this is.
    pub as_of: AsOf,
}
