//! Anthropic's Messages API: its keys, its models, its errors, and a turn as a message.

pub(super) mod check;
mod stream;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{
    Ending, Wrong,
    cache::tokens_of,
    play::{Asked, Said, Spoken},
    wires::{Service, header},
};
use crate::simulator::{
    crypto::fingerprint,
    script::{Failure, Say},
    wire::Arrived,
};

/// Names, largest prompt and largest answer of the models.
pub(super) const MODELS: [(&str, u64, u64); 8] = [
    ("claude-fable-5-1", 1_000_000, 128_000),
    ("claude-opus-5-5", 1_000_000, 128_000),
    ("claude-sonnet-5-5", 1_000_000, 128_000),
    ("claude-haiku-5-5", 1_000_000, 128_000),
    ("claude-opus-5", 1_000_000, 128_000),
    ("claude-sonnet-5", 1_000_000, 128_000),
    ("claude-haiku-4-5", 200_000, 64_000),
    ("claude-haiku-4-5-20251001", 200_000, 64_000),
];
pub(super) const NEWEST: &str = "2026-10-21";
const VERSIONS: [&str; 2] = ["2023-06-01", NEWEST];

pub(super) fn admit(arrived: &Arrived, key: Option<&str>) -> Result<(), Wrong> {
    match key {
        Some(key) if key == Service::Anthropic.key() => {}
        Some(_) => return Err(Wrong::new(401, "authentication_error", "invalid x-api-key")),
        None => {
            return Err(Wrong::new(401, "authentication_error", "x-api-key header is required"));
        }
    }
    let text = |name: &str| header(&arrived.headers, name).unwrap_or_default();
    let version = text("anthropic-version");
    if version.is_empty() {
        return Err(Wrong::invalid("anthropic-version: header is required"));
    }
    if !VERSIONS.contains(&version) {
        let why = format!("anthropic-version: \"{version}\" is not a valid version");
        return Err(Wrong::invalid(why));
    }
    if arrived.method == "POST" && !text("content-type").starts_with("application/json") {
        return Err(Wrong::invalid("content-type: must be application/json"));
    }
    Ok(())
}

pub(super) fn failure(failure: &Failure) -> Wrong {
    let Failure { status, error_type, message, retry_after } = failure;
    Wrong { retry_after: *retry_after, ..Wrong::new(*status, error_type, message) }
}

pub(super) fn error(wrong: &Wrong, id: &str) -> Value {
    json!({
        "type": "error", "error": {"type": wrong.kind, "message": wrong.message}, "request_id": id,
    })
}

/// A turn as a message.
pub(super) fn say(spoken: &Spoken, asked: &Asked) -> (Ending, Said) {
    let content = Value::from(content(spoken));
    let stop_reason = match &spoken.turn.say {
        Say::Calls(_) => "tool_use",
        Say::Cut(_) => "max_tokens",
        Say::Refusal => "refusal",
        Say::Text(_) | Say::Raw(_) | Say::Silence => "end_turn",
    };
    let mut message = json!({
        "id": format!("msg_01{}", spoken.head(22)), "type": "message", "role": "assistant",
        "model": asked.model, "content": content, "stop_reason": stop_reason, "stop_sequence": null,
    });
    if let Value::Object(fields) = &mut message {
        if let Some(usage) = usage(spoken, &content) {
            fields.insert("usage".to_owned(), usage);
        }
        if matches!(spoken.turn.say, Say::Refusal) {
            let details = json!({"type": "refusal", "category": null, "explanation": null});
            fields.insert("stop_details".to_owned(), details);
        }
    }
    let said = call_ids(&content).into_iter().map(|id| (id, content.clone())).collect();
    let answer = if asked.stream {
        Ending::Events(stream::events(&message))
    } else {
        Ending::Message(message)
    };
    (answer, said)
}

fn call_ids(content: &Value) -> Vec<String> {
    let blocks = content.as_array().into_iter().flatten();
    let calls = blocks.filter(|block| block.get("type") == Some(&json!("tool_use")));
    calls.filter_map(|block| Some(block.get("id")?.as_str()?.to_owned())).collect()
}

/// The signature that a thought must come back with.
pub(super) fn signature(thought: &str) -> String {
    STANDARD.encode(fingerprint(format!("thought {thought}").as_bytes()))
}

/// `GET /v1/models`
pub(super) fn models() -> Value {
    let list = MODELS.map(|(name, input, output)| {
        json!({
            "type": "model", "id": name, "display_name": name, "created_at": "2026-01-01T00:00:00Z",
            "max_input_tokens": input, "max_tokens": output, "lifecycle": "active",
        })
    });
    let ends = |at: Option<&(&str, u64, u64)>| at.map(|(name, ..)| (*name).to_owned());
    json!({
        "data": list, "has_more": false, "first_id": ends(MODELS.first()),
        "last_id": ends(MODELS.last()),
    })
}

fn content(spoken: &Spoken) -> Vec<Value> {
    let turn = &spoken.turn;
    let mut blocks = Vec::new();
    if let Some(thought) = &turn.thinking {
        let signature = signature(thought);
        blocks.push(json!({"type": "thinking", "thinking": thought, "signature": signature}));
    }
    if let Some(text) = &turn.text {
        blocks.push(json!({"type": "text", "text": text}));
    }
    match &turn.say {
        Say::Calls(calls) => {
            for (index, (name, input)) in calls.iter().enumerate() {
                let id = spoken.call_id("toolu_01", index);
                blocks.push(json!({"type": "tool_use", "id": id, "name": name, "input": input}));
            }
        }
        Say::Text(text) | Say::Cut(text) if !text.is_empty() => {
            blocks.push(json!({"type": "text", "text": text}));
        }
        Say::Text(_) | Say::Cut(_) | Say::Refusal | Say::Raw(_) | Say::Silence => {}
    }
    blocks
}

fn usage(spoken: &Spoken, content: &Value) -> Option<Value> {
    let blocks = content.as_array().into_iter().flatten();
    let counts = spoken.counts(blocks.map(tokens_of).sum())?;
    Some(json!({
        "input_tokens": counts.input, "cache_creation_input_tokens": counts.written,
        "cache_read_input_tokens": counts.read,
        "cache_creation":
            {"ephemeral_5m_input_tokens": counts.written, "ephemeral_1h_input_tokens": 0},
        "output_tokens": counts.output,
        "output_tokens_details": {"thinking_tokens": counts.thought}, "service_tier": "standard",
    }))
}
