//! For operators and their machines: is it alive, is it ready, what has it done.

use super::Http;
use super::error::HttpError;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, header};
use secrecy::ExposeSecret;
use std::net::SocketAddr;

pub(super) async fn alive() -> &'static str {
    "ok\n"
}

/// Migrations are done before the server listens, so the database and draining are what is left.
pub(super) async fn ready(State(http): State<Http>) -> Result<&'static str, HttpError> {
    if http.draining.is_cancelled() {
        return Err(HttpError::Unavailable("the server is stopping"));
    }
    if http.store.is_reachable().await {
        return Ok("ready\n");
    }
    Err(HttpError::Unavailable("the database does not answer"))
}

/// Prometheus text, for this machine or with the token.
pub(super) async fn metrics(
    State(http): State<Http>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
) -> Result<String, HttpError> {
    if peer.ip().is_loopback() || has_token(&http, &headers) {
        return Ok(http.metrics.render());
    }
    Err(HttpError::Forbidden)
}

fn has_token(http: &Http, headers: &HeaderMap) -> bool {
    let given =
        headers.get(header::AUTHORIZATION).and_then(|v| v.as_bytes().strip_prefix(b"Bearer "));
    let (Some(given), Some(token)) = (given, &http.metrics_token) else { return false };
    aws_lc_rs::constant_time::verify_slices_are_equal(given, token.expose_secret().as_bytes())
        .is_ok()
}
