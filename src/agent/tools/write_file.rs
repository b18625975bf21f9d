//! `write_file`: a new file, or a short one anew.

use super::{ToolError, respond};
use crate::agent::workspace::{LARGEST_FILE_BYTES, Workspace, WorkspacePath};
use crate::llm::ToolSpec;
use serde::Deserialize;
use serde_json::json;

/// Beyond this a model tends to leave parts out ("the rest stays the same"), so it must edit.
const LONGEST_REPLACED_LINES: usize = 400;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {
    path: String,
    content: String,
}

pub(super) fn spec() -> ToolSpec {
    ToolSpec {
        name: "write_file",
        description: "Creates a file, or replaces the whole content of one that has at most 400 \
                      lines. Folders are created. Change existing files with edit_file instead.",
        schema: json!({
            "type": "object",
            "properties": {
                "path": {"type": "string"},
                "content": {"type": "string", "description": "The complete content."}
            },
            "required": ["path", "content"],
            "additionalProperties": false
        }),
    }
}

pub(super) fn run(workspace: &Workspace, arguments: &Arguments) -> Result<String, ToolError> {
    let path = workspace.path(&arguments.path)?;
    let content = &arguments.content;
    if content.len() as u64 > LARGEST_FILE_BYTES {
        return respond(format!("{path}: the content is larger than 2 MiB"));
    }
    let is_there = workspace.exists(&path)?;
    if is_there {
        check_replaceable(workspace, &path)?;
    }
    workspace.write(&path, content.as_bytes())?;
    let verb = if is_there { "replaced" } else { "created" };
    Ok(format!("{verb} {path}, {} lines", content.lines().count()))
}

fn check_replaceable(workspace: &Workspace, path: &WorkspacePath) -> Result<(), ToolError> {
    let old = workspace.read(path)?;
    let lines = old.split(|byte| *byte == b'\n').count();
    if lines > LONGEST_REPLACED_LINES + 1 {
        return respond(format!("{path} has {} lines; change it with edit_file", lines - 1));
    }
    Ok(())
}
