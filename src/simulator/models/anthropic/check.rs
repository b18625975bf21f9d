//! The rules of the Messages API. A request that breaks one is refused, as by the provider.

mod blocks;
mod pairs;

use serde_json::{Map, Value};

use super::{MODELS, NEWEST};
use crate::simulator::models::{
    Wrong,
    cache::{Block, tokens_of},
    play::{Asked, Said},
};

pub(crate) type Checked<T = ()> = Result<T, Wrong>;

const KEYS: [&str; 16] = [
    "model",
    "max_tokens",
    "messages",
    "system",
    "tools",
    "tool_choice",
    "thinking",
    "output_config",
    "metadata",
    "stop_sequences",
    "stream",
    "service_tier",
    "temperature",
    "top_p",
    "top_k",
    "cache_control",
];

pub(crate) fn request(body: &Value, version: &str, said: &Said) -> Checked<Asked> {
    let fields = object(body, "body")?;
    known(fields, &KEYS, "")?;
    for key in ["temperature", "top_p", "top_k"] {
        if fields.contains_key(key) && version == NEWEST {
            let why = format!("{key}: this parameter is not supported in API version {NEWEST}");
            return Err(Wrong::invalid(why));
        }
    }
    sizes(fields)?;
    settings(fields)?;
    let tools = tools(fields)?;
    blocks::system(fields.get("system"))?;
    let messages = fields.get("messages").and_then(Value::as_array);
    let messages = messages.ok_or_else(|| Wrong::invalid("messages: Field required"))?;
    let assistant_turns = blocks::messages(messages)?;
    pairs::answered(messages, &tools)?;
    pairs::verbatim(messages, said)?;
    let marks = blocks::marks(body);
    if marks > 4 {
        let why =
            format!("A maximum of 4 blocks with cache_control may be provided. Found {marks}.");
        return Err(Wrong::invalid(why));
    }
    let as_json = |value: Option<&Value>| value.map(Value::to_string).unwrap_or_default();
    Ok(Asked {
        model: fields.get("model").and_then(Value::as_str).unwrap_or_default().to_owned(),
        turns: assistant_turns,
        stream: fields.get("stream").and_then(Value::as_bool).unwrap_or(false),
        system: as_json(fields.get("system")),
        first: as_json(body.pointer("/messages/0/content")),
        prompt: prompt(body),
        shows_thoughts: true,
    })
}

/// The prompt's blocks in the provider's order.
fn prompt(request: &Value) -> Vec<Block> {
    let mut blocks = Vec::new();
    blocks.extend(list(request.get("tools")));
    blocks.extend(list(request.get("system")));
    for message in list(request.get("messages")) {
        let role = message.get("role").cloned().unwrap_or_default();
        blocks.extend(list(message.get("content")).into_iter().map(|mut block| {
            if let Some(fields) = block.as_object_mut() {
                fields.insert("role".to_owned(), role.clone());
            }
            block
        }));
    }
    let block = |mut content: Value| {
        let mark = content.as_object_mut().and_then(|fields| fields.remove("cache_control"));
        Block { content, marked: mark.is_some_and(|mark| !mark.is_null()) }
    };
    blocks.into_iter().map(block).collect()
}

fn list(value: Option<&Value>) -> Vec<Value> {
    match value {
        Some(Value::Array(list)) => list.clone(),
        None | Some(Value::Null) => Vec::new(),
        Some(Value::String(text)) => vec![serde_json::json!({"type": "text", "text": text})],
        Some(other) => vec![other.clone()],
    }
}

fn sizes(fields: &Map<String, Value>) -> Checked {
    let model = fields.get("model").and_then(Value::as_str);
    let model = model.ok_or_else(|| Wrong::invalid("model: Field required"))?;
    let known = MODELS.iter().find(|(name, ..)| *name == model);
    let Some((_, longest_prompt, largest)) = known else {
        return Err(Wrong::new(404, "not_found_error", format!("model: {model}")));
    };
    let wanted =
        fields.get("max_tokens").ok_or_else(|| Wrong::invalid("max_tokens: Field required"))?;
    let wanted = wanted.as_u64().filter(|wanted| *wanted > 0);
    let wanted = wanted.ok_or_else(|| Wrong::invalid("max_tokens: must be a positive integer"))?;
    if wanted > *largest {
        let why = format!(
            "max_tokens: {wanted} > {largest}, which is the maximum allowed number of output tokens for {model}"
        );
        return Err(Wrong::invalid(why));
    }
    let prompt = fields.get("messages").map_or(0, tokens_of);
    if prompt > *longest_prompt {
        let why = format!("prompt is too long: {prompt} tokens > {longest_prompt} maximum");
        return Err(Wrong::invalid(why));
    }
    Ok(())
}

fn settings(fields: &Map<String, Value>) -> Checked {
    let nested: [(&str, &[&str]); 5] = [
        ("tool_choice", &["type", "name", "disable_parallel_tool_use"]),
        ("thinking", &["type", "budget_tokens", "display"]),
        ("output_config", &["effort", "format"]),
        ("metadata", &["user_id"]),
        ("cache_control", &["type", "ttl"]),
    ];
    for (key, keys) in nested {
        if let Some(value) = fields.get(key) {
            known(object(value, key)?, keys, &format!("{key}."))?;
        }
    }
    let word = |path: [&str; 2]| fields.get(path[0])?.get(path[1])?.as_str();
    one_of(word(["tool_choice", "type"]), &["auto", "any", "tool", "none"], "tool_choice.type")?;
    one_of(word(["thinking", "type"]), &["adaptive", "enabled", "disabled"], "thinking.type")?;
    let efforts = ["low", "medium", "high", "xhigh", "max"];
    one_of(word(["output_config", "effort"]), &efforts, "output_config.effort")?;
    let newer =
        fields.get("model").and_then(Value::as_str).is_some_and(|model| model.contains("-5"));
    if newer
        && fields.get("thinking").is_some_and(|thinking| thinking.get("budget_tokens").is_some())
    {
        return Err(Wrong::invalid("thinking.budget_tokens: not supported by this model"));
    }
    Ok(())
}

/// The names of the tools.
fn tools(fields: &Map<String, Value>) -> Checked<Vec<String>> {
    let Some(tools) = fields.get("tools") else { return Ok(Vec::new()) };
    let tools =
        tools.as_array().ok_or_else(|| Wrong::invalid("tools: Input should be a valid list"))?;
    let mut names: Vec<String> = Vec::new();
    for (index, tool) in tools.iter().enumerate() {
        let place = format!("tools.{index}.");
        let fields = object(tool, &place)?;
        known(
            fields,
            &["type", "name", "description", "input_schema", "cache_control", "strict"],
            &place,
        )?;
        one_of(fields.get("type").and_then(Value::as_str), &["custom"], &format!("{place}type"))?;
        let name = fields.get("name").and_then(Value::as_str).unwrap_or_default();
        if !sound_name(name) {
            let why = format!("{place}name: String should match pattern '^[a-zA-Z0-9_-]{{1,64}}$'");
            return Err(Wrong::invalid(why));
        }
        let schema = fields.get("input_schema").and_then(|schema| schema.get("type"));
        if schema.and_then(Value::as_str) != Some("object") {
            return Err(Wrong::invalid(format!(
                "{place}input_schema.type: Input should be 'object'"
            )));
        }
        if names.iter().any(|other| other == name) {
            return Err(Wrong::invalid("tools: Tool names must be unique."));
        }
        names.push(name.to_owned());
    }
    Ok(names)
}

fn sound_name(name: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    (1..=64).contains(&name.len()) && name.bytes().all(letter)
}

pub(crate) fn object<'a>(value: &'a Value, place: &str) -> Checked<&'a Map<String, Value>> {
    let found = value.as_object();
    found.ok_or_else(|| Wrong::invalid(format!("{place}: Input should be an object")))
}

pub(crate) fn known(fields: &Map<String, Value>, keys: &[&str], place: &str) -> Checked {
    match fields.keys().find(|key| !keys.contains(&key.as_str())) {
        Some(key) => Err(Wrong::invalid(format!("{place}{key}: Extra inputs are not permitted"))),
        None => Ok(()),
    }
}

fn one_of(value: Option<&str>, words: &[&str], place: &str) -> Checked {
    match value {
        Some(value) if !words.contains(&value) => {
            Err(Wrong::invalid(format!("{place}: Input should be one of {words:?}")))
        }
        _ => Ok(()),
    }
}
