//! Messages and their blocks, each by itself.

use serde_json::{Map, Value};

use super::{Checked, known, object};
use crate::simulator::models::{Wrong, anthropic::signature};

pub(crate) fn system(system: Option<&Value>) -> Checked {
    match system {
        None | Some(Value::String(_)) => Ok(()),
        Some(Value::Array(list)) => {
            for (index, item) in list.iter().enumerate() {
                block(item, &format!("system.{index}"), &["text"])?;
            }
            Ok(())
        }
        Some(_) => Err(Wrong::invalid("system: Input should be a string or a list")),
    }
}

/// Checks all messages and counts those of the assistant.
pub(crate) fn messages(messages: &[Value]) -> Checked<usize> {
    if messages.is_empty() {
        return Err(Wrong::invalid("messages: at least one message is required"));
    }
    let mut assistant = 0;
    for (index, message) in messages.iter().enumerate() {
        let place = format!("messages.{index}");
        let fields = object(message, &place)?;
        known(fields, &["role", "content"], &format!("{place}."))?;
        let allowed: &[&str] = match fields.get("role").and_then(Value::as_str) {
            Some("user") => &["text", "image", "document", "tool_result"],
            Some("assistant") if index > 0 => {
                assistant += 1;
                &["text", "thinking", "redacted_thinking", "tool_use"]
            }
            Some("assistant") => {
                return Err(Wrong::invalid("messages: first message must use the \"user\" role"));
            }
            _ => return Err(Wrong::invalid(format!("{place}.role: unexpected role"))),
        };
        content(fields.get("content"), &format!("{place}.content"), allowed)?;
    }
    Ok(assistant)
}

/// How many blocks carry a cache mark, at any depth.
pub(crate) fn marks(value: &Value) -> usize {
    match value {
        Value::Array(list) => list.iter().map(marks).sum(),
        Value::Object(fields) => {
            let own = usize::from(fields.get("cache_control").is_some_and(Value::is_object));
            let inner = fields.iter().filter(|(key, _)| *key != "input" && *key != "input_schema");
            own + inner.map(|(_, value)| marks(value)).sum::<usize>()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

fn content(content: Option<&Value>, place: &str, allowed: &[&str]) -> Checked {
    match content {
        Some(Value::String(text)) if text.is_empty() => {
            Err(Wrong::invalid(format!("{place}: all messages must have non-empty content")))
        }
        Some(Value::String(_)) => Ok(()),
        Some(Value::Array(list)) if list.is_empty() => {
            Err(Wrong::invalid(format!("{place}: all messages must have non-empty content")))
        }
        Some(Value::Array(list)) => {
            for (index, item) in list.iter().enumerate() {
                block(item, &format!("{place}.{index}"), allowed)?;
            }
            Ok(())
        }
        _ => Err(Wrong::invalid(format!("{place}: Field required"))),
    }
}

fn block(block: &Value, place: &str, allowed: &[&str]) -> Checked {
    let fields = object(block, place)?;
    let kind = fields.get("type").and_then(Value::as_str).unwrap_or_default();
    if !allowed.contains(&kind) {
        let why = format!("{place}: Input tag '{kind}' does not match any of {allowed:?}");
        return Err(Wrong::invalid(why));
    }
    mark(fields, place)?;
    let text = |key: &str| {
        let found = fields.get(key).and_then(Value::as_str);
        found.ok_or_else(|| Wrong::invalid(format!("{place}.{key}: Field required")))
    };
    let keys: &[&str] = match kind {
        "text" => {
            if text("text")?.is_empty() {
                return Err(Wrong::invalid(format!(
                    "{place}: text content blocks must be non-empty"
                )));
            }
            &["type", "text", "cache_control"]
        }
        "tool_use" => {
            text("id")?;
            text("name")?;
            object(fields.get("input").unwrap_or(&Value::Null), &format!("{place}.input"))?;
            &["type", "id", "name", "input", "cache_control"]
        }
        "tool_result" => {
            text("tool_use_id")?;
            result_content(fields.get("content"), place)?;
            &["type", "tool_use_id", "content", "is_error", "cache_control"]
        }
        "thinking" => {
            if text("signature")? != signature(text("thinking")?) {
                return Err(Wrong::invalid(format!(
                    "{place}: Invalid `signature` in `thinking` block"
                )));
            }
            &["type", "thinking", "signature"]
        }
        "redacted_thinking" => &["type", "data"],
        _ => &["type", "source", "title", "context", "cache_control"],
    };
    known(fields, keys, &format!("{place}."))
}

fn result_content(content: Option<&Value>, place: &str) -> Checked {
    match content {
        None | Some(Value::String(_)) => Ok(()),
        Some(Value::Array(list)) => {
            for (index, item) in list.iter().enumerate() {
                block(item, &format!("{place}.content.{index}"), &["text", "image", "document"])?;
            }
            Ok(())
        }
        Some(_) => {
            Err(Wrong::invalid(format!("{place}.content: Input should be a string or a list")))
        }
    }
}

fn mark(fields: &Map<String, Value>, place: &str) -> Checked {
    let Some(mark) = fields.get("cache_control").filter(|mark| !mark.is_null()) else {
        return Ok(());
    };
    let place = format!("{place}.cache_control");
    let mark = object(mark, &place)?;
    known(mark, &["type", "ttl"], &format!("{place}."))?;
    let lasts = mark.get("ttl").is_none_or(|ttl| ttl == "5m" || ttl == "1h");
    if mark.get("type").and_then(Value::as_str) != Some("ephemeral") || !lasts {
        return Err(Wrong::invalid(format!("{place}: Input should be 'ephemeral' for 5m or 1h")));
    }
    Ok(())
}
