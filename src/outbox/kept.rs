//! Until when this process may be sure that it is the writer.
//!
//! A process can stand still for longer than its lease and go on as if nothing had happened, while
//! somebody else has written. So the time is looked at whenever the work goes on, before it goes on.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

/// The end of a lease, by this process's clock.
pub(super) struct Kept(Mutex<Instant>);

impl Kept {
    pub(super) fn from_now(lease: Duration) -> Self {
        Self(Mutex::new(Instant::now() + lease))
    }

    pub(super) fn extend(&self, until: Instant) {
        *self.lock() = until;
    }

    pub(super) fn is_over(&self) -> bool {
        Instant::now() >= *self.lock()
    }

    /// Does the work as long as the lease lasts. `None`: it ended first, and the work was dropped
    /// where it stood.
    pub(super) async fn only_while_kept<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = pin!(work);
        poll_fn(|context| {
            if self.is_over() {
                return Poll::Ready(None);
            }
            work.as_mut().poll(context).map(Some)
        })
        .await
    }

    fn lock(&self) -> MutexGuard<'_, Instant> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
