//! Configuration files as they were last seen: a column of the repository, and one of the account.

use super::engine::{args, exec, opt};
use super::{Result, Store, from_json, json, now};
use crate::domain::ids::{AccountId, RepositoryId};
use crate::domain::repo_config::Kept;
use sqlx::types::Json;

type Column = (Option<Json<serde_json::Value>>,);

impl Store {
    /// What is known of a repository's file.
    pub async fn config_of_repository(&self, repository: RepositoryId) -> Result<Option<Kept>> {
        let row = opt(
            self.db.reader(),
            "select config from repositories where id = $1",
            args![repository],
        );
        kept(row.await?)
    }

    /// What is known of an account's file.
    pub async fn config_of_account(&self, account: AccountId) -> Result<Option<Kept>> {
        let row =
            opt(self.db.reader(), "select config from accounts where id = $1", args![account]);
        kept(row.await?)
    }

    /// Notes what a repository's file says.
    pub async fn keep_config_of_repository(
        &self,
        repository: RepositoryId,
        kept: &Kept,
    ) -> Result<()> {
        let mut tx = self.db.begin().await?;
        exec(
            &mut tx,
            "update repositories set config = $2, updated_at = $3 where id = $1",
            args![repository, json(kept)?, now()],
        )
        .await?;
        tx.commit().await?;
        Ok(())
    }

    /// Notes what an account's file says.
    pub async fn keep_config_of_account(&self, account: AccountId, kept: &Kept) -> Result<()> {
        let mut tx = self.db.begin().await?;
        exec(
            &mut tx,
            "update accounts set config = $2, updated_at = $3 where id = $1",
            args![account, json(kept)?, now()],
        )
        .await?;
        tx.commit().await?;
        Ok(())
    }
}

fn kept(row: Option<Column>) -> Result<Option<Kept>> {
    row.and_then(|(config,)| config).map(from_json).transpose()
}
