//! Which repositories a mirror is kept of, and whether everybody could read them when it was fetched: what
//! was fetched from a public repository may have come from anybody's fork, so it does not stay when the
//! repository becomes private.

use super::Git;
use super::quota::remove_unused;
use crate::domain::ids::{AccountId, RepositoryId};
use std::fs::{self, File};
use std::io;
use std::path::PathBuf;

impl Git {
    /// Repositories that a mirror is kept of.
    pub(crate) fn mirrored(&self) -> io::Result<Vec<(AccountId, RepositoryId)>> {
        let mut mirrored = Vec::new();
        for entry in fs::read_dir(&self.mirrors)? {
            let name = entry?.file_name();
            let ids = name.to_str().and_then(|name| name.strip_suffix(".git")?.split_once('-'));
            let ids = ids.and_then(|(account, repository)| {
                Some((AccountId(account.parse().ok()?), RepositoryId(repository.parse().ok()?)))
            });
            mirrored.extend(ids);
        }
        Ok(mirrored)
    }

    /// Remembers that everybody can read it.
    pub(crate) fn is_public(&self, account: AccountId, repository: RepositoryId) -> io::Result<()> {
        File::create(self.public_mark(account, repository)).map(|_| ())
    }

    /// Whether everybody could read it at some time that its mirror remembers.
    pub(crate) fn was_public(&self, account: AccountId, repository: RepositoryId) -> bool {
        self.public_mark(account, repository).exists()
    }

    /// Removes the mirror. Says no as long as it is in use.
    pub(crate) fn drop_mirror(
        &self,
        account: AccountId,
        repository: RepositoryId,
    ) -> io::Result<bool> {
        let mirror = self.mirror_of(account, repository);
        if mirror.exists() && !remove_unused(&mirror)? {
            return Ok(false);
        }
        let mark = self.public_mark(account, repository);
        if mark.exists() { fs::remove_file(mark).map(|()| true) } else { Ok(true) }
    }

    fn public_mark(&self, account: AccountId, repository: RepositoryId) -> PathBuf {
        self.mirror_of(account, repository).with_extension("public")
    }
}
