//! The repository's own checks, run by the harness behind walls: on exactly the tree that would be
//! pushed, and, where one is red, on the base too, because what was red before is nobody's fault.

use super::broken::Broken;
use super::outcome::Site;
use super::setup::Preparing;
use super::{Worker, journal::StepJournal};
use crate::agent::Stopped;
use crate::domain::ids::Sha;
use crate::domain::report::setup::AFTER_A_RED_SETUP;
use crate::domain::setup::SetupRun;
use crate::domain::text::is_hidden;
use crate::domain::verification::detect::{self, Root};
use crate::domain::verification::{CameTo, Check, Exit, Verification, missing, problems};
use crate::git::{Checkout, Git, Guarded, Worktree, has_line};
use crate::sandbox::{Access, Job, Ran, Sandbox, SandboxError};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

/// More are not looked at.
const MOST_CHECKS: usize = 8;
/// One check takes no longer than this.
const LONGEST_CHECK: Duration = Duration::from_mins(10);
/// With less than this it is not begun.
const SHORTEST_CHECK: Duration = Duration::from_secs(1);
/// What is kept of the output of a red check, from its end.
const KEPT_OUTPUT: usize = 8 * 1024;

/// What checks a change, if anything can be run here.
pub(super) struct Checks<'a> {
    pub(super) sandbox: &'a Sandbox,
    pub(super) commands: Vec<String>,
    pub(super) stop: &'a CancellationToken,
    /// What the repository's configuration closes to us.
    pub(super) protected: &'a [String],
    /// What was found out last.
    pub(super) latest: Mutex<Option<Verification>>,
    /// How commands end on the base.
    pub(super) on_base: Mutex<BTreeMap<String, Exit>>,
}

impl Worker {
    /// The commands with which changes of this repository are checked: what its configuration says, or
    /// what is found.
    pub(super) async fn check_commands(&self, site: Site<'_>) -> Result<Vec<String>, Broken> {
        if let Some(commands) = &site.task.brief.rules.checks {
            return Ok(commands.iter().take(MOST_CHECKS).cloned().collect());
        }
        let (worktree, base) = (site.worktree, &site.task.base_sha);
        let read = |name| self.git.text_at(worktree, base, name);
        let root = Root {
            names: self.git.root_names(worktree, base).await?,
            package: read("package.json").await?,
            makefile: read("Makefile").await?,
            pyproject: read("pyproject.toml").await?,
        };
        let mut commands = detect::checks(&root);
        commands.truncate(MOST_CHECKS);
        Ok(commands)
    }
}

impl StepJournal<'_> {
    /// What the checks say about the workspace's change.
    pub(super) async fn verified(
        &self,
        changed: &BTreeSet<String>,
        left: Duration,
    ) -> Result<Option<Verification>, Stopped> {
        let Some(checks) = self.checks.as_ref().filter(|checks| !checks.commands.is_empty()) else {
            return Ok(None);
        };
        let storage = |error: crate::git::GitError| Stopped::Storage(error.to_string());
        let guarded =
            self.git.guard(self.worktree, changed, checks.protected).await.map_err(storage)?;
        // What is not pushed need not be checked.
        let Guarded::Checked(checked) = guarded else { return Ok(None) };
        let mut latest = checks.latest.lock().await;
        if let Some(latest) = latest.as_ref().filter(|latest| latest.tree == checked.tree) {
            return Ok(Some(latest.clone()));
        }
        let setup = match self.setup {
            Some(setup) => Some(setup.result().await?.run.clone()),
            None => None,
        };
        let (git, worktree, until) = (self.git, self.worktree, Instant::now() + left);
        let run = Run { git, worktree, setup: self.setup, checks, until };
        let verification = run.on(checked.tree, setup).await?;
        *latest = Some(verification.clone());
        Ok(Some(verification))
    }
}

/// The checks of one tree on their way.
struct Run<'a> {
    git: &'a Git,
    worktree: &'a Worktree,
    setup: Option<&'a Preparing<'a>>,
    checks: &'a Checks<'a>,
    until: Instant,
}

/// A tree's files, and the walls around them.
struct Cell {
    files: Checkout,
    sandbox: Sandbox,
}

impl Run<'_> {
    async fn on(&self, tree: Sha, setup: Option<SetupRun>) -> Result<Verification, Stopped> {
        if setup.as_ref().is_some_and(SetupRun::is_red) {
            let commands = self.checks.commands.iter();
            let checks = commands.map(|command| not_run(command, AFTER_A_RED_SETUP)).collect();
            return Ok(Verification { tree, setup, checks });
        }
        let cell = self.check_out(&tree).await?;
        let mut base = None;
        let mut checks = Vec::new();
        for command in &self.checks.commands {
            let check = self.check(command, &cell).await?;
            checks.push(match check.came_to {
                CameTo::Red(exit) => {
                    let came_to = match self.end_on_base(command, &mut base).await? {
                        Some(Exit::Code(0)) | None => CameTo::Red(exit),
                        Some(before) => CameTo::RedBefore(exit, before),
                    };
                    Check { came_to, ..check }
                }
                CameTo::Green | CameTo::RedBefore(..) | CameTo::NotRun(_) => check,
            });
        }
        Ok(Verification { tree, setup, checks })
    }

    async fn check(&self, command: &str, cell: &Cell) -> Result<Check, Stopped> {
        let ran = match self.run(command, cell).await {
            Ok(Some(ran)) => ran,
            Ok(None) => return Ok(not_run(command, "the task's time was up")),
            Err(SandboxError::Stopped) => return Err(Stopped::Released),
            Err(SandboxError::Unusable(why)) => return Ok(not_run(command, &why)),
        };
        if let Some(why) = missing(ran.exit, &ran.output) {
            return Ok(not_run(command, &why));
        }
        let millis = u64::try_from(ran.took.as_millis()).unwrap_or(u64::MAX);
        let command = command.to_owned();
        if ran.exit == Exit::Code(0) {
            let (output, problems) = (String::new(), Vec::new());
            return Ok(Check { command, came_to: CameTo::Green, millis, output, problems });
        }
        let tree = cell.files.tree();
        let root = self.checks.sandbox.sees(&tree).display().to_string();
        let problems =
            problems::named(&ran.output, &root, |path, line| has_line(&tree, path, line));
        let output = the_end_of(&ran.output, &root);
        Ok(Check { command, came_to: CameTo::Red(ran.exit), millis, output, problems })
    }

    /// How a command ends on the base. `None`: it cannot be told, so the change is to blame.
    async fn end_on_base(
        &self,
        command: &str,
        base: &mut Option<Cell>,
    ) -> Result<Option<Exit>, Stopped> {
        let mut known = self.checks.on_base.lock().await;
        if let Some(exit) = known.get(command) {
            return Ok(Some(*exit));
        }
        let cell = match base.take() {
            Some(cell) => cell,
            None => self.check_out(self.worktree.base()).await?,
        };
        let ran = self.run(command, &cell).await;
        *base = Some(cell);
        match ran {
            Ok(Some(ran)) => {
                known.insert(command.to_owned(), ran.exit);
                Ok(Some(ran.exit))
            }
            Ok(None) | Err(SandboxError::Unusable(_)) => Ok(None),
            Err(SandboxError::Stopped) => Err(Stopped::Released),
        }
    }

    /// `None`: there is no time for it.
    async fn run(&self, command: &str, cell: &Cell) -> Result<Option<Ran>, SandboxError> {
        let time = self.until.saturating_duration_since(Instant::now()).min(LONGEST_CHECK);
        if time < SHORTEST_CHECK {
            return Ok(None);
        }
        let tree = cell.files.tree();
        let job = Job { command, workspace: &tree, access: Access::ReadWrite, time };
        cell.sandbox.run(job, self.checks.stop).await.map(Some)
    }

    async fn check_out(&self, tree: &Sha) -> Result<Cell, Stopped> {
        let files = self.git.check_out(self.worktree, tree).await;
        let files = files.map_err(|error| Stopped::Storage(error.to_string()))?;
        let sandbox = match self.setup {
            Some(setup) => setup.behind(tree, &files.tree(), &files.beside("home")).await?,
            None => self.checks.sandbox.clone(),
        };
        Ok(Cell { files, sandbox })
    }
}

fn not_run(command: &str, why: &str) -> Check {
    Check {
        command: command.to_owned(),
        came_to: CameTo::NotRun(why.to_owned()),
        millis: 0,
        output: String::new(),
        problems: Vec::new(),
    }
}

/// The last part of what was printed, with paths as the repository has them.
pub(super) fn the_end_of(output: &str, root: &str) -> String {
    let output = output.replace(&format!("{root}/"), "");
    let output: String = output.chars().filter(|c| !is_hidden(*c)).collect();
    let from = output.ceil_char_boundary(output.len().saturating_sub(KEPT_OUTPUT));
    output.get(from..).unwrap_or_default().trim().to_owned()
}
