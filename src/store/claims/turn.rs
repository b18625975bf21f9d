//! Whose turn it is.
//!
//! Each account says not before when its tasks need be looked at (`look_at`), so that a claim looks at
//! one account, not at all of them. Whatever makes a task claimable earlier than that calls [`soon`]
//! in its own transaction, and locks the account before the task, as a claim does. A look that finds
//! nothing says when the next one is worth while.

use super::super::engine::{Sql, Tx, args, exec, locking, one, opt};
use super::super::{Result, tasks};
use crate::domain::ids::{AccountId, Lease, TaskId};
use crate::domain::task::End;
use chrono::{DateTime, TimeDelta, Utc};
use std::time::Duration;

/// Claims that a task gets: a lost lease or a crash of ours uses one up.
const MOST_ATTEMPTS: i64 = 3;
/// Accounts that are looked at in one transaction.
const LOOKS: usize = 50;
/// An account whose due tasks all wait for a branch or a slot is looked at again so soon, in case
/// that nobody calls [`soon`]: the branch may be worked on for another account.
const BLOCKED: TimeDelta = TimeDelta::seconds(1);

/// Whatever the clock says: it is time to look; and whoever was never served comes first.
const LONG_AGO: DateTime<Utc> = DateTime::UNIX_EPOCH;

/// What a claim is to be.
#[derive(Clone, Copy)]
pub(super) struct Terms {
    pub(super) now: DateTime<Utc>,
    pub(super) lease: Duration,
    pub(super) running_per_account: i64,
}

/// What came of looking.
pub(super) enum Turn {
    /// This task is claimed.
    Claimed(TaskId),
    /// There are more accounts to be looked at, in another transaction.
    Onward,
    /// Nothing can be claimed now.
    Nothing,
}

/// The account that was served longest ago and may have something to do.
const NEXT_ACCOUNT: Sql = locking!(
    "select id from accounts where look_at <= $1 and suspended_at is null order by served_at limit 1",
    " for no key update skip locked"
);

/// Claims the next task, and ends those that have been claimed too often.
pub(super) async fn take(tx: &mut Tx, terms: Terms) -> Result<Turn> {
    for _ in 0..LOOKS {
        let next = opt::<(AccountId,)>(&mut *tx, NEXT_ACCOUNT, args![terms.now]).await?;
        let Some((account,)) = next else { return Ok(Turn::Nothing) };
        match best(tx, account, terms).await? {
            None => later(tx, account, terms.now).await?,
            // Whoever was to stop it has died.
            Some(best) if best.is_stopping => end(tx, &best, End::Cancelled).await?,
            Some(best) if best.attempts >= MOST_ATTEMPTS => end(tx, &best, End::Internal).await?,
            Some(best) if claim(tx, &best, terms).await? => {
                served(tx, account, terms.now).await?;
                return Ok(Turn::Claimed(best.id));
            }
            // Its worker was heard of after all, or somebody cancelled it.
            Some(_) => {}
        }
    }
    Ok(Turn::Onward)
}

/// Something of this task's account may be claimable from now on.
pub(in crate::store) async fn soon(tx: &mut Tx, task: TaskId) -> Result<()> {
    exec(
        tx,
        "update accounts set look_at = $2, served_at = coalesce(served_at, $2)
         where id = (select account_id from tasks where id = $1)",
        args![task, LONG_AGO],
    )
    .await?;
    Ok(())
}

super::super::engine::row! {
    struct Candidate {
        id: TaskId,
        lease: Lease,
        attempts: i64,
        ranked_at: DateTime<Utc>,
        is_stopping: bool,
    }
}

/// The best task of an account, if it has a free slot. A task can be claimed that waits and is due, or
/// whose worker has not been heard of for a lease; two are never worked on for one branch.
async fn best(tx: &mut Tx, account: AccountId, terms: Terms) -> Result<Option<Candidate>> {
    let (running, of_plan): (i64, Option<i64>) = one(
        &mut *tx,
        "select (select count(*) from tasks where account_id = a.id and phase = 'working' and lease_until > $2),
                a.plan_running
         from accounts a where a.id = $1",
        args![account, terms.now],
    )
    .await?;
    if running >= of_plan.unwrap_or(terms.running_per_account) {
        return Ok(None);
    }
    let waiting: Option<Candidate> = opt(
        &mut *tx,
        "select t.id, t.lease, t.attempts, t.ranked_at, t.cancel_requested_at is not null as is_stopping from tasks t
         where t.account_id = $1 and t.phase = 'waiting' and t.due_at <= $2
           and not exists (
               select 1 from tasks o
               where o.repository_id = t.repository_id and o.branch = t.branch and o.id <> t.id
                 and o.phase in ('working', 'publishing'))
         order by t.ranked_at, t.id limit 1",
        args![account, terms.now],
    )
    .await?;
    let lost: Option<Candidate> = opt(
        tx,
        "select t.id, t.lease, t.attempts, t.ranked_at, t.cancel_requested_at is not null as is_stopping from tasks t
         where t.account_id = $1 and t.phase = 'working' and t.lease_until <= $2
           and not exists (
               select 1 from tasks o
               where o.repository_id = t.repository_id and o.branch = t.branch and o.id <> t.id
                 and o.phase in ('working', 'publishing'))
         order by t.ranked_at, t.id limit 1",
        args![account, terms.now],
    )
    .await?;
    Ok([waiting, lost].into_iter().flatten().min_by_key(|c| (c.ranked_at, c.id)))
}

/// `false`: it cannot be claimed any more.
async fn claim(tx: &mut Tx, best: &Candidate, terms: Terms) -> Result<bool> {
    let claimed = exec(
        tx,
        "update tasks set lease = lease + 1, lease_until = $4, phase = 'working', status = 'running',
             attempts = attempts + 1, parked = null, started_at = coalesce(started_at, $3), updated_at = $3
         where id = $1 and lease = $2 and (phase = 'waiting' or (phase = 'working' and lease_until <= $3))",
        args![best.id, best.lease, terms.now, terms.now + terms.lease],
    )
    .await?;
    Ok(claimed == 1)
}

async fn end(tx: &mut Tx, task: &Candidate, end: End) -> Result<()> {
    let ours = exec(
        &mut *tx,
        "update tasks set lease = lease + 1 where id = $1 and lease = $2",
        args![task.id, task.lease],
    )
    .await?;
    if ours == 1 {
        tasks::finish(tx, task.id, end).await?;
    }
    Ok(())
}

async fn served(tx: &mut Tx, account: AccountId, now: DateTime<Utc>) -> Result<()> {
    exec(tx, "update accounts set served_at = $2, look_at = $2 where id = $1", args![account, now])
        .await?;
    Ok(())
}

/// There was nothing to be claimed: when will there be?
async fn later(tx: &mut Tx, account: AccountId, now: DateTime<Utc>) -> Result<()> {
    exec(
        tx,
        "update accounts set look_at = (
             select min(next.at) from (
                 select min(due_at) as at from tasks where account_id = $1 and phase = 'waiting' and due_at > $2
                 union all
                 select min(lease_until) from tasks where account_id = $1 and phase = 'working' and lease_until > $2
                 union all
                 select $3 from accounts where id = $1 and (
                     exists (select 1 from tasks where account_id = $1 and phase = 'waiting' and due_at <= $2)
                     or exists (select 1 from tasks where account_id = $1 and phase = 'working' and lease_until <= $2))
             ) as next)
         where id = $1",
        args![account, now, now + BLOCKED],
    )
    .await?;
    Ok(())
}
