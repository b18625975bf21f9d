//! A message as a stream of events.

use serde_json::{Value, json};

/// The events of a whole message, ready to be sent.
pub(crate) fn events(message: &Value) -> String {
    let mut out = String::new();
    let mut send = |event: &str, mut data: Value| {
        if let Some(fields) = data.as_object_mut() {
            fields.insert("type".to_owned(), json!(event));
        }
        out.push_str(&format_event(event, &data));
    };
    send("message_start", json!({"message": beginning(message)}));
    send("ping", json!({}));
    let blocks = message.get("content").and_then(Value::as_array).into_iter().flatten();
    for (index, block) in blocks.enumerate() {
        let (empty, deltas) = parts(block);
        send("content_block_start", json!({"index": index, "content_block": empty}));
        for delta in deltas {
            send("content_block_delta", json!({"index": index, "delta": delta}));
        }
        send("content_block_stop", json!({"index": index}));
    }
    let delta = json!({
        "stop_reason": message.get("stop_reason"), "stop_sequence": null,
        "stop_details": message.get("stop_details"),
    });
    send("message_delta", json!({"delta": delta, "usage": message.get("usage")}));
    send("message_stop", json!({}));
    out
}

fn format_event(event: &str, data: &Value) -> String {
    format!("event: {event}\ndata: {data}\n\n")
}

/// The message before anything was said.
fn beginning(message: &Value) -> Value {
    let mut start = message.clone();
    if let Some(fields) = start.as_object_mut() {
        fields.insert("content".to_owned(), json!([]));
        fields.insert("stop_reason".to_owned(), Value::Null);
        fields.remove("stop_details");
        if let Some(usage) = fields.get_mut("usage").and_then(Value::as_object_mut) {
            usage.insert("output_tokens".to_owned(), json!(1));
        }
    }
    start
}

/// A block's beginning and what is added to it.
fn parts(block: &Value) -> (Value, Vec<Value>) {
    let text = |key: &str| block.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    match text("type").as_str() {
        "text" => {
            let deltas =
                halves(&text("text")).map(|half| json!({"type": "text_delta", "text": half}));
            (json!({"type": "text", "text": ""}), deltas.into())
        }
        "thinking" => {
            let thought = json!({"type": "thinking_delta", "thinking": text("thinking")});
            let signature = json!({"type": "signature_delta", "signature": text("signature")});
            let empty = json!({"type": "thinking", "thinking": "", "signature": ""});
            (empty, vec![thought, signature])
        }
        "tool_use" => {
            let input = block.get("input").map(Value::to_string).unwrap_or_default();
            let deltas = halves(&input)
                .map(|half| json!({"type": "input_json_delta", "partial_json": half}));
            let empty =
                json!({"type": "tool_use", "id": text("id"), "name": text("name"), "input": {}});
            (empty, deltas.into())
        }
        _ => (block.clone(), Vec::new()),
    }
}

fn halves(text: &str) -> [String; 2] {
    let middle = text.char_indices().map(|(at, _)| at).find(|at| *at >= text.len() / 2);
    let (first, second) = text.split_at(middle.unwrap_or(0));
    [first.to_owned(), second.to_owned()]
}
