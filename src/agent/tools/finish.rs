//! `finish`: the only way to end the work. What was verified is never claimed here: that is measured.

use super::{ToolError, respond};
use crate::llm::ToolSpec;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// What the model says at the end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finish {
    /// What was found and done.
    pub summary: String,
    /// The title of the change.
    #[serde(default)]
    pub title: Option<String>,
    /// What could not be made sure of.
    #[serde(default)]
    pub not_verified: Vec<String>,
    /// What must be known before going on.
    #[serde(default)]
    pub questions: Vec<String>,
}

pub(super) fn spec() -> ToolSpec {
    ToolSpec {
        name: "finish",
        description: "Ends the work. Call it alone, once all edits are made. If something must be \
                      known before going on, ask in `questions`.",
        schema: json!({
            "type": "object",
            "properties": {
                "summary": {
                    "type": "string",
                    "description": "For the people in the thread: the cause, what was changed and why."
                },
                "title": {
                    "type": "string",
                    "description": "Title of the change, at most 72 characters. Required if files were changed."
                },
                "not_verified": {
                    "type": "array",
                    "items": {"type": "string"},
                    "description": "What you assume and could not make sure of."
                },
                "questions": {"type": "array", "items": {"type": "string"}}
            },
            "required": ["summary"],
            "additionalProperties": false
        }),
    }
}

/// Whether the work may end so.
pub(super) fn check(finish: &Finish, has_edits: bool) -> Result<(), ToolError> {
    if finish.summary.trim().is_empty() {
        return respond("finish: `summary` is empty");
    }
    let has_title = finish.title.as_ref().is_some_and(|title| !title.trim().is_empty());
    if has_edits && !has_title {
        return respond("finish: `title` is missing, and files were changed");
    }
    Ok(())
}
