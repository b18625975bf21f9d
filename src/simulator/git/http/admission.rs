//! Who may fetch and who may push.

use axum::http::{HeaderMap, StatusCode, header};
use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{Refused, Service, Wish};
use crate::simulator::{
    github::{Identity, token_identity},
    hub::Hub,
    world::{Grant, covers},
};

/// Basic credentials `x-access-token:<token>`.
pub(super) fn identify(hub: &Hub, headers: &HeaderMap) -> Option<Grant> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    let pair = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (user, token) = pair.split_once(':')?;
    if !scheme.eq_ignore_ascii_case("basic") || user != "x-access-token" {
        return None;
    }
    match token_identity(&hub.world(), token)? {
        Identity::Token(grant) => Some(*grant),
        Identity::App | Identity::Nobody => None,
    }
}

/// The repository, if the token may do what is asked.
pub(super) fn admit(hub: &Hub, wish: &Wish, grant: &Grant) -> Result<u64, Refused> {
    let world = hub.world();
    let not_found = || (StatusCode::NOT_FOUND, "Repository not found.".to_owned());
    if let Some(moved) = world.moved_from(&wish.repository) {
        return Err((StatusCode::MOVED_PERMANENTLY, format!("{}.git", moved.full_name())));
    }
    let repository = world.repository_named(&wish.repository).ok_or_else(not_found)?;
    let installation = world.installations.get(&grant.installation);
    let theirs = installation.is_some_and(|one| one.reaches(repository));
    let listed = grant.repositories.as_ref().is_none_or(|ids| ids.contains(&repository.id));
    if !theirs || !listed {
        return Err(not_found());
    }
    let name = repository.full_name();
    if !covers(grant.permissions.get("contents"), wish.service.level()) {
        let bot = &hub.app.bot_login;
        let why = match wish.service {
            Service::Fetch => "Write access to repository not granted.".to_owned(),
            Service::Push => format!("Permission to {name}.git denied to {bot}."),
        };
        return Err((StatusCode::FORBIDDEN, why));
    }
    if repository.archived && wish.service == Service::Push {
        let why = "This repository was archived so it is read-only.";
        return Err((StatusCode::FORBIDDEN, why.to_owned()));
    }
    Ok(repository.id)
}
