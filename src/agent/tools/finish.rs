//! `finish`: the only way to end the work. What was verified is never claimed here: that is measured.

use super::{Standing, ToolError, respond};
use crate::domain::review::{Scores, Verdict};
use crate::domain::task::Kind;
use crate::llm::ToolSpec;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What the model says at the end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finish {
    /// What was found and done.
    pub summary: String,
    /// The title of the change.
    #[serde(default)]
    pub title: Option<String>,
    /// What a reviewer would do with the pull request.
    #[serde(default)]
    pub verdict: Option<Verdict>,
    /// What a second look gives each finding of a review.
    #[serde(default)]
    pub scores: Vec<Score>,
    /// What could not be made sure of.
    #[serde(default)]
    pub not_verified: Vec<String>,
    /// What must be known before going on.
    #[serde(default)]
    pub questions: Vec<String>,
}

/// What a second look gives one finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Score {
    /// The number under which it was noted.
    pub finding: usize,
    /// From 0, wrong, to 10, certain and worth saying.
    pub score: u8,
}

impl Finish {
    /// The scores by finding.
    pub fn scores(&self) -> Scores {
        self.scores.iter().map(|score| (score.finding, score.score)).collect()
    }
}

pub(super) fn spec(kind: Kind) -> ToolSpec {
    if kind == Kind::PrReview {
        return review_spec();
    }
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
                "not_verified": not_verified(),
                "questions": {"type": "array", "items": {"type": "string"}}
            },
            "required": ["summary"],
            "additionalProperties": false
        }),
    }
}

fn review_spec() -> ToolSpec {
    let verdicts: Vec<_> = Verdict::ALL.iter().map(|verdict| verdict.as_str()).collect();
    ToolSpec {
        name: "finish",
        description: "Ends the review. Call it alone, once everything is noted.",
        schema: json!({
            "type": "object",
            "properties": {
                "summary": {
                    "type": "string",
                    "description": "For the author: what the change does and how sound it is, in a few sentences, without repeating the findings."
                },
                "verdict": {"type": "string", "enum": verdicts},
                "scores": {
                    "type": "array",
                    "description": "Only when asked for: what a second look gives each finding.",
                    "items": {
                        "type": "object",
                        "properties": {
                            "finding": {"type": "integer"},
                            "score": {"type": "integer", "description": "0 (wrong) to 10 (certain and worth saying)."}
                        },
                        "required": ["finding", "score"],
                        "additionalProperties": false
                    }
                },
                "not_verified": not_verified()
            },
            "required": ["summary", "verdict"],
            "additionalProperties": false
        }),
    }
}

fn not_verified() -> Value {
    json!({
        "type": "array",
        "items": {"type": "string"},
        "description": "What you assume and could not make sure of."
    })
}

/// Whether the work may end so.
pub(super) fn check(
    finish: &Finish,
    standing: &Standing<'_>,
    has_edits: bool,
) -> Result<(), ToolError> {
    if finish.summary.trim().is_empty() {
        return respond("finish: `summary` is empty");
    }
    let has_title = finish.title.as_ref().is_some_and(|title| !title.trim().is_empty());
    if has_edits && !has_title {
        return respond("finish: `title` is missing, and files were changed");
    }
    if standing.kind == Kind::PrReview && !finish.questions.is_empty() {
        return respond("finish: a review asks nothing; put what is unclear into `summary`");
    }
    if !standing.is_second_look {
        return Ok(());
    }
    let scores = finish.scores();
    let missing = (1..=standing.findings).filter(|number| !scores.contains_key(number));
    let missing: Vec<_> = missing.map(|number| number.to_string()).collect();
    if !missing.is_empty() {
        return respond(format!(
            "finish: `scores` has nothing for finding {}; give each a score from 0 to 10",
            missing.join(", ")
        ));
    }
    Ok(())
}
