//! Replies and refusals as the provider words them.

use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse as _, Response},
};
use serde_json::{Value, json};

use crate::simulator::{faults::Refusal, script::Failure};

/// A refusal in the provider's words.
#[derive(Debug)]
pub(crate) struct Wrong {
    pub(super) status: u16,
    kind: String,
    pub(super) message: String,
    retry_after: Option<u64>,
}

impl Wrong {
    pub(crate) fn new(status: u16, kind: &str, message: impl Into<String>) -> Self {
        Self { status, kind: kind.to_owned(), message: message.into(), retry_after: None }
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, "invalid_request_error", message)
    }

    pub(super) fn of(failure: &Failure) -> Self {
        let Failure { status, error_type, message, retry_after } = failure.clone();
        Self { status, kind: error_type, message, retry_after }
    }
}

pub(crate) fn planned(refusal: &Refusal) -> Response {
    let mut response = plain(refusal.status, &refusal.body);
    for (name, value) in &refusal.headers {
        put(&mut response, name.clone(), value);
    }
    response
}

pub(crate) fn refuse(wrong: &Wrong, id: &str) -> Response {
    let body = json!({
        "type": "error", "error": {"type": wrong.kind, "message": wrong.message}, "request_id": id,
    });
    let mut response = plain(wrong.status, &body);
    if let Some(seconds) = wrong.retry_after {
        put(&mut response, "retry-after".to_owned(), &seconds.to_string());
    }
    response
}

pub(crate) fn plain(status: u16, body: &Value) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [(CONTENT_TYPE, "application/json")], Body::from(body.to_string())).into_response()
}

pub(crate) fn put(response: &mut Response, name: String, value: &str) {
    let name = HeaderName::try_from(name);
    if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value)) {
        response.headers_mut().insert(name, value);
    }
}
