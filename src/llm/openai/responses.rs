//! The Responses API: `POST {base}/responses`.

use super::{arguments, error, field, output};
use crate::domain::catalog::Model;
use crate::llm::wire::{Counts, Sizes, count, word};
use crate::llm::{Block, LlmError, Message, NO_ANSWER, Prompt, Reply, Stop, UserPart, object};
use serde_json::{Value, json};
use std::time::Duration;

/// The body of a request. The same prompt is always the same bytes.
pub(super) fn body(prompt: &Prompt<'_>) -> Value {
    let instructions: Vec<_> = prompt.system.iter().map(|s| s.text.as_str()).collect();
    let tools = prompt.tools.iter().map(|tool| {
        // Strict is the default here, and it would ask for schemas without optional arguments.
        json!({"type": "function", "name": tool.name, "description": tool.description,
               "parameters": tool.schema, "strict": false})
    });
    json!({
        "model": prompt.model.id,
        "instructions": instructions.join("\n\n"),
        "tools": tools.collect::<Vec<_>>(),
        "max_output_tokens": prompt.max_output,
        "store": false,
        "include": ["reasoning.encrypted_content"],
        "input": prompt.messages.iter().flat_map(items).collect::<Vec<_>>(),
    })
}

fn items(message: &Message) -> Vec<Value> {
    match message {
        Message::User(parts) => parts.iter().map(part).collect(),
        Message::Assistant(reply) => match reply.raw.as_array() {
            Some(items) if !items.is_empty() => items.clone(),
            None if reply.raw.is_null() => {
                reply.blocks.iter().filter_map(said_by_another).collect()
            }
            _ => vec![json!({"role": "assistant", "content": NO_ANSWER})],
        },
    }
}

fn said_by_another(block: &Block) -> Option<Value> {
    match block {
        Block::Text(text) => Some(json!({"role": "assistant", "content": text})),
        Block::ToolCall { id, name, arguments } => Some(json!({
            "type": "function_call",
            "call_id": id,
            "name": name,
            "arguments": object(arguments).to_string(),
        })),
        Block::Opaque(_) => None,
    }
}

fn part(part: &UserPart) -> Value {
    match part {
        UserPart::Text { text, cache_breakpoint: _ } => json!({"role": "user", "content": text}),
        UserPart::ToolResult { call_id, name: _, text, is_error } => json!({
            "type": "function_call_output",
            "call_id": call_id,
            "output": output(text, *is_error),
        }),
    }
}

/// Reads a successful answer.
pub(super) fn reply(body: &Value, model: &Model, sizes: Sizes) -> Result<Reply, LlmError> {
    if field(body, "status") == "failed" {
        let code = body.pointer("/error/code").and_then(Value::as_str).unwrap_or_default();
        return Err(error::failed(code));
    }
    let Some(output) = body.get("output").and_then(Value::as_array) else {
        return Err(LlmError::Malformed { message: "its output is not a list".to_owned() });
    };
    let counts = Counts {
        prompt: count(body, "/usage/input_tokens"),
        cached: count(body, "/usage/input_tokens_details/cached_tokens"),
        cache_write: count(body, "/usage/input_tokens_details/cache_write_tokens"),
        output: count(body, "/usage/output_tokens"),
    };
    Ok(Reply {
        blocks: output.iter().flat_map(blocks).collect(),
        stop: stop(body, output),
        usage: counts.usage(model, sizes),
        model: field(body, "model").to_owned(),
        request_id: None,
        raw: Value::Array(output.clone()),
        lost: Duration::ZERO,
    })
}

fn blocks(item: &Value) -> Vec<Block> {
    match field(item, "type") {
        "message" => contents(item)
            .filter(|content| field(content, "type") == "output_text")
            .map(|content| Block::Text(field(content, "text").to_owned()))
            .collect(),
        "function_call" => vec![Block::ToolCall {
            id: field(item, "call_id").to_owned(),
            name: field(item, "name").to_owned(),
            arguments: arguments(item),
        }],
        _ => vec![Block::Opaque(item.clone())],
    }
}

fn contents(item: &Value) -> impl Iterator<Item = &Value> {
    item.get("content").and_then(Value::as_array).into_iter().flatten()
}

/// There is no reason of its own: a complete turn wants tools if it has calls.
fn stop(body: &Value, output: &[Value]) -> Stop {
    let reason = body.pointer("/incomplete_details/reason").and_then(Value::as_str);
    match (field(body, "status"), reason) {
        ("incomplete", Some("max_output_tokens")) => return Stop::MaxTokens,
        ("incomplete", Some("content_filter")) => return Stop::Refusal { explanation: None },
        ("completed", _) => {}
        (status, reason) => return Stop::Other(word(reason.unwrap_or(status))),
    }
    let refusal = output.iter().flat_map(contents).find(|c| field(c, "type") == "refusal");
    if let Some(refusal) = refusal {
        return Stop::Refusal { explanation: Some(field(refusal, "refusal").to_owned()) };
    }
    let calls = output.iter().any(|item| field(item, "type") == "function_call");
    if calls { Stop::ToolUse } else { Stop::EndTurn }
}
