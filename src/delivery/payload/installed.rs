//! Where the App is installed, whether it may work there, and which repositories it reaches.

use super::{User, time};
use crate::domain::event::{AsOf, Choice, Event, Installation, Named};
use crate::domain::ids::{InstallationId, RepoName, RepositoryId};
use chrono::{DateTime, Utc};
use serde::Deserialize;

/// Of two things in one second: a person can only take back a suspension that is there.
const BEGUN: u8 = 0;
const SUSPENDED: u8 = 1;
const TAKEN_BACK: u8 = 2;

#[derive(Deserialize)]
pub(super) struct InstallationPayload {
    installation: FullInstallation,
    #[serde(default)]
    repositories: Vec<ShortRepository>,
}

#[derive(Deserialize)]
struct FullInstallation {
    id: i64,
    account: User,
    suspended_at: Option<serde::de::IgnoredAny>,
    #[serde(default, deserialize_with = "time::number_or_text")]
    updated_at: DateTime<Utc>,
}

#[derive(Deserialize)]
pub(super) struct ChoicePayload {
    installation: FullInstallation,
    repositories_added: Vec<ShortRepository>,
    repositories_removed: Vec<ShortRepository>,
}

#[derive(Deserialize)]
struct ShortRepository {
    id: i64,
    full_name: String,
    #[serde(default)]
    private: bool,
}

#[derive(Deserialize)]
pub(super) struct RenamedPayload {
    account: Renamed,
    target_type: String,
}

/// Other than everywhere else, it does not say of itself what it is.
#[derive(Deserialize)]
struct Renamed {
    id: i64,
    login: String,
}

impl FullInstallation {
    fn into_installation(self, rank: u8) -> Installation {
        Installation {
            id: InstallationId(self.id),
            account: self.account.into_account(),
            is_suspended: self.suspended_at.is_some(),
            as_of: AsOf::new(self.updated_at, rank),
        }
    }
}

impl InstallationPayload {
    pub(super) fn into_event(self, action: &str) -> Event {
        let reached = named(self.repositories);
        let stands = |rank| self.installation.into_installation(rank);
        match action {
            "created" => Event::Installed(stands(BEGUN), reached),
            "deleted" => Event::Uninstalled(stands(BEGUN)),
            "suspend" => Event::Suspended(Installation { is_suspended: true, ..stands(SUSPENDED) }),
            "unsuspend" => {
                Event::Allowed(Installation { is_suspended: false, ..stands(TAKEN_BACK) })
            }
            _ => Event::Allowed(stands(BEGUN)),
        }
    }
}

impl ChoicePayload {
    pub(super) fn into_event(self) -> Event {
        Event::Chosen(Box::new(Choice {
            installation: self.installation.into_installation(BEGUN),
            added: named(self.repositories_added),
            removed: named(self.repositories_removed),
        }))
    }
}

fn named(list: Vec<ShortRepository>) -> Vec<Named> {
    list.into_iter().filter_map(ShortRepository::into_named).collect()
}

impl ShortRepository {
    fn into_named(self) -> Option<Named> {
        let (owner, name) = self.full_name.split_once('/')?;
        let name = RepoName { owner: owner.to_owned(), name: name.to_owned() };
        Some(Named { id: RepositoryId(self.id), name, private: self.private })
    }
}

impl RenamedPayload {
    pub(super) fn into_event(self) -> Event {
        let Renamed { id, login } = self.account;
        Event::Renamed(User { id, login, kind: self.target_type }.into_account())
    }
}
