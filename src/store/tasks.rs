//! Tasks: from admission to their end.
//!
//! Every write of an attempt carries its lease and changes nothing once somebody else has claimed
//! the task. [`finish`] is the one door out: status, settlement, final documents.

use super::acts::NewAct;
use super::commands::ClaimedCommand;
use super::engine::{Sql, Tx, args, exec, one, opt, row};
use super::{Result, Store, acts, documents, from_json, json, ledger, now};
use crate::domain::credit::{Credits, NanoUsd, Quote};
use crate::domain::ids::{
    AccountId, CommandId, InstallationId, Lease, RepoName, RepositoryId, Sha, TaskId,
};
use crate::domain::report::Outcome;
use crate::domain::task::{Brief, End, Kind, Priority};
use chrono::{DateTime, TimeDelta, Utc};
use std::time::Duration;

/// Claims that a task gets: a lost lease or a crash of ours uses one up.
pub const MOST_ATTEMPTS: i64 = 3;
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
    /// What was estimated.
    pub quote: Quote,
    /// What is held for it.
    pub hold: Credits,
}

/// A task that this process works on.
#[derive(Clone, Debug)]
pub struct ClaimedTask {
    /// The task.
    pub id: TaskId,
    /// What proves that nobody else works on it.
    pub lease: Lease,
    /// The command it came from.
    pub command: CommandId,
    /// Who pays.
    pub account: AccountId,
    /// `None` once the App is uninstalled.
    pub installation: Option<InstallationId>,
    /// Where.
    pub repository: RepositoryId,
    /// The repository's name today.
    pub name: RepoName,
    /// What sort of work.
    pub kind: Kind,
    /// On which model.
    pub model: String,
    /// Who asked what.
    pub brief: Brief,
    /// The branch it is for.
    pub base_branch: String,
    /// The commit it starts from.
    pub base_sha: Sha,
    /// The branch it will push.
    pub branch: String,
    /// What is held for it.
    pub hold: Credits,
    /// Claims so far, this one included.
    pub attempts: i64,
    /// Time spent on it before.
    pub active: Duration,
    /// When it was admitted: the date of its commit.
    pub created_at: DateTime<Utc>,
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

row! {
    struct Claimed {
        id: TaskId,
        lease: Lease,
        command_id: CommandId,
        account_id: AccountId,
        installation_id: Option<InstallationId>,
        repository_id: RepositoryId,
        owner: String,
        name: String,
        kind: Kind,
        model: String,
        brief: sqlx::types::Json<serde_json::Value>,
        base_branch: String,
        base_sha: String,
        branch: String,
        hold: Credits,
        attempts: i64,
        active_ms: i64,
        created_at: DateTime<Utc>,
    }
}

/// Stores a new task.
pub(super) async fn insert(tx: &mut Tx, command: &ClaimedCommand, task: &NewTask) -> Result<()> {
    let now = now();
    let head_start = AGEING * i32::try_from(task.priority.rank()).unwrap_or(0);
    exec(
        tx,
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
    Ok(())
}

/// A task can be claimed that waits and is due, or whose worker has not been heard of for a lease.
const NEXT_ACCOUNT: Sql = Sql {
    lite: "select a.id from accounts a
           where (select count(*) from tasks t where t.account_id = a.id and t.phase = 'working' and t.lease_until > $1) < $2
             and exists (select 1 from tasks t where t.account_id = a.id and ((t.phase = 'waiting' and t.due_at <= $1) or (t.phase = 'working' and t.lease_until <= $1)))
           order by a.served_at nulls first limit 1",
    pg: "select a.id from accounts a
         where (select count(*) from tasks t where t.account_id = a.id and t.phase = 'working' and t.lease_until > $1) < $2
           and exists (select 1 from tasks t where t.account_id = a.id and ((t.phase = 'waiting' and t.due_at <= $1) or (t.phase = 'working' and t.lease_until <= $1)))
         order by a.served_at nulls first limit 1 for update of a skip locked",
};

impl Store {
    /// Takes the next task: from the account that was served longest ago, and of its tasks the one
    /// with the highest rank whose branch nobody works on.
    pub async fn claim_task(
        &self,
        lease: Duration,
        running_per_account: i64,
    ) -> Result<Option<ClaimedTask>> {
        let now = now();
        let mut tx = self.db.begin().await?;
        let Some((account,)) =
            opt::<(AccountId,)>(&mut tx, NEXT_ACCOUNT, args![now, running_per_account]).await?
        else {
            return Ok(None);
        };
        let claimed = claim_of_account(&mut tx, account, now, lease).await?;
        exec(&mut tx, "update accounts set served_at = $2 where id = $1", args![account, now])
            .await?;
        let Some(id) = claimed else {
            tx.commit().await?;
            return Ok(None);
        };
        documents::want_all(&mut tx, id).await?;
        let row: Claimed = one(
            &mut tx,
            "select t.id, t.lease, t.command_id, t.account_id, a.installation_id, t.repository_id, r.owner, r.name,
                    t.kind, t.model, t.brief, t.base_branch, t.base_sha, t.branch, t.hold, t.attempts, t.active_ms, t.created_at
             from tasks t
             join accounts a on a.id = t.account_id
             join repositories r on r.id = t.repository_id
             where t.id = $1",
            args![id],
        )
        .await?;
        tx.commit().await?;
        self.bells.outbox.notify_one();
        Ok(Some(row.into_task()?))
    }

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
        let kept: Option<(Option<DateTime<Utc>>,)> = opt(
            &mut tx,
            "update tasks set lease_until = $3, active_ms = $4, updated_at = $5
             where id = $1 and lease = $2 and phase = 'working'
             returning cancel_requested_at",
            args![task, lease, now() + until, active, now()],
        )
        .await?;
        tx.commit().await?;
        Ok(Beat { alive: kept.is_some(), cancel: kept.is_some_and(|(cancel,)| cancel.is_some()) })
    }

    /// Gives a task back to be claimed again after a while. `uses_attempt`: it was our own fault.
    pub async fn release_task(
        &self,
        task: TaskId,
        lease: Lease,
        wait: Duration,
        uses_attempt: bool,
    ) -> Result<()> {
        let given_back = i64::from(!uses_attempt);
        let mut tx = self.db.begin().await?;
        exec(
            &mut tx,
            "update tasks set phase = 'waiting', lease_until = null, due_at = $3, attempts = attempts - $4, updated_at = $5
             where id = $1 and lease = $2 and phase = 'working'",
            args![task, lease, now() + wait, given_back, now()],
        )
        .await?;
        documents::want_all(&mut tx, task).await?;
        tx.commit().await?;
        self.bells.tasks.notify_one();
        Ok(())
    }

    /// Stores the result of an attempt with the acts that publish it. Without acts the task is over.
    /// `false`: the lease was lost and nothing changed.
    pub async fn seal(&self, task: TaskId, lease: Lease, sealed: Sealed) -> Result<bool> {
        let mut tx = self.db.begin().await?;
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
    let charged = ledger::settle(tx, task, used).await?;
    exec(
        &mut *tx,
        "update tasks set status = $2, phase = 'ended', ended_as = $3, charged = $4, lease_until = null, ended_at = $5, updated_at = $5
         where id = $1",
        args![task, end.status(), end, charged, now()],
    )
    .await?;
    acts::withdraw_open(tx, task).await?;
    documents::want_check_run(tx, task).await?;
    documents::want_all(tx, task).await
}

async fn cancel_requested(tx: &mut Tx, task: TaskId) -> Result<bool> {
    let asked: Option<(TaskId,)> = opt(
        tx,
        "select id from tasks where id = $1 and cancel_requested_at is not null",
        args![task],
    )
    .await?;
    Ok(asked.is_some())
}

/// Claims the best task of an account, or ends one that has been claimed too often.
async fn claim_of_account(
    tx: &mut Tx,
    account: AccountId,
    now: DateTime<Utc>,
    lease: Duration,
) -> Result<Option<TaskId>> {
    let best: Option<(TaskId, i64)> = opt(
        &mut *tx,
        "select t.id, t.attempts from tasks t
         where t.account_id = $1
           and ((t.phase = 'waiting' and t.due_at <= $2) or (t.phase = 'working' and t.lease_until <= $2))
           and not exists (
               select 1 from tasks o
               where o.repository_id = t.repository_id and o.branch = t.branch and o.id <> t.id
                 and o.phase in ('working', 'publishing')
           )
         order by t.ranked_at, t.id limit 1",
        args![account, now],
    )
    .await?;
    let Some((id, attempts)) = best else { return Ok(None) };
    if attempts >= MOST_ATTEMPTS {
        exec(&mut *tx, "update tasks set lease = lease + 1 where id = $1", args![id]).await?;
        finish(tx, id, End::Internal).await?;
        return Ok(None);
    }
    exec(
        tx,
        "update tasks set lease = lease + 1, lease_until = $2, phase = 'working', status = 'running',
             attempts = attempts + 1, started_at = coalesce(started_at, $3), updated_at = $3
         where id = $1",
        args![id, now + lease, now],
    )
    .await?;
    Ok(Some(id))
}

impl Claimed {
    fn into_task(self) -> Result<ClaimedTask> {
        let base_sha = Sha::parse(&self.base_sha).ok_or_else(|| {
            super::StoreError::Unreadable(format!("{:?} is not a commit id", self.base_sha))
        })?;
        Ok(ClaimedTask {
            id: self.id,
            lease: self.lease,
            command: self.command_id,
            account: self.account_id,
            installation: self.installation_id,
            repository: self.repository_id,
            name: RepoName { owner: self.owner, name: self.name },
            kind: self.kind,
            model: self.model,
            brief: from_json(self.brief)?,
            base_branch: self.base_branch,
            base_sha,
            branch: self.branch,
            hold: self.hold,
            attempts: self.attempts,
            active: Duration::from_millis(u64::try_from(self.active_ms).unwrap_or(0)),
            created_at: self.created_at,
        })
    }
}
