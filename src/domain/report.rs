//! Every sentence the bot says, as functions of facts: short, exact, first the fact and then the
//! next step. Nothing outside this folder writes text for people on GitHub.
//!
//! Foreign text (a model's or a person's) passes [`inert`](super::text::inert) here and nowhere else.

pub mod answer;
pub mod check;
pub mod config;
pub mod detail;
pub mod handed_over;
pub mod proposed_config;
pub mod pull_request;
pub mod receipt;
pub mod refusal;
pub mod review;
pub mod setup;
pub mod status;
pub mod unasked;
pub mod verification;

use super::catalog::Provider;
use super::credit::{Credits, Quote, Usage};
use super::event::ProposalState;
use super::handed_over::HandedOver;
use super::ids::{CommandId, Sha, TaskId};
use super::places::CodePlace;
use super::review::Review;
use super::task::{End, Kind, Phase};
use super::text_enum;
use super::verification::Verification;
use serde::{Deserialize, Serialize};

/// GitHub's limit for a comment or a pull request's description is 65,536 characters; bytes are
/// never fewer than characters, so this is always below it.
const LONGEST_BODY: usize = 60_000;

/// What a task looks like from outside, gathered from rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskView {
    /// The task.
    pub id: TaskId,
    /// What sort of work.
    pub kind: Kind,
    /// Where it is.
    pub phase: Phase,
    /// What it waits for that only a person can give, such as a permission.
    pub lacks: Option<String>,
    /// The model service that it waits for.
    pub waits_for: Option<Provider>,
    /// How it ended, as soon as that is decided.
    pub end: Option<End>,
    /// The names for people of the model, and of the one that went on for it.
    pub model: String,
    /// What was estimated.
    pub quote: Quote,
    /// What is held for it.
    pub hold: Credits,
    /// The agent's checklist.
    pub plan: Vec<PlanItem>,
    /// Model calls so far.
    pub steps: i64,
    /// Tokens so far.
    pub usage: Usage,
    /// What was paid; known once it ended.
    pub charged: Option<Credits>,
    /// What the agent says about the result.
    pub outcome: Outcome,
    /// The pull request, once it is open.
    pub pull_request: Option<Opened>,
    /// The commit that was pushed.
    pub pushed: Option<Pushed>,
    /// Where the review is read, once it is written.
    pub review_url: Option<String>,
    /// Whether only members see this thread.
    pub private: bool,
    /// Whether a file of the configuration had mistakes when it was asked for.
    pub config_has_mistakes: bool,
    /// What the account has left.
    pub available: Credits,
    /// Where people see the files that were read.
    pub source: String,
    /// Where more about it can be seen.
    pub url: String,
}

/// What an attempt came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Outcome {
    /// What was done, in the agent's words.
    pub summary: String,
    /// The title for the pull request, in the agent's words.
    pub title: Option<String>,
    /// What the agent says it did not verify.
    pub not_verified: Vec<String>,
    /// What the agent has to know before it can go on.
    pub questions: Vec<String>,
    /// What went wrong, in our own words, fit to be shown.
    pub detail: Option<String>,
    /// Places in the code that the summary names and that are there.
    pub places: Vec<CodePlace>,
    /// What a review came to.
    pub review: Option<Review>,
    /// What was measured about the tree that is pushed.
    pub verification: Option<Verification>,
    /// The change, where it is not pushed.
    pub handed_over: Option<HandedOver>,
}

/// A pull request that was opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opened {
    /// Its number.
    pub number: i64,
    /// Where people see it.
    pub url: String,
    /// Whether it is a draft.
    pub draft: bool,
    /// What became of it.
    pub state: ProposalState,
}

/// A commit that was pushed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pushed {
    /// The commit.
    pub commit: Sha,
    /// The branch.
    pub branch: String,
}

/// One line of the agent's checklist.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanItem {
    /// What is to be done.
    pub text: String,
    /// How far it is.
    pub status: PlanStatus,
}

text_enum!(
    /// How far a line of the checklist is.
    PlanStatus {
        /// Not begun.
        Pending = "pending",
        /// Begun.
        InProgress = "in_progress",
        /// Finished.
        Done = "done",
    }
);

/// The last line of a task's own comment and pull request. It counts only in what our App wrote.
pub fn task_marker(id: TaskId) -> String {
    format!("<!-- asynccoder:task={id} -->")
}

/// The last line of every other answer.
pub fn command_marker(id: CommandId) -> String {
    format!("<!-- asynccoder:command={id} -->")
}
