//! Do the walls hold on this very machine? Canaries are put outside, and a probe that tries to reach
//! them is run within. A launcher that lets anything through is not used.

use super::jail::{Canaries, Seen};
use super::{Access, Job, Sandbox, SandboxError};
use crate::domain::verification::Exit;
use std::net::{TcpListener, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tempfile::TempDir;
use tokio::process::{Child, ChildStdin, Command};
use tokio_util::sync::CancellationToken;

/// The probe takes milliseconds; a machine that is busy may need longer.
const TIME: Duration = Duration::from_secs(20);
/// What a setup says at the door.
const KNOCK: &str = r"exec 3<>/dev/tcp/127.0.0.1/${https_proxy##*:} &&
printf 'CONNECT nobody.invalid:443 HTTP/1.1\r\n\r\n' >&3 && head -n 1 <&3";
/// The file in the workspace that shows that the probe ran.
const PROOF: &str = "proof";

/// Nothing, or what is wrong with the walls.
pub(super) async fn prove(sandbox: &Sandbox) -> Result<(), String> {
    let mut stage = Stage::set(sandbox).map_err(|error| format!("self-test: {error}"))?;
    for access in [Access::ReadWrite, Access::ReadOnly] {
        let seen = stage.probe(sandbox, access, None).await?;
        let wrote = stage.was_written()?;
        stage.look_outside(seen.leaks)?;
        match access {
            Access::ReadWrite if !wrote => return Err("the workspace cannot be written".to_owned()),
            Access::ReadOnly if wrote || seen.wrote => {
                return Err("a workspace that is only to be read can be written".to_owned());
            }
            Access::ReadWrite | Access::ReadOnly => {}
        }
    }
    if sandbox.no_setup().is_none() {
        // A door in them must not be a hole.
        let door = sandbox.egress.open(stage.folder.path()).map_err(|error| error.to_string())?;
        let seen = stage.probe(sandbox, Access::ReadWrite, Some(door.socket())).await?;
        stage.look_outside(seen.leaks)?;
    }
    Ok(())
}

/// Asks, as a setup would, for a host that nobody has, and must hear from behind the door that it may
/// not be reached.
pub(super) async fn prove_door(sandbox: &Sandbox) -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let (workspace, access) = (folder.path(), Access::ReadOnly);
    let job = Job { command: KNOCK, workspace, access, time: TIME };
    let ran = sandbox.run_setup(job, &CancellationToken::new()).await;
    let ran = ran.map_err(|error| error.to_string())?;
    if ran.output.contains(" 403 ") {
        return Ok(());
    }
    Err(format!("nobody answers at the door: {}", ran.output.trim()))
}

/// Everything that must not be reached, and the workspace beside it.
struct Stage {
    folder: TempDir,
    secret: String,
    idle: Child,
    /// Closed, it ends the process.
    _alive: Option<ChildStdin>,
    tcp: TcpListener,
    udp: UdpSocket,
    unix: UnixListener,
    named: UnixListener,
    name: String,
}

impl Stage {
    fn set(sandbox: &Sandbox) -> std::io::Result<Self> {
        let folder = tempfile::tempdir()?;
        let secret = format!("{:032x}", rand::random::<u128>());
        std::fs::create_dir(folder.path().join("workspace"))?;
        std::fs::write(folder.path().join("canary"), &secret)?;
        let mut idle = Command::new(&sandbox.program);
        idle.args(["jail", "idle", &secret]).env_clear().env("SECRET", &secret);
        idle.stdin(Stdio::piped()).stdout(Stdio::null()).kill_on_drop(true);
        let mut idle = idle.spawn()?;
        let name = format!("asynccoder-{:032x}", rand::random::<u128>());
        let stage = Self {
            _alive: idle.stdin.take(),
            idle,
            tcp: TcpListener::bind("127.0.0.1:0")?,
            udp: UdpSocket::bind("127.0.0.1:0")?,
            unix: UnixListener::bind(folder.path().join("socket"))?,
            named: UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name)?)?,
            name,
            folder,
            secret,
        };
        stage.tcp.set_nonblocking(true)?;
        stage.udp.set_nonblocking(true)?;
        stage.unix.set_nonblocking(true)?;
        stage.named.set_nonblocking(true)?;
        Ok(stage)
    }

    async fn probe(
        &self,
        sandbox: &Sandbox,
        access: Access,
        door: Option<&Path>,
    ) -> Result<Seen, String> {
        let workspace = self.folder.path().join("workspace");
        let canaries = self.canaries(&sandbox.sees(&workspace)).map_err(|e| e.to_string())?;
        let program = sandbox.launcher.sees_program(&sandbox.program);
        let argv = [program, "jail".to_owned(), "probe".to_owned(), canaries].to_vec();
        let job = Job { command: "", workspace: &workspace, access, time: TIME };
        let ran = sandbox.run_program(argv, job, door, &CancellationToken::new()).await;
        let ran = ran.map_err(|error| match error {
            SandboxError::Unusable(why) => why,
            SandboxError::Stopped => error.to_string(),
        })?;
        let unread = || format!("the probe ended with {}: {}", ran.exit, ran.output.trim());
        if ran.exit != Exit::Code(0) {
            return Err(unread());
        }
        serde_json::from_str(&ran.output).map_err(|_| unread())
    }

    fn canaries(&self, workspace: &Path) -> std::io::Result<String> {
        let canaries = Canaries {
            file: self.folder.path().join("canary"),
            process: self.idle.id().unwrap_or(0),
            secret_backwards: self.secret.chars().rev().collect(),
            tcp: self.tcp.local_addr()?.port(),
            udp: self.udp.local_addr()?.port(),
            unix: self.folder.path().join("socket"),
            named: self.name.clone(),
            proof: workspace.join(PROOF),
        };
        Ok(serde_json::to_string(&canaries)?)
    }

    /// Whether the proof was written, and takes it away.
    fn was_written(&self) -> Result<bool, String> {
        let proof = self.folder.path().join("workspace").join(PROOF);
        match std::fs::read_to_string(&proof) {
            Ok(text) if text == self.secret => {
                std::fs::remove_file(&proof).map_err(|e| e.to_string())?;
                Ok(true)
            }
            Ok(_) | Err(_) => Ok(false),
        }
    }

    /// What the probe did shows here, whatever it says.
    fn look_outside(&mut self, mut leaks: Vec<String>) -> Result<(), String> {
        let mut leak = |is_there: bool, what: &str| {
            if is_there {
                leaks.push(what.to_owned());
            }
        };
        leak(self.folder.path().join("canary.written").exists(), "a file was written outside");
        leak(!matches!(self.idle.try_wait(), Ok(None)), "another process was killed");
        leak(self.tcp.accept().is_ok(), "a TCP port was reached");
        leak(self.udp.recv(&mut [0; 8]).is_ok(), "a UDP port was reached");
        leak(self.unix.accept().is_ok(), "a socket was reached");
        leak(self.named.accept().is_ok(), "a socket without a file was reached");
        leaks.dedup();
        if leaks.is_empty() { Ok(()) } else { Err(leaks.join(", ")) }
    }
}
