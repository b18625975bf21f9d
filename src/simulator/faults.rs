//! Planned trouble: a reply refused, lost or held, at any wall.
//!
//! A fault matches a wall, a method and a part of the path, and is used up after a number of
//! requests. Gates stop the bot at an exact point without any hook inside the bot.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::Context as _;
use serde_json::Value;
use tokio::sync::watch;

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

    /// Calls of the model.
    pub fn models() -> Self {
        Self::new(Some(Wall::Models), "POST", "/v1/messages")
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

    fn matches(&self, wall: Wall, method: &str, path: &str) -> bool {
        let method_fits = self.method.is_empty() || self.method.eq_ignore_ascii_case(method);
        self.wall.is_none_or(|wanted| wanted == wall) && method_fits && path.contains(&self.path)
    }
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

    /// Holds the next matching request until the gate is opened or dropped.
    pub fn hold(&self, at: At, moment: Moment) -> Gate {
        let reached = watch::Sender::new(false);
        let open = watch::Sender::new(false);
        let gate = Gate { reached: reached.subscribe(), open: open.clone() };
        self.plan(at, 1, Kind::Hold(Held { moment, reached, open: open.subscribe() }));
        gate
    }

    /// Forgets what has not happened yet.
    pub fn clear(&self) {
        self.lock().clear();
    }

    /// How many planned faults have not been used up.
    pub fn left(&self) -> usize {
        self.lock().len()
    }

    /// Takes what is planned for a request: at most one trouble of each kind.
    pub(crate) fn take(&self, wall: Wall, method: &str, path: &str) -> Trouble {
        let mut trouble = Trouble::default();
        let mut planned = self.lock();
        for fault in planned.iter_mut().filter(|fault| fault.at.matches(wall, method, path)) {
            if fault.at.after > 0 {
                fault.at.after -= 1;
            } else if trouble.accept(&fault.kind) {
                fault.times = fault.times.saturating_sub(1);
            }
        }
        planned.retain(|fault| fault.times > 0);
        trouble
    }

    fn plan(&self, at: At, times: u32, kind: Kind) {
        self.lock().push(Planned { at, times, kind });
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Planned>> {
        self.planned.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Holds one request.
#[derive(Debug)]
pub struct Gate {
    reached: watch::Receiver<bool>,
    open: watch::Sender<bool>,
}

impl Gate {
    /// Waits until a request stands at the gate, ten seconds at most.
    pub async fn reached(&self) -> anyhow::Result<()> {
        let mut reached = self.reached.clone();
        let arrival = reached.wait_for(|reached| *reached);
        tokio::time::timeout(Duration::from_secs(10), arrival)
            .await
            .context("no request reached the gate")?
            .context("the gate is gone")?;
        Ok(())
    }

    /// Lets the request go on.
    pub fn open(&self) {
        self.open.send_replace(true);
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.open();
    }
}

/// What is planned for one request.
#[derive(Debug, Default)]
pub(crate) struct Trouble {
    pub(crate) refusal: Option<Refusal>,
    pub(crate) lost: bool,
    held: Vec<Held>,
}

impl Trouble {
    /// Stands still if a gate is planned for this moment.
    pub(crate) async fn pass(&mut self, moment: Moment) {
        for held in self.held.iter_mut().filter(|held| held.moment == moment) {
            held.reached.send_replace(true);
            if held.open.wait_for(|open| *open).await.is_err() {
                tracing::debug!("a gate was dropped");
            }
        }
    }

    fn accept(&mut self, kind: &Kind) -> bool {
        match kind {
            Kind::Refuse(refusal) if self.refusal.is_none() => self.refusal = Some(refusal.clone()),
            Kind::Lose if !self.lost => self.lost = true,
            Kind::Hold(held) if self.held.iter().all(|other| other.moment != held.moment) => {
                self.held.push(held.clone());
            }
            Kind::Refuse(_) | Kind::Lose | Kind::Hold(_) => return false,
        }
        true
    }
}

#[derive(Debug)]
struct Planned {
    at: At,
    times: u32,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Refuse(Refusal),
    Lose,
    Hold(Held),
}

#[derive(Debug, Clone)]
struct Held {
    moment: Moment,
    reached: watch::Sender<bool>,
    open: watch::Receiver<bool>,
}
