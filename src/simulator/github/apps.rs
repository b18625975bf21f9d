//! The App itself: its installations and their tokens.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use rand::{Rng as _, RngCore as _, distr::Alphanumeric, rngs::StdRng};
use serde_json::{Value, json};

use super::{
    auth::names,
    call::Call,
    number,
    render::time,
    reply::{Answer, Reply},
};
use crate::simulator::{
    journal::Effect,
    world::{Grant, Installation, covers},
};

pub(crate) fn route(call: &mut Call<'_>, method: &str, parts: &[&str]) -> Answer {
    match (method, parts) {
        ("GET", ["app"]) => {
            call.app()?;
            Reply::ok(&call.render().app())
        }
        ("GET", ["app", "installations"]) => {
            call.app()?;
            let render = call.render();
            let all = call.world.installations.values();
            call.list(all.map(|one| render.installation(one)).collect())
        }
        ("GET", ["app", "installations", id]) => {
            call.app()?;
            let found = call.world.installations.get(&number(id)?).ok_or_else(Reply::absent)?;
            Reply::ok(&call.render().installation(found))
        }
        ("POST", ["app", "installations", id, "access_tokens"]) => mint(call, number(id)?),
        ("DELETE", ["installation", "token"]) => revoke(call),
        ("GET", ["installation", "repositories"]) => repositories(call),
        _ => Err(Reply::unknown_route()),
    }
}

pub(crate) fn of_repository(call: &Call<'_>, owner: &str, name: &str) -> Answer {
    call.app()?;
    let found = call.world.repository_named(&format!("{owner}/{name}"));
    let repository = found.ok_or_else(Reply::absent)?;
    of_account(call, &repository.owner)
}

pub(crate) fn of_account(call: &Call<'_>, owner: &str) -> Answer {
    call.app()?;
    let found = call.world.installation_of(owner).ok_or_else(Reply::absent)?;
    Reply::ok(&call.render().installation(found))
}

fn mint(call: &mut Call<'_>, id: u64) -> Answer {
    call.app()?;
    let installation = call.world.installations.get(&id).ok_or_else(Reply::absent)?;
    if installation.suspended_at.is_some() {
        return Err(Reply::refuse(403, "This installation has been suspended"));
    }
    let fields = call.fields(&["repositories", "repository_ids", "permissions"])?;
    let permissions = narrowed(&installation.permissions, fields.get("permissions"))?;
    let repositories = chosen(call, installation, &fields)?;
    let expires_at = call.world.now() + TimeDelta::hours(1);
    let grant = Grant { installation: id, permissions, repositories, expires_at };
    let wish = call.asked.header("x-github-stateless-s2s-token").to_owned();
    let token = new_token(&mut call.world.random, call.hub.app.app_id, &wish);
    call.world.tokens.insert(token.clone(), grant.clone());
    call.hub.effect(Effect::TokenMinted {
        installation: id,
        permissions: grant.permissions.clone(),
        repositories: names(call.world, &grant),
    });
    let selection = if grant.repositories.is_some() { "selected" } else { "all" };
    let mut body = json!({
        "token": token, "expires_at": time(expires_at), "permissions": grant.permissions,
        "repository_selection": selection,
    });
    if let (Some(ids), Value::Object(body)) = (&grant.repositories, &mut body) {
        let found = ids.iter().filter_map(|id| call.world.repositories.get(id));
        let list = found.map(|repository| call.render().repository(repository)).collect();
        body.insert("repositories".to_owned(), list);
    }
    Reply::created(&body)
}

/// The permissions asked for, all of them granted to the installation.
fn narrowed(
    granted: &BTreeMap<String, String>,
    wanted: Option<&Value>,
) -> Result<BTreeMap<String, String>, Reply> {
    let Some(wanted) = wanted.filter(|wanted| !wanted.is_null()) else {
        return Ok(granted.clone());
    };
    let Value::Object(wanted) = wanted else {
        return Err(Reply::invalid_request("For 'properties/permissions', it is not an object."));
    };
    let mut narrowed = BTreeMap::new();
    for (name, level) in wanted {
        let level = level.as_str().filter(|level| matches!(*level, "read" | "write" | "admin"));
        let fits = level.filter(|level| covers(granted.get(name), level));
        let Some(level) = fits else {
            let why = "The permissions requested are not granted to this installation.";
            return Err(Reply::refuse(422, why));
        };
        narrowed.insert(name.clone(), level.to_owned());
    }
    if let Some(metadata) = granted.get("metadata") {
        narrowed.entry("metadata".to_owned()).or_insert_with(|| metadata.clone());
    }
    Ok(narrowed)
}

/// The repositories asked for; `None` for all.
fn chosen(
    call: &Call<'_>,
    installation: &Installation,
    fields: &serde_json::Map<String, Value>,
) -> Result<Option<Vec<u64>>, Reply> {
    let wishes = |key: &str| match fields.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Array(list)) => Ok(Some(list.clone())),
        Some(_) => {
            Err(Reply::invalid_request(&format!("For 'properties/{key}', it is not an array.")))
        }
    };
    let (by_name, by_id) = (wishes("repositories")?, wishes("repository_ids")?);
    if by_name.is_none() && by_id.is_none() {
        return Ok(None);
    }
    let all = call.world.repositories.values();
    let mine: Vec<_> = all.filter(|one| installation.reaches(one)).collect();
    let mut ids = Vec::new();
    for wish in by_name.into_iter().flatten().chain(by_id.into_iter().flatten()) {
        let found = mine.iter().find(|one| {
            let named = wish.as_str().is_some_and(|name| one.name.eq_ignore_ascii_case(name));
            named || wish.as_u64() == Some(one.id)
        });
        let Some(found) = found else {
            let why = "There is at least one repository that does not exist or is not accessible \
                       to the parent installation.";
            return Err(Reply::refuse(422, why));
        };
        ids.push(found.id);
    }
    Ok(Some(ids))
}

/// Both forms exist; a header may ask for one.
fn new_token(random: &mut StdRng, app_id: u64, wish: &str) -> String {
    let stateless = match wish {
        "enabled" => true,
        "disabled" => false,
        _ => random.random(),
    };
    if !stateless {
        let tail = random.sample_iter(Alphanumeric).take(36).map(char::from);
        return format!("ghs_{}", tail.collect::<String>());
    }
    let mut part = |length: usize| {
        let mut bytes = vec![0; length];
        random.fill_bytes(&mut bytes);
        URL_SAFE_NO_PAD.encode(bytes)
    };
    format!("ghs_{app_id}_{}.{}.{}", part(27), part(150), part(200))
}

fn revoke(call: &mut Call<'_>) -> Answer {
    call.token()?;
    let secret = call.asked.header("authorization").split_once(' ');
    let secret = secret.map(|(_, secret)| secret.to_owned()).unwrap_or_default();
    call.world.tokens.remove(&secret);
    Reply::nothing()
}

fn repositories(call: &Call<'_>) -> Answer {
    let grant = call.token()?;
    let render = call.render();
    let all = call.world.repositories.values().filter(|one| call.sees(one.id).is_ok());
    let list: Vec<Value> = all.map(|one| render.repository(one)).collect();
    let selection = if grant.repositories.is_some() { "selected" } else { "all" };
    let total = list.len();
    let (items, link) = call.page(list);
    let body = json!({
        "total_count": total, "repository_selection": selection, "repositories": items,
    });
    let reply = Reply::json(200, &body);
    Ok(match link {
        Some(link) => reply.with_header("link", link),
        None => reply,
    })
}
