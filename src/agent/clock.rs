//! The time that a task is worked on, over all its attempts.
//!
//! What a model service loses by failing is not the task's, and neither is what a setup takes, which has
//! a limit of its own: nobody pays for a limit that was reached only because somebody else was slow.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Runs from the beginning of an attempt. Clones are the same clock.
#[derive(Clone, Debug)]
pub struct Clock {
    before: Duration,
    began: Instant,
    lost_ms: Arc<AtomicU64>,
    /// Since when it stands still, if it does.
    paused: Arc<Mutex<Option<Instant>>>,
}

/// A clock stands still as long as this is there.
#[derive(Debug)]
pub struct Pause(Clock);

impl Clock {
    /// Begins now, after so much time in earlier attempts.
    pub fn after(before: Duration) -> Self {
        let (lost_ms, paused) = (Arc::default(), Arc::default());
        Self { before, began: Instant::now(), lost_ms, paused }
    }

    /// The active time up to now.
    pub fn active(&self) -> Duration {
        let paused = self.paused().map_or(Duration::ZERO, |since| since.elapsed());
        let lost = Duration::from_millis(self.lost_ms.load(Ordering::Relaxed));
        let lost = lost.saturating_add(paused);
        self.before.saturating_add(self.began.elapsed().saturating_sub(lost))
    }

    /// Stands still for what is not the task's own work, also for whoever looks meanwhile. It is stopped
    /// by one at a time.
    #[must_use]
    pub fn pause(&self) -> Pause {
        *self.paused() = Some(Instant::now());
        Pause(self.clone())
    }

    fn paused(&self) -> MutexGuard<'_, Option<Instant>> {
        self.paused.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes time out again that is not the task's.
    pub fn lose(&self, time: Duration) {
        let ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self.lost_ms.fetch_add(ms, Ordering::Relaxed);
    }
}

impl Drop for Pause {
    fn drop(&mut self) {
        let since = self.0.paused().take();
        self.0.lose(since.map_or(Duration::ZERO, |since| since.elapsed()));
    }
}
