//! Limits in force: an installation that was asked to wait asks nothing until the time is over.
//! <https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit>
//!
//! What this process was told is kept here, because reads and writes of many tasks share one
//! installation; what other processes have to know is a column.

use super::error::GitHubError;
use crate::domain::ids::InstallationId;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Until when which installation waits.
#[derive(Clone, Debug, Default)]
pub(super) struct Limits(Arc<Mutex<HashMap<InstallationId, Instant>>>);

impl Limits {
    /// An error if the installation has to wait now.
    pub(super) fn check(&self, installation: Option<InstallationId>) -> Result<(), GitHubError> {
        let Some(installation) = installation else { return Ok(()) };
        let until = self.lock().get(&installation).copied();
        let wait = until.map(|until| until.saturating_duration_since(Instant::now()));
        match wait.filter(|wait| !wait.is_zero()) {
            Some(wait) => Err(GitHubError::Limited(wait)),
            None => Ok(()),
        }
    }

    /// Notes that the installation was asked to wait so long.
    pub(super) fn note(&self, installation: Option<InstallationId>, wait: Duration) {
        let Some(installation) = installation else { return };
        let now = Instant::now();
        let mut all = self.lock();
        all.retain(|_, until| *until > now);
        let until = all.entry(installation).or_insert(now);
        *until = (*until).max(now + wait);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<InstallationId, Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
