//! Walls of namespaces, put up by the program `bwrap`: own users, processes, network without any
//! device but a loopback of its own, and a file system that has only what is named here.

use super::jail::{Enter, Sockets};
use super::{Access, Launcher, Room, Wrapped, environment};
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

/// Where commands see the workspace.
const WORKSPACE: &str = "/workspace";
/// Where this program stands within the walls.
const PROGRAM: &str = "/run/asynccoder";
/// Folders of the system that are links on most systems today.
const LINKED: [&str; 5] = ["/bin", "/sbin", "/lib", "/lib32", "/lib64"];
/// What programs need of the system's configuration. Nothing of it tells of this machine's people.
pub(super) const CONFIGURATION: [&str; 9] = [
    "/etc/alternatives",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/mime.types",
    "/etc/nsswitch.conf",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
];
/// Shared memory of programs that ask for it by name.
const SHARED_MEMORY: u64 = 64 * 1024 * 1024;

#[derive(Debug)]
pub(super) struct Bubblewrap;

impl Launcher for Bubblewrap {
    fn name(&self) -> &'static str {
        "bubblewrap"
    }

    fn sees(&self, _workspace: &Path) -> PathBuf {
        PathBuf::from(WORKSPACE)
    }

    fn sees_program(&self, _program: &Path) -> String {
        PROGRAM.to_owned()
    }

    fn wrap(&self, room: &Room<'_>, enter: Enter) -> io::Result<Wrapped> {
        let enter = enter.within("/tmp/home".into(), Sockets::Own, None);
        let mut args = Arguments::default();
        args.words(&[
            "--unshare-user",
            "--unshare-ipc",
            "--unshare-pid",
            "--unshare-net",
            "--unshare-uts",
            "--unshare-cgroup-try",
            "--disable-userns",
            "--die-with-parent",
            "--new-session",
            "--cap-drop",
            "ALL",
            "--uid",
            "1000",
            "--gid",
            "1000",
            "--hostname",
            "sandbox",
        ]);
        system(&mut args);
        let (shared, temporary) = (SHARED_MEMORY.to_string(), room.limits.temporary.to_string());
        // For the administrator, what is in there can still change the whole machine.
        args.words(&["--proc", "/proc", "--remount-ro", "/proc", "--dev", "/dev"]);
        args.words(&["--size", &shared, "--tmpfs", "/dev/shm", "--remount-ro", "/dev"]);
        args.words(&["--size", &temporary, "--tmpfs", "/tmp"]);
        for folder in room.toolchains {
            args.0.extend(["--ro-bind".into(), folder.into(), folder.into()]);
        }
        let bind = match room.access {
            Access::ReadOnly => "--ro-bind",
            Access::ReadWrite => "--bind",
        };
        args.mount(bind, room.workspace, WORKSPACE);
        args.mount("--ro-bind", room.program, PROGRAM);
        args.words(&["--chdir", WORKSPACE, "--remount-ro", "/", "--", PROGRAM, "jail", "enter"]);
        args.0.push(serde_json::to_string(&enter)?.into());
        Ok(Wrapped {
            program: "bwrap".into(),
            args: args.0,
            env: environment("/tmp/home", "/tmp", room.toolchains),
            _scratch: None,
        })
    }
}

/// The programs and libraries of this machine, read-only.
fn system(args: &mut Arguments) {
    args.words(&["--ro-bind", "/usr", "/usr"]);
    for folder in LINKED {
        match std::fs::read_link(folder) {
            Ok(target) => args.mount("--symlink", &target, folder),
            Err(_) => args.words(&["--ro-bind-try", folder, folder]),
        }
    }
    for file in CONFIGURATION {
        args.words(&["--ro-bind-try", file, file]);
    }
}

#[derive(Default)]
struct Arguments(Vec<OsString>);

impl Arguments {
    fn words(&mut self, words: &[&str]) {
        self.0.extend(words.iter().map(OsString::from));
    }

    fn mount(&mut self, how: &str, from: &Path, to: &str) {
        self.0.extend([how.into(), from.into(), to.into()]);
    }
}
