//! The time that a task is worked on, over all its attempts.
//!
//! What a model service loses by failing is not the task's, and neither is what a setup takes, which has
//! a limit of its own: nobody pays for a limit that was reached only because somebody else was slow.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// Runs from the beginning of an attempt. Clones are the same clock.
#[derive(Clone, Debug)]
pub struct Clock {
    before: Duration,
    began: Instant,
    lost_ms: Arc<AtomicU64>,
}

impl Clock {
    /// Begins now, after so much time in earlier attempts.
    pub fn after(before: Duration) -> Self {
        Self { before, began: Instant::now(), lost_ms: Arc::default() }
    }

    /// The active time up to now.
    pub fn active(&self) -> Duration {
        let lost = Duration::from_millis(self.lost_ms.load(Ordering::Relaxed));
        self.before.saturating_add(self.began.elapsed().saturating_sub(lost))
    }

    /// Takes time out again that is not the task's.
    pub fn lose(&self, time: Duration) {
        let ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self.lost_ms.fetch_add(ms, Ordering::Relaxed);
    }
}
