//! What happens to one request: held, refused, answered wrongly, delayed, cut off.

use std::time::Duration;

use anyhow::Context as _;
use axum::{
    body::{Body, Bytes, to_bytes},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use futures::StreamExt as _;
use tokio::sync::watch;

use super::{Kind, Moment, Refusal};
use crate::simulator::wire::Cord;

const PAGE: &str = "<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad \
                    Gateway</h1></center></body></html>";

/// How an answer is spoiled whose effect has happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Spoiled {
    /// The second half of the body is missing, and nothing says so.
    Cut,
    /// The connection breaks in the middle of the body.
    Broken,
    /// A gateway's page instead of the answer: 502.
    Page,
    /// After half of the body nothing comes any more, and the connection stays.
    Stalled,
}

/// Holds one request.
#[derive(Debug)]
pub struct Gate {
    reached: watch::Receiver<Option<usize>>,
    open: watch::Sender<bool>,
}

impl Gate {
    /// A gate, and what stands still at it.
    pub(super) fn new(moment: Moment) -> (Self, Held) {
        let reached = watch::Sender::new(None);
        let open = watch::Sender::new(false);
        let held = Held { moment, reached: reached.clone(), open: open.subscribe() };
        (Self { reached: reached.subscribe(), open }, held)
    }

    /// Waits until a request stands at the gate, a minute at most, and says through which door it
    /// came.
    pub async fn reached(&self) -> anyhow::Result<usize> {
        let mut reached = self.reached.clone();
        let arrival = reached.wait_for(Option::is_some);
        let door = tokio::time::timeout(Duration::from_mins(1), arrival)
            .await
            .context("no request reached the gate")?
            .context("the gate is gone")?;
        door.context("nobody is at the gate")
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
    /// Answered instead, and nothing happens.
    pub(crate) refusal: Option<Refusal>,
    /// Only half of what was sent arrives.
    pub(crate) torn: bool,
    /// Answered instead, though it has happened.
    late: Option<Refusal>,
    spoiled: Option<Spoiled>,
    delay: Option<Duration>,
    lost: bool,
    door: usize,
    held: Vec<Held>,
}

impl Trouble {
    pub(super) fn at(door: usize) -> Self {
        Self { door, ..Self::default() }
    }

    /// Stands still before anything has happened, if that is planned.
    pub(crate) async fn arrive(&mut self) {
        self.pass(Moment::BeforeEffect).await;
        if let Some(delay) = self.delay {
            tokio::time::sleep(delay).await;
        }
    }

    /// Makes of the answer what is planned for it.
    pub(crate) async fn leave(mut self, mut response: Response, cord: &Cord) -> Response {
        if let Some(refusal) = self.late.take() {
            response = refusal.into_response();
        }
        if let Some(spoiled) = self.spoiled.take() {
            response = spoil(&spoiled, response).await;
        }
        self.pass(Moment::BeforeReply).await;
        if self.lost {
            cord.cut();
        }
        response
    }

    async fn pass(&mut self, moment: Moment) {
        for held in self.held.iter_mut().filter(|held| held.moment == moment) {
            held.reached.send_replace(Some(self.door));
            if held.open.wait_for(|open| *open).await.is_err() {
                tracing::debug!("a gate was dropped");
            }
        }
    }

    /// Takes a trouble in, unless there is one of its kind already.
    pub(super) fn accept(&mut self, kind: &Kind) -> bool {
        match kind {
            Kind::Refuse(refusal) if self.refusal.is_none() => self.refusal = Some(refusal.clone()),
            Kind::Late(refusal) if self.late.is_none() => self.late = Some(refusal.clone()),
            Kind::Spoil(spoiled) if self.spoiled.is_none() => self.spoiled = Some(spoiled.clone()),
            Kind::Delay(delay) if self.delay.is_none() => self.delay = Some(*delay),
            Kind::Lose if !self.lost => self.lost = true,
            Kind::Tear if !self.torn => self.torn = true,
            Kind::Hold(held) if self.held.iter().all(|other| other.moment != held.moment) => {
                self.held.push(held.clone());
            }
            Kind::Refuse(_)
            | Kind::Late(_)
            | Kind::Spoil(_)
            | Kind::Delay(_)
            | Kind::Lose
            | Kind::Tear
            | Kind::Hold(_) => return false,
        }
        true
    }
}

async fn spoil(spoiled: &Spoiled, response: Response) -> Response {
    if *spoiled == Spoiled::Page {
        let kind = [(header::CONTENT_TYPE, "text/html")];
        return (StatusCode::BAD_GATEWAY, kind, PAGE).into_response();
    }
    let (mut parts, body) = response.into_parts();
    let whole = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let half = whole.slice(..whole.len() / 2);
    if *spoiled == Spoiled::Cut {
        parts.headers.remove(header::CONTENT_LENGTH);
        return Response::from_parts(parts, Body::from(half));
    }
    parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(whole.len()));
    if *spoiled == Spoiled::Stalled {
        let first = futures::stream::iter([Ok::<Bytes, std::io::Error>(half)]);
        return Response::from_parts(
            parts,
            Body::from_stream(first.chain(futures::stream::pending())),
        );
    }
    let broken = Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset));
    let pieces = futures::stream::iter([Ok::<Bytes, std::io::Error>(half), broken]);
    Response::from_parts(parts, Body::from_stream(pieces))
}

#[derive(Debug, Clone)]
pub(super) struct Held {
    moment: Moment,
    reached: watch::Sender<Option<usize>>,
    open: watch::Receiver<bool>,
}
