//! Tool calls and their results; and what the model said, sent back unchanged.

use serde_json::Value;

use super::Checked;
use crate::simulator::models::{Wrong, play::Said};

/// Every call is answered in the next message, results first, and nothing else is answered.
pub(crate) fn answered(messages: &[Value], tools: &[String]) -> Checked {
    let mut open: Vec<String> = Vec::new();
    let mut opened_at = 0;
    for (index, message) in messages.iter().enumerate() {
        let results = texts(message, "tool_result", "tool_use_id");
        if let Some(stray) = results.iter().find(|id| !open.contains(id)) {
            let why = format!(
                "messages.{index}: unexpected `tool_use_id` found in `tool_result` blocks: {stray}. \
                 Each `tool_result` block must have a corresponding `tool_use` block in the previous message."
            );
            return Err(Wrong::invalid(why));
        }
        let missing: Vec<String> = open.into_iter().filter(|id| !results.contains(id)).collect();
        if !missing.is_empty() {
            return Err(unanswered(opened_at, &missing));
        }
        for (place, id) in results.iter().enumerate() {
            if results.iter().skip(place + 1).any(|other| other == id) {
                let why = format!(
                    "messages.{index}: each tool_use must have a single result. Found multiple `tool_result` blocks with id: {id}"
                );
                return Err(Wrong::invalid(why));
            }
        }
        results_first(message, index)?;
        open = texts(message, "tool_use", "id");
        opened_at = index;
        let names = texts(message, "tool_use", "name");
        if tools.is_empty() && !names.is_empty() {
            return Err(Wrong::invalid(
                "tools: Field required when messages contain tool_use blocks",
            ));
        }
    }
    if open.is_empty() { Ok(()) } else { Err(unanswered(opened_at, &open)) }
}

/// A turn of the model that called tools comes back as it was said.
pub(crate) fn verbatim(messages: &[Value], said: &Said) -> Checked {
    for (index, message) in messages.iter().enumerate() {
        let ids = texts(message, "tool_use", "id");
        let known = ids.iter().find_map(|id| said.iter().rfind(|(other, _)| other == id));
        let Some((_, original)) = known else { continue };
        if without_marks(message.get("content")) != *original {
            let why = format!(
                "messages.{index}: `thinking`, `text` and `tool_use` blocks in an assistant message \
                 cannot be modified. These blocks must remain as they were in the original response."
            );
            return Err(Wrong::invalid(why));
        }
    }
    Ok(())
}

fn without_marks(content: Option<&Value>) -> Value {
    let mut content = content.cloned().unwrap_or_default();
    for block in content.as_array_mut().into_iter().flatten() {
        if let Some(fields) = block.as_object_mut() {
            fields.remove("cache_control");
        }
    }
    content
}

fn results_first(message: &Value, index: usize) -> Checked {
    let blocks = message.get("content").and_then(Value::as_array).into_iter().flatten();
    let mut other_seen = false;
    for block in blocks {
        let is_result = block.get("type").is_some_and(|kind| kind == "tool_result");
        if is_result && other_seen {
            let why =
                format!("messages.{index}: `tool_result` blocks must come first in the content");
            return Err(Wrong::invalid(why));
        }
        other_seen |= !is_result;
    }
    Ok(())
}

fn unanswered(index: usize, ids: &[String]) -> Wrong {
    Wrong::invalid(format!(
        "messages.{index}: `tool_use` ids were found without `tool_result` blocks immediately after: {}. \
         Each `tool_use` block must have a corresponding `tool_result` block in the next message.",
        ids.join(", ")
    ))
}

fn texts(message: &Value, kind: &str, key: &str) -> Vec<String> {
    let blocks = message.get("content").and_then(Value::as_array).into_iter().flatten();
    let wanted = blocks.filter(|block| block.get("type").is_some_and(|found| found == kind));
    wanted.filter_map(|block| Some(block.get(key)?.as_str()?.to_owned())).collect()
}
