//! Sends webhooks as GitHub does: in the background, one after the other, ten seconds each, and
//! never twice by itself.
//!
//! Each attempt is kept, so that the App can list it and ask for it again.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use rand::RngCore as _;
use serde_json::{Map, Value, json};
use tokio::sync::{
    mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    watch,
};

use super::{
    Simulator,
    crypto::{sha1_signature, sha256_signature},
    hub::Hub,
    journal::Effect,
};

mod mishaps;

use self::mishaps::Fate;
pub use self::mishaps::Mishaps;

const HOOK_ID: u64 = 501_204_117;
/// So long a delivery waits for one that overtakes it.
const OVERTAKING: Duration = Duration::from_millis(50);

impl Simulator {
    /// Sets the App's webhook address. Without one, deliveries fail and are kept.
    pub fn deliver_to(&self, url: &str) {
        self.hub.hooks.lock().url = Some(url.to_owned());
    }

    /// From now on deliveries meet mishaps by dice; none with the default.
    pub fn deliver_badly(&self, mishaps: Mishaps) {
        self.hub.hooks.lock().mishaps = mishaps;
    }

    /// Keeps deliveries in the queue.
    pub fn pause_deliveries(&self) {
        self.hub.hooks.paused.send_replace(true);
    }

    /// Sends what was kept, in order.
    pub fn resume_deliveries(&self) {
        self.hub.hooks.paused.send_replace(false);
    }

    /// Waits until everything queued has been sent. Never ends while deliveries are paused.
    pub async fn deliveries_idle(&self) {
        let mut waiting = self.hub.hooks.waiting.subscribe();
        if waiting.wait_for(|waiting| *waiting == 0).await.is_err() {
            tracing::debug!("the queue of deliveries is gone");
        }
    }

    /// Sends one delivery now; the answer is its status and body. `headers` replace or, with an
    /// empty value, remove the usual ones. A blank `guid` stands for a new one.
    pub async fn deliver_raw(
        &self,
        event: &str,
        guid: &str,
        body: &[u8],
        headers: &[(&str, &str)],
    ) -> anyhow::Result<(u16, String)> {
        let guid = if guid.is_empty() { new_guid(&self.hub) } else { guid.to_owned() };
        let url = self.hub.hooks.lock().url.clone();
        let url = url.ok_or_else(|| anyhow::anyhow!("no webhook address is set"))?;
        let mut all = usual_headers(&self.hub, event, &guid, body);
        for (name, value) in headers {
            all.retain(|(usual, _)| !usual.eq_ignore_ascii_case(name));
            if !value.is_empty() {
                all.push(((*name).to_owned(), (*value).to_owned()));
            }
        }
        let response = post(&self.hub.hooks.client, &url, &all, body.to_vec()).await?;
        Ok((response.status().as_u16(), response.text().await?))
    }

    /// Queues every delivery again whose last attempt failed, with the same guid.
    pub fn redeliver_failed(&self) {
        let failed: Vec<Delivery> = {
            let state = self.hub.hooks.lock();
            let mut latest: Vec<&Delivery> = Vec::new();
            for delivery in &state.deliveries {
                latest.retain(|other| other.parcel.guid != delivery.parcel.guid);
                latest.push(delivery);
            }
            latest.into_iter().filter(|delivery| delivery.status != "OK").cloned().collect()
        };
        for delivery in failed {
            self.hub.hooks.queue(delivery.parcel.again());
        }
    }
}

/// One webhook on its way.
#[derive(Debug, Clone)]
pub(crate) struct Parcel {
    pub(crate) guid: String,
    pub(crate) event: String,
    pub(crate) action: Option<String>,
    pub(crate) installation: Option<u64>,
    pub(crate) repository: Option<u64>,
    pub(crate) payload: Value,
    pub(crate) redelivery: bool,
}

impl Parcel {
    pub(crate) fn again(&self) -> Self {
        Self { redelivery: true, ..self.clone() }
    }
}

/// One attempt.
#[derive(Debug, Clone)]
pub(crate) struct Delivery {
    pub(crate) id: u64,
    pub(crate) parcel: Parcel,
    pub(crate) at: DateTime<Utc>,
    pub(crate) duration: f64,
    pub(crate) status: String,
    pub(crate) status_code: u16,
    pub(crate) headers: Map<String, Value>,
    pub(crate) answer: String,
}

#[derive(Debug)]
pub(crate) struct Hooks {
    state: Mutex<State>,
    sender: UnboundedSender<Parcel>,
    paused: watch::Sender<bool>,
    waiting: watch::Sender<usize>,
    client: reqwest::Client,
}

#[derive(Debug, Default)]
struct State {
    url: Option<String>,
    deliveries: Vec<Delivery>,
    mishaps: Mishaps,
}

impl Hooks {
    pub(crate) fn new() -> (Self, UnboundedReceiver<Parcel>) {
        let (sender, receiver) = unbounded_channel();
        let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(10));
        let hooks = Self {
            state: Mutex::default(),
            sender,
            paused: watch::Sender::new(false),
            waiting: watch::Sender::new(0),
            client: client.build().unwrap_or_default(),
        };
        (hooks, receiver)
    }

    pub(crate) fn queue(&self, parcel: Parcel) {
        self.waiting.send_modify(|waiting| *waiting += 1);
        if self.sender.send(parcel).is_err() {
            self.waiting.send_modify(|waiting| *waiting = waiting.saturating_sub(1));
        }
    }

    /// All attempts, the newest first.
    pub(crate) fn deliveries(&self) -> Vec<Delivery> {
        self.lock().deliveries.iter().rev().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The background task.
pub(crate) async fn deliver_all(hub: Arc<Hub>, mut parcels: UnboundedReceiver<Parcel>) {
    while let Some(parcel) = parcels.recv().await {
        let mut paused = hub.hooks.paused.subscribe();
        if paused.wait_for(|paused| !*paused).await.is_err() {
            return;
        }
        let fate = hub.hooks.lock().mishaps.of(&parcel);
        meet(&hub, fate, parcel, &mut parcels).await;
        hub.hooks.waiting.send_modify(|waiting| *waiting = waiting.saturating_sub(1));
    }
}

async fn meet(hub: &Hub, fate: Fate, parcel: Parcel, parcels: &mut UnboundedReceiver<Parcel>) {
    match fate {
        Fate::Delivered => {}
        Fate::Doubled => deliver(hub, parcel.clone()).await,
        Fate::Replayed => {
            let guid = new_guid(hub);
            deliver(hub, Parcel { guid, ..parcel.clone() }).await;
        }
        Fate::Overtaken => {
            if let Ok(Some(next)) = tokio::time::timeout(OVERTAKING, parcels.recv()).await {
                deliver(hub, next).await;
                hub.hooks.waiting.send_modify(|waiting| *waiting = waiting.saturating_sub(1));
            }
        }
        Fate::Missed => return keep(hub, parcel, Answered::nobody(), Duration::ZERO),
    }
    deliver(hub, parcel).await;
}

async fn deliver(hub: &Hub, parcel: Parcel) {
    let body = parcel.payload.to_string().into_bytes();
    let headers = usual_headers(hub, &parcel.event, &parcel.guid, &body);
    let url = hub.hooks.lock().url.clone();
    let begun = Instant::now();
    let answered = match url {
        Some(url) => attempt(&hub.hooks.client, &url, &headers, body).await,
        None => Answered::nobody(),
    };
    keep(hub, parcel, answered, begun.elapsed());
}

/// What came of an attempt.
struct Answered {
    status_code: u16,
    status: String,
    body: String,
}

impl Answered {
    fn nobody() -> Self {
        let status = "failed to connect to host".to_owned();
        Self { status_code: 502, status, body: String::new() }
    }
}

/// Keeps an attempt for the App to list.
fn keep(hub: &Hub, parcel: Parcel, answered: Answered, took: Duration) {
    let Answered { status_code, status, body: answer } = answered;
    let payload = parcel.payload.to_string().into_bytes();
    let headers = usual_headers(hub, &parcel.event, &parcel.guid, &payload);
    let (id, at) = {
        let mut world = hub.world();
        (world.next_id(), world.now())
    };
    let effect = Effect::Delivered {
        event: parcel.event.clone(),
        action: parcel.action.clone(),
        guid: parcel.guid.clone(),
        status: status_code,
    };
    let headers = headers.into_iter().map(|(name, value)| (name, json!(value))).collect();
    let duration = took.as_secs_f64();
    let delivery = Delivery { id, parcel, at, duration, status, status_code, headers, answer };
    hub.hooks.lock().deliveries.push(delivery);
    hub.effect(effect);
}

async fn attempt(
    client: &reqwest::Client,
    url: &str,
    headers: &[(String, String)],
    body: Vec<u8>,
) -> Answered {
    match post(client, url, headers, body).await {
        Ok(response) => {
            let code = response.status().as_u16();
            let fine = response.status().is_success();
            let status =
                if fine { "OK".to_owned() } else { format!("Invalid HTTP Response: {code}") };
            let body = response.text().await.unwrap_or_default();
            Answered { status_code: code, status, body }
        }
        Err(error) if error.is_timeout() => {
            Answered { status_code: 504, status: "timed out".to_owned(), body: String::new() }
        }
        Err(_) => Answered::nobody(),
    }
}

async fn post(
    client: &reqwest::Client,
    url: &str,
    headers: &[(String, String)],
    body: Vec<u8>,
) -> reqwest::Result<reqwest::Response> {
    let mut request = client.post(url).body(body);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    request.send().await
}

fn usual_headers(hub: &Hub, event: &str, guid: &str, body: &[u8]) -> Vec<(String, String)> {
    let secret = &hub.app.webhook_secret;
    [
        ("Accept", "*/*".to_owned()),
        ("Content-Type", "application/json".to_owned()),
        ("User-Agent", "GitHub-Hookshot/a1b2c3d".to_owned()),
        ("X-GitHub-Delivery", guid.to_owned()),
        ("X-GitHub-Event", event.to_owned()),
        ("X-GitHub-Hook-ID", HOOK_ID.to_string()),
        ("X-GitHub-Hook-Installation-Target-ID", hub.app.app_id.to_string()),
        ("X-GitHub-Hook-Installation-Target-Type", "integration".to_owned()),
        ("X-Hub-Signature", sha1_signature(secret, body)),
        ("X-Hub-Signature-256", sha256_signature(secret, body)),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

/// A new delivery number, the same for the same seed.
fn new_guid(hub: &Hub) -> String {
    guid(&mut hub.world().random)
}

/// A delivery number from the world's dice.
pub(crate) fn guid(random: &mut rand::rngs::StdRng) -> String {
    let mut bytes = [0; 16];
    random.fill_bytes(&mut bytes);
    uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
}
