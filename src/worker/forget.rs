//! Forgets what was fetched of repositories that are gone, that the App is no longer let into, that are
//! somebody else's now, or that everybody could read and no longer can.

use super::Worker;
use crate::domain::ids::{AccountId, RepositoryId};
use anyhow::Context;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Whatever happens, it is looked at so often.
const LOOK: Duration = Duration::from_hours(1);

impl Worker {
    /// Looks now and every hour, until told to stop.
    pub(crate) async fn forget_by_and_by(self, stop: CancellationToken) {
        loop {
            self.forget_gone().await;
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    /// Looks at everything that was ever fetched.
    pub(super) async fn forget_gone(&self) {
        let (git, cache) = (self.git.clone(), self.cache.clone());
        let listing = move || {
            let fetched: BTreeSet<_> =
                git.mirrored()?.into_iter().chain(cache.repositories()?).collect();
            Ok::<_, std::io::Error>(fetched)
        };
        let fetched = tokio::task::spawn_blocking(listing).await.map_err(std::io::Error::other);
        let fetched = fetched.flatten().unwrap_or_else(|error| {
            tracing::warn!(%error, "what was fetched cannot be looked at");
            BTreeSet::new()
        });
        for (account, repository) in fetched {
            if let Err(error) = self.forget_if_gone(account, repository).await {
                tracing::warn!(error = format!("{error:#}"), "a repository could not be forgotten");
            }
        }
    }

    /// Looks at one; also before anything is fetched of it.
    pub(super) async fn forget_if_gone(
        &self,
        account: AccountId,
        repository: RepositoryId,
    ) -> anyhow::Result<()> {
        let standing = self.store.repository_standing(repository).await?;
        let Some(standing) = standing else { return Ok(()) };
        let is_hidden = standing.private && self.git.was_public(account, repository);
        if standing.account_id == account && standing.is_reached && !is_hidden {
            if !standing.private {
                self.git.is_public(account, repository).context("remembering who can read it")?;
            }
            return Ok(());
        }
        let (git, cache) = (self.git.clone(), self.cache.clone());
        // The mirror goes last: who could read it is noted beside it, and is looked at again until then.
        let forgetting = move || {
            let forgotten = cache.forget(account, repository)?;
            Ok::<_, std::io::Error>(forgotten && git.drop_mirror(account, repository)?)
        };
        if tokio::task::spawn_blocking(forgetting).await.context("forgetting")?? {
            tracing::info!(%account, %repository, "what was fetched of a repository is forgotten");
        }
        Ok(())
    }
}
