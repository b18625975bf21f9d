//! The model's arguments against a tool's schema. The answer to a mistake names the field, because
//! "invalid type" alone makes a model guess.

use super::{ToolError, respond};
use crate::llm::ToolSpec;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// The arguments without nulls, if they are an object with the right fields of the right types.
pub(super) fn check(
    spec: &ToolSpec,
    arguments: &Result<Value, String>,
) -> Result<Value, ToolError> {
    let Ok(Value::Object(given)) = arguments else {
        return respond(format!("{}: the arguments are not a JSON object", spec.name));
    };
    let given: Map<_, _> =
        given.iter().filter(|(_, v)| !v.is_null()).map(|(k, v)| (k.clone(), v.clone())).collect();
    for (field, value) in &given {
        check_field(spec, field, value)?;
    }
    let required = spec.schema.get("required").and_then(Value::as_array);
    let mut required = required.into_iter().flatten().filter_map(Value::as_str);
    if let Some(missing) = required.find(|field| !given.contains_key(*field)) {
        return respond(format!("{}: `{missing}` is missing", spec.name));
    }
    Ok(Value::Object(given))
}

fn check_field(spec: &ToolSpec, field: &str, value: &Value) -> Result<(), ToolError> {
    let properties = spec.schema.get("properties").and_then(Value::as_object);
    let Some(schema) = properties.and_then(|known| known.get(field)) else {
        let known: Vec<_> =
            properties.into_iter().flatten().map(|(name, _)| format!("`{name}`")).collect();
        let field: String = field.chars().take(60).collect();
        let known = known.join(", ");
        return respond(format!("{}: unknown field `{field}`; it takes {known}", spec.name));
    };
    let wanted = schema.get("type").and_then(Value::as_str).unwrap_or_default();
    if has_type(value, wanted) {
        return Ok(());
    }
    respond(format!("{}: `{field}` must be {}", spec.name, article(wanted)))
}

fn has_type(value: &Value, wanted: &str) -> bool {
    match wanted {
        "string" => value.is_string(),
        "integer" => value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        _ => false,
    }
}

fn article(wanted: &str) -> &'static str {
    match wanted {
        "string" => "a string",
        "integer" => "a whole number, not negative",
        "number" => "a number",
        "boolean" => "true or false",
        "array" => "a list",
        _ => "something else",
    }
}

/// The arguments as the tool's own struct. What is wrong inside of a list is told by serde.
pub(super) fn read<A: DeserializeOwned>(spec: &ToolSpec, checked: Value) -> Result<A, ToolError> {
    serde_json::from_value(checked).or_else(|error| respond(format!("{}: {error}", spec.name)))
}
