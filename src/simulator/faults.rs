//! Trouble at any wall: planned for certain requests, or as a storm over all of them.
//!
//! A planned fault matches a wall, a method and a part of the path, and is used up after a number of
//! requests. Gates stop the bot at an exact point without any hook inside the bot. A storm strikes by
//! dice, the same for the same seed.

mod storm;
mod trouble;

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse as _, Response},
};
use serde_json::{Value, json};

use self::trouble::Held;
pub(crate) use self::trouble::Trouble;
pub use self::{
    storm::{Rates, Storm},
    trouble::{Gate, Spoiled},
};
use super::journal::Wall;

/// Which requests a fault is meant for.
#[derive(Debug, Clone)]
pub struct At {
    /// `None`: any wall.
    wall: Option<Wall>,
    method: String,
    path: String,
    /// Matching requests that pass before it counts.
    after: u32,
}

impl At {
    /// Requests to the REST API; an empty method means any.
    pub fn api(method: &str, path_part: &str) -> Self {
        Self::new(Some(Wall::Api), method, path_part)
    }

    /// Requests by git, e.g. `POST`, `git-receive-pack`.
    pub fn git(method: &str, path_part: &str) -> Self {
        Self::new(Some(Wall::Git), method, path_part)
    }

    /// Calls of a model, whichever the service.
    pub fn models() -> Self {
        Self::new(Some(Wall::Models), "POST", "")
    }

    /// Every request at every wall.
    pub fn anything() -> Self {
        Self::new(None, "", "")
    }

    /// Lets so many matching requests pass first.
    #[must_use]
    pub fn after(self, requests: u32) -> Self {
        Self { after: requests, ..self }
    }

    fn new(wall: Option<Wall>, method: &str, path: &str) -> Self {
        Self { wall, method: method.to_owned(), path: path.to_owned(), after: 0 }
    }

    fn matches(&self, crossing: &Crossing<'_>) -> bool {
        let Crossing { wall, method, path, .. } = *crossing;
        let method_fits = self.method.is_empty() || self.method.eq_ignore_ascii_case(method);
        self.wall.is_none_or(|wanted| wanted == wall) && method_fits && path.contains(&self.path)
    }
}

/// A request that arrives.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Crossing<'a> {
    pub(crate) wall: Wall,
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    /// Which of the simulator's doors it came through.
    pub(crate) door: usize,
}

/// The answer of a refused request.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// The status.
    pub status: u16,
    /// The JSON body.
    pub body: Value,
    /// Additional headers.
    pub headers: Vec<(String, String)>,
}

impl Refusal {
    /// The service is unwell; nothing tells whether anything happened.
    pub fn unwell(status: u16) -> Self {
        Self { status, body: json!({"message": "Server Error"}), headers: Vec::new() }
    }

    /// The token is no longer good.
    pub fn bad_credentials() -> Self {
        Self { status: 401, body: json!({"message": "Bad credentials"}), headers: Vec::new() }
    }

    /// A secondary limit, with or without the seconds to wait.
    pub fn secondary_limit(retry_after: Option<u64>) -> Self {
        let message = "You have exceeded a secondary rate limit. Please wait a few minutes.";
        let header = |seconds: u64| ("retry-after".to_owned(), seconds.to_string());
        let headers = retry_after.map(header).into_iter().collect();
        Self { status: 429, body: json!({"message": message}), headers }
    }

    /// The hour's requests are used up until a time, in seconds of the Unix clock.
    pub fn primary_limit(reset: i64) -> Self {
        let message = "API rate limit exceeded for installation.";
        let headers = [("x-ratelimit-remaining", 0), ("x-ratelimit-reset", reset)];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_string())).into();
        Self { status: 403, body: json!({"message": message}), headers }
    }

    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_GATEWAY);
        let kind = [(CONTENT_TYPE, "application/json; charset=utf-8")];
        let mut response = (status, kind, Body::from(self.body.to_string())).into_response();
        for (name, value) in self.headers {
            let pair = (HeaderName::try_from(name), HeaderValue::try_from(value));
            if let (Ok(name), Ok(value)) = pair {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}

/// When a held request stands still.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Nothing has happened yet.
    BeforeEffect,
    /// The effect has happened, the answer is not sent.
    BeforeReply,
}

/// The plan of troubles.
#[derive(Debug, Default)]
pub struct Faults {
    planned: Mutex<Vec<Planned>>,
    storm: Mutex<Option<Storm>>,
    lost: Mutex<Vec<Wall>>,
}

impl Faults {
    /// Refuses the next `times` matching requests before their effect.
    pub fn refuse(&self, at: At, times: u32, refusal: Refusal) {
        self.plan(at, times, Kind::Refuse(refusal));
    }

    /// Lets the effect of the next `times` matching requests happen and drops the connection.
    pub fn lose_reply(&self, at: At, times: u32) {
        self.plan(at, times, Kind::Lose);
    }

    /// Lets the effect of the next `times` matching requests happen and answers this instead.
    pub fn answer_instead(&self, at: At, times: u32, refusal: Refusal) {
        self.plan(at, times, Kind::Late(refusal));
    }

    /// Lets the effect of the next `times` matching requests happen and spoils the answer.
    pub fn spoil(&self, at: At, times: u32, spoiled: Spoiled) {
        self.plan(at, times, Kind::Spoil(spoiled));
    }

    /// Lets the next `times` matching requests wait.
    pub fn delay(&self, at: At, times: u32, delay: Duration) {
        self.plan(at, times, Kind::Delay(delay));
    }

    /// Of the next `times` matching pushes only the first half arrives.
    pub fn tear(&self, at: At, times: u32) {
        self.plan(at, times, Kind::Tear);
    }

    /// From now on trouble strikes by dice, until [`Faults::clear`].
    pub fn begin_storm(&self, storm: Storm) {
        *self.storm.lock().unwrap_or_else(PoisonError::into_inner) = Some(storm);
    }

    /// How many answers a storm kept from whoever asked at a wall, though there was one.
    pub fn answers_lost(&self, wall: Wall) -> usize {
        self.lost
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .filter(|w| **w == wall)
            .count()
    }

    /// Holds the next matching request until the gate is opened or dropped.
    pub fn hold(&self, at: At, moment: Moment) -> Gate {
        let (gate, held) = Gate::new(moment);
        self.plan(at, 1, Kind::Hold(held));
        gate
    }

    /// Forgets what has not happened yet.
    pub fn clear(&self) {
        self.lock().clear();
        *self.storm.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// How many planned faults have not been used up.
    pub fn left(&self) -> usize {
        self.lock().len()
    }

    /// Takes what is planned for a request: at most one trouble of each kind.
    pub(crate) fn take(&self, crossing: &Crossing<'_>) -> Trouble {
        let mut trouble = Trouble::at(crossing.door);
        let mut planned = self.lock();
        for fault in planned.iter_mut().filter(|fault| fault.at.matches(crossing)) {
            if fault.at.after > 0 {
                fault.at.after -= 1;
            } else if trouble.accept(&fault.kind) {
                fault.times = fault.times.saturating_sub(1);
            }
        }
        planned.retain(|fault| fault.times > 0);
        let mut storm = self.storm.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kind) = storm.as_mut().and_then(|storm| storm.strikes(crossing)) {
            trouble.accept(&kind);
            if matches!(kind, Kind::Late(_) | Kind::Spoil(_) | Kind::Lose) {
                self.lost.lock().unwrap_or_else(PoisonError::into_inner).push(crossing.wall);
            }
        }
        trouble
    }

    fn plan(&self, at: At, times: u32, kind: Kind) {
        self.lock().push(Planned { at, times, kind });
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Planned>> {
        self.planned.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug)]
struct Planned {
    at: At,
    times: u32,
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    Refuse(Refusal),
    Late(Refusal),
    Spoil(Spoiled),
    Delay(Duration),
    Tear,
    Lose,
    Hold(Held),
}
