//! How many writes to GitHub an hour has room for.
//!
//! GitHub allows an installation 500 requests an hour that create content, and may ban an App that
//! goes on regardless: <https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits>.
//! What was written lately is one moment per account: every write moves it on by its share of an
//! hour, and it may run ahead of the clock by an hour. One moment is easily stored, so that neither a
//! restart nor another server forgets it.

use chrono::{DateTime, TimeDelta, Utc};
use std::time::Duration;

const HOUR: TimeDelta = TimeDelta::hours(1);

/// Writes that an account may make in any hour. Half of them may come at once after a quiet time, and
/// come back within an hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HourlyWrites(pub u32);

impl HourlyWrites {
    /// The moment after one more write.
    pub fn after_write(self, moment: Option<DateTime<Utc>>, now: DateTime<Utc>) -> DateTime<Utc> {
        moment.map_or(now, |moment| moment.max(now)) + self.share()
    }

    /// How long the next write has to wait, if it has to.
    pub fn wait(self, moment: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Option<Duration> {
        let too_far = self.after_write(moment, now) - now - HOUR;
        too_far.to_std().ok().filter(|wait| !wait.is_zero())
    }

    /// Whether so little is left that progress is no longer worth a write.
    pub fn is_tight(self, moment: Option<DateTime<Utc>>, now: DateTime<Utc>) -> bool {
        moment.is_some_and(|moment| moment > self.tight_after(now))
    }

    /// The moment up to which it is not.
    pub fn tight_after(self, now: DateTime<Utc>) -> DateTime<Utc> {
        now + HOUR * 7 / 10
    }

    fn share(self) -> TimeDelta {
        HOUR * 2 / i32::try_from(self.0).unwrap_or(i32::MAX).max(2)
    }
}
