//! `list_dir`: what is in a folder.

use super::{ToolError, respond};
use crate::agent::workspace::{Found, Sort, Workspace};
use crate::llm::ToolSpec;
use serde::Deserialize;
use serde_json::json;
use std::fmt::Write;
use std::ops::ControlFlow;

const MOST_ENTRIES: usize = 200;
const DEEPEST: usize = 5;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {
    path: String,
    #[serde(default = "one")]
    depth: usize,
}

const fn one() -> usize {
    1
}

pub(super) fn spec() -> ToolSpec {
    ToolSpec {
        name: "list_dir",
        description: "Lists a folder: sizes of files, ignored entries marked, at most 200 entries. \
                      `path` is relative to the repository root; `.` is the root itself.",
        schema: json!({
            "type": "object",
            "properties": {
                "path": {"type": "string"},
                "depth": {"type": "integer", "description": "Levels to show, 1 to 5. Default 1."}
            },
            "required": ["path"],
            "additionalProperties": false
        }),
    }
}

pub(super) fn run(workspace: &Workspace, arguments: &Arguments) -> Result<String, ToolError> {
    if !(1..=DEEPEST).contains(&arguments.depth) {
        return respond("list_dir: `depth` must be 1 to 5");
    }
    let path = workspace.path(&arguments.path)?;
    let (mut text, mut shown, mut is_cut) = (String::new(), 0, false);
    workspace.walk(&path, arguments.depth, &mut |found| {
        is_cut = shown == MOST_ENTRIES;
        if is_cut {
            return ControlFlow::Break(());
        }
        shown += 1;
        line(&mut text, found);
        ControlFlow::Continue(())
    })?;
    if is_cut {
        text.push_str("[more than 200 entries; list a folder below, or search]\n");
    }
    Ok(if text.is_empty() { format!("{path} is empty") } else { text })
}

fn line(text: &mut String, found: &Found) {
    let about = match found.sort {
        Sort::Folder => "/".to_owned(),
        Sort::File => format!("  {} bytes", found.size_bytes),
        Sort::Other => "  (not a regular file)".to_owned(),
    };
    let ignored = if found.is_ignored { "  (ignored)" } else { "" };
    let _ = writeln!(text, "{}{about}{ignored}", found.path);
}
