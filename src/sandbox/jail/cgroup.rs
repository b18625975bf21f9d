//! A bound for a family of processes that the kernel itself holds. The one for all processes of a person
//! does not bind the superuser, and a watcher that is kept from its work comes too late for somebody who
//! starts more and more of them.
//!
//! Not every machine lets us make one; then there is what the watcher sees.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// How ours are called.
const PREFIX: &str = "asynccoder-";

/// A group of processes; it is removed when this is dropped, or by whoever makes the next one.
#[derive(Debug)]
pub(super) struct Cgroup {
    folder: PathBuf,
    above: PathBuf,
}

impl Cgroup {
    /// Makes one for at most so many processes and threads.
    pub(super) fn of_at_most(processes: u64) -> Option<Self> {
        let above = own_folder()?;
        remove_leftovers(&above);
        // In the newer kind somebody above has to have handed the counter down.
        let _ = fs::write(above.join("cgroup.subtree_control"), "+pids");
        let folder = above.join(format!("{PREFIX}{}", std::process::id()));
        fs::create_dir(&folder).ok()?;
        let group = Self { folder, above };
        fs::write(group.folder.join("pids.max"), processes.to_string()).ok()?;
        Some(group)
    }

    /// Does it as a member, so that all that is started belongs to the group, and leaves it again.
    pub(super) fn within<T>(&self, start: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        join(&self.folder)?;
        let started = start();
        join(&self.above)?;
        started
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.folder);
    }
}

fn join(folder: &Path) -> io::Result<()> {
    fs::write(folder.join("cgroup.procs"), std::process::id().to_string())
}

/// Of watchers that were killed, once none of theirs lives.
fn remove_leftovers(above: &Path) {
    for entry in fs::read_dir(above).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let watcher = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
        if watcher.is_some_and(|watcher| !Path::new("/proc").join(watcher).exists()) {
            let _ = fs::remove_dir(entry.path());
        }
    }
}

/// The group that this process is in, of the kind that counts processes.
fn own_folder() -> Option<PathBuf> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    let path_of = |controller: &str| {
        groups.lines().find_map(|line| {
            let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
            controllers.split(',').any(|one| one == controller).then_some(path)
        })
    };
    let (path, mount) = match path_of("pids") {
        Some(path) => (
            path,
            mount_of(&mounts, |kind, options| {
                kind == "cgroup" && options.split(',').any(|o| o == "pids")
            })?,
        ),
        None => (path_of("")?, mount_of(&mounts, |kind, _| kind == "cgroup2")?),
    };
    Some(mount.join(path.trim_start_matches('/')))
}

/// Where something of this kind, with these options, is mounted.
/// <https://man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html>
fn mount_of(mounts: &str, is_meant: impl Fn(&str, &str) -> bool) -> Option<PathBuf> {
    mounts.lines().find_map(|line| {
        let (place, kind) = line.split_once(" - ")?;
        let mut kind = kind.split(' ');
        let (name, options) = (kind.next()?, kind.nth(1)?);
        is_meant(name, options).then(|| place.split(' ').nth(4).map(PathBuf::from))?
    })
}
