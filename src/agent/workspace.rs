//! The files that the model may see and change.
//!
//! Every access goes through a handle on the root folder, beneath which the operating system confines
//! it. On top of that no symbolic link is followed at all, only regular files are read and written,
//! and nothing that any git takes for its own folder can be named. What was written is remembered,
//! because only remembered paths ever get into a commit.

mod apart;
mod path;
mod survey;
mod walk;

pub use path::WorkspacePath;
pub use survey::Difference;
pub use walk::{Found, Sort};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, DirEntry, File, Metadata, MetadataExt, OpenOptions};
use std::collections::BTreeSet;
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use survey::Survey;

/// Files beyond this are neither shown nor edited.
pub const LARGEST_FILE_BYTES: u64 = 2 * 1024 * 1024;

/// A checked-out tree. Cloning it gives another handle to the same one.
#[derive(Clone, Debug)]
pub struct Workspace {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    root: PathBuf,
    dir: Dir,
    changed: Mutex<Changed>,
    /// How the files were before the first command.
    before: OnceLock<Survey>,
    /// What the repository's setup brought: part of no change.
    apart: OnceLock<Vec<String>>,
}

#[derive(Debug, Default)]
struct Changed {
    by_tools: BTreeSet<String>,
    by_commands: BTreeSet<String>,
}

/// Why a path or a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The model asked for something that it may not have or that is not there.
    #[error("{0}")]
    Refused(String),
    /// The workspace itself is broken.
    #[error("the workspace cannot be used: {0}")]
    Broken(io::Error),
}

impl Workspace {
    /// Takes the tree below `root`, with nothing changed yet.
    pub fn open(root: &Path) -> io::Result<Self> {
        let root = root.canonicalize()?;
        let dir = Dir::open_ambient_dir(&root, ambient_authority())?;
        let (changed, before, apart) = (Mutex::default(), OnceLock::new(), OnceLock::new());
        Ok(Self { inner: Arc::new(Inner { root, dir, changed, before, apart }) })
    }

    /// Reads what the model calls a path.
    pub fn path(&self, text: &str) -> Result<WorkspacePath, FileError> {
        WorkspacePath::parse(&self.inner.root, text).map_err(FileError::Refused)
    }

    /// The bytes of a regular file.
    pub fn read(&self, path: &WorkspacePath) -> Result<Vec<u8>, FileError> {
        let (folder, name) = self.folder_of(path, Missing::Refuse)?;
        let file = open_regular(&folder, name, path)?;
        read_bounded(file, path)
    }

    /// Whether something is there, of any sort.
    pub fn exists(&self, path: &WorkspacePath) -> Result<bool, FileError> {
        match self.folder_of(path, Missing::Refuse) {
            Ok((folder, name)) => Ok(folder.symlink_metadata(name).is_ok()),
            Err(FileError::Refused(_)) => Ok(false),
            Err(broken @ FileError::Broken(_)) => Err(broken),
        }
    }

    /// Makes the file have exactly these bytes. Its mode stays; a reader sees the old or the new file
    /// and never a part.
    pub fn write(&self, path: &WorkspacePath, bytes: &[u8]) -> Result<(), FileError> {
        self.check_ours(path)?;
        let (folder, name) = self.folder_of(path, Missing::Create)?;
        let old = regular_or_absent(&folder, name, path)?;
        let temporary = format!(".asynccoder-{:016x}.tmp", rand::random::<u64>());
        let written = write_new(&folder, &temporary, bytes, old.as_ref())
            .and_then(|()| folder.rename(&temporary, &folder, name));
        if let Err(error) = written {
            // If even this fails, the file is left over, but it is not remembered as changed.
            let _ = folder.remove_file(&temporary);
            return Err(explain(error, path));
        }
        self.lock().by_tools.insert(path.to_string());
        Ok(())
    }

    /// Removes a regular file.
    pub fn delete(&self, path: &WorkspacePath) -> Result<(), FileError> {
        self.check_ours(path)?;
        let (folder, name) = self.folder_of(path, Missing::Refuse)?;
        if regular_or_absent(&folder, name, path)?.is_none() {
            return Err(FileError::Refused(format!("{path} does not exist")));
        }
        folder.remove_file(name).map_err(|e| explain(e, path))?;
        self.lock().by_tools.insert(path.to_string());
        Ok(())
    }

    /// Every path that was written or deleted, with `/` between folders.
    pub fn changed(&self) -> BTreeSet<String> {
        let changed = self.lock();
        changed.by_tools.union(&changed.by_commands).cloned().collect()
    }

    /// Adds what an earlier attempt changed in this same tree.
    pub fn remember(&self, changed: &BTreeSet<String>) {
        self.lock().by_tools.extend(changed.iter().cloned());
    }

    /// The root folder, for a command that works in it.
    pub fn root_folder(&self) -> &Path {
        &self.inner.root
    }

    /// To be called before every command that may change files.
    pub fn before_command(&self) -> Result<(), FileError> {
        if self.inner.before.get().is_none() {
            let survey = Survey::of(self)?;
            // Nothing but this sets it, and commands run one after the other.
            let _ = self.inner.before.set(survey);
        }
        Ok(())
    }

    /// To be called after it: what all commands so far have changed is part of the change now.
    pub fn after_command(&self) -> Result<Difference, FileError> {
        let Some(before) = self.inner.before.get() else { return Ok(Difference::default()) };
        let difference = before.until(&Survey::of(self)?);
        self.lock().by_commands.clone_from(&difference.changed);
        Ok(difference)
    }

    fn lock(&self) -> MutexGuard<'_, Changed> {
        self.inner.changed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn root(&self) -> Result<Dir, FileError> {
        self.inner.dir.try_clone().map_err(FileError::Broken)
    }

    /// The open folder that holds the path, and the path's last name.
    fn folder_of<'p>(
        &self,
        path: &'p WorkspacePath,
        missing: Missing,
    ) -> Result<(Dir, &'p str), FileError> {
        let Some((name, folders)) = path.names().split_last() else {
            return Err(FileError::Refused("this is the root folder, not a file".to_owned()));
        };
        let mut dir = self.root()?;
        for folder in folders {
            if missing == Missing::Create {
                create(&dir, folder, path)?;
            }
            dir = enter(&dir, folder, path)?;
        }
        Ok((dir, name))
    }
}

/// What to do about a folder that is not there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Missing {
    Refuse,
    Create,
}

/// Makes a folder, unless something is there; what it is shows when it is entered.
fn create(dir: &Dir, name: &str, path: &WorkspacePath) -> Result<(), FileError> {
    match dir.create_dir(name) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(explain(error, path)),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Opens a folder that is one itself and no link to one. The comparison afterwards catches a link
/// that was put there in between.
fn enter(dir: &Dir, name: &str, path: &WorkspacePath) -> Result<Dir, FileError> {
    let seen = dir.symlink_metadata(name).map_err(|e| explain(e, path))?;
    if seen.is_symlink() {
        return Err(is_link(path));
    }
    if !seen.is_dir() {
        return Err(FileError::Refused(format!("{path}: {name} is not a folder")));
    }
    let opened = dir.open_dir(name).map_err(|e| explain(e, path))?;
    let there = opened.dir_metadata().map_err(|e| explain(e, path))?;
    if same(&seen, &there) { Ok(opened) } else { Err(is_link(path)) }
}

fn open_regular(dir: &Dir, name: &str, path: &WorkspacePath) -> Result<File, FileError> {
    let Some(seen) = regular_or_absent(dir, name, path)? else {
        return Err(FileError::Refused(format!("{path} does not exist")));
    };
    let file = dir.open(name).map_err(|e| explain(e, path))?;
    let there = file.metadata().map_err(|e| explain(e, path))?;
    if same(&seen, &there) { Ok(file) } else { Err(is_link(path)) }
}

/// The file's metadata, if there is one. Anything but a regular file is refused: a link leads
/// elsewhere, and opening a pipe or a device may never return.
fn regular_or_absent(
    dir: &Dir,
    name: &str,
    path: &WorkspacePath,
) -> Result<Option<Metadata>, FileError> {
    match dir.symlink_metadata(name) {
        Ok(found) if found.is_symlink() => Err(is_link(path)),
        Ok(found) if found.is_dir() => Err(FileError::Refused(format!("{path} is a folder"))),
        Ok(found) if found.is_file() => Ok(Some(found)),
        Ok(_) => Err(FileError::Refused(format!("{path} is not a regular file"))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(explain(error, path)),
    }
}

fn read_bounded(file: File, path: &WorkspacePath) -> Result<Vec<u8>, FileError> {
    let mut bytes = Vec::new();
    file.take(LARGEST_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(|e| explain(e, path))?;
    if bytes.len() as u64 > LARGEST_FILE_BYTES {
        return Err(FileError::Refused(format!("{path} is larger than 2 MiB")));
    }
    Ok(bytes)
}

fn write_new(dir: &Dir, name: &str, bytes: &[u8], old: Option<&Metadata>) -> io::Result<()> {
    let mut file = dir.open_with(name, OpenOptions::new().write(true).create_new(true))?;
    file.write_all(bytes)?;
    if let Some(old) = old {
        file.set_permissions(old.permissions())?;
    }
    Ok(())
}

fn same(one: &Metadata, other: &Metadata) -> bool {
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

fn is_link(path: &WorkspacePath) -> FileError {
    FileError::Refused(format!("{path} leads through a symbolic link; links are not followed"))
}

/// What the model can do something about. Everything else that a disk can say is our trouble.
const REFUSALS: [(ErrorKind, &str); 6] = [
    (ErrorKind::NotFound, "does not exist"),
    (ErrorKind::PermissionDenied, "may not be opened"),
    (ErrorKind::NotADirectory, "leads through a file"),
    (ErrorKind::IsADirectory, "is a folder"),
    (ErrorKind::InvalidInput, "is not a path"),
    (ErrorKind::InvalidFilename, "is not a path"),
];

fn explain(error: io::Error, path: &WorkspacePath) -> FileError {
    match REFUSALS.iter().find(|(kind, _)| *kind == error.kind()) {
        Some((_, why)) => FileError::Refused(format!("{path} {why}")),
        None => FileError::Broken(error),
    }
}

/// The name of an entry, if it is one that may be named.
fn name_of(entry: &DirEntry) -> Option<String> {
    entry.file_name().into_string().ok().filter(|name| path::check_name(name).is_ok())
}
