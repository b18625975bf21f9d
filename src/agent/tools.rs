//! What the model may do: look, edit, run a command behind walls, note a finding, plan and finish.
//! Nothing else exists for it.
//!
//! A tool that fails answers a sentence that the model can act on; only a broken disk ends the run.
//! Which tools there are depends on what the kind of work may do: what must not edit has no editing
//! tool, whatever a text persuades the model to try.

mod arguments;
mod bash;
mod comment_inline;
mod delete_file;
mod edit_file;
mod finish;
mod list_dir;
mod plan;
mod read_file;
mod search;
mod write_file;

use super::StepResults;
use super::workspace::{FileError, Workspace};
use crate::domain::diff::Diff;
use crate::domain::task::Kind;
use crate::llm::ToolSpec;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// No answer of a tool is longer.
const LONGEST_ANSWER_BYTES: usize = 16 * 1024;

/// A wish of the model.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolCall {
    /// The model's name for the call.
    pub id: String,
    /// The tool.
    pub name: String,
    /// The arguments, or the text that should have been some.
    pub arguments: Result<Value, String>,
    /// Why it must not be run, if it must not: this is then its answer.
    pub refused: Option<&'static str>,
}

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

pub use bash::Runner;
pub use finish::Finish;

/// Why a tool has no result.
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    /// The model did something wrong and is told what.
    #[error("{0}")]
    RespondToModel(String),
    /// Nothing that the model does can help.
    #[error("{0}")]
    Fatal(String),
}

impl From<FileError> for ToolError {
    fn from(error: FileError) -> Self {
        match error {
            FileError::Refused(sentence) => ToolError::RespondToModel(sentence),
            broken @ FileError::Broken(_) => ToolError::Fatal(broken.to_string()),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tool {
    ListDir,
    ReadFile,
    Search,
    EditFile,
    WriteFile,
    DeleteFile,
    Bash,
    CommentInline,
    Plan,
    Finish,
}

impl Tool {
    /// In the order in which the model is told of them. It never changes, for the provider's cache.
    const ALL: [Tool; 10] = [
        Tool::ListDir,
        Tool::ReadFile,
        Tool::Search,
        Tool::EditFile,
        Tool::WriteFile,
        Tool::DeleteFile,
        Tool::Bash,
        Tool::CommentInline,
        Tool::Plan,
        Tool::Finish,
    ];

    const fn is_for(self, kind: Kind, runs: bool) -> bool {
        match self {
            Tool::Bash => runs,
            Tool::EditFile | Tool::WriteFile | Tool::DeleteFile => kind.limits().may_edit,
            Tool::CommentInline => matches!(kind, Kind::PrReview),
            Tool::ListDir | Tool::ReadFile | Tool::Search | Tool::Plan | Tool::Finish => true,
        }
    }

    fn spec(self, kind: Kind) -> ToolSpec {
        match self {
            Tool::ListDir => list_dir::spec(),
            Tool::ReadFile => read_file::spec(),
            Tool::Search => search::spec(),
            Tool::EditFile => edit_file::spec(),
            Tool::WriteFile => write_file::spec(),
            Tool::DeleteFile => delete_file::spec(),
            Tool::Bash => bash::spec(kind),
            Tool::CommentInline => comment_inline::spec(),
            Tool::Plan => plan::spec(),
            Tool::Finish => finish::spec(kind),
        }
    }
}

fn available(kind: Kind, runs: bool) -> impl Iterator<Item = Tool> {
    Tool::ALL.into_iter().filter(move |tool| tool.is_for(kind, runs))
}

/// The tools of a kind of work, where commands can be run or not.
pub fn offered(kind: Kind, runs: bool) -> Vec<ToolSpec> {
    available(kind, runs).map(|tool| tool.spec(kind)).collect()
}

/// Whether a call wants a command to be run.
pub(super) fn runs_a_command(call: &ToolCall) -> bool {
    call.name == bash::NAME && call.refused.is_none()
}

/// Puts something before the first answer of a command.
pub(super) fn tell_first(results: &mut StepResults, told: &str) {
    if let Some(first) = results.results.iter_mut().find(|result| result.name == bash::NAME) {
        first.text = clip(format!("{told}{}", first.text));
    }
}

/// Where the work stands when tools are called.
#[derive(Clone, Copy, Debug)]
pub struct Standing<'a> {
    /// The sort of work.
    pub kind: Kind,
    /// What is reviewed; empty for other work.
    pub diff: &'a Diff,
    /// Findings of earlier answers.
    pub findings: usize,
    /// Whether the findings were shown once more, to be scored.
    pub is_second_look: bool,
    /// What runs commands, if anything does.
    pub runner: Option<Runner<'a>>,
}

/// Runs the calls of one answer, in their order. Touches the disk and blocks meanwhile, so it runs
/// where a thread of the runtime may wait. An error is a broken workspace.
pub fn run(
    workspace: &Workspace,
    standing: Standing<'_>,
    calls: &[ToolCall],
) -> Result<StepResults, String> {
    let mut step = Step { workspace, standing, done: StepResults::default() };
    for call in calls {
        let (text, is_error) = match step.run(call) {
            Ok(text) => (text, false),
            Err(ToolError::RespondToModel(text)) => (text, true),
            Err(ToolError::Fatal(why)) => return Err(why),
        };
        let (call_id, name) = (call.id.clone(), call.name.clone());
        step.done.results.push(ToolResult { call_id, name, text: clip(text), is_error });
    }
    step.done.changed = workspace.changed();
    Ok(step.done)
}

struct Step<'a> {
    workspace: &'a Workspace,
    standing: Standing<'a>,
    done: StepResults,
}

impl Step<'_> {
    fn run(&mut self, call: &ToolCall) -> Result<String, ToolError> {
        if let Some(why) = call.refused {
            return respond(why);
        }
        let Standing { kind, runner, .. } = self.standing;
        let found = available(kind, runner.is_some())
            .map(|tool| (tool, tool.spec(kind)))
            .find(|(_, spec)| spec.name == call.name);
        let Some((tool, spec)) = found else { return respond(self.unknown(&call.name)) };
        let checked = arguments::check(&spec, &call.arguments)?;
        let workspace = self.workspace;
        match tool {
            Tool::ListDir => list_dir::run(workspace, &arguments::read(&spec, checked)?),
            Tool::ReadFile => read_file::run(workspace, &arguments::read(&spec, checked)?),
            Tool::Search => search::run(workspace, &arguments::read(&spec, checked)?),
            Tool::EditFile => edit_file::run(workspace, &arguments::read(&spec, checked)?),
            Tool::WriteFile => write_file::run(workspace, &arguments::read(&spec, checked)?),
            Tool::DeleteFile => delete_file::run(workspace, &arguments::read(&spec, checked)?),
            Tool::Bash => match runner {
                Some(runner) => {
                    bash::run(workspace, runner, kind, &arguments::read(&spec, checked)?)
                }
                None => respond(self.unknown(&call.name)),
            },
            Tool::CommentInline => comment_inline::run(
                self.standing.diff,
                arguments::read(&spec, checked)?,
                &mut self.done.findings,
                self.standing.findings,
            ),
            Tool::Plan => plan::run(arguments::read(&spec, checked)?, &mut self.done.plan),
            Tool::Finish => self.finish(arguments::read(&spec, checked)?),
        }
    }

    fn finish(&mut self, finish: Finish) -> Result<String, ToolError> {
        if self.done.results.iter().any(|result| result.is_error) {
            return respond(
                "not finished: another call of the same answer failed, look at it first",
            );
        }
        finish::check(&finish, &self.standing, !self.workspace.changed().is_empty())?;
        self.done.finish = Some(finish);
        Ok("finished".to_owned())
    }

    fn unknown(&self, name: &str) -> String {
        let Standing { kind, runner, .. } = self.standing;
        let names: Vec<_> =
            available(kind, runner.is_some()).map(|tool| tool.spec(kind).name).collect();
        let name: String = name.chars().take(60).collect();
        format!("there is no tool `{name}`; there are {}", names.join(", "))
    }
}

fn respond<T>(text: impl Into<String>) -> Result<T, ToolError> {
    Err(ToolError::RespondToModel(text.into()))
}

/// The last line of defence: each tool keeps its own, smaller limits.
fn clip(mut text: String) -> String {
    if text.len() > LONGEST_ANSWER_BYTES {
        text.truncate(text.floor_char_boundary(LONGEST_ANSWER_BYTES));
        text.push_str("\n[cut off here]");
    }
    text
}

/// The text of a file, if it is one.
fn text_of(workspace: &Workspace, path: &str) -> Result<String, ToolError> {
    let path = workspace.path(path)?;
    let bytes = workspace.read(&path)?;
    String::from_utf8(bytes).or_else(|_| respond(format!("{path} is not UTF-8 text")))
}

/// Lines with their numbers, the way every tool shows them.
fn numbered<'l>(lines: impl Iterator<Item = &'l str>, first: usize) -> String {
    let lines = lines.zip(first..).map(|(line, number)| format!("{number:>6}\t{line}\n"));
    lines.collect()
}
