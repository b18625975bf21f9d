//! The model service: reads a request, checks it as strictly as the provider does, plays a script.
//!
//! It understands Anthropic's Messages API. It never invents an answer: without a script that fits,
//! the request is refused and the journal says so.

mod anthropic;
mod cache;
mod check;
mod replies;
mod stream;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::{
    Router,
    extract::{DefaultBodyLimit, State},
    http::{HeaderMap, Method, header::CONTENT_TYPE},
    response::{IntoResponse as _, Response},
};
use serde_json::{Value, json};

pub(crate) use self::replies::Wrong;
use self::{
    cache::Cache,
    replies::{plain, planned, put, refuse},
};
use super::{
    faults::Crossing,
    hub::Hub,
    journal::{Auth, Request, Wall},
    script::{Say, Script, Turn},
    wire::Arrived,
};

const KEY: &str = "sk-ant-simulated-0123456789abcdef";

/// The model service as a test sees it.
#[derive(Debug, Clone)]
pub struct Models {
    hub: Arc<Hub>,
}

impl Models {
    pub(crate) fn new(hub: Arc<Hub>) -> Self {
        Self { hub }
    }

    /// Adds a script. The first that fits a conversation is played; one without a condition is
    /// tried last.
    pub fn script(&self, script: Script) {
        self.hub.models.lock().scripts.push(script);
    }

    /// Forgets all scripts.
    pub fn clear_scripts(&self) {
        self.hub.models.lock().scripts.clear();
    }

    /// The key that is accepted.
    pub fn api_key(&self) -> &str {
        KEY
    }

    /// The bodies of all requests for a message, refused ones too.
    pub fn requests(&self) -> Vec<Value> {
        self.hub.models.lock().requests.clone()
    }
}

/// The service's own state.
#[derive(Debug)]
pub(crate) struct Desk(Mutex<DeskState>);

#[derive(Debug, Default)]
struct DeskState {
    scripts: Vec<Script>,
    requests: Vec<Value>,
    cache: Cache,
    /// What was said, by the id of each tool call in it.
    said: Vec<(String, Value)>,
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self(Mutex::default())
    }

    fn lock(&self) -> MutexGuard<'_, DeskState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How a request ends.
enum Ending {
    Message(Value),
    Events(String),
    Silence,
}

pub(crate) fn router(hub: Arc<Hub>) -> Router {
    Router::new().fallback(serve).layer(DefaultBodyLimit::max(40_000_000)).with_state(hub)
}

async fn serve(State(hub): State<Arc<Hub>>, arrived: Arrived) -> Response {
    let mut trouble = hub.faults.take(&crossing(&arrived));
    trouble.arrive().await;
    let sequence = record(&hub, &arrived);
    let id = format!("req_sim{sequence:06}");
    let answered = match trouble.refusal.take() {
        Some(refusal) => {
            hub.journal.answered(sequence, refusal.status, false, "planned fault");
            Some(planned(&refusal))
        }
        None => respond(&hub, &arrived, sequence, &id),
    };
    let Some(mut response) = answered else { return std::future::pending().await };
    put(&mut response, "request-id".to_owned(), &id);
    trouble.leave(response, &arrived.cord).await
}

fn crossing(arrived: &Arrived) -> Crossing<'_> {
    let (method, path) = (arrived.method.as_str(), arrived.uri.path());
    Crossing { wall: Wall::Models, method, path, door: arrived.cord.door() }
}

/// The response, or none at all.
fn respond(hub: &Hub, arrived: &Arrived, sequence: u64, id: &str) -> Option<Response> {
    let (response, status, refused, note) = match answer(hub, arrived) {
        Ok(Ending::Message(message)) => (plain(200, &message), 200, false, String::new()),
        Ok(Ending::Events(events)) => {
            let kind = [(CONTENT_TYPE, "text/event-stream; charset=utf-8")];
            ((kind, events).into_response(), 200, false, String::new())
        }
        Ok(Ending::Silence) => {
            hub.journal.answered(sequence, 0, false, "hangs");
            return None;
        }
        Err((planned, wrong)) => (refuse(&wrong, id), wrong.status, !planned, wrong.message),
    };
    hub.journal.answered(sequence, status, refused, &note);
    Some(response)
}

fn record(hub: &Hub, arrived: &Arrived) -> u64 {
    let Arrived { method, uri, headers, body, .. } = arrived;
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let auth = match key(headers) {
        Some(KEY) => Auth::ModelKey,
        Some(_) => Auth::Bad,
        None => Auth::Nobody,
    };
    if uri.path() == "/v1/messages" {
        hub.models.lock().requests.push(body.clone());
    }
    hub.journal.request(Request {
        wall: Wall::Models,
        method: method.to_string(),
        path: uri.to_string(),
        status: 0,
        auth,
        body,
        refused: false,
        note: String::new(),
    })
}

/// The answer, or what is wrong and whether that was planned.
fn answer(hub: &Hub, arrived: &Arrived) -> Result<Ending, (bool, Wrong)> {
    let Arrived { method, uri, headers, body, .. } = arrived;
    let mistake = |wrong| (false, wrong);
    check::headers(headers, key(headers), KEY, *method == Method::POST).map_err(mistake)?;
    let parsed = || {
        let parsed: Result<Value, _> = serde_json::from_slice(body);
        parsed.map_err(|error| {
            mistake(Wrong::invalid(format!("The request body is not valid JSON: {error}")))
        })
    };
    match (method.as_str(), uri.path()) {
        ("GET", "/v1/models") => Ok(Ending::Message(anthropic::models())),
        ("POST", "/v1/messages/count_tokens") => {
            let tokens = cache::tokens_of(&parsed()?);
            Ok(Ending::Message(json!({"input_tokens": tokens})))
        }
        ("POST", "/v1/messages") => {
            let version = text(headers, "anthropic-version");
            play(&mut hub.models.lock(), &parsed()?, version)
        }
        _ => Err(mistake(Wrong::new(404, "not_found_error", "Not found"))),
    }
}

fn play(desk: &mut DeskState, body: &Value, version: &str) -> Result<Ending, (bool, Wrong)> {
    let asked = check::request(body, version, &desk.said).map_err(|wrong| (false, wrong))?;
    let Some(place) = fitting(&desk.scripts, body) else {
        return Err((false, Wrong::new(500, "api_error", "no script fits this conversation")));
    };
    let script = desk.scripts.get_mut(place).ok_or_else(|| nothing_to_play("it is gone"))?;
    let played = asked.assistant_turns;
    if script.error_at_end && played >= script.turns.len() {
        return Err(nothing_to_play(&script.name));
    }
    let last = script.turns.len().saturating_sub(1);
    let turn = script.turns.get_mut(played.min(last));
    let turn = turn.ok_or_else(|| nothing_to_play("it is empty"))?;
    if let Some(hitch) = turn.hitches.iter_mut().find(|hitch| hitch.times > 0) {
        hitch.times -= 1;
        return Err((true, Wrong::of(&hitch.failure)));
    }
    let turn: Turn = turn.clone();
    if matches!(turn.say, Say::Silence) {
        return Ok(Ending::Silence);
    }
    let message = anthropic::message(&turn, body, played, &mut desk.cache);
    for id in anthropic::call_ids(&message) {
        desk.said.push((id, message.get("content").cloned().unwrap_or_default()));
    }
    Ok(if asked.stream {
        Ending::Events(stream::events(&message))
    } else {
        Ending::Message(message)
    })
}

fn nothing_to_play(why: &str) -> (bool, Wrong) {
    (false, Wrong::new(500, "api_error", format!("the script has no turn for this request: {why}")))
}

/// The script for a conversation: one whose condition holds, else one without a condition.
fn fitting(scripts: &[Script], body: &Value) -> Option<usize> {
    let system = body.get("system").map(Value::to_string).unwrap_or_default();
    let first = body.pointer("/messages/0/content").map(Value::to_string).unwrap_or_default();
    let holds = |part: &String| {
        let quoted = json!(part).to_string();
        let inside = quoted.get(1..quoted.len() - 1).unwrap_or_default();
        system.contains(inside) || first.contains(inside)
    };
    let chosen = scripts.iter().position(|script| script.when.as_ref().is_some_and(holds));
    chosen.or_else(|| scripts.iter().position(|script| script.when.is_none()))
}

fn key(headers: &HeaderMap) -> Option<&str> {
    let bearer = headers.get("authorization").and_then(|value| value.to_str().ok());
    let own = headers.get("x-api-key").and_then(|value| value.to_str().ok());
    own.or_else(|| bearer?.strip_prefix("Bearer "))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}
