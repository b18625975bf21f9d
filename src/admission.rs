//! From a command to a task, an answer or a refusal.
//!
//! Gathers facts from GitHub and the database, lets [`policy`](crate::domain::policy) decide, and
//! writes the outcome in one transaction. No transaction is open while GitHub is asked. Whatever
//! happens, the command ends visibly: a task, an answer, or a refusal that says what to do next.

mod answers;
mod configured;
mod facts;
mod later;
mod limits;
mod proposed;
mod thread;

use crate::config::{Config, Timing};
use crate::domain::act::{Act, Emoji};
use crate::domain::catalog::{Catalog, Provider};
use crate::domain::command::{Command, Request, Verb};
use crate::domain::credit::Daily;
use crate::domain::event::Source;
use crate::domain::ids::TaskId;
use crate::domain::limits::Bounds;
use crate::domain::policy::{Decision, Permission, Refusal, Start, decide};
use crate::domain::report::answer::no_such_task;
use crate::domain::report::{command_marker, pull_request, refusal, unasked};
use crate::domain::setup::Setup;
use crate::domain::task::{Brief, Kind, Priority, Rules};
use crate::github::error::GitHubError;
use crate::github::{GitHub, Place};
use crate::store::acts::NewAct;
use crate::store::commands::{ClaimedCommand, Ending};
use crate::store::tasks::NewTask;
use crate::store::{Store, StoreError};
use facts::{Gathered, Trusted};
use later::place;
use std::sync::Arc;
use std::time::{Duration, Instant};
use thread::again;
use tokio_util::sync::CancellationToken;

/// Decides commands.
#[derive(Clone)]
pub(crate) struct Admission {
    store: Store,
    github: GitHub,
    catalog: Arc<Catalog>,
    providers: Arc<[Provider]>,
    default_model: Option<Arc<str>>,
    daily: Daily,
    bounds: Bounds,
    timing: Timing,
}

/// Why a command could not be decided now.
#[derive(Debug, thiserror::Error)]
enum Undecided {
    #[error(transparent)]
    GitHub(#[from] GitHubError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Admission {
    pub(crate) fn new(config: &Config, store: Store, github: GitHub) -> Self {
        Self {
            store,
            github,
            catalog: Arc::new(config.catalog.clone()),
            providers: config.provider_names().into(),
            default_model: config.default_model.as_deref().map(Arc::from),
            daily: config.daily,
            bounds: config.bounds,
            timing: config.timing,
        }
    }

    /// Works until told to stop. Woken by its bell and by a look every poll.
    pub(crate) async fn run(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            match self.store.claim_command(self.timing.lease).await {
                Ok(Some(command)) => {
                    self.settle_while_held(&command).await;
                    continue;
                }
                Ok(None) => {}
                Err(error) => tracing::error!(%error, "commands could not be claimed"),
            }
            tokio::select! {
                () = self.store.bells().commands.notified() => {}
                () = tokio::time::sleep(self.timing.poll) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    async fn settle_while_held(&self, command: &ClaimedCommand) {
        tokio::select! {
            () = self.settle(command) => {}
            () = self.keep(command) => {
                tracing::warn!(command = %command.id, "a command's lease was lost; its next holder decides it");
            }
        }
    }

    /// Decides a command, or sees to it that it is decided later.
    async fn settle(&self, command: &ClaimedCommand) {
        let outcome = match self.decide(command).await {
            Ok(()) => return,
            Err(Undecided::GitHub(error)) => self.not_now(command, &error).await,
            Err(Undecided::Store(error)) => {
                tracing::error!(command = %command.id, %error, "a command could not be decided");
                self.store.postpone_command(command, self.patience(command), Vec::new()).await
            }
        };
        if let Err(error) = outcome {
            tracing::error!(command = %command.id, %error, "a command is decided again when its lease runs out");
        }
    }

    /// Keeps the lease alive, however long GitHub takes; returns when it is lost.
    async fn keep(&self, command: &ClaimedCommand) {
        let mut kept_until = Instant::now() + self.timing.lease;
        while Instant::now() < kept_until {
            tokio::time::sleep(self.timing.heartbeat).await;
            let asked = Instant::now();
            match self.store.renew_command(command, self.timing.lease).await {
                Ok(true) => kept_until = asked + self.timing.lease,
                Ok(false) => return,
                Err(error) => tracing::warn!(%error, "a command's lease could not be renewed"),
            }
        }
    }

    async fn decide(&self, command: &ClaimedCommand) -> Result<(), Undecided> {
        let Some(place) = place(command) else {
            let ending = Ending::Refused("not_installed");
            self.store.end_command(command, ending, Vec::new()).await?;
            return Ok(());
        };
        if let Request::Configuring(commits) = &command.asked.request {
            return self.check_config(command, &place, commits).await;
        }
        let permission =
            self.github.permission(&place, &command.sender.login, command.sender.id).await?;
        if let Some(limit) = self.limit(command, &place, permission).await? {
            return self.refuse_limited(command, &place, permission, limit).await;
        }
        match &command.asked.request {
            Request::Mistakes(mistakes) if permission >= Permission::Read => {
                let mut acts = reaction(command, Emoji::Confused);
                acts.push(answer(command, &refusal::mistakes(mistakes)));
                // Whoever may not work here uses up no thread's comments with their slips.
                let ending = if permission >= Permission::Write {
                    Ending::Refused("not_understood")
                } else {
                    Ending::RefusedQuietly("mistyped")
                };
                self.store.end_command(command, ending, acts).await?;
            }
            Request::Repeated(earlier) if permission >= Permission::Read => {
                let body = refusal::done_before(self.store.task_of(*earlier).await?);
                let acts = vec![answer(command, &body)];
                self.store.end_command(command, Ending::Refused("done_before"), acts).await?;
            }
            Request::Mistakes(_) | Request::Repeated(_) | Request::Configuring(_) => {
                self.store.end_command(command, Ending::Refused("not_allowed"), Vec::new()).await?;
            }
            Request::Command(asked) => {
                self.decide_command(command, asked, &place, permission).await?;
            }
        }
        Ok(())
    }

    async fn decide_command(
        &self,
        command: &ClaimedCommand,
        asked: &Command,
        place: &Place,
        permission: Permission,
    ) -> Result<(), Undecided> {
        if asked.verb == Verb::Config && permission >= asked.verb.least_permission() {
            return self.tell_config(command, place).await;
        }
        if asked.verb == Verb::Retry && permission >= asked.verb.least_permission() {
            return self.retry(command, asked, place, permission).await;
        }
        let gathered = self.gather(command, asked, place, permission).await?;
        let asked = gathered.meant_by(asked);
        self.conclude(command, &asked, gathered).await
    }

    async fn conclude(
        &self,
        command: &ClaimedCommand,
        asked: &Command,
        gathered: Gathered,
    ) -> Result<(), Undecided> {
        match decide(&gathered.facts(self, command, asked)) {
            Decision::Answer if asked.verb == Verb::Cancel => {
                self.cancel(command, asked, gathered.permission).await?;
            }
            Decision::Answer => {
                let body = self.answer_to(asked, command).await?;
                self.store
                    .end_command(command, Ending::Answered, vec![answer(command, &body)])
                    .await?;
            }
            Decision::Refuse(why) => self.refuse(command, &why).await?,
            Decision::Start(start) => self.start(command, asked, start, &gathered).await?,
        }
        Ok(())
    }

    /// `retry` is the command of an earlier task given once more.
    async fn retry(
        &self,
        command: &ClaimedCommand,
        asked: &Command,
        place: &Place,
        permission: Permission,
    ) -> Result<(), Undecided> {
        let meant = self.meant(command, asked).await?;
        let Some(task) = meant.task else {
            let body = no_such_task(meant.named.as_deref());
            self.store.end_command(command, Ending::Answered, vec![answer(command, &body)]).await?;
            return Ok(());
        };
        let line = task.brief()?.line;
        let again = again(&task, asked, &meant.text)?;
        let gathered = self.gather(command, &again, place, permission).await?;
        // A review is made anew: what it had noted is in no conversation.
        let can_go_on = task.kind != Kind::PrReview;
        let continues =
            task.ended_as.is_some_and(|end| can_go_on && end.can_be_continued()).then_some(task.id);
        self.conclude(command, &again, gathered.going_on(continues, line)).await
    }

    async fn refuse(&self, command: &ClaimedCommand, why: &Refusal) -> Result<(), StoreError> {
        if command.asked.source.is_automatic() {
            return self.refuse_unasked(command, why).await;
        }
        // Where labels are off they are not for us.
        if *why == Refusal::LabelsOff {
            self.store.end_command(command, Ending::Refused("not_wanted"), Vec::new()).await?;
            return Ok(());
        }
        let mut acts = reaction(command, Emoji::Confused);
        acts.push(answer(command, &refusal::refusal(why)));
        let ending = match why {
            Refusal::NotAllowed { .. } => Ending::RefusedQuietly("not_allowed"),
            Refusal::Limited(limit) => {
                tracing::info!(command = %command.id, limit = limit.word(), "a limit is reached");
                Ending::Limited(limit.word())
            }
            Refusal::WrongThread => Ending::Refused("not_available"),
            Refusal::NotWanted
            | Refusal::LabelsOff
            | Refusal::KindNotAllowed { .. }
            | Refusal::ModelNotAllowed { .. } => Ending::Refused("configuration"),
            Refusal::NothingNew(_) => Ending::Refused("nothing_new"),
            Refusal::Closed => Ending::Refused("closed"),
            Refusal::KeyForIssues(_) => Ending::Refused("not_understood"),
            Refusal::NoSuchModel(_) | Refusal::NoKey { .. } | Refusal::NoModels => {
                Ending::Refused("no_model")
            }
            Refusal::Archived
            | Refusal::Empty
            | Refusal::NoBranch(_)
            | Refusal::BranchExists(_) => Ending::Refused("repository"),
            Refusal::NotEnoughCredits { .. }
            | Refusal::BudgetTooSmall { .. }
            | Refusal::RepositoryBudget { .. }
            | Refusal::DailyLimit { .. } => Ending::Refused("credits"),
            Refusal::GitHubUnreachable | Refusal::Lacks(_) | Refusal::NoAccess => {
                Ending::Refused("github")
            }
        };
        self.store.end_command(command, ending, acts).await?;
        Ok(())
    }

    /// Nobody asked for what comes by itself, so nobody is answered: where it is wanted, a check run says
    /// why it is not done. It does not count as an explanation, which is kept for what somebody types.
    async fn refuse_unasked(
        &self,
        command: &ClaimedCommand,
        why: &Refusal,
    ) -> Result<(), StoreError> {
        let head = command.asked.head.as_ref();
        let check = head.and_then(|head| unasked::not_reviewed(why, head));
        let reason = if check.is_some() { "not_reviewed" } else { "not_wanted" };
        let acts = check.map(|check| act(command, true, Act::Check(check))).into_iter().collect();
        self.store.end_command(command, Ending::Refused(reason), acts).await?;
        Ok(())
    }

    async fn start(
        &self,
        command: &ClaimedCommand,
        asked: &Command,
        start: Start,
        gathered: &Gathered,
    ) -> Result<(), StoreError> {
        let Some(ground) = &gathered.ground else {
            // Policy lets a task start only on a ready repository, and that has a ground.
            return self.store.postpone_command(command, self.timing.backoff, Vec::new()).await;
        };
        let id = TaskId(uuid::Uuid::now_v7());
        let thread = command.asked.thread.clone();
        let thread_is_pull = thread.is_pull_request;
        let instruction = start.kind.instruction(&thread, &asked.text);
        let named = asked.options.branch.clone();
        // What is done on a pull request goes to its own branch.
        let own =
            (thread_is_pull && start.kind.limits().may_edit).then(|| ground.base_branch.clone());
        let branch = own
            .or(named)
            .unwrap_or_else(|| pull_request::branch_name(id, thread.number, &thread.title));
        let task = NewTask {
            id,
            kind: start.kind,
            model: start.model.id,
            priority: asked.options.priority.unwrap_or(Priority::Medium),
            brief: Brief {
                thread,
                instruction,
                requester: command.sender.clone(),
                comment_id: command.asked.comment_id,
                asked_at: command.asked.at,
                url: command.asked.url.clone(),
                line: command.asked.line.clone().or_else(|| gathered.line.clone()),
                draft: asked.options.draft.or(gathered.config.draft()),
                continues: gathered.continues,
                target: ground.target.clone(),
                reviewed_to: ground.reviewed_to.clone(),
                not_pushed: ground.not_pushed.clone(),
                rules: rules(gathered, &ground.trusted),
            },
            base_branch: ground.base_branch.clone(),
            base_sha: ground.base_sha.clone(),
            branch,
            check_on: thread_is_pull.then(|| ground.base_sha.clone()),
            quote: start.quote,
            hold: start.hold,
            opens_one_of: (!thread_is_pull && start.kind.limits().may_edit)
                .then_some(self.bounds.open_pull_requests),
        };
        let admitted = self
            .store
            .admit(command, task, reaction(command, Emoji::Eyes), gathered.limits)
            .await?;
        if admitted.is_none() {
            // Another command took the credits or the room in between: look again.
            self.store.postpone_command(command, Duration::ZERO, Vec::new()).await?;
        }
        Ok(())
    }
}

fn rules(gathered: &Gathered, trusted: &Trusted) -> Rules {
    let config = &gathered.config;
    let setup = config.setup().map(|commands| Setup {
        commands: commands.to_vec(),
        commit: trusted.commit.clone(),
        branch: trusted.branch.clone(),
        is_default: trusted.is_default,
    });
    Rules {
        setup,
        protected: config.protected(),
        instructions: config.instructions(),
        checks: config.checks().map(<[String]>::to_vec),
        deletes_branch: config.deletes_branch(),
        has_mistakes: gathered.config_has_mistakes,
    }
}

/// The emoji on what somebody wrote; GitHub has no place for one on a button and on a review.
fn reaction(command: &ClaimedCommand, emoji: Emoji) -> Vec<NewAct> {
    let asked = &command.asked;
    let (number, source, comment_id) = (asked.thread.number, asked.source, asked.comment_id);
    if matches!(source, Source::CheckRun | Source::Review) || source.is_automatic() {
        return Vec::new();
    }
    vec![act(command, false, Act::Reaction { number, source, comment_id, emoji })]
}

fn answer(command: &ClaimedCommand, body: &str) -> NewAct {
    let body = format!("{body}\n\n{}", command_marker(command.id));
    let below = command.asked.line.as_ref().map(|line| line.first);
    act(command, true, Act::Answer { number: command.asked.thread.number, below, body })
}

fn act(command: &ClaimedCommand, required: bool, act: Act) -> NewAct {
    NewAct {
        account: command.account,
        repository: command.repository,
        command: command.id,
        task: None,
        required,
        act,
        patch: None,
    }
}
