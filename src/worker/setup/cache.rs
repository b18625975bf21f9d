//! What setups fetched, kept: one folder for each account and repository, in it one for each key. It is
//! made beside its place and moved there whole, so half a one is never used, and it is read only by
//! copying. Whoever copies holds its lock together with others; whoever fills or drops it holds it alone.

use super::copy;
use crate::disk;
use crate::domain::ids::{AccountId, RepositoryId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// The home of the commands.
pub(super) const HOME: &str = "home";
/// What lies in the workspace.
pub(super) const FILES: &str = "files";
const CONTENTS: &str = "contents.json";
/// What is being made.
const NEW: &str = "new-";
/// More than this is not kept of one setup.
const MOST_BYTES: u64 = 2 * 1024 * 1024 * 1024;
/// How often a lock is tried.
const POLL: Duration = Duration::from_millis(50);

/// Everything that is kept.
#[derive(Clone, Debug)]
pub(in crate::worker) struct Cache {
    folder: PathBuf,
}

/// What is kept for one repository of one account.
#[derive(Clone, Debug)]
pub(super) struct Shelf {
    folder: PathBuf,
}

/// What one setup fetched. It is not dropped as long as this is there.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) folder: PathBuf,
    /// The topmost paths that it brings into a workspace.
    pub(super) paths: Vec<String>,
    _shared_lock: File,
}

/// What came of looking.
pub(super) enum Look {
    Found(Entry),
    /// Nothing is there, and nobody else makes it meanwhile.
    Mine(Place),
}

/// Where something is going to be kept.
pub(super) struct Place {
    shelf: Shelf,
    key: String,
    lock: File,
}

/// What a folder holds.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Contents {
    paths: Vec<String>,
    size: u64,
}

/// Something that may be dropped.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::worker) struct Kept {
    pub(in crate::worker) used: SystemTime,
    pub(in crate::worker) size: u64,
    folder: PathBuf,
}

impl Cache {
    pub(in crate::worker) fn new(data_dir: &Path) -> Self {
        let data_dir = std::path::absolute(data_dir).unwrap_or_else(|_| data_dir.to_owned());
        Self { folder: data_dir.join("setup") }
    }

    /// Never shared between accounts: the account is the first part of where it is.
    pub(super) fn shelf(&self, account: AccountId, repository: RepositoryId) -> Shelf {
        let folder = self.folder.join(account.to_string()).join(repository.to_string());
        Shelf { folder }
    }

    /// Removes what was being made when the process before this one ended.
    pub(in crate::worker) fn remove_leftovers(&self) -> io::Result<()> {
        for shelf in self.shelves()? {
            for path in entries(&shelf)? {
                if name_of(&path).starts_with(NEW) {
                    disk::remove(&path)?;
                }
            }
        }
        Ok(())
    }

    /// Repositories that something is kept for.
    pub(in crate::worker) fn repositories(&self) -> io::Result<Vec<(AccountId, RepositoryId)>> {
        let ids = |shelf: &PathBuf| {
            let account = name_of(shelf.parent()?).parse().ok()?;
            Some((AccountId(account), RepositoryId(name_of(shelf).parse().ok()?)))
        };
        Ok(self.shelves()?.iter().filter_map(ids).collect())
    }

    /// Removes everything of a repository. Says no as long as some of it is in use.
    pub(in crate::worker) fn forget(
        &self,
        account: AccountId,
        repository: RepositoryId,
    ) -> io::Result<bool> {
        let Shelf { folder } = self.shelf(account, repository);
        for kept in kept_on(&folder)? {
            if !kept.remove()? {
                return Ok(false);
            }
        }
        disk::remove(&folder)?;
        Ok(true)
    }

    /// Everything that is there, with when it was used last.
    pub(in crate::worker) fn kept(&self) -> io::Result<Vec<Kept>> {
        let mut kept = Vec::new();
        for shelf in self.shelves()? {
            kept.extend(kept_on(&shelf)?);
        }
        Ok(kept)
    }

    fn shelves(&self) -> io::Result<Vec<PathBuf>> {
        let mut shelves = Vec::new();
        for account in entries(&self.folder)? {
            shelves.extend(entries(&account)?);
        }
        Ok(shelves)
    }
}

impl Kept {
    /// Removes it, unless somebody uses it.
    pub(in crate::worker) fn remove(&self) -> io::Result<bool> {
        let lock = File::options().create(true).append(true).open(lock_file(&self.folder))?;
        if lock.try_lock().is_err() {
            return Ok(false);
        }
        take_away(&self.folder)?;
        Ok(true)
    }
}

/// Moved away first, so that a kill leaves no half of it where it is looked for.
fn take_away(folder: &Path) -> io::Result<()> {
    let shelf = folder.parent().unwrap_or(folder);
    let new = tempfile::Builder::new().prefix(NEW).tempdir_in(shelf)?;
    match fs::rename(folder, new.path().join("gone")) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(()) => disk::remove(new.path()),
    }
}

impl Shelf {
    /// What is there, if it is and nobody is about to change that.
    pub(super) fn find(&self, key: &str) -> io::Result<Option<Entry>> {
        let folder = self.folder.join(key);
        let Some(contents) = contents(&folder) else { return Ok(None) };
        let lock = self.lock_of(key)?;
        if lock.try_lock_shared().is_err() || !folder.is_dir() {
            return Ok(None);
        }
        lock.set_modified(SystemTime::now())?;
        Ok(Some(Entry { folder, paths: contents.paths, _shared_lock: lock }))
    }

    /// Waits until it is there, or until it is ours to make.
    pub(super) async fn look(&self, key: &str) -> io::Result<Look> {
        fs::create_dir_all(&self.folder)?;
        loop {
            if let Some(entry) = self.find(key)? {
                return Ok(Look::Found(entry));
            }
            let lock = self.lock_of(key)?;
            match lock.try_lock() {
                Ok(()) if contents(&self.folder.join(key)).is_some() => {}
                Ok(()) => {
                    return Ok(Look::Mine(Place {
                        shelf: self.clone(),
                        key: key.to_owned(),
                        lock,
                    }));
                }
                Err(TryLockError::WouldBlock) => tokio::time::sleep(POLL).await,
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
    }

    fn lock_of(&self, key: &str) -> io::Result<File> {
        let path = lock_file(&self.folder.join(key));
        File::options().create(true).append(true).open(path)
    }
}

impl Place {
    /// Moves everything there that a setup left behind: its home, and what the tree does not have.
    /// `None`: it is too much.
    pub(super) fn keep(
        self,
        tree: &Path,
        home: &Path,
        known: &BTreeSet<String>,
    ) -> io::Result<Option<Entry>> {
        let is_below = |folder: &str| {
            let folder = format!("{folder}/");
            known.range(folder.clone()..).next().is_some_and(|path| path.starts_with(&folder))
        };
        let paths = copy::beyond(tree, |path| known.contains(path), is_below)?;
        let new = tempfile::Builder::new().prefix(NEW).tempdir_in(&self.shelf.folder)?;
        let files = new.path().join(FILES);
        fs::create_dir(&files)?;
        for path in &paths {
            copy::parent_of(&files.join(path))?;
            fs::rename(tree.join(path), files.join(path))?;
        }
        fs::rename(home, new.path().join(HOME))?;
        let size = copy::settle(new.path())?;
        if size > MOST_BYTES {
            disk::remove(new.path())?;
            return Ok(None);
        }
        let contents = Contents { paths, size };
        fs::write(new.path().join(CONTENTS), serde_json::to_vec(&contents)?)?;
        let folder = self.shelf.folder.join(&self.key);
        // Without its contents it was never whole.
        take_away(&folder)?;
        fs::rename(new.path(), &folder)?;
        // What is there now is not to be removed with the name that it had.
        let _ = new.keep();
        self.lock.set_modified(SystemTime::now())?;
        // Whoever waited for it looks for a moment only, and then wants to read it too.
        self.lock.unlock()?;
        self.lock.lock_shared()?;
        Ok(Some(Entry { folder, paths: contents.paths, _shared_lock: self.lock }))
    }
}

/// What is kept in one repository's folder.
fn kept_on(shelf: &Path) -> io::Result<Vec<Kept>> {
    let all = entries(shelf)?.into_iter().filter(|path| path.is_dir());
    let whole = all.filter(|path| !name_of(path).starts_with(NEW));
    let kept = |folder: PathBuf| {
        let used = fs::metadata(lock_file(&folder)).and_then(|file| file.modified());
        let used = used.unwrap_or(SystemTime::UNIX_EPOCH);
        Kept { used, size: contents(&folder).map_or(0, |contents| contents.size), folder }
    };
    Ok(whole.map(kept).collect())
}

fn contents(folder: &Path) -> Option<Contents> {
    serde_json::from_slice(&fs::read(folder.join(CONTENTS)).ok()?).ok()
}

fn lock_file(folder: &Path) -> PathBuf {
    folder.with_extension("use")
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// What lies in a folder, if that is there.
fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    match fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| Ok(entry?.path())).collect(),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Ok(Vec::new())
        }
        Err(error) => Err(error),
    }
}
