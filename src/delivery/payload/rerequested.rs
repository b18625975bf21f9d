//! All checks of a commit, which somebody wants again.

use super::{InstallationRef, Repo, User, time};
use crate::domain::event::{Event, Rerequested};
use crate::domain::ids::{InstallationId, Sha};
use chrono::{DateTime, Utc};
use serde::Deserialize;

#[derive(Deserialize)]
pub(super) struct CheckSuitePayload {
    check_suite: Suite,
    repository: Repo,
    sender: User,
    installation: Option<InstallationRef>,
}

#[derive(Deserialize)]
struct Suite {
    id: i64,
    head_sha: Sha,
    app: App,
    #[serde(default, deserialize_with = "time::number_or_text")]
    updated_at: DateTime<Utc>,
}

#[derive(Deserialize)]
struct App {
    id: u64,
}

impl CheckSuitePayload {
    pub(super) fn into_event(self) -> Event {
        if self.sender.kind != "User" {
            return Event::Ignored(format!(
                "it is by {}, which is not a person",
                self.sender.login
            ));
        }
        Event::Rerequested(Box::new(Rerequested {
            installation: self.installation.map(|i| InstallationId(i.id)),
            repository: self.repository.into_repository(),
            app: self.check_suite.app.id,
            suite: self.check_suite.id,
            head: self.check_suite.head_sha,
            at: self.check_suite.updated_at,
            sender: self.sender.into_person(),
        }))
    }
}
