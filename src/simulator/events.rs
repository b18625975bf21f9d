//! Builds webhook payloads and queues them for whoever installed the App.
//!
//! An event is sent only where the App is installed, not suspended, and permitted to see it.

use serde_json::{Map, Value, json};

use super::{
    acts::with,
    github::render::{Render, installation_stub},
    hooks::{Parcel, guid},
    hub::Hub,
    world::{Installation, World},
};

/// What happened, before it is dressed as a payload.
pub(crate) struct Event<'a> {
    pub(crate) name: &'a str,
    pub(crate) action: Option<&'a str>,
    pub(crate) repository: u64,
    pub(crate) sender: &'a str,
    pub(crate) fields: Value,
}

impl Event<'_> {
    /// Queues the event, unless nobody is to hear of it.
    pub(crate) fn send(self, hub: &Hub, world: &mut World) {
        if world.quiet {
            return;
        }
        let Some(repository) = world.repositories.get(&self.repository) else { return };
        let Some(installation) = world.installation_of(&repository.owner) else { return };
        let hears = installation.reaches(repository) && permitted(installation, self.name);
        if installation.suspended_at.is_some() || !hears {
            return;
        }
        let id = installation.id;
        let render = Render::new(hub, world);
        let mut payload = Map::new();
        if let Some(action) = self.action {
            payload.insert("action".to_owned(), json!(action));
        }
        if let Value::Object(fields) = self.fields {
            payload.extend(fields);
        }
        payload.insert("repository".to_owned(), render.repository(repository));
        if render.is_organization(&repository.owner) {
            payload.insert("organization".to_owned(), render.organization(&repository.owner));
        }
        payload.insert("sender".to_owned(), render.user(self.sender));
        payload.insert("installation".to_owned(), installation_stub(id));
        if self.name == "push" {
            dress_push(&mut payload, repository.created_at.timestamp());
        }
        let parcel = Parcel {
            guid: guid(&mut world.random),
            event: self.name.to_owned(),
            action: self.action.map(str::to_owned),
            installation: Some(id),
            repository: Some(self.repository),
            payload: Value::Object(payload),
            redelivery: false,
        };
        hub.hooks.queue(parcel);
    }
}

/// What every App hears without asking: of its installations, its listing, its users.
pub(crate) struct Unasked<'a> {
    pub(crate) name: &'a str,
    pub(crate) action: &'a str,
    pub(crate) sender: &'a str,
    pub(crate) fields: Value,
}

impl Unasked<'_> {
    /// Queues the event.
    pub(crate) fn send(self, hub: &Hub, world: &mut World) {
        if world.quiet {
            return;
        }
        let action = json!({"action": self.action});
        let sender = json!({"sender": Render::new(hub, world).user(self.sender)});
        let installation = self.fields.pointer("/installation/id").and_then(Value::as_u64);
        let parcel = Parcel {
            guid: guid(&mut world.random),
            event: self.name.to_owned(),
            action: Some(self.action.to_owned()),
            installation,
            repository: None,
            payload: with(with(action, self.fields), sender),
            redelivery: false,
        };
        hub.hooks.queue(parcel);
    }

    /// The same, with an installation in full.
    pub(crate) fn of_installation(self, hub: &Hub, world: &mut World, id: u64) {
        let Some(found) = world.installations.get(&id) else { return };
        // Real deliveries have numbers here, whatever the description says.
        let times = json!({
            "created_at": found.created_at.timestamp(), "updated_at": found.updated_at.timestamp(),
        });
        let installation = with(Render::new(hub, world).installation(found), times);
        let fields = with(self.fields, json!({"installation": installation}));
        Unasked { fields, ..self }.send(hub, world);
    }
}

/// Queues `installation.<action>`, which every App hears.
pub(crate) fn installation(hub: &Hub, world: &mut World, action: &str, id: u64, sender: &str) {
    let Some(found) = world.installations.get(&id) else { return };
    let fields = if matches!(action, "created" | "deleted" | "new_permissions_accepted") {
        let repositories = Render::new(hub, world).short_repositories(found);
        json!({"repositories": repositories, "requester": null})
    } else {
        json!({})
    };
    Unasked { name: "installation", action, sender, fields }.of_installation(hub, world, id);
}

fn permitted(installation: &Installation, event: &str) -> bool {
    let permission = match event {
        "issues" | "issue_comment" => "issues",
        "pull_request" | "pull_request_review" | "pull_request_review_comment" => "pull_requests",
        "push" | "create" | "delete" => "contents",
        "check_run" | "check_suite" => "checks",
        _ => "metadata",
    };
    installation.permissions.contains_key(permission)
}

/// In a push the repository's times are numbers and its owner has a name.
fn dress_push(payload: &mut Map<String, Value>, created_at: i64) {
    let Some(Value::Object(repository)) = payload.get_mut("repository") else { return };
    repository.insert("created_at".to_owned(), json!(created_at));
    repository.insert("pushed_at".to_owned(), json!(created_at));
    let Some(Value::Object(owner)) = repository.get_mut("owner") else { return };
    let name = owner.get("login").cloned().unwrap_or_default();
    owner.insert("name".to_owned(), name);
    owner.insert("email".to_owned(), Value::Null);
}
