//! `delete_file`: one regular file less.

use super::ToolError;
use crate::agent::workspace::Workspace;
use crate::llm::ToolSpec;
use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {
    path: String,
}

pub(super) fn spec() -> ToolSpec {
    ToolSpec {
        name: "delete_file",
        description: "Deletes one file.",
        schema: json!({
            "type": "object",
            "properties": {"path": {"type": "string"}},
            "required": ["path"],
            "additionalProperties": false
        }),
    }
}

pub(super) fn run(workspace: &Workspace, arguments: &Arguments) -> Result<String, ToolError> {
    let path = workspace.path(&arguments.path)?;
    workspace.delete(&path)?;
    Ok(format!("deleted {path}"))
}
