//! What GitHub tells us, with only the fields that matter here.
//!
//! GitHub's own payloads are read in `delivery` and nowhere else.

mod state;

use super::command::Command;
use super::command::button::Button;
use super::ids::{AccountId, InstallationId, RepoName, RepositoryId, Sha};
use super::text_enum;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use state::{AsOf, Choice, Named, Proposal, ProposalState, Purchase};

/// One delivery, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// GitHub tries out the webhook.
    Ping,
    /// The App was installed, and reaches these repositories.
    Installed(Installation, Vec<Named>),
    /// The App was uninstalled.
    Uninstalled(Installation),
    /// A person suspended the App: it may do nothing until they take that back.
    Suspended(Installation),
    /// The App may work again, or was granted more permissions.
    Allowed(Installation),
    /// Somebody wrote or edited a comment, or opened an issue or a pull request.
    Commented(Box<Commented>),
    /// Somebody put a label that asks for something on an issue or pull request, or took it away.
    Labelled(Box<Labelled>),
    /// Somebody pressed a button of a check run of ours.
    Pressed(Box<Pressed>),
    /// Somebody wants all checks of a commit again.
    Rerequested(Box<Rerequested>),
    /// A repository has another name, owner or state, with the installation that saw it.
    Changed(Box<Repository>, Option<InstallationId>),
    /// A repository is gone for ever, with the installation that saw it.
    Deleted(Box<Repository>, Option<InstallationId>),
    /// People chose other repositories for the App.
    Chosen(Box<Choice>),
    /// An account has another login.
    Renamed(Account),
    /// A pull request of a program's changed.
    Proposed(Box<Proposal>),
    /// An account has another plan of the Marketplace, or none.
    Subscribed(Box<Purchase>),
    /// Something that we do not act on, and why.
    Ignored(String),
}

/// An installation and the account it is on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installation {
    /// The installation.
    pub id: InstallationId,
    /// Where it is installed.
    pub account: Account,
    /// Whether a person has suspended it.
    pub is_suspended: bool,
    /// Of when this is.
    pub as_of: AsOf,
}

/// A person or an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// GitHub's id.
    pub id: AccountId,
    /// The login today.
    pub login: String,
    /// `User` or `Organization`.
    pub kind: String,
}

/// A repository as the payload shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    /// GitHub's id.
    pub id: RepositoryId,
    /// The account that owns it.
    pub owner: Account,
    /// The name today.
    pub name: RepoName,
    /// Whether only its members see it.
    pub private: bool,
    /// Whether it is read-only.
    pub archived: bool,
    /// The default branch; an empty repository has a name for it but no branch.
    pub default_branch: String,
    /// Which of two payloads is newer.
    pub updated_at: DateTime<Utc>,
}

/// Who did something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// GitHub's id.
    pub id: i64,
    /// The login today.
    pub login: String,
    /// Whether it is a program.
    pub is_bot: bool,
}

/// An issue or a pull request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thread {
    /// Its number in the repository.
    pub number: i64,
    /// Its title.
    pub title: String,
    /// Its first text.
    pub body: String,
    /// Who opened it; a deleted account has no login.
    pub author: Option<String>,
    /// Whether it is a pull request.
    pub is_pull_request: bool,
}

text_enum!(
    /// What somebody wrote into, or pressed.
    Source {
        /// A comment on an issue or in a pull request's conversation.
        Comment = "comment",
        /// The first text of an issue.
        IssueBody = "issue_body",
        /// The first text of a pull request.
        PullRequestBody = "pr_body",
        /// A review, as a whole.
        Review = "review",
        /// A comment at a line of a pull request's change.
        ReviewComment = "review_comment",
        /// A button of a check run.
        CheckRun = "check_run",
        /// A label of an issue or pull request.
        Label = "label",
        /// Nothing: the pull request is there, and the repository wants a review of each.
        Offer = "offer",
        /// Nothing: something was pushed to the pull request, and the repository wants a review of that.
        Push = "push",
    }
);

/// Words that may ask for something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commented {
    /// The installation that the delivery was sent for.
    pub installation: Option<InstallationId>,
    /// Where.
    pub repository: Repository,
    /// Below what.
    pub thread: Thread,
    /// Into what it was written.
    pub source: Source,
    /// GitHub's id of that.
    pub comment_id: i64,
    /// Where in the change it stands, if it does.
    pub line: Option<AtLine>,
    /// What it says.
    pub body: String,
    /// What it said before, if it was edited.
    pub before: Option<String>,
    /// Where people read it.
    pub url: String,
    /// When it was written, or edited.
    pub at: DateTime<Utc>,
    /// Who wrote it.
    pub sender: Person,
}

/// A line of a pull request's change, with the thread below it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AtLine {
    /// The file.
    pub path: String,
    /// The line, if it is known.
    pub line: Option<i64>,
    /// `LEFT` or `RIGHT`.
    pub side: String,
    /// The part of the change that GitHub shows above the thread.
    pub hunk: String,
    /// The first comment of the thread: what is answered goes below it.
    pub first: i64,
}

impl Source {
    /// Whether nobody asked, so that nobody waits for an answer.
    pub const fn is_automatic(self) -> bool {
        matches!(self, Self::Offer | Self::Push)
    }
}

/// A pull request that may be looked at without being asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The installation that the delivery was sent for.
    pub installation: Option<InstallationId>,
    /// Where.
    pub repository: Repository,
    /// The pull request.
    pub thread: Thread,
    /// GitHub's id of it.
    pub pull_request: i64,
    /// Where its branch is.
    pub head: Sha,
    /// Where the branch is that it is for.
    pub base: Sha,
    /// The name of that.
    pub base_branch: String,
    /// Whether it was there before, and something was pushed to it.
    pub by_push: bool,
    /// Where people read it.
    pub url: String,
    /// When this was so.
    pub at: DateTime<Utc>,
    /// Who opened it, if it may be reviewed.
    pub for_review_by: Option<Person>,
    /// Who brought its commits, if what they say of the configuration may be looked at.
    pub configured_by: Option<Person>,
}

/// A label that asks for something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labelled {
    /// The installation that the delivery was sent for.
    pub installation: Option<InstallationId>,
    /// Where.
    pub repository: Repository,
    /// On what.
    pub thread: Thread,
    /// GitHub's id of that.
    pub thread_id: i64,
    /// What stands on it.
    pub label: String,
    /// What it asks for.
    pub command: Command,
    /// Whether it was taken away.
    pub is_removed: bool,
    /// Where people read it.
    pub url: String,
    /// When the issue or pull request changed so.
    pub at: DateTime<Utc>,
    /// Who did it.
    pub sender: Person,
}

/// A button of a check run that somebody pressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pressed {
    /// The installation that the delivery was sent for.
    pub installation: Option<InstallationId>,
    /// Where.
    pub repository: Repository,
    /// GitHub's id of the check run.
    pub check_run: i64,
    /// What it shows: a task, or a command that became none.
    pub shows: Uuid,
    /// Which button.
    pub button: Button,
    /// Where people read it.
    pub url: String,
    /// Who pressed it.
    pub sender: Person,
}

/// All checks of a commit are wanted again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rerequested {
    /// The installation that the delivery was sent for.
    pub installation: Option<InstallationId>,
    /// Where.
    pub repository: Repository,
    /// The App whose checks these are.
    pub app: u64,
    /// GitHub's id of all of its checks of this commit.
    pub suite: i64,
    /// The commit.
    pub head: Sha,
    /// When.
    pub at: DateTime<Utc>,
    /// Who wants it.
    pub sender: Person,
}

impl Rerequested {
    /// What tells this press from every other.
    pub fn key(&self) -> String {
        format!("suite:{}:{}", self.suite, self.at.timestamp())
    }
}

#[expect(clippy::derivable_impls, reason = "the enum is made by a macro")]
impl Default for Source {
    fn default() -> Self {
        Self::Comment
    }
}
