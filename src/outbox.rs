//! Carries out acts and keeps documents current: the only room that writes to GitHub.
//!
//! It knows rows and GitHub, and nothing of how the rows came about. Writes for an account are made
//! by the holder of its writer lease, one after the other. An act whose reply was lost is looked up
//! before it is tried again, because GitHub has no idempotency keys and a blind second try is how
//! bots post twice.

mod branch;
mod check_run;
mod comment;
mod pace;
mod pull_request;
mod verdict;

use crate::config::{Config, Timing};
use crate::domain::act::Act;
use crate::domain::catalog::Catalog;
use crate::domain::document::DocumentKind;
use crate::domain::ids::{RepositoryId, TaskId};
use crate::domain::task::LONGEST_WAIT;
use crate::git::Git;
use crate::github::error::GitHubError;
use crate::github::{GitHub, Place};
use crate::store::acts::DueAct;
use crate::store::documents::DueDocument;
use crate::store::writers::{Job, Writer};
use crate::store::{self, Store};
use chrono::{TimeDelta, Utc};
use pace::Pace;
use serde_json::Value;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;
use verdict::Verdict;

/// So long progress is shown often.
const WATCHED_CLOSELY: TimeDelta = TimeDelta::minutes(2);
/// Then another account may have its turn.
const MOST_JOBS_IN_A_ROW: usize = 20;

/// The outbox of this process.
#[derive(Clone)]
pub(crate) struct Outbox {
    store: Store,
    github: GitHub,
    git: Git,
    catalog: Arc<Catalog>,
    public_url: Arc<str>,
    timing: Timing,
    pace: Arc<Pace>,
}

impl Outbox {
    pub(crate) fn new(
        config: &Config,
        store: Store,
        github: GitHub,
        git: Git,
        public_url: &str,
    ) -> Self {
        Self {
            store,
            github,
            git,
            catalog: Arc::new(config.catalog.clone()),
            public_url: public_url.trim_end_matches('/').into(),
            timing: config.timing,
            pace: Arc::new(Pace::new(config.timing.write_spacing)),
        }
    }

    /// Works until told to stop. Woken by its bell and by a look every poll.
    pub(crate) async fn run(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            match self.store.claim_writer(self.timing.lease).await {
                Ok(Some(writer)) => self.drive(&writer, &stop).await,
                Ok(None) => self.rest(&stop).await,
                Err(error) => {
                    tracing::error!(%error, "the outbox could not look for work");
                    self.rest(&stop).await;
                }
            }
        }
    }

    async fn rest(&self, stop: &CancellationToken) {
        tokio::select! {
            () = self.store.bells().outbox.notified() => {}
            () = tokio::time::sleep(self.timing.poll) => {}
            () = stop.cancelled() => {}
        }
    }

    /// Does everything that one account has to do now, as long as the lease can be kept.
    async fn drive(&self, writer: &Writer, stop: &CancellationToken) {
        let blocked = tokio::select! {
            done = self.drive_until_done(writer, stop) => done.unwrap_or_else(|error| {
                tracing::error!(%error, "the outbox could not note what it did");
                None
            }),
            () = self.keep(writer) => {
                tracing::warn!(account = %writer.account, "a writer lease was lost; what was begun is looked up by its next holder");
                return;
            }
        };
        if let Err(error) = self.store.release_writer(writer, blocked).await {
            tracing::error!(%error, "a writer lease could not be given back; it runs out by itself");
        }
    }

    /// A write that has begun is finished even when the process is asked to stop: its reply is worth
    /// waiting for. Returns for how long the installation is blocked, if it is.
    async fn drive_until_done(
        &self,
        writer: &Writer,
        stop: &CancellationToken,
    ) -> store::Result<Option<Duration>> {
        for _ in 0..MOST_JOBS_IN_A_ROW {
            if stop.is_cancelled() {
                break;
            }
            let Some(job) = self.store.next_job(writer).await? else { break };
            let blocked = self.carry_out(writer, job).await?;
            if blocked.is_some() {
                return Ok(blocked);
            }
        }
        Ok(None)
    }

    /// Keeps the lease alive; returns when it is lost.
    async fn keep(&self, writer: &Writer) {
        let mut kept_until = Instant::now() + self.timing.lease;
        loop {
            tokio::time::sleep(self.timing.heartbeat).await;
            let asked = Instant::now();
            match self.store.renew_writer(writer, self.timing.lease).await {
                Ok(true) => kept_until = asked + self.timing.lease,
                Ok(false) => return,
                Err(error) => tracing::warn!(%error, "a writer lease could not be renewed"),
            }
            if Instant::now() >= kept_until {
                return;
            }
        }
    }

    /// Does one job and notes what came of it. Returns for how long the installation is blocked.
    async fn carry_out(&self, writer: &Writer, job: Job) -> store::Result<Option<Duration>> {
        match job {
            Job::Act(act) => self.carry_out_act(writer, &act).await,
            Job::Document(document) => self.show(writer, &document).await,
        }
    }

    async fn carry_out_act(
        &self,
        writer: &Writer,
        act: &DueAct,
    ) -> store::Result<Option<Duration>> {
        let verdict = match self.place(writer, act.repository).await? {
            Some(place) => self.act(writer, &place, act).await?,
            None => Verdict::Impossible("The App is no longer installed.".to_owned()),
        };
        match verdict {
            Verdict::Done(result) => self.store.act_done(act, result).await?,
            Verdict::Later { error, .. } if Utc::now() - act.created_at > LONGEST_WAIT => {
                let gave_up = format!("It did not work for three days, so I gave up: {error}");
                self.store.act_impossible(act, &gave_up).await?;
            }
            Verdict::Later { wait, unsure, error } => {
                tracing::warn!(act = %act.id.0, kind = %act.act.kind(), unsure, error, "an act is tried again later");
                self.store.act_later(act.id, wait, unsure, &error).await?;
            }
            Verdict::Blocked { wait, error } => {
                self.store.act_later(act.id, wait, act.unsure, &error).await?;
                return Ok(Some(wait));
            }
            Verdict::Impossible(error) => {
                tracing::warn!(act = %act.id.0, kind = %act.act.kind(), error, "an act is impossible");
                self.store.act_impossible(act, &error).await?;
            }
            Verdict::Lost => {}
        }
        Ok(None)
    }

    async fn act(&self, writer: &Writer, place: &Place, act: &DueAct) -> store::Result<Verdict> {
        if act.unsure {
            match self.look_up(place, act).await {
                Ok(Some(found)) => return Ok(Verdict::Done(found)),
                Ok(None) if act.lookups < self.timing.lookups && !is_repeatable(&act.act) => {
                    let error = "the reply was lost; looking whether it is there".to_owned();
                    return Ok(Verdict::Later {
                        wait: self.timing.lookup_spacing,
                        unsure: true,
                        error,
                    });
                }
                Ok(None) => {}
                Err(error) => return Ok(self.judge(place, &error, act.attempts, true).await),
            }
        }
        self.pace.wait(writer.account).await;
        if !self.store.act_begins(act.id, writer.account, writer.lease).await? {
            return Ok(Verdict::Lost);
        }
        match &act.act {
            Act::Reaction { comment_id, emoji } => {
                let done = self.github.react(place, *comment_id, *emoji).await;
                Ok(self
                    .judged(place, done.map(|()| Value::Object(serde_json::Map::default())), act)
                    .await)
            }
            Act::Answer { number, body } => {
                let done = self.github.comment(place, *number, body).await;
                Ok(self.judged(place, done.map(|id| serde_json::json!({ "id": id })), act).await)
            }
            Act::Push(push) => Ok(self.push(place, writer.account, act, push).await),
            Act::PullRequest(wanted) => {
                let opened = self.open(place, wanted, task_of(act)).await;
                Ok(self.judged(place, opened, act).await)
            }
        }
    }

    /// Whether an act with an unknown outcome is there.
    async fn look_up(&self, place: &Place, act: &DueAct) -> Result<Option<Value>, GitHubError> {
        match &act.act {
            Act::Answer { number, .. } => self.find_answer(place, *number, act.command).await,
            Act::PullRequest(wanted) => self.find_pull_request(place, wanted, task_of(act)).await,
            Act::Reaction { .. } | Act::Push(_) => Ok(None),
        }
    }

    async fn show(
        &self,
        writer: &Writer,
        document: &DueDocument,
    ) -> store::Result<Option<Duration>> {
        let Some(place) = self.place(writer, document.repository_id).await? else {
            self.store.document_dead(document, "the App is no longer installed").await?;
            return Ok(None);
        };
        self.pace.wait(writer.account).await;
        let view = self.store.task_view(document.task_id, &self.catalog, &self.public_url).await?;
        if !self.store.document_begins(document, writer).await? {
            return Ok(None);
        }
        let shown = match document.kind {
            DocumentKind::StatusComment => self.show_comment(&place, document, &view).await,
            DocumentKind::CheckRun => self.show_check(&place, document, &view).await,
        };
        match shown {
            Ok(Some(id)) => {
                self.store.document_shown(document, id, self.edit_spacing(document)).await?;
            }
            Ok(None) => {
                let wait = self.timing.lookup_spacing;
                self.store
                    .document_later(
                        document,
                        wait,
                        "the reply was lost; looking whether it is there",
                    )
                    .await?;
            }
            // Somebody removed it. The end of a task has to be visible all the same, so it is written anew.
            Err(GitHubError::NotFound(_)) if document.github_id.is_some() => {
                self.store.document_gone(document).await?;
            }
            Err(error) => return self.not_shown(&place, document, &error).await,
        }
        Ok(None)
    }

    /// People watch at the beginning; later a look now and then is enough.
    fn edit_spacing(&self, document: &DueDocument) -> Duration {
        let is_new = Utc::now() - document.admitted_at < WATCHED_CLOSELY;
        if is_new { self.timing.edit_spacing } else { self.timing.edit_spacing * 4 }
    }

    async fn not_shown(
        &self,
        place: &Place,
        document: &DueDocument,
        error: &GitHubError,
    ) -> store::Result<Option<Duration>> {
        let verdict = self.judge(place, error, document.attempts, false).await;
        match verdict {
            Verdict::Done(_) | Verdict::Lost => {}
            Verdict::Later { wait, error, .. } => {
                tracing::warn!(document = %document.id.0, error, "a document is shown later");
                self.store.document_later(document, wait, &error).await?;
            }
            Verdict::Blocked { wait, error } => {
                self.store.document_later(document, wait, &error).await?;
                return Ok(Some(wait));
            }
            Verdict::Impossible(error) => {
                tracing::warn!(document = %document.id.0, error, "a document cannot be shown");
                self.store.document_dead(document, &error).await?;
            }
        }
        Ok(None)
    }

    async fn place(
        &self,
        writer: &Writer,
        repository: RepositoryId,
    ) -> store::Result<Option<Place>> {
        let Some(installation) = writer.installation else { return Ok(None) };
        let name = self.store.repository_name(repository).await?;
        Ok(Some(Place { installation, repository, name }))
    }
}

/// The task of a pull request; without one its marker fits nothing.
fn task_of(act: &DueAct) -> TaskId {
    act.task.unwrap_or(TaskId(act.command.0))
}

/// Whether doing it twice is the same as doing it once, so that no look-up is needed.
fn is_repeatable(act: &Act) -> bool {
    matches!(act, Act::Reaction { .. } | Act::Push(_))
}
