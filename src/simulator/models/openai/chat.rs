//! Chat Completions: `POST /v1/chat/completions`, not streamed; also as an OpenAI-compatible server
//! speaks it.

use serde_json::{Map, Value, json};

use super::{
    EFFORTS, REFUSAL, Served, arguments, check_length, coded, function, model_and_limits, wrong,
};
use crate::simulator::{
    models::{
        Ending, Wrong,
        cache::{Block, tokens_in, tokens_of},
        play::{Asked, Said, Spoken},
        shape::{Field, Is, fields, list, may, must, one_of, text},
    },
    script::Say,
};

const TOP: &[Field] = &[
    must("model", Is::Text),
    must("messages", Is::List),
    may("tools", Is::List),
    may("tool_choice", Is::TextOrFields),
    may("parallel_tool_calls", Is::Flag),
    may("max_completion_tokens", Is::Whole),
    may("max_tokens", Is::Whole),
    may("reasoning_effort", Is::Text),
    may("verbosity", Is::Text),
    may("temperature", Is::Number),
    may("top_p", Is::Number),
    may("presence_penalty", Is::Number),
    may("frequency_penalty", Is::Number),
    may("logit_bias", Is::Fields),
    may("logprobs", Is::Flag),
    may("top_logprobs", Is::Whole),
    may("n", Is::Whole),
    may("seed", Is::Whole),
    may("stop", Is::TextOrList),
    may("stream", Is::Flag),
    may("stream_options", Is::Fields),
    may("response_format", Is::Fields),
    may("user", Is::Text),
    may("metadata", Is::Fields),
    may("store", Is::Flag),
    may("service_tier", Is::Text),
    may("prompt_cache_key", Is::Text),
    may("safety_identifier", Is::Text),
];
const TOOL: &[Field] = &[must("type", Is::Text), must("function", Is::Fields)];
const FROM_US: &[Field] =
    &[must("role", Is::Text), must("content", Is::TextOrList), may("name", Is::Text)];
const FROM_MODEL: &[Field] = &[
    must("role", Is::Text),
    may("content", Is::TextOrList),
    may("refusal", Is::Text),
    may("name", Is::Text),
    may("tool_calls", Is::List),
];
const FROM_TOOL: &[Field] =
    &[must("role", Is::Text), must("content", Is::TextOrList), must("tool_call_id", Is::Text)];
const CALL: &[Field] =
    &[must("id", Is::Text), must("type", Is::Text), must("function", Is::Fields)];
const CALLED: &[Field] = &[must("name", Is::Text), must("arguments", Is::Text)];

pub(crate) fn check(body: &Value, said: &Said) -> Result<Asked, Wrong> {
    let top = fields(body, "", TOP).map_err(wrong)?;
    one_of(top, "tool_choice", "", &["auto", "none", "required"]).map_err(wrong)?;
    one_of(top, "reasoning_effort", "", EFFORTS).map_err(wrong)?;
    let limits = ["max_completion_tokens", "max_tokens"];
    let model = model_and_limits(top, &limits, top.get("reasoning_effort"), true)?;
    older_words(top, model.served)?;
    if let Some(Value::Array(tools)) = top.get("tools") {
        if tools.is_empty() {
            return Err(coded(
                "empty_array",
                Some("tools"),
                "Invalid 'tools': empty array. Expected an array with minimum length 1.",
            ));
        }
        for (index, tool) in tools.iter().enumerate() {
            let place = format!("tools[{index}]");
            let tool = fields(tool, &place, TOOL).map_err(wrong)?;
            one_of(tool, "type", &place, &["function"]).map_err(wrong)?;
            let declared = tool.get("function").unwrap_or(&Value::Null);
            function(declared, &format!("{place}.function"), false)?;
        }
    }
    let messages = list(body, "messages");
    each(messages)?;
    answered(messages)?;
    verbatim(messages, said)?;
    let is_system = |message: &&Value| matches!(text(message, "role"), "system" | "developer");
    let first = messages.iter().take_while(|message| text(message, "role") != "assistant");
    let as_json = |list: Vec<Value>| Value::from(list).to_string();
    let prompt = list(body, "tools").iter().chain(messages).cloned();
    let prompt: Vec<_> = prompt.map(|content| Block { content, marked: true }).collect();
    check_length(tokens_in(&prompt), model)?;
    Ok(Asked {
        model: model.name.to_owned(),
        turns: messages.iter().filter(|message| text(message, "role") == "assistant").count(),
        stream: false,
        system: as_json(messages.iter().filter(is_system).cloned().collect()),
        first: as_json(first.filter(|message| !is_system(message)).cloned().collect()),
        prompt,
        shows_thoughts: false,
    })
}

/// The service's own models have unlearned some words, and compatible servers do not know the new.
fn older_words(top: &Map<String, Value>, served: Served) -> Result<(), Wrong> {
    if top.get("stream") == Some(&Value::Bool(true)) {
        return Err(coded("unsupported_parameter", Some("stream"), "stream: not simulated"));
    }
    let (not, instead) = match served {
        Served::Compatible => ("max_completion_tokens", "max_tokens"),
        Served::Reasoning | Served::AlwaysReasoning => ("max_tokens", "max_completion_tokens"),
    };
    if top.get(not).is_some_and(|value| !value.is_null()) {
        let why = format!(
            "Unsupported parameter: '{not}' is not supported with this model. Use '{instead}' instead."
        );
        return Err(coded("unsupported_parameter", Some(not), why));
    }
    Ok(())
}

fn each(messages: &[Value]) -> Result<(), Wrong> {
    if messages.is_empty() {
        return Err(coded(
            "empty_array",
            Some("messages"),
            "Invalid 'messages': empty array. Expected an array with minimum length 1.",
        ));
    }
    for (index, message) in messages.iter().enumerate() {
        let place = format!("messages[{index}]");
        if let Some(fields) = message.as_object() {
            let roles = &["system", "developer", "user", "assistant", "tool"];
            one_of(fields, "role", &place, roles).map_err(wrong)?;
        }
        let known = match text(message, "role") {
            "assistant" => FROM_MODEL,
            "tool" => FROM_TOOL,
            _ => FROM_US,
        };
        fields(message, &place, known).map_err(wrong)?;
        let calls = list(message, "tool_calls");
        let says = |key: &str| message.get(key).is_some_and(|value| !value.is_null());
        if text(message, "role") == "assistant"
            && calls.is_empty()
            && !says("content")
            && !says("refusal")
        {
            let why = format!("Invalid value for '{place}.content': expected a string, got null.");
            return Err(coded("invalid_type", Some(&format!("{place}.content")), why));
        }
        for (index, call) in calls.iter().enumerate() {
            let place = format!("{place}.tool_calls[{index}]");
            let call = fields(call, &place, CALL).map_err(wrong)?;
            one_of(call, "type", &place, &["function"]).map_err(wrong)?;
            let called = call.get("function").unwrap_or(&Value::Null);
            fields(called, &format!("{place}.function"), CALLED).map_err(wrong)?;
        }
    }
    Ok(())
}

/// Every call is answered by one of the tool messages that directly follow.
fn answered(messages: &[Value]) -> Result<(), Wrong> {
    let mut open: Vec<&str> = Vec::new();
    for (index, message) in messages.iter().enumerate() {
        if text(message, "role") == "tool" {
            let id = text(message, "tool_call_id");
            let Some(place) = open.iter().position(|other| *other == id) else {
                let why = "Invalid parameter: messages with role 'tool' must be a response to a preceding message with 'tool_calls'.";
                let param = Some(format!("messages.[{index}].role").into());
                return Err(Wrong { param, ..Wrong::invalid(why) });
            };
            open.remove(place);
            continue;
        }
        all_answered(&open)?;
        open = list(message, "tool_calls").iter().map(|call| text(call, "id")).collect();
        let doubled =
            open.iter().enumerate().find(|(n, id)| open.iter().skip(n + 1).any(|o| o == *id));
        if let Some((_, id)) = doubled {
            let why = format!("Duplicate value for 'tool_call_id' of '{id}' in message[{index}].");
            return Err(Wrong::invalid(why));
        }
    }
    all_answered(&open)
}

fn all_answered(open: &[&str]) -> Result<(), Wrong> {
    if open.is_empty() {
        return Ok(());
    }
    let why = format!(
        "An assistant message with 'tool_calls' must be followed by tool messages responding to each \
         'tool_call_id'. The following tool_call_ids did not have response messages: {}",
        open.join(", ")
    );
    Err(Wrong { param: Some("messages".into()), ..Wrong::invalid(why) })
}

fn verbatim(messages: &[Value], said: &Said) -> Result<(), Wrong> {
    for (index, message) in messages.iter().enumerate() {
        let calls = list(message, "tool_calls").iter();
        let mut known =
            calls.filter_map(|call| said.iter().rfind(|(id, _)| id == text(call, "id")));
        let Some((_, original)) = known.next() else { continue };
        if without_nulls(message) != without_nulls(original) {
            let why = format!(
                "messages[{index}]: the message with 'tool_calls' must come back as it was."
            );
            return Err(Wrong::invalid(why));
        }
    }
    Ok(())
}

fn without_nulls(message: &Value) -> Value {
    let fields = message.as_object().into_iter().flatten();
    let there = fields.filter(|(_, value)| !value.is_null());
    Value::Object(there.map(|(name, value)| (name.clone(), value.clone())).collect())
}

/// A turn as a completion.
pub(crate) fn say(spoken: &Spoken, asked: &Asked) -> (Ending, Said) {
    let turn = &spoken.turn;
    let mut message = json!({"role": "assistant", "content": turn.text, "refusal": null});
    let mut set = |key: &str, value: Value| {
        if let Some(fields) = message.as_object_mut() {
            fields.insert(key.to_owned(), value);
        }
    };
    let reason = match &turn.say {
        Say::Calls(calls) => {
            let calls = calls.iter().enumerate().map(|(index, (name, input))| {
                let called = json!({"name": name, "arguments": arguments(input)});
                json!({"id": spoken.call_id("call_", index), "type": "function", "function": called})
            });
            set("tool_calls", calls.collect());
            "tool_calls"
        }
        Say::Cut(words) => {
            set("content", json!(words));
            "length"
        }
        Say::Refusal => {
            set("refusal", json!(REFUSAL));
            "stop"
        }
        Say::Text(words) => {
            set("content", json!(words));
            "stop"
        }
        Say::Raw(_) | Say::Silence => "stop",
    };
    let mut completion = json!({
        "id": format!("chatcmpl-{}", spoken.head(24)), "object": "chat.completion",
        "created": 1_790_000_000, "model": asked.model,
        "choices":
            [{"index": 0, "message": message, "logprobs": null, "finish_reason": reason}],
    });
    if let (Some(usage), Value::Object(fields)) = (usage(spoken, &message), &mut completion) {
        fields.insert("usage".to_owned(), usage);
    }
    let ids = list(&message, "tool_calls").iter().map(|call| text(call, "id").to_owned());
    let said = ids.map(|id| (id, message.clone())).collect();
    (Ending::Message(completion), said)
}

fn usage(spoken: &Spoken, message: &Value) -> Option<Value> {
    let counts = spoken.counts(tokens_of(message) + spoken.thought())?;
    Some(json!({
        "prompt_tokens": counts.prompt(), "completion_tokens": counts.output,
        "total_tokens": counts.prompt().saturating_add(counts.output),
        "prompt_tokens_details":
            {"cached_tokens": counts.read, "cache_write_tokens": counts.written},
        "completion_tokens_details": {"reasoning_tokens": counts.thought},
    }))
}
