//! Carries out acts and keeps documents current: the only room that writes to GitHub.
//!
//! It knows rows and GitHub, and nothing of how the rows came about. Writes for an account are made
//! by the holder of its writer lease, one after the other. An act whose reply was lost is looked up
//! before it is tried again, because GitHub has no idempotency keys and a blind second try is how
//! bots post twice.

mod acting;
mod branch;
mod check_run;
mod comment;
mod kept;
mod pace;
mod pull_request;
mod removal;
mod review;
mod showing;
mod verdict;

use crate::config::{Config, Timing};
use crate::domain::catalog::Catalog;
use crate::domain::ids::RepositoryId;
use crate::git::Git;
use crate::github::{GitHub, Place};
use crate::store::writers::{Job, Load, Next, Writer};
use crate::store::{self, Store};
use kept::Kept;
use pace::Pace;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

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
    github_url: Arc<str>,
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
            github_url: config.github_server.as_str().trim_end_matches('/').into(),
            timing: config.timing,
            pace: Arc::new(Pace::new(config.timing.write_spacing)),
        }
    }

    /// Works until told to stop. Woken by its bell and by a look every poll.
    pub(crate) async fn run(self, load: Load, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let hourly = self.timing.writes_an_hour;
            match self.store.claim_writer_of(load, self.timing.lease, hourly).await {
                Ok(Some(writer)) => self.drive(&writer, &stop).await,
                Ok(None) => self.rest(load, &stop).await,
                Err(error) => {
                    tracing::error!(%error, "the outbox could not look for work");
                    self.rest(load, &stop).await;
                }
            }
        }
    }

    /// The bell wakes only one, so it is left to those who can do whatever it rings for.
    async fn rest(&self, load: Load, stop: &CancellationToken) {
        tokio::select! {
            () = self.store.bells().outbox.notified(), if load == Load::All => {}
            () = tokio::time::sleep(self.timing.poll) => {}
            () = stop.cancelled() => {}
        }
    }

    /// Does everything that one account has to do now, as long as the lease can be kept.
    async fn drive(&self, writer: &Writer, stop: &CancellationToken) {
        let kept = Kept::from_now(self.timing.lease);
        let done = tokio::select! {
            done = kept.only_while_kept(self.drive_until_done(writer, stop)) => done,
            () = self.keep(writer, &kept) => None,
        };
        let Some(done) = done else {
            tracing::warn!(account = %writer.account, "a writer lease was lost; what was begun is looked up by its next holder");
            return;
        };
        let blocked = done.unwrap_or_else(|error| {
            tracing::error!(account = %writer.account, %error, "the outbox could not do what it should, or not note it");
            // What fails again and again holds up only its own account, and fills no log.
            Some(self.timing.poll)
        });
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
            let job = match self.store.next_job(writer, self.timing.writes_an_hour).await? {
                Next::Do(job) => job,
                Next::Nothing => break,
                Next::Paced(wait) => {
                    tracing::warn!(account = %writer.account, ?wait, "the hour's writes are used up");
                    return Ok(Some(wait));
                }
            };
            let blocked = self.carry_out(writer, job).await?;
            if blocked.is_some() {
                return Ok(blocked);
            }
        }
        Ok(None)
    }

    /// Keeps the lease alive; returns when it is lost.
    async fn keep(&self, writer: &Writer, kept: &Kept) {
        loop {
            tokio::time::sleep(self.timing.heartbeat).await;
            let asked = Instant::now();
            match self.store.renew_writer(writer, self.timing.lease).await {
                Ok(true) => kept.extend(asked + self.timing.lease),
                Ok(false) => return,
                Err(error) => tracing::warn!(%error, "a writer lease could not be renewed"),
            }
            if kept.is_over() {
                return;
            }
        }
    }

    /// Does one job and notes what came of it. Returns for how long the installation is blocked.
    async fn carry_out(&self, writer: &Writer, job: Job) -> store::Result<Option<Duration>> {
        match job {
            // Boxed: what is asked of GitHub along these ways is large for a stack.
            Job::Act(act) => Box::pin(self.carry_out_act(writer, &act)).await,
            Job::Document(document) => Box::pin(self.show(writer, &document)).await,
        }
    }

    async fn suspended(&self, writer: &Writer) -> store::Result<()> {
        let Some(installation) = writer.installation else { return Ok(()) };
        tracing::warn!(account = %writer.account, "the installation is suspended; nothing more is done for it");
        self.store.suspend_installation(writer.account, installation).await
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
