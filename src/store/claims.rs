//! Claims: which task is worked on next, and by whom.
//!
//! First the account, then its task: the account that was served longest ago comes first, so nobody
//! waits behind somebody else's queue, and priorities count only within an account.

mod turn;

use super::engine::{Tx, args, one, row};
use super::{Result, Store, StoreError, documents, from_json};
use crate::domain::credit::Credits;
use crate::domain::ids::{
    AccountId, CommandId, InstallationId, Lease, RepoName, RepositoryId, Sha, TaskId,
};
use crate::domain::task::{Brief, Kind};
use chrono::{DateTime, Utc};
use std::time::Duration;
use turn::{Terms, Turn};

pub(super) use turn::soon;

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
    /// The model that went on for its own, if one did.
    pub fell_back_to: Option<String>,
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
        fell_back_to: Option<String>,
        waits_for: Option<String>,
    }
}

impl Store {
    /// Takes the next task: from the account that was served longest ago, and of its tasks the one
    /// with the highest rank whose branch nobody works on.
    pub async fn claim_task(
        &self,
        lease: Duration,
        running_per_account: i64,
    ) -> Result<Option<ClaimedTask>> {
        loop {
            let mut tx = self.db.begin().await?;
            let now = tx.clock().await?;
            let turn = turn::take(&mut tx, Terms { now, lease, running_per_account }).await?;
            let claimed = match turn {
                Turn::Claimed(id) => Some(claimed(&mut tx, id).await?),
                Turn::Onward | Turn::Nothing => None,
            };
            tx.commit().await?;
            if claimed.is_some() {
                self.bells.outbox.notify_one();
            }
            if !matches!(turn, Turn::Onward) {
                return Ok(claimed);
            }
        }
    }
}

async fn claimed(tx: &mut Tx, id: TaskId) -> Result<ClaimedTask> {
    let row: Claimed = one(
        &mut *tx,
        "select t.id, t.lease, t.command_id, t.account_id, a.installation_id, t.repository_id, r.owner, r.name,
                t.kind, t.model, t.brief, t.base_branch, t.base_sha, t.branch, t.hold, t.attempts, t.active_ms, t.created_at,
                t.fell_back_to, t.waits_for
         from tasks t
         join accounts a on a.id = t.account_id
         join repositories r on r.id = t.repository_id
         where t.id = $1",
        args![id],
    )
    .await?;
    // While a model service is away, each look at it is a claim that nobody needs to hear of.
    if row.waits_for.is_none() {
        documents::want_all(tx, id).await?;
    }
    row.into_task()
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
            fell_back_to: self.fell_back_to,
            created_at: self.created_at,
        })
    }
}
