//! Private folders of commands, for walls that cannot make one that is only seen within: they lie on the
//! disk like everything else, so each is removed with its command, whatever that did to it.

use crate::disk;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// The folder of one command. Dropped, it is removed.
#[derive(Debug)]
pub(super) struct Scratch {
    path: PathBuf,
}

impl Scratch {
    pub(super) fn beside_others(all: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(all)?;
        Ok(Self { path: tempfile::tempdir_in(all)?.keep() })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = disk::remove(&self.path) {
            // If the command was broken off, something of it may still write.
            tracing::warn!(%error, "the private folder of a command is still there; its watcher or the next start removes it");
        }
    }
}

/// Where all of them are.
pub(super) fn all(data_dir: &Path) -> PathBuf {
    std::path::absolute(data_dir).unwrap_or_else(|_| data_dir.to_owned()).join("scratch")
}

/// Removes those that nobody was left to remove.
pub(super) fn remove_all(data_dir: &Path) -> io::Result<()> {
    let folders = match std::fs::read_dir(all(data_dir)) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        folders => folders?,
    };
    for folder in folders {
        disk::remove(&folder?.path())?;
    }
    Ok(())
}
