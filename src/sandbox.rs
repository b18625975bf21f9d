//! Runs commands that a model or a repository chose, where nothing can get out.
//!
//! A command sees a read-only system, the workspace and a private `/tmp`, has no network, an empty
//! environment and limits on everything, and when it is over nothing of it is left: neither at a
//! limit, nor after a cancellation, nor when this process is killed. How it is walled in is a
//! [`Launcher`]'s matter: [`bubblewrap`] where namespaces are allowed, [`confined`] where they are
//! not. A launcher is used only after [`selftest`] has proved its walls on this very machine.
//!
//! Only a setup has a way out, where the walls can have one: a door to hosts that the operator named
//! ([`egress`]).
//!
//! Nothing here decides what is run, and there is no way to run it without walls.
//!
//! ```text
//! this process ── jail watch ── launcher ── jail enter ── bash -c …
//!       │              └ kills everything below it at a limit, or when the pipe to us closes
//!       └ reads what is printed, head and tail
//! ```

mod bubblewrap;
mod confined;
mod egress;
mod environment;
mod jail;
mod limits;
mod output;
mod running;
mod scratch;
mod selftest;

pub use egress::Egress;
pub use jail::Jail;
pub use limits::Limits;

use crate::config::{Config, Walls};
use crate::domain::report::setup::refused;
use crate::domain::setup::NoSetup;
use crate::domain::verification::Exit;
use jail::{Enter, Watch};
use running::Running;
use scratch::Scratch;
use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// What the shell's words are read by.
const SHELL: &str = "/bin/bash";

/// Walls that were proved. There is no other way to have one.
#[derive(Clone, Debug)]
pub struct Sandbox {
    launcher: Arc<dyn Launcher>,
    /// This program, which is its own jailer.
    program: PathBuf,
    toolchains: Arc<[PathBuf]>,
    limits: Limits,
    egress: Arc<Egress>,
    /// The home of commands; without one each has a new one.
    home: Option<Arc<Path>>,
}

/// What is to be run.
#[derive(Clone, Copy, Debug)]
pub struct Job<'a> {
    /// For a shell.
    pub command: &'a str,
    /// The tree that it works in.
    pub workspace: &'a Path,
    /// What it may do there.
    pub access: Access,
    /// How long it may take.
    pub time: Duration,
}

/// What a command may do in its workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Look.
    ReadOnly,
    /// Look and change.
    ReadWrite,
}

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// By itself, by a signal or at a limit.
    pub exit: Exit,
    /// What it printed, both channels as they came; the middle of much is left out.
    pub output: String,
    /// How long it took.
    pub took: Duration,
}

/// Why a command did not run.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// Somebody wanted it to stop.
    #[error("the command was stopped")]
    Stopped,
    /// The walls could not be put up, so it was not begun.
    #[error("the sandbox could not be set up: {0}")]
    Unusable(String),
}

/// A way of walling a command in. Whatever it is, it must pass the self-test.
trait Launcher: Send + Sync + fmt::Debug {
    /// Its name for people.
    fn name(&self) -> &'static str;

    /// Where commands see the workspace.
    fn sees(&self, workspace: &Path) -> PathBuf;

    /// Whether a way out can be made in them.
    fn has_door(&self) -> bool;

    /// Where they see this program.
    fn sees_program(&self, program: &Path) -> String;

    /// The program that puts up the walls and then, within them, does the last steps of `enter`.
    fn wrap(&self, room: &Room<'_>, enter: Enter) -> io::Result<Wrapped>;
}

/// What a launcher has to know of the place.
struct Room<'a> {
    program: &'a Path,
    workspace: &'a Path,
    access: Access,
    home: Option<&'a Path>,
    /// The socket of a way out.
    door: Option<&'a Path>,
    toolchains: &'a [PathBuf],
    limits: &'a Limits,
}

/// A program with its arguments, and what has to be there as long as it runs.
struct Wrapped {
    program: OsString,
    args: Vec<OsString>,
    env: Vec<(String, String)>,
    scratch: Option<Scratch>,
}

impl Sandbox {
    /// Walls that hold on this machine, or why there are none.
    pub async fn prove(config: &Config) -> Result<Self, String> {
        let wanted: Vec<Arc<dyn Launcher>> = match config.walls {
            Walls::None => return Err("SANDBOX is off".to_owned()),
            Walls::Best => vec![
                Arc::new(bubblewrap::Bubblewrap),
                Arc::new(confined::Confined::new(&config.data_dir)),
            ],
            Walls::Bubblewrap => vec![Arc::new(bubblewrap::Bubblewrap)],
            Walls::Landlock => vec![Arc::new(confined::Confined::new(&config.data_dir))],
        };
        let mut faults = Vec::new();
        for launcher in wanted {
            let name = launcher.name();
            let sandbox = Self {
                launcher,
                program: config.program.clone(),
                toolchains: config.toolchains.clone().into(),
                limits: Limits::default(),
                egress: Arc::new(Egress::new(config.setup_hosts.clone(), config.outside.clone())),
                home: None,
            };
            match selftest::prove(&sandbox).await {
                Ok(()) => return Ok(sandbox),
                Err(fault) => faults.push(format!("{name}: {fault}")),
            }
        }
        Err(faults.join("; "))
    }

    /// Removes what commands of a killed server left in the data folder. Nobody else may run any there.
    pub fn remove_leftovers(data_dir: &Path) -> io::Result<()> {
        scratch::remove_all(data_dir)
    }

    /// The same walls with other limits.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// The same walls around commands that keep this folder as their home.
    #[must_use]
    pub fn at_home(self, home: &Path) -> Self {
        Self { home: Some(home.into()), ..self }
    }

    /// The same walls with another way out.
    #[must_use]
    pub fn with_egress(self, egress: Egress) -> Self {
        Self { egress: Arc::new(egress), ..self }
    }

    /// Why no setup can be run, if so.
    pub fn no_setup(&self) -> Option<NoSetup> {
        match self.egress.hosts() {
            None => Some(NoSetup::NotAllowed),
            Some(_) if !self.launcher.has_door() => Some(NoSetup::NoDoor),
            Some(_) => None,
        }
    }

    /// Whether the door of a setup works, or what is wrong with it. Nothing outside is reached.
    pub async fn prove_door(&self) -> Result<(), String> {
        selftest::prove_door(self).await
    }

    /// With what commands are run: whenever it is another, what was fetched may not fit any more.
    pub fn tools(&self) -> String {
        let system = ["/usr", "/usr/local"].map(PathBuf::from);
        let folders = system.iter().chain(self.toolchains.iter());
        let folder = |folder: &PathBuf| {
            let bin = folder.join("bin");
            let changed = std::fs::metadata(&bin).and_then(|bin| bin.modified()).ok();
            format!("{} {changed:?}", bin.display())
        };
        let folders: Vec<_> = folders.map(folder).collect();
        format!("{} {}", self.name(), folders.join(" "))
    }

    /// What walls there are.
    pub fn name(&self) -> &'static str {
        self.launcher.name()
    }

    /// Where commands see the workspace.
    pub fn sees(&self, workspace: &Path) -> PathBuf {
        self.launcher.sees(workspace)
    }

    /// Runs a command to its end, to a limit, or until it is to stop. When this returns, or is
    /// dropped, everything that the command started is gone or about to be.
    pub async fn run(&self, job: Job<'_>, stop: &CancellationToken) -> Result<Ran, SandboxError> {
        let argv = [SHELL, "-c", job.command].map(str::to_owned);
        self.run_program(argv.to_vec(), job, None, stop).await
    }

    /// The same with a way out to the hosts that are allowed. Which were refused stands at the end of
    /// what it printed.
    pub async fn run_setup(
        &self,
        job: Job<'_>,
        stop: &CancellationToken,
    ) -> Result<Ran, SandboxError> {
        let unusable = |error: io::Error| SandboxError::Unusable(error.to_string());
        if self.no_setup().is_some() {
            return Err(SandboxError::Unusable("no setup can be run here".to_owned()));
        }
        let folder = tempfile::tempdir().map_err(unusable)?;
        let door = self.egress.open(folder.path()).map_err(unusable)?;
        let argv = [SHELL, "-c", job.command].map(str::to_owned);
        let ran = self.run_program(argv.to_vec(), job, Some(door.socket()), stop).await;
        let said: String = door.close().iter().map(|why| format!("\n{}", refused(why))).collect();
        ran.map(|ran| Ran { output: format!("{}{said}", ran.output), ..ran })
    }

    /// The same for a program with its arguments; the self-test has no shell in between.
    async fn run_program(
        &self,
        argv: Vec<String>,
        job: Job<'_>,
        door: Option<&Path>,
        stop: &CancellationToken,
    ) -> Result<Ran, SandboxError> {
        let unusable = |error: io::Error| SandboxError::Unusable(error.to_string());
        let room = Room {
            program: &self.program,
            workspace: job.workspace,
            access: job.access,
            home: self.home.as_deref(),
            door,
            toolchains: &self.toolchains,
            limits: &self.limits,
        };
        let mark = format!("{:032x}\n", rand::random::<u128>());
        let enter = Enter::new(argv, mark.clone(), self.limits, job.time);
        let wrapped = self.launcher.wrap(&room, enter).map_err(unusable)?;
        let watch = Watch::new(&wrapped, job, self.home.as_deref(), self.limits);
        let running = Running::start(&self.program, &watch).await.map_err(unusable)?;
        let ran = running.finish(mark.as_bytes(), job.time, stop).await;
        drop(wrapped);
        ran
    }
}
