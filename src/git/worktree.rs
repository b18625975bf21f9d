//! A worktree: the files of one commit for one attempt, with a git directory of its own beside them
//! that the agent cannot see.

use super::command::write_file;
use super::error::GitError;
use super::quota::InUse;
use super::{Git, Remote};
use crate::domain::ids::{Lease, Sha, TaskId};
use std::fs::Permissions;
use std::io::{self, ErrorKind};
use std::os::unix::fs::PermissionsExt;
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
        if let Err(error) = remove(&self.home) {
            tracing::warn!(%error, "a worktree could not be removed; it is removed at the next start");
        }
    }
}

/// Removes a folder whatever is in it. Commands ran there, and may have closed folders to everybody.
pub(crate) fn remove(folder: &Path) -> io::Result<()> {
    let gone = |done: io::Result<()>| match done {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        done => done,
    };
    if gone(std::fs::remove_dir_all(folder)).is_ok() {
        return Ok(());
    }
    open_up(folder)?;
    gone(std::fs::remove_dir_all(folder))
}

/// Makes every folder below one that its owner may look into and change. No link is followed.
fn open_up(folder: &Path) -> io::Result<()> {
    let mut next = vec![folder.to_owned()];
    while let Some(folder) = next.pop() {
        std::fs::set_permissions(&folder, Permissions::from_mode(0o700))?;
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                next.push(entry.path());
            }
        }
    }
    Ok(())
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
