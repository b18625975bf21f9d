//! Acts: stored before they are done, and done once.
//!
//! An act that was begun and not acknowledged may or may not have happened; it is found again in
//! the state `acting` and has to be looked up before it is tried again.

use super::engine::{Tx, args, exec, one, opt, row};
use super::writers::{self, Load, Writer};
use super::{Result, Store, from_json, json, now, pull_requests, tasks};
use crate::domain::act::{Act, ActKind, ActState, Push};
use crate::domain::ids::{AccountId, ActId, CommandId, RepositoryId, TaskId};
use crate::domain::pace::HourlyWrites;
use crate::domain::task::{Brief, End};
use chrono::{DateTime, Utc};
use serde_json::Value;
use std::time::Duration;
use uuid::Uuid;

/// An act to be.
#[derive(Clone, Debug)]
pub struct NewAct {
    /// Whose writer does it.
    pub account: AccountId,
    /// Where.
    pub repository: RepositoryId,
    /// The command it follows from.
    pub command: CommandId,
    /// The task it belongs to, if its end depends on it.
    pub task: Option<TaskId>,
    /// Whether the task cannot be done without it.
    pub required: bool,
    /// What to do.
    pub act: Act,
    /// The compressed patch of a push.
    pub patch: Option<Vec<u8>>,
}

/// An act whose turn it is.
#[derive(Clone, Debug)]
pub struct DueAct {
    /// The act.
    pub id: ActId,
    /// The command it follows from.
    pub command: CommandId,
    /// The task it belongs to.
    pub task: Option<TaskId>,
    /// Where.
    pub repository: RepositoryId,
    /// Whether the task cannot be done without it.
    pub required: bool,
    /// What to do.
    pub act: Act,
    /// The compressed patch of a push.
    pub patch: Option<Vec<u8>>,
    /// Whether it may have happened already.
    pub unsure: bool,
    /// Tries so far.
    pub attempts: i64,
    /// Look-ups since the last try.
    pub lookups: i64,
    /// Since when it is to be done.
    pub created_at: DateTime<Utc>,
}

/// What an act becomes when that which it was made for has changed.
#[derive(Clone, Debug)]
pub struct Changed {
    /// What to do instead.
    pub act: Act,
    /// The compressed patch of a push.
    pub patch: Option<Vec<u8>>,
    /// What people are told about it.
    pub detail: String,
}

row! {
    struct Due {
        id: ActId,
        command_id: CommandId,
        task_id: Option<TaskId>,
        repository_id: RepositoryId,
        required: bool,
        act: sqlx::types::Json<Value>,
        patch: Option<Vec<u8>>,
        state: ActState,
        attempts: i64,
        lookups: i64,
        created_at: DateTime<Utc>,
    }
}

/// Stores an act, unless the command has one of this kind already.
pub(super) async fn insert(tx: &mut Tx, act: NewAct) -> Result<()> {
    let kind = act.act.kind();
    let position = ActKind::ALL.iter().position(|k| *k == kind).unwrap_or_default();
    exec(
        tx,
        "insert into acts (id, account_id, repository_id, command_id, task_id, kind, position, required, act, patch,
             state, lease, due_at, attempts, lookups, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'open', 0, $11, 0, 0, $11, $11)
         on conflict (command_id, kind) do nothing",
        args![
            Uuid::now_v7(),
            act.account,
            act.repository,
            act.command,
            act.task,
            kind,
            i64::try_from(position).unwrap_or(i64::MAX),
            act.required,
            json(&act.act)?,
            act.patch,
            now(),
        ],
    )
    .await?;
    Ok(())
}

/// Work that was asked for at a line, and that went to the pull request, deals with what stands there.
async fn resolve(tx: &mut Tx, done: &DueAct, task: Option<TaskId>, push: &Push) -> Result<()> {
    let number = push.pull_request.filter(|_| push.expected.is_some());
    let (Some(task), Some(number)) = (task, number) else { return Ok(()) };
    let (account, brief): (AccountId, sqlx::types::Json<Value>) =
        one(&mut *tx, "select account_id, brief from tasks where id = $1", args![task]).await?;
    let brief: Brief = from_json(brief)?;
    let Some(line) = brief.line else { return Ok(()) };
    let act = NewAct {
        account,
        repository: done.repository,
        command: done.command,
        task: Some(task),
        required: false,
        act: Act::Resolve { number, first: line.first },
        patch: None,
    };
    insert(tx, act).await
}

/// Stores an act, or opens the one of this kind that the command had: what was right before is not any
/// more, and it is to be done since now.
pub(super) async fn insert_anew(tx: &mut Tx, act: NewAct) -> Result<()> {
    exec(
        &mut *tx,
        "update acts set state = 'open', act = $3, attempts = 0, due_at = $4, created_at = $4, updated_at = $4
         where command_id = $1 and kind = $2 and state in ('done', 'impossible', 'withdrawn')",
        args![act.command, act.act.kind(), json(&act.act)?, now()],
    )
    .await?;
    insert(tx, act).await
}

/// What a task no longer needs once it has ended.
pub(super) async fn withdraw_open(tx: &mut Tx, task: TaskId) -> Result<()> {
    exec(
        tx,
        "update acts set state = 'withdrawn', updated_at = $2 where task_id = $1 and state = 'open' and required",
        args![task, now()],
    )
    .await?;
    Ok(())
}

/// Nothing more is done for this account.
pub(super) async fn drop_all(tx: &mut Tx, account: AccountId) -> Result<()> {
    exec(
        tx,
        "update acts set state = 'withdrawn', updated_at = $2
         where account_id = $1 and state in ('open', 'acting', 'unknown')",
        args![account, now()],
    )
    .await?;
    Ok(())
}

/// Nothing more is done in this repository.
pub(super) async fn drop_repository(tx: &mut Tx, repository: RepositoryId) -> Result<()> {
    exec(
        tx,
        "update acts set state = 'withdrawn', updated_at = $2
         where repository_id = $1 and state in ('open', 'acting', 'unknown')",
        args![repository, now()],
    )
    .await?;
    Ok(())
}

/// The best act of an account whose turn it is: required ones in order, each after the one before.
pub(super) async fn next(
    tx: &mut Tx,
    writer: &Writer,
    now: DateTime<Utc>,
) -> Result<Option<DueAct>> {
    let due: Option<Due> = opt(
        tx,
        "select id, command_id, task_id, repository_id, required, act, patch, state, attempts, lookups, created_at from acts a
         where account_id = $1 and state in ('open', 'acting', 'unknown') and due_at <= $2
           and ($3 or kind not in ('push', 'delete_branch'))
           and not exists (
               select 1 from acts b
               where b.command_id = a.command_id and b.required and b.position < a.position and b.state <> 'done'
           )
         order by required desc, (case when kind = 'answer' then 0 else 1 end), created_at, position limit 1",
        args![writer.account, now, writer.load == Load::All],
    )
    .await?;
    due.map(Due::into_act).transpose()
}

impl Store {
    /// Notes that the act is about to be tried. `false`: this writer's lease is lost.
    pub async fn act_begins(
        &self,
        act: ActId,
        writer: &Writer,
        hourly: HourlyWrites,
    ) -> Result<bool> {
        let mut tx = self.db.begin().await?;
        if !writers::begin_write(&mut tx, writer, hourly).await? {
            return Ok(false);
        }
        let begun = exec(
            &mut tx,
            "update acts set state = 'acting', lease = $2, attempts = attempts + 1, lookups = 0, updated_at = $3
             where id = $1 and state in ('open', 'acting', 'unknown')",
            args![act, writer.lease, now()],
        )
        .await?;
        tx.commit().await?;
        Ok(begun == 1)
    }

    /// Notes what GitHub said. The last required act of a task ends it in the same transaction.
    pub async fn act_done(&self, act: &DueAct, result: Value) -> Result<()> {
        let mut tx = self.db.begin().await?;
        let done = exec(
            &mut tx,
            "update acts set state = 'done', result = $2, error = null, updated_at = $3
             where id = $1 and state in ('open', 'acting', 'unknown')",
            args![act.id, json(&result)?, now()],
        )
        .await?;
        if done == 1 {
            match (&act.act, act.task) {
                (Act::PullRequest(wanted), Some(task)) => {
                    pull_requests::opened(&mut tx, act.repository, task, wanted, &result).await?;
                }
                (Act::Push(push), task) => {
                    pull_requests::pushed(&mut tx, act.repository, push).await?;
                    resolve(&mut tx, act, task, push).await?;
                }
                (
                    Act::PullRequest(_)
                    | Act::Reaction { .. }
                    | Act::Answer { .. }
                    | Act::Review(_)
                    | Act::Resolve { .. }
                    | Act::DeleteBranch(_)
                    | Act::Check(_),
                    _,
                ) => {}
            }
            if let Some(task) = act.task.filter(|_| act.required) {
                tasks::park(&mut tx, task, None).await?;
                finish_if_last(&mut tx, task).await?;
            }
        }
        tx.commit().await?;
        self.bells.outbox.notify_one();
        Ok(())
    }

    /// The act becomes another one, because what it was made for has changed, and people are told so.
    pub async fn act_changed(&self, act: &DueAct, writer: &Writer, changed: Changed) -> Result<()> {
        let Changed { act: wanted, patch, detail } = changed;
        let mut tx = self.db.begin().await?;
        let still_acting = exec(
            &mut tx,
            "update acts set act = $2, patch = $3, state = 'open', updated_at = $4
             where id = $1 and state = 'acting' and lease = $5",
            args![act.id, json(&wanted)?, patch, now(), writer.lease],
        )
        .await?;
        let goes_on = still_acting == 1 && !stop_if_asked(&mut tx, act).await?;
        if let Some(task) = act.task.filter(|_| goes_on) {
            super::views::set_detail(&mut tx, task, &detail).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Tries the act again later. `unsure`: this try may have happened, so it is looked up first; as it is
    /// if an earlier one may have.
    pub async fn act_later(
        &self,
        act: &DueAct,
        wait: Duration,
        unsure: bool,
        error: &str,
    ) -> Result<()> {
        let unsure = unsure || act.unsure;
        let state = not_done(unsure);
        let mut tx = self.db.begin().await?;
        let due_at = tx.clock().await? + wait;
        let changed = exec(
            &mut tx,
            "update acts set state = $2, due_at = $3, error = $4, lookups = lookups + $5, updated_at = $6
             where id = $1 and state in ('open', 'acting', 'unknown')",
            args![act.id, state, due_at, error, i64::from(unsure), now()],
        )
        .await?;
        if changed == 1 && !unsure {
            stop_if_asked(&mut tx, act).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Leaves the act until a person has given what it needs; its task says so meanwhile. An earlier try
    /// that may have happened is not forgotten.
    pub async fn act_parked(&self, act: &DueAct, wait: Duration, lacks: &str) -> Result<()> {
        let mut tx = self.db.begin().await?;
        let due_at = tx.clock().await? + wait;
        let changed = exec(
            &mut tx,
            "update acts set state = $5, due_at = $2, error = $3, updated_at = $4
             where id = $1 and state in ('open', 'acting', 'unknown')",
            args![act.id, due_at, lacks, now(), not_done(act.unsure)],
        )
        .await?;
        let goes_on = changed == 0 || !stop_if_asked(&mut tx, act).await?;
        if let Some(task) = act.task.filter(|_| goes_on) {
            tasks::park(&mut tx, task, Some(lacks)).await?;
        }
        tx.commit().await?;
        self.bells.outbox.notify_one();
        Ok(())
    }

    /// Gives the act up. If its task needs it, the task ends unpublished and is not charged.
    pub async fn act_impossible(&self, act: &DueAct, error: &str) -> Result<()> {
        let mut tx = self.db.begin().await?;
        let changed = exec(
            &mut tx,
            "update acts set state = 'impossible', error = $2, updated_at = $3
             where id = $1 and state in ('open', 'acting', 'unknown')",
            args![act.id, error, now()],
        )
        .await?;
        if let Some(task) = act.task.filter(|_| act.required && changed == 1) {
            super::views::set_detail(&mut tx, task, error).await?;
            tasks::finish(&mut tx, task, End::PublishRefused).await?;
        }
        tx.commit().await?;
        self.bells.outbox.notify_one();
        Ok(())
    }
}

/// What an act is that was not done, as far as is known.
fn not_done(unsure: bool) -> ActState {
    if unsure { ActState::Unknown } else { ActState::Open }
}

/// Ends the task of an act that is certainly not done, if somebody wanted to stop it meanwhile and was
/// told that it was too late. Says whether it did.
async fn stop_if_asked(tx: &mut Tx, act: &DueAct) -> Result<bool> {
    let Some(task) = act.task.filter(|_| act.required) else { return Ok(false) };
    if !tasks::cancel_requested(tx, task).await? || result_may_be_there(tx, task).await? {
        return Ok(false);
    }
    tasks::finish(tx, task, End::Cancelled).await?;
    Ok(true)
}

/// Whether a push or a review may be on GitHub already, or on its way there.
pub(super) async fn result_may_be_there(tx: &mut Tx, task: TaskId) -> Result<bool> {
    let begun: Option<(TaskId,)> = opt(
        tx,
        "select task_id from acts where task_id = $1 and required and state <> 'open' limit 1",
        args![task],
    )
    .await?;
    Ok(begun.is_some())
}

async fn finish_if_last(tx: &mut Tx, task: TaskId) -> Result<()> {
    let left: Option<(ActId,)> = opt(
        &mut *tx,
        "select id from acts where task_id = $1 and required and state <> 'done' limit 1",
        args![task],
    )
    .await?;
    if left.is_some() {
        return Ok(());
    }
    let sealed: Option<(Option<End>,)> = opt(
        &mut *tx,
        "select ended_as from tasks where id = $1 and phase = 'publishing'",
        args![task],
    )
    .await?;
    match sealed {
        Some((Some(end),)) => tasks::finish(tx, task, end).await,
        Some((None,)) | None => Ok(()),
    }
}

impl Due {
    fn into_act(self) -> Result<DueAct> {
        Ok(DueAct {
            id: self.id,
            command: self.command_id,
            task: self.task_id,
            repository: self.repository_id,
            required: self.required,
            act: from_json(self.act)?,
            patch: self.patch,
            unsure: self.state != ActState::Open,
            attempts: self.attempts,
            lookups: self.lookups,
            created_at: self.created_at,
        })
    }
}
