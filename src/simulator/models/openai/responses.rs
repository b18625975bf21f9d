//! The Responses API: `POST /v1/responses`, neither streamed nor stored.

use serde_json::{Map, Value, json};

use super::{
    EFFORTS, REFUSAL, arguments, check_length, coded, function, items, model_and_limits, wrong,
};
use crate::simulator::{
    models::{
        Ending, Wrong,
        cache::{Block, tokens_in, tokens_of},
        play::{Asked, Said, Spoken},
        shape::{Field, Is, fields, list, may, must, one_of},
    },
    script::Say,
};

const TOP: &[Field] = &[
    must("model", Is::Text),
    must("input", Is::TextOrList),
    may("instructions", Is::Text),
    may("tools", Is::List),
    may("tool_choice", Is::TextOrFields),
    may("parallel_tool_calls", Is::Flag),
    may("max_tool_calls", Is::Whole),
    may("reasoning", Is::Fields),
    may("max_output_tokens", Is::Whole),
    may("store", Is::Flag),
    may("background", Is::Flag),
    may("include", Is::List),
    may("prompt_cache_key", Is::Text),
    may("prompt_cache_retention", Is::Text),
    may("metadata", Is::Fields),
    may("stream", Is::Flag),
    may("stream_options", Is::Fields),
    may("temperature", Is::Number),
    may("top_p", Is::Number),
    may("top_logprobs", Is::Whole),
    may("truncation", Is::Text),
    may("text", Is::Fields),
    may("user", Is::Text),
    may("safety_identifier", Is::Text),
    may("service_tier", Is::Text),
    may("previous_response_id", Is::Text),
    may("conversation", Is::TextOrFields),
    may("prompt", Is::Fields),
];
const REASONING: &[Field] =
    &[may("effort", Is::Text), may("summary", Is::Text), may("generate_summary", Is::Text)];
const INCLUDE: &[&str] = &[
    "reasoning.encrypted_content",
    "message.output_text.logprobs",
    "message.input_image.image_url",
];

pub(crate) fn check(body: &Value, said: &Said) -> Result<Asked, Wrong> {
    let top = fields(body, "", TOP).map_err(wrong)?;
    one_of(top, "tool_choice", "", &["auto", "none", "required"]).map_err(wrong)?;
    let nothing = Value::Object(Map::new());
    let reasoning = top.get("reasoning").filter(|value| !value.is_null()).unwrap_or(&nothing);
    let reasoning = fields(reasoning, "reasoning", REASONING).map_err(wrong)?;
    one_of(reasoning, "effort", "reasoning", EFFORTS).map_err(wrong)?;
    let model = model_and_limits(top, &["max_output_tokens"], reasoning.get("effort"), false)?;
    not_played(top)?;
    for (index, tool) in list(body, "tools").iter().enumerate() {
        function(tool, &format!("tools[{index}]"), true)?;
    }
    let stored = top.get("store").and_then(Value::as_bool).unwrap_or(true);
    let input = input(body);
    items::check(&input, stored)?;
    items::answered(&input)?;
    items::verbatim(&input, said)?;
    let first = input.iter().take_while(|item| !items::is_from_the_model(item));
    let first = Value::from(first.cloned().collect::<Vec<_>>()).to_string();
    let prompt = prompt(body, &input);
    check_length(tokens_in(&prompt), model)?;
    Ok(Asked {
        model: model.name.to_owned(),
        turns: items::turns(&input),
        stream: false,
        system: body.get("instructions").map(Value::to_string).unwrap_or_default(),
        first,
        prompt,
        shows_thoughts: list(body, "include")
            .iter()
            .any(|one| one == "reasoning.encrypted_content"),
    })
}

/// What the service can and this one does not.
fn not_played(top: &Map<String, Value>) -> Result<(), Wrong> {
    if top.get("stream") == Some(&Value::Bool(true)) {
        return Err(coded("unsupported_parameter", Some("stream"), "stream: not simulated"));
    }
    for key in ["previous_response_id", "conversation", "prompt"] {
        if let Some(Value::String(id)) = top.get(key) {
            let why = format!("Previous response with id '{id}' not found.");
            return Err(coded("previous_response_not_found", Some(key), why));
        }
    }
    let include = top.get("include").and_then(Value::as_array).into_iter().flatten();
    for (index, one) in include.enumerate() {
        if !INCLUDE.iter().any(|known| one == known) {
            let why = format!("Invalid value: {one}. Supported values are: {INCLUDE:?}.");
            return Err(coded("invalid_value", Some(&format!("include[{index}]")), why));
        }
    }
    Ok(())
}

fn input(body: &Value) -> Vec<Value> {
    match body.get("input") {
        Some(Value::Array(items)) => items.clone(),
        Some(text) => vec![json!({"role": "user", "content": text})],
        None => Vec::new(),
    }
}

fn prompt(body: &Value, input: &[Value]) -> Vec<Block> {
    let instructions = body.get("instructions").cloned();
    let tools = list(body, "tools").iter().cloned();
    let all = instructions.into_iter().chain(tools).chain(input.iter().cloned());
    all.map(|content| Block { content, marked: true }).collect()
}

/// A turn as a response.
pub(crate) fn say(spoken: &Spoken, asked: &Asked) -> (Ending, Said) {
    let output = Value::from(output(spoken, asked.shows_thoughts));
    let is_cut = matches!(spoken.turn.say, Say::Cut(_));
    let mut response = json!({
        "id": format!("resp_{}", spoken.head(24)), "object": "response",
        "created_at": 1_790_000_000, "status": if is_cut { "incomplete" } else { "completed" },
        "error": null, "incomplete_details": is_cut.then(|| json!({"reason": "max_output_tokens"})),
        "instructions": null, "metadata": {}, "model": asked.model, "output": output,
        "parallel_tool_calls": true, "temperature": 1.0, "tool_choice": "auto", "tools": [],
        "top_p": 1.0,
    });
    if let (Some(usage), Value::Object(fields)) = (usage(spoken, &output), &mut response) {
        fields.insert("usage".to_owned(), usage);
    }
    let calls = output.as_array().into_iter().flatten();
    let ids = calls.filter_map(|item| item.get("call_id")?.as_str());
    let said = ids.map(|id| (id.to_owned(), output.clone())).collect();
    (Ending::Message(response), said)
}

fn output(spoken: &Spoken, encrypts: bool) -> Vec<Value> {
    let turn = &spoken.turn;
    let mut output = Vec::new();
    if let Some(thought) = &turn.thinking {
        let mut item =
            json!({"type": "reasoning", "id": format!("rs_{}", spoken.head(24)), "summary": []});
        if let (true, Some(fields)) = (encrypts, item.as_object_mut()) {
            fields.insert("encrypted_content".to_owned(), json!(items::encrypted(thought)));
        }
        output.push(item);
    }
    let mut message = |content: Value, status: &str| {
        let id = format!("msg_{}{}", spoken.head(24), output.len());
        output.push(json!({"type": "message", "id": id, "role": "assistant", "status": status, "content": [content]}));
    };
    let text = |text: &str| json!({"type": "output_text", "text": text, "annotations": []});
    if let Some(before) = &turn.text {
        message(text(before), "completed");
    }
    match &turn.say {
        Say::Text(words) if !words.is_empty() => message(text(words), "completed"),
        Say::Cut(words) => message(text(words), "incomplete"),
        Say::Refusal => message(json!({"type": "refusal", "refusal": REFUSAL}), "completed"),
        Say::Calls(calls) => {
            for (index, (name, input)) in calls.iter().enumerate() {
                output.push(json!({
                    "type": "function_call", "id": format!("fc_{}{index:02}", spoken.head(24)),
                    "call_id": spoken.call_id("call_", index), "name": name,
                    "arguments": arguments(input), "status": "completed",
                }));
            }
        }
        Say::Text(_) | Say::Raw(_) | Say::Silence => {}
    }
    output
}

/// What was read from the cache, and written to it, is part of the input here.
fn usage(spoken: &Spoken, output: &Value) -> Option<Value> {
    let said = output.as_array().into_iter().flatten();
    let said = said.filter(|item| item.get("type") != Some(&json!("reasoning"))).map(tokens_of);
    let counts = spoken.counts(said.sum::<u64>() + spoken.thought())?;
    Some(json!({
        "input_tokens": counts.prompt(),
        "input_tokens_details":
            {"cached_tokens": counts.read, "cache_write_tokens": counts.written},
        "output_tokens": counts.output,
        "output_tokens_details": {"reasoning_tokens": counts.thought},
        "total_tokens": counts.prompt().saturating_add(counts.output),
    }))
}
