//! Repositories: what the newest payload said about each.

use super::engine::{Tx, args, exec, one};
use super::{Result, Store, now};
use crate::domain::event::Repository;
use crate::domain::ids::{RepoName, RepositoryId};

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
