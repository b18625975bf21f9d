//! One attempt at a task: a workspace at the pinned commit, the agent in it, and the result sealed.

use super::Worker;
use super::broken::Broken;
use super::checking::Checks;
use super::journal::StepJournal;
use super::lease::Kept;
use super::outcome::Site;
use super::past::{NOT_KEPT, last_patch};
use crate::agent::workspace::Workspace;
use crate::agent::{self, Assignment, Before, Outcome, Stopped, StoredStep, TaskText};
use crate::domain::catalog::{Model, Provider};
use crate::domain::report::{self, detail};
use crate::domain::task::End;
use crate::domain::text;
use crate::git::{Remote, Worktree};
use crate::github::{Place, Purpose};
use crate::store::claims::ClaimedTask;
use crate::store::steps::{self, Holder};
use crate::store::tasks::Sealed;
use anyhow::Context;
use sha2::{Digest as _, Sha256};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

/// The files in which a repository tells how it wants to be treated; the first that is there counts.
const GUIDANCE_FILES: [&str; 3] = ["AGENTS.md", "CLAUDE.md", "CONTRIBUTING.md"];
/// Where a repository says how it wants pull requests described.
/// <https://docs.github.com/communities/using-templates-to-encourage-useful-issues-and-pull-requests/creating-a-pull-request-template-for-your-repository>
const TEMPLATES: [&str; 6] = [
    ".github/pull_request_template.md",
    ".github/PULL_REQUEST_TEMPLATE.md",
    "pull_request_template.md",
    "PULL_REQUEST_TEMPLATE.md",
    "docs/pull_request_template.md",
    "docs/PULL_REQUEST_TEMPLATE.md",
];
/// The most of one that is shown to the model.
const LONGEST_GUIDANCE: usize = 16 * 1024;

impl Worker {
    /// Runs the attempt, and sees to it that the task goes on or ends whatever happens.
    pub(super) async fn attempt(
        &self,
        task: &ClaimedTask,
        shutdown: &CancellationToken,
    ) -> anyhow::Result<()> {
        let holder = Holder { task: task.id, lease: task.lease };
        let kept = Kept::keep(self.store.clone(), holder, self.timing, task.active, shutdown);
        let broken = match self.try_once(task, &kept).await {
            Ok(sealed) => {
                self.store.seal(task.id, task.lease, sealed).await.context("sealing")?;
                return Ok(());
            }
            Err(broken) => broken,
        };
        self.break_off(task, &kept, &broken).await
    }

    async fn try_once(&self, task: &ClaimedTask, kept: &Kept) -> Result<Sealed, Broken> {
        let Some(place) = place(task) else {
            let detail = Some(detail::app_is_gone());
            let outcome = report::Outcome { detail, ..report::Outcome::default() };
            return Ok(Sealed { end: End::Cancelled, outcome, acts: Vec::new() });
        };
        let model = self
            .catalog
            .by_id(&task.model)
            .with_context(|| format!("{} is no longer in the catalog", task.model))?;
        let fallback = self.fallback(task, model);
        self.may_ask(task, model, fallback)?;
        let worktree = tokio::select! {
            worktree = self.workspace(task, &place) => worktree?,
            () = kept.stop.cancelled() => return Err(Stopped::Released.into()),
        };
        let subject = self.subject(task, &worktree, model).await?;
        let site = Site { task, place: &place, worktree: &worktree, subject: subject.as_ref() };
        let outcome = self.run_agent(site, model, fallback, kept).await?;
        self.sealed(site, outcome).await
    }

    /// The model that goes on if the task's own fails: the one that has done so already, or the
    /// operator's choice if its service has a key.
    fn fallback(&self, task: &ClaimedTask, model: &Model) -> Option<&Model> {
        if let Some(id) = &task.fell_back_to {
            return self.catalog.by_id(id);
        }
        let chosen = self.catalog.by_id(model.fallback.as_deref()?);
        chosen.filter(|chosen| self.providers.contains(&chosen.provider))
    }

    /// Nothing is prepared for a task if no model that could work on it can be asked now.
    fn may_ask(
        &self,
        task: &ClaimedTask,
        model: &Model,
        fallback: Option<&Model>,
    ) -> Result<(), Stopped> {
        let own = Some(model).filter(|_| task.fell_back_to.is_none());
        let mut soonest: Option<(Provider, Duration)> = None;
        for Model { provider, .. } in own.into_iter().chain(fallback) {
            let Some(wait) = self.breaker.left_alone(*provider) else { return Ok(()) };
            if soonest.is_none_or(|(_, other)| wait < other) {
                soonest = Some((*provider, wait));
            }
        }
        let Some((provider, retry_in)) = soonest else { return Ok(()) };
        Err(Stopped::ModelAway { provider, retry_in })
    }

    async fn workspace(&self, task: &ClaimedTask, place: &Place) -> Result<Worktree, Broken> {
        let remote =
            Remote { account: task.account, repository: task.repository, name: task.name.clone() };
        self.forget_if_gone(task.account, task.repository).await?;
        let token = self.github.git_token(place, Purpose::Fetch).await?;
        // Held from before the fetch, or a mirror that is being made could be dropped again.
        let _mirror = self.git.use_mirror(&remote)?;
        self.git.fetch(&remote, &task.base_branch, &task.base_sha, &token).await?;
        if let Some(target) = &task.brief.target {
            self.git.fetch(&remote, &target.branch, &target.sha, &token).await?;
        }
        // The files of a setup are those of the pull request's base where the head is a stranger's.
        if let Some(setup) = task.brief.rules.setup.as_ref().filter(|_| self.runs_setups()) {
            self.git.fetch(&remote, &setup.branch, &setup.commit, &token).await?;
        }
        Ok(self.git.worktree(&remote, task.id, task.lease, &task.base_sha).await?)
    }

    async fn run_agent(
        &self,
        site: Site<'_>,
        model: &Model,
        fallback: Option<&Model>,
        kept: &Kept,
    ) -> Result<Outcome, Broken> {
        let Site { task, worktree, subject, .. } = site;
        let stored = self.store.steps(task.id).await?;
        let past = self.past(task, model).await?;
        let last_patch = last_patch(&stored).or(past.patch);
        if last_patch.as_deref() == Some(NOT_KEPT) {
            return Err(Broken::NotKept);
        }
        let workspace = Workspace::open(&worktree.tree()).context("opening the workspace")?;
        // Read before anything that an agent has changed is there.
        let task_text = TaskText {
            guidance: self.guidance(site, &workspace).await?,
            earlier: past.earlier,
            thread: self.thread(task, site.place).await?,
            ..task_text(task, &workspace)
        };
        if let Some(patch) = &last_patch {
            self.git.restore(worktree, patch).await?;
        }
        let assignment = Assignment {
            before: past.before,
            fallback: fallback.cloned(),
            review: subject.map(|subject| subject.input.clone()),
            sandbox: self.sandbox.clone(),
            task_text,
            already: already(stored)?,
            ..assignment(task, model, kept)
        };
        let setup = self.preparing(site, kept);
        let checks = match &self.sandbox {
            Some(sandbox) if task.kind.limits().may_edit => Some(Checks {
                sandbox,
                commands: self.check_commands(site).await?,
                stop: &kept.stop,
                protected: &task.brief.rules.protected,
                latest: Mutex::new(None),
                on_base: Mutex::default(),
            }),
            Some(_) | None => None,
        };
        let journal = StepJournal {
            store: &self.store,
            git: &self.git,
            worktree,
            setup: setup.as_ref(),
            holder: kept.holder,
            own: model,
            checks,
            last_patch: Mutex::new(last_patch),
        };
        Ok(agent::run(&assignment, &*self.llm, &workspace, &journal, &kept.stop).await?)
    }
}

impl Worker {
    /// What the maintainers say. The head of a pull request is what its author says: there it is read
    /// where the pull request goes to.
    async fn guidance(
        &self,
        site: Site<'_>,
        workspace: &Workspace,
    ) -> Result<Option<String>, Broken> {
        let Site { task, worktree, .. } = site;
        if !task.brief.thread.is_pull_request {
            return Ok(first_of(workspace, &GUIDANCE_FILES));
        }
        let Some(target) = &task.brief.target else { return Ok(None) };
        for name in GUIDANCE_FILES {
            if let Some(text) = self.git.text_at(worktree, &target.sha, name).await? {
                return Ok(Some(text::at_most(&text, LONGEST_GUIDANCE)));
            }
        }
        Ok(None)
    }
}

/// Where the task is worked on, as long as the App is there.
pub(super) fn place(task: &ClaimedTask) -> Option<Place> {
    let (repository, name) = (task.repository, task.name.clone());
    Some(Place { installation: task.installation?, repository, name })
}

fn assignment(task: &ClaimedTask, model: &Model, kept: &Kept) -> Assignment {
    Assignment {
        kind: task.kind,
        model: model.clone(),
        fallback: None,
        limits: task.kind.limits(),
        hold: task.hold,
        sandbox: None,
        fence: fence(task),
        task_text: TaskText::default(),
        review: None,
        before: Before::default(),
        already: Vec::new(),
        clock: kept.clock.clone(),
    }
}

/// The same for every attempt, so that all of them tell the model the same, and unknown to everybody
/// whose text stands within it: that was written before the task had a number.
fn fence(task: &ClaimedTask) -> String {
    let hash = hex::encode(Sha256::digest(task.id.0.as_bytes()));
    hash.chars().take(32).collect()
}

fn task_text(task: &ClaimedTask, workspace: &Workspace) -> TaskText {
    let brief = &task.brief;
    TaskText {
        number: brief.thread.number,
        title: brief.thread.title.clone(),
        body: brief.thread.body.clone(),
        instruction: brief.instruction.clone(),
        requester: brief.requester.login.clone(),
        repository: task.name.to_string(),
        is_pull_request: brief.thread.is_pull_request,
        line: brief.line.clone(),
        guidance: None,
        rules: brief.rules.instructions.clone(),
        template: opens_a_pull_request(task).then(|| first_of(workspace, &TEMPLATES)).flatten(),
        earlier: Vec::new(),
        thread: Vec::new(),
    }
}

/// The steps that have a reply; a call without one is made again.
pub(super) fn already(stored: Vec<steps::StoredStep>) -> anyhow::Result<Vec<StoredStep>> {
    let step = |stored: steps::StoredStep| -> anyhow::Result<Option<StoredStep>> {
        let model = stored.model;
        let Some(reply) = stored.reply else { return Ok(None) };
        let reply = serde_json::from_value(reply.0).context("a stored reply")?;
        let results = stored
            .results
            .map(|r| serde_json::from_value(r.0))
            .transpose()
            .context("stored results")?;
        Ok(Some(StoredStep { model, reply, results }))
    };
    stored.into_iter().filter_map(|s| step(s).transpose()).collect()
}

fn opens_a_pull_request(task: &ClaimedTask) -> bool {
    task.kind.limits().may_edit && !task.brief.thread.is_pull_request
}

/// The text of the first of these files that is there.
fn first_of(workspace: &Workspace, names: &[&str]) -> Option<String> {
    let read = |name: &&str| {
        let bytes = workspace.read(&workspace.path(name).ok()?).ok()?;
        String::from_utf8(bytes).ok()
    };
    let text = names.iter().find_map(read)?;
    Some(text::at_most(&text, LONGEST_GUIDANCE))
}
