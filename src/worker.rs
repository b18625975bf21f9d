//! Works on tasks: claims them with a lease, runs an attempt, and seals what came of it.
//!
//! It writes nothing to GitHub; what it seals is published by the outbox. An attempt that loses its
//! lease changes nothing any more, and one that is asked to stop gives its task back.

mod attempt;
mod journal;
mod lease;
mod outcome;

use crate::config::{Config, Timing};
use crate::domain::catalog::Catalog;
use crate::git::Git;
use crate::github::GitHub;
use crate::llm::Llm;
use crate::store::Store;
use crate::store::tasks::ClaimedTask;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Attempts have so long to give their tasks back when the process stops.
const RELEASE_LIMIT: Duration = Duration::from_secs(10);

/// The slots of this process.
#[derive(Clone)]
pub(crate) struct Worker {
    store: Store,
    github: GitHub,
    git: Git,
    llm: Arc<dyn Llm>,
    catalog: Arc<Catalog>,
    timing: Timing,
    slots: Arc<Semaphore>,
    per_installation: i64,
}

impl Worker {
    pub(crate) fn new(
        config: &Config,
        store: Store,
        github: GitHub,
        git: Git,
        llm: Arc<dyn Llm>,
    ) -> Self {
        Self {
            store,
            github,
            git,
            llm,
            catalog: Arc::new(config.catalog.clone()),
            timing: config.timing,
            slots: Arc::new(Semaphore::new(config.workers)),
            per_installation: config.running_per_installation,
        }
    }

    /// Claims tasks until told to stop, then waits for its attempts to give theirs back. Woken by its
    /// bell, by a slot that becomes free, and by a look every poll.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let attempts = TaskTracker::new();
        while !stop.is_cancelled() {
            let slot = tokio::select! {
                slot = Arc::clone(&self.slots).acquire_owned() => slot,
                () = stop.cancelled() => break,
            };
            let Ok(slot) = slot else { break };
            match self.store.claim_task(self.timing.lease, self.per_installation).await {
                Ok(Some(task)) => {
                    let (worker, stop) = (self.clone(), stop.clone());
                    attempts.spawn(async move {
                        worker.work_on(task, &stop).await;
                        drop(slot);
                    });
                    continue;
                }
                Ok(None) => {}
                Err(error) => tracing::error!(%error, "tasks could not be claimed"),
            }
            drop(slot);
            tokio::select! {
                () = self.store.bells().tasks.notified() => {}
                () = tokio::time::sleep(self.timing.poll) => {}
                () = stop.cancelled() => {}
            }
        }
        attempts.close();
        if tokio::time::timeout(RELEASE_LIMIT, attempts.wait()).await.is_err() {
            tracing::warn!(
                "an attempt did not stop in time; its task is taken over when its lease runs out"
            );
        }
    }

    async fn work_on(&self, task: ClaimedTask, stop: &CancellationToken) {
        tracing::info!(task = %task.id, attempt = task.attempts, kind = %task.kind, "working on a task");
        if let Err(error) = self.attempt(&task, stop).await {
            tracing::error!(task = %task.id, error = format!("{error:#}"), "an attempt ended without a result");
        }
        // Somebody may have waited for this account's or this branch's turn.
        self.store.bells().tasks.notify_one();
    }
}
