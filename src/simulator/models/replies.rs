//! Replies and refusals as they go over the wire.

use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse as _, Response},
};
use serde_json::Value;

use crate::simulator::faults::Refusal;

/// A refusal; each service words it in its own way.
#[derive(Debug, Default)]
pub(crate) struct Wrong {
    pub(super) status: u16,
    /// `invalid_request_error`, `INVALID_ARGUMENT`, …
    pub(super) kind: String,
    pub(super) message: String,
    /// OpenAI's name for it, and the parameter that is meant.
    pub(super) code: Option<&'static str>,
    pub(super) param: Option<Box<str>>,
    /// Gemini's detail.
    pub(super) detail: Option<Box<Value>>,
    pub(super) retry_after: Option<u64>,
}

impl Wrong {
    pub(crate) fn new(status: u16, kind: &str, message: impl Into<String>) -> Self {
        Self { status, kind: kind.to_owned(), message: message.into(), ..Self::default() }
    }

    /// A request that breaks a rule, in the words of Anthropic and OpenAI.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, "invalid_request_error", message)
    }
}

pub(crate) fn planned(refusal: &Refusal) -> Response {
    let mut response = plain(refusal.status, &refusal.body);
    for (name, value) in &refusal.headers {
        put(&mut response, name.clone(), value);
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
