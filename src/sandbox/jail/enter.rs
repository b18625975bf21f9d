//! The last steps within the walls: limits, and what no wall keeps away is taken away. Then this
//! process becomes the command.

use super::calls;
use crate::sandbox::Limits;
use anyhow::{Context, bail};
use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetStatus, Scope, path_beneath_rules,
};
use rustix::process::{Gid, Signal, Uid, chdir, set_parent_process_death_signal};
use rustix::thread::{
    CapabilitiesSecureBits, CapabilitySet, CapabilitySets, configure_capability_in_ambient_set,
    set_capabilities, set_capabilities_secure_bits, set_thread_groups, set_thread_res_gid,
    set_thread_res_uid,
};
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

/// The first of the kernel's versions of Landlock that keeps signals within the walls.
const LANDLOCK: ABI = ABI::V6;

/// Users that are nobody in particular, on all usual systems.
const NOBODIES: Range<u32> = 61_184..65_184;

/// What to become, and how.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::sandbox) struct Enter {
    argv: Vec<String>,
    /// Printed first: what comes after it is the command's.
    mark: String,
    limits: Limits,
    /// How long it may take.
    seconds: u64,
    home: PathBuf,
    sockets: Sockets,
    confine: Option<Confine>,
    forward: Option<Forward>,
}

/// The way to a door: what carries to it, where it is, and the port on which programs find it.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::sandbox) struct Forward {
    pub(in crate::sandbox) program: PathBuf,
    pub(in crate::sandbox) door: PathBuf,
    pub(in crate::sandbox) port: u16,
}

/// What a command may connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::sandbox) enum Sockets {
    /// Its own processes among each other, because there is a network of their own.
    Own,
    /// Nothing.
    None,
}

/// Files within walls that are not a file system of their own.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::sandbox) struct Confine {
    pub(in crate::sandbox) read: Vec<PathBuf>,
    pub(in crate::sandbox) change: Vec<PathBuf>,
    pub(in crate::sandbox) devices: Vec<PathBuf>,
    pub(in crate::sandbox) stand_in: PathBuf,
}

impl Enter {
    pub(in crate::sandbox) fn new(
        argv: Vec<String>,
        mark: String,
        limits: Limits,
        time: Duration,
    ) -> Self {
        let (home, seconds) = (PathBuf::from("/nonexistent"), time.as_secs());
        let (sockets, confine, forward) = (Sockets::None, None, None);
        Self { argv, mark, limits, seconds, home, sockets, confine, forward }
    }

    /// The same with a way to a door.
    pub(in crate::sandbox) fn through(self, forward: Option<Forward>) -> Self {
        Self { forward, ..self }
    }

    /// The same within certain walls.
    pub(in crate::sandbox) fn within(
        self,
        home: PathBuf,
        sockets: Sockets,
        confine: Option<Confine>,
    ) -> Self {
        Self { home, sockets, confine, ..self }
    }
}

pub(super) fn run(plan: &str) -> anyhow::Result<()> {
    let plan: Enter = serde_json::from_str(plan).context("reading what to become")?;
    std::fs::create_dir_all(&plan.home).context("making a home folder")?;
    let besides = if plan.confine.is_some() { tasks_of_the_same_user() } else { 0 };
    plan.limits.apply(plan.seconds, besides).context("setting limits")?;
    let mut owns_nothing = false;
    if let Some(confine) = &plan.confine {
        chdir(&confine.stand_in).context("entering the workspace")?;
        restrict(confine).context("landlock")?;
        owns_nothing = become_nobody().context("becoming another user")?;
        set_parent_process_death_signal(Some(Signal::KILL)).context("tying it to the watcher")?;
    }
    calls::forbid(plan.sockets, owns_nothing).context("seccomp")?;
    if let Some(forward) = &plan.forward {
        forward.start().context("the way to the door")?;
    }
    let Some((program, args)) = plan.argv.split_first() else {
        bail!("there is nothing to become")
    };
    let mut stdout = std::io::stdout();
    stdout.write_all(plan.mark.as_bytes()).and_then(|()| stdout.flush()).context("beginning")?;
    let error = Command::new(program).args(args).exec();
    Err(error).with_context(|| program.clone())
}

impl Forward {
    /// Listens before anybody can ask, and leaves the rest to a process that ends with the walls.
    fn start(&self) -> std::io::Result<()> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, self.port))?;
        Command::new(&self.program)
            .args(["jail", "forward"])
            .arg(&self.door)
            .env_clear()
            .stdin(OwnedFd::from(listener))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map(|_| ())
    }
}

/// Takes away all files but the named ones, all addresses, and all processes outside.
fn restrict(confine: &Confine) -> anyhow::Result<()> {
    let read = AccessFs::from_read(LANDLOCK);
    let device = AccessFs::ReadFile | AccessFs::WriteFile;
    let status = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(LANDLOCK))?
        .handle_access(AccessNet::from_all(LANDLOCK))?
        .scope(Scope::from_all(LANDLOCK))?
        .create()?
        .add_rules(path_beneath_rules(&confine.read, read))?
        .add_rules(path_beneath_rules(&confine.change, AccessFs::from_all(LANDLOCK)))?
        .add_rules(path_beneath_rules(&confine.devices, device))?
        .restrict_self()?;
    if status.ruleset != RulesetStatus::FullyEnforced {
        bail!("this kernel enforces only a part of it");
    }
    Ok(())
}

/// The administrator has no limit on processes, so somebody else is the one who runs the command: a
/// user that nobody is, who may still use the workspace as its owner could. Says whether it was so.
fn become_nobody() -> anyhow::Result<bool> {
    if !rustix::process::getuid().is_root() {
        return Ok(false);
    }
    let id = NOBODIES.start + std::process::id() % (NOBODIES.end - NOBODIES.start);
    let (user, group) = (Uid::from_raw(id), Gid::from_raw(id));
    // With the second of these a program that asks what it may do hears the truth.
    let bits = CapabilitiesSecureBits::KEEP_CAPS | CapabilitiesSecureBits::NO_SETUID_FIXUP;
    set_capabilities_secure_bits(bits)?;
    set_thread_groups(&[])?;
    set_thread_res_gid(group, group, group)?;
    set_thread_res_uid(user, user, user)?;
    let kept = CapabilitySet::DAC_OVERRIDE;
    set_capabilities(None, CapabilitySets { effective: kept, permitted: kept, inheritable: kept })?;
    configure_capability_in_ambient_set(kept, true)?;
    Ok(true)
}

/// Without namespaces the kernel counts all processes and threads of a user together.
fn tasks_of_the_same_user() -> u64 {
    let user = rustix::process::getuid();
    if user.is_root() {
        return 0;
    }
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let own =
        processes.filter(|process| process.metadata().is_ok_and(|m| m.uid() == user.as_raw()));
    let tasks = own.filter_map(|process| std::fs::read_dir(process.path().join("task")).ok());
    tasks.map(|tasks| tasks.count() as u64).sum()
}
