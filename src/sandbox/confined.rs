//! Walls without namespaces, for machines that forbid them: this program starts itself again, takes
//! everything away from itself with Landlock and seccomp, and becomes the command.
//!
//! Other processes can be neither reached nor looked at, and no socket can be made at all; they
//! exist, though, so the self-test is what decides whether this is good enough on a machine.

use super::bubblewrap::CONFIGURATION;
use super::environment::environment;
use super::jail::{Confine, Enter, Sockets};
use super::scratch::{self, Scratch};
use super::{Access, Launcher, Room, Wrapped};
use std::io;
use std::path::{Path, PathBuf};

/// What may be read and run.
const SYSTEM: [&str; 6] = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64"];
/// Of the kernel's own files, those that tell how large the machine is.
const MACHINE: [&str; 3] = ["/proc/meminfo", "/proc/cpuinfo", "/proc/stat"];
/// Devices that are nobody's.
const DEVICES: [&str; 5] = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"];

#[derive(Debug)]
pub(super) struct Confined {
    /// Where the private folders for temporary files are made.
    scratches: PathBuf,
}

impl Confined {
    pub(super) fn new(data_dir: &Path) -> Self {
        Self { scratches: scratch::all(data_dir) }
    }
}

impl Launcher for Confined {
    fn name(&self) -> &'static str {
        "landlock"
    }

    fn sees(&self, workspace: &Path) -> PathBuf {
        workspace.to_owned()
    }

    fn sees_program(&self, program: &Path) -> String {
        program.display().to_string()
    }

    /// Nothing can be connected here, so there is nothing that could lead to one.
    fn has_door(&self) -> bool {
        false
    }

    fn wrap(&self, room: &Room<'_>, enter: Enter) -> io::Result<Wrapped> {
        let scratch = Scratch::beside_others(&self.scratches)?;
        let home = scratch.path().join("home");
        let all = SYSTEM.iter().chain(&CONFIGURATION).chain(&MACHINE).map(PathBuf::from);
        let mut read: Vec<PathBuf> = all.chain(room.toolchains.iter().cloned()).collect();
        read.push(room.program.to_owned());
        let mut change = vec![scratch.path().to_owned()];
        match room.access {
            Access::ReadOnly => read.push(room.workspace.to_owned()),
            Access::ReadWrite => change.push(room.workspace.to_owned()),
        }
        let devices = DEVICES.iter().map(PathBuf::from).collect();
        let confine = Confine { read, change, devices, stand_in: room.workspace.to_owned() };
        let enter = enter.within(home.clone(), Sockets::None, Some(confine));
        let args = ["jail".into(), "enter".into(), serde_json::to_string(&enter)?.into()];
        let (home, temporary) = (home.display().to_string(), scratch.path().display().to_string());
        Ok(Wrapped {
            program: room.program.into(),
            args: args.to_vec(),
            env: environment(&home, &temporary, room.toolchains),
            scratch: Some(scratch),
        })
    }
}
