//! Reads GitHub's JSON into our own events, with small structs of only the fields that we use.
//!
//! An event or an action that we do not know is [`Event::Ignored`]; a body that does not fit its
//! event is an error, because somebody put the wrong name on it.

mod bought;
mod in_review;
mod installed;
mod labelled;
mod offered;
mod pressed;
mod proposed;
mod pull;
mod rerequested;
mod time;

pub use offered::offered;

use crate::domain::command::scan::may_ask;
use crate::domain::event::{Account, AtLine, Commented, Event, Person, Repository, Source, Thread};
use crate::domain::ids::{AccountId, InstallationId, RepoName, RepositoryId};
use bought::MarketplacePayload;
use chrono::{DateTime, Utc};
use in_review::{LineCommentPayload, ReviewPayload};
use installed::{ChoicePayload, InstallationPayload, RenamedPayload};
use labelled::LabelPayload;
use pressed::CheckRunPayload;
use proposed::ProposalPayload;
use rerequested::CheckSuitePayload;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Why a body is no event.
#[derive(Debug, thiserror::Error)]
pub enum PayloadError {
    /// Not JSON, or not an object.
    #[error("the body is not a JSON object: {0}")]
    NotJson(String),
    /// JSON, but not what the event's name promises.
    #[error("the body does not fit the event {event}: {reason}")]
    Misfit {
        /// The event's name.
        event: String,
        /// What is missing or wrong.
        reason: String,
    },
}

/// Understands the body of a delivery. One event in hundreds asks for something, so most bodies are
/// read once and only skipped over.
pub fn parse(event: &str, body: &[u8]) -> Result<Event, PayloadError> {
    if event == "issue_comment"
        && let Ok(payload) = serde_json::from_slice::<IssueCommentPayload>(body)
        && matches!(payload.action.as_str(), "created" | "edited")
    {
        return Ok(payload.into_event());
    }
    let envelope: Envelope =
        serde_json::from_slice(body).map_err(|e| PayloadError::NotJson(e.to_string()))?;
    let action = envelope.action.unwrap_or_default();
    if event == "ping" {
        return Ok(Event::Ping);
    }
    let understood = asked(event, &action, body).or_else(|| told(event, &action, body));
    match (understood, action.as_str()) {
        (Some(understood), _) => understood,
        (None, "") if has_actions(event) => {
            Err(PayloadError::Misfit { event: event.to_owned(), reason: "no action".to_owned() })
        }
        (None, "") => Ok(Event::Ignored(format!("the event {event} is not used"))),
        (None, _) => Ok(Event::Ignored(format!("{event}.{action} is not used"))),
    }
}

/// What may ask for something.
fn asked(event: &str, action: &str, body: &[u8]) -> Option<Result<Event, PayloadError>> {
    Some(match (event, action) {
        ("issue_comment", "created" | "edited") => {
            read::<IssueCommentPayload>(event, body).map(IssueCommentPayload::into_event)
        }
        ("issues", "opened") => read::<IssuePayload>(event, body).map(IssuePayload::into_event),
        ("pull_request", "opened") => {
            read::<PullRequestPayload>(event, body).map(PullRequestPayload::into_event)
        }
        ("pull_request_review_comment", "created" | "edited") => {
            read::<LineCommentPayload>(event, body).map(LineCommentPayload::into_event)
        }
        ("pull_request_review", "submitted" | "edited") => {
            read::<ReviewPayload>(event, body).map(ReviewPayload::into_event)
        }
        ("issues" | "pull_request", "labeled" | "unlabeled") => {
            read::<LabelPayload>(event, body).map(|p| p.into_event(event == "pull_request"))
        }
        ("check_run", "requested_action" | "rerequested") => {
            read::<CheckRunPayload>(event, body).map(CheckRunPayload::into_event)
        }
        ("check_suite", "rerequested") => {
            read::<CheckSuitePayload>(event, body).map(CheckSuitePayload::into_event)
        }
        _ => return None,
    })
}

/// What tells how something is now.
fn told(event: &str, action: &str, body: &[u8]) -> Option<Result<Event, PayloadError>> {
    Some(match (event, action) {
        (
            "installation",
            "created" | "deleted" | "suspend" | "unsuspend" | "new_permissions_accepted",
        ) => read::<InstallationPayload>(event, body).map(|p| p.into_event(action)),
        ("installation_repositories", "added" | "removed") => {
            read::<ChoicePayload>(event, body).map(ChoicePayload::into_event)
        }
        ("installation_target", "renamed") => {
            read::<RenamedPayload>(event, body).map(RenamedPayload::into_event)
        }
        ("github_app_authorization", "revoked") => {
            Ok(Event::Ignored("no token of a person is kept".to_owned()))
        }
        (
            "repository",
            "renamed" | "transferred" | "archived" | "unarchived" | "privatized" | "publicized"
            | "deleted",
        ) => read::<RepositoryPayload>(event, body).map(|p| p.into_event(action)),
        (
            "pull_request",
            "closed" | "reopened" | "edited" | "converted_to_draft" | "ready_for_review"
            | "synchronize",
        ) => read::<ProposalPayload>(event, body).map(|p| p.into_event(action)),
        ("marketplace_purchase", "purchased" | "changed" | "cancelled") => {
            read::<MarketplacePayload>(event, body).map(|p| p.into_event(action))
        }
        ("marketplace_purchase", "pending_change" | "pending_change_cancelled") => {
            Ok(Event::Ignored("it is not in force yet; GitHub tells when it is".to_owned()))
        }
        _ => return None,
    })
}

/// Whether we use the event, which then always has an action.
fn has_actions(event: &str) -> bool {
    super::UNASKED_EVENTS.iter().chain(super::SUBSCRIBED_EVENTS).any(|used| *used == event)
}

fn read<P: DeserializeOwned>(event: &str, body: &[u8]) -> Result<P, PayloadError> {
    serde_json::from_slice(body)
        .map_err(|e| PayloadError::Misfit { event: event.to_owned(), reason: e.to_string() })
}

#[derive(Deserialize)]
struct Envelope {
    action: Option<String>,
}

#[derive(Deserialize)]
struct IssueCommentPayload {
    action: String,
    #[serde(default)]
    changes: Changes,
    issue: Issue,
    comment: Comment,
    repository: Repo,
    sender: User,
    installation: Option<InstallationRef>,
}

/// What an edit changed.
#[derive(Default, Deserialize)]
struct Changes {
    body: Option<Was>,
}

#[derive(Deserialize)]
struct Was {
    from: Option<String>,
}

#[derive(Deserialize)]
struct IssuePayload {
    issue: Opened,
    repository: Repo,
    sender: User,
    installation: Option<InstallationRef>,
}

#[derive(Deserialize)]
struct PullRequestPayload {
    pull_request: Opened,
    repository: Repo,
    sender: User,
    installation: Option<InstallationRef>,
}

/// A new issue or pull request.
#[derive(Deserialize)]
struct Opened {
    id: i64,
    number: i64,
    title: String,
    body: Option<String>,
    user: Option<User>,
    html_url: String,
    created_at: DateTime<Utc>,
    performed_via_github_app: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct RepositoryPayload {
    repository: Repo,
    installation: Option<InstallationRef>,
}

#[derive(Deserialize)]
struct InstallationRef {
    id: i64,
}

#[derive(Deserialize)]
struct Issue {
    number: i64,
    title: String,
    body: Option<String>,
    /// Absent for a deleted account.
    user: Option<User>,
    /// Present if and only if the issue is a pull request.
    pull_request: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct Comment {
    id: i64,
    body: Option<String>,
    html_url: String,
    created_at: DateTime<Utc>,
    updated_at: Option<DateTime<Utc>>,
    performed_via_github_app: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct Repo {
    id: i64,
    name: String,
    owner: User,
    #[serde(default)]
    private: bool,
    #[serde(default)]
    archived: bool,
    default_branch: String,
    updated_at: DateTime<Utc>,
}

#[derive(Deserialize)]
struct User {
    id: i64,
    login: String,
    #[serde(rename = "type", default)]
    kind: String,
}

impl Changes {
    /// What an edited text said before. An edit that left the text alone adds nothing to it.
    fn before(self, action: &str, now: &str) -> Option<String> {
        (action == "edited").then(|| match self.body {
            Some(was) => was.from.unwrap_or_default(),
            None => now.to_owned(),
        })
    }
}

impl RepositoryPayload {
    fn into_event(self, action: &str) -> Event {
        // A transfer is told to the installation of whoever had the repository, and not of its owner now.
        let installation = self.installation.filter(|_| action != "transferred");
        let installation = installation.map(|i| InstallationId(i.id));
        let repository = Box::new(self.repository.into_repository());
        if action == "deleted" {
            return Event::Deleted(repository, installation);
        }
        Event::Changed(repository, installation)
    }
}

impl User {
    fn into_person(self) -> Person {
        let is_bot = self.kind != "User";
        Person { id: self.id, login: self.login, is_bot }
    }

    fn into_account(self) -> Account {
        Account { id: AccountId(self.id), login: self.login, kind: self.kind }
    }
}

impl IssueCommentPayload {
    fn into_event(self) -> Event {
        let (issue, comment) = (self.issue, self.comment);
        let thread = Thread {
            number: issue.number,
            title: issue.title,
            body: issue.body.unwrap_or_default(),
            author: issue.user.map(|u| u.login),
            is_pull_request: issue.pull_request.is_some(),
        };
        let body = comment.body.unwrap_or_default();
        let before = self.changes.before(&self.action, &body);
        let edited_at = comment.updated_at.filter(|_| before.is_some());
        let words = Words {
            source: Source::Comment,
            id: comment.id,
            body,
            before,
            url: comment.html_url,
            at: edited_at.unwrap_or(comment.created_at),
            line: None,
            by_an_app: comment.performed_via_github_app.is_some(),
        };
        words.into_event(thread, self.sender, self.repository, self.installation)
    }
}

impl IssuePayload {
    fn into_event(self) -> Event {
        let (words, thread) = self.issue.split(Source::IssueBody);
        words.into_event(thread, self.sender, self.repository, self.installation)
    }
}

impl PullRequestPayload {
    fn into_event(self) -> Event {
        let (words, thread) = self.pull_request.split(Source::PullRequestBody);
        words.into_event(thread, self.sender, self.repository, self.installation)
    }
}

impl Opened {
    fn split(self, source: Source) -> (Words, Thread) {
        let body = self.body.unwrap_or_default();
        let words = Words {
            source,
            id: self.id,
            body: body.clone(),
            before: None,
            url: self.html_url,
            at: self.created_at,
            line: None,
            by_an_app: self.performed_via_github_app.is_some(),
        };
        let thread = Thread {
            number: self.number,
            title: self.title,
            body,
            author: self.user.map(|u| u.login),
            is_pull_request: source == Source::PullRequestBody,
        };
        (words, thread)
    }
}

/// What somebody wrote, wherever it was.
struct Words {
    source: Source,
    id: i64,
    body: String,
    before: Option<String>,
    url: String,
    at: DateTime<Utc>,
    line: Option<AtLine>,
    by_an_app: bool,
}

impl Words {
    fn into_event(
        self,
        thread: Thread,
        sender: User,
        repository: Repo,
        installation: Option<InstallationRef>,
    ) -> Event {
        // A program may write under a person's name through an App; that is no person typing.
        let is_bot = sender.kind != "User" || self.by_an_app;
        if is_bot {
            return Event::Ignored(format!("it is by {}, which is not a person", sender.login));
        }
        if !may_ask(&self.body) {
            return Event::Ignored("the text has no command".to_owned());
        }
        Event::Commented(Box::new(Commented {
            installation: installation.map(|i| InstallationId(i.id)),
            repository: repository.into_repository(),
            thread,
            source: self.source,
            comment_id: self.id,
            body: self.body,
            before: self.before,
            url: self.url,
            at: self.at,
            line: self.line,
            sender: Person { id: sender.id, login: sender.login, is_bot },
        }))
    }
}

impl Repo {
    fn into_repository(self) -> Repository {
        Repository {
            id: RepositoryId(self.id),
            name: RepoName { owner: self.owner.login.clone(), name: self.name },
            owner: self.owner.into_account(),
            private: self.private,
            archived: self.archived,
            default_branch: self.default_branch,
            updated_at: self.updated_at,
        }
    }
}
