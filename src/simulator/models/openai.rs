//! OpenAI: its key, its models, its errors, and what both of its interfaces demand.

pub(super) mod chat;
mod items;
pub(super) mod responses;

use serde_json::{Map, Value, json};

use super::{
    Wrong,
    shape::{Field, Flaw, Is, What, fields, may, must, one_of, text},
    wires::{Service, header},
};
use crate::simulator::{script::Failure, wire::Arrived};

/// A model, and how it is served.
struct Model {
    name: &'static str,
    /// Largest prompt and largest answer.
    input: u64,
    output: u64,
    served: Served,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Served {
    /// Thinks before it speaks, unless told not to.
    Reasoning,
    /// The same, and cannot be told not to.
    AlwaysReasoning,
    /// By an OpenAI-compatible server: Chat Completions with the older words.
    Compatible,
}

const fn model(name: &'static str, served: Served) -> Model {
    Model { name, input: 922_000, output: 128_000, served }
}

const MODELS: [Model; 10] = [
    model("gpt-6-astra", Served::Reasoning),
    model("gpt-6.2-sol", Served::AlwaysReasoning),
    model("gpt-6.1-sol", Served::AlwaysReasoning),
    model("gpt-6-sol", Served::Reasoning),
    model("gpt-6.1-terra", Served::Reasoning),
    model("gpt-6-luna", Served::Reasoning),
    model("gpt-5.6-sol", Served::Reasoning),
    model("gpt-5.6-terra", Served::Reasoning),
    model("gpt-5.6-luna", Served::Reasoning),
    Model { name: "qwen3-coder:30b", input: 262_144, output: 65_536, served: Served::Compatible },
];

const SAMPLING: [&str; 7] = [
    "temperature",
    "top_p",
    "top_logprobs",
    "logprobs",
    "logit_bias",
    "presence_penalty",
    "frequency_penalty",
];
const EFFORTS: &[&str] = &["none", "minimal", "low", "medium", "high", "xhigh", "max"];
const FUNCTION: &[Field] = &[
    may("type", Is::Text),
    must("name", Is::Text),
    may("description", Is::Text),
    may("parameters", Is::Fields),
    may("strict", Is::Flag),
];

pub(super) fn admit(arrived: &Arrived, key: Option<&str>) -> Result<(), Wrong> {
    let refused =
        |message: String, code| Wrong { code, ..Wrong::new(401, "invalid_request_error", message) };
    match key {
        Some(key) if key == Service::OpenAi.key() => {}
        Some(key) => {
            let shown: String = key.chars().take(4).collect();
            let why = format!("Incorrect API key provided: {shown}***.");
            return Err(refused(why, Some("invalid_api_key")));
        }
        None => return Err(refused("You didn't provide an API key.".to_owned(), None)),
    }
    let kind = header(&arrived.headers, "content-type").unwrap_or_default();
    if arrived.method == "POST" && !kind.starts_with("application/json") {
        let why = format!(
            "Unsupported content type: '{kind}'. This API method only accepts 'application/json' requests."
        );
        return Err(coded("unsupported_content_type", None, why));
    }
    Ok(())
}

pub(super) fn error(wrong: &Wrong) -> Value {
    json!({"error": {
        "message": wrong.message, "type": wrong.kind, "param": wrong.param, "code": wrong.code,
    }})
}

pub(super) fn failure(failure: &Failure) -> Wrong {
    let Failure { status, error_type, message, retry_after } = failure;
    let (status, kind, code) = match (*status, error_type.as_str()) {
        (402, _) | (_, "billing_error") => (429, "insufficient_quota", Some("insufficient_quota")),
        (429, _) => (429, "requests", Some("rate_limit_exceeded")),
        (503 | 529, _) => (503, "service_unavailable_error", Some("server_is_overloaded")),
        (401, _) => (401, "invalid_request_error", Some("invalid_api_key")),
        (status @ 400..=499, _) => (status, "invalid_request_error", None),
        (status, _) => (status, "server_error", None),
    };
    Wrong { code, retry_after: *retry_after, ..Wrong::new(status, kind, message) }
}

/// `GET /v1/models`
pub(super) fn models() -> Value {
    let item = |model: &Model| json!({"id": model.name, "object": "model", "created": 1_790_000_000, "owned_by": "openai"});
    json!({"object": "list", "data": MODELS.iter().map(item).collect::<Vec<_>>()})
}

/// A flaw in OpenAI's words.
fn wrong(flaw: Flaw) -> Wrong {
    let Flaw { place, what } = flaw;
    let (code, message) = match what {
        What::Missing => {
            ("missing_required_parameter", format!("Missing required parameter: '{place}'."))
        }
        What::Unknown => ("unknown_parameter", format!("Unknown parameter: '{place}'.")),
        What::Type { wanted, got } => (
            "invalid_type",
            format!("Invalid type for '{place}': expected {wanted}, but got {got} instead."),
        ),
        What::Value { got, known } => {
            ("invalid_value", format!("Invalid value: '{got}'. Supported values are: {known:?}."))
        }
    };
    coded(code, Some(&place), message)
}

/// A broken rule that has a name.
fn coded(code: &'static str, param: Option<&str>, message: impl Into<String>) -> Wrong {
    Wrong { code: Some(code), param: param.map(Into::into), ..Wrong::invalid(message) }
}

/// Who is to answer, how much, and by which dice.
fn model_and_limits(
    fields: &Map<String, Value>,
    limits: &[&str],
    effort: Option<&Value>,
    is_chat: bool,
) -> Result<&'static Model, Wrong> {
    let name = fields.get("model").and_then(Value::as_str).unwrap_or_default();
    let known = MODELS.iter().find(|model| model.name == name);
    let Some(model) = known.filter(|model| is_chat || model.served != Served::Compatible) else {
        let why = format!("The model `{name}` does not exist or you do not have access to it.");
        return Err(Wrong { status: 404, ..coded("model_not_found", Some("model"), why) });
    };
    for limit in limits.iter().filter(|limit| fields.get(**limit).is_some_and(|v| !v.is_null())) {
        let wanted = fields.get(*limit).and_then(Value::as_u64).unwrap_or_default();
        let least = if is_chat { 1 } else { 16 };
        if wanted < least {
            let why = format!(
                "Invalid '{limit}': integer below minimum value. Expected a value >= {least}."
            );
            return Err(coded("integer_below_min_value", Some(limit), why));
        }
        if wanted > model.output {
            let why = format!(
                "{limit} is too large: {wanted}. This model supports at most {} completion tokens.",
                model.output
            );
            return Err(coded("invalid_value", Some(limit), why));
        }
    }
    sampling(fields, model, effort.and_then(Value::as_str))?;
    Ok(model)
}

/// A model that thinks takes no dice.
fn sampling(fields: &Map<String, Value>, model: &Model, effort: Option<&str>) -> Result<(), Wrong> {
    if model.served == Served::Compatible {
        return Ok(());
    }
    if effort == Some("none") && model.served == Served::AlwaysReasoning {
        let why =
            format!("Unsupported value: 'none' is not supported with the '{}' model.", model.name);
        return Err(coded("unsupported_value", Some("reasoning.effort"), why));
    }
    let used = SAMPLING.iter().find(|key| fields.get(**key).is_some_and(|value| !value.is_null()));
    match used {
        Some(key) if effort != Some("none") => {
            let why = format!("Unsupported parameter: '{key}' is not supported with this model.");
            Err(coded("unsupported_parameter", Some(key), why))
        }
        _ => Ok(()),
    }
}

/// One function that may be called; `strict` is what holds where it does not say.
fn function(value: &Value, place: &str, strict: bool) -> Result<String, Wrong> {
    let function = fields(value, place, FUNCTION).map_err(wrong)?;
    one_of(function, "type", place, &["function"]).map_err(wrong)?;
    let name = text(value, "name");
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if !(1..=64).contains(&name.len()) || !name.bytes().all(letter) {
        let why = format!(
            "Invalid '{place}.name': string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'."
        );
        return Err(coded("invalid_value", Some(&format!("{place}.name")), why));
    }
    let schema = function.get("parameters").cloned().unwrap_or_else(|| json!({"type": "object"}));
    let is_strict = function.get("strict").and_then(Value::as_bool).unwrap_or(strict);
    let flaw = if text(&schema, "type") != "object" {
        Some("schema must be a JSON Schema of 'type: \"object\"'")
    } else if is_strict && schema.get("additionalProperties") != Some(&Value::Bool(false)) {
        Some("'additionalProperties' is required to be supplied and to be false")
    } else if is_strict && !all_required(&schema) {
        Some(
            "'required' is required to be supplied and to be an array including every key in properties",
        )
    } else {
        None
    };
    match flaw {
        Some(flaw) => {
            let why = format!("Invalid schema for function '{name}': In context=(), {flaw}.");
            Err(coded("invalid_function_parameters", Some(&format!("{place}.parameters")), why))
        }
        None => Ok(name.to_owned()),
    }
}

fn all_required(schema: &Value) -> bool {
    let required = super::shape::list(schema, "required");
    let names = schema.get("properties").and_then(Value::as_object);
    names.into_iter().flatten().all(|(name, _)| required.iter().any(|other| other == name))
}

/// A prompt that fits.
fn check_length(tokens: u64, model: &Model) -> Result<(), Wrong> {
    if tokens > model.input {
        let why = "Your input exceeds the context window of this model. Please adjust your input and try again.";
        return Err(coded("context_length_exceeded", Some("input"), why));
    }
    Ok(())
}

/// Arguments as the text that they are on this wire; a text is taken as it is, so that a script can
/// have broken ones.
fn arguments(input: &Value) -> String {
    input.as_str().map_or_else(|| input.to_string(), str::to_owned)
}

/// What the model says instead of an answer.
const REFUSAL: &str = "I'm sorry, but I cannot assist with that request.";
