//! What people do by hand: issues, pull requests, comments, commits.
//!
//! People are never limited by permissions here: the test says what happened.

mod buyers;
mod owners;
mod places;

use anyhow::Context as _;
use serde_json::json;

pub use self::places::RepositoryOptions;
use super::{
    Simulator,
    acts::{Edit, NewIssue, Stage, push::Move},
    git::Draft,
    world::{OnLine, Pull, Review, World},
};

/// A pull request to open.
#[derive(Debug, Clone, Default)]
pub struct Opening {
    /// Its title.
    pub title: String,
    /// Its description.
    pub body: String,
    /// The branch it brings; `login:branch` from a fork.
    pub head: String,
    /// The branch it goes to; the default branch if blank.
    pub base: String,
    /// Not ready yet.
    pub draft: bool,
}

impl Simulator {
    /// Opens an issue and says its number.
    pub fn open_issue(
        &self,
        repository: &str,
        login: &str,
        title: &str,
        body: &str,
    ) -> anyhow::Result<u64> {
        self.on(repository, login, |stage| {
            stage.open(NewIssue { author: login, title, body: Some(body), pull: None })
        })
    }

    /// Opens a pull request and says its number.
    pub fn open_pull_request(
        &self,
        repository: &str,
        login: &str,
        opening: &Opening,
    ) -> anyhow::Result<u64> {
        self.on(repository, login, |stage| {
            let found = stage.world.repository(stage.repository)?;
            let blank = opening.base.is_empty();
            let base = if blank { &found.default_branch } else { &opening.base };
            let (fork, head) = source(stage, &opening.head)?;
            let sha = |repository: u64, branch: &str| {
                let sha = stage.hub.git.reference(repository, &format!("refs/heads/{branch}"));
                sha.with_context(|| format!("no branch {branch}"))
            };
            let head_sha = sha(fork.unwrap_or(stage.repository), head)?;
            let base_sha = sha(stage.repository, base)?;
            if let Some(fork) = fork {
                stage.hub.git.take(stage.repository, fork, &head_sha)?;
            }
            let size = stage.hub.git.size(stage.repository, &base_sha, &head_sha)?;
            let pull = Pull {
                fork,
                head: head.to_owned(),
                base: base.clone(),
                head_sha,
                base_sha,
                draft: opening.draft,
                merged_at: None,
                maintainer_can_modify: false,
                size,
            };
            let (title, body) = (opening.title.as_str(), Some(opening.body.as_str()));
            stage.open(NewIssue { author: login, title, body, pull: Some(pull) })
        })
    }

    /// Closes an issue or pull request, or opens it again.
    pub fn close(
        &self,
        repository: &str,
        number: u64,
        login: &str,
        closed: bool,
    ) -> anyhow::Result<()> {
        let action = if closed { "closed" } else { "reopened" };
        self.on(repository, login, |stage| {
            let found = stage.world.repository(stage.repository)?.issues.get(&number);
            let pull = found.and_then(|issue| issue.pull.clone());
            let is_decided = pull.as_ref().is_some_and(|pull| pull.merged_at.is_some());
            let has_branch = pull.as_ref().is_none_or(|pull| {
                let home = pull.fork.unwrap_or(stage.repository);
                stage.hub.git.reference(home, &format!("refs/heads/{}", pull.head)).is_some()
            });
            if !closed && (is_decided || !has_branch) {
                anyhow::bail!("#{number} cannot be opened again");
            }
            let edit = Edit { action, what: action, extra: json!({}) };
            stage.edit(number, edit, |issue| issue.open = !closed)
        })
    }

    /// Merges a pull request: its base moves to its head (a fast-forward), and it is closed.
    pub fn merge(&self, repository: &str, number: u64, login: &str) -> anyhow::Result<()> {
        self.on(repository, login, |stage| {
            let found = stage.world.repository(stage.repository)?.issues.get(&number);
            let pull =
                found.and_then(|issue| issue.pull.clone()).context("no such pull request")?;
            if pull.draft {
                anyhow::bail!("#{number} is a draft, which nobody can merge");
            }
            let reference = format!("refs/heads/{}", pull.base);
            let old = stage.hub.git.reference(stage.repository, &reference).context("no base")?;
            if !stage.hub.git.is_ancestor(stage.repository, &old, &pull.head_sha) {
                anyhow::bail!("#{number} cannot be fast-forwarded");
            }
            stage.hub.git.set_reference(stage.repository, &reference, &pull.head_sha)?;
            let now = stage.world.now();
            let edit = Edit { action: "closed", what: "merged", extra: json!({}) };
            stage.edit(number, edit, |issue| {
                issue.open = false;
                if let Some(pull) = &mut issue.pull {
                    pull.merged_at = Some(now);
                }
            })?;
            stage.pushed(&Move { reference, old: Some(old), new: Some(pull.head_sha) })
        })
    }

    /// Puts a label on an issue or pull request.
    pub fn label(
        &self,
        repository: &str,
        number: u64,
        login: &str,
        label: &str,
    ) -> anyhow::Result<()> {
        let extra =
            json!({"label": super::github::render::label(&self.hub.urls.api, repository, label)});
        self.on(repository, login, |stage| {
            let what = format!("labeled {label}");
            let edit = Edit { action: "labeled", what: &what, extra };
            stage.edit(number, edit, |issue| issue.labels.push(label.to_owned()))
        })
    }

    /// Takes a label away.
    pub fn unlabel(
        &self,
        repository: &str,
        number: u64,
        login: &str,
        label: &str,
    ) -> anyhow::Result<()> {
        let extra =
            json!({"label": super::github::render::label(&self.hub.urls.api, repository, label)});
        self.on(repository, login, |stage| {
            let what = format!("unlabeled {label}");
            let edit = Edit { action: "unlabeled", what: &what, extra };
            stage.edit(number, edit, |issue| issue.labels.retain(|have| have != label))
        })
    }

    /// Comments and says the comment's id.
    pub fn comment(
        &self,
        repository: &str,
        number: u64,
        login: &str,
        body: &str,
    ) -> anyhow::Result<u64> {
        self.on(repository, login, |stage| stage.comment(number, body))
    }

    /// Gives a comment another text.
    pub fn edit_comment(
        &self,
        repository: &str,
        id: u64,
        login: &str,
        body: &str,
    ) -> anyhow::Result<()> {
        self.on(repository, login, |stage| stage.edit_comment(id, body))
    }

    /// Deletes a comment.
    pub fn delete_comment(&self, repository: &str, id: u64, login: &str) -> anyhow::Result<()> {
        self.on(repository, login, |stage| stage.delete_comment(id))
    }

    /// Comments at a line of a pull request's change, or replies to such a comment; says its id.
    pub fn comment_at_line(
        &self,
        (repository, number): (&str, u64),
        login: &str,
        at: &AtLine<'_>,
        body: &str,
    ) -> anyhow::Result<u64> {
        self.on(repository, login, |stage| {
            let review = stage.world.next_id();
            let found = stage.world.repository(stage.repository)?;
            let issue = found.issues.get(&number).context("no such pull request")?;
            let pull = issue.pull.as_ref().context("it is an issue")?;
            let line = match at {
                AtLine::New { path, line } => OnLine {
                    path: (*path).to_owned(),
                    line: *line,
                    hunk: hunk_of(stage, pull, path)?,
                    commit: pull.head_sha.clone(),
                    review,
                    reply_to: None,
                    is_resolved: false,
                },
                AtLine::Below(first) => {
                    let first = found.comments.get(first).context("no such comment")?;
                    let line = first.line.clone().context("it stands at no line")?;
                    OnLine { reply_to: Some(line.reply_to.unwrap_or(first.id)), review, ..line }
                }
            };
            stage.say(number, body, Some(line))
        })
    }

    /// Submits a review without comments at lines; says its id.
    pub fn submit_review(
        &self,
        repository: &str,
        number: u64,
        login: &str,
        body: &str,
    ) -> anyhow::Result<u64> {
        self.on(repository, login, |stage| {
            let found = stage.world.repository(stage.repository)?;
            let issue = found.issues.get(&number).context("no such pull request")?;
            let pull = issue.pull.as_ref().context("it is an issue")?;
            let review = Review {
                commit: pull.head_sha.clone(),
                id: stage.world.next_id(),
                number,
                author: login.to_owned(),
                state: "COMMENTED",
                body: body.to_owned(),
                comments: Vec::new(),
                submitted_at: stage.world.now(),
            };
            let id = review.id;
            stage.review(review)?;
            Ok(id)
        })
    }

    /// Writes something else into a review.
    pub fn edit_review(
        &self,
        repository: &str,
        id: u64,
        login: &str,
        body: &str,
    ) -> anyhow::Result<()> {
        self.on(repository, login, |stage| stage.edit_review(id, body))
    }

    /// Presses a button of a check run.
    pub fn press(
        &self,
        repository: &str,
        check: u64,
        login: &str,
        button: &str,
    ) -> anyhow::Result<()> {
        self.on(repository, login, |stage| {
            let extra = json!({"requested_action": {"identifier": button}});
            stage.tell_check("requested_action", check, extra)
        })
    }

    /// Presses GitHub's own button, which has a check run again.
    pub fn rerequest(&self, repository: &str, check: u64, login: &str) -> anyhow::Result<()> {
        self.on(repository, login, |stage| stage.tell_check("rerequested", check, json!({})))
    }

    /// Presses GitHub's button that has all checks of a commit again. Only an App that has some is told.
    pub fn rerequest_all(&self, repository: &str, sha: &str, login: &str) -> anyhow::Result<()> {
        self.on(repository, login, |stage| {
            let found = stage.world.repository(stage.repository)?;
            if !found.checks.values().any(|run| run.head_sha == sha) {
                anyhow::bail!("there is no check of {sha}");
            }
            stage.tell_suite_again(sha)
        })
    }

    /// Commits files to a branch, made from the default branch if it is new; says the SHA.
    /// A file without content is deleted.
    pub fn commit_as(
        &self,
        repository: &str,
        login: &str,
        branch: &str,
        files: &[(&str, Option<&str>)],
    ) -> anyhow::Result<String> {
        self.on(repository, login, |stage| commit(stage, branch, files, false))
    }

    /// Makes a branch anew from the default branch, with these files, and pushes it by force.
    pub fn rewrite_branch(
        &self,
        repository: &str,
        login: &str,
        branch: &str,
        files: &[(&str, Option<&str>)],
    ) -> anyhow::Result<String> {
        self.on(repository, login, |stage| commit(stage, branch, files, true))
    }

    fn on<T>(
        &self,
        repository: &str,
        actor: &str,
        act: impl FnOnce(&mut Stage<'_>) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let mut world = self.arrange();
        world.account(actor).with_context(|| format!("nobody is called {actor}"))?;
        let repository = world.repository_id(repository)?;
        act(&mut Stage { hub: &self.hub, world: &mut world, repository, actor })
    }

    pub(super) fn arrange(&self) -> std::sync::MutexGuard<'_, World> {
        let mut world = self.hub.world();
        world.quiet = self.quiet;
        world
    }
}

/// Commits files on top of a branch, or of the default branch.
fn commit(
    stage: &mut Stage<'_>,
    branch: &str,
    files: &[(&str, Option<&str>)],
    anew: bool,
) -> anyhow::Result<String> {
    let login = stage.actor;
    let git = &stage.hub.git;
    let reference = format!("refs/heads/{branch}");
    let main = stage.world.repository(stage.repository)?.default_branch.clone();
    let old = git.reference(stage.repository, &reference);
    let parent = old
        .clone()
        .filter(|_| !anew)
        .or_else(|| git.reference(stage.repository, &format!("refs/heads/{main}")));
    let files: Vec<(String, Option<Vec<u8>>)> = files
        .iter()
        .map(|(path, text)| ((*path).to_owned(), text.map(|text| text.as_bytes().to_vec())))
        .collect();
    let author = stage.world.account(login).context("no such person")?;
    let first = files.first().map_or("nothing", |(path, _)| path.as_str());
    let message = format!("Update {first}");
    let at = stage.world.now();
    if let (true, Some(parent)) = (anew, &parent) {
        git.set_reference(stage.repository, &reference, parent)?;
    }
    let draft =
        Draft { branch, parent: parent.as_deref(), author, message: &message, at, files: &files };
    let new = git.commit(stage.repository, &draft)?;
    stage.pushed(&Move { reference, old, new: Some(new.clone()) })?;
    Ok(new)
}

/// Where somebody comments in a change.
#[derive(Debug, Clone, Copy)]
pub enum AtLine<'a> {
    /// At a line of a file, after the change.
    New {
        /// The file.
        path: &'a str,
        /// The line.
        line: u64,
    },
    /// Below another such comment.
    Below(u64),
}

/// The first hunk of a file, as GitHub shows it above a comment.
fn hunk_of(stage: &Stage<'_>, pull: &Pull, path: &str) -> anyhow::Result<String> {
    let changes = stage.hub.git.changes(stage.repository, &pull.base_sha, &pull.head_sha)?;
    let change = changes.into_iter().find(|change| change.path == path);
    change.and_then(|change| change.patch).context("the file did not change")
}

/// The fork and the branch that a pull request comes from.
fn source<'a>(stage: &Stage<'_>, head: &'a str) -> anyhow::Result<(Option<u64>, &'a str)> {
    let Some((login, branch)) = head.split_once(':') else { return Ok((None, head)) };
    let name = &stage.world.repository(stage.repository)?.name;
    let fork = stage.world.repository_id(&format!("{login}/{name}"))?;
    Ok((Some(fork).filter(|fork| *fork != stage.repository), branch))
}
