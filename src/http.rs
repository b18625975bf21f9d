//! The HTTP server: webhooks in, health and metrics out.
//!
//! Nothing here calls GitHub or a model. A webhook is verified and stored, and that is all.

mod error;
mod health;
mod pages;
mod visitors;
mod webhook;

use crate::config::Config;
use crate::domain::catalog::Catalog;
use crate::store::Store;
use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{any, get};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use metrics_exporter_prometheus::PrometheusHandle;
use secrecy::SecretString;
use std::num::NonZeroU32;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;
use visitors::Visitors;

/// Large bodies that are read at once: they may have 25 MiB each.
const LARGE_BODIES_AT_ONCE: usize = 16;

/// Refused webhooks a minute that are logged.
const REFUSALS_LOGGED: NonZeroU32 = NonZeroU32::new(6).expect("six is not zero");

/// What the routes share.
#[derive(Clone)]
pub(crate) struct Http {
    store: Store,
    secrets: Arc<[SecretString]>,
    catalog: Arc<Catalog>,
    metrics: PrometheusHandle,
    metrics_token: Option<SecretString>,
    /// Who asks for anything but to deliver a webhook.
    visitors: Arc<Visitors>,
    /// How many refused webhooks are worth a line.
    refusals_logged: Arc<DefaultDirectRateLimiter>,
    /// A place for each large body that is being read.
    large_bodies: Arc<Semaphore>,
    /// Cancelled when the process is asked to stop.
    draining: CancellationToken,
}

impl Http {
    pub(crate) fn new(
        config: &Config,
        store: Store,
        metrics: PrometheusHandle,
        draining: CancellationToken,
    ) -> Self {
        Self {
            store,
            secrets: config.webhook_secrets.clone().into(),
            catalog: Arc::new(config.catalog.clone()),
            metrics,
            metrics_token: config.metrics_token.clone(),
            visitors: Arc::new(Visitors::new(config.trusted_proxy_header.clone())),
            refusals_logged: Arc::new(RateLimiter::direct(Quota::per_minute(REFUSALS_LOGGED))),
            large_bodies: Arc::new(Semaphore::new(LARGE_BODIES_AT_ONCE)),
            draining,
        }
    }

    /// Every route there is.
    pub(crate) fn router(self) -> Router {
        Router::new()
            .route("/", get(pages::home))
            .route("/healthz", get(health::alive))
            .route("/readyz", get(health::ready))
            .route("/metrics", get(health::metrics))
            .route("/tasks/{id}", get(pages::task))
            .fallback(error::not_found)
            .layer(from_fn_with_state(self.clone(), visitors::count))
            .route("/api/webhooks/github", any(webhook::receive))
            .layer(CatchPanicLayer::custom(error::panicked))
            .with_state(self)
    }
}
