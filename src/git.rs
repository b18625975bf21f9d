//! The git program: mirrors of repositories, one worktree an attempt, commits that come out the same
//! wherever they are made, and pushes that overwrite nothing.
//!
//! git is told everything explicitly and trusts nothing it finds: its own directory lies outside the
//! tree that an agent can write, no configuration of the machine, the user or the repository is
//! read, no hook and no filter runs. Tokens reach it through a pipe, never through its arguments,
//! its environment or its configuration.

mod change;
mod checkout;
mod command;
mod commit;
mod error;
mod forget;
mod guard;
mod mirror;
mod push;
mod quota;
mod rebase;
mod removal;
mod worktree;

pub(crate) use change::Change;
pub(crate) use checkout::{Checkout, TreeFile, has_line};
pub(crate) use error::GitError;
pub(crate) use guard::{CheckedTree, Guarded};
pub(crate) use push::PushRequest;
pub(crate) use quota::KeptMirror;
pub(crate) use rebase::{Moved, Rebased};
pub(crate) use removal::Removed;
pub(crate) use worktree::Worktree;

use crate::disk;
use crate::domain::ids::{AccountId, RepoName, RepositoryId};
use command::Environment;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use url::Url;

/// Where repositories are kept, and how git is started.
#[derive(Clone, Debug)]
pub(crate) struct Git {
    environment: Arc<Environment>,
    mirrors: PathBuf,
    worktrees: PathBuf,
}

/// A repository on GitHub: ids for where it is kept, the name for where it is fetched from.
#[derive(Clone, Debug)]
pub(crate) struct Remote {
    /// Mirrors are never shared between accounts.
    pub(crate) account: AccountId,
    pub(crate) repository: RepositoryId,
    pub(crate) name: RepoName,
}

impl Git {
    /// Uses these folders below the data folder. `server` is where repositories are fetched from.
    pub(crate) fn new(data_dir: &Path, server: &Url) -> std::io::Result<Self> {
        let data_dir = std::path::absolute(data_dir)?;
        let (mirrors, worktrees) = (data_dir.join("mirrors"), data_dir.join("worktrees"));
        std::fs::create_dir_all(&mirrors)?;
        std::fs::create_dir_all(&worktrees)?;
        Ok(Self { environment: Arc::new(Environment::new(server)), mirrors, worktrees })
    }

    /// What `git --version` says; fails if the program is missing or too old.
    pub(crate) async fn version(&self) -> Result<String, GitError> {
        command::version(&self.environment).await
    }

    /// Removes what the process before this one left behind: its worktrees, and mirrors half made.
    pub(crate) fn remove_leftovers(&self) -> std::io::Result<()> {
        for entry in std::fs::read_dir(&self.worktrees)? {
            disk::remove(&entry?.path())?;
        }
        for entry in std::fs::read_dir(&self.mirrors)? {
            let path = entry?.path();
            if path.is_dir() && path.extension().is_none_or(|e| e != "git") {
                std::fs::remove_dir_all(path)?;
            }
        }
        Ok(())
    }
}
