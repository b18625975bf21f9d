//! The REST API: reads a request, finds out who asks, and hands it to the right counter.
//!
//! Routes are matched on decoded path parts, so that refs and paths may contain slashes. An unknown
//! route is a 404 as on GitHub, and is marked in the journal so that a test can fail on it.

mod apps;
mod auth;
mod call;
mod checks;
mod compare;
mod contents;
mod deliveries;
mod fields;
mod graphql;
mod issues;
pub(crate) mod limits;
mod line_comments;
pub(crate) mod marketplace;
mod pulls;
mod reactions;
pub(crate) mod render;
mod reply;
mod repos;
mod reviews;

use std::sync::Arc;

use axum::{
    Router,
    extract::{DefaultBodyLimit, State},
    response::Response,
};

pub(crate) use self::auth::{Identity, token_identity};
use self::{
    call::{Asked, Call},
    reply::{Answer, Reply},
};
use super::{
    faults::Crossing,
    hub::Hub,
    journal::{Auth, Request, Wall},
    wire::Arrived,
};

pub(crate) fn router(hub: Arc<Hub>) -> Router {
    Router::new().fallback(serve).layer(DefaultBodyLimit::max(26_000_000)).with_state(hub)
}

async fn serve(State(hub): State<Arc<Hub>>, arrived: Arrived) -> Response {
    let cord = arrived.cord.clone();
    let asked = Asked::new(arrived);
    let crossing =
        Crossing { wall: Wall::Api, method: &asked.method, path: &asked.path, door: cord.door() };
    let mut trouble = hub.faults.take(&crossing);
    trouble.arrive().await;
    let planned = trouble.refusal.take().map(Reply::planned);
    let at_work = Arc::clone(&hub);
    let handled = tokio::task::spawn_blocking(move || handle(&at_work, &asked, planned)).await;
    let reply = handled.unwrap_or_else(|error| Reply::broken(&error.to_string()));
    trouble.leave(reply.into_response(), &cord).await
}

/// One request under one lock: recorded, answered, completed.
fn handle(hub: &Hub, asked: &Asked, planned: Option<Reply>) -> Reply {
    let mut world = hub.world();
    world.quiet = false;
    let who = auth::identify(hub, &world, &asked.headers);
    let auth = match &who {
        Ok(identity) => identity.auth(&world),
        Err(_) => Auth::Bad,
    };
    let request = Request {
        wall: Wall::Api,
        method: asked.method.clone(),
        path: asked.path.clone(),
        status: 0,
        auth: auth.clone(),
        body: asked.json.clone().unwrap_or_default(),
        refused: false,
        note: String::new(),
    };
    let sequence = hub.journal.request(request);
    let mut reply = planned.unwrap_or_else(|| {
        let answered = asked.acceptable().and_then(|()| {
            let identity = who?;
            limits::keep_out(&world, &identity)?;
            limits::count(&mut world, &identity, asked)?;
            let mut call = Call { hub, world: &mut world, asked, identity };
            let answer = route(&mut call);
            answer.map_err(|refusal| call.explain(refusal))
        });
        answered.unwrap_or_else(std::convert::identity)
    });
    limits::close(&mut world, &auth, &reply);
    limits::describe(&world, asked, &auth, &mut reply);
    reply.add_header("x-github-request-id", format!("SIM0:{sequence:06X}:1A2B3C:4D5E6F"));
    hub.journal.answered(sequence, reply.status, reply.is_refusal(), &reply.note);
    reply
}

fn route(call: &mut Call<'_>) -> Answer {
    let asked = call.asked;
    let parts: Vec<&str> = asked.parts.iter().map(String::as_str).collect();
    let method = asked.method.as_str();
    match (method, parts.as_slice()) {
        ("GET", ["rate_limit"]) => limits::show(call),
        ("POST", ["graphql"]) => graphql::answer(call),
        ("GET", ["users", login]) => repos::user(call, login),
        ("GET", ["repos", owner, name, "installation"]) => apps::of_repository(call, owner, name),
        ("GET", ["orgs" | "users", owner, "installation"]) => apps::of_account(call, owner),
        (_, ["app", "hook", rest @ ..]) => deliveries::route(call, method, rest),
        (_, ["marketplace_listing", rest @ ..]) => marketplace::route(call, method, rest),
        (_, ["app" | "installation", ..]) => apps::route(call, method, &parts),
        (_, ["repos", owner, name, rest @ ..]) => {
            let full_name = format!("{owner}/{name}");
            if let Some(moved) = call.world.moved_from(&full_name).map(|moved| moved.id) {
                return sent_on(call, moved, rest);
            }
            let found = call.world.repository_named(&full_name);
            let id = found.map(|repository| repository.id);
            in_repository(call, method, id, rest)
        }
        (_, ["repositories", id, rest @ ..]) => in_repository(call, method, id.parse().ok(), rest),
        _ => Err(Reply::unknown_route()),
    }
}

fn in_repository(call: &mut Call<'_>, method: &str, id: Option<u64>, rest: &[&str]) -> Answer {
    call.token()?;
    let id = id.ok_or_else(Reply::absent)?;
    call.sees(id)?;
    match rest {
        ["issues", "comments", comment, "reactions", more @ ..] => {
            reactions::route(call, method, id, reactions::On::Comment(number(comment)?), more)
        }
        ["issues", issue, "reactions", more @ ..] => {
            reactions::route(call, method, id, reactions::On::Issue(number(issue)?), more)
        }
        ["issues", more @ ..] => issues::route(call, method, id, more),
        ["pulls", "comments", comment, "reactions", more @ ..] => {
            reactions::route(call, method, id, reactions::On::Line(number(comment)?), more)
        }
        ["pulls", "comments", comment] => line_comments::one(call, method, id, number(comment)?),
        ["pulls", pull, "comments", more @ ..] => {
            line_comments::route(call, method, id, number(pull)?, more)
        }
        ["pulls", pull, "reviews", more @ ..] => {
            reviews::route(call, method, id, number(pull)?, more)
        }
        ["pulls", more @ ..] => pulls::route(call, method, id, more),
        ["compare", both @ ..] if method == "GET" => compare::two(call, id, &both.join("/")),
        ["check-runs", more @ ..] => checks::route(call, method, id, more),
        ["commits", reference @ .., "check-runs"] if method == "GET" => {
            checks::of_commit(call, id, &reference.join("/"))
        }
        ["contents", path @ ..] if method == "GET" => contents::get(call, id, &path.join("/")),
        _ => repos::route(call, method, id, rest),
    }
}

/// A repository keeps answering to its former names: it says where it is now.
fn sent_on(call: &Call<'_>, id: u64, rest: &[&str]) -> Answer {
    call.sees(id)?;
    let (status, word) = if call.asked.method == "GET" {
        (301, "Moved Permanently")
    } else {
        (307, "Temporary Redirect")
    };
    let rest: String = rest.iter().map(|part| format!("/{part}")).collect();
    Err(Reply::sent_on(status, word, &format!("{}/repositories/{id}{rest}", call.hub.urls.api)))
}

/// A number in a path.
fn number(part: &str) -> Result<u64, Reply> {
    part.parse().map_err(|_| Reply::unknown_route())
}
