//! What a command changed: the state of all files before the first command and after the last one,
//! compared. No file is read for it, and a program cannot make a changed file look unchanged.
//!
//! What git ignores is no part of it, and neither is what a build or an installation left behind.

use super::walk::Stamp;
use super::{FileError, Sort, Workspace, WorkspacePath};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

/// Folders that programs fill and nobody keeps, whether the repository ignores them or not.
const LEFT_BEHIND: [&str; 18] = [
    ".cache",
    ".cargo",
    ".eggs",
    ".gradle",
    ".hypothesis",
    ".mypy_cache",
    ".next",
    ".npm",
    ".nyc_output",
    ".pytest_cache",
    ".ruff_cache",
    ".tox",
    ".venv",
    "__pycache__",
    "node_modules",
    "site-packages",
    "target",
    "venv",
];
/// A command that makes more files than this has unpacked or installed something.
const MOST_NEW: usize = 300;

/// The files of a workspace at one time.
#[derive(Debug)]
pub(super) struct Survey(BTreeMap<String, (Sort, Stamp)>);

/// What differs between two surveys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// What may become part of the change.
    pub(super) changed: BTreeSet<String>,
    /// How many new files are left out because they are so many.
    pub left_out: usize,
}

impl Survey {
    pub(super) fn of(workspace: &Workspace) -> Result<Self, FileError> {
        let mut files = BTreeMap::new();
        workspace.walk(&WorkspacePath::default(), usize::MAX, &mut |found| {
            let path = found.path.to_string();
            if found.sort != Sort::Folder && !found.is_ignored && !workspace.is_apart(&path) {
                files.insert(path, (found.sort, found.stamp));
            }
            ControlFlow::Continue(())
        })?;
        Ok(Self(files))
    }

    /// What is not as it was.
    pub(super) fn until(&self, now: &Self) -> Difference {
        let is_new = |path: &String| !self.0.contains_key(path);
        let differs = |path: &&String| self.0.get(*path) != now.0.get(*path);
        let kept = |path: &&String| {
            let is_file = now.0.get(*path).is_none_or(|(sort, _)| *sort == Sort::File);
            !is_new(path) || (is_file && !is_left_behind(path))
        };
        let all = self.0.keys().chain(now.0.keys()).filter(differs).filter(kept);
        let (new, old): (BTreeSet<_>, BTreeSet<_>) = all.cloned().partition(is_new);
        if new.len() > MOST_NEW {
            return Difference { changed: old, left_out: new.len() };
        }
        Difference { changed: old.into_iter().chain(new).collect(), left_out: 0 }
    }
}

fn is_left_behind(path: &str) -> bool {
    path.rsplit('.').next() == Some("pyc")
        || path.split('/').any(|name| LEFT_BEHIND.contains(&name))
}
