//! `setup`: what a repository fetches before its commands and checks can be run, from where it may be
//! fetched, and what became of it.
//!
//! The commands are what the default branch says, and the files that they work on are those of a branch
//! of the repository itself. So nothing that a stranger wrote is ever run with a network, and what was
//! fetched for one branch is not what another one trusts.

use super::ids::Sha;
use super::verification::Exit;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// What is to be fetched: pinned when a task is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setup {
    /// The commands, one after the other.
    pub commands: Vec<String>,
    /// The commit whose files they work on.
    pub commit: Sha,
    /// The branch that it is of.
    pub branch: String,
    /// Whether that is the default branch. What comes of another one is for that one alone.
    pub is_default: bool,
}

impl Setup {
    /// All of it as one line, for people.
    pub fn line(&self) -> String {
        self.commands.join(" && ")
    }
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetupRun {
    /// The commands.
    pub command: String,
    /// How it ended.
    pub came_to: SetupEnd,
    /// How long it took, in milliseconds.
    pub millis: u64,
    /// The end of what it printed, if it failed.
    pub output: String,
}

/// How a setup ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SetupEnd {
    /// Everything is there now.
    Done,
    /// Everything was there already.
    FromCache,
    /// A command failed, so nothing of it is used.
    Failed(Exit),
    /// It came to more than is kept of a setup.
    TooLarge,
    /// It was not begun.
    NotRun(NoSetup),
}

/// Why a setup was not begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoSetup {
    /// The operator names no host.
    NotAllowed,
    /// The walls that hold here have no door.
    NoDoor,
    /// Something of ours did not work.
    Broken,
}

impl SetupRun {
    /// Whether it was tried and came to nothing: then no check says anything.
    pub const fn is_red(&self) -> bool {
        match self.came_to {
            SetupEnd::Failed(_) | SetupEnd::TooLarge | SetupEnd::NotRun(NoSetup::Broken) => true,
            SetupEnd::Done
            | SetupEnd::FromCache
            | SetupEnd::NotRun(NoSetup::NotAllowed | NoSetup::NoDoor) => false,
        }
    }
}

/// Hosts that a setup may reach.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hosts(Vec<Host>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Host {
    /// This one.
    Exact(String),
    /// Every one below it; with its dot in front.
    Below(String),
}

impl Hosts {
    /// Reads names with commas between, or says which of them is none.
    pub fn parse(text: &str) -> Result<Self, String> {
        let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
        names.map(Host::from_str).collect::<Result<_, _>>().map(Self)
    }

    /// Whether there is any.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a host, as a program names it, is one of them.
    pub fn allow(&self, host: &str) -> bool {
        let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
        self.0.iter().any(|allowed| match allowed {
            Host::Exact(name) => *name == host,
            Host::Below(end) => host.len() > end.len() && host.ends_with(end),
        })
    }
}

impl fmt::Display for Hosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.0.iter().map(|host| match host {
            Host::Exact(name) => name.clone(),
            Host::Below(end) => format!("*{end}"),
        });
        f.write_str(&names.collect::<Vec<_>>().join(", "))
    }
}

impl FromStr for Host {
    type Err = String;

    /// A number is an address, and addresses are not what an operator means by a host.
    fn from_str(name: &str) -> Result<Self, String> {
        let (below, plain) = name.strip_prefix("*.").map_or((false, name), |rest| (true, rest));
        let plain = plain.to_ascii_lowercase();
        let labels: Vec<&str> = plain.split('.').collect();
        let is_label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        let is_number = labels.last().is_some_and(|last| last.chars().all(|c| c.is_ascii_digit()));
        // One label alone is a machine nearby, or everything that the world has.
        if labels.len() < 2
            || plain.len() > 253
            || is_number
            || !labels.iter().all(|label| is_label(label))
        {
            return Err(name.to_owned());
        }
        Ok(if below { Self::Below(format!(".{plain}")) } else { Self::Exact(plain) })
    }
}

/// Files that say exactly what is fetched.
const LOCKS: [&str; 12] = [
    "Cargo.lock",
    "package-lock.json",
    "npm-shrinkwrap.json",
    "pnpm-lock.yaml",
    "yarn.lock",
    "go.sum",
    "poetry.lock",
    "uv.lock",
    "pom.xml",
    "gradle.lockfile",
    "Gemfile.lock",
    "composer.lock",
];
/// Files that say it less exactly; they count where there is nothing better.
const WISHES: [&str; 8] = [
    "package.json",
    "pyproject.toml",
    "setup.py",
    "setup.cfg",
    "Cargo.toml",
    "go.mod",
    "Gemfile",
    "composer.json",
];

/// The files of a tree that say what is fetched: its lock files, or else what has a wish.
pub fn telling<'p>(paths: impl Iterator<Item = &'p str> + Clone) -> Vec<&'p str> {
    let locks: Vec<_> = paths.clone().filter(|path| is_lock(name_of(path))).collect();
    if locks.is_empty() {
        return paths.filter(|path| WISHES.contains(&name_of(path))).collect();
    }
    locks
}

fn is_lock(name: &str) -> bool {
    let middle = name.strip_prefix("requirements").and_then(|rest| rest.strip_suffix(".txt"));
    LOCKS.contains(&name) || middle.is_some() || name.starts_with("build.gradle")
}

fn name_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
