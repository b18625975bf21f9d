//! Chat Completions: `POST {base}/chat/completions`, for servers such as Ollama and vLLM.
//!
//! It uses `system` and `max_tokens`, the older words, because these servers know them.

use super::{arguments, field, output};
use crate::domain::catalog::Model;
use crate::llm::wire::{Counts, Sizes, count, word};
use crate::llm::{Block, LlmError, Message, NO_ANSWER, Prompt, Reply, Stop, UserPart, object};
use serde_json::{Value, json};
use std::time::Duration;

/// The body of a request. The same prompt is always the same bytes.
pub(super) fn body(prompt: &Prompt<'_>) -> Value {
    let system: Vec<_> = prompt.system.iter().map(|s| s.text.as_str()).collect();
    let mut messages = vec![json!({"role": "system", "content": system.join("\n\n")})];
    messages.extend(prompt.messages.iter().flat_map(turn));
    let mut body = json!({
        "model": prompt.model.id, "max_tokens": prompt.max_output, "messages": messages,
    });
    // An empty list of tools is refused by some servers.
    if let (false, Some(fields)) = (prompt.tools.is_empty(), body.as_object_mut()) {
        let tools = prompt.tools.iter().map(|tool| {
            json!({"type": "function", "function": {
                "name": tool.name, "description": tool.description, "parameters": tool.schema,
            }})
        });
        fields.insert("tools".to_owned(), tools.collect());
    }
    body
}

fn turn(message: &Message) -> Vec<Value> {
    match message {
        Message::User(parts) => parts.iter().map(part).collect(),
        Message::Assistant(reply) if reply.raw.is_object() => vec![reply.raw.clone()],
        Message::Assistant(reply) if reply.raw.is_null() => vec![said_by_another(reply)],
        Message::Assistant(_) => vec![json!({"role": "assistant", "content": NO_ANSWER})],
    }
}

fn said_by_another(reply: &Reply) -> Value {
    let (mut texts, mut calls) = (Vec::new(), Vec::new());
    for block in &reply.blocks {
        match block {
            Block::Text(text) => texts.push(text.as_str()),
            Block::ToolCall { id, name, arguments } => calls.push(json!({
                "type": "function",
                "id": id,
                "function": {"name": name, "arguments": object(arguments).to_string()},
            })),
            Block::Opaque(_) => {}
        }
    }
    let mut message = json!({"role": "assistant", "content": texts.join("\n\n")});
    // An empty list of calls is refused by some servers.
    if let (false, Some(fields)) = (calls.is_empty(), message.as_object_mut()) {
        fields.insert("tool_calls".to_owned(), Value::Array(calls));
    }
    message
}

fn part(part: &UserPart) -> Value {
    match part {
        UserPart::Text { text, cache_breakpoint: _ } => json!({"role": "user", "content": text}),
        UserPart::ToolResult { call_id, name: _, text, is_error } => json!({
            "role": "tool",
            "tool_call_id": call_id,
            "content": output(text, *is_error),
        }),
    }
}

/// Reads a successful answer.
pub(super) fn reply(body: &Value, model: &Model, sizes: Sizes) -> Result<Reply, LlmError> {
    let choice = body.pointer("/choices/0").unwrap_or(&Value::Null);
    let Some(message) = choice.get("message").filter(|message| message.is_object()) else {
        return Err(LlmError::Malformed { message: "it has no message".to_owned() });
    };
    let counts = Counts {
        prompt: count(body, "/usage/prompt_tokens"),
        cached: count(body, "/usage/prompt_tokens_details/cached_tokens"),
        cache_write: count(body, "/usage/prompt_tokens_details/cache_write_tokens"),
        output: count(body, "/usage/completion_tokens"),
    };
    let blocks = blocks(message);
    Ok(Reply {
        stop: stop(field(choice, "finish_reason"), message, &blocks),
        blocks,
        usage: counts.usage(model, sizes),
        model: field(body, "model").to_owned(),
        request_id: None,
        raw: message.clone(),
        lost: Duration::ZERO,
    })
}

fn blocks(message: &Value) -> Vec<Block> {
    let text = Some(field(message, "content")).filter(|text| !text.is_empty());
    let calls = message.get("tool_calls").and_then(Value::as_array).into_iter().flatten();
    let calls = calls.map(|call| {
        let function = call.get("function").unwrap_or(&Value::Null);
        Block::ToolCall {
            id: field(call, "id").to_owned(),
            name: field(function, "name").to_owned(),
            arguments: arguments(function),
        }
    });
    text.map(|text| Block::Text(text.to_owned())).into_iter().chain(calls).collect()
}

/// Some servers say `stop` although they call tools.
fn stop(reason: &str, message: &Value, blocks: &[Block]) -> Stop {
    let refusal = Some(field(message, "refusal")).filter(|words| !words.is_empty());
    if let Some(words) = refusal {
        return Stop::Refusal { explanation: Some(words.to_owned()) };
    }
    let calls = blocks.iter().any(|block| matches!(block, Block::ToolCall { .. }));
    match reason {
        "length" => Stop::MaxTokens,
        "content_filter" => Stop::Refusal { explanation: None },
        "stop" | "tool_calls" if calls => Stop::ToolUse,
        "stop" => Stop::EndTurn,
        other => Stop::Other(word(other)),
    }
}
