//! How fast an installation is written to, within a writer's turn.
//!
//! GitHub asks for a second between two requests that create something and allows 80 a minute. What it
//! allows in an hour is counted in the database ([`HourlyWrites`](crate::domain::pace::HourlyWrites)),
//! because that has to outlive this process.
//! <https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits>

use crate::domain::ids::AccountId;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use std::num::NonZeroU32;
use std::time::Duration;

/// Writes that may come at once after a quiet time.
const BURST: NonZeroU32 = NonZeroU32::new(6).expect("six is not zero");
/// Accounts are forgotten when so many are known and the limiter has nothing to say about them.
const MANY_ACCOUNTS: usize = 10_000;

/// Paces every account on its own.
pub(super) struct Pace(Option<DefaultKeyedRateLimiter<AccountId>>);

impl Pace {
    /// `spacing` between two writes; with zero there is none.
    pub(super) fn new(spacing: Duration) -> Self {
        let quota = Quota::with_period(spacing).map(|quota| quota.allow_burst(BURST));
        Self(quota.map(RateLimiter::keyed))
    }

    /// Waits until the next write may be made.
    pub(super) async fn wait(&self, account: AccountId) {
        let Some(limiter) = &self.0 else { return };
        limiter.until_key_ready(&account).await;
        if limiter.len() > MANY_ACCOUNTS {
            limiter.retain_recent();
        }
    }
}
