//! What the model may do.

use serde::{Deserialize, Serialize};

/// What a tool answered the model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolResult {
    /// The model's name for the call.
    pub call_id: String,
    /// The tool.
    pub name: String,
    /// What it answered.
    pub text: String,
    /// Whether it failed.
    pub is_error: bool,
}

/// One line of the model's plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanItem {
    /// What is to be done.
    pub text: String,
    /// How far it is.
    pub status: PlanStatus,
}

/// How far a line of the plan is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlanStatus {
    /// Not begun.
    Pending,
    /// Being done.
    InProgress,
    /// Done.
    Done,
}

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
