//! Removing the folders in which commands have run. It knows nothing of what is in them: a command may
//! have closed folders to everybody, and links lead anywhere.

use std::fs::Permissions;
use std::io::{self, ErrorKind};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Removes a folder whatever is in it. One that is not there is removed.
pub(crate) fn remove(folder: &Path) -> io::Result<()> {
    let gone = |done: io::Result<()>| match done {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        done => done,
    };
    if gone(std::fs::remove_dir_all(folder)).is_ok() {
        return Ok(());
    }
    gone(open_up(folder))?;
    gone(std::fs::remove_dir_all(folder))
}

/// Makes every folder below one that its owner may look into and change. No link is followed.
fn open_up(folder: &Path) -> io::Result<()> {
    let mut next = vec![folder.to_owned()];
    while let Some(folder) = next.pop() {
        std::fs::set_permissions(&folder, Permissions::from_mode(0o700))?;
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                next.push(entry.path());
            }
        }
    }
    Ok(())
}
