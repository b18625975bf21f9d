//! The facts that a decision needs, asked for only as far as it needs them.

use super::{Admission, Undecided};
use crate::domain::command::Command;
use crate::domain::credit::Credits;
use crate::domain::ids::Sha;
use crate::domain::policy::{Facts, Permission, RepositoryState};
use crate::github::Place;
use crate::github::error::GitHubError;
use crate::github::repositories::Branch;
use crate::store::commands::ClaimedCommand;

/// What was found out.
pub(super) struct Gathered {
    permission: Permission,
    repository: RepositoryState,
    available: Credits,
    /// Where a task would start; only looked up for something that would become one.
    pub(super) ground: Option<Ground>,
}

/// Where a task starts.
pub(super) struct Ground {
    pub(super) base_branch: String,
    pub(super) base_sha: Sha,
}

impl Gathered {
    pub(super) fn facts<'a>(
        &self,
        admission: &'a Admission,
        command: &ClaimedCommand,
        asked: &'a Command,
    ) -> Facts<'a> {
        Facts {
            command: asked,
            permission: self.permission,
            on_pull_request: command.asked.thread.is_pull_request,
            repository: self.repository.clone(),
            catalog: &admission.catalog,
            providers: &admission.providers,
            default_model: admission.default_model.as_deref(),
            available: self.available,
        }
    }
}

impl Admission {
    /// A free verb, or something that will be refused anyway, costs no further call.
    pub(super) async fn gather(
        &self,
        command: &ClaimedCommand,
        asked: &Command,
        place: &Place,
        permission: Permission,
    ) -> Result<Gathered, Undecided> {
        let could_start = asked.verb.kind().is_some()
            && asked.verb.is_built()
            && permission >= asked.verb.least_permission()
            && !command.asked.thread.is_pull_request;
        let (repository, ground) = if could_start {
            self.ground(place, asked).await?
        } else {
            (RepositoryState::Ready, None)
        };
        let available = self.store.balance(command.account).await?.available();
        Ok(Gathered { permission, repository, available, ground })
    }

    async fn ground(
        &self,
        place: &Place,
        asked: &Command,
    ) -> Result<(RepositoryState, Option<Ground>), GitHubError> {
        let repository = self.github.repository(place).await?;
        if repository.archived {
            return Ok((RepositoryState::Archived, None));
        }
        let base_branch = asked.options.base.clone().unwrap_or(repository.default_branch);
        let base_sha = match self.github.branch(place, &base_branch).await? {
            Branch::At(sha) => sha,
            Branch::Missing => return Ok((RepositoryState::NoBranch(base_branch), None)),
            Branch::EmptyRepository => return Ok((RepositoryState::Empty, None)),
        };
        if let Some(name) = &asked.options.branch
            && self.github.branch(place, name).await? != Branch::Missing
        {
            return Ok((RepositoryState::BranchExists(name.clone()), None));
        }
        Ok((RepositoryState::Ready, Some(Ground { base_branch, base_sha })))
    }
}
