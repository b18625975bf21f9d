//! The trace of a decision: what was read, what it asks for, and what would become of it.
//!
//! The decision itself is `domain::policy`'s. It is asked with everything granted that cannot be known
//! here, and the page says what was taken for granted.

mod states;

use crate::config::Models;
use crate::domain::command::{Command, Request, Verb};
use crate::domain::credit::Credits;
use crate::domain::event::{Installation, Pressed, Repository, Source, Thread};
use crate::domain::ids::{InstallationId, TaskId};
use crate::domain::policy::{Decision, Facts, Permission, RepositoryState, Start, decide};
use crate::domain::repo_config::{self, RepoConfig};
use crate::domain::report::refusal;
use crate::store::commands::NewCommand;
use crate::store::deliveries::{Digest, Fact};

/// Characters of a foreign text that are shown.
const LONGEST: usize = 300;

/// Everything that can be said about a delivery.
pub(super) fn trace(models: &Models, event: &str, digest: &Digest) -> String {
    let mut page = Page { models, repository: None, text: String::new() };
    page.line("event", event);
    match digest {
        Digest::Ignored(reason) | Digest::Failed(reason) => {
            page.line("ignored", reason);
            page.line("decided", "nothing: it is stored as ignored, for this reason");
        }
        Digest::Facts(facts) => facts.iter().for_each(|fact| page.fact(fact)),
    }
    page.text
}

struct Page<'a> {
    models: &'a Models,
    repository: Option<&'a Repository>,
    text: String,
}

impl<'a> Page<'a> {
    fn line(&mut self, what: &str, said: &str) {
        self.text.push_str(&format!("{what:<11} {}\n", plain(said)));
    }

    fn fact(&mut self, fact: &'a Fact) {
        match fact {
            Fact::Installed(on) => self.installation(on, "the App is installed"),
            Fact::Uninstalled(on) => self.installation(on, "the App is gone"),
            Fact::Suspended(on) => self.installation(on, "the App is suspended"),
            Fact::Allowed(on) => {
                self.installation(on, "the App may work, with what it was granted");
            }
            Fact::Chosen(choice) => self.choice(choice),
            Fact::Account(account) => self.account(account),
            Fact::Repository(repository, installation) => {
                self.repository(repository, *installation);
            }
            Fact::Deleted(_) => {
                self.line("decided", "the repository is gone: what is open in it ends, unpaid");
            }
            Fact::Proposed(proposal) => self.proposal(proposal),
            Fact::Bought(purchase, given) => self.bought(purchase, given),
            Fact::Command(command) => self.command(command),
            Fact::Unlabelled { key, .. } => {
                self.line("label", "taken away");
                self.line(
                    "decided",
                    &format!(
                        "what has a key that begins {key}, is older and has not begun is withdrawn"
                    ),
                );
            }
            Fact::Pressed(pressed) => self.pressed(pressed),
            Fact::Rerequested(suite) => self.rerequested(suite),
        }
    }

    fn installation(&mut self, on: &Installation, what: &str) {
        self.line("account", &format!("{} (id {})", on.account.login, on.account.id));
        self.line("decided", &format!("{what}, as installation {}", on.id));
    }

    fn repository(&mut self, repository: &'a Repository, installation: Option<InstallationId>) {
        let seen = if repository.private { "private" } else { "public" };
        let archived = if repository.archived { ", archived" } else { "" };
        let app = match installation {
            Some(id) => format!("installation {id}"),
            None => "sent for no installation of the App".to_owned(),
        };
        let Repository { name, id, default_branch, .. } = repository;
        self.line(
            "repository",
            &format!("{name} (id {id}), {seen}{archived}, default branch {default_branch}; {app}"),
        );
        self.repository = Some(repository);
    }

    fn command(&mut self, command: &NewCommand) {
        let asked = &command.asked;
        self.text.push('\n');
        self.line("sender", &format!("{} (id {})", command.sender.login, command.sender.id));
        self.line("thread", &thread(&asked.thread));
        self.line("source", &format!("{} {}", asked.source, asked.comment_id));
        if let Some(line) = &asked.line {
            self.line("at", &format!("{}:{}", line.path, line.line.unwrap_or_default()));
        }
        self.line("key", &command.key);
        match &asked.request {
            Request::Command(asked_for) => {
                self.asked(asked_for);
                self.decided(command, asked_for);
            }
            Request::Mistakes(mistakes) => {
                let told = refusal::mistakes(mistakes);
                for mistake in told.lines().filter_map(|line| line.strip_prefix("- ")) {
                    self.line("mistake", mistake);
                }
                let who = &command.sender.login;
                self.line("decided", &format!("an answer that lists the mistakes, if {who} has read permission; without a model and without credits"));
            }
            // Only the database knows that something was asked before.
            Request::Repeated(_) => self.line("decided", "an answer that names the earlier task"),
            Request::Configuring(proposed) => self.configuring(proposed),
        }
    }

    fn asked(&mut self, command: &Command) {
        self.line("verb", command.verb.as_str());
        for (key, value) in set_keys(command) {
            self.line("", &format!("{key}={value}"));
        }
        if !command.text.is_empty() {
            self.line("text", &command.text);
        }
        self.line(
            "needs",
            &format!("{} permission in the repository", command.verb.least_permission()),
        );
    }

    fn decided(&mut self, command: &NewCommand, asked: &Command) {
        let who = &command.sender.login;
        let needs = asked.verb.least_permission();
        match self.decide(command, asked) {
            Decision::Refuse(why) => {
                self.line("decided", &format!("refused: {}", refusal::refusal(&why)));
            }
            Decision::Answer => {
                let answer = match asked.verb {
                    Verb::Retry => "the earlier task once more; which one, the database knows",
                    Verb::Cancel => "the task is stopped; which one, the database knows",
                    Verb::Debug
                    | Verb::Ask
                    | Verb::Documentation
                    | Verb::Architect
                    | Verb::PrReview
                    | Verb::Async
                    | Verb::Help
                    | Verb::Status
                    | Verb::Models
                    | Verb::Credits
                    | Verb::Config
                    | Verb::Ping => "answered at once, without a model and without credits",
                };
                let or = if asked.verb == Verb::Cancel { " or asked for the task" } else { "" };
                self.line("decided", &format!("{answer}, if {who} has {needs} permission{or}"));
            }
            Decision::Start(start) => self.start(command, &start, needs),
        }
    }

    /// With everything granted that only GitHub and the database know.
    fn decide(&self, command: &NewCommand, asked: &Command) -> Decision {
        let is_archived = self.repository.is_some_and(|repository| repository.archived);
        let models = self.models;
        decide(&Facts {
            command: asked,
            permission: Permission::Admin,
            is_requester: true,
            on_pull_request: command.asked.thread.is_pull_request,
            // What the repository's files say is a condition of what is told.
            source: Source::Comment,
            config: &RepoConfig::default(),
            repository: if is_archived {
                RepositoryState::Archived
            } else {
                RepositoryState::Ready
            },
            catalog: &models.catalog,
            providers: &models.providers,
            default_model: models.default_model.as_deref(),
            available: Credits(i64::MAX),
            daily: models.daily,
            recent: &[],
        })
    }

    fn start(&mut self, command: &NewCommand, start: &Start, needs: Permission) {
        let limits = start.kind.limits();
        let minutes = limits.time.as_secs() / 60;
        self.line(
            "kind",
            &format!(
                "{}: at most {} model calls, {minutes} minutes and {}; {} to start",
                start.kind, limits.steps, limits.cap, limits.least
            ),
        );
        let named = if command_names_model(command) { "named" } else { "the default" };
        self.line("model", &format!("{}, {named}", start.model.id));
        let quote = start.quote;
        self.line(
            "credits",
            &format!(
                "{} held if they are available; {} to {} as an estimate without history",
                start.hold, quote.low.0, quote.high
            ),
        );
        let mut conditions = vec![
            format!("{} has {needs} permission", command.sender.login),
            wanted(command.asked.source),
            format!("the account has {} available, and today's limits leave them", limits.least),
        ];
        let on_pull_request = command.asked.thread.is_pull_request;
        conditions.extend(ground(on_pull_request, limits.may_edit).map(str::to_owned));
        self.line("decided", "a task, if");
        for condition in conditions {
            self.line("", &format!("- {condition}"));
        }
    }

    fn pressed(&mut self, pressed: &Pressed) {
        let (what, _) = pressed.button.words();
        let task = TaskId(pressed.shows);
        let command = pressed.button.command(task);
        self.text.push('\n');
        self.line("sender", &format!("{} (id {})", pressed.sender.login, pressed.sender.id));
        self.line(
            "button",
            &format!("{what} ({}) of check run {}", pressed.button, pressed.check_run),
        );
        self.line("key", &format!("{}:{}:{}", Source::CheckRun, pressed.check_run, pressed.button));
        self.asked(&command);
        self.line(
            "decided",
            &format!(
                "that command in the thread of task t_{}, if it is a task of this repository",
                task.short()
            ),
        );
    }
}

/// What the repository's configuration has to say.
fn wanted(source: Source) -> String {
    if source.is_automatic() {
        return format!(
            "the repository wants reviews that nobody asks for in {}",
            repo_config::PATH
        );
    }
    format!("the repository has nothing against it in {}", repo_config::PATH)
}

/// What must hold of the place where a task would start.
fn ground(on_pull_request: bool, may_edit: bool) -> Option<&'static str> {
    match (on_pull_request, may_edit) {
        (true, true) => Some(
            "the pull request is open; its change is a patch if its branch is in a fork or protected",
        ),
        (true, false) => None,
        (false, _) => Some("the branch to start from is there"),
    }
}

fn command_names_model(command: &NewCommand) -> bool {
    matches!(&command.asked.request, Request::Command(asked) if asked.options.model.is_some())
}

fn thread(thread: &Thread) -> String {
    let what = if thread.is_pull_request { "pull request" } else { "issue" };
    format!("{what} #{}: {}", thread.number, thread.title)
}

fn set_keys(command: &Command) -> impl Iterator<Item = (&'static str, String)> {
    let options = &command.options;
    [
        ("model", options.model.clone()),
        ("priority", options.priority.map(|priority| priority.to_string())),
        ("base", options.base.clone()),
        ("branch", options.branch.clone()),
        ("budget", options.budget.map(|budget| budget.0.to_string())),
        ("draft", options.draft.map(|draft| draft.to_string())),
        ("full", options.full.map(|full| full.to_string())),
    ]
    .into_iter()
    .filter_map(|(key, value)| Some((key, value?)))
}

/// Foreign words on one line, without what a terminal would obey.
fn plain(text: &str) -> String {
    let mut shown: String =
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST).collect();
    if text.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    shown.trim_end().to_owned()
}
