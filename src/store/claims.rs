//! Claims: which task is worked on next, and by whom.
//!
//! First the account, then its task: the account that was served longest ago comes first, so nobody
//! waits behind somebody else's queue, and priorities count only within an account.

use super::engine::{Sql, Tx, args, exec, locking, one, opt, row};
use super::{Result, Store, StoreError, documents, from_json, tasks};
use crate::domain::credit::Credits;
use crate::domain::ids::{
    AccountId, CommandId, InstallationId, Lease, RepoName, RepositoryId, Sha, TaskId,
};
use crate::domain::task::{Brief, End, Kind};
use chrono::{DateTime, Utc};
use std::time::Duration;

/// Claims that a task gets: a lost lease or a crash of ours uses one up.
const MOST_ATTEMPTS: i64 = 3;

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

/// A task can be claimed that waits and is due, or whose worker has not been heard of for a lease.
const NEXT_ACCOUNT: Sql = locking!(
    "select a.id from accounts a
     where a.suspended_at is null
       and (select count(*) from tasks t where t.account_id = a.id and t.phase = 'working' and t.lease_until > $1) < $2
       and exists (
           select 1 from tasks t where t.account_id = a.id
             and ((t.phase = 'waiting' and t.due_at <= $1) or (t.phase = 'working' and t.lease_until <= $1))
             and not exists (
                 select 1 from tasks o
                 where o.repository_id = t.repository_id and o.branch = t.branch and o.id <> t.id
                   and o.phase in ('working', 'publishing')))
     order by a.served_at nulls first limit 1",
    " for update of a skip locked"
);

impl Store {
    /// Takes the next task: from the account that was served longest ago, and of its tasks the one
    /// with the highest rank whose branch nobody works on.
    pub async fn claim_task(
        &self,
        lease: Duration,
        running_per_account: i64,
    ) -> Result<Option<ClaimedTask>> {
        let mut tx = self.db.begin().await?;
        let now = tx.clock().await?;
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
        tasks::finish(tx, id, End::Internal).await?;
        return Ok(None);
    }
    exec(
        tx,
        "update tasks set lease = lease + 1, lease_until = $2, phase = 'working', status = 'running',
             attempts = attempts + 1, parked = null, started_at = coalesce(started_at, $3), updated_at = $3
         where id = $1",
        args![id, now + lease, now],
    )
    .await?;
    Ok(Some(id))
}

impl Claimed {
    fn into_task(self) -> Result<ClaimedTask> {
        let base_sha = Sha::parse(&self.base_sha).ok_or_else(|| {
            StoreError::Unreadable(format!("{:?} is not a commit id", self.base_sha))
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
