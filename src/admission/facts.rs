//! The facts that a decision needs, asked for only as far as it needs them.

use super::configured::Configured;
use super::{Admission, Undecided};
use crate::domain::command::{Command, Verb};
use crate::domain::credit::{Credits, Daily};
use crate::domain::event::AtLine;
use crate::domain::handed_over::NotPushed;
use crate::domain::ids::{Sha, TaskId};
use crate::domain::policy::{Facts, Permission, RepositoryState, unwanted};
use crate::domain::repo_config::RepoConfig;
use crate::domain::task::Target;
use crate::github::Place;
use crate::github::error::GitHubError;
use crate::github::pulls::{PullRequestNow, Side};
use crate::github::repositories::Branch;
use crate::store::commands::ClaimedCommand;

/// What was found out.
pub(super) struct Gathered {
    pub(super) permission: Permission,
    is_requester: bool,
    /// What the repository's files say; nothing for what asks for no work.
    pub(super) config: RepoConfig,
    /// Whether one of those files has mistakes.
    pub(super) config_has_mistakes: bool,
    repository: RepositoryState,
    available: Credits,
    /// The limits of a day,
    pub(super) limits: Daily,
    /// and what is left of them.
    daily: Daily,
    recent: Vec<Credits>,
    /// The task whose conversation a new one would go on with.
    pub(super) continues: Option<TaskId>,
    /// The line that a task was about which is tried again.
    pub(super) line: Option<AtLine>,
    /// Where a task would start; only looked up for something that would become one.
    pub(super) ground: Option<Ground>,
}

/// Where a task starts.
pub(super) struct Ground {
    pub(super) base_branch: String,
    pub(super) base_sha: Sha,
    /// Where the pull request goes to.
    pub(super) target: Option<Target>,
    /// Up to where an earlier review had looked, if only the rest is to be reviewed.
    pub(super) reviewed_to: Option<Sha>,
    /// Why a change would not be pushed.
    pub(super) not_pushed: Option<NotPushed>,
    /// The files that may be worked on with a network.
    pub(super) trusted: Trusted,
}

/// A commit of the repository's own, written by somebody who may write there.
pub(super) struct Trusted {
    pub(super) commit: Sha,
    pub(super) branch: String,
    pub(super) is_default: bool,
}

impl Trusted {
    fn of(commit: &Sha, branch: &str, default_branch: &str) -> Self {
        let is_default = branch == default_branch;
        Self { commit: commit.clone(), branch: branch.to_owned(), is_default }
    }
}

impl Gathered {
    /// What a command without a verb asks for here.
    pub(super) fn meant_by(&self, asked: &Command) -> Command {
        meant_by(&self.config, asked)
    }

    /// The same for a task that goes on with another one's conversation, and at its line.
    pub(super) fn going_on(self, continues: Option<TaskId>, line: Option<AtLine>) -> Self {
        Self { continues, line, ..self }
    }

    pub(super) fn facts<'a>(
        &'a self,
        admission: &'a Admission,
        command: &ClaimedCommand,
        asked: &'a Command,
    ) -> Facts<'a> {
        Facts {
            command: asked,
            permission: self.permission,
            is_requester: self.is_requester,
            on_pull_request: command.asked.thread.is_pull_request,
            source: command.asked.source,
            config: &self.config,
            repository: self.repository.clone(),
            catalog: &admission.catalog,
            providers: &admission.providers,
            default_model: admission.default_model.as_deref(),
            available: self.available,
            daily: self.daily,
            recent: &self.recent,
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
        let thread = &command.asked.thread;
        let wants_work = asked.verb.kind().is_some() && permission >= asked.verb.least_permission();
        let configured =
            if wants_work { Some(self.configured(command, place).await?) } else { None };
        let asked = &meant_by(&config_of(configured.as_ref()), asked);
        let is_wanted = |here: &Configured| unwanted(command.asked.source, &here.config).is_none();
        let works_here = configured.as_ref().is_some_and(is_wanted)
            && asked.verb.kind().is_some_and(|kind| kind.works_on(thread.is_pull_request));
        let (repository, ground) = match &configured {
            Some(here) if works_here && thread.is_pull_request => {
                self.ground_of_pull(command, place, here, asked).await?
            }
            Some(here) if works_here => self.ground(place, here, asked).await?,
            Some(_) | None => (RepositoryState::Ready, None),
        };
        let balance = self.store.balance(command.account).await?;
        let available = balance.available();
        let limits = balance.daily(self.daily);
        let is_requester = asked.verb == Verb::Cancel
            && self
                .meant(command, asked)
                .await?
                .task
                .is_some_and(|t| t.requester_id == command.sender.id);
        let daily = limits.minus(self.store.spent_today(command.account, command.sender.id).await?);
        let config_has_mistakes = configured.as_ref().is_some_and(Configured::has_mistakes);
        let config = configured.map(|here| here.config).unwrap_or_default();
        let recent = self.recent_costs(&config, asked).await?;
        Ok(Gathered {
            permission,
            is_requester,
            config,
            config_has_mistakes,
            repository,
            available,
            limits,
            daily,
            recent,
            continues: None,
            line: None,
            ground,
        })
    }

    /// Only a model that is named or the default has a history worth asking for.
    async fn recent_costs(
        &self,
        config: &RepoConfig,
        asked: &Command,
    ) -> Result<Vec<Credits>, Undecided> {
        let default = config.model().or(self.default_model.as_deref());
        let name = asked.options.model.as_deref().or(default);
        let model = name.and_then(|name| self.catalog.find(name).ok());
        let (Some(kind), Some(model)) = (asked.verb.kind(), model) else { return Ok(Vec::new()) };
        Ok(self.store.recent_costs(kind, &model.id).await?)
    }

    /// What a pull request brings is worked on where it is.
    async fn ground_of_pull(
        &self,
        command: &ClaimedCommand,
        place: &Place,
        here: &Configured,
        asked: &Command,
    ) -> Result<(RepositoryState, Option<Ground>), Undecided> {
        if here.repository.archived {
            return Ok((RepositoryState::Archived, None));
        }
        let pull = self.github.pull_request(place, command.asked.thread.number).await?;
        let may_edit = asked.verb.kind().is_some_and(|kind| kind.limits().may_edit);
        if may_edit && pull.state != "open" {
            return Ok((RepositoryState::Closed, None));
        }
        let not_pushed = if may_edit {
            self.not_pushed(place, &here.repository.default_branch, &pull).await?
        } else {
            None
        };
        // What a fork brings is never run with a network; what it would become part of may be.
        let is_own = pull.head.repo.as_ref().is_some_and(|home| home.id == place.repository);
        let Side { branch, sha, .. } = if is_own { &pull.head } else { &pull.base };
        let trusted = Trusted::of(sha, branch, &here.repository.default_branch);
        let (head, base) = (pull.head, pull.base);
        let mut ground = Ground {
            base_branch: head.branch,
            base_sha: head.sha,
            target: Some(Target { branch: base.branch, sha: base.sha }),
            reviewed_to: None,
            not_pushed,
            trusted,
        };
        if asked.verb != Verb::PrReview {
            return Ok((RepositoryState::Ready, Some(ground)));
        }
        let since = self.reviewed_before(command, asked).await?;
        if let Some((task, sha)) = &since
            && *sha == ground.base_sha
        {
            return Ok((RepositoryState::Reviewed(*task), None));
        }
        ground.reviewed_to = since.map(|(_, sha)| sha);
        Ok((RepositoryState::Ready, Some(ground)))
    }

    /// Why the pull request's own branch is not ours to push to, if it is not.
    async fn not_pushed(
        &self,
        place: &Place,
        default_branch: &str,
        pull: &PullRequestNow,
    ) -> Result<Option<NotPushed>, GitHubError> {
        if pull.head.repo.as_ref().is_none_or(|home| home.id != place.repository) {
            return Ok(Some(NotPushed::Fork));
        }
        let branch = &pull.head.branch;
        let is_guarded =
            branch == default_branch || self.github.is_protected(place, branch).await?;
        Ok(is_guarded.then(|| NotPushed::Protected(branch.clone())))
    }

    /// The last review, unless all of the change is to be looked at: as is said by `full=true`, and by
    /// words about what to look for.
    async fn reviewed_before(
        &self,
        command: &ClaimedCommand,
        asked: &Command,
    ) -> Result<Option<(TaskId, Sha)>, Undecided> {
        if asked.options.full == Some(true) || !asked.text.is_empty() {
            return Ok(None);
        }
        let number = command.asked.thread.number;
        let last = self.store.last_review(command.repository, number).await?;
        Ok(last.and_then(|(task, sha)| Some((task, Sha::parse(&sha)?))))
    }

    async fn ground(
        &self,
        place: &Place,
        here: &Configured,
        asked: &Command,
    ) -> Result<(RepositoryState, Option<Ground>), GitHubError> {
        if here.repository.archived {
            return Ok((RepositoryState::Archived, None));
        }
        let default = &here.repository.default_branch;
        let wanted = asked.options.base.as_deref().or(here.config.base());
        let base_branch = wanted.unwrap_or(default).to_owned();
        let head = if base_branch == *default {
            here.head.clone()
        } else {
            self.github.branch(place, &base_branch).await?
        };
        let base_sha = match head {
            Branch::At(sha) => sha,
            Branch::Missing => return Ok((RepositoryState::NoBranch(base_branch), None)),
            Branch::EmptyRepository => return Ok((RepositoryState::Empty, None)),
        };
        if let Some(name) = &asked.options.branch
            && self.github.branch(place, name).await? != Branch::Missing
        {
            return Ok((RepositoryState::BranchExists(name.clone()), None));
        }
        let trusted = Trusted::of(&base_sha, &base_branch, default);
        let ground = Ground {
            base_branch,
            base_sha,
            target: None,
            reviewed_to: None,
            not_pushed: None,
            trusted,
        };
        Ok((RepositoryState::Ready, Some(ground)))
    }
}

/// What a command without a verb asks for.
fn meant_by(config: &RepoConfig, asked: &Command) -> Command {
    let verb = if asked.is_implied { Verb::of(config.kind()) } else { asked.verb };
    Command { verb, ..asked.clone() }
}

fn config_of(configured: Option<&Configured>) -> RepoConfig {
    configured.map(|here| here.config.clone()).unwrap_or_default()
}
