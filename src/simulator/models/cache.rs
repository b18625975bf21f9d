//! Token counts, and the prompt cache as the providers keep it.
//!
//! A prompt is its tools, its system text and its messages, block by block. What lies before a mark
//! is kept, and a later prompt with the same beginning reads it again. Anthropic's callers set the
//! marks, and only twenty blocks before one of them are looked at; elsewhere every block ends with
//! one, and only prompts from a thousand tokens on are kept.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::simulator::crypto::fingerprint;

const LOOKED_BACK: usize = 20;
const LEAST_KEPT: u64 = 1024;

#[derive(Debug, Default)]
pub(crate) struct Cache(BTreeSet<String>);

/// A part of a prompt, and whether what ends with it is to be kept.
#[derive(Debug, Clone)]
pub(crate) struct Block {
    pub(crate) content: Value,
    pub(crate) marked: bool,
}

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
    /// Counts a prompt whose marks the caller has set.
    pub(crate) fn count_marked(&mut self, model: &str, blocks: &[Block]) -> Counted {
        let boundaries = boundaries(model, blocks);
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

    /// Counts a prompt that the service keeps by itself.
    pub(crate) fn count_all(&mut self, model: &str, blocks: &[Block]) -> Counted {
        let boundaries = boundaries(model, blocks);
        let total = boundaries.last().map_or(0, |last| last.tokens);
        let long = |at: &&Boundary| at.tokens >= LEAST_KEPT;
        let kept = boundaries.iter().rev().filter(long).find(|at| self.0.contains(&at.name));
        let read = kept.map_or(0, |at| at.tokens);
        self.0.extend(boundaries.iter().filter(long).map(|at| at.name.clone()));
        let written = if total >= LEAST_KEPT { total - read } else { 0 };
        Counted { input: total - read - written, read, written }
    }
}

/// A quarter of the bytes.
pub(crate) fn tokens_of(value: &Value) -> u64 {
    (value.to_string().len() as u64).div_ceil(4)
}

/// The tokens of a prompt.
pub(crate) fn tokens_in(blocks: &[Block]) -> u64 {
    blocks.iter().map(|block| tokens_of(&block.content)).sum()
}

/// The ends of the blocks, each named by all that lies before it.
fn boundaries(model: &str, blocks: &[Block]) -> Vec<Boundary> {
    let (mut name, mut tokens) = (fingerprint(model.as_bytes()), 0);
    let mut boundaries = Vec::new();
    for Block { content, marked } in blocks {
        tokens += tokens_of(content);
        name = fingerprint(format!("{name}{content}").as_bytes());
        boundaries.push(Boundary { name: name.clone(), tokens, marked: *marked });
    }
    boundaries
}
