//! Makes a tree out of the base and the paths that changed, and checks it before anything is pushed.
//!
//! Only paths that a tool reported are looked at; nothing else of the folder gets into the tree. The
//! tree that came out is then compared with the base once more by git itself: the check is of what
//! will be pushed, not of what was meant.

mod paths;

use super::commit::LARGEST_PATCH;
use super::error::GitError;
use super::{Git, Worktree};
use crate::domain::ids::Sha;
use crate::domain::secrets;
use cap_std::ambient_authority;
use cap_std::fs::{Dir, MetadataExt};
use std::collections::BTreeSet;
use std::io::{ErrorKind, Read};

/// A larger file is not ours to write.
const LARGEST_FILE: u64 = 5 * 1024 * 1024;

const TOO_LARGE: &str = "the change is larger than 20 MB";

/// A tree that may be pushed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CheckedTree {
    pub(crate) tree: Sha,
    /// The paths that differ from the base.
    pub(crate) paths: BTreeSet<String>,
}

/// What came out of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Guarded {
    /// Nothing differs from the base.
    Unchanged,
    /// This may be pushed.
    Checked(CheckedTree),
    /// This may not, for this reason.
    Blocked(String),
}

impl Git {
    /// The tree of a worktree with exactly these paths taken over.
    pub(crate) async fn guard(
        &self,
        worktree: &Worktree,
        changed: &BTreeSet<String>,
        protected: &[String],
    ) -> Result<Guarded, GitError> {
        let protected = paths::Protected::new(protected);
        let forbidden = |path: &String| paths::forbidden(path).or_else(|| protected.forbids(path));
        if let Some(reason) = changed.iter().find_map(forbidden) {
            return Ok(Guarded::Blocked(reason));
        }
        match self.tree_with(worktree, changed).await? {
            Ok(tree) => self.check(worktree, tree, changed).await,
            Err(unfit) => Ok(Guarded::Blocked(unfit)),
        }
    }

    /// The base with exactly these paths taken over, or why one of them is unfit.
    pub(super) async fn tree_with(
        &self,
        worktree: &Worktree,
        changed: &BTreeSet<String>,
    ) -> Result<Result<Sha, String>, GitError> {
        let mut index = Vec::new();
        for path in changed {
            let entry = match read(worktree, path)? {
                Content::Gone => format!("0 {}\t{path}\0", "0".repeat(40)),
                Content::File { bytes, mode } => {
                    let blob = self.environment.git(&worktree.git_dir());
                    let blob = blob
                        .args(["hash-object", "-w", "--stdin", "--no-filters"])
                        .input(bytes)
                        .line()
                        .await?;
                    format!("{mode} {blob}\t{path}\0")
                }
                Content::Unfit(reason) => return Ok(Err(format!("`{path}` {reason}"))),
            };
            index.extend_from_slice(entry.as_bytes());
        }
        let git = || self.environment.git(&worktree.git_dir());
        git().args(["read-tree", worktree.base.as_str()]).run().await?;
        git().args(["update-index", "-z", "--index-info"]).input(index).run().await?;
        Ok(Ok(parse_sha(&git().args(["write-tree"]).line().await?)?))
    }

    /// Compares what came out with the base.
    async fn check(
        &self,
        worktree: &Worktree,
        tree: Sha,
        changed: &BTreeSet<String>,
    ) -> Result<Guarded, GitError> {
        let args = [
            "diff-tree",
            "-r",
            "-z",
            "--raw",
            "--no-renames",
            worktree.base.as_str(),
            tree.as_str(),
        ];
        let raw = self.environment.git(&worktree.git_dir()).args(args).run().await?;
        let raw = String::from_utf8(raw)
            .map_err(|_| GitError::Mismatch("a changed path is not UTF-8".to_owned()))?;
        let mut fields = raw.split('\0');
        let mut paths = BTreeSet::new();
        while let (Some(modes), Some(path)) = (fields.next(), fields.next()) {
            if !changed.contains(path) {
                return Err(GitError::Mismatch(format!(
                    "{path} changed, though nothing changed it"
                )));
            }
            let mode = modes.split(' ').nth(1).unwrap_or_default();
            if !matches!(mode, "100644" | "100755" | "000000") {
                return Ok(Guarded::Blocked(format!(
                    "`{path}` would become a file of mode {mode}"
                )));
            }
            paths.insert(path.to_owned());
        }
        if paths.is_empty() {
            return Ok(Guarded::Unchanged);
        }
        Ok(match self.added_secret(worktree, &tree).await? {
            Some(reason) => Guarded::Blocked(reason),
            None => Guarded::Checked(CheckedTree { tree, paths }),
        })
    }

    /// Whether a line that the change adds looks like a credential. It is named, never repeated.
    async fn added_secret(
        &self,
        worktree: &Worktree,
        tree: &Sha,
    ) -> Result<Option<String>, GitError> {
        let diff =
            self.text_diff(worktree, (&worktree.base, tree), &["-U0", "--no-renames"]).await?;
        if diff.len() > LARGEST_PATCH {
            return Ok(Some(TOO_LARGE.to_owned()));
        }
        // A change of many megabytes would hold up everything else on this thread.
        let looked = tokio::task::spawn_blocking(move || first_secret(&diff)).await;
        looked.map_err(|broken| GitError::Io("looking for secrets".to_owned(), broken.into()))
    }
}

fn first_secret(diff: &str) -> Option<String> {
    let mut place = (String::new(), 0_usize);
    for line in diff.lines() {
        let added = line.strip_prefix('+');
        // An added line may well look like a heading of the diff, so headings are looked at too.
        if let Some(sort) = added.and_then(secrets::in_line) {
            let (path, number) = place;
            return Some(format!(
                "line {number} of `{path}` looks like {sort}; secrets do not belong into a repository"
            ));
        }
        if let Some(path) = line.strip_prefix("+++ b/") {
            place = (path.to_owned(), 0);
        } else if let Some(hunk) = line.strip_prefix("@@ ") {
            place.1 = first_added(hunk);
        } else if added.is_some() {
            place.1 += 1;
        }
    }
    None
}

/// The first line that a hunk adds, from `-1,2 +3,4 @@`.
fn first_added(hunk: &str) -> usize {
    let added = hunk.split_whitespace().find_map(|part| part.strip_prefix('+'));
    added.and_then(|part| part.split(',').next()?.parse().ok()).unwrap_or(0)
}

enum Content {
    Gone,
    File { bytes: Vec<u8>, mode: &'static str },
    Unfit(&'static str),
}

/// A command took the right to read it away.
const UNREADABLE: Content = Content::Unfit("cannot be read any more");

/// Reads a file without ever leaving the tree, whatever links lie in it.
fn read(worktree: &Worktree, path: &str) -> Result<Content, GitError> {
    let io = |error| GitError::Io(path.to_owned(), error);
    let tree = Dir::open_ambient_dir(worktree.tree(), ambient_authority()).map_err(io)?;
    let metadata = match tree.symlink_metadata(path) {
        Ok(metadata) => metadata,
        // Where a folder of its path was replaced by a file, it is gone too.
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(Content::Gone);
        }
        Err(error) if error.kind() == ErrorKind::PermissionDenied => return Ok(UNREADABLE),
        Err(error) => return Err(io(error)),
    };
    if metadata.is_dir() {
        // Files below it have paths of their own; the file that was here is gone.
        return Ok(Content::Gone);
    }
    if !metadata.is_file() {
        return Ok(Content::Unfit("is not a regular file"));
    }
    if metadata.nlink() > 1 {
        return Ok(Content::Unfit("has a second name somewhere else"));
    }
    if metadata.len() > LARGEST_FILE {
        return Ok(Content::Unfit("is larger than 5 MiB"));
    }
    let mut bytes = Vec::new();
    let file = match tree.open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::PermissionDenied => return Ok(UNREADABLE),
        Err(error) => return Err(io(error)),
    };
    file.take(LARGEST_FILE + 1).read_to_end(&mut bytes).map_err(io)?;
    let mode = if metadata.mode() & 0o100 == 0 { "100644" } else { "100755" };
    Ok(Content::File { bytes, mode })
}

pub(super) fn parse_sha(text: &str) -> Result<Sha, GitError> {
    Sha::parse(text).ok_or_else(|| GitError::Mismatch(format!("{text:?} is not an object id")))
}
