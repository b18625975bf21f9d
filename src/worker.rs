//! Works on tasks: claims them with a lease, runs an attempt, and seals what came of it.
//!
//! It writes nothing to GitHub; what it seals is published by the outbox. An attempt that loses its
//! lease changes nothing any more, and one that is asked to stop gives its task back.

mod attempt;
mod broken;
mod checking;
mod forget;
mod handing_over;
mod journal;
mod lease;
mod outcome;
mod past;
mod quota;
mod reviewing;
mod setup;
mod thread;

use crate::config::{Config, Timing};
use crate::domain::catalog::{Catalog, Provider};
use crate::git::Git;
use crate::github::GitHub;
use crate::llm::Llm;
use crate::llm::breaker::Breaker;
use crate::sandbox::Sandbox;
use crate::store::Store;
use crate::store::claims::ClaimedTask;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Attempts have so long to give their tasks back when the process stops.
const RELEASE_LIMIT: Duration = Duration::from_secs(10);

/// How models are asked, what is known of their services, and the walls behind which what they want to
/// run is run.
pub(crate) struct Asked {
    pub(crate) llm: Arc<dyn Llm>,
    pub(crate) breaker: Breaker,
    pub(crate) sandbox: Option<Sandbox>,
}

/// The slots of this process.
#[derive(Clone)]
pub(crate) struct Worker {
    store: Store,
    github: GitHub,
    git: Git,
    llm: Arc<dyn Llm>,
    breaker: Breaker,
    sandbox: Option<Sandbox>,
    catalog: Arc<Catalog>,
    providers: Arc<[Provider]>,
    timing: Timing,
    slots: Arc<Semaphore>,
    attempts: TaskTracker,
    per_installation: i64,
    cache: setup::Cache,
    disk_quota: u64,
}

impl Worker {
    pub(crate) fn new(
        config: &Config,
        store: Store,
        github: GitHub,
        git: Git,
        models: Asked,
    ) -> Self {
        Self {
            store,
            github,
            git,
            llm: models.llm,
            breaker: models.breaker,
            sandbox: models.sandbox,
            catalog: Arc::new(config.catalog.clone()),
            providers: config.provider_names().into(),
            timing: config.timing,
            slots: Arc::new(Semaphore::new(config.workers)),
            attempts: TaskTracker::new(),
            per_installation: config.running_per_installation,
            cache: setup::Cache::new(&config.data_dir),
            disk_quota: config.disk_quota,
        }
    }

    /// Claims tasks until told to stop, then waits for its attempts to give theirs back. Woken by its
    /// bell, by a slot that becomes free, and by a look every poll.
    pub(crate) async fn run(self, stop: CancellationToken) {
        while let Some(slot) = self.free_slot(&stop).await {
            if self.start_next(slot, &stop).await {
                continue;
            }
            tokio::select! {
                () = self.store.bells().tasks.notified() => {}
                () = self.breaker.works_again() => self.wake_waiting().await,
                () = tokio::time::sleep(self.timing.poll) => {}
                () = stop.cancelled() => {}
            }
        }
        self.attempts.close();
        if tokio::time::timeout(RELEASE_LIMIT, self.attempts.wait()).await.is_err() {
            tracing::warn!(
                "an attempt did not stop in time; its task is taken over when its lease runs out"
            );
        }
    }

    /// Takes up what waited for a model service that works again.
    async fn wake_waiting(&self) {
        for provider in Provider::ALL.iter().filter(|provider| self.breaker.works(**provider)) {
            if let Err(error) = self.store.wake_waiting_for(*provider).await {
                tracing::warn!(%error, "tasks are taken up when they are due");
            }
        }
    }

    /// `None` once the process is asked to stop.
    async fn free_slot(&self, stop: &CancellationToken) -> Option<OwnedSemaphorePermit> {
        tokio::select! {
            biased;
            () = stop.cancelled() => None,
            slot = Arc::clone(&self.slots).acquire_owned() => slot.ok(),
        }
    }

    /// Claims a task and starts an attempt in the slot, if there is one to be claimed.
    async fn start_next(&self, slot: OwnedSemaphorePermit, stop: &CancellationToken) -> bool {
        let claimed = self.store.claim_task(self.timing.lease, self.per_installation).await;
        let task = claimed.unwrap_or_else(|error| {
            tracing::error!(%error, "tasks could not be claimed");
            None
        });
        let Some(task) = task else { return false };
        let (worker, stop) = (self.clone(), stop.clone());
        self.attempts.spawn(async move {
            worker.work_on(task, &stop).await;
            drop(slot);
        });
        true
    }

    async fn work_on(&self, task: ClaimedTask, stop: &CancellationToken) {
        tracing::info!(task = %task.id, attempt = task.attempts, kind = %task.kind, "working on a task");
        if let Err(error) = self.attempt(&task, stop).await {
            tracing::error!(task = %task.id, error = format!("{error:#}"), "an attempt ended without a result");
        }
        self.keep_quota().await;
        // Somebody may have waited for this account's or this branch's turn.
        self.store.bells().tasks.notify_one();
    }
}
