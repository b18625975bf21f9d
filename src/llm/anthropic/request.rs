//! A prompt as the bytes of a request. The same prompt is always the same bytes.

use crate::llm::{Block, Message, NO_ANSWER, Prompt, Reply, Segment, ToolSpec, UserPart, object};
use serde_json::{Value, json};

/// The service takes no more marks than this in one request.
const MOST_BREAKPOINTS: usize = 4;
/// The ends of this many user messages are marked: the newest is written, the one before it is read.
const MARKED_TAIL: usize = 2;

/// The body of a request.
pub(super) fn body(prompt: &Prompt<'_>) -> Vec<u8> {
    let body = json!({
        "model": prompt.model.id,
        "max_tokens": prompt.max_output,
        "system": prompt.system.iter().map(system).collect::<Vec<_>>(),
        "tools": prompt.tools.iter().map(tool).collect::<Vec<_>>(),
        "messages": messages(prompt),
    });
    body.to_string().into_bytes()
}

fn system(segment: &Segment) -> Value {
    let mut block = json!({"type": "text", "text": segment.text});
    if segment.cache {
        mark(&mut block);
    }
    block
}

fn tool(spec: &ToolSpec) -> Value {
    json!({"name": spec.name, "description": spec.description, "input_schema": spec.schema})
}

fn messages(prompt: &Prompt<'_>) -> Vec<Value> {
    let mut left = MOST_BREAKPOINTS - prompt.system.iter().filter(|s| s.cache).count().min(4);
    let mut messages: Vec<_> = prompt.messages.iter().map(message).collect();
    // The newest ends come first: without them every call would pay for all before it.
    for index in tail_of_users(prompt.messages) {
        if left > 0 && messages.get_mut(index).is_some_and(mark_end) {
            left -= 1;
        }
    }
    for (source, message) in prompt.messages.iter().zip(&mut messages) {
        left = mark_wanted(source, message, left);
    }
    messages
}

fn message(message: &Message) -> Value {
    match message {
        Message::User(parts) => {
            json!({"role": "user", "content": parts.iter().map(part).collect::<Vec<_>>()})
        }
        Message::Assistant(reply) => json!({"role": "assistant", "content": content(reply)}),
    }
}

/// The reply's own content, or its blocks if another model said it. An empty one must not be sent, so it
/// gets the least that may be.
fn content(reply: &Reply) -> Value {
    match &reply.raw {
        Value::Array(blocks) if !blocks.is_empty() => {
            blocks.iter().map(with_object_input).collect()
        }
        Value::Null => reply.blocks.iter().filter_map(block).collect(),
        Value::Array(_)
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Object(_) => json!([{"type": "text", "text": NO_ANSWER}]),
    }
}

fn block(block: &Block) -> Option<Value> {
    match block {
        Block::Text(text) => Some(json!({"type": "text", "text": text})),
        Block::ToolCall { id, name, arguments } => {
            Some(json!({"type": "tool_use", "id": id, "name": name, "input": object(arguments)}))
        }
        Block::Opaque(_) => None,
    }
}

/// The service refuses a call whose input is no object, also one that its own model wrote.
fn with_object_input(block: &Value) -> Value {
    let mut block = block.clone();
    if let Some(input) = block.get_mut("input").filter(|input| !input.is_object()) {
        *input = json!({});
    }
    block
}

fn part(part: &UserPart) -> Value {
    match part {
        UserPart::Text { text, cache_breakpoint: _ } => json!({"type": "text", "text": text}),
        UserPart::ToolResult { call_id, name: _, text, is_error } => json!({
            "type": "tool_result",
            "tool_use_id": call_id,
            "content": text,
            "is_error": is_error,
        }),
    }
}

fn tail_of_users(messages: &[Message]) -> Vec<usize> {
    let users = messages.iter().enumerate().filter(|(_, m)| matches!(m, Message::User(_)));
    users.map(|(index, _)| index).rev().take(MARKED_TAIL).collect()
}

/// Marks the parts that ask for it, as long as marks are left.
fn mark_wanted(source: &Message, message: &mut Value, mut left: usize) -> usize {
    let Message::User(parts) = source else { return left };
    let Some(blocks) = blocks(message) else { return left };
    for (part, block) in parts.iter().zip(blocks) {
        let wanted = matches!(part, UserPart::Text { cache_breakpoint: true, .. });
        if wanted && left > 0 && mark(block) {
            left -= 1;
        }
    }
    left
}

fn mark_end(message: &mut Value) -> bool {
    blocks(message).and_then(|blocks| blocks.last_mut()).is_some_and(mark)
}

fn blocks(message: &mut Value) -> Option<&mut Vec<Value>> {
    message.get_mut("content")?.as_array_mut()
}

/// Puts a mark on a block; false if it has one.
fn mark(block: &mut Value) -> bool {
    let Some(fields) = block.as_object_mut() else { return false };
    fields.insert("cache_control".to_owned(), json!({"type": "ephemeral"})).is_none()
}
