//! Answers that are no success: small JSON bodies that never show what is inside.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use std::any::Any;

/// Why a request gets no answer.
#[derive(Debug)]
pub(super) enum HttpError {
    MethodNotAllowed,
    TooLarge,
    Signature,
    ContentType,
    /// The reason is about what the sender sent, never about us.
    BadRequest(String),
    /// The sender took too long.
    Timeout,
    Unavailable(&'static str),
    NotFound,
    Forbidden,
    /// Whoever asks may ask again after so many seconds.
    TooMany(u64),
}

impl HttpError {
    /// The word for it in answers, in the log and in metrics.
    pub(super) const fn word(&self) -> &'static str {
        match self {
            Self::MethodNotAllowed => "method",
            Self::TooLarge => "too_large",
            Self::Signature => "signature",
            Self::ContentType => "content_type",
            Self::BadRequest(_) => "bad_request",
            Self::Timeout => "timeout",
            Self::Unavailable(_) => "unavailable",
            Self::NotFound => "not_found",
            Self::Forbidden => "forbidden",
            Self::TooMany(_) => "too_many",
        }
    }
}

impl HttpError {
    /// After how many seconds it is worth asking again, if it is.
    const fn wait(&self) -> Option<u64> {
        match self {
            Self::Unavailable(_) => Some(10),
            Self::TooMany(seconds) => Some(*seconds),
            Self::MethodNotAllowed
            | Self::TooLarge
            | Self::Signature
            | Self::ContentType
            | Self::BadRequest(_)
            | Self::Timeout
            | Self::NotFound
            | Self::Forbidden => None,
        }
    }
}

impl IntoResponse for HttpError {
    fn into_response(self) -> Response {
        let error = self.word();
        let wait = self.wait();
        let (status, reason) = match self {
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, None),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, None),
            Self::Signature => (StatusCode::UNAUTHORIZED, None),
            Self::ContentType => (StatusCode::UNSUPPORTED_MEDIA_TYPE, None),
            Self::BadRequest(reason) => (StatusCode::BAD_REQUEST, Some(reason)),
            Self::Timeout => (StatusCode::REQUEST_TIMEOUT, None),
            Self::Unavailable(reason) => (StatusCode::SERVICE_UNAVAILABLE, Some(reason.to_owned())),
            Self::NotFound => (StatusCode::NOT_FOUND, None),
            Self::Forbidden => (StatusCode::FORBIDDEN, None),
            Self::TooMany(_) => (StatusCode::TOO_MANY_REQUESTS, None),
        };
        let mut body = json!({ "error": error });
        if let (Some(reason), Some(body)) = (reason, body.as_object_mut()) {
            body.insert("reason".to_owned(), reason.into());
        }
        let mut response = (status, Json(body)).into_response();
        if let Some(seconds) = wait {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::METHOD_NOT_ALLOWED {
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
        }
        response
    }
}

pub(super) async fn not_found() -> HttpError {
    HttpError::NotFound
}

/// A panic is a fault of ours: it is logged by the panic hook, and the sender learns only that.
pub(super) fn panicked(_panic: Box<dyn Any + Send + 'static>) -> Response {
    (StatusCode::INTERNAL_SERVER_ERROR, Json(json!({ "error": "internal" }))).into_response()
}
