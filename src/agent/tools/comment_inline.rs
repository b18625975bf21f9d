//! `comment_inline`: a finding at some lines of the change. It is kept, and told with all others at the
//! end; nothing is published by calling it.

use super::{ToolError, respond};
use crate::domain::diff::Diff;
use crate::domain::review::{Finding, MOST_FINDINGS, MOST_LINES, Priority, Side, check_place};
use crate::llm::ToolSpec;
use serde::Deserialize;
use serde_json::json;

/// The longest comment that is kept; a longer one nobody reads.
const LONGEST_BODY_CHARS: usize = 4_000;

/// No file that anybody reviews is longer.
const LAST_LINE: usize = 10_000_000;
/// The longest replacement that is kept.
const LONGEST_SUGGESTION_BYTES: usize = 4_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {
    path: String,
    line: usize,
    #[serde(default)]
    start_line: Option<usize>,
    #[serde(default)]
    side: Option<Side>,
    priority: Priority,
    confidence: f64,
    body: String,
    #[serde(default)]
    suggestion: Option<String>,
}

pub(super) fn spec() -> ToolSpec {
    ToolSpec {
        name: "comment_inline",
        description: "Notes one finding at lines of the change. Nothing is published before the end. \
                      What is not at a line of the change is told in the summary instead.",
        schema: json!({
            "type": "object",
            "properties": {
                "path": {"type": "string"},
                "line": {"type": "integer", "description": "The line, or the last of several, as numbered in the change."},
                "start_line": {"type": "integer", "description": "The first of several lines, at most 10 in all."},
                "side": {"type": "string", "enum": ["LEFT", "RIGHT"], "description": "RIGHT (new, the default) or LEFT (old, for removed lines)."},
                "priority": {"type": "string", "enum": ["P0", "P1", "P2", "P3"]},
                "confidence": {"type": "number", "description": "How sure you are that it is wrong, 0 to 1."},
                "body": {"type": "string", "description": "What is wrong, when it goes wrong, and what follows; a short paragraph."},
                "suggestion": {"type": "string", "description": "The exact text that replaces the named lines whole, with their indentation."}
            },
            "required": ["path", "line", "priority", "confidence", "body"],
            "additionalProperties": false
        }),
    }
}

/// Keeps the finding. `noted` are those of this answer, `before` counts those of earlier ones.
pub(super) fn run(
    diff: &Diff,
    arguments: Arguments,
    noted: &mut Vec<Finding>,
    before: usize,
) -> Result<String, ToolError> {
    let number = before + noted.len() + 1;
    if number > MOST_FINDINGS {
        return respond(format!("not noted: {MOST_FINDINGS} findings are the most; call finish"));
    }
    let finding = finding(arguments)?;
    let placed = check_place(diff, &finding);
    noted.push(finding);
    Ok(match placed {
        Ok(()) => format!("noted as finding {number}"),
        Err(why) => format!(
            "noted as finding {number}, for the summary only: {why}. If it belongs to lines of the \
             change, note it again there, in the same words."
        ),
    })
}

fn finding(arguments: Arguments) -> Result<Finding, ToolError> {
    let Arguments { path, line, start_line, side, priority, confidence, body, suggestion } =
        arguments;
    let first = start_line.unwrap_or(line);
    if line == 0 || first == 0 || first > line || line > LAST_LINE {
        return respond(format!(
            "comment_inline: `start_line` and `line` count from 1, and `line` is the last of at most \
             {MOST_LINES}"
        ));
    }
    if !(0.0..=1.0).contains(&confidence) {
        return respond("comment_inline: `confidence` is a number from 0 to 1");
    }
    if body.trim().is_empty() {
        return respond("comment_inline: `body` is empty");
    }
    if suggestion.as_ref().is_some_and(|text| text.len() > LONGEST_SUGGESTION_BYTES) {
        return respond(format!(
            "comment_inline: `suggestion` is longer than {LONGEST_SUGGESTION_BYTES} bytes; say it in `body`"
        ));
    }
    Ok(Finding {
        path,
        first,
        last: line,
        side: side.unwrap_or(Side::Right),
        priority,
        confidence: percent(confidence),
        body: body.chars().take(LONGEST_BODY_CHARS).collect(),
        suggestion,
    })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the share is between 0 and 1"
)]
fn percent(share: f64) -> u8 {
    (share * 100.0).round() as u8
}
