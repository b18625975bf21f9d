//! The model services: read a request, check it as strictly as the provider does, play a script.
//!
//! They speak Anthropic's Messages, OpenAI's Responses and Chat Completions, and Gemini's
//! `generateContent`, all behind one listener: the addresses differ. One script plays on any of them.
//! They never invent an answer: without a script that fits, the request is refused and the journal
//! says so.

mod anthropic;
mod cache;
mod gemini;
mod openai;
mod play;
mod replies;
mod shape;
mod wires;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::{
    Router,
    extract::{DefaultBodyLimit, State},
    http::header::CONTENT_TYPE,
    response::{IntoResponse as _, Response},
};
use serde_json::{Value, json};

use self::{
    cache::{Cache, tokens_of},
    play::{Refused, Said},
    replies::{Wrong, plain, planned, put},
    wires::{Service, Wanted},
};
use super::{
    faults::{Crossing, Refusal},
    hub::Hub,
    journal::{Auth, Request, Wall},
    script::{Failure, Script},
    wire::Arrived,
};

/// The model services as a test sees them.
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

    /// The key that Anthropic's service accepts.
    pub fn api_key(&self) -> &str {
        Service::Anthropic.key()
    }

    /// The key that OpenAI's service accepts.
    pub fn openai_key(&self) -> &str {
        Service::OpenAi.key()
    }

    /// The key that Gemini's service accepts.
    pub fn gemini_key(&self) -> &str {
        Service::Gemini.key()
    }

    /// The address that stands for `https://api.openai.com/v1`. The others need no version and are
    /// at [`Simulator::models_url`](super::Simulator::models_url).
    pub fn openai_url(&self) -> String {
        format!("{}/v1", self.hub.urls.models)
    }

    /// The bodies of all requests for a turn, refused ones too.
    pub fn requests(&self) -> Vec<Value> {
        self.hub.models.lock().requests.clone()
    }
}

/// The services' own state.
#[derive(Debug)]
pub(crate) struct Counter(Mutex<Desk>);

#[derive(Debug, Default)]
struct Desk {
    scripts: Vec<Script>,
    requests: Vec<Value>,
    cache: Cache,
    said: Said,
}

impl Counter {
    pub(crate) fn new() -> Self {
        Self(Mutex::default())
    }

    fn lock(&self) -> MutexGuard<'_, Desk> {
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

/// A failure as the service at this address words it.
pub(crate) fn refusal(path: &str, failure: &Failure) -> Refusal {
    let service = Service::by_path(path).unwrap_or(Service::Anthropic);
    let wrong = service.failure(failure);
    let header = |seconds: u64| ("retry-after".to_owned(), seconds.to_string());
    Refusal {
        status: wrong.status,
        body: service.error(&wrong, "req_planned"),
        headers: wrong.retry_after.map(header).into_iter().collect(),
    }
}

async fn serve(State(hub): State<Arc<Hub>>, arrived: Arrived) -> Response {
    let mut trouble = hub.faults.take(&crossing(&arrived));
    trouble.arrive().await;
    let service = Service::of(arrived.uri.path(), &arrived.headers);
    let sequence = record(&hub, &arrived, service);
    let id = format!("req_sim{sequence:06}");
    let answered = match trouble.refusal.take() {
        Some(refusal) => {
            hub.journal.answered(sequence, refusal.status, false, "planned fault");
            Some(planned(&refusal))
        }
        None => respond(&hub, &arrived, service, sequence, &id),
    };
    let Some(mut response) = answered else { return std::future::pending().await };
    if let Some(name) = service.id_header() {
        put(&mut response, name.to_owned(), &id);
    }
    trouble.leave(response, &arrived.cord).await
}

fn crossing(arrived: &Arrived) -> Crossing<'_> {
    let (method, path) = (arrived.method.as_str(), arrived.uri.path());
    Crossing { wall: Wall::Models, method, path, door: arrived.cord.door() }
}

/// The response, or none at all.
fn respond(
    hub: &Hub,
    arrived: &Arrived,
    service: Service,
    sequence: u64,
    id: &str,
) -> Option<Response> {
    let (response, status, refused, note) = match answer(hub, arrived, service) {
        Ok(Ending::Message(message)) => (plain(200, &message), 200, false, String::new()),
        Ok(Ending::Events(events)) => {
            let kind = [(CONTENT_TYPE, "text/event-stream; charset=utf-8")];
            ((kind, events).into_response(), 200, false, String::new())
        }
        Ok(Ending::Silence) => {
            hub.journal.answered(sequence, 0, false, "hangs");
            return None;
        }
        Err(Refused { planned, wrong }) => {
            let mut response = plain(wrong.status, &service.error(&wrong, id));
            if let Some(seconds) = wrong.retry_after {
                put(&mut response, "retry-after".to_owned(), &seconds.to_string());
            }
            (response, wrong.status, !planned, wrong.message)
        }
    };
    hub.journal.answered(sequence, status, refused, &note);
    Some(response)
}

fn record(hub: &Hub, arrived: &Arrived, service: Service) -> u64 {
    let Arrived { method, uri, body, .. } = arrived;
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let auth = match service.sent_key(arrived) {
        Some(key) if key == service.key() => Auth::ModelKey,
        Some(_) => Auth::Bad,
        None => Auth::Nobody,
    };
    if matches!(service.wanted(arrived), Wanted::Turn(_)) {
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

fn answer(hub: &Hub, arrived: &Arrived, service: Service) -> Result<Ending, Refused> {
    service.admit(arrived)?;
    let parsed = || {
        let parsed: Result<Value, _> = serde_json::from_slice(&arrived.body);
        parsed.map_err(|error| service.no_json(&error))
    };
    match service.wanted(arrived) {
        Wanted::Models => Ok(Ending::Message(service.models())),
        Wanted::Count => Ok(Ending::Message(json!({"input_tokens": tokens_of(&parsed()?)}))),
        Wanted::Turn(wire) => play::answer(&mut hub.models.lock(), &wire, &parsed()?),
        Wanted::Nothing => Err(service.not_found().into()),
    }
}
