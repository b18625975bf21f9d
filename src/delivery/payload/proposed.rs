//! Pull requests of programs: what became of them.

use super::pull::Pull;
use super::{InstallationRef, Repo};
use crate::domain::event::{AsOf, Event, Proposal, ProposalState};
use crate::domain::ids::InstallationId;
use serde::Deserialize;

#[derive(Deserialize)]
pub(super) struct ProposalPayload {
    pull_request: Pull,
    repository: Repo,
    installation: Option<InstallationRef>,
}

impl ProposalPayload {
    pub(super) fn into_event(self, action: &str) -> Event {
        if !self.pull_request.is_like_ours(&self.repository) {
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
}
