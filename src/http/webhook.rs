//! `POST /api/webhooks/github`: bounded read, signature over the raw bytes, one durable row, 202.
//!
//! The order of the checks is part of the contract: what is not signed learns nothing about what
//! else is wrong with it, and nothing unsigned is ever looked into or stored.
//! <https://docs.github.com/webhooks/webhook-events-and-payloads#delivery-headers>

use super::Http;
use super::error::HttpError;
use crate::delivery::{self, payload, signature};
use crate::domain::event::Event;
use crate::store::deliveries::NewDelivery;
use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use std::time::Duration;

/// GitHub does not send larger payloads.
const LARGEST_BODY: usize = 25 * 1024 * 1024;
/// Nearly all of GitHub's bodies are smaller.
const SMALL_BODY: usize = 256 * 1024;
/// GitHub hangs up after ten seconds; whoever sends slower is not GitHub.
const READ_LIMIT: Duration = Duration::from_secs(20);

pub(super) async fn receive(
    State(http): State<Http>,
    request: Request,
) -> Result<Response, HttpError> {
    let outcome = accept(&http, request).await;
    let word = outcome.as_ref().map_or_else(HttpError::word, |_| "accepted");
    metrics::counter!("asynccoder_webhooks_total", "outcome" => word).increment(1);
    // A wrong secret is the commonest fault of a new set-up; a flood of strangers is no reason to fill the log.
    if outcome.is_err() && http.refusals_logged.check().is_ok() {
        tracing::warn!(
            reason = word,
            "a webhook was refused; \"signature\" means that no WEBHOOK_SECRET fits it"
        );
    }
    outcome
}

async fn accept(http: &Http, request: Request) -> Result<Response, HttpError> {
    if request.method() != Method::POST {
        return Err(HttpError::MethodNotAllowed);
    }
    let (parts, body) = request.into_parts();
    let body = read(http, &parts.headers, body).await?;
    verify(http, &parts.headers, &body)?;
    let json = json_of(&parts.headers, body)?;
    let guid = header_text(&parts.headers, "x-github-delivery", |b| b.is_ascii_graphic())?;
    let event = header_text(&parts.headers, "x-github-event", delivery::is_in_event_name)?;
    let understood =
        payload::parse(&event, &json).map_err(|e| HttpError::BadRequest(e.to_string()))?;
    if understood == Event::Ping {
        return Ok((StatusCode::OK, Json(json!({ "pong": true }))).into_response());
    }
    if http.draining.is_cancelled() {
        return Err(HttpError::Unavailable("the server is stopping"));
    }
    // What asks for nothing may be reviewed all the same.
    let is_offer = payload::offered(&event, &json).is_some();
    let delivery = NewDelivery { guid: guid.clone(), event, body: json };
    let stored = if let (Event::Ignored(reason), false) = (understood, is_offer) {
        http.store.accept_unused(delivery, &reason).await
    } else {
        http.store.accept(delivery).await
    };
    stored.map_err(|_| HttpError::Unavailable("the database does not keep up"))?;
    Ok((StatusCode::ACCEPTED, Json(json!({ "delivery": guid }))).into_response())
}

async fn read(http: &Http, headers: &HeaderMap, body: Body) -> Result<Bytes, HttpError> {
    let claimed =
        headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<usize>().ok());
    if claimed.is_some_and(|length| length > LARGEST_BODY) {
        return Err(HttpError::TooLarge);
    }
    // Nothing is known about the sender yet, so only so many large bodies are in memory at once.
    let _place = if claimed.is_some_and(|length| length <= SMALL_BODY) {
        None
    } else {
        Some(
            http.large_bodies
                .try_acquire()
                .map_err(|_| HttpError::Unavailable("too many large requests"))?,
        )
    };
    let read = tokio::time::timeout(READ_LIMIT, axum::body::to_bytes(body, LARGEST_BODY)).await;
    read.map_err(|_| HttpError::Timeout)?.map_err(|_| HttpError::TooLarge)
}

/// Exactly one signature, and of the kind that cannot be forged.
fn verify(http: &Http, headers: &HeaderMap, body: &[u8]) -> Result<(), HttpError> {
    let mut signatures = headers.get_all("x-hub-signature-256").iter();
    let (Some(only), None) = (signatures.next(), signatures.next()) else {
        return Err(HttpError::Signature);
    };
    if signature::verify(only.as_bytes(), body, &http.secrets) {
        Ok(())
    } else {
        Err(HttpError::Signature)
    }
}

/// The JSON, which an App may have set to arrive as a form.
fn json_of(headers: &HeaderMap, body: Bytes) -> Result<Bytes, HttpError> {
    let content_type =
        headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match kind.as_str() {
        "application/json" => Ok(body),
        "application/x-www-form-urlencoded" => {
            let payload = url::form_urlencoded::parse(&body).find(|(name, _)| name == "payload");
            payload
                .map(|(_, json)| Bytes::from(json.into_owned().into_bytes()))
                .ok_or(HttpError::ContentType)
        }
        _ => Err(HttpError::ContentType),
    }
}

fn header_text(
    headers: &HeaderMap,
    name: &str,
    allowed: impl Fn(u8) -> bool,
) -> Result<String, HttpError> {
    let text = headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default();
    if (1..=100).contains(&text.len()) && text.bytes().all(allowed) {
        return Ok(text.to_owned());
    }
    Err(HttpError::BadRequest(format!("the header {name} is missing or malformed")))
}
