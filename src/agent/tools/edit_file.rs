//! `edit_file`: replaces a piece of a file that the model quotes.

mod ladder;
mod nearest;

use super::{ToolError, numbered, respond, text_of};
use crate::agent::workspace::{LARGEST_FILE_BYTES, Workspace};
use crate::llm::ToolSpec;
use ladder::{Edited, Miss};
use serde::Deserialize;
use serde_json::json;
use std::fmt::Write;
use std::ops::RangeInclusive;

/// Lines to show around a change.
const CONTEXT_LINES: usize = 5;
/// Changes to show; the others are counted.
const MOST_SHOWN: usize = 3;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {
    path: String,
    old: String,
    new: String,
    #[serde(default)]
    replace_all: bool,
}

pub(super) fn spec() -> ToolSpec {
    ToolSpec {
        name: "edit_file",
        description: "Replaces `old` by `new` in a file. `old` must be copied exactly from the file \
                      (without line numbers) with enough lines around it to occur once.",
        schema: json!({
            "type": "object",
            "properties": {
                "path": {"type": "string"},
                "old": {"type": "string"},
                "new": {"type": "string"},
                "replace_all": {"type": "boolean", "description": "Replace every occurrence."}
            },
            "required": ["path", "old", "new"],
            "additionalProperties": false
        }),
    }
}

pub(super) fn run(workspace: &Workspace, arguments: &Arguments) -> Result<String, ToolError> {
    let Arguments { path, old, new, replace_all } = arguments;
    if old.is_empty() {
        return respond("edit_file: `old` is empty; to create a file use write_file");
    }
    if old == new {
        return respond("edit_file: `old` and `new` are the same");
    }
    let content = text_of(workspace, path)?;
    let edited = match ladder::replace(&content, old, new, *replace_all) {
        Ok(edited) => edited,
        Err(miss) => return respond(explain(path, &content, arguments, &miss)),
    };
    if edited.content.len() as u64 > LARGEST_FILE_BYTES {
        return respond(format!("{path} would become larger than 2 MiB"));
    }
    workspace.write(&workspace.path(path)?, edited.content.as_bytes())?;
    Ok(show(path, &edited))
}

fn show(path: &str, edited: &Edited) -> String {
    let times = edited.places.len();
    let count = if times == 1 { String::new() } else { format!(" in {times} places") };
    let mut text = format!("edited {path}{count}{}\n", edited.rung.note());
    for place in edited.places.iter().take(MOST_SHOWN) {
        let first = place.start().saturating_sub(CONTEXT_LINES).max(1);
        let until = place.end() + CONTEXT_LINES;
        let lines = edited.content.lines().skip(first - 1).take(until + 1 - first);
        text.push_str(&numbered(lines, first));
        text.push_str("      \t…\n");
    }
    text
}

fn explain(path: &str, content: &str, arguments: &Arguments, miss: &Miss) -> String {
    match miss {
        Miss::Many(times, lines) => {
            let more = if lines.len() < *times { ", …" } else { "" };
            let lines: Vec<_> = lines.iter().map(usize::to_string).collect();
            format!(
                "`old` occurs {times} times in {path}, at lines {}{more}; quote more lines, or set \
                 replace_all",
                lines.join(", ")
            )
        }
        Miss::TooMany => format!("`old` occurs too often in {path}; quote more"),
        Miss::None => none(path, content, arguments),
    }
}

fn none(path: &str, content: &str, arguments: &Arguments) -> String {
    let mut text = format!("`old` does not occur in {path}");
    if !arguments.new.trim().is_empty() && content.contains(&arguments.new) {
        text.push_str("; the replacement is already present");
    }
    if has_line_numbers(&arguments.old) {
        text.push_str("; quote without the line numbers");
        return text;
    }
    let near = nearest::windows(content, &arguments.old);
    if !near.is_empty() {
        let near: Vec<_> = near.iter().map(lines_of).collect();
        let _ = write!(text, "; did you mean {}?", near.join(" or "));
    }
    text
}

/// Whether it was copied with what `read_file` puts before each line.
fn has_line_numbers(old: &str) -> bool {
    let numbered = |line: &str| {
        let number = line.split_once('\t').map_or("", |(number, _)| number.trim());
        !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    };
    old.lines().all(numbered)
}

fn lines_of(window: &RangeInclusive<usize>) -> String {
    format!("lines {}–{}", window.start(), window.end())
}
