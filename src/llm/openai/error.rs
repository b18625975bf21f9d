//! An answer that is an error.

use crate::llm::LlmError;
use crate::llm::wire::{Answer, describe};
use serde_json::Value;

/// Reads an error with an HTTP status of its own.
pub(super) fn of(answer: &Answer, request_id: Option<&str>) -> LlmError {
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let said = |field: &str| body.pointer(field).and_then(Value::as_str).unwrap_or_default();
    let (code, kind) = (said("/error/code"), said("/error/type"));
    let name = if code.is_empty() { kind } else { code };
    let message = describe(answer.status, name, request_id);
    let retry_after = answer.retry_after();
    if [code, kind].contains(&"insufficient_quota") {
        return LlmError::Billing { message };
    }
    match answer.status {
        _ if code == "context_length_exceeded" => LlmError::ContextTooLong,
        400 if said("/error/message").contains("maximum context length") => {
            LlmError::ContextTooLong
        }
        401 | 403 => LlmError::Auth { message },
        402 => LlmError::Billing { message },
        413 => LlmError::ContextTooLong,
        503 => LlmError::Overloaded { retry_after },
        status @ (408 | 409 | 429 | 500..=599) => {
            LlmError::Transient { status: Some(status), retry_after, message }
        }
        _ => LlmError::Refused { message },
    }
}

/// Reads the error of a response that the service took and then gave up.
pub(super) fn failed(code: &str) -> LlmError {
    let message = describe(200, code, None);
    match code {
        "insufficient_quota" => LlmError::Billing { message },
        "context_length_exceeded" => LlmError::ContextTooLong,
        "server_error" | "rate_limit_exceeded" | "" => {
            LlmError::Transient { status: None, retry_after: None, message }
        }
        _ => LlmError::Refused { message },
    }
}
