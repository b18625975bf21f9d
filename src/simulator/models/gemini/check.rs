//! The rules of `generateContent`. A request that breaks one is refused, as by the provider.
//!
//! Names are taken in both of the ways in which protocol buffers write them.

use serde_json::{Map, Value};

use super::{MODELS, invalid, parts, wrong};
use crate::simulator::models::{
    Wrong,
    cache::{Block, tokens_in},
    play::{Asked, Said},
    shape::{Field, Is, fields, list, may, must, one_of, text},
};

const TOP: &[Field] = &[
    must("contents", Is::List),
    may("systemInstruction", Is::Fields),
    may("tools", Is::List),
    may("toolConfig", Is::Fields),
    may("generationConfig", Is::Fields),
    may("safetySettings", Is::List),
    may("cachedContent", Is::Text),
];
const GENERATION: &[Field] = &[
    may("maxOutputTokens", Is::Whole),
    may("temperature", Is::Number),
    may("topP", Is::Number),
    may("topK", Is::Number),
    may("candidateCount", Is::Whole),
    may("seed", Is::Whole),
    may("stopSequences", Is::List),
    may("thinkingConfig", Is::Fields),
    may("responseMimeType", Is::Text),
    may("responseSchema", Is::Fields),
    may("responseJsonSchema", Is::Fields),
    may("presencePenalty", Is::Number),
    may("frequencyPenalty", Is::Number),
];
const THINKING: &[Field] = &[
    may("includeThoughts", Is::Flag),
    may("thinkingLevel", Is::Text),
    may("thinkingBudget", Is::Whole),
];
const TOOL: &[Field] = &[may("functionDeclarations", Is::List)];
const DECLARATION: &[Field] = &[
    must("name", Is::Text),
    may("description", Is::Text),
    may("parameters", Is::Fields),
    may("parametersJsonSchema", Is::Fields),
    may("response", Is::Fields),
    may("responseJsonSchema", Is::Fields),
    may("behavior", Is::Text),
];
const CONFIG: &[Field] = &[may("functionCallingConfig", Is::Fields)];
const CALLING: &[Field] = &[may("mode", Is::Text), may("allowedFunctionNames", Is::List)];
/// What lies below these is the caller's own.
const FREE: [&str; 7] = [
    "args",
    "response",
    "parameters",
    "parametersJsonSchema",
    "responseSchema",
    "responseJsonSchema",
    "jsonSchema",
];

pub(crate) fn request(body: &Value, model: &str, said: &Said) -> Result<Asked, Wrong> {
    let body = &in_camel_case(body);
    let top = fields(body, "", TOP).map_err(wrong)?;
    let known = MODELS.iter().find(|(name, ..)| *name == model);
    let Some((name, longest, largest)) = known else {
        let why = format!(
            "models/{model} is not found for API version v1beta, or is not supported for generateContent. Call ListModels to see the list of available models and their supported methods."
        );
        return Err(Wrong::new(404, "NOT_FOUND", why));
    };
    let shows_thoughts = generation(top, *largest)?;
    tools(top)?;
    calling(top)?;
    if let Some(system) = top.get("systemInstruction").filter(|system| !system.is_null()) {
        parts::content(system, "systemInstruction", true)?;
    }
    let contents = list(body, "contents");
    parts::conversation(contents)?;
    parts::verbatim(contents, said)?;
    let prompt = prompt(body);
    let tokens = tokens_in(&prompt);
    if tokens > *longest {
        return Err(invalid(format!(
            "The input token count ({tokens}) exceeds the maximum number of tokens allowed ({longest})."
        )));
    }
    let as_json = |value: Option<&Value>| value.map(Value::to_string).unwrap_or_default();
    Ok(Asked {
        model: (*name).to_owned(),
        turns: contents.iter().filter(|content| text(content, "role") == "model").count(),
        stream: false,
        system: as_json(top.get("systemInstruction")),
        first: as_json(contents.first()),
        prompt,
        shows_thoughts,
    })
}

/// Whether thoughts are to be shown.
fn generation(top: &Map<String, Value>, largest: u64) -> Result<bool, Wrong> {
    let Some(config) = top.get("generationConfig").filter(|config| !config.is_null()) else {
        return Ok(false);
    };
    let place = "generationConfig";
    let config = fields(config, place, GENERATION).map_err(wrong)?;
    if let Some(wanted) = config.get("maxOutputTokens").filter(|wanted| !wanted.is_null()) {
        let fits = wanted.as_u64().is_some_and(|wanted| (1..=largest).contains(&wanted));
        if !fits {
            let end = largest + 1;
            return Err(invalid(format!(
                "Unable to submit request because it has a maxOutputTokens value of {wanted} but the supported range is from 1 (inclusive) to {end} (exclusive). Update the value and try again."
            )));
        }
    }
    let Some(thinking) = config.get("thinkingConfig").filter(|config| !config.is_null()) else {
        return Ok(false);
    };
    let place = "generationConfig.thinkingConfig";
    let thinking = fields(thinking, place, THINKING).map_err(wrong)?;
    let levels = &["THINKING_LEVEL_UNSPECIFIED", "MINIMAL", "LOW", "MEDIUM", "HIGH"];
    one_of(thinking, "thinkingLevel", place, levels).map_err(wrong)?;
    Ok(thinking.get("includeThoughts").and_then(Value::as_bool).unwrap_or(false))
}

fn tools(top: &Map<String, Value>) -> Result<(), Wrong> {
    let tools = top.get("tools").and_then(Value::as_array).into_iter().flatten();
    let mut names: Vec<&str> = Vec::new();
    for (index, tool) in tools.enumerate() {
        let place = format!("tools[{index}]");
        fields(tool, &place, TOOL).map_err(wrong)?;
        for (index, declared) in list(tool, "functionDeclarations").iter().enumerate() {
            let place = format!("{place}.functionDeclarations[{index}]");
            let found = fields(declared, &place, DECLARATION).map_err(wrong)?;
            let name = text(declared, "name");
            if !is_name(name) {
                return Err(invalid(format!(
                    "* GenerateContentRequest.{place}.name: Invalid function name. Must start with a letter or an underscore. Must be alphanumeric (a-z, A-Z, 0-9), underscores (_), dots (.), colons (:), or dashes (-), with a maximum length of 64."
                )));
            }
            if names.contains(&name) {
                return Err(invalid(format!("Duplicate function declaration found: {name}")));
            }
            if found.contains_key("parameters") && found.contains_key("parametersJsonSchema") {
                return Err(invalid(format!(
                    "* GenerateContentRequest.{place}: only one of parameters and parametersJsonSchema can be set"
                )));
            }
            names.push(name);
        }
    }
    Ok(())
}

fn is_name(name: &str) -> bool {
    let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let letter = |c: char| c.is_ascii_alphanumeric() || "_.:-".contains(c);
    begins && name.len() <= 64 && name.chars().all(letter)
}

fn calling(top: &Map<String, Value>) -> Result<(), Wrong> {
    let Some(config) = top.get("toolConfig").filter(|config| !config.is_null()) else {
        return Ok(());
    };
    let config = fields(config, "toolConfig", CONFIG).map_err(wrong)?;
    let Some(calling) = config.get("functionCallingConfig") else { return Ok(()) };
    let place = "toolConfig.functionCallingConfig";
    let calling = fields(calling, place, CALLING).map_err(wrong)?;
    let modes = &["MODE_UNSPECIFIED", "AUTO", "ANY", "NONE", "VALIDATED"];
    one_of(calling, "mode", place, modes).map_err(wrong)
}

fn prompt(body: &Value) -> Vec<Block> {
    let system = body.get("systemInstruction").cloned();
    let tools = list(body, "tools").iter().cloned();
    let contents = list(body, "contents").iter().flat_map(|content| {
        let role = text(content, "role");
        list(content, "parts")
            .iter()
            .map(move |part| serde_json::json!({"role": role, "part": part}))
    });
    let all = system.into_iter().chain(tools).chain(contents);
    all.map(|content| Block { content, marked: true }).collect()
}

/// The same with `maxOutputTokens` for `max_output_tokens`.
fn in_camel_case(value: &Value) -> Value {
    match value {
        Value::Array(list) => list.iter().map(in_camel_case).collect(),
        Value::Object(fields) => {
            let renamed = fields.iter().map(|(name, value)| {
                let name = camel_case(name);
                let is_free = FREE.contains(&name.as_str());
                let value = if is_free { value.clone() } else { in_camel_case(value) };
                (name, value)
            });
            Value::Object(renamed.collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |mut name, word| {
        let mut letters = word.chars();
        name.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        name.push_str(letters.as_str());
        name
    })
}
