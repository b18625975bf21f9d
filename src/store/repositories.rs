//! Repositories: what the newest payload said about each, and whether the App reaches it.

use super::engine::{Tx, args, exec, one, opt, row};
use super::{Result, Store, accounts, documents, now, tasks};
use crate::domain::event::{AsOf, Choice, Named, Repository};
use crate::domain::ids::{AccountId, RepoName, RepositoryId};
use chrono::{DateTime, Utc};

row! {
    /// How a repository stands, as far as is known.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Standing {
        /// Whose it is.
        pub account_id: AccountId,
        /// Whether not everybody can read it.
        pub private: bool,
        /// Whether it is there, and the App is let in.
        pub is_reached: bool,
    }
}

/// Notes a repository, unless what is known is newer.
pub(super) async fn seen(tx: &mut Tx, repository: &Repository) -> Result<()> {
    exec(
        tx,
        "insert into repositories (id, account_id, owner, name, private, archived, default_branch, github_updated_at, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)
         on conflict (id) do update set
             account_id = excluded.account_id,
             owner = excluded.owner,
             name = excluded.name,
             private = excluded.private,
             archived = excluded.archived,
             default_branch = excluded.default_branch,
             github_updated_at = excluded.github_updated_at,
             updated_at = excluded.updated_at
         where excluded.github_updated_at >= repositories.github_updated_at",
        args![
            repository.id,
            repository.owner.id,
            &*repository.name.owner,
            &*repository.name.name,
            repository.private,
            repository.archived,
            &*repository.default_branch,
            repository.updated_at,
            now(),
        ],
    )
    .await?;
    Ok(())
}

/// Notes which repositories people let the App reach now, and which not any more.
pub(super) async fn chosen(tx: &mut Tx, choice: &Choice) -> Result<()> {
    let Choice { installation, added, removed } = choice;
    accounts::stands(tx, installation).await?;
    for repository in removed {
        mention(tx, installation.account.id, repository).await?;
        choose(tx, repository.id, installation.as_of, false).await?;
    }
    for repository in added {
        mention(tx, installation.account.id, repository).await?;
        choose(tx, repository.id, installation.as_of, true).await?;
    }
    Ok(())
}

/// Keeps a place for a repository of which nothing but its name is known: whatever is told of it later
/// is newer.
async fn mention(tx: &mut Tx, account: AccountId, repository: &Named) -> Result<()> {
    let Named { id, name, private } = repository;
    exec(
        tx,
        "insert into repositories (id, account_id, owner, name, private, archived, default_branch, github_updated_at, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, '', $7, $8, $8)
         on conflict (id) do nothing",
        args![*id, account, &*name.owner, &*name.name, *private, false, DateTime::UNIX_EPOCH, now()],
    )
    .await?;
    Ok(())
}

/// Unless a newer choice is known. GitHub may give two choices one time; then the one that is heard last
/// counts.
async fn choose(tx: &mut Tx, id: RepositoryId, as_of: AsOf, is_reached: bool) -> Result<()> {
    let changed = exec(
        &mut *tx,
        "update repositories set chosen_at = $2, updated_at = $4,
             withdrawn_at = case when $3 then null else coalesce(withdrawn_at, $4) end
         where id = $1 and (chosen_at is null or chosen_at <= $2)",
        args![id, as_of.time(), is_reached, now()],
    )
    .await?;
    match (changed, is_reached) {
        (0, _) => Ok(()),
        (_, true) => documents::take_up_again(tx, id).await,
        (_, false) => tasks::drop_repository(tx, id).await,
    }
}

/// Notes that a repository is gone; what people had chosen before no longer matters.
pub(super) async fn deleted(tx: &mut Tx, id: RepositoryId) -> Result<()> {
    exec(
        &mut *tx,
        "update repositories set withdrawn_at = coalesce(withdrawn_at, $2), chosen_at = $2, updated_at = $2
         where id = $1",
        args![id, now()],
    )
    .await?;
    tasks::drop_repository(tx, id).await
}

/// Whether the App reaches a repository in which somebody asked for something then. GitHub tells of what
/// is asked only where it does: what was asked after the App lost a repository says that it has it back.
pub(super) async fn is_reached(
    tx: &mut Tx,
    id: RepositoryId,
    asked_at: Option<DateTime<Utc>>,
) -> Result<bool> {
    let since: Option<(Option<DateTime<Utc>>,)> =
        opt(&mut *tx, "select withdrawn_at from repositories where id = $1", args![id]).await?;
    let Some((Some(since),)) = since else { return Ok(true) };
    if asked_at.is_none_or(|at| at <= since) {
        return Ok(false);
    }
    exec(
        &mut *tx,
        "update repositories set withdrawn_at = null, updated_at = $2 where id = $1",
        args![id, now()],
    )
    .await?;
    documents::take_up_again(tx, id).await?;
    Ok(true)
}

impl Store {
    /// Notes where a repository is today, as GitHub says when it is asked by id.
    pub async fn repository_moved(&self, repository: RepositoryId, name: &RepoName) -> Result<()> {
        let mut tx = self.db.begin().await?;
        exec(
            &mut tx,
            "update repositories set owner = $2, name = $3, updated_at = $4 where id = $1",
            args![repository, &*name.owner, &*name.name, now()],
        )
        .await?;
        tx.commit().await?;
        Ok(())
    }

    /// How a repository stands; `None`: nothing is known of it.
    pub async fn repository_standing(&self, id: RepositoryId) -> Result<Option<Standing>> {
        let found = opt(
            self.db.reader(),
            "select r.account_id, r.private,
                    (r.withdrawn_at is null and a.installation_id is not null) as is_reached
             from repositories r join accounts a on a.id = r.account_id where r.id = $1",
            args![id],
        );
        Ok(found.await?)
    }

    /// The name of a repository today.
    pub async fn repository_name(&self, repository: RepositoryId) -> Result<RepoName> {
        let (owner, name) = one(
            self.db.reader(),
            "select owner, name from repositories where id = $1",
            args![repository],
        )
        .await?;
        Ok(RepoName { owner, name })
    }
}
