//! What mirrors take up, for whoever keeps everything within the quota. One that is in use is never
//! removed.

use super::error::GitError;
use super::{Git, Remote};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// A mirror that cannot be removed while this exists, by whichever process.
#[derive(Debug)]
pub(crate) struct InUse {
    _shared_lock: File,
}

impl Git {
    /// Marks a mirror as used, now and for as long as the result lives.
    pub(crate) fn use_mirror(&self, remote: &Remote) -> Result<InUse, GitError> {
        let path = use_file(&self.mirror(remote));
        let io = |error| GitError::Io(path.display().to_string(), error);
        let file = File::options().create(true).append(true).open(&path).map_err(io)?;
        file.set_modified(SystemTime::now()).map_err(io)?;
        // Whoever removes mirrors holds it for moments only, but a thread must not wait even for that.
        file.try_lock_shared().map_err(|e| io(e.into()))?;
        Ok(InUse { _shared_lock: file })
    }

    /// All mirrors, with when each was used last. Reads the whole folder, so it must not be called where
    /// something waits.
    pub(crate) fn kept_mirrors(&self) -> std::io::Result<Vec<KeptMirror>> {
        let mut mirrors = Vec::new();
        for entry in fs::read_dir(&self.mirrors)? {
            let path = entry?.path();
            if path.extension().is_some_and(|e| e == "git") {
                let used = fs::metadata(use_file(&path))
                    .and_then(|m| m.modified())
                    .unwrap_or(SystemTime::UNIX_EPOCH);
                mirrors.push(KeptMirror { used, size: size(&path)?, path });
            }
        }
        Ok(mirrors)
    }
}

/// A mirror that may be dropped: that costs only the time to fetch it again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct KeptMirror {
    pub(crate) used: SystemTime,
    pub(crate) size: u64,
    path: PathBuf,
}

impl KeptMirror {
    /// Removes it, unless it is in use.
    pub(crate) fn remove(&self) -> std::io::Result<bool> {
        remove_unused(&self.path)
    }
}

pub(super) fn remove_unused(mirror: &Path) -> std::io::Result<bool> {
    let file = File::options().create(true).append(true).open(use_file(mirror))?;
    if file.try_lock().is_err() {
        return Ok(false);
    }
    fs::remove_dir_all(mirror)?;
    Ok(true)
}

fn use_file(mirror: &Path) -> PathBuf {
    mirror.with_extension("use")
}

/// The bytes of all files below. What vanishes meanwhile does not count.
fn size(folder: &Path) -> std::io::Result<u64> {
    let mut total = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let Ok(metadata) = entry.metadata() else { continue };
        total += if metadata.is_dir() { size(&entry.path())? } else { metadata.len() };
    }
    Ok(total)
}
