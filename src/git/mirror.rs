//! Mirrors: one bare copy of a repository, kept between tasks so that a fetch brings only what is new.

use super::error::GitError;
use super::{Git, Remote};
use crate::domain::ids::{AccountId, RepositoryId, Sha};
use secrecy::SecretString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long another fetch into the same mirror is waited for.
const LOCK_PATIENCE: Duration = Duration::from_mins(10);
/// How often its lock is tried.
const LOCK_POLL: Duration = Duration::from_millis(50);

/// How names begin of what git has not finished.
const UNFINISHED: [&[u8]; 2] = [b"tmp_", b"incoming-"];

impl Git {
    /// Where a repository's mirror is. The folder's name is made of ids, so a rename changes nothing.
    pub(super) fn mirror(&self, remote: &Remote) -> PathBuf {
        self.mirror_of(remote.account, remote.repository)
    }

    pub(super) fn mirror_of(&self, account: AccountId, repository: RepositoryId) -> PathBuf {
        self.mirrors.join(format!("{account}-{repository}.git"))
    }

    /// Makes sure that the mirror has this commit, of this branch if it is still there.
    pub(crate) async fn fetch(
        &self,
        remote: &Remote,
        branch: &str,
        commit: &Sha,
        token: &SecretString,
    ) -> Result<(), GitError> {
        let mirror = self.mirror(remote);
        let _lock = lock(&mirror).await?;
        self.create_mirror(&mirror).await?;
        if self.has_commit(&mirror, commit).await? {
            return Ok(());
        }
        if let Err(error) = remove_unfinished(&mirror.join("objects")) {
            tracing::warn!(%error, "what is left of earlier fetches cannot be removed");
        }
        let url = self.environment.url(&remote.name.owner, &remote.name.name);
        let refspec = format!("+refs/heads/{branch}:refs/heads/{branch}");
        let of_branch = self.fetch_ref(&mirror, &url, &refspec, token).await;
        if of_branch.is_ok() && self.has_commit(&mirror, commit).await? {
            return Ok(());
        }
        match of_branch {
            // The branch was deleted or moved since the command was given; the commit may still be there.
            Ok(()) | Err(GitError::Failed(..)) => {
                self.fetch_ref(&mirror, &url, commit.as_str(), token).await
            }
            Err(other) => Err(other),
        }
    }

    async fn fetch_ref(
        &self,
        mirror: &Path,
        url: &str,
        refspec: &str,
        token: &SecretString,
    ) -> Result<(), GitError> {
        let args = [
            "fetch",
            "--no-tags",
            "--no-write-fetch-head",
            "--no-recurse-submodules",
            "--quiet",
            url,
            refspec,
        ];
        self.environment.git(mirror).args(args).token(token).run().await?;
        Ok(())
    }

    /// A mirror is made beside its place and moved there whole, so a half-made one is never used.
    async fn create_mirror(&self, mirror: &Path) -> Result<(), GitError> {
        if mirror.exists() {
            return Ok(());
        }
        let io = |error| GitError::Io(mirror.display().to_string(), error);
        let made = tempfile::tempdir_in(&self.mirrors).map_err(io)?;
        self.environment.git(made.path()).args(["init", "--bare", "--quiet"]).run().await?;
        std::fs::rename(made.keep(), mirror).map_err(io)
    }

    pub(super) async fn has_commit(&self, git_dir: &Path, commit: &Sha) -> Result<bool, GitError> {
        let object = format!("{commit}^{{commit}}");
        Ok(self.environment.git(git_dir).args(["cat-file", "-e", &object]).print().await?.ok)
    }
}

/// Removes what fetches left that were broken off: git itself never does. The caller holds the mirror's
/// lock, so nobody writes them any more.
fn remove_unfinished(objects: &Path) -> std::io::Result<()> {
    let mut folders = vec![objects.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let (path, is_folder) = (entry.path(), entry.file_type()?.is_dir());
            let name = entry.file_name();
            if !UNFINISHED.iter().any(|begin| name.as_encoded_bytes().starts_with(begin)) {
                folders.extend(is_folder.then_some(path));
            } else if is_folder {
                std::fs::remove_dir_all(path)?;
            } else {
                std::fs::remove_file(path)?;
            }
        }
    }
    Ok(())
}

/// Keeps others out of a mirror while it is written, also other processes.
async fn lock(mirror: &Path) -> Result<File, GitError> {
    let path = mirror.with_extension("lock");
    let io = |error| GitError::Io(path.display().to_string(), error);
    let file = File::options().create(true).append(true).open(&path).map_err(io)?;
    let tries = async {
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(()),
                Err(std::fs::TryLockError::WouldBlock) => tokio::time::sleep(LOCK_POLL).await,
                Err(std::fs::TryLockError::Error(error)) => return Err(io(error)),
            }
        }
    };
    let waited = tokio::time::timeout(LOCK_PATIENCE, tries).await;
    waited.map_err(|_| GitError::TimedOut("lock".to_owned(), LOCK_PATIENCE))??;
    Ok(file)
}
