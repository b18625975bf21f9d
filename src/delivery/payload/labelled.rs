//! Labels put on issues and pull requests, and taken away.

use super::{InstallationRef, Repo, User};
use crate::domain::command::label;
use crate::domain::event::{Event, Labelled, Person, Thread};
use crate::domain::ids::InstallationId;
use chrono::{DateTime, Utc};
use serde::Deserialize;

#[derive(Deserialize)]
pub(super) struct LabelPayload {
    action: String,
    label: Option<Label>,
    #[serde(alias = "pull_request")]
    issue: Labelable,
    repository: Repo,
    sender: User,
    installation: Option<InstallationRef>,
}

#[derive(Deserialize)]
struct Label {
    name: String,
}

/// An issue or a pull request.
#[derive(Deserialize)]
struct Labelable {
    id: i64,
    number: i64,
    title: String,
    body: Option<String>,
    user: Option<User>,
    html_url: String,
    #[serde(default)]
    labels: Vec<Label>,
    updated_at: DateTime<Utc>,
}

impl LabelPayload {
    pub(super) fn into_event(self, is_pull_request: bool) -> Event {
        let label = self.label.map(|label| label.name).unwrap_or_default();
        let Some(verb) = label::asked_by(&label) else {
            return Event::Ignored("the label asks for nothing".to_owned());
        };
        if self.sender.kind != "User" {
            let login = self.sender.login;
            return Event::Ignored(format!("it is by {login}, which is not a person"));
        }
        let issue = self.issue;
        let thread = Thread {
            number: issue.number,
            title: issue.title,
            body: issue.body.unwrap_or_default(),
            author: issue.user.map(|user| user.login),
            is_pull_request,
        };
        Event::Labelled(Box::new(Labelled {
            installation: self.installation.map(|i| InstallationId(i.id)),
            repository: self.repository.into_repository(),
            thread,
            thread_id: issue.id,
            command: label::command(
                &label,
                verb,
                issue.labels.iter().map(|label| label.name.as_str()),
            ),
            label,
            is_removed: self.action == "unlabeled",
            url: issue.html_url,
            at: issue.updated_at,
            sender: Person { id: self.sender.id, login: self.sender.login, is_bot: false },
        }))
    }
}
