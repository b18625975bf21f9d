//! A prompt as the body of a request. The same prompt is always the same bytes.

use super::UNNAMED;
use crate::llm::{Block, Message, NO_ANSWER, Prompt, Reply, UserPart, object};
use serde_json::{Value, json};

/// The body of a request.
pub(super) fn body(prompt: &Prompt<'_>) -> Value {
    let system = prompt.system.iter().map(|segment| json!({"text": segment.text}));
    let mut body = json!({
        "systemInstruction": {"parts": system.collect::<Vec<_>>()},
        "generationConfig": {"maxOutputTokens": prompt.max_output},
    });
    let tools = prompt.tools.iter().map(|tool| {
        json!({"name": tool.name, "description": tool.description,
               "parametersJsonSchema": tool.schema})
    });
    if let Some(fields) = body.as_object_mut() {
        if !prompt.tools.is_empty() {
            let tools = json!([{"functionDeclarations": tools.collect::<Vec<_>>()}]);
            fields.insert("tools".to_owned(), tools);
        }
        fields.insert("contents".to_owned(), prompt.messages.iter().map(content).collect());
    }
    body
}

fn content(message: &Message) -> Value {
    match message {
        Message::User(parts) => {
            json!({"role": "user", "parts": parts.iter().map(part).collect::<Vec<_>>()})
        }
        Message::Assistant(reply) if has_parts(&reply.raw) => reply.raw.clone(),
        Message::Assistant(reply) if reply.raw.is_null() => {
            json!({"role": "model", "parts": said_by_another(reply)})
        }
        Message::Assistant(_) => json!({"role": "model", "parts": [{"text": NO_ANSWER}]}),
    }
}

/// The service signs the first call of each turn and wants the signature back. For calls that another
/// model made it documents this word instead.
const NOT_SIGNED: &str = "skip_thought_signature_validator";

fn said_by_another(reply: &Reply) -> Vec<Value> {
    let mut is_first_call = true;
    let part = |block: &Block| match block {
        Block::Text(text) => Some(json!({"text": text})),
        Block::ToolCall { id, name, arguments } => {
            let call = json!({"id": id, "name": name, "args": object(arguments)});
            let mut part = json!({"functionCall": call});
            if let (true, Some(fields)) = (is_first_call, part.as_object_mut()) {
                fields.insert("thoughtSignature".to_owned(), json!(NOT_SIGNED));
            }
            is_first_call = false;
            Some(part)
        }
        Block::Opaque(_) => None,
    };
    let parts: Vec<Value> = reply.blocks.iter().filter_map(part).collect();
    // The service refuses a turn without parts.
    if parts.is_empty() { vec![json!({"text": NO_ANSWER})] } else { parts }
}

fn has_parts(raw: &Value) -> bool {
    raw.get("parts").and_then(Value::as_array).is_some_and(|parts| !parts.is_empty())
}

fn part(part: &UserPart) -> Value {
    match part {
        UserPart::Text { text, cache_breakpoint: _ } => json!({"text": text}),
        UserPart::ToolResult { call_id, name, text, is_error } => {
            let key = if *is_error { "error" } else { "result" };
            let response = json!({"name": name, "response": {key: text}});
            json!({"functionResponse": with_id(response, call_id)})
        }
    }
}

fn with_id(mut response: Value, call_id: &str) -> Value {
    if let (false, Some(fields)) = (call_id.starts_with(UNNAMED), response.as_object_mut()) {
        fields.insert("id".to_owned(), json!(call_id));
    }
    response
}
