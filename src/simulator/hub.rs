//! What the three services share: the world, the journal, the faults, the outgoing webhooks.
//!
//! It decides nothing. Its one lock covers the world; it is held for one request at a time and
//! never across an await.

use std::{
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::mpsc::UnboundedReceiver;

use super::{
    AppCredentials, crypto,
    faults::Faults,
    git::Git,
    hooks::{Hooks, Parcel},
    journal::{Effect, Journal},
    models::Counter,
    world::World,
};

const PRIVATE_KEY: &str = include_str!("../../fixtures/keys/simulator.pem");

/// Where the three services listen.
#[derive(Debug, Clone)]
pub(crate) struct Urls {
    pub(crate) api: String,
    pub(crate) server: String,
    pub(crate) models: String,
}

#[derive(Debug)]
pub(crate) struct Hub {
    pub(crate) urls: Urls,
    pub(crate) app: AppCredentials,
    pub(crate) key: crypto::AppKey,
    pub(crate) journal: Journal,
    pub(crate) faults: Faults,
    pub(crate) hooks: Hooks,
    pub(crate) git: Git,
    pub(crate) models: Counter,
    world: Mutex<World>,
}

impl Hub {
    pub(crate) fn new(
        urls: Urls,
        folder: PathBuf,
        seed: u64,
    ) -> anyhow::Result<(Self, UnboundedReceiver<Parcel>)> {
        let app = AppCredentials {
            app_id: 1_204_117,
            client_id: "Iv23liSimulatedAppId".to_owned(),
            private_key_pem: PRIVATE_KEY.to_owned(),
            webhook_secret: "a webhook secret for the simulator only".to_owned(),
            slug: "asynccoder".to_owned(),
            bot_login: "asynccoder[bot]".to_owned(),
            bot_id: 187_000_001,
        };
        let (hooks, parcels) = Hooks::new();
        let hub = Self {
            key: crypto::AppKey::from_pem(&app.private_key_pem)?,
            world: Mutex::new(World::new(seed, &app)),
            journal: Journal::new(),
            faults: Faults::default(),
            git: Git::new(folder),
            models: Counter::new(),
            urls,
            app,
            hooks,
        };
        Ok((hub, parcels))
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn effect(&self, effect: Effect) {
        self.journal.effect(effect);
    }
}
