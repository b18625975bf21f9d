//! The bytes of an answer as a [`Reply`] or an [`LlmError`].

use super::UNNAMED;
use crate::domain::catalog::Model;
use crate::llm::wire::{Answer, Counts, Sizes, count, describe, malformed, word};
use crate::llm::{Block, LlmError, Reply, Stop};
use serde_json::Value;
use std::time::Duration;

/// Reads a successful answer.
pub(super) fn reply(body: &[u8], model: &Model, sizes: Sizes) -> Result<Reply, LlmError> {
    let body: Value = serde_json::from_slice(body).map_err(|e| malformed(&e))?;
    let candidate = body.pointer("/candidates/0").unwrap_or(&Value::Null);
    let blocked = body.pointer("/promptFeedback/blockReason").and_then(Value::as_str);
    if candidate.is_null() && blocked.is_none() {
        return Err(LlmError::Malformed { message: "it has no candidate".to_owned() });
    }
    let id = text(&body, "/responseId");
    let parts = candidate.pointer("/content/parts").and_then(Value::as_array);
    let parts = parts.into_iter().flatten().enumerate();
    let blocks: Vec<_> = parts.map(|(index, part)| block(part, id, index)).collect();
    let stop = match blocked {
        Some(reason) if candidate.is_null() => Stop::Refusal { explanation: Some(word(reason)) },
        _ => stop(text(candidate, "/finishReason"), &blocks),
    };
    Ok(Reply {
        blocks,
        stop,
        usage: counts(&body).usage(model, sizes),
        model: text(&body, "/modelVersion").to_owned(),
        request_id: Some(id.to_owned()).filter(|id| !id.is_empty()),
        raw: candidate.get("content").cloned().unwrap_or_default(),
        lost: Duration::ZERO,
    })
}

/// Thoughts are billed as output. Writing to the cache costs nothing.
fn counts(body: &Value) -> Counts {
    let said = count(body, "/usageMetadata/candidatesTokenCount");
    let thought = count(body, "/usageMetadata/thoughtsTokenCount");
    let output = match (said, thought) {
        (None, None) => None,
        (said, thought) => Some(said.unwrap_or(0).saturating_add(thought.unwrap_or(0))),
    };
    Counts {
        prompt: count(body, "/usageMetadata/promptTokenCount"),
        cached: count(body, "/usageMetadata/cachedContentTokenCount"),
        cache_write: None,
        output,
    }
}

fn block(part: &Value, response: &str, index: usize) -> Block {
    if let Some(call) = part.get("functionCall") {
        let id = match text(call, "/id") {
            "" => format!("{UNNAMED}{response}-{index}"),
            id => id.to_owned(),
        };
        let arguments = match call.get("args") {
            None => Ok(Value::Object(serde_json::Map::new())),
            Some(object @ Value::Object(_)) => Ok(object.clone()),
            Some(other) => Err(other.to_string()),
        };
        return Block::ToolCall { id, name: text(call, "/name").to_owned(), arguments };
    }
    let thought = part.get("thought").and_then(Value::as_bool).unwrap_or(false);
    match part.get("text").and_then(Value::as_str) {
        Some(words) if !thought => Block::Text(words.to_owned()),
        _ => Block::Opaque(part.clone()),
    }
}

/// `STOP` also ends a turn that wants tools.
fn stop(reason: &str, blocks: &[Block]) -> Stop {
    let calls = blocks.iter().any(|block| matches!(block, Block::ToolCall { .. }));
    match reason {
        "STOP" if calls => Stop::ToolUse,
        "STOP" => Stop::EndTurn,
        "MAX_TOKENS" => Stop::MaxTokens,
        "SAFETY" | "RECITATION" | "LANGUAGE" | "BLOCKLIST" | "PROHIBITED_CONTENT" | "SPII"
        | "MODEL_ARMOR" => Stop::Refusal { explanation: Some(reason.to_owned()) },
        "" => Stop::Other("none given".to_owned()),
        other => Stop::Other(word(other)),
    }
}

/// Reads an answer that is an error; a list of one error is one too.
pub(super) fn error(answer: &Answer) -> LlmError {
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let body = body.get(0).unwrap_or(&body);
    let details = body.pointer("/error/details").and_then(Value::as_array);
    let details = details.map(Vec::as_slice).unwrap_or_default();
    let words = text(body, "/error/message").to_ascii_lowercase();
    let message = describe(answer.status, text(body, "/error/status"), None);
    let retry_after = details.iter().find_map(delay).or_else(|| answer.retry_after());
    let bad_key = details.iter().any(|detail| text(detail, "/reason") == "API_KEY_INVALID");
    let money = ["billing", "spend", "prepayment"].iter().any(|name| words.contains(name));
    match answer.status {
        401 | 403 => LlmError::Auth { message },
        400 if bad_key => LlmError::Auth { message },
        402 => LlmError::Billing { message },
        400 | 429 if money && retry_after.is_none() => LlmError::Billing { message },
        400 if words.contains("token count") && words.contains("exceeds") => {
            LlmError::ContextTooLong
        }
        413 => LlmError::ContextTooLong,
        503 => LlmError::Overloaded { retry_after },
        status @ (408 | 409 | 429 | 499..=599) => {
            LlmError::Transient { status: Some(status), retry_after, message }
        }
        _ => LlmError::Refused { message },
    }
}

/// The wait that stands in the body, such as `17s` or `1.5s`.
fn delay(detail: &Value) -> Option<Duration> {
    let seconds = detail.get("retryDelay")?.as_str()?.strip_suffix('s')?;
    Duration::try_from_secs_f64(seconds.parse().ok()?).ok()
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}
