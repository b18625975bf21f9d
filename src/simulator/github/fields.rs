//! The fields of a request's body, with the words of the API's own description.

use serde_json::{Map, Value};

use super::reply::Reply;

/// Refuses keys that the API does not know.
pub(crate) fn known_keys(fields: &Map<String, Value>, allowed: &[&str]) -> Result<(), Reply> {
    match fields.keys().find(|key| !allowed.contains(&key.as_str())) {
        Some(key) => Err(Reply::invalid_request(&format!("\"{key}\" is not a permitted key."))),
        None => Ok(()),
    }
}

/// A text that must be there.
pub(crate) fn required<'a>(fields: &'a Map<String, Value>, key: &str) -> Result<&'a str, Reply> {
    let text = optional(fields, key)?;
    text.ok_or_else(|| Reply::invalid_request(&format!("\"{key}\" wasn't supplied.")))
}

/// A text that may be missing or null.
pub(crate) fn optional<'a>(
    fields: &'a Map<String, Value>,
    key: &str,
) -> Result<Option<&'a str>, Reply> {
    match fields.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => {
            let what = format!("For 'properties/{key}', {other} is not a string.");
            Err(Reply::invalid_request(&what))
        }
    }
}

/// A yes or no that may be missing.
pub(crate) fn flag(fields: &Map<String, Value>, key: &str) -> Result<Option<bool>, Reply> {
    match fields.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(value)) => Ok(Some(*value)),
        Some(other) => {
            let what = format!("For 'properties/{key}', {other} is not a boolean.");
            Err(Reply::invalid_request(&what))
        }
    }
}
