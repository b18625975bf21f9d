//! One conversation with a model over one workspace, from an [`Assignment`] to an [`Outcome`].
//!
//! The decisions are made by [`turn`], a machine without IO; [`run`] carries out what it decides:
//! asks the model, runs the tools, and hands every step to the [`Journal`] before the next begins.
//! A run that was interrupted goes on from the steps that were stored, without running them again.
//!
//! Nothing here pushes, comments, knows GitHub or the database: there is no tool for it. A command is
//! run behind the walls of [`sandbox`](crate::sandbox), or, where there are none, not at all. Text from the repository and its issues is data for the model, never an instruction.

pub mod budget;
pub mod clock;
pub mod context;
pub mod prompt;
mod second_look;
mod shell;
pub mod tools;
pub mod turn;
pub mod workspace;

pub use second_look::lines_of;
pub use shell::run;

use crate::domain::catalog::{Model, Provider};
use crate::domain::credit::{Credits, NanoUsd, Usage};
use crate::domain::diff::Diff;
use crate::domain::event::AtLine;
use crate::domain::report::PlanItem;
use crate::domain::review::{Finding, Scores, Verdict};
use crate::domain::task::{End, Kind, Limits};
use crate::domain::verification::Verification;
use crate::llm::Reply;
use crate::sandbox::Sandbox;
use async_trait::async_trait;
use clock::Clock;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tools::{Finish, ToolResult};
use workspace::Workspace;

/// What is to be done, and within which bounds.
#[derive(Clone, Debug)]
pub struct Assignment {
    /// The sort of work.
    pub kind: Kind,
    /// Who does it.
    pub model: Model,
    /// Who goes on if that model's service fails for good.
    pub fallback: Option<Model>,
    /// What may be used up; at most the kind's own limits.
    pub limits: Limits,
    /// What may be spent.
    pub hold: Credits,
    /// The walls behind which commands are run; without them there is no tool for it.
    pub sandbox: Option<Sandbox>,
    /// Marks where foreign text begins and ends: a word that nobody knew who wrote such text.
    pub fence: String,
    /// What is asked.
    pub task_text: TaskText,
    /// What is reviewed, if something is.
    pub review: Option<ReviewInput>,
    /// What was said in the task that this one continues, if it does.
    pub before: Before,
    /// The steps of earlier attempts, in order.
    pub already: Vec<StoredStep>,
    /// The time that it is worked on.
    pub clock: Clock,
}

/// The words of a task: who wants what, and what is said around it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskText {
    /// The number of the issue or pull request.
    pub number: i64,
    /// Its title.
    pub title: String,
    /// Its description.
    pub body: String,
    /// What the requester typed. The only text that is an instruction.
    pub instruction: String,
    /// The login of the person who asked.
    pub requester: String,
    /// `owner/name`.
    pub repository: String,
    /// Whether the number is a pull request.
    pub is_pull_request: bool,
    /// Where in the change the comment that asked stands, if it does.
    pub line: Option<AtLine>,
    /// The repository's `AGENTS.md` on the base branch.
    pub guidance: Option<String>,
    /// What its configuration tells agents.
    pub rules: Option<String>,
    /// The form in which the repository wants its pull requests described.
    pub template: Option<String>,
    /// What earlier tasks of this bot came to, as far as the instruction names them.
    pub earlier: Vec<EarlierTask>,
    /// The comments that may be shown to the model, oldest first.
    pub thread: Vec<ThreadEntry>,
}

/// What a review is of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReviewInput {
    /// The whole change: what may be commented on.
    pub diff: Arc<Diff>,
    /// The change as it is shown, or the newer part of it.
    pub text: String,
    /// The files of it that did not fit.
    pub left_out: Vec<String>,
    /// What earlier reviews of this pull request told.
    pub told: Vec<Finding>,
}

/// The task that another one continues.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Before {
    /// What was said in it.
    pub steps: Vec<StoredStep>,
    /// Whether some of it was said by a model that the present one does not share its words with.
    pub is_foreign: bool,
    /// The paths that it changed, as far as the workspace begins with its change.
    pub changed: BTreeSet<String>,
}

/// A task that the instruction names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EarlierTask {
    /// `t_…`.
    pub name: String,
    /// What it answered.
    pub summary: String,
}

/// One comment of the thread.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThreadEntry {
    /// The login of who wrote it.
    pub author: String,
    /// What the author may do in the repository: `read`, `write`, …
    pub permission: String,
    /// What it says.
    pub text: String,
}

/// A step of an earlier attempt. Without results, its tools did not get to the end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredStep {
    /// The id of the model that was asked; unknown of old steps.
    #[serde(default)]
    pub model: Option<String>,
    /// What the model answered.
    pub reply: Reply,
    /// What its tools did.
    pub results: Option<StepResults>,
}

/// What the tools of one step did, and where the task stands after it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StepResults {
    /// One for each call, in the model's order.
    pub results: Vec<ToolResult>,
    /// Every path that the tools changed up to now.
    pub changed: BTreeSet<String>,
    /// What this step found in a review.
    #[serde(default)]
    pub findings: Vec<Finding>,
    /// The plan, if this step set it.
    pub plan: Option<Vec<PlanItem>>,
    /// The end, if this step declared it.
    pub finish: Option<Finish>,
    /// The whole change, or all findings, shown to the model once after it declared the end.
    #[serde(default)]
    pub review: Option<String>,
    /// What the repository's checks say about the change, if this step declared the end.
    #[serde(default)]
    pub verification: Option<Verification>,
    /// Active time up to now over all attempts, in milliseconds.
    pub active_ms: u64,
}

/// Where steps are stored. Each call is awaited before anything else happens, so that a crash loses
/// at most the step in hand.
#[async_trait]
pub trait Journal: Send + Sync {
    /// A model is about to be asked; it will cost this much at most.
    async fn calling(&self, step: u32, at_most: NanoUsd) -> Result<(), Stopped>;
    /// This model answered.
    async fn replied(&self, step: u32, model: &Model, reply: &Reply) -> Result<(), Stopped>;
    /// Makes ready what commands need, before the first one is run. `None`: they need nothing.
    async fn ready(&self, _workspace: &Workspace) -> Result<Option<Ready>, Stopped> {
        Ok(None)
    }
    /// The workspace's whole change as people read it, for a last look.
    async fn diff(&self, changed: &BTreeSet<String>) -> Result<Option<String>, Stopped>;
    /// Runs the repository's checks on the workspace's whole change, within this time. `None`: there
    /// is nothing to check, or nothing to check it with.
    async fn verify(
        &self,
        changed: &BTreeSet<String>,
        left: Duration,
    ) -> Result<Option<Verification>, Stopped>;
    /// The tools ran.
    async fn ran(&self, step: u32, results: &StepResults) -> Result<(), Stopped>;
}

/// Walls in which everything is there that the repository wants fetched.
#[derive(Clone, Debug)]
pub struct Ready {
    /// The walls.
    pub sandbox: Sandbox,
    /// What the model is told before the answer of its next command; empty if it knows.
    pub told: String,
}

/// Why a run stopped without an outcome.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stopped {
    /// Somebody else has the task now.
    #[error("the lease was lost")]
    LeaseLost,
    /// A person stopped the task.
    #[error("the task was cancelled")]
    Cancelled,
    /// The work is put down, to be taken up again.
    #[error("the task was released")]
    Released,
    /// The model's service is left alone for a while.
    #[error("the model service of {provider} does not answer at the moment")]
    ModelAway {
        /// Who.
        provider: Provider,
        /// When it may be asked again.
        retry_in: Duration,
    },
    /// A step could not be stored.
    #[error("the step could not be stored: {0}")]
    Storage(String),
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The named end.
    pub end: End,
    /// What was found and done, in the model's words; empty if it never said.
    pub summary: String,
    /// The model's title for the change.
    pub title: Option<String>,
    /// What the model could not make sure of.
    pub not_verified: Vec<String>,
    /// What the model must know before it can go on.
    pub questions: Vec<String>,
    /// What a review found, in the order in which it was noted.
    pub findings: Vec<Finding>,
    /// What a second look gave the findings.
    pub scores: Scores,
    /// What a reviewer would do with the pull request.
    pub verdict: Option<Verdict>,
    /// Every path that the tools changed.
    pub changed: BTreeSet<String>,
    /// What the checks said about the last state that was declared the end.
    pub verification: Option<Verification>,
    /// The id of the model that went on for the first one, if one did.
    pub fell_back_to: Option<String>,
    /// Tokens of all steps.
    pub usage: Usage,
    /// What they cost at catalog prices.
    pub cost: NanoUsd,
    /// How many times the model answered.
    pub steps: u32,
    /// What went wrong, safe to be shown.
    pub detail: Option<String>,
}
