//! Google's Gemini API: its key, its models, its errors, and a turn as a candidate.

pub(super) mod check;
mod parts;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{
    Ending, Wrong,
    cache::tokens_of,
    play::{Asked, Said, Spoken},
    shape::{Flaw, What, list, text},
    wires::{Service, header},
};
use crate::simulator::{
    crypto::fingerprint,
    script::{Failure, Say},
    wire::Arrived,
};

/// Names, largest prompt and largest answer of the models.
const MODELS: [(&str, u64, u64); 5] = [
    // More comes in pieces only.
    ("gemini-4-argon", 1_048_576, 32_768),
    ("gemini-3.8-flash", 1_048_576, 65_536),
    ("gemini-3.5-flash-lite", 1_048_576, 65_536),
    ("gemini-3.1-flash-lite", 1_048_576, 65_536),
    ("gemini-3.1-pro-preview", 1_048_576, 65_536),
];

pub(super) fn admit(arrived: &Arrived, key: Option<&str>) -> Result<(), Wrong> {
    match key {
        Some(key) if key == Service::Gemini.key() => {}
        Some(_) => return Err(bad_key()),
        None => {
            let why = "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other form of API consumer identity to call this API.";
            return Err(Wrong::new(403, "PERMISSION_DENIED", why));
        }
    }
    let kind = header(&arrived.headers, "content-type").unwrap_or_default();
    if arrived.method == "POST" && !kind.starts_with("application/json") {
        return Err(invalid(format!("Unsupported content type: {kind}")));
    }
    Ok(())
}

fn bad_key() -> Wrong {
    let info = json!({
        "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID",
        "domain": "googleapis.com", "metadata": {"service": "generativelanguage.googleapis.com"},
    });
    let why = "API key not valid. Please pass a valid API key.";
    Wrong { detail: Some(Box::new(info)), ..invalid(why.to_owned()) }
}

/// A request that breaks a rule.
pub(super) fn invalid(message: String) -> Wrong {
    Wrong::new(400, "INVALID_ARGUMENT", message)
}

pub(super) fn error(wrong: &Wrong) -> Value {
    let mut error = json!({"code": wrong.status, "message": wrong.message, "status": wrong.kind});
    if let (Some(detail), Some(fields)) = (&wrong.detail, error.as_object_mut()) {
        fields.insert("details".to_owned(), json!([detail]));
    }
    json!({"error": error})
}

/// The wait that is asked for stands in the body, not in a header.
pub(super) fn failure(failure: &Failure) -> Wrong {
    let Failure { status, error_type, message, retry_after } = failure;
    let (status, kind) = match (*status, error_type.as_str()) {
        (401, _) => return bad_key(),
        (402 | 429, _) | (_, "billing_error") => (429, "RESOURCE_EXHAUSTED"),
        (503 | 529, _) => (503, "UNAVAILABLE"),
        (404, _) => (404, "NOT_FOUND"),
        (403, _) => (403, "PERMISSION_DENIED"),
        (504, _) => (504, "DEADLINE_EXCEEDED"),
        (status @ 400..=499, _) => (status, "INVALID_ARGUMENT"),
        (status, _) => (status, "INTERNAL"),
    };
    let wait = |seconds: u64| json!({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": format!("{seconds}s")});
    Wrong { detail: retry_after.map(wait).map(Box::new), ..Wrong::new(status, kind, message) }
}

/// `GET /v1beta/models`
pub(super) fn models() -> Value {
    let list = MODELS.map(|(name, input, output)| {
        json!({
            "name": format!("models/{name}"), "version": "1", "displayName": name,
            "inputTokenLimit": input, "outputTokenLimit": output,
            "supportedGenerationMethods": ["generateContent"],
        })
    });
    json!({"models": list})
}

/// A flaw in Google's words.
fn wrong(flaw: Flaw) -> Wrong {
    let Flaw { place, what } = flaw;
    let parent = place.rsplit_once('.').map_or("", |(parent, _)| parent);
    let name = place.rsplit('.').next().unwrap_or_default();
    invalid(match what {
        What::Missing => format!("* GenerateContentRequest.{place}: {name} is not specified"),
        What::Unknown => {
            let at = if parent.is_empty() { String::new() } else { format!(" at '{parent}'") };
            format!(
                "Invalid JSON payload received. Unknown name \"{name}\"{at}: Cannot find field."
            )
        }
        What::Type { wanted, got } => {
            format!("Invalid value at '{place}': expected {wanted}, found {got}")
        }
        What::Value { got, known } => {
            format!("Invalid value at '{place}': \"{got}\" is none of {known:?}")
        }
    })
}

/// A turn as a candidate.
pub(super) fn say(spoken: &Spoken, asked: &Asked) -> (Ending, Said) {
    let (parts, reason) = parts(spoken, asked.shows_thoughts);
    let parts = Value::from(parts);
    let mut candidate = json!({"finishReason": reason, "index": 0});
    let mut content = json!({"role": "model"});
    let is_silent = parts.as_array().is_none_or(Vec::is_empty);
    if let (false, Some(fields)) = (is_silent, content.as_object_mut()) {
        fields.insert("parts".to_owned(), parts.clone());
    }
    let is_blocked = !matches!(reason, "STOP" | "MAX_TOKENS");
    if let (false, Some(fields)) = (is_blocked, candidate.as_object_mut()) {
        fields.insert("content".to_owned(), content.clone());
    }
    let mut answer = json!({
        "candidates": [candidate], "modelVersion": asked.model,
        "responseId": spoken.head(20),
    });
    if let (Some(usage), Some(fields)) = (usage(spoken, &parts), answer.as_object_mut()) {
        fields.insert("usageMetadata".to_owned(), usage);
    }
    let calls = list(&content, "parts").iter().filter_map(|part| part.get("functionCall"));
    let said = calls.map(|call| (text(call, "id").to_owned(), content.clone())).collect();
    (Ending::Message(answer), said)
}

/// The parts of a turn and why it ends. A call whose arguments are no object never leaves the
/// service.
fn parts(spoken: &Spoken, shows_thoughts: bool) -> (Vec<Value>, &'static str) {
    let turn = &spoken.turn;
    let mut parts = Vec::new();
    if let (Some(thought), true) = (&turn.thinking, shows_thoughts) {
        parts.push(json!({"text": thought, "thought": true}));
    }
    if let Some(text) = &turn.text {
        parts.push(json!({"text": text}));
    }
    let reason = match &turn.say {
        Say::Calls(calls) if calls.iter().any(|(_, args)| !args.is_object()) => {
            return (Vec::new(), "MALFORMED_FUNCTION_CALL");
        }
        Say::Calls(calls) => {
            for (index, (name, args)) in calls.iter().enumerate() {
                let id = spoken.call_id("fc", index);
                let call = json!({"id": id, "name": name, "args": args});
                let mut part = json!({"functionCall": call});
                // Only the first of several calls carries the thought.
                if let (0, Some(fields)) = (index, part.as_object_mut()) {
                    fields.insert("thoughtSignature".to_owned(), json!(signature(&call)));
                }
                parts.push(part);
            }
            "STOP"
        }
        Say::Text(words) | Say::Cut(words) => {
            if !words.is_empty() {
                parts.push(json!({"text": words}));
            }
            if matches!(turn.say, Say::Cut(_)) { "MAX_TOKENS" } else { "STOP" }
        }
        Say::Refusal => return (Vec::new(), "SAFETY"),
        Say::Raw(_) | Say::Silence => "STOP",
    };
    (parts, reason)
}

/// What a call must come back with.
fn signature(call: &Value) -> String {
    let (id, name) = (text(call, "id"), text(call, "name"));
    STANDARD.encode(fingerprint(format!("thought of {id} {name}").as_bytes()))
}

/// What was read from the cache is part of the prompt here, and thoughts are no part of what was
/// said.
fn usage(spoken: &Spoken, parts: &Value) -> Option<Value> {
    let said = parts.as_array().into_iter().flatten().filter(|part| part.get("thought").is_none());
    let counts = spoken.counts(said.map(tokens_of).sum::<u64>() + spoken.thought())?;
    let prompt = counts.prompt();
    let mut usage = json!({
        "promptTokenCount": prompt, "candidatesTokenCount": counts.output - counts.thought,
        "totalTokenCount": prompt.saturating_add(counts.output),
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": prompt}],
    });
    // A count of zero is left out.
    for (name, count) in
        [("cachedContentTokenCount", counts.read), ("thoughtsTokenCount", counts.thought)]
    {
        if let (1.., Some(fields)) = (count, usage.as_object_mut()) {
            fields.insert(name.to_owned(), json!(count));
        }
    }
    Some(usage)
}
