//! Rate limits: requests an hour, and content created a minute and an hour, per installation.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::{
    Identity,
    call::{Asked, Call},
    reply::{Answer, Reply},
};
use crate::simulator::{journal::Auth, world::World};

/// How much an installation may do.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Requests an hour.
    pub requests_an_hour: usize,
    /// Content-creating requests a minute.
    pub writes_a_minute: usize,
    /// Content-creating requests an hour.
    pub writes_an_hour: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { requests_an_hour: 5000, writes_a_minute: 80, writes_an_hour: 500 }
    }
}

/// Counts a request, and refuses it when it is one too many.
pub(crate) fn count(world: &mut World, identity: &Identity, asked: &Asked) -> Result<(), Reply> {
    let Identity::Token(grant) = identity else { return Ok(()) };
    if asked.path.starts_with("/rate_limit") {
        return Ok(());
    }
    let (now, limits) = (world.now(), world.limits);
    let Some(installation) = world.installations.get_mut(&grant.installation) else {
        return Ok(());
    };
    let hour_ago = now - TimeDelta::hours(1);
    installation.requests.retain(|at| *at > hour_ago);
    installation.writes.retain(|at| *at > hour_ago);
    if installation.requests.len() >= limits.requests_an_hour {
        let id = installation.id;
        let message = format!("API rate limit exceeded for installation ID {id}.");
        return Err(Reply::refuse(403, &message));
    }
    installation.requests.push(now);
    if !matches!(asked.method.as_str(), "POST" | "PUT" | "PATCH") {
        return Ok(());
    }
    let minute_ago = now - TimeDelta::minutes(1);
    let recent = installation.writes.iter().filter(|at| **at > minute_ago).count();
    let wait = if recent >= limits.writes_a_minute {
        60
    } else if installation.writes.len() >= limits.writes_an_hour {
        900
    } else {
        installation.writes.push(now);
        return Ok(());
    };
    let message = "You have exceeded a secondary rate limit and have been temporarily blocked \
                   from content creation. Please retry your request again later.";
    let reply = Reply::refuse(403, message).with_header("retry-after", wait);
    Err(reply)
}

/// What was on its way when the installation was asked to wait is no mistake.
const ON_ITS_WAY: TimeDelta = TimeDelta::milliseconds(250);

/// Notes for how long a reply asks an installation to wait.
pub(crate) fn close(world: &mut World, auth: &Auth, reply: &Reply) {
    let Auth::Token { installation, .. } = auth else { return };
    let Some(until) = reply.asks_to_wait(world.now()) else { return };
    let now = world.now();
    if let Some(found) = world.installations.get_mut(installation)
        && found.closed.is_none_or(|(_, until)| until <= now)
    {
        found.closed = Some((now, until));
    }
}

/// Refuses a request of an installation that was asked to wait.
pub(crate) fn keep_out(world: &World, identity: &Identity) -> Result<(), Reply> {
    let Identity::Token(grant) = identity else { return Ok(()) };
    let closed = world.installations.get(&grant.installation).and_then(|found| found.closed);
    let now = world.now();
    let Some((since, until)) = closed.filter(|(_, until)| *until > now) else { return Ok(()) };
    let wait = (until - now).num_seconds().max(1);
    let message = "You have exceeded a secondary rate limit.";
    let mut reply = Reply::refuse(403, message).with_header("retry-after", wait);
    let was_told = now - since > ON_ITS_WAY;
    let note = if was_told { "inside a limit's window" } else { "planned fault" };
    note.clone_into(&mut reply.note);
    Err(reply)
}

/// Adds the headers that every reply has.
pub(crate) fn describe(world: &World, asked: &Asked, auth: &Auth, reply: &mut Reply) {
    let version = asked.header("x-github-api-version");
    let version = if version.is_empty() { "2022-11-28" } else { version };
    reply.add_header("x-github-media-type", "github.v3; format=json");
    reply.add_header("x-github-api-version-selected", version);
    if let Auth::Token { installation, .. } = auth {
        let state = state(world, Some(*installation));
        for name in ["limit", "remaining", "used", "reset"] {
            let value = state.get(name).and_then(Value::as_i64).unwrap_or(0);
            reply.add_header(&format!("x-ratelimit-{name}"), value);
        }
        reply.add_header("x-ratelimit-resource", "core");
    }
}

/// `GET /rate_limit`, which costs nothing.
pub(crate) fn show(call: &Call<'_>) -> Answer {
    let installation = match &call.identity {
        Identity::Token(grant) => Some(grant.installation),
        Identity::App | Identity::Nobody => None,
    };
    let core = state(call.world, installation);
    let other = json!({"limit": 30, "remaining": 30, "used": 0, "reset": core.get("reset")});
    Reply::ok(&json!({
        "resources": {"core": core, "search": other, "graphql": core, "code_search": other,
            "integration_manifest": other},
        "rate": core,
    }))
}

fn state(world: &World, installation: Option<u64>) -> Value {
    let limit = world.limits.requests_an_hour;
    let found = installation.and_then(|id| world.installations.get(&id));
    let requests: &[DateTime<Utc>] = found.map_or(&[], |found| &found.requests);
    let first = requests.first().copied().unwrap_or_else(|| world.now());
    let reset = (first + TimeDelta::hours(1)).timestamp();
    let used = requests.len();
    json!({
        "limit": limit, "remaining": limit.saturating_sub(used), "used": used, "reset": reset,
        "resource": "core",
    })
}
