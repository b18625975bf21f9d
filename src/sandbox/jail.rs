//! What this program does when it is started again as its own jailer: `asynccoder jail …`, which is
//! for nobody else. It runs before everything else and knows no configuration, no log and no secret.

mod calls;
mod cgroup;
mod enter;
mod family;
mod forward;
mod probe;
mod watch;

pub(super) use enter::{Confine, Enter, Forward, Sockets};
pub(super) use probe::{Canaries, Seen};
pub(super) use watch::{Report, Watch};

use clap::{Args, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// One of the jailer's parts.
#[derive(Debug, Args)]
pub struct Jail {
    #[command(subcommand)]
    part: Part,
}

#[derive(Debug, Subcommand)]
enum Part {
    /// Start a command and end everything that comes of it.
    Watch,
    /// Within the walls: take the rest away and become the command.
    Enter {
        /// What to become.
        plan: String,
    },
    /// Within the walls: carry what is said to a proxy to the door.
    Forward {
        /// The door.
        door: PathBuf,
    },
    /// Within the walls: try to get out.
    Probe {
        /// What must not be reached.
        canaries: String,
    },
    /// Outside of them: be a process that must not be reached.
    Idle {
        /// How it is known.
        name: String,
    },
}

impl Jail {
    /// Does it.
    pub(crate) fn run(self) -> ExitCode {
        let done = match self.part {
            Part::Watch => watch::run(),
            Part::Enter { plan } => enter::run(&plan),
            Part::Forward { door } => forward::run(&door),
            Part::Probe { canaries } => probe::run(&canaries),
            Part::Idle { name: _ } => probe::idle(),
        };
        match done {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("{error:#}");
                ExitCode::FAILURE
            }
        }
    }
}
