//! What was measured about a change: the commands that were run on exactly its tree, and how each
//! ended. It is written by the harness and never by a model.

pub mod detect;
pub mod problems;

use super::ids::Sha;
use super::setup::SetupRun;
use super::text_enum;
use problems::Problem;
use serde::{Deserialize, Serialize};
use std::fmt;

text_enum!(
    /// What a command used up before it ended by itself.
    Limit {
        /// Its time.
        Time = "time",
        /// The memory of all its processes together.
        Memory = "memory",
        /// Processes at once.
        Processes = "processes",
        /// Room on the disk.
        Disk = "disk",
        /// What it may print.
        Output = "output",
    }
);

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    /// By itself, with this code.
    Code(i32),
    /// By this signal.
    Signal(i32),
    /// It was killed at a limit.
    Limit(Limit),
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Exit::Code(code) => write!(f, "{code}"),
            Exit::Signal(signal) => write!(f, "signal {signal}"),
            Exit::Limit(limit) => write!(f, "killed: {limit}"),
        }
    }
}

/// All checks of one tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verification {
    /// The tree that they were run on.
    pub tree: Sha,
    /// What was fetched before them, where the repository wants something fetched.
    #[serde(default)]
    pub setup: Option<SetupRun>,
    /// In the order in which they were run.
    pub checks: Vec<Check>,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// The command.
    pub command: String,
    /// What came of it.
    pub came_to: CameTo,
    /// How long it took, in milliseconds.
    pub millis: u64,
    /// The end of what it printed, if it is red.
    pub output: String,
    /// Lines that it complains about, if it is red.
    pub problems: Vec<Problem>,
}

/// What came of a check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CameTo {
    /// It is content.
    Green,
    /// It is not.
    Red(Exit),
    /// It is not, and was not before the change either: how it ended here, and how there.
    RedBefore(Exit, Exit),
    /// It could not be run, for this reason.
    NotRun(String),
}

impl Check {
    /// Whether the change made it red.
    pub const fn is_red(&self) -> bool {
        matches!(self.came_to, CameTo::Red(_))
    }
}

impl Verification {
    /// Whether something ran and everything is green.
    pub fn is_green(&self) -> bool {
        !self.checks.is_empty() && self.checks.iter().all(|c| c.came_to == CameTo::Green)
    }

    /// Whether the change made something red.
    pub fn is_red(&self) -> bool {
        self.checks.iter().any(Check::is_red)
    }

    /// Whether anything ran at all.
    pub fn has_run(&self) -> bool {
        self.checks.iter().any(|c| !matches!(c.came_to, CameTo::NotRun(_)))
    }
}

/// Why a command that ended so did not check anything: the tool is not there.
pub fn missing(exit: Exit, output: &str) -> Option<String> {
    let said = |mark: &str| output.lines().find(|line| line.contains(mark)).map(str::trim);
    let why = match exit {
        Exit::Code(126 | 127) => said("not found").or_else(|| output.lines().last())?,
        Exit::Code(_) => said(": No module named pytest")?,
        Exit::Signal(_) | Exit::Limit(_) => return None,
    };
    // Which shell says it, and in which line, tells nobody anything.
    let (_, why) = why.split_once(": line 1: ").unwrap_or(("", why));
    Some(why.to_owned())
}
