//! From what the agent says to what is published: the tree is checked, the commit is made, and push
//! and pull request are written down as acts.

use super::Worker;
use super::broken::Broken;
use super::reviewing::Subject;
use crate::agent::Outcome;
use crate::agent::workspace::Workspace;
use crate::domain::act::{Act, CommitRecipe, PullRequest, Push};
use crate::domain::places::{self, CodePlace};
use crate::domain::report;
use crate::domain::report::pull_request::{
    Requester, Work, body, branch_name, commit_message, title,
};
use crate::domain::report::receipt;
use crate::domain::task::End;
use crate::domain::verification::Verification;
use crate::git::{CheckedTree, Guarded, Worktree};
use crate::github::Place;
use crate::store::acts::NewAct;
use crate::store::claims::ClaimedTask;
use crate::store::tasks::Sealed;
use anyhow::Context;

/// Where an attempt took place.
#[derive(Clone, Copy)]
pub(super) struct Site<'a> {
    pub(super) task: &'a ClaimedTask,
    pub(super) place: &'a Place,
    pub(super) worktree: &'a Worktree,
    /// What is reviewed, if something is.
    pub(super) subject: Option<&'a Subject>,
}

impl Worker {
    /// What becomes of the agent's result.
    pub(super) async fn sealed(&self, site: Site<'_>, outcome: Outcome) -> Result<Sealed, Broken> {
        if let Some(subject) = site.subject {
            return Ok(Self::reviewed(site, subject, &outcome));
        }
        let (end, changed) = (outcome.end, outcome.changed.clone());
        let words = words(&outcome);
        let nothing_to_push = |end, outcome| Sealed { end, outcome, acts: Vec::new() };
        if !site.task.kind.limits().may_edit {
            let places = places_that_are_there(site.worktree, &words.summary)?;
            return Ok(nothing_to_push(end, report::Outcome { places, ..words }));
        }
        if !publishes(site.task, end) {
            return Ok(nothing_to_push(end, words));
        }
        match self.git.guard(site.worktree, &changed, &site.task.brief.rules.protected).await? {
            Guarded::Checked(tree) => {
                // What was found out about another tree says nothing about this one.
                let verification = outcome.verification.clone().filter(|v| v.tree == tree.tree);
                let words = report::Outcome { verification, ..words };
                if let Some(why) = &site.task.brief.not_pushed {
                    return self.handed_over(site, &tree, why, (end, words)).await;
                }
                let acts = self.publish(site, &tree, &outcome, &words).await?;
                Ok(Sealed { end, outcome: words, acts })
            }
            Guarded::Unchanged => {
                let end = if end == End::Done { End::NoChange } else { end };
                Ok(nothing_to_push(end, words))
            }
            Guarded::Blocked(reason) => {
                let outcome = report::Outcome { detail: Some(reason), ..words };
                Ok(nothing_to_push(End::PolicyBlock, outcome))
            }
        }
    }

    /// The acts that publish a checked tree: the push, and the pull request after it.
    async fn publish(
        &self,
        site: Site<'_>,
        tree: &CheckedTree,
        outcome: &Outcome,
        words: &report::Outcome,
    ) -> Result<Vec<NewAct>, Broken> {
        let Site { task, place, worktree, .. } = site;
        let named = |id: &String| {
            self.catalog.by_id(id).map_or_else(|| id.clone(), |m| m.display_name.clone())
        };
        let then = outcome.fell_back_to.as_ref().map(named);
        let model = receipt::models(&named(&task.model), then.as_deref());
        let work = work(task, outcome, words, &model);
        let bot = self.github.bot(place).await?;
        let recipe = CommitRecipe {
            message: commit_message(&work),
            email: bot.email(),
            name: bot.login,
            seconds: task.created_at.timestamp(),
        };
        let commit = self.git.commit(worktree, tree, &recipe).await?;
        let push = Push {
            branch: task.branch.clone(),
            pull_request: onto_head(task).then_some(task.brief.thread.number),
            aside: branch_name(task.id, task.brief.thread.number, &task.brief.thread.title),
            expected: onto_head(task).then(|| task.base_sha.clone()),
            base: task.base_sha.clone(),
            base_branch: task.base_branch.clone(),
            requester: task.brief.requester.clone(),
            tree: commit.tree,
            commit: commit.sha,
            recipe,
        };
        let push = act(task, Act::Push(push), Some(commit.patch));
        if onto_head(task) {
            return Ok(vec![push]);
        }
        let is_verified = words.verification.as_ref().is_some_and(Verification::is_green);
        let pull_request = PullRequest {
            head: task.branch.clone(),
            base: task.base_branch.clone(),
            title: title(&work),
            body: body(&work),
            // Without green checks a draft is all that can honestly be offered unless a person says otherwise.
            draft: task.brief.draft.unwrap_or(!is_verified) || outcome.end != End::Done,
            delete_branch: task.brief.rules.deletes_branch,
        };
        Ok(vec![push, act(task, Act::PullRequest(pull_request), None)])
    }
}

fn work<'a>(
    task: &'a ClaimedTask,
    outcome: &Outcome,
    words: &'a report::Outcome,
    model: &'a str,
) -> Work<'a> {
    let requester = &task.brief.requester;
    Work {
        id: task.id,
        kind: task.kind,
        end: outcome.end,
        issue: task.brief.thread.number,
        issue_title: &task.brief.thread.title,
        is_pull_request: task.brief.thread.is_pull_request,
        outcome: words,
        model,
        steps: i64::from(outcome.steps),
        usage: outcome.usage,
        requester: Requester { id: requester.id, login: &requester.login },
    }
}

/// The places that a text names and that are in the files that were read.
fn places_that_are_there(worktree: &Worktree, text: &str) -> anyhow::Result<Vec<CodePlace>> {
    let workspace = Workspace::open(&worktree.tree()).context("opening the workspace")?;
    let is_there = |place: &CodePlace| {
        let bytes = workspace.path(&place.path).and_then(|path| workspace.read(&path));
        bytes.is_ok_and(|bytes| place.last <= bytes.split_inclusive(|b| *b == b'\n').count())
    };
    Ok(places::named(text).into_iter().filter(is_there).collect())
}

/// Whether the work goes to the branch of the pull request that it was asked for in.
fn onto_head(task: &ClaimedTask) -> bool {
    task.brief.thread.is_pull_request
}

/// Whether an end brings work along. Nobody wants unfinished work in their own branch.
fn publishes(task: &ClaimedTask, end: End) -> bool {
    let is_pushed_to_them = onto_head(task) && task.brief.not_pushed.is_none();
    end == End::Done || (end.keeps_partial_work() && !is_pushed_to_them)
}

pub(super) fn words(outcome: &Outcome) -> report::Outcome {
    let Outcome { summary, title, not_verified, questions, detail, .. } = outcome.clone();
    report::Outcome {
        summary,
        title,
        not_verified,
        questions,
        detail,
        ..report::Outcome::default()
    }
}

pub(super) fn act(task: &ClaimedTask, act: Act, patch: Option<Vec<u8>>) -> NewAct {
    NewAct {
        account: task.account,
        repository: task.repository,
        command: task.command,
        task: Some(task.id),
        required: true,
        act,
        patch,
    }
}
