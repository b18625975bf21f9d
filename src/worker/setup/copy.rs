//! Copies what a setup fetched. No link is followed, nothing that is there is replaced, and what is
//! neither file, folder nor link is left out. Two names of one file become two files: a copy shares
//! nothing with what it was made of, though a file system that can shares the bytes until one is written.

use std::fs::{self, File, Metadata, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

/// Copies a folder with everything in it.
pub(super) fn tree(from: &Path, to: &Path) -> io::Result<()> {
    let mut next = vec![(from.to_owned(), to.to_owned())];
    while let Some((from, to)) = next.pop() {
        let metadata = fs::symlink_metadata(&from)?;
        if metadata.is_dir() {
            if !is_folder(&to, &metadata)? {
                continue;
            }
            for entry in fs::read_dir(&from)? {
                let name = entry?.file_name();
                next.push((from.join(&name), to.join(&name)));
            }
        } else if fs::symlink_metadata(&to).is_err() {
            one(&from, &to, &metadata)?;
        }
    }
    Ok(())
}

/// Copies what has this path below one folder to the same path below another, unless the folders that
/// lead there are not folders in it.
pub(super) fn into(from: &Path, path: &str, to: &Path) -> io::Result<()> {
    let mut folder = to.to_owned();
    let parent = Path::new(path).parent().unwrap_or(Path::new(""));
    for name in parent {
        folder.push(name);
        if !fs::symlink_metadata(&folder).is_ok_and(|there| there.is_dir()) {
            return Ok(());
        }
    }
    tree(&from.join(path), &to.join(path))
}

/// Whether a folder is there now.
fn is_folder(to: &Path, like: &Metadata) -> io::Result<bool> {
    match fs::symlink_metadata(to) {
        Ok(there) => Ok(there.is_dir()),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            fs::create_dir(to)?;
            let mode = like.permissions().mode() & 0o777 | 0o700;
            fs::set_permissions(to, Permissions::from_mode(mode))?;
            Ok(true)
        }
        Err(error) => Err(error),
    }
}

/// A file keeps its time: builds look at it.
fn one(from: &Path, to: &Path, metadata: &Metadata) -> io::Result<()> {
    if metadata.is_symlink() {
        return symlink(fs::read_link(from)?, to);
    }
    if metadata.is_file() {
        fs::copy(from, to)?;
        File::open(to)?.set_modified(metadata.modified()?)?;
    }
    Ok(())
}

/// Makes everything below a folder its owner's to read, takes away the right to become somebody else,
/// and says what a copy of it takes up.
pub(super) fn settle(folder: &Path) -> io::Result<u64> {
    let (mut size, mut next) = (0_u64, vec![folder.to_owned()]);
    while let Some(folder) = next.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let metadata = entry.metadata()?;
            size = size.saturating_add(metadata.len().max(LEAST));
            if metadata.is_symlink() {
                continue;
            }
            let (mode, path) = (metadata.permissions().mode(), entry.path());
            let least = if metadata.is_dir() { 0o700 } else { 0o400 };
            if mode & 0o7777 != mode & 0o777 | least {
                fs::set_permissions(&path, Permissions::from_mode(mode & 0o777 | least))?;
            }
            if metadata.is_dir() {
                next.push(path);
            }
        }
    }
    Ok(size)
}

/// The smallest thing takes up as much.
const LEAST: u64 = 1024;

/// The topmost paths below a folder that are not among those that are known. git's own folder is never
/// one of them.
pub(super) fn beyond(
    root: &Path,
    is_known: impl Fn(&str) -> bool,
    is_known_folder: impl Fn(&str) -> bool,
) -> io::Result<Vec<String>> {
    let (mut beyond, mut next) = (Vec::new(), vec![(root.to_owned(), String::new())]);
    while let Some((folder, above)) = next.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            // What cannot be named in a commit cannot be missed.
            let Ok(name) = entry.file_name().into_string() else { continue };
            let path = format!("{above}{name}");
            if name.eq_ignore_ascii_case(".git") || is_known(&path) {
                continue;
            }
            if !is_known_folder(&path) {
                beyond.push(path);
            } else if entry.file_type()?.is_dir() {
                next.push((entry.path(), format!("{path}/")));
            }
        }
    }
    beyond.sort();
    Ok(beyond)
}

/// A folder for something, with all folders that lead there.
pub(super) fn parent_of(path: &Path) -> io::Result<PathBuf> {
    let parent = path.parent().unwrap_or(path);
    fs::create_dir_all(parent)?;
    Ok(parent.to_owned())
}
