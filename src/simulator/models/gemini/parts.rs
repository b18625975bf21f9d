//! The contents of a conversation and their parts; calls with their responses; and what the model
//! said, sent back unchanged.

use serde_json::Value;

use super::{invalid, signature, wrong};
use crate::simulator::models::{
    Wrong,
    play::Said,
    shape::{Field, Is, fields, list, may, must, text},
};

const CONTENT: &[Field] = &[may("role", Is::Text), must("parts", Is::List)];
const PART: &[Field] = &[
    may("text", Is::Text),
    may("thought", Is::Flag),
    may("thoughtSignature", Is::Text),
    may("functionCall", Is::Fields),
    may("functionResponse", Is::Fields),
    may("inlineData", Is::Fields),
    may("fileData", Is::Fields),
];
const DATA: [&str; 5] = ["text", "functionCall", "functionResponse", "inlineData", "fileData"];
const CALL: &[Field] = &[may("id", Is::Text), must("name", Is::Text), may("args", Is::Fields)];
const RESPONSE: &[Field] =
    &[may("id", Is::Text), must("name", Is::Text), must("response", Is::Fields)];

/// All contents: each by itself, and in their order.
pub(super) fn conversation(contents: &[Value]) -> Result<(), Wrong> {
    if contents.is_empty() {
        let why = "* GenerateContentRequest.contents: contents is not specified";
        return Err(invalid(why.to_owned()));
    }
    let mut called: Vec<&Value> = Vec::new();
    for (index, one) in contents.iter().enumerate() {
        content(one, &format!("contents[{index}]"), false)?;
        if index == 0 && text(one, "role") == "model" {
            return Err(invalid(
                "Please ensure that multiturn requests begin with a user turn.".to_owned(),
            ));
        }
        answered(&called, &datas(one, "functionResponse"))?;
        called = datas(one, "functionCall");
        if !called.is_empty() {
            signed(one, index)?;
        }
    }
    answered(&called, &[])
}

/// A content by itself.
pub(super) fn content(content: &Value, place: &str, is_system: bool) -> Result<(), Wrong> {
    fields(content, place, CONTENT).map_err(wrong)?;
    let role = text(content, "role");
    if !is_system && !["user", "model"].contains(&role) {
        return Err(invalid("Please use a valid role: user, model.".to_owned()));
    }
    let parts = list(content, "parts");
    if parts.is_empty() {
        let why =
            format!("* GenerateContentRequest.{place}.parts: contents.parts must not be empty.");
        return Err(invalid(why));
    }
    for (index, one) in parts.iter().enumerate() {
        part(one, &format!("{place}.parts[{index}]"), role)?;
    }
    Ok(())
}

fn part(part: &Value, place: &str, role: &str) -> Result<(), Wrong> {
    let found = fields(part, place, PART).map_err(wrong)?;
    let datas = DATA.iter().filter(|name| found.contains_key(**name)).count();
    if datas != 1 {
        let why = format!(
            "* GenerateContentRequest.{place}.data: required oneof field 'data' must have one initialized field"
        );
        return Err(invalid(why));
    }
    if let Some(call) = found.get("functionCall") {
        fields(call, &format!("{place}.functionCall"), CALL).map_err(wrong)?;
    }
    if let Some(response) = found.get("functionResponse") {
        fields(response, &format!("{place}.functionResponse"), RESPONSE).map_err(wrong)?;
    }
    let foreign = match role {
        "model" => found.contains_key("functionResponse"),
        _ => found.contains_key("functionCall"),
    };
    if foreign {
        return Err(invalid(format!(
            "Please ensure that function call turns have the role model and function response turns the role user: {place}."
        )));
    }
    Ok(())
}

/// The turn after calls has one response for each of them.
fn answered(called: &[&Value], responses: &[&Value]) -> Result<(), Wrong> {
    if called.is_empty() && !responses.is_empty() {
        let why = "Please ensure that function response turn comes immediately after a function call turn.";
        return Err(invalid(why.to_owned()));
    }
    if called.len() != responses.len() {
        let why = "Please ensure that the number of function response parts is equal to the number of function call parts of the function call turn.";
        return Err(invalid(why.to_owned()));
    }
    let mut open = called.to_vec();
    for response in responses {
        let same = |call: &&Value| {
            text(call, "id") == text(response, "id") && text(call, "name") == text(response, "name")
        };
        let Some(place) = open.iter().position(same) else {
            let (id, name) = (text(response, "id"), text(response, "name"));
            return Err(invalid(format!(
                "No function call matches the function response with id '{id}' and name '{name}'."
            )));
        };
        open.remove(place);
    }
    Ok(())
}

/// The first call of a turn carries the signature that it was given.
/// What the service takes instead of a signature.
const UNSIGNED: &str = "skip_thought_signature_validator";

fn signed(content: &Value, index: usize) -> Result<(), Wrong> {
    let mut parts = list(content, "parts").iter().enumerate();
    let first = parts.find_map(|(place, part)| Some((place, part, part.get("functionCall")?)));
    let Some((place, part, call)) = first else { return Ok(()) };
    let name = text(call, "name");
    match part.get("thoughtSignature").and_then(Value::as_str) {
        None => Err(invalid(format!(
            "Function call is missing a thought_signature in functionCall parts. This is required for \
             tools to work correctly, and missing thought_signature may lead to degraded model \
             performance. Additional data, function call `default_api:{name}` , position {}. Please \
             refer to https://ai.google.dev/gemini-api/docs/thought-signatures for more details.",
            index + place
        ))),
        // For calls that another model made.
        // <https://ai.google.dev/gemini-api/docs/thought-signatures>
        Some(UNSIGNED) => Ok(()),
        Some(sent) if sent != signature(call) => {
            Err(invalid("Thought signature is not valid.".to_owned()))
        }
        Some(_) => Ok(()),
    }
}

/// A turn that called functions comes back as it was said.
pub(super) fn verbatim(contents: &[Value], said: &Said) -> Result<(), Wrong> {
    for (index, content) in contents.iter().enumerate() {
        let calls = datas(content, "functionCall");
        let mut known =
            calls.iter().filter_map(|call| said.iter().rfind(|(id, _)| id == text(call, "id")));
        let Some((_, original)) = known.next() else { continue };
        if content != original {
            return Err(invalid(format!("contents[{index}] must come back as the model said it.")));
        }
    }
    Ok(())
}

fn datas<'a>(content: &'a Value, name: &str) -> Vec<&'a Value> {
    list(content, "parts").iter().filter_map(|part| part.get(name)).collect()
}
