//! Keeps a task's lease alive while an attempt runs, and tells the attempt when to stop.

use crate::agent::clock::Clock;
use crate::config::Timing;
use crate::store::Store;
use crate::store::steps::Holder;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use tokio_util::sync::{CancellationToken, DropGuard};

/// Why an attempt has to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// Somebody else has the task now.
    Lost,
    /// A person asked for it.
    Cancelled,
    /// The process is stopping.
    ShuttingDown,
}

/// A lease that is kept alive until this is dropped.
pub(super) struct Kept {
    pub(super) holder: Holder,
    /// Cancelled when the attempt has to stop.
    pub(super) stop: CancellationToken,
    /// The time that the task is worked on.
    pub(super) clock: Clock,
    why: Arc<OnceLock<Why>>,
    _ends_heartbeat: DropGuard,
}

impl Kept {
    /// Starts the heartbeat.
    pub(super) fn keep(
        store: Store,
        holder: Holder,
        timing: Timing,
        before: Duration,
        shutdown: &CancellationToken,
    ) -> Self {
        let (stop, done) = (CancellationToken::new(), CancellationToken::new());
        let why = Arc::new(OnceLock::new());
        let clock = Clock::after(before);
        let heart = Heart {
            store,
            holder,
            timing,
            clock: clock.clone(),
            stop: stop.clone(),
            why: Arc::clone(&why),
        };
        tokio::spawn(heart.beat(shutdown.clone(), done.clone()));
        Self { holder, stop, clock, why, _ends_heartbeat: done.drop_guard() }
    }

    /// Why it was cancelled; a stop without a reason counts as a lost lease, which is always safe.
    pub(super) fn why(&self) -> Why {
        self.why.get().copied().unwrap_or(Why::Lost)
    }
}

struct Heart {
    store: Store,
    holder: Holder,
    timing: Timing,
    clock: Clock,
    stop: CancellationToken,
    why: Arc<OnceLock<Why>>,
}

impl Heart {
    async fn beat(self, shutdown: CancellationToken, done: CancellationToken) {
        let mut kept_until = Instant::now() + self.timing.lease;
        loop {
            tokio::select! {
                () = done.cancelled() => return,
                () = shutdown.cancelled() => return self.end(Why::ShuttingDown),
                () = tokio::time::sleep(self.timing.heartbeat) => {}
            }
            let asked = Instant::now();
            let active = self.clock.active();
            match self
                .store
                .heartbeat(self.holder.task, self.holder.lease, self.timing.lease, active)
                .await
            {
                Ok(beat) if !beat.alive => return self.end(Why::Lost),
                Ok(beat) if beat.cancel => return self.end(Why::Cancelled),
                Ok(_) => kept_until = asked + self.timing.lease,
                Err(error) => {
                    tracing::warn!(%error, "a heartbeat failed");
                    if Instant::now() >= kept_until {
                        return self.end(Why::Lost);
                    }
                }
            }
        }
    }

    fn end(&self, why: Why) {
        // The first reason counts.
        let _ = self.why.set(why);
        self.stop.cancel();
    }
}
