//! A worktree: the files of one commit for one attempt, with a git directory of its own beside them
//! that the agent cannot see.

use super::command::write_file;
use super::error::GitError;
use super::quota::InUse;
use super::{Git, Remote};
use crate::disk;
use crate::domain::ids::{Lease, Sha, TaskId};
use std::path::{Path, PathBuf};

/// Workspace bytes are blob bytes: nothing is converted on the way in or out.
pub(super) const ATTRIBUTES: &str = "* -text -eol -ident -filter -working-tree-encoding -diff\n";

/// The files of one attempt. Dropped, they are removed.
#[derive(Debug)]
pub(crate) struct Worktree {
    home: PathBuf,
    pub(super) base: Sha,
    /// Its objects are the mirror's.
    _mirror: InUse,
}

impl Worktree {
    /// The folder that the agent works in.
    pub(crate) fn tree(&self) -> PathBuf {
        self.home.join("tree")
    }

    /// The commit that it was made of.
    pub(crate) const fn base(&self) -> &Sha {
        &self.base
    }

    /// A place beside it that goes with it, where no agent looks.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.home.join(name)
    }

    pub(super) fn home(&self) -> &Path {
        &self.home
    }

    pub(super) fn git_dir(&self) -> PathBuf {
        self.home.join("git")
    }
}

impl Drop for Worktree {
    fn drop(&mut self) {
        if let Err(error) = disk::remove(&self.home) {
            tracing::warn!(%error, "a worktree could not be removed; it is removed at the next start");
        }
    }
}

impl Git {
    /// Checks out a commit that the mirror has.
    pub(crate) async fn worktree(
        &self,
        remote: &Remote,
        task: TaskId,
        lease: Lease,
        base: &Sha,
    ) -> Result<Worktree, GitError> {
        let home = self.worktrees.join(format!("{task}-{lease}", lease = lease.0));
        let worktree = Worktree { home, base: base.clone(), _mirror: self.use_mirror(remote)? };
        let (git_dir, tree) = (worktree.git_dir(), worktree.tree());
        std::fs::create_dir_all(&tree).map_err(|e| GitError::Io(tree.display().to_string(), e))?;
        self.borrow_objects(&git_dir, remote).await?;
        let git = || self.environment.git(&git_dir).tree(&tree);
        git().args(["read-tree", base.as_str()]).run().await?;
        git().args(["checkout-index", "--all", "--force", "--quiet"]).run().await?;
        Ok(worktree)
    }

    /// A new git directory that reads the mirror's objects and writes its own.
    pub(super) async fn borrow_objects(
        &self,
        git_dir: &Path,
        remote: &Remote,
    ) -> Result<(), GitError> {
        std::fs::create_dir_all(git_dir)
            .map_err(|e| GitError::Io(git_dir.display().to_string(), e))?;
        self.environment.git(git_dir).args(["init", "--bare", "--quiet"]).run().await?;
        let objects = self.mirror(remote).join("objects");
        std::fs::create_dir_all(git_dir.join("info"))
            .map_err(|e| GitError::Io(git_dir.display().to_string(), e))?;
        write_file(&git_dir.join("objects/info/alternates"), format!("{}\n", objects.display()))?;
        write_file(&git_dir.join("info/attributes"), ATTRIBUTES)
    }
}
