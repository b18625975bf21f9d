//! Buttons of our check runs that somebody pressed.

use super::{InstallationRef, Repo, User};
use crate::domain::command::button::Button;
use crate::domain::event::{Event, Person, Pressed};
use crate::domain::ids::InstallationId;
use serde::Deserialize;

#[derive(Deserialize)]
pub(super) struct CheckRunPayload {
    check_run: CheckRun,
    requested_action: Option<RequestedAction>,
    repository: Repo,
    sender: User,
    installation: Option<InstallationRef>,
}

#[derive(Deserialize)]
struct CheckRun {
    id: i64,
    external_id: Option<String>,
    html_url: Option<String>,
}

#[derive(Deserialize)]
struct RequestedAction {
    identifier: String,
}

impl CheckRunPayload {
    pub(super) fn into_event(self) -> Event {
        if self.sender.kind != "User" {
            return Event::Ignored(format!(
                "it is by {}, which is not a person",
                self.sender.login
            ));
        }
        // Without an action it is GitHub's own button, which runs the check again.
        let button = match &self.requested_action {
            Some(action) => action.identifier.parse().ok(),
            None => Some(Button::Rerun),
        };
        let shows = self.check_run.external_id.as_deref().and_then(|id| id.parse().ok());
        let (Some(button), Some(shows)) = (button, shows) else {
            return Event::Ignored("the button is none of ours".to_owned());
        };
        Event::Pressed(Box::new(Pressed {
            installation: self.installation.map(|i| InstallationId(i.id)),
            repository: self.repository.into_repository(),
            check_run: self.check_run.id,
            shows,
            button,
            url: self.check_run.html_url.unwrap_or_default(),
            sender: Person { id: self.sender.id, login: self.sender.login, is_bot: false },
        }))
    }
}
