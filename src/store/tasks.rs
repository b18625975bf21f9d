//! Tasks: from admission to their end.
//!
//! Every write of an attempt carries its lease and changes nothing once somebody else has claimed
//! the task. [`finish`] is the one door out: status, settlement, final documents.

use super::acts::NewAct;
use super::commands::ClaimedCommand;
use super::engine::{Tx, all, args, exec, one, opt};
use super::steps::Holder;
use super::{Result, Store, acts, claims, commands, documents, json, ledger, now};
use crate::domain::catalog::Provider;
use crate::domain::credit::{Credits, NanoUsd, Quote};
use crate::domain::ids::{AccountId, Lease, RepositoryId, Sha, TaskId};
use crate::domain::report::{Outcome, detail};
use crate::domain::task::{Brief, End, Kind, Priority};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use std::time::Duration;

/// Waiting this long counts as much as one level of priority.
const AGEING: TimeDelta = TimeDelta::minutes(10);

/// A task to be.
#[derive(Clone, Debug)]
pub struct NewTask {
    /// Its id, chosen before because its branch is named after it.
    pub id: TaskId,
    /// What sort of work.
    pub kind: Kind,
    /// On which model.
    pub model: String,
    /// Before or after the account's other tasks.
    pub priority: Priority,
    /// Who asked what.
    pub brief: Brief,
    /// The branch it starts from and is for.
    pub base_branch: String,
    /// The commit it starts from.
    pub base_sha: Sha,
    /// The branch it will push.
    pub branch: String,
    /// The commit that shows its check run from the beginning, if one does.
    pub check_on: Option<Sha>,
    /// What was estimated.
    pub quote: Quote,
    /// What is held for it.
    pub hold: Credits,
    /// If it will open a pull request: so many of ours a repository has at most.
    pub opens_one_of: Option<i64>,
}

/// What a heartbeat tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beat {
    /// Whether the lease still holds.
    pub alive: bool,
    /// Whether somebody asked to stop.
    pub cancel: bool,
}

/// The result of an attempt.
#[derive(Clone, Debug)]
pub struct Sealed {
    /// How it ended.
    pub end: End,
    /// What the agent says.
    pub outcome: Outcome,
    /// What has to be done on GitHub before the task is over; nothing means it is over now.
    pub acts: Vec<NewAct>,
}

/// How a task is given back.
#[derive(Clone, Debug, Default)]
pub struct Release {
    /// It is not claimed again before.
    pub wait: Duration,
    /// Whether this claim counts: it was our own fault.
    pub uses_attempt: bool,
    /// What it lacks that only a person can give.
    pub lacks: Option<String>,
    /// The model service that it waits for.
    pub waits_for: Option<Provider>,
}

/// Stores a new task.
pub(super) async fn insert(tx: &mut Tx, command: &ClaimedCommand, task: &NewTask) -> Result<()> {
    let now = now();
    let head_start = AGEING * i32::try_from(task.priority.rank()).unwrap_or(0);
    exec(
        &mut *tx,
        "insert into tasks (id, command_id, account_id, repository_id, number, kind, model, priority, status, phase,
             brief, requester_id, base_branch, base_sha, branch, quote_low, quote_high, hold, lease, due_at, ranked_at,
             attempts, active_ms, steps, input_tokens, cached_tokens, cache_write_tokens, output_tokens,
             cost_nano_usd, outcome, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, 'pending', 'waiting', $9, $10, $11, $12, $13, $14, $15, $16, 0, $17, $18,
             0, 0, 0, 0, 0, 0, 0, 0, $19, $17, $17)",
        args![
            task.id,
            command.id,
            command.account,
            command.repository,
            task.brief.thread.number,
            task.kind,
            &*task.model,
            task.priority,
            json(&task.brief)?,
            task.brief.requester.id,
            &*task.base_branch,
            task.base_sha.as_str(),
            &*task.branch,
            task.quote.low,
            task.quote.high,
            task.hold,
            now,
            now - head_start,
            json(&Outcome::default())?,
        ],
    )
    .await?;
    claims::soon(tx, task.id).await
}

impl Store {
    /// Keeps the lease, notes the time spent, and asks whether to go on.
    pub async fn heartbeat(
        &self,
        task: TaskId,
        lease: Lease,
        until: Duration,
        active: Duration,
    ) -> Result<Beat> {
        let active = i64::try_from(active.as_millis()).unwrap_or(i64::MAX);
        let mut tx = self.db.begin().await?;
        let until = tx.clock().await? + until;
        let kept: Option<(Option<DateTime<Utc>>,)> = opt(
            &mut tx,
            "update tasks set lease_until = $3, active_ms = $4, updated_at = $5
             where id = $1 and lease = $2 and phase = 'working'
             returning cancel_requested_at",
            args![task, lease, until, active, now()],
        )
        .await?;
        tx.commit().await?;
        Ok(Beat { alive: kept.is_some(), cancel: kept.is_some_and(|(cancel,)| cancel.is_some()) })
    }

    /// What people had said before, as an earlier attempt kept it.
    pub async fn said_before(&self, task: TaskId) -> Result<Option<Value>> {
        let (said,): (Option<sqlx::types::Json<Value>>,) =
            one(self.db.reader(), "select said from tasks where id = $1", args![task]).await?;
        Ok(said.map(|said| said.0))
    }

    /// Keeps what people had said before, for every attempt.
    pub async fn keep_said(&self, holder: Holder, said: Value) -> Result<()> {
        let mut tx = self.db.begin().await?;
        exec(
            &mut tx,
            "update tasks set said = $3 where id = $1 and lease = $2 and said is null",
            args![holder.task, holder.lease, json(&said)?],
        )
        .await?;
        Ok(tx.commit().await?)
    }

    /// Gives a task back to be claimed again; or ends it, if it was to stop and the attempt ended before
    /// it heard of that.
    pub async fn release_task(&self, task: TaskId, lease: Lease, release: Release) -> Result<()> {
        let given_back = i64::from(!release.uses_attempt);
        let mut tx = self.db.begin().await?;
        claims::soon(&mut tx, task).await?;
        let due_at = tx.clock().await? + release.wait;
        let waits_for = release.waits_for.map(Provider::as_str);
        let is_known = waits_for.is_some() && is_said_to_wait(&mut tx, task, waits_for).await?;
        let given = exec(
            &mut tx,
            "update tasks set phase = 'waiting', status = 'pending', lease_until = null, due_at = $3, attempts = attempts - $4,
                 parked = $6, waits_for = $7, updated_at = $5
             where id = $1 and lease = $2 and phase = 'working'",
            args![task, lease, due_at, given_back, now(), release.lacks.as_deref(), waits_for],
        )
        .await?;
        if given == 1 && cancel_requested(&mut tx, task).await? {
            finish(&mut tx, task, End::Cancelled).await?;
        } else if is_known {
            // People read it already, and it does not change with every look.
        } else if release.lacks.is_some() || waits_for.is_some() {
            documents::want_all_now(&mut tx, task).await?;
        } else {
            documents::want_all(&mut tx, task).await?;
        }
        tx.commit().await?;
        self.bells.outbox.notify_one();
        self.bells.tasks.notify_one();
        Ok(())
    }

    /// Tries at once what waits for this model service, because it works again.
    pub async fn wake_waiting_for(&self, provider: Provider) -> Result<()> {
        let mut tx = self.db.begin().await?;
        for statement in [
            "update accounts set look_at = $2, updated_at = $2
             where look_at is not null
               and id in (select account_id from tasks where phase = 'waiting' and waits_for = $1)",
            "update tasks set due_at = $2, updated_at = $2 where phase = 'waiting' and waits_for = $1 and due_at > $2",
        ] {
            exec(&mut tx, statement, args![provider.as_str(), now()]).await?;
        }
        tx.commit().await?;
        self.bells.tasks.notify_one();
        Ok(())
    }

    /// Stores the result of an attempt with the acts that publish it. Without acts the task is over.
    /// `false`: the lease was lost and nothing changed.
    pub async fn seal(&self, task: TaskId, lease: Lease, sealed: Sealed) -> Result<bool> {
        let mut tx = self.db.begin().await?;
        claims::soon(&mut tx, task).await?;
        let changed = exec(
            &mut tx,
            "update tasks set phase = 'publishing', ended_as = $3, outcome = $4, lease_until = null, updated_at = $5
             where id = $1 and lease = $2 and phase = 'working'",
            args![task, lease, sealed.end, json(&sealed.outcome)?, now()],
        )
        .await?;
        if changed == 0 {
            return Ok(false);
        }
        // Whoever asked to stop in time gets no pull request, however far the work had come.
        let end = if cancel_requested(&mut tx, task).await? { End::Cancelled } else { sealed.end };
        if end == sealed.end && !sealed.acts.is_empty() {
            for act in sealed.acts {
                acts::insert(&mut tx, act).await?;
            }
            documents::want_all(&mut tx, task).await?;
        } else {
            finish(&mut tx, task, end).await?;
        }
        tx.commit().await?;
        self.bells.outbox.notify_one();
        Ok(true)
    }
}

/// Ends a task: status, settlement and everything that shows it. A task that ended stays as it is.
pub(super) async fn finish(tx: &mut Tx, task: TaskId, end: End) -> Result<()> {
    let used: Option<(NanoUsd,)> = opt(
        &mut *tx,
        "select cost_nano_usd from tasks where id = $1 and phase <> 'ended'",
        args![task],
    )
    .await?;
    let Some((used,)) = used else { return Ok(()) };
    let used = if end.is_charged() { used.to_credits() } else { Credits(0) };
    end_with(tx, task, end, used).await
}

/// Ends everything of an account that is not over. Nobody pays, and nothing more is done; that it has
/// ended is shown if the App ever comes back.
pub(super) async fn drop_all(tx: &mut Tx, account: AccountId) -> Result<()> {
    let open: Vec<(TaskId,)> = all(
        &mut *tx,
        "select id from tasks where account_id = $1 and phase <> 'ended'",
        args![account],
    )
    .await?;
    drop_these(tx, open, &detail::app_is_gone()).await?;
    acts::drop_all(tx, account).await
}

/// Ends everything in a repository that the App does not reach any more, in the same way. It is shown if
/// the App ever reaches it again.
pub(super) async fn drop_repository(tx: &mut Tx, repository: RepositoryId) -> Result<()> {
    let open: Vec<(TaskId,)> = all(
        &mut *tx,
        "select id from tasks where repository_id = $1 and phase <> 'ended'",
        args![repository],
    )
    .await?;
    drop_these(tx, open, &detail::repository_is_gone()).await?;
    commands::drop_repository(tx, repository).await?;
    acts::drop_repository(tx, repository).await?;
    documents::leave(tx, repository).await
}

async fn drop_these(tx: &mut Tx, open: Vec<(TaskId,)>, why: &str) -> Result<()> {
    for (task,) in open {
        super::views::set_detail(tx, task, why).await?;
        end_with(tx, task, End::Cancelled, Credits(0)).await?;
    }
    Ok(())
}

async fn end_with(tx: &mut Tx, task: TaskId, end: End, used: Credits) -> Result<()> {
    let charged = ledger::settle(tx, task, used).await?;
    claims::soon(tx, task).await?;
    exec(
        &mut *tx,
        "update tasks set status = $2, phase = 'ended', ended_as = $3, charged = $4, lease_until = null, parked = null,
             waits_for = null,
             ended_at = $5, updated_at = $5
         where id = $1",
        args![task, end.status(), end, charged, now()],
    )
    .await?;
    acts::withdraw_open(tx, task).await?;
    documents::want_check_run(tx, task).await?;
    documents::want_all(tx, task).await
}

/// Notes what a task lacks that only a person can give, or that it lacks nothing any more.
pub(super) async fn park(tx: &mut Tx, task: TaskId, lacks: Option<&str>) -> Result<()> {
    let changed = exec(
        &mut *tx,
        "update tasks set parked = $2, updated_at = $3
         where id = $1 and phase <> 'ended' and coalesce(parked, '') <> coalesce($2, '')",
        args![task, lacks, now()],
    )
    .await?;
    if changed == 1 { documents::want_all_now(tx, task).await } else { Ok(()) }
}

/// Tries at once what waited for a person, because they may have given it now.
pub(super) async fn wake_all(tx: &mut Tx, account: AccountId) -> Result<()> {
    for statement in [
        "update accounts set look_at = $2, updated_at = $2 where id = $1 and look_at is not null",
        "update tasks set due_at = $2, updated_at = $2 where account_id = $1 and phase = 'waiting' and due_at > $2",
        // All states that are not over, as the index has them; but what is being done keeps its time.
        "update acts set due_at = $2, updated_at = $2 where account_id = $1 and state in ('open', 'acting', 'unknown') and state <> 'acting' and due_at > $2",
        "update documents set due_at = $2, updated_at = $2 where account_id = $1 and wanted > shown and not dead and due_at > $2",
        "update commands set due_at = $2, updated_at = $2 where account_id = $1 and state = 'pending' and due_at > $2",
    ] {
        exec(&mut *tx, statement, args![account, now()]).await?;
    }
    Ok(())
}

/// Whether the task's comment says already that it waits for this service.
async fn is_said_to_wait(tx: &mut Tx, task: TaskId, waits_for: Option<&str>) -> Result<bool> {
    let said: Option<(TaskId,)> =
        opt(tx, "select id from tasks where id = $1 and waits_for = $2", args![task, waits_for])
            .await?;
    Ok(said.is_some())
}

/// Whether somebody wants to stop the task.
pub(super) async fn cancel_requested(tx: &mut Tx, task: TaskId) -> Result<bool> {
    let asked: Option<(TaskId,)> = opt(
        tx,
        "select id from tasks where id = $1 and cancel_requested_at is not null",
        args![task],
    )
    .await?;
    Ok(asked.is_some())
}
