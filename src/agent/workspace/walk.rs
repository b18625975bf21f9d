//! Walking the tree in the order of its names, knowing what `.gitignore` says.
//!
//! Links are shown and never followed; ignore files are read through the same confined access as all
//! others, because a `.gitignore` that is a link to a device would otherwise be read for ever.

use super::{FileError, Workspace, WorkspacePath, enter, explain, name_of, open_regular};
use cap_std::fs::{Dir, FileType, MetadataExt};
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use std::io::Read;
use std::ops::ControlFlow;

/// Folders nested deeper are not entered.
const DEEPEST: usize = 64;
/// A longer ignore file is cut off.
const LONGEST_IGNORE_FILE_BYTES: u64 = 256 * 1024;

/// Something in the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Where.
    pub path: WorkspacePath,
    /// Its sort.
    pub sort: Sort,
    /// The size of a regular file.
    pub size_bytes: u64,
    /// Whether git leaves it out.
    pub is_ignored: bool,
    /// What is another whenever the file is: no program can set it.
    pub(super) stamp: Stamp,
}

/// Which file it is, and when the system last saw it change, in seconds and nanoseconds.
pub(super) type Stamp = (u64, i64, i64);

/// The sort of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sort {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A link, a device, a pipe: named and never opened.
    Other,
}

/// Told about everything that is found; says when it has enough.
pub(crate) type Visit<'v> = dyn FnMut(&Found) -> ControlFlow<()> + 'v;

impl Workspace {
    /// Visits what is below a folder, so many levels deep. Ignored folders are named and not entered.
    pub(crate) fn walk(
        &self,
        start: &WorkspacePath,
        levels: usize,
        visit: &mut Visit<'_>,
    ) -> Result<(), FileError> {
        let mut dir = self.root()?;
        let mut here = WorkspacePath::default();
        let mut rules = vec![ignore_rules(&dir, &here)];
        for name in start.names() {
            dir = enter(&dir, name, start)?;
            here = here.join(name);
            rules.push(ignore_rules(&dir, &here));
        }
        let mut walk = Walk { rules, visit };
        walk.folder(&dir, &here, levels.min(DEEPEST)).map(|_| ())
    }
}

struct Walk<'w, 'v> {
    /// The ignore files from the root down to where we are.
    rules: Vec<Gitignore>,
    visit: &'w mut Visit<'v>,
}

impl Walk<'_, '_> {
    fn folder(
        &mut self,
        dir: &Dir,
        here: &WorkspacePath,
        levels: usize,
    ) -> Result<ControlFlow<()>, FileError> {
        for (name, sort, size_bytes, stamp) in entries(dir, here)? {
            let path = here.join(&name);
            let is_ignored = self.is_ignored(&path, sort);
            let found = Found { path, sort, size_bytes, is_ignored, stamp };
            if (self.visit)(&found).is_break() {
                return Ok(ControlFlow::Break(()));
            }
            if sort == Sort::Folder && !is_ignored && levels > 1 {
                let flow = self.enter(dir, &name, &found.path, levels - 1)?;
                if flow.is_break() {
                    return Ok(flow);
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn enter(
        &mut self,
        dir: &Dir,
        name: &str,
        path: &WorkspacePath,
        levels: usize,
    ) -> Result<ControlFlow<()>, FileError> {
        let Ok(folder) = enter(dir, name, path) else { return Ok(ControlFlow::Continue(())) };
        self.rules.push(ignore_rules(&folder, path));
        let flow = self.folder(&folder, path, levels);
        self.rules.pop();
        flow
    }

    /// The rule nearest to the path decides.
    fn is_ignored(&self, path: &WorkspacePath, sort: Sort) -> bool {
        let path = path.to_string();
        let decisions = self.rules.iter().rev().map(|r| r.matched(&path, sort == Sort::Folder));
        decisions.into_iter().find(|m| !m.is_none()).is_some_and(|m| m.is_ignore())
    }
}

type Entry = (String, Sort, u64, Stamp);

fn entries(dir: &Dir, here: &WorkspacePath) -> Result<Vec<Entry>, FileError> {
    let mut entries = Vec::new();
    for entry in dir.entries().map_err(|e| explain(e, here))? {
        let entry = entry.map_err(|e| explain(e, here))?;
        // What vanished meanwhile or has a forbidden name is not shown.
        let (Some(name), Ok(metadata)) = (name_of(&entry), entry.metadata()) else { continue };
        let stamp = (metadata.ino(), metadata.ctime(), metadata.ctime_nsec());
        entries.push((name, sort(metadata.file_type()), metadata.len(), stamp));
    }
    entries.sort();
    Ok(entries)
}

fn sort(file_type: FileType) -> Sort {
    if file_type.is_dir() {
        Sort::Folder
    } else if file_type.is_file() {
        Sort::File
    } else {
        Sort::Other
    }
}

/// The rules of the folder's ignore file. One that cannot be read has none.
fn ignore_rules(dir: &Dir, here: &WorkspacePath) -> Gitignore {
    let folder = if here.names().is_empty() { String::new() } else { here.to_string() };
    let mut builder = GitignoreBuilder::new(folder);
    let mut bytes = Vec::new();
    if let Ok(file) = open_regular(dir, ".gitignore", here) {
        let _ = file.take(LONGEST_IGNORE_FILE_BYTES).read_to_end(&mut bytes);
    }
    for line in String::from_utf8_lossy(&bytes).lines() {
        // A rule that makes no sense is no rule, as in git.
        let _ = builder.add_line(None, line);
    }
    builder.build().unwrap_or_else(|_| Gitignore::empty())
}
