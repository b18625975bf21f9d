//! The rules of the Messages API. A request that breaks one is refused, as by the provider.

mod blocks;
mod pairs;

use axum::http::HeaderMap;
use serde_json::{Map, Value};

use super::{Wrong, anthropic::MODELS, text};

pub(crate) type Checked<T = ()> = Result<T, Wrong>;

const NEWEST: &str = "2026-10-21";
const VERSIONS: [&str; 2] = ["2023-06-01", NEWEST];
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

/// What the rest of the service needs to know of a request.
pub(crate) struct Sound {
    pub(crate) assistant_turns: usize,
    pub(crate) stream: bool,
}

pub(crate) fn headers(headers: &HeaderMap, key: Option<&str>, right: &str, posts: bool) -> Checked {
    match key {
        Some(key) if key == right => {}
        Some(_) => return Err(Wrong::new(401, "authentication_error", "invalid x-api-key")),
        None => {
            return Err(Wrong::new(401, "authentication_error", "x-api-key header is required"));
        }
    }
    let version = text(headers, "anthropic-version");
    if version.is_empty() {
        return Err(Wrong::invalid("anthropic-version: header is required"));
    }
    if !VERSIONS.contains(&version) {
        let why = format!("anthropic-version: \"{version}\" is not a valid version");
        return Err(Wrong::invalid(why));
    }
    if posts && !text(headers, "content-type").starts_with("application/json") {
        return Err(Wrong::invalid("content-type: must be application/json"));
    }
    Ok(())
}

pub(crate) fn request(body: &Value, version: &str, said: &[(String, Value)]) -> Checked<Sound> {
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
    let stream = fields.get("stream").and_then(Value::as_bool).unwrap_or(false);
    Ok(Sound { assistant_turns, stream })
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
    let prompt = fields.get("messages").map_or(0, super::cache::tokens_of);
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
