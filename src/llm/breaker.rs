//! Leaving a model service alone that does not work: after many failures in a row nothing is sent for a
//! while, and then one call at a time tries whether it works again.
//!
//! It counts what is worth asking again (overload, timeouts, broken connections), over all tasks of this
//! process. It waits for nothing and starts nothing: whoever is turned away comes back later.

use super::{Llm, LlmError, Prompt, Reply};
use crate::domain::catalog::Provider;
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// What is known of each service.
#[derive(Clone, Debug)]
pub struct Breaker {
    failures_to_open: u32,
    probe_spacing: Duration,
    services: Arc<Mutex<BTreeMap<&'static str, Service>>>,
    works_again: Arc<Notify>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Service {
    failures: u32,
    /// While it is left alone: when the next call may try it.
    next_probe: Option<Instant>,
}

impl Breaker {
    /// Opens after so many failures in a row; then a call tries the service once in so long.
    pub fn new(failures_to_open: u32, probe_spacing: Duration) -> Self {
        let (services, works_again) = (Arc::default(), Arc::default());
        Self { failures_to_open, probe_spacing, services, works_again }
    }

    /// How long the service is left alone, if it is. A call may be made, and will be the one that tries,
    /// once this is over.
    pub fn left_alone(&self, provider: Provider) -> Option<Duration> {
        let next = self.with(provider, |service| service.next_probe)?;
        Some(next.saturating_duration_since(Instant::now())).filter(|wait| !wait.is_zero())
    }

    /// Whether it works as far as is known.
    pub fn works(&self, provider: Provider) -> bool {
        self.with(provider, |service| service.next_probe.is_none())
    }

    /// Returns when a service has worked again since the last time.
    pub async fn works_again(&self) {
        self.works_again.notified().await;
    }

    /// Leave for one call. A call that tries an open service puts the next one off.
    fn admit(&self, provider: Provider) -> Result<(), LlmError> {
        let now = Instant::now();
        self.with(provider, |service| match service.next_probe {
            Some(next) if next > now => Err(LlmError::Away { provider, retry_in: next - now }),
            Some(_) => {
                service.next_probe = Some(now + self.probe_spacing);
                Ok(())
            }
            None => Ok(()),
        })
    }

    fn note(&self, provider: Provider, has_failed: bool) {
        let works_again = self.with(provider, |service| {
            if !has_failed {
                return std::mem::take(service).next_probe.is_some();
            }
            service.failures = service.failures.saturating_add(1);
            if service.failures >= self.failures_to_open && service.next_probe.is_none() {
                tracing::warn!(%provider, "a model service is left alone");
                service.next_probe = Some(Instant::now() + self.probe_spacing);
            }
            false
        });
        if works_again {
            tracing::info!(%provider, "a model service works again");
            self.works_again.notify_one();
        }
    }

    fn with<T>(&self, provider: Provider, look: impl FnOnce(&mut Service) -> T) -> T {
        let mut services = self.services.lock().unwrap_or_else(PoisonError::into_inner);
        look(services.entry(provider.as_str()).or_default())
    }
}

/// A model that is asked only while its service is not left alone.
#[derive(Clone, Debug)]
pub struct Guarded<L> {
    inner: L,
    breaker: Breaker,
}

impl<L: Llm> Guarded<L> {
    /// Asks `inner` as long as the breaker lets it.
    pub const fn new(inner: L, breaker: Breaker) -> Self {
        Self { inner, breaker }
    }
}

#[async_trait]
impl<L: Llm> Llm for Guarded<L> {
    async fn call(&self, prompt: &Prompt<'_>) -> Result<Reply, LlmError> {
        let provider = prompt.model.provider;
        self.breaker.admit(provider)?;
        let answer = tokio::time::timeout(prompt.patience, self.inner.call(prompt)).await;
        let answer = answer.unwrap_or(Err(LlmError::Timeout));
        // A refusal is an answer: the service is there.
        self.breaker.note(provider, answer.as_ref().is_err_and(LlmError::is_retryable));
        answer
    }
}
