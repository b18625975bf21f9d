//! Token counts, and the prompt cache as the provider keeps it.
//!
//! A prompt is its tools, its system text and its messages, block by block. What lies before a
//! `cache_control` mark is kept; a later prompt with the same beginning reads it again, if the end
//! of what was kept is at most twenty blocks before one of its own marks.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::simulator::crypto::fingerprint;

const LOOKED_BACK: usize = 20;

#[derive(Debug, Default)]
pub(crate) struct Cache(BTreeSet<String>);

/// The parts of a prompt by price.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counted {
    pub(crate) input: u64,
    pub(crate) read: u64,
    pub(crate) written: u64,
}

/// A place between two blocks.
struct Boundary {
    name: String,
    tokens: u64,
    marked: bool,
}

impl Cache {
    pub(crate) fn count(&mut self, request: &Value) -> Counted {
        let boundaries = boundaries(request);
        let total = boundaries.last().map_or(0, |last| last.tokens);
        let marks: Vec<usize> = boundaries
            .iter()
            .enumerate()
            .filter(|(_, at)| at.marked)
            .map(|(index, _)| index)
            .collect();
        let near =
            |index: usize| marks.iter().any(|mark| (index..=index + LOOKED_BACK).contains(mark));
        let kept = boundaries
            .iter()
            .enumerate()
            .rev()
            .find(|(index, at)| near(*index) && self.0.contains(&at.name));
        let read = kept.map_or(0, |(_, at)| at.tokens);
        let last_mark = marks.last().and_then(|mark| boundaries.get(*mark));
        let marked = last_mark.map_or(0, |mark| mark.tokens);
        for boundary in boundaries.iter().filter(|boundary| boundary.marked) {
            self.0.insert(boundary.name.clone());
        }
        let written = marked.saturating_sub(read);
        Counted { input: total - read.max(marked), read, written }
    }
}

/// A quarter of the bytes.
pub(crate) fn tokens_of(value: &Value) -> u64 {
    (value.to_string().len() as u64).div_ceil(4)
}

/// The prompt's blocks in the order of the provider, each end named by all that lies before it.
fn boundaries(request: &Value) -> Vec<Boundary> {
    let model = request.get("model").map(Value::to_string).unwrap_or_default();
    let (mut name, mut tokens) = (fingerprint(model.as_bytes()), 0);
    let mut boundaries = Vec::new();
    for mut block in blocks(request) {
        let mark = block.as_object_mut().and_then(|fields| fields.remove("cache_control"));
        tokens += tokens_of(&block);
        name = fingerprint(format!("{name}{block}").as_bytes());
        let marked = mark.is_some_and(|mark| !mark.is_null());
        boundaries.push(Boundary { name: name.clone(), tokens, marked });
    }
    boundaries
}

fn blocks(request: &Value) -> Vec<Value> {
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
    blocks
}

fn list(value: Option<&Value>) -> Vec<Value> {
    match value {
        Some(Value::Array(list)) => list.clone(),
        None | Some(Value::Null) => Vec::new(),
        Some(Value::String(text)) => vec![serde_json::json!({"type": "text", "text": text})],
        Some(other) => vec![other.clone()],
    }
}
