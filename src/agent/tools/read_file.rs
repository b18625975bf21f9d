//! `read_file`: a part of a file, with the numbers of its lines.

use super::{ToolError, respond};
use crate::agent::workspace::Workspace;
use crate::llm::ToolSpec;
use serde::Deserialize;
use serde_json::json;
use std::fmt::Write;

const USUAL_LINES: usize = 250;
const MOST_LINES: usize = 400;
/// Leaves room for the first line within the cap of every answer.
const MOST_BYTES: usize = 15 * 1024;
/// A file with a zero byte this early is no text. Git looks as far.
const LOOK_FOR_ZERO_BYTES: usize = 8000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {
    path: String,
    #[serde(default)]
    start: Option<usize>,
    #[serde(default)]
    lines: Option<usize>,
}

pub(super) fn spec() -> ToolSpec {
    ToolSpec {
        name: "read_file",
        description: "Shows lines of a text file with their numbers, 250 unless told otherwise. \
                      The number and the tab before each line are not part of the file.",
        schema: json!({
            "type": "object",
            "properties": {
                "path": {"type": "string"},
                "start": {"type": "integer", "description": "First line. Default 1."},
                "lines": {"type": "integer", "description": "How many lines, 1 to 400. Default 250."}
            },
            "required": ["path"],
            "additionalProperties": false
        }),
    }
}

pub(super) fn run(workspace: &Workspace, arguments: &Arguments) -> Result<String, ToolError> {
    let path = workspace.path(&arguments.path)?;
    let bytes = workspace.read(&path)?;
    if bytes.iter().take(LOOK_FOR_ZERO_BYTES).any(|byte| *byte == 0) {
        return respond(format!("{path} is a binary file"));
    }
    let text = String::from_utf8_lossy(&bytes);
    let total = text.lines().count();
    if total == 0 {
        return Ok(format!("{path} is empty"));
    }
    let start = arguments.start.unwrap_or(1).max(1);
    if start > total {
        return respond(format!("{path} has {total} lines, none at {start}"));
    }
    let wanted = arguments.lines.unwrap_or(USUAL_LINES).clamp(1, MOST_LINES);
    let (shown, last) = page(&text, start, wanted);
    let encoding = if std::str::from_utf8(&bytes).is_ok() { "" } else { ", not UTF-8" };
    Ok(format!("{path}, lines {start}–{last} of {total}{encoding}\n{shown}"))
}

/// The lines from `start` on that fit, and the number of the last one.
fn page(text: &str, start: usize, wanted: usize) -> (String, usize) {
    let (mut shown, mut last) = (String::new(), start);
    for (line, number) in text.lines().skip(start - 1).take(wanted).zip(start..) {
        let left = MOST_BYTES.saturating_sub(shown.len());
        if line.len() + 8 > left && number > start {
            break;
        }
        last = number;
        let kept = line.get(..line.floor_char_boundary(left)).unwrap_or_default();
        let cut = if kept.len() < line.len() { " [line cut off]" } else { "" };
        let _ = writeln!(shown, "{number:>6}\t{kept}{cut}");
    }
    (shown, last)
}
