//! What a review is of, before it: the change, pinned at two commits. What becomes of it, after: the
//! findings that people are told, as one review.

use super::Worker;
use super::broken::Broken;
use super::outcome::{Site, act, words};
use crate::agent::workspace::Workspace;
use crate::agent::{Outcome, ReviewInput, lines_of};
use crate::domain::act::{Act, NewReview};
use crate::domain::catalog::Model;
use crate::domain::diff::{self, Diff, Shown};
use crate::domain::ids::Sha;
use crate::domain::report::{self, review};
use crate::domain::review::{Review, sorted_out};
use crate::domain::task::{End, Kind};
use crate::git::{Change, Worktree};
use crate::store::claims::ClaimedTask;
use crate::store::tasks::Sealed;
use anyhow::Context;
use std::sync::Arc;

/// The bounds of what is shown of a change: a review of less is no review, and more costs too much.
const SHOWN_BYTES: std::ops::RangeInclusive<usize> = 16 * 1024..=240 * 1024;
/// Careful: code has three to four bytes a token.
const BYTES_PER_TOKEN: i64 = 3;
/// Files that are named when they were not read.
const MOST_NAMED: usize = 20;

/// What a review is of, with what only its end needs.
pub(super) struct Subject {
    pub(super) input: ReviewInput,
    /// Up to where an earlier review had looked, if only the rest is looked at.
    since: Option<Sha>,
}

impl Worker {
    /// The change under review, if the task is one.
    pub(super) async fn subject(
        &self,
        task: &ClaimedTask,
        worktree: &Worktree,
        model: &Model,
    ) -> Result<Option<Subject>, Broken> {
        let is_review = task.kind == Kind::PrReview;
        let Some(target) = task.brief.target.as_ref().filter(|_| is_review) else {
            return Ok(None);
        };
        let whole = self.git.change_since_parting(worktree, &target.sha).await?;
        let newer = match &task.brief.reviewed_to {
            Some(since) => self.git.change_since(worktree, since).await?,
            None => None,
        };
        let since = task.brief.reviewed_to.clone().filter(|_| newer.is_some());
        let workspace = Workspace::open(&worktree.tree()).context("opening the workspace")?;
        let most = most_shown(task, model);
        // A change of thousands of files would hold up everything else on this thread.
        let reading = move || read_change(whole, newer, most, &workspace);
        let (diff, shown) =
            tokio::task::spawn_blocking(reading).await.context("reading the change")?;
        let told = self.store.told_findings(task.repository, task.brief.thread.number).await?;
        let Shown { text, left_out } = shown;
        let input = ReviewInput { diff: Arc::new(diff), text, left_out, told };
        Ok(Some(Subject { input, since }))
    }

    /// The review as an act; without findings and without an end there is nothing to publish.
    pub(super) fn reviewed(site: Site<'_>, subject: &Subject, outcome: &Outcome) -> Sealed {
        let (end, task) = (outcome.end, site.task);
        let sorted = sorted_out(
            &subject.input.diff,
            &outcome.findings,
            &outcome.scores,
            &subject.input.told,
        );
        let review = Review {
            since: subject.since.clone(),
            verdict: outcome.verdict,
            files: subject.input.diff.files.len(),
            not_read: subject.input.left_out.len(),
            not_read_names: subject.input.left_out.iter().take(MOST_NAMED).cloned().collect(),
            ..sorted
        };
        let words = words(outcome);
        let is_partial = end.keeps_partial_work() && review.has_findings();
        if end != End::Done && !is_partial {
            return Sealed { end, outcome: words, acts: Vec::new() };
        }
        let write = NewReview {
            number: task.brief.thread.number,
            commit: task.base_sha.clone(),
            body: review::body(task.id, end, &words.summary, &review),
            body_of_all: review::body_of_all(task.id, end, &words.summary, &review),
            comments: review.inline.iter().map(review::comment).collect(),
        };
        let outcome = report::Outcome { review: Some(review), ..words };
        Sealed { end, outcome, acts: vec![act(task, Act::Review(write), None)] }
    }
}

/// The change, and what is shown of it or of its newer part.
fn read_change(
    whole: Change,
    newer: Option<Change>,
    most: usize,
    workspace: &Workspace,
) -> (Diff, Shown) {
    let read = |Change { patch, paths }| diff::parse(&patch).with_unread(paths);
    let diff = read(whole);
    let part = newer.map(|newer| diff.touched_by(&read(newer)));
    let shown = diff::show(part.as_ref().unwrap_or(&diff), most, |path| lines_of(workspace, path));
    (diff, shown)
}

/// As much as a quarter of what is held pays for, so that there is enough left to look around.
fn most_shown(task: &ClaimedTask, model: &Model) -> usize {
    let price = model.prices.worst_case(1, 0).0.max(1);
    let tokens = task.hold.to_nano_usd().0 / 4 / price;
    let bytes = usize::try_from(tokens.saturating_mul(BYTES_PER_TOKEN)).unwrap_or(usize::MAX);
    bytes.clamp(*SHOWN_BYTES.start(), *SHOWN_BYTES.end())
}
