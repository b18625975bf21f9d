//! Pull requests of programs: what became of them.

use super::{InstallationRef, Repo, User};
use crate::domain::event::{AsOf, Event, Proposal, ProposalState};
use crate::domain::ids::{InstallationId, Sha};
use chrono::{DateTime, Utc};
use serde::Deserialize;

/// The branches of which our pull requests are.
pub(super) const OUR_BRANCHES: &str = "asynccoder/";

#[derive(Deserialize)]
pub(super) struct ProposalPayload {
    pull_request: Pull,
    repository: Repo,
    installation: Option<InstallationRef>,
}

#[derive(Deserialize)]
struct Pull {
    id: i64,
    number: i64,
    title: String,
    html_url: String,
    state: String,
    #[serde(default)]
    draft: bool,
    merged_at: Option<serde::de::IgnoredAny>,
    updated_at: DateTime<Utc>,
    user: Option<User>,
    head: Side,
    base: Side,
}

#[derive(Deserialize)]
struct Side {
    #[serde(rename = "ref")]
    branch: String,
    sha: Sha,
    /// Nothing, if it was deleted.
    repo: Option<Home>,
}

#[derive(Deserialize)]
struct Home {
    id: i64,
}

impl ProposalPayload {
    pub(super) fn into_event(self, action: &str) -> Event {
        if !self.is_like_ours() {
            return Event::Ignored("the pull request is none of ours".to_owned());
        }
        let Self { pull_request: pull, repository, installation } = self;
        let state = match (pull.merged_at, pull.state.as_str()) {
            (Some(_), _) => ProposalState::Merged,
            (None, "open") => ProposalState::Open,
            (None, _) => ProposalState::Closed,
        };
        // Of two things in one second: what is opened again had been closed before.
        let rank = match action {
            "closed" => 1,
            "reopened" => 2,
            _ => 0,
        };
        Event::Proposed(Box::new(Proposal {
            installation: installation.map(|i| InstallationId(i.id)),
            repository: repository.into_repository(),
            id: pull.id,
            number: pull.number,
            url: pull.html_url,
            title: pull.title,
            state,
            draft: pull.draft,
            head: pull.head.branch,
            head_sha: pull.head.sha,
            base: pull.base.branch,
            as_of: AsOf::new(pull.updated_at, rank),
        }))
    }

    /// By a program, and from one of the branches that are ours. Whose exactly it is the rows know.
    fn is_like_ours(&self) -> bool {
        let pull = &self.pull_request;
        let is_by_a_program = pull.user.as_ref().is_some_and(|user| user.kind == "Bot");
        let is_from_here =
            pull.head.repo.as_ref().is_some_and(|home| home.id == self.repository.id);
        is_by_a_program && is_from_here && pull.head.branch.starts_with(OUR_BRANCHES)
    }
}
