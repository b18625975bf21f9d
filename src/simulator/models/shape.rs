//! The shape of a JSON object: which fields it may have, of which type, and which it must have.
//!
//! Each service words a flaw in its own way; here is only what is wrong, and where.

use serde_json::{Map, Value};

/// The type of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Is {
    Text,
    Whole,
    Number,
    Flag,
    List,
    Fields,
    TextOrList,
    TextOrFields,
}

/// A field that an object may or must have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field {
    name: &'static str,
    is: Is,
    must: bool,
}

/// What is wrong, and where.
#[derive(Debug)]
pub(crate) struct Flaw {
    pub(crate) place: String,
    pub(crate) what: What,
}

#[derive(Debug)]
pub(crate) enum What {
    Missing,
    Unknown,
    Type { wanted: &'static str, got: &'static str },
    Value { got: String, known: &'static [&'static str] },
}

/// May be there; null is as good as absent.
pub(crate) const fn may(name: &'static str, is: Is) -> Field {
    Field { name, is, must: false }
}

/// Has to be there.
pub(crate) const fn must(name: &'static str, is: Is) -> Field {
    Field { name, is, must: true }
}

/// The fields of an object, if they are these.
pub(crate) fn fields<'a>(
    value: &'a Value,
    place: &str,
    known: &[Field],
) -> Result<&'a Map<String, Value>, Flaw> {
    let wanted = "an object";
    let fields = value.as_object().ok_or_else(|| wrong_type(place.to_owned(), wanted, value))?;
    for name in fields.keys() {
        if known.iter().all(|field| field.name != name) {
            return Err(Flaw { place: within(place, name), what: What::Unknown });
        }
    }
    for field in known {
        let place = || within(place, field.name);
        match fields.get(field.name) {
            None if field.must => return Err(Flaw { place: place(), what: What::Missing }),
            Some(Value::Null) if !field.must => {}
            Some(value) if !field.is.fits(value) => {
                return Err(wrong_type(place(), field.is.name(), value));
            }
            None | Some(_) => {}
        }
    }
    Ok(fields)
}

/// A text that is one of these, if it is there.
pub(crate) fn one_of(
    fields: &Map<String, Value>,
    name: &str,
    place: &str,
    known: &'static [&'static str],
) -> Result<(), Flaw> {
    match fields.get(name).and_then(Value::as_str) {
        Some(got) if !known.contains(&got) => {
            let what = What::Value { got: got.to_owned(), known };
            Err(Flaw { place: within(place, name), what })
        }
        _ => Ok(()),
    }
}

/// The text of a field, or an empty one.
pub(crate) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// The list of a field, or an empty one.
pub(crate) fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// The place of a field within a place.
pub(crate) fn within(place: &str, name: &str) -> String {
    if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") }
}

fn wrong_type(place: String, wanted: &'static str, value: &Value) -> Flaw {
    let got = match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(number) if number.is_f64() => "a decimal number",
        Value::Number(_) => "an integer",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    };
    Flaw { place, what: What::Type { wanted, got } }
}

impl Is {
    fn fits(self, value: &Value) -> bool {
        match self {
            Is::Text => value.is_string(),
            Is::Whole => value.is_i64() || value.is_u64(),
            Is::Number => value.is_number(),
            Is::Flag => value.is_boolean(),
            Is::List => value.is_array(),
            Is::Fields => value.is_object(),
            Is::TextOrList => value.is_string() || value.is_array(),
            Is::TextOrFields => value.is_string() || value.is_object(),
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Is::Text => "a string",
            Is::Whole => "an integer",
            Is::Number => "a number",
            Is::Flag => "a boolean",
            Is::List => "an array",
            Is::Fields => "an object",
            Is::TextOrList => "a string or an array",
            Is::TextOrFields => "a string or an object",
        }
    }
}
