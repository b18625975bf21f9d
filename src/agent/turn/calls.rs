//! What the model wants to have run, and what it is told about it: every call has exactly one answer,
//! because a provider refuses a conversation with a call that has none.

use crate::agent::StoredStep;
use crate::agent::tools::{ToolCall, ToolResult};
use crate::llm::{Block, Reply, Stop, UserPart};

/// Nobody needs more calls in one answer; the others are refused.
const MOST_CALLS: usize = 32;

/// What the model wants to have run. After a cut nobody knows what is complete.
pub(super) fn calls(reply: &Reply) -> Vec<ToolCall> {
    let mut calls = Vec::new();
    for block in &reply.blocks {
        let Block::ToolCall { id, name, arguments } = block else { continue };
        let refused = if reply.stop == Stop::MaxTokens {
            Some("not run: the answer was cut off")
        } else if calls.len() >= MOST_CALLS {
            Some("not run: too many calls in one answer")
        } else {
            None
        };
        let (id, name, arguments) = (id.clone(), name.clone(), arguments.clone());
        calls.push(ToolCall { id, name, arguments, refused });
    }
    calls
}

/// One answer for each call.
pub(super) fn answers(calls: &[ToolCall], results: &[ToolResult]) -> Vec<UserPart> {
    let mut results = results.iter();
    let answer = |call: &ToolCall| {
        let result = results.next();
        UserPart::ToolResult {
            call_id: call.id.clone(),
            name: call.name.clone(),
            text: result.map_or_else(|| "not run".to_owned(), |result| result.text.clone()),
            is_error: result.is_none_or(|result| result.is_error),
        }
    };
    calls.iter().map(answer).collect()
}

/// What was said to a stored step: every call has an answer, also in a step that was broken off.
pub(super) fn answers_of(step: &StoredStep) -> Vec<UserPart> {
    let results = step.results.as_ref().map(|r| r.results.as_slice()).unwrap_or_default();
    answers(&calls(&step.reply), results)
}
