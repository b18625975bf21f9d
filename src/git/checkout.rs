//! A tree as files, beside the worktree: what is checked is exactly what will be pushed, and what a
//! check leaves behind is in nobody's way.

use super::error::GitError;
use super::{Git, Worktree};
use crate::disk;
use crate::domain::ids::Sha;
use std::path::{Path, PathBuf};

/// A file of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TreeFile {
    pub(crate) path: String,
    /// git's name for what is in it.
    pub(crate) content: String,
}

/// The files of a tree. Dropped, they are removed.
#[derive(Debug)]
pub(crate) struct Checkout {
    home: PathBuf,
}

impl Checkout {
    /// The folder with the files.
    pub(crate) fn tree(&self) -> PathBuf {
        self.home.join("tree")
    }

    /// A place beside them that goes with them.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.home.join(name)
    }
}

impl Drop for Checkout {
    fn drop(&mut self) {
        if let Err(error) = disk::remove(&self.home) {
            tracing::warn!(%error, "a checked tree could not be removed; it goes with its worktree");
        }
    }
}

impl Git {
    /// The files of a commit or a tree.
    pub(crate) async fn check_out(
        &self,
        worktree: &Worktree,
        tree: &Sha,
    ) -> Result<Checkout, GitError> {
        let io = |error| GitError::Io("a folder for a check".to_owned(), error);
        let name = format!("check-{:016x}", rand::random::<u64>());
        let checkout = Checkout { home: worktree.home().join(name) };
        let files = checkout.tree();
        std::fs::create_dir_all(&files).map_err(io)?;
        let index = checkout.home.join("index");
        let git = || {
            let git = self.environment.git(&worktree.git_dir()).tree(&files);
            git.env("GIT_INDEX_FILE", &index.to_string_lossy())
        };
        git().args(["read-tree", tree.as_str()]).run().await?;
        git().args(["checkout-index", "--all", "--force", "--quiet"]).run().await?;
        let written = parse_tree(git().args(["write-tree"]).line().await?)?;
        let wanted = git().args(["rev-parse", &format!("{tree}^{{tree}}")]).line().await?;
        if written != wanted {
            return Err(GitError::Mismatch(format!("{written} was checked out, not {wanted}")));
        }
        Ok(checkout)
    }

    /// All files of a commit.
    pub(crate) async fn files_of(
        &self,
        worktree: &Worktree,
        commit: &Sha,
    ) -> Result<Vec<TreeFile>, GitError> {
        let args = ["ls-tree", "-r", "-z", commit.as_str()];
        let lines = self.environment.git(&worktree.git_dir()).args(args).run().await?;
        let lines = String::from_utf8_lossy(&lines).into_owned();
        let file = |line: &str| {
            let (about, path) = line.split_once('\t')?;
            let content = about.rsplit(' ').next()?;
            Some(TreeFile { path: path.to_owned(), content: content.to_owned() })
        };
        Ok(lines.split_terminator('\0').filter_map(file).collect())
    }

    /// The names in the root folder of a commit.
    pub(crate) async fn root_names(
        &self,
        worktree: &Worktree,
        commit: &Sha,
    ) -> Result<Vec<String>, GitError> {
        let args = ["ls-tree", "--name-only", "-z", commit.as_str()];
        let names = self.environment.git(&worktree.git_dir()).args(args).run().await?;
        let names = String::from_utf8_lossy(&names).into_owned();
        Ok(names.split('\0').filter(|name| !name.is_empty()).map(str::to_owned).collect())
    }
}

fn parse_tree(line: String) -> Result<String, GitError> {
    Sha::parse(&line).map(|_| line.clone()).ok_or(GitError::Mismatch(line))
}

/// Whether a file has so many lines.
pub(crate) fn has_line(root: &Path, path: &str, line: usize) -> bool {
    let root = cap_std::fs::Dir::open_ambient_dir(root, cap_std::ambient_authority());
    let read = root.and_then(|root| match root.symlink_metadata(path) {
        Ok(metadata) if metadata.is_file() => root.read(path),
        Ok(_) => Ok(Vec::new()),
        Err(error) => Err(error),
    });
    read.is_ok_and(|bytes| line >= 1 && line <= bytes.split_inclusive(|b| *b == b'\n').count())
}
