//! The items of a Responses conversation: each by itself, calls with their outputs, and what the model
//! said, sent back unchanged.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{coded, wrong};
use crate::simulator::{
    crypto::fingerprint,
    models::{
        Wrong,
        play::Said,
        shape::{Field, Is, fields, list, may, must, one_of, text},
    },
};

const KINDS: &[&str] = &["message", "function_call", "function_call_output", "reasoning"];
const STATUSES: &[&str] = &["in_progress", "completed", "incomplete"];
const MESSAGE: &[Field] = &[
    may("type", Is::Text),
    may("id", Is::Text),
    may("status", Is::Text),
    may("phase", Is::Text),
    must("role", Is::Text),
    must("content", Is::TextOrList),
];
const CALL: &[Field] = &[
    must("type", Is::Text),
    may("id", Is::Text),
    must("call_id", Is::Text),
    must("name", Is::Text),
    must("arguments", Is::Text),
    may("status", Is::Text),
];
const OUTPUT: &[Field] = &[
    must("type", Is::Text),
    may("id", Is::Text),
    must("call_id", Is::Text),
    must("output", Is::TextOrList),
    may("status", Is::Text),
];
const REASONING: &[Field] = &[
    must("type", Is::Text),
    must("id", Is::Text),
    must("summary", Is::List),
    may("content", Is::List),
    may("encrypted_content", Is::Text),
    may("status", Is::Text),
];
const FROM_USER: &[&str] = &["input_text", "input_image", "input_file"];
const FROM_MODEL: &[&str] = &["output_text", "refusal"];
const PART: &[Field] = &[
    must("type", Is::Text),
    may("text", Is::Text),
    may("refusal", Is::Text),
    may("annotations", Is::List),
    may("logprobs", Is::List),
    may("image_url", Is::Text),
    may("detail", Is::Text),
    may("file_id", Is::Text),
];

/// Each item by itself.
pub(super) fn check(items: &[Value], stored: bool) -> Result<(), Wrong> {
    if items.is_empty() {
        return Err(coded(
            "missing_required_parameter",
            Some("input"),
            "Missing required parameter: 'input'.",
        ));
    }
    for (index, item) in items.iter().enumerate() {
        let place = format!("input[{index}]");
        if let Some(kind) = item.as_object() {
            one_of(kind, "type", &place, KINDS).map_err(wrong)?;
        }
        let known = match kind(item) {
            "function_call" => CALL,
            "function_call_output" => OUTPUT,
            "reasoning" => REASONING,
            _ => MESSAGE,
        };
        let found = fields(item, &place, known).map_err(wrong)?;
        one_of(found, "status", &place, STATUSES).map_err(wrong)?;
        match kind(item) {
            "reasoning" => reasoning(item, stored)?,
            "message" => message(item, &place)?,
            _ => {}
        }
    }
    Ok(())
}

fn message(item: &Value, place: &str) -> Result<(), Wrong> {
    let roles = &["user", "assistant", "system", "developer"];
    if let Some(found) = item.as_object() {
        one_of(found, "role", place, roles).map_err(wrong)?;
    }
    let allowed = if text(item, "role") == "assistant" { FROM_MODEL } else { FROM_USER };
    for (index, part) in list(item, "content").iter().enumerate() {
        let place = format!("{place}.content[{index}]");
        let part = fields(part, &place, PART).map_err(wrong)?;
        one_of(part, "type", &place, allowed).map_err(wrong)?;
    }
    Ok(())
}

/// Nothing is stored, so a thought has to come with all that it is.
fn reasoning(item: &Value, stored: bool) -> Result<(), Wrong> {
    let id = text(item, "id");
    let Some(sealed) = item.get("encrypted_content").and_then(Value::as_str) else {
        let hint =
            if stored { "" } else { " Items are not persisted when `store` is set to false." };
        let why = format!("Item with id '{id}' not found.{hint}");
        return Err(Wrong { status: 404, param: Some("input".into()), ..Wrong::invalid(why) });
    };
    if !is_ours(sealed) {
        let why = format!("The encrypted content for item {id} could not be verified.");
        return Err(coded("invalid_encrypted_content", None, why));
    }
    Ok(())
}

/// A thought that only this service can read.
pub(super) fn encrypted(thought: &str) -> String {
    let sealed = STANDARD.encode(thought);
    let seal = fingerprint(format!("sealed {sealed}").as_bytes());
    format!("{seal}{sealed}")
}

fn is_ours(text: &str) -> bool {
    let Some((seal, sealed)) = text.split_at_checked(64) else { return false };
    seal == fingerprint(format!("sealed {sealed}").as_bytes())
}

/// Every call has exactly one output behind it, and there is no output without a call.
pub(super) fn answered(items: &[Value]) -> Result<(), Wrong> {
    let mut open: Vec<&str> = Vec::new();
    let mut seen: Vec<&str> = Vec::new();
    let about_input = |why: String| Wrong { param: Some("input".into()), ..Wrong::invalid(why) };
    for item in items {
        let id = text(item, "call_id");
        match kind(item) {
            "function_call" if seen.contains(&id) => {
                return Err(about_input(format!("Duplicate function call with call_id {id}.")));
            }
            "function_call" => {
                open.push(id);
                seen.push(id);
            }
            "function_call_output" => {
                let Some(place) = open.iter().position(|other| *other == id) else {
                    let why =
                        format!("No tool call found for function call output with call_id {id}.");
                    return Err(about_input(why));
                };
                open.remove(place);
            }
            _ => {}
        }
    }
    match open.first() {
        Some(id) => Err(about_input(format!("No tool output found for function call {id}."))),
        None => Ok(()),
    }
}

/// A turn that called tools comes back as it was said, the thought before it included.
pub(super) fn verbatim(items: &[Value], said: &Said) -> Result<(), Wrong> {
    for (index, item) in items.iter().enumerate().filter(|(_, item)| kind(item) == "function_call")
    {
        let id = text(item, "call_id");
        let Some((_, original)) = said.iter().rfind(|(other, _)| other == id) else { continue };
        let original = original.as_array().map(Vec::as_slice).unwrap_or_default();
        let Some(place) = original.iter().position(|other| text(other, "call_id") == id) else {
            continue;
        };
        let start = index.checked_sub(place);
        let sent = start.and_then(|start| items.get(start..start + original.len()));
        if sent == Some(original) {
            continue;
        }
        let thought = original.iter().find(|other| kind(other) == "reasoning");
        let why = match thought.filter(|thought| !items.contains(thought)) {
            Some(thought) => format!(
                "Item '{}' of type 'function_call' was provided without its required 'reasoning' item: '{}'.",
                text(item, "id"),
                text(thought, "id"),
            ),
            None => {
                format!("The items of the response with call_id {id} must come back as they were.")
            }
        };
        return Err(Wrong { param: Some("input".into()), ..Wrong::invalid(why) });
    }
    Ok(())
}

/// How many turns the model has had: runs of its items with something of ours between them.
pub(super) fn turns(items: &[Value]) -> usize {
    let mut before = false;
    let mut turns = 0;
    for item in items {
        let now = is_from_the_model(item);
        turns += usize::from(now && !before);
        before = now;
    }
    turns
}

pub(super) fn is_from_the_model(item: &Value) -> bool {
    match kind(item) {
        "function_call" | "reasoning" => true,
        "message" => item.get("role") == Some(&json!("assistant")),
        _ => false,
    }
}

fn kind(item: &Value) -> &str {
    match text(item, "type") {
        "" => "message",
        kind => kind,
    }
}
