//! Reads GitHub's JSON into our own events, with small structs of only the fields that we use.
//!
//! An event or an action that we do not know is [`Event::Ignored`]; a body that does not fit its
//! event is an error, because somebody put the wrong name on it.

use crate::domain::command::scan::may_ask;
use crate::domain::event::{Account, Commented, Event, Installation, Person, Repository, Thread};
use crate::domain::ids::{AccountId, InstallationId, RepoName, RepositoryId};
use chrono::{DateTime, Utc};
use serde::Deserialize;

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
        && payload.action == "created"
    {
        return Ok(payload.into_event());
    }
    let misfit = |e: serde_json::Error| PayloadError::Misfit {
        event: event.to_owned(),
        reason: e.to_string(),
    };
    let envelope: Envelope =
        serde_json::from_slice(body).map_err(|e| PayloadError::NotJson(e.to_string()))?;
    let action = envelope.action.unwrap_or_default();
    match (event, action.as_str()) {
        ("ping", _) => Ok(Event::Ping),
        (
            "installation",
            "created" | "deleted" | "suspend" | "unsuspend" | "new_permissions_accepted",
        ) => {
            let payload: InstallationPayload = serde_json::from_slice(body).map_err(misfit)?;
            let installation = payload.installation;
            let account = installation.account.into_account();
            let installation = Installation { id: InstallationId(installation.id), account };
            Ok(match action.as_str() {
                "created" => Event::Installed(installation),
                "deleted" => Event::Uninstalled(installation),
                "suspend" => Event::Suspended(installation),
                _ => Event::Allowed(installation),
            })
        }
        ("issue_comment", "created") => {
            let payload: IssueCommentPayload = serde_json::from_slice(body).map_err(misfit)?;
            Ok(payload.into_event())
        }
        ("issue_comment" | "installation", "") => {
            Err(PayloadError::Misfit { event: event.to_owned(), reason: "no action".to_owned() })
        }
        (_, "") => Ok(Event::Ignored(format!("the event {event} is not used"))),
        _ => Ok(Event::Ignored(format!("{event}.{action} is not used"))),
    }
}

#[derive(Deserialize)]
struct Envelope {
    action: Option<String>,
}

#[derive(Deserialize)]
struct InstallationPayload {
    installation: FullInstallation,
}

#[derive(Deserialize)]
struct FullInstallation {
    id: i64,
    account: User,
}

#[derive(Deserialize)]
struct IssueCommentPayload {
    action: String,
    issue: Issue,
    comment: Comment,
    repository: Repo,
    sender: User,
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

impl User {
    fn into_account(self) -> Account {
        Account { id: AccountId(self.id), login: self.login, kind: self.kind }
    }
}

impl IssueCommentPayload {
    fn into_event(self) -> Event {
        // A program may write under a person's name through an App; that is no person typing.
        let is_bot = self.sender.kind != "User" || self.comment.performed_via_github_app.is_some();
        if is_bot {
            return Event::Ignored(format!(
                "the comment is by {}, which is not a person",
                self.sender.login
            ));
        }
        let body = self.comment.body.unwrap_or_default();
        if !may_ask(&body) {
            return Event::Ignored("the comment has no command".to_owned());
        }
        let name =
            RepoName { owner: self.repository.owner.login.clone(), name: self.repository.name };
        Event::Commented(Box::new(Commented {
            installation: self.installation.map(|i| InstallationId(i.id)),
            repository: Repository {
                id: RepositoryId(self.repository.id),
                owner: self.repository.owner.into_account(),
                name,
                private: self.repository.private,
                archived: self.repository.archived,
                default_branch: self.repository.default_branch,
                updated_at: self.repository.updated_at,
            },
            thread: Thread {
                number: self.issue.number,
                title: self.issue.title,
                body: self.issue.body.unwrap_or_default(),
                author: self.issue.user.map(|u| u.login),
                is_pull_request: self.issue.pull_request.is_some(),
            },
            comment_id: self.comment.id,
            body,
            url: self.comment.html_url,
            created_at: self.comment.created_at,
            sender: Person { id: self.sender.id, login: self.sender.login, is_bot },
        }))
    }
}
