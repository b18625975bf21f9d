//! A change to a pull request that nothing is pushed to: handed over as a patch, and as suggestions at
//! the lines where all of it can be said so.

use super::Worker;
use super::broken::Broken;
use super::outcome::{Site, act};
use crate::domain::act::{Act, NewReview};
use crate::domain::diff::{self, Suggestion, suggestions};
use crate::domain::handed_over::{HandedOver, NotPushed};
use crate::domain::report;
use crate::domain::report::handed_over::{no_suggestions_body, suggestion, suggestions_body};
use crate::domain::task::End;
use crate::git::CheckedTree;
use crate::store::tasks::Sealed;
use anyhow::Context;

impl Worker {
    /// The change, on top of the pull request's head.
    pub(super) async fn handed_over(
        &self,
        site: Site<'_>,
        tree: &CheckedTree,
        why: &NotPushed,
        (end, words): (End, report::Outcome),
    ) -> Result<Sealed, Broken> {
        let task = site.task;
        let printed = self.git.printed_change(site.worktree, tree).await?;
        let change = HandedOver::read(why.clone(), task.base_sha.clone(), &printed);
        let suggested = if end == End::Done { self.suggested(site, printed).await? } else { None };
        let acts = suggested.map(|all| {
            let review = NewReview {
                number: task.brief.thread.number,
                commit: task.base_sha.clone(),
                body: suggestions_body(task.id, task.kind),
                body_of_all: no_suggestions_body(task.id, task.kind),
                comments: all.iter().map(suggestion).collect(),
            };
            act(task, Act::Review(review), None)
        });
        let outcome = report::Outcome { handed_over: Some(change), ..words };
        Ok(Sealed { end, outcome, acts: acts.into_iter().collect() })
    }

    async fn suggested(
        &self,
        site: Site<'_>,
        printed: Vec<u8>,
    ) -> Result<Option<Vec<Suggestion>>, Broken> {
        if diff::is_more_than_lines(&printed) {
            return Ok(None);
        }
        let Some(target) = &site.task.brief.target else { return Ok(None) };
        let whole = self.git.change_since_parting(site.worktree, &target.sha).await?;
        // A pull request of thousands of files would hold up everything else on this thread.
        let reading = move || {
            let change = diff::parse(&String::from_utf8_lossy(&printed));
            suggestions(&change, &diff::parse(&whole.patch))
        };
        Ok(tokio::task::spawn_blocking(reading).await.context("reading the change")?)
    }
}
