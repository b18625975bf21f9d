//! A turn of a script as a message of the Messages API.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::cache::{Cache, Counted, tokens_of};
use crate::simulator::{
    crypto::fingerprint,
    script::{Say, Turn},
};

/// Names, largest prompt and largest answer of the models.
pub(crate) const MODELS: [(&str, u64, u64); 8] = [
    ("claude-fable-5-1", 1_000_000, 128_000),
    ("claude-opus-5-5", 1_000_000, 128_000),
    ("claude-sonnet-5-5", 1_000_000, 128_000),
    ("claude-haiku-5-5", 1_000_000, 128_000),
    ("claude-opus-5", 1_000_000, 128_000),
    ("claude-sonnet-5", 1_000_000, 128_000),
    ("claude-haiku-4-5", 200_000, 64_000),
    ("claude-haiku-4-5-20251001", 200_000, 64_000),
];

pub(crate) fn message(turn: &Turn, request: &Value, played: usize, cache: &mut Cache) -> Value {
    let counted = cache.count(request);
    if let Say::Raw(body) = &turn.say {
        return body.clone();
    }
    let first = request.pointer("/messages/0").unwrap_or(&Value::Null);
    let seed = fingerprint(format!("{first}{played}").as_bytes());
    let content = content(turn, &seed);
    let stop_reason = match &turn.say {
        Say::Calls(_) => "tool_use",
        Say::Cut(_) => "max_tokens",
        Say::Refusal => "refusal",
        Say::Text(_) | Say::Raw(_) | Say::Silence => "end_turn",
    };
    let mut message = json!({
        "id": format!("msg_01{}", head(&seed, 22)), "type": "message", "role": "assistant",
        "model": request.get("model"), "content": content, "stop_reason": stop_reason,
        "stop_sequence": null, "usage": usage(turn, counted, &content),
    });
    if let (Say::Refusal, Value::Object(fields)) = (&turn.say, &mut message) {
        let details = json!({"type": "refusal", "category": null, "explanation": null});
        fields.insert("stop_details".to_owned(), details);
    }
    message
}

/// The ids of the tool calls in a message.
pub(crate) fn call_ids(message: &Value) -> Vec<String> {
    let blocks = message.get("content").and_then(Value::as_array).into_iter().flatten();
    let calls = blocks.filter(|block| block.get("type") == Some(&json!("tool_use")));
    calls.filter_map(|block| Some(block.get("id")?.as_str()?.to_owned())).collect()
}

/// The signature that a thought must come back with.
pub(crate) fn signature(thought: &str) -> String {
    STANDARD.encode(fingerprint(format!("thought {thought}").as_bytes()))
}

/// `GET /v1/models`
pub(crate) fn models() -> Value {
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

fn content(turn: &Turn, seed: &str) -> Vec<Value> {
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
                let id = format!("toolu_01{}{index:02}", head(seed, 20));
                blocks.push(json!({"type": "tool_use", "id": id, "name": name, "input": input}));
            }
        }
        Say::Text(text) | Say::Cut(text) => blocks.push(json!({"type": "text", "text": text})),
        Say::Refusal | Say::Raw(_) | Say::Silence => {}
    }
    blocks
}

fn usage(turn: &Turn, counted: Counted, content: &[Value]) -> Value {
    let thought = turn.thinking.as_ref().map_or(0, |thought| thought.len() as u64 / 4 + 1);
    let said = content.iter().map(tokens_of).sum::<u64>().max(1);
    let (input, read, write, output) = match turn.usage {
        Some(usage) => (usage.input, usage.cache_read, usage.cache_write, usage.output),
        None => (counted.input, counted.read, counted.written, said),
    };
    json!({
        "input_tokens": input, "cache_creation_input_tokens": write,
        "cache_read_input_tokens": read,
        "cache_creation": {"ephemeral_5m_input_tokens": write, "ephemeral_1h_input_tokens": 0},
        "output_tokens": output, "output_tokens_details": {"thinking_tokens": thought.min(output)},
        "service_tier": "standard",
    })
}

fn head(text: &str, length: usize) -> &str {
    text.get(..length).unwrap_or(text)
}
