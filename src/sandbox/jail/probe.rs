//! The probe: run within the walls by the self-test, it tries everything that must not work. What it
//! can see itself it reports; what it did outside shows outside.

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};
use std::fs::Permissions;
use std::io::{Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{SocketAddr, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Nobody who is there takes longer to be connected to.
const PATIENCE: Duration = Duration::from_millis(300);

/// What lies outside and must not be reached.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::sandbox) struct Canaries {
    /// A file that anybody could read.
    pub(in crate::sandbox) file: PathBuf,
    /// A process, whose environment has a secret in it.
    pub(in crate::sandbox) process: u32,
    /// The secret backwards: this text itself must not be what is found.
    pub(in crate::sandbox) secret_backwards: String,
    /// Sockets that somebody listens on.
    pub(in crate::sandbox) tcp: u16,
    pub(in crate::sandbox) udp: u16,
    pub(in crate::sandbox) unix: PathBuf,
    pub(in crate::sandbox) named: String,
    /// A file that must be written where the workspace is, to show that this ran at all.
    pub(in crate::sandbox) proof: PathBuf,
}

/// What the probe saw.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::sandbox) struct Seen {
    /// What could be reached and must not be.
    pub(in crate::sandbox) leaks: Vec<String>,
    /// Whether it could write into the workspace.
    pub(in crate::sandbox) wrote: bool,
}

pub(super) fn run(canaries: &str) -> anyhow::Result<()> {
    let canaries: Canaries = serde_json::from_str(canaries).context("reading the canaries")?;
    let secret: String = canaries.secret_backwards.chars().rev().collect();
    let mut leaks = Vec::new();
    let mut leak = |is_there: bool, what: &str| {
        if is_there {
            leaks.push(what.to_owned());
        }
    };
    leak(std::fs::read(&canaries.file).is_ok(), "a file outside can be read");
    let beside = canaries.file.with_extension("written");
    leak(std::fs::write(beside, "written").is_ok(), "files can be written outside");
    let mode = Permissions::from_mode(0o600);
    leak(std::fs::set_permissions(&canaries.file, mode).is_ok(), "files can be changed outside");
    leak(is_in_proc("environ", &secret), "a secret in another environment can be read");
    leak(is_in_proc("cmdline", &secret), "another process can be seen");
    signal(canaries.process);
    let tcp = ([127, 0, 0, 1], canaries.tcp).into();
    leak(TcpStream::connect_timeout(&tcp, PATIENCE).is_ok(), "a TCP port can be reached");
    // On a network of its own it goes nowhere; whether it came shows outside.
    let _ = UdpSocket::bind("127.0.0.1:0")
        .and_then(|socket| socket.send_to(b"out", ("127.0.0.1", canaries.udp)));
    leak(UnixStream::connect(&canaries.unix).is_ok(), "a socket outside can be reached");
    let named = SocketAddr::from_abstract_name(&canaries.named)
        .and_then(|name| UnixStream::connect_addr(&name));
    leak(named.is_ok(), "a socket without a file can be reached");
    let wrote = std::fs::write(&canaries.proof, &secret).is_ok();
    let seen = serde_json::to_string(&Seen { leaks, wrote })?;
    writeln!(std::io::stdout(), "{seen}").context("reporting")
}

/// Whether this stands in such a file of any process.
fn is_in_proc(file: &str, text: &str) -> bool {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let has = |path: &Path| std::fs::read(path).is_ok_and(|bytes| contains(&bytes, text));
    processes.into_iter().any(|process| has(&process.path().join(file)))
}

fn contains(bytes: &[u8], text: &str) -> bool {
    !text.is_empty() && bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// Ends the process outside, if it can. Within walls the number may be somebody else's, even ours.
fn signal(process: u32) {
    let is_ours = process <= 1 || process == std::process::id();
    if let Some(pid) = Pid::from_raw(process.cast_signed()).filter(|_| !is_ours) {
        let _ = kill_process(pid, Signal::KILL);
    }
}

/// Is there until the pipe closes.
pub(super) fn idle() -> anyhow::Result<()> {
    std::io::stdin().read_to_end(&mut Vec::new()).context("waiting")?;
    Ok(())
}
