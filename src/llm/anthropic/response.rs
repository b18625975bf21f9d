//! The bytes of an answer as a [`Reply`] or an [`LlmError`]. What is missing or absurd in the
//! provider's counting is replaced by an estimate: an answer that was paid for is never thrown away.

use crate::domain::catalog::Model;
use crate::domain::credit::Usage;
use crate::llm::wire::{Answer, Sizes, count, describe, malformed, tokens};
use crate::llm::{Block, LlmError, Reply, Stop};
use serde::Deserialize;
use serde_json::Value;
use std::time::Duration;

#[derive(Deserialize)]
struct Body {
    content: Value,
    #[serde(default)]
    model: String,
    #[serde(default)]
    stop_reason: Option<String>,
    #[serde(default)]
    stop_details: Value,
    #[serde(default)]
    usage: Value,
}

/// Reads a successful answer.
pub(super) fn reply(
    body: &[u8],
    request_id: Option<String>,
    model: &Model,
    sizes: Sizes,
) -> Result<Reply, LlmError> {
    let body: Body = serde_json::from_slice(body).map_err(|e| malformed(&e))?;
    let Some(content) = body.content.as_array() else {
        return Err(LlmError::Malformed { message: "its content is not a list".to_owned() });
    };
    Ok(Reply {
        blocks: content.iter().map(block).collect(),
        stop: stop(body.stop_reason.as_deref(), &body.stop_details),
        usage: usage(&body.usage, model, sizes),
        model: body.model,
        request_id,
        raw: body.content,
        lost: Duration::ZERO,
    })
}

fn block(block: &Value) -> Block {
    let text = |name: &str| block.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    match block.get("type").and_then(Value::as_str) {
        Some("text") => Block::Text(text("text")),
        Some("tool_use") => Block::ToolCall {
            id: text("id"),
            name: text("name"),
            arguments: arguments(block.get("input")),
        },
        _ => Block::Opaque(block.clone()),
    }
}

fn arguments(input: Option<&Value>) -> Result<Value, String> {
    match input {
        Some(object @ Value::Object(_)) => Ok(object.clone()),
        Some(other) => Err(other.to_string()),
        None => Err(String::new()),
    }
}

fn stop(reason: Option<&str>, details: &Value) -> Stop {
    let explanation = || details.get("explanation").and_then(Value::as_str).map(str::to_owned);
    match reason {
        Some("end_turn" | "stop_sequence") => Stop::EndTurn,
        Some("tool_use") => Stop::ToolUse,
        Some("max_tokens") => Stop::MaxTokens,
        Some("model_context_window_exceeded") => Stop::ContextFull,
        Some("refusal") => Stop::Refusal { explanation: explanation() },
        Some("pause_turn") => Stop::Pause,
        Some(other) => Stop::Other(other.to_owned()),
        None => Stop::Other("none given".to_owned()),
    }
}

/// The four counts, which do not overlap here: `input_tokens` is without what the cache did.
fn usage(counts: &Value, model: &Model, sizes: Sizes) -> Usage {
    let cached = count(counts, "/cache_read_input_tokens").unwrap_or(0);
    let cache_write = count(counts, "/cache_creation_input_tokens").unwrap_or(0);
    let input = count(counts, "/input_tokens").unwrap_or_else(|| tokens(sizes.prompt_bytes));
    let output = count(counts, "/output_tokens").unwrap_or_else(|| tokens(sizes.body_bytes));
    let prompt = |tokens: i64| tokens.min(model.context);
    Usage {
        input: prompt(input),
        cached: prompt(cached),
        cache_write: prompt(cache_write),
        output: output.min(model.max_output),
    }
}

/// Reads an answer that is an error.
pub(super) fn error(answer: &Answer, request_id: Option<&str>) -> LlmError {
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let said = |field: &str| body.pointer(field).and_then(Value::as_str).unwrap_or_default();
    let words = said("/error/message").to_ascii_lowercase();
    let retry_after = answer.retry_after();
    let message = describe(answer.status, said("/error/type"), request_id);
    let may_be_money = matches!(answer.status, 400 | 403 | 429);
    if may_be_money && is_spend_limit(&words, retry_after.is_some()) {
        return LlmError::Billing { message };
    }
    match answer.status {
        400 | 413 if is_too_long(&words) => LlmError::ContextTooLong,
        401 | 403 => LlmError::Auth { message },
        402 => LlmError::Billing { message },
        413 => LlmError::ContextTooLong,
        529 => LlmError::Overloaded { retry_after },
        status @ (408 | 409 | 429 | 500..=599) => {
            LlmError::Transient { status: Some(status), retry_after, message }
        }
        _ => LlmError::Refused { message },
    }
}

fn is_too_long(words: &str) -> bool {
    ["prompt is too long", "exceed context limit", "context window"]
        .iter()
        .any(|w| words.contains(w))
}

/// A limit that a person has set, or an empty account: it passes at the end of a month, not now. The
/// service says it as a 400 or as a 429 that does not name a time.
fn is_spend_limit(words: &str, names_a_time: bool) -> bool {
    let names =
        ["spend limit", "spending limit", "usage limits", "credit balance", "insufficient_quota"];
    !names_a_time && names.iter().any(|name| words.contains(name))
}
