//! Asking again when it may help, and only then.
//!
//! What cannot get better by waiting (a wrong key, an empty account, a request that the service does
//! not understand) is given back at once. All waiting is plain async: dropping the call ends it.

use super::{Llm, LlmError, Prompt, Reply};
use async_trait::async_trait;
use rand::Rng;
use std::time::Duration;
use tokio::time::Instant;

/// How often and how patiently to ask again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How many times to ask, the first time included.
    pub tries: u32,
    /// The wait after the first failure; it doubles with each one.
    pub first_wait: Duration,
    /// The longest wait of our own choosing.
    pub longest_wait: Duration,
    /// The longest wait that the service may ask for; beyond it we give up instead.
    pub longest_retry_after: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            tries: 10,
            first_wait: Duration::from_secs(4),
            longest_wait: Duration::from_mins(1),
            longest_retry_after: Duration::from_mins(5),
        }
    }
}

/// A model that is asked again when it may help.
#[derive(Clone, Debug)]
pub struct Retrying<L> {
    inner: L,
    policy: RetryPolicy,
}

impl<L: Llm> Retrying<L> {
    /// Asks `inner` by this policy.
    pub const fn new(inner: L, policy: RetryPolicy) -> Self {
        Self { inner, policy }
    }
}

#[async_trait]
impl<L: Llm> Llm for Retrying<L> {
    async fn call(&self, prompt: &Prompt<'_>) -> Result<Reply, LlmError> {
        let (mut failures, began) = (0, Instant::now());
        loop {
            let lost = began.elapsed();
            let error = match self.inner.call(prompt).await {
                Ok(reply) => return Ok(Reply { lost, ..reply }),
                Err(error) => error,
            };
            failures += 1;
            let Some(wait) = self.policy.wait_after(&error, failures) else { return Err(error) };
            tracing::warn!(%error, failures, wait_ms = wait.as_millis(), "asking the model again");
            tokio::time::sleep(wait).await;
        }
    }
}

impl RetryPolicy {
    /// How long to wait after so many failures, or `None` to give up.
    fn wait_after(&self, error: &LlmError, failures: u32) -> Option<Duration> {
        if !error.is_retryable() || failures >= self.tries {
            return None;
        }
        match error.retry_after() {
            Some(asked) if asked > self.longest_retry_after => None,
            Some(asked) => Some(asked.max(self.own_wait(failures))),
            None => Some(self.own_wait(failures)),
        }
    }

    /// Doubling, with up to a quarter on top so that many tasks do not come back all at once.
    fn own_wait(&self, failures: u32) -> Duration {
        let doubled = self.first_wait.saturating_mul(1 << failures.saturating_sub(1).min(16));
        let jitter = rand::rng().random_range(1.0..1.25);
        doubled.min(self.longest_wait).mul_f64(jitter).min(self.longest_wait)
    }
}
