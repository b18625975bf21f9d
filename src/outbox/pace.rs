//! How fast an installation is written to.
//!
//! GitHub allows 80 requests that create content a minute and 500 an hour, asks for a second between
//! two of them, and may ban an App that goes on regardless; we stay well below.
//! <https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits>

use crate::domain::ids::AccountId;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use std::num::NonZeroU32;
use std::time::Duration;

/// Writes that may come at once after a quiet time.
const BURST: NonZeroU32 = NonZeroU32::new(6).expect("six is not zero");
/// Writes that may come at once, and that come back in an hour: in any hour at most twice as many.
const HALF_OF_HOURLY: NonZeroU32 = NonZeroU32::new(200).expect("two hundred is not zero");
/// Accounts are forgotten when so many are known and the limiter has nothing to say about them.
const MANY_ACCOUNTS: usize = 10_000;

/// Paces every account on its own.
pub(super) struct Pace {
    spaced: Option<DefaultKeyedRateLimiter<AccountId>>,
    hourly: DefaultKeyedRateLimiter<AccountId>,
}

impl Pace {
    /// `spacing` between two writes; zero paces by the hour only.
    pub(super) fn new(spacing: Duration) -> Self {
        let spaced =
            Quota::with_period(spacing).map(|quota| RateLimiter::keyed(quota.allow_burst(BURST)));
        Self { spaced, hourly: RateLimiter::keyed(Quota::per_hour(HALF_OF_HOURLY)) }
    }

    /// Waits until the next write may be made.
    pub(super) async fn wait(&self, account: AccountId) {
        for limiter in self.spaced.iter().chain([&self.hourly]) {
            limiter.until_key_ready(&account).await;
            if limiter.len() > MANY_ACCOUNTS {
                limiter.retain_recent();
            }
        }
    }
}
