//! The setup of an attempt: what the repository's commands need is fetched, or taken from what an
//! earlier setup fetched, before the first of them is run.
//!
//! It is run in a tree of its own, with a network that leads only to hosts that the operator named, and
//! never in the agent's. Of what it leaves behind, its home and the paths that the tree does not have
//! are kept; everybody who needs them gets a copy, so nobody can change what others get.

mod cache;
mod copy;
mod key;

pub(super) use cache::{Cache, Kept as KeptSetup};

use super::Worker;
use super::checking::the_end_of;
use super::outcome::Site;
use crate::agent::clock::Clock;
use crate::agent::workspace::Workspace;
use crate::agent::{Ready, Stopped};
use crate::domain::ids::Sha;
use crate::domain::report::setup::told_to_the_model;
use crate::domain::setup::{NoSetup, Setup, SetupEnd, SetupRun};
use crate::domain::verification::Exit;
use crate::git::{Git, GitError, TreeFile, Worktree};
use crate::sandbox::{Access, Job, Sandbox, SandboxError};
use crate::worker::lease::Kept;
use anyhow::Context;
use cache::{Entry, Look, Shelf};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

/// All commands of a setup together take no longer than this.
const LONGEST: Duration = Duration::from_mins(10);

/// Somebody else who runs the same is waited for no longer than this.
const LONGEST_WAIT: Duration = Duration::from_mins(12);

/// What one attempt's commands need, made ready at most once.
pub(super) struct Preparing<'a> {
    git: &'a Git,
    sandbox: &'a Sandbox,
    worktree: &'a Worktree,
    setup: &'a Setup,
    shelf: Shelf,
    stop: &'a CancellationToken,
    clock: Clock,
    prepared: OnceCell<Prepared>,
    spread_out: OnceCell<PathBuf>,
    is_told: AtomicBool,
}

/// What became of it, and where it is.
pub(super) struct Prepared {
    pub(super) run: SetupRun,
    entry: Option<Entry>,
}

/// Why there is no result.
enum Trouble {
    Stopped,
    Ours(anyhow::Error),
}

impl From<anyhow::Error> for Trouble {
    fn from(error: anyhow::Error) -> Self {
        Self::Ours(error)
    }
}

impl From<GitError> for Trouble {
    fn from(error: GitError) -> Self {
        Self::Ours(error.into())
    }
}

impl Worker {
    /// What was being made when the process before this one ended.
    pub(crate) fn remove_half_setups(&self) {
        if let Err(error) = self.cache.remove_leftovers() {
            tracing::warn!(%error, "what was left of a setup cannot be removed");
        }
    }

    /// Whether any can be run here.
    pub(super) fn runs_setups(&self) -> bool {
        self.sandbox.as_ref().is_some_and(|sandbox| sandbox.no_setup().is_none())
    }

    /// The setup of this attempt, if the repository wants one and there are walls.
    pub(super) fn preparing<'a>(&'a self, site: Site<'a>, kept: &'a Kept) -> Option<Preparing<'a>> {
        let setup = site.task.brief.rules.setup.as_ref()?;
        Some(Preparing {
            git: &self.git,
            sandbox: self.sandbox.as_ref()?,
            worktree: site.worktree,
            setup,
            shelf: self.cache.shelf(site.task.account, site.task.repository),
            stop: &kept.stop,
            clock: kept.clock.clone(),
            prepared: OnceCell::new(),
            spread_out: OnceCell::new(),
            is_told: AtomicBool::new(false),
        })
    }
}

impl Preparing<'_> {
    /// What became of it. The first who asks waits for it; the task's own time does not run meanwhile.
    pub(super) async fn result(&self) -> Result<&Prepared, Stopped> {
        let prepare = async {
            let _pause = self.clock.pause();
            self.prepare().await
        };
        self.prepared.get_or_try_init(|| prepare).await
    }

    /// The walls for commands in the agent's workspace, where everything is laid out now.
    pub(super) async fn ready(&self, workspace: &Workspace) -> Result<Option<Ready>, Stopped> {
        let prepared = self.result().await?;
        let is_told = self.is_told.swap(true, Ordering::Relaxed);
        let told = if is_told { String::new() } else { told_to_the_model(&prepared.run) };
        let Some(entry) = &prepared.entry else {
            return Ok(Some(Ready { sandbox: self.sandbox.clone(), told }));
        };
        let home = self.worktree.beside("home");
        let lay_out = async {
            let _pause = self.clock.pause();
            let paths = self.beyond(self.worktree.base(), entry).await?;
            workspace.set_apart(&paths);
            self.lay_out((entry, paths), workspace.root_folder(), &home).await?;
            Ok::<_, Stopped>(home.clone())
        };
        let home = self.spread_out.get_or_try_init(|| lay_out).await?;
        Ok(Some(Ready { sandbox: self.sandbox.clone().at_home(home), told }))
    }

    /// The walls for commands in another tree, with a copy of everything in it.
    pub(super) async fn behind(
        &self,
        commit: &Sha,
        tree: &Path,
        home: &Path,
    ) -> Result<Sandbox, Stopped> {
        let Some(entry) = &self.result().await?.entry else { return Ok(self.sandbox.clone()) };
        let paths = self.beyond(commit, entry).await?;
        self.lay_out((entry, paths), tree, home).await?;
        Ok(self.sandbox.clone().at_home(home))
    }

    /// What a setup brings that this tree does not have itself: it may be another one than the setup saw.
    async fn beyond(&self, tree: &Sha, entry: &Entry) -> Result<Vec<String>, Stopped> {
        let files = self.git.files_of(self.worktree, tree).await;
        let files = files.map_err(|error| Stopped::Storage(error.to_string()))?;
        let has = |path: &String| {
            let mut files = files.iter().map(|file| file.path.as_str());
            files.any(|file| Path::new(file).starts_with(path) || Path::new(path).starts_with(file))
        };
        Ok(entry.paths.iter().filter(|path| !has(path)).cloned().collect())
    }

    async fn lay_out(
        &self,
        (entry, paths): (&Entry, Vec<String>),
        tree: &Path,
        home: &Path,
    ) -> Result<(), Stopped> {
        let folder = entry.folder.clone();
        let (tree, home) = (tree.to_owned(), home.to_owned());
        let work = move || {
            copy::tree(&folder.join(cache::HOME), &home)?;
            let files = folder.join(cache::FILES);
            paths.iter().try_for_each(|path| copy::into(&files, path, &tree))
        };
        let done = tokio::task::spawn_blocking(work).await.map_err(std::io::Error::other).flatten();
        done.map_err(|error| Stopped::Storage(format!("laying out what a setup fetched: {error}")))
    }

    async fn prepare(&self) -> Result<Prepared, Stopped> {
        let began = Instant::now();
        let (came_to, output, entry) = match self.sandbox.no_setup() {
            Some(why) => (SetupEnd::NotRun(why), String::new(), None),
            None => match self.find_or_fetch().await {
                Ok(found) => found,
                Err(Trouble::Stopped) => return Err(Stopped::Released),
                Err(Trouble::Ours(error)) => {
                    tracing::warn!(error = format!("{error:#}"), "a setup could not be run");
                    (SetupEnd::NotRun(NoSetup::Broken), String::new(), None)
                }
            },
        };
        let millis = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let run = SetupRun { command: self.setup.line(), came_to, millis, output };
        Ok(Prepared { run, entry })
    }

    async fn find_or_fetch(&self) -> Result<Fetched, Trouble> {
        let files = self.git.files_of(self.worktree, &self.setup.commit).await?;
        let key = |branch| key::of(self.setup, branch, &self.sandbox.tools(), &files);
        let own = if self.setup.is_default { None } else { Some(self.setup.branch.as_str()) };
        if own.is_some()
            && let Some(entry) =
                self.shelf.find(&key(None)).context("looking for an earlier setup")?
        {
            // What the default branch fetched is good for everybody; the other way round it is not.
            return Ok((SetupEnd::FromCache, String::new(), Some(entry)));
        }
        match self.look(&key(own)).await? {
            Look::Found(entry) => Ok((SetupEnd::FromCache, String::new(), Some(entry))),
            Look::Mine(place) => self.fetch(&files, place).await,
        }
    }

    /// Waits for somebody else who fetches the same.
    async fn look(&self, key: &str) -> Result<Look, Trouble> {
        tokio::select! {
            () = self.stop.cancelled() => Err(Trouble::Stopped),
            () = tokio::time::sleep(LONGEST_WAIT) => {
                Err(Trouble::Ours(anyhow::Error::msg("others are at the same setup for too long")))
            }
            look = self.shelf.look(key) => Ok(look.context("looking for an earlier setup")?),
        }
    }

    async fn fetch(&self, files: &[TreeFile], place: cache::Place) -> Result<Fetched, Trouble> {
        let checkout = self.git.check_out(self.worktree, &self.setup.commit).await?;
        let (tree, home) = (checkout.tree(), checkout.beside("home"));
        std::fs::create_dir(&home).context("a home for a setup")?;
        let (exit, output) = self.run(&tree, &home).await?;
        if exit != Exit::Code(0) {
            return Ok((SetupEnd::Failed(exit), output, None));
        }
        let known = files.iter().map(|file| file.path.clone()).collect();
        let work = move || place.keep(&tree, &home, &known);
        let kept = tokio::task::spawn_blocking(work).await.context("keeping it")?;
        // Only now may it be removed: what is kept was moved out of it.
        drop(checkout);
        Ok(match kept.context("keeping what a setup fetched")? {
            Some(entry) => (SetupEnd::Done, String::new(), Some(entry)),
            None => (SetupEnd::TooLarge, String::new(), None),
        })
    }

    /// Runs the commands up to the first that fails.
    async fn run(&self, tree: &Path, home: &Path) -> Result<(Exit, String), Trouble> {
        let sandbox = self.sandbox.clone().at_home(home);
        let until = Instant::now() + LONGEST;
        let root = sandbox.sees(tree).display().to_string();
        for command in &self.setup.commands {
            let time = until.saturating_duration_since(Instant::now()).max(Duration::from_secs(1));
            let job = Job { command, workspace: tree, access: Access::ReadWrite, time };
            let ran = sandbox.run_setup(job, self.stop).await.map_err(|error| match error {
                SandboxError::Stopped => Trouble::Stopped,
                SandboxError::Unusable(why) => Trouble::Ours(anyhow::Error::msg(why)),
            })?;
            if ran.exit != Exit::Code(0) {
                return Ok((ran.exit, the_end_of(&ran.output, &root)));
            }
        }
        Ok((Exit::Code(0), String::new()))
    }
}

/// How it ended, what it printed if it failed, and where it is.
type Fetched = (SetupEnd, String, Option<Entry>);
