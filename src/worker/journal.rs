//! Stores every step of an attempt before the next one begins.

use super::checking::Checks;
use super::past::NOT_KEPT;
use super::setup::Preparing;
use crate::agent::workspace::Workspace;
use crate::agent::{Journal, Ready, StepResults, Stopped};
use crate::domain::catalog::Model;
use crate::domain::credit::NanoUsd;
use crate::domain::verification::Verification;
use crate::git::{Git, Worktree};
use crate::llm::Reply;
use crate::store::steps::{Answering, Holder, Ran, Replied};
use crate::store::{Result, Store};
use async_trait::async_trait;
use serde::Serialize;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::sync::Mutex;

/// The journal of one attempt.
pub(super) struct StepJournal<'a> {
    pub(super) store: &'a Store,
    pub(super) git: &'a Git,
    pub(super) worktree: &'a Worktree,
    /// What is fetched before a command is run.
    pub(super) setup: Option<&'a Preparing<'a>>,
    pub(super) holder: Holder,
    /// The model that the task was given to.
    pub(super) own: &'a Model,
    /// What checks the change.
    pub(super) checks: Option<Checks<'a>>,
    /// The patch that was stored last: it is stored again only when it has changed.
    pub(super) last_patch: Mutex<Option<Vec<u8>>>,
}

#[async_trait]
impl Journal for StepJournal<'_> {
    async fn calling(&self, step: u32, at_most: NanoUsd) -> Result<(), Stopped> {
        held(self.store.step_calling(self.holder, i64::from(step), at_most).await)
    }

    async fn replied(&self, step: u32, model: &Model, reply: &Reply) -> Result<(), Stopped> {
        let cost = model.prices.cost(reply.usage);
        let id = model.id.clone();
        let model = if id == self.own.id { Answering::Own(id) } else { Answering::Fallback(id) };
        let replied = Replied { reply: value(reply)?, usage: reply.usage, cost, model };
        held(self.store.step_replied(self.holder, i64::from(step), replied).await)
    }

    async fn ready(&self, workspace: &Workspace) -> Result<Option<Ready>, Stopped> {
        match self.setup {
            Some(setup) => setup.ready(workspace).await,
            None => Ok(None),
        }
    }

    async fn diff(&self, changed: &BTreeSet<String>) -> Result<Option<String>, Stopped> {
        let diff = self.git.diff(self.worktree, changed).await;
        diff.map_err(|error| Stopped::Storage(error.to_string()))
    }

    async fn verify(
        &self,
        changed: &BTreeSet<String>,
        left: Duration,
    ) -> Result<Option<Verification>, Stopped> {
        self.verified(changed, left).await
    }

    async fn ran(&self, step: u32, results: &StepResults) -> Result<(), Stopped> {
        let patch = self.new_patch(&results.changed).await?;
        let ran = Ran { results: value(results)?, plan: results.plan.clone(), patch };
        held(self.store.step_done(self.holder, i64::from(step), ran).await)
    }
}

impl StepJournal<'_> {
    /// The workspace's whole change, if it is not the one that was stored last; [`NOT_KEPT`] if it is
    /// none that could be stored.
    async fn new_patch(&self, changed: &BTreeSet<String>) -> Result<Option<Vec<u8>>, Stopped> {
        if changed.is_empty() {
            return Ok(None);
        }
        let snapshot = self.git.snapshot(self.worktree, changed).await;
        let snapshot = snapshot.map_err(|e| Stopped::Storage(e.to_string()))?;
        let patch = snapshot.unwrap_or(NOT_KEPT.to_vec());
        let mut last = self.last_patch.lock().await;
        if last.as_ref() == Some(&patch) {
            return Ok(None);
        }
        *last = Some(patch.clone());
        Ok(Some(patch))
    }
}

fn held(stored: Result<bool>) -> Result<(), Stopped> {
    match stored {
        Ok(true) => Ok(()),
        Ok(false) => Err(Stopped::LeaseLost),
        Err(error) => Err(Stopped::Storage(error.to_string())),
    }
}

fn value<T: Serialize>(value: &T) -> Result<serde_json::Value, Stopped> {
    serde_json::to_value(value).map_err(|e| Stopped::Storage(e.to_string()))
}
