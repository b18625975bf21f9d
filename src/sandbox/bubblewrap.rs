//! Walls of namespaces, put up by the program `bwrap`: own users, processes, network without any
//! device but a loopback of its own, and a file system that has only what is named here.

use super::environment::environment;
use super::jail::{Enter, Forward, Sockets};
use super::{Access, Launcher, Room, Wrapped};
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

/// Where commands see the workspace.
const WORKSPACE: &str = "/workspace";
/// Where this program stands within the walls.
const PROGRAM: &str = "/run/asynccoder";
/// Where the home of commands stands.
const HOME: &str = "/tmp/home";
/// Where the way out stands, if there is one.
const DOOR: &str = "/run/door";
/// Where programs find it: nothing else listens on a network of one's own.
const DOOR_PORT: u16 = 3128;
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
/// Variables in which programs look for a proxy.
const PROXIES: [&str; 9] = [
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "http_proxy",
    "https_proxy",
    "npm_config_proxy",
    "npm_config_https_proxy",
    "CARGO_HTTP_PROXY",
    "PIP_PROXY",
    "YARN_HTTPS_PROXY",
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

    fn has_door(&self) -> bool {
        true
    }

    fn wrap(&self, room: &Room<'_>, enter: Enter) -> io::Result<Wrapped> {
        let forward = room.door.map(|_| Forward {
            program: PROGRAM.into(),
            door: DOOR.into(),
            port: DOOR_PORT,
        });
        let enter = enter.within(HOME.into(), Sockets::Own, None).through(forward);
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
        if let Some(home) = room.home {
            args.mount("--bind", home, HOME);
        }
        if let Some(door) = room.door {
            args.mount("--ro-bind", door, DOOR);
        }
        let bind = match room.access {
            Access::ReadOnly => "--ro-bind",
            Access::ReadWrite => "--bind",
        };
        args.mount(bind, room.workspace, WORKSPACE);
        args.mount("--ro-bind", room.program, PROGRAM);
        args.words(&["--chdir", WORKSPACE, "--remount-ro", "/", "--", PROGRAM, "jail", "enter"]);
        args.0.push(serde_json::to_string(&enter)?.into());
        let mut env = environment(HOME, "/tmp", room.toolchains);
        if room.door.is_some() {
            lead_to_door(&mut env);
        }
        Ok(Wrapped { program: "bwrap".into(), args: args.0, env, scratch: None })
    }
}

/// Tells programs of the way out, each in its own words.
fn lead_to_door(env: &mut Vec<(String, String)>) {
    let proxy = format!("http://127.0.0.1:{DOOR_PORT}");
    env.retain(|(name, _)| name != "CARGO_NET_OFFLINE");
    env.extend(PROXIES.map(|name| (name.to_owned(), proxy.clone())));
    env.extend(["NO_PROXY", "no_proxy"].map(|n| (n.to_owned(), "127.0.0.1,localhost".to_owned())));
    let java = ["http", "https"]
        .map(|scheme| format!("-D{scheme}.proxyHost=127.0.0.1 -D{scheme}.proxyPort={DOOR_PORT}"));
    env.push(("JAVA_TOOL_OPTIONS".to_owned(), java.join(" ")));
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
