//! Pull requests and commits: titles, descriptions, messages and branch names.

use super::receipt::tokens;
use super::verification::verification;
use super::{LONGEST_BODY, Outcome, task_marker};
use crate::domain::credit::Usage;
use crate::domain::ids::TaskId;
use crate::domain::task::{End, Kind, OUR_BRANCHES};
use crate::domain::text::{self, at_most, inert, slug};

/// GitHub shows about this much of a title; git's own habit is the same.
const LONGEST_TITLE: usize = 72;

/// What a pull request is written from.
#[derive(Clone, Copy, Debug)]
pub struct Work<'a> {
    /// The task.
    pub id: TaskId,
    /// What sort of work.
    pub kind: Kind,
    /// How the attempt ended.
    pub end: End,
    /// The issue it came from.
    pub issue: i64,
    /// That issue's title.
    pub issue_title: &'a str,
    /// Whether it is a pull request.
    pub is_pull_request: bool,
    /// What the agent says.
    pub outcome: &'a Outcome,
    /// The model's name for people.
    pub model: &'a str,
    /// Model calls.
    pub steps: i64,
    /// Tokens.
    pub usage: Usage,
    /// Who asked, as GitHub knows them.
    pub requester: Requester<'a>,
}

/// Who asked.
#[derive(Clone, Copy, Debug)]
pub struct Requester<'a> {
    /// GitHub's id.
    pub id: i64,
    /// The login today.
    pub login: &'a str,
}

/// The title.
pub fn title(work: &Work<'_>) -> String {
    let title = work
        .outcome
        .title
        .as_deref()
        .map(|t| text::title(t, LONGEST_TITLE))
        .filter(|t| !t.is_empty());
    title.unwrap_or_else(|| text::title(work.issue_title, LONGEST_TITLE))
}

/// The description.
pub fn body(work: &Work<'_>) -> String {
    let mut parts = Vec::new();
    if work.end != End::Done {
        parts.push(
            "**This is unfinished work**: I stopped before the end. See the issue for the reason."
                .to_owned(),
        );
    }
    parts.push(inert(&at_most(&work.outcome.summary, LONGEST_BODY / 2)));
    parts.push(format!("Fixes #{}", work.issue));
    parts.push(verification(work.outcome));
    let steps = if work.steps == 1 { "1 step".to_owned() } else { format!("{} steps", work.steps) };
    parts.push(format!("Receipt: {} · {steps} · {} tokens", work.model, tokens(work.usage)));
    parts.retain(|part| !part.is_empty());
    format!("{}\n\n{}", at_most(&parts.join("\n\n"), LONGEST_BODY), task_marker(work.id))
}

/// The commit message, with the requester and the task as trailers.
pub fn commit_message(work: &Work<'_>) -> String {
    let Requester { id, login } = work.requester;
    let sort = if work.is_pull_request { "Pull request" } else { "Issue" };
    format!(
        "{}\n\n{sort} #{}\n\nCo-authored-by: {login} <{id}+{login}@users.noreply.github.com>\nAsync-Coder-Task: {}\n",
        title(work),
        work.issue,
        work.id
    )
}

/// `asynccoder/<number>-<slug>-<short>`.
pub fn branch_name(id: TaskId, number: i64, title: &str) -> String {
    format!("{OUR_BRANCHES}{number}-{}-{}", slug(title), id.short())
}
