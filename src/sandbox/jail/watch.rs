//! The watcher of one command: starts it behind its walls, looks after its limits, and leaves nothing
//! of it behind. It lives as long as the pipe from the server does, so a server that is killed takes
//! its commands with it.

use super::cgroup::Cgroup;
use super::family;
use crate::disk;
use crate::domain::verification::{Exit, Limit};
use crate::sandbox::scratch::Scratch;
use crate::sandbox::{Job, Limits, Wrapped};
use anyhow::Context;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::statvfs;
use rustix::process::{Pid, Signal, WaitOptions, kill_process, set_child_subreaper, setsid};
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::io::{self, BufRead, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// Between two looks at how many processes the machine has, and whether the pipe is open.
const GLANCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 4_000_000 };
/// Between two looks at everything that the command uses.
const LOOK: Duration = Duration::from_millis(60);
/// So many more processes on the machine are a reason to look at once.
const MANY: u64 = 100;

/// What is watched: the first and only line on the pipe.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::sandbox) struct Watch {
    program: OsString,
    args: Vec<OsString>,
    env: Vec<(String, String)>,
    /// Where it may write on the disk.
    writes: Vec<PathBuf>,
    /// What of this is thrown away with it.
    scratch: Option<PathBuf>,
    time: Duration,
    limits: Limits,
}

impl Watch {
    pub(in crate::sandbox) fn new(
        wrapped: &Wrapped,
        job: Job<'_>,
        home: Option<&Path>,
        limits: Limits,
    ) -> Self {
        let scratch = wrapped.scratch.as_ref().map(Scratch::path);
        let writes = std::iter::once(job.workspace).chain(home).chain(scratch).map(Path::to_owned);
        Self {
            program: wrapped.program.clone(),
            args: wrapped.args.clone(),
            env: wrapped.env.clone(),
            writes: writes.collect(),
            scratch: scratch.map(Path::to_owned),
            time: job.time,
            limits,
        }
    }
}

/// How it ended: the only line that a watcher says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::sandbox) enum Report {
    /// By itself or at a limit.
    Ended(Exit),
    /// The pipe was closed.
    Stopped,
}

pub(super) fn run() -> anyhow::Result<()> {
    let plan = plan()?;
    let scratch = plan.scratch.clone();
    let report = watched(plan);
    // Whatever happened.
    family::end();
    // Nobody else does that if the server is gone. If it is there, it says what cannot be removed.
    let _ = scratch.map(|folder| disk::remove(&folder));
    eprintln!("{}", serde_json::to_string(&report?)?);
    Ok(())
}

/// Leaves the server's company, and reads what there is to do.
fn plan() -> anyhow::Result<Watch> {
    // The kernel hangs up on processes that a dead server leaves behind in its session while one of them
    // is stopped, and it is the watcher that stops them.
    setsid().context("leaving the server's session")?;
    // Whoever started the server may have left files open; nobody below may have them.
    close_fds::set_fds_cloexec(3, &[]);
    // If memory runs out, all this goes first and not the server. No limit hangs on it.
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).context("reading what to watch")?;
    serde_json::from_str(&line).context("reading what to watch")
}

/// Runs the command until it ends, or until its end has begun.
fn watched(plan: Watch) -> anyhow::Result<Report> {
    let began = Instant::now();
    set_child_subreaper(Some(rustix::process::getpid())).context("looking after orphans")?;
    let stdout = io::stdout().as_fd().try_clone_to_owned().context("sharing the output")?;
    // A little more than is allowed, so that the watcher sees that it was too much.
    let group = Cgroup::of_at_most(plan.limits.processes.saturating_add(MANY));
    let starting = || start(&plan, stdout);
    let child = match &group {
        Some(group) => group.within(starting),
        None => starting(),
    };
    let child = child.with_context(|| format!("{}", plan.program.display()))?;
    let verdict = Arc::new(OnceLock::new());
    let watcher = Watcher { verdict: Arc::clone(&verdict), began, plan, child };
    std::thread::spawn(move || watcher.watch());
    let exit = wait(child).context("waiting for the command")?;
    // The first reason counts.
    Ok(*verdict.get_or_init(|| Report::Ended(exit)))
}

fn start(plan: &Watch, output: OwnedFd) -> io::Result<Pid> {
    let both = output.try_clone()?;
    let child = Command::new(&plan.program)
        .args(&plan.args)
        .env_clear()
        .envs(plan.env.iter().map(|(name, value)| (name, value)))
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(both)
        .spawn()?;
    Pid::from_raw(child.id().cast_signed()).ok_or_else(|| io::Error::other("no process id"))
}

/// Waits for this child, and buries all others that die meanwhile.
fn wait(child: Pid) -> io::Result<Exit> {
    loop {
        match rustix::process::wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) if pid == child => {
                let code = status.exit_status().map(Exit::Code);
                let signal = status.terminating_signal().map(Exit::Signal);
                if let Some(exit) = code.or(signal) {
                    return Ok(exit);
                }
            }
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

struct Watcher {
    verdict: Arc<OnceLock<Report>>,
    began: Instant,
    plan: Watch,
    child: Pid,
}

impl Watcher {
    /// Looks until something is wrong or the process ends around it. It kills only the first, on which
    /// all others hang behind most walls; whoever waits for that one ends the rest.
    fn watch(self) {
        let me = std::process::id();
        let mut room = self.room();
        let (mut looked, mut machine) = (Instant::now(), family::on_this_machine());
        loop {
            let mut over = is_closed().then_some(Report::Stopped);
            let now = family::on_this_machine();
            let has_many = now.zip(machine).is_some_and(|(now, then)| now > then + MANY);
            if over.is_none() && (has_many || looked.elapsed() >= LOOK) {
                over = self.over(me, &mut room);
                (looked, machine) = (Instant::now(), now);
            }
            if let Some(report) = over {
                // If it ended by itself just now, that stands.
                if self.verdict.set(report).is_ok() {
                    let _ = kill_process(self.child, Signal::KILL);
                }
                return;
            }
        }
    }

    fn over(&self, me: u32, room: &mut Option<u64>) -> Option<Report> {
        let limits = &self.plan.limits;
        let used = family::used(me);
        let limit = if self.began.elapsed() >= self.plan.time {
            Limit::Time
        } else if used.processes > limits.processes {
            Limit::Processes
        } else if used.bytes > limits.memory {
            Limit::Memory
        } else if self.fills_the_disk(room) {
            Limit::Disk
        } else {
            return None;
        };
        Some(Report::Ended(Exit::Limit(limit)))
    }

    /// Others write to the same disk, so the workspace is measured before it is blamed; and that is
    /// done only when the disk has become fuller since the last time.
    fn fills_the_disk(&self, room: &mut Option<u64>) -> bool {
        let limits = &self.plan.limits;
        let Some((before, now)) = room.zip(self.room()) else { return false };
        if now < limits.disk_reserve && now < before {
            return true;
        }
        if before.saturating_sub(now) <= limits.disk / 8 {
            *room = Some(before.max(now));
            return false;
        }
        *room = Some(now);
        self.plan.writes.iter().map(|folder| size(folder)).sum::<u64>() > limits.disk
    }

    /// The bytes that are free where the workspace is.
    fn room(&self) -> Option<u64> {
        let disk = statvfs(self.plan.writes.first()?).ok()?;
        Some(disk.f_bavail.saturating_mul(disk.f_frsize))
    }
}

/// What all files below take up on the disk. Nothing is followed out of there.
fn size(folder: &Path) -> u64 {
    let (mut total, mut next) = (0_u64, vec![folder.to_owned()]);
    while let Some(folder) = next.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let Ok(metadata) = entry.metadata() else { continue };
            total = total.saturating_add(metadata.blocks().saturating_mul(512));
            if metadata.is_dir() {
                next.push(entry.path());
            }
        }
    }
    total
}

/// Waits a moment for the pipe to close; nothing is ever written to it again.
fn is_closed() -> bool {
    let stdin = io::stdin();
    let mut fds = [PollFd::new(&stdin, PollFlags::IN)];
    match poll(&mut fds, Some(&GLANCE)) {
        Ok(0) | Err(_) => false,
        Ok(_) => !matches!(io::stdin().lock().read(&mut [0; 64]), Ok(read) if read > 0),
    }
}
