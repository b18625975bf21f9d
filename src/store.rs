//! The database: all SQL, one table one file.
//!
//! What other rooms call here are verbs: each is one transaction and changes nothing when it is
//! repeated after a lost COMMIT reply. A transaction never leaves this room, and none is open while
//! somebody waits for the network.

mod accounts;
pub mod acts;
mod ai_models;
pub mod claims;
mod columns;
pub mod commands;
mod configs;
pub mod deliveries;
pub mod documents;
mod engine;
mod labels;
mod ledger;
mod migrations;
mod plans;
mod presses;
mod pull_requests;
pub mod repositories;
pub mod schedules;
pub mod steps;
mod stopping;
pub mod tasks;
pub mod threads;
mod traffic;
pub mod views;
pub mod writers;

use chrono::{DateTime, SubsecRound, Utc};
use deliveries::Inbox;
use engine::Db;
use std::sync::Arc;
use tokio::sync::Notify;

pub use accounts::Known;
pub use ledger::Granted;
pub use plans::Unsure;

/// The database and the bells that tell its readers to look.
#[derive(Clone, Debug)]
pub struct Store {
    db: Db,
    inbox: Inbox,
    bells: Arc<Bells>,
}

/// One bell a queue, rung after a commit. A bell is only a hint: every reader also polls.
#[derive(Debug, Default)]
pub struct Bells {
    /// A delivery was stored.
    pub deliveries: Notify,
    /// A command was stored.
    pub commands: Notify,
    /// A task can be claimed.
    pub tasks: Notify,
    /// Something has to be done or shown on GitHub.
    pub outbox: Notify,
}

/// Why the database did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A newer version of the program has been here.
    #[error(
        "the database was made by a newer version of this program (migration {0}); it was not touched. Use that version or a backup"
    )]
    NewerSchema(i64),
    /// A migration did not work.
    #[error("migrating the database failed: {0}")]
    Migration(String),
    /// The inbox is full or the database is too slow.
    #[error("the database does not keep up")]
    Busy,
    /// Anything else.
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
    /// A stored value does not read back.
    #[error("a stored value cannot be read: {0}")]
    Unreadable(String),
}

/// What a verb comes to.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;

/// How a database is found.
#[derive(Clone, Debug)]
pub enum Found {
    /// There is none yet.
    Nothing,
    /// It lacks so many steps to what this version needs.
    Behind(usize),
    /// It is as this version needs it.
    Current(Store),
}

impl Store {
    /// Opens the database and brings its schema up to date.
    pub async fn open(url: &str) -> Result<Self> {
        let db = Db::open(url).await?;
        migrations::run(&db).await?;
        Ok(Self::over(db))
    }

    /// The database as it is: nothing is made, and no schema is changed.
    pub async fn find(url: &str) -> Result<Found> {
        if engine::is_missing(url)? {
            return Ok(Found::Nothing);
        }
        let db = Db::open(url).await?;
        Ok(match migrations::missing(&db).await? {
            0 => Found::Current(Self::over(db)),
            missing => Found::Behind(missing),
        })
    }

    fn over(db: Db) -> Self {
        let inbox = Inbox::start(db.clone());
        Self { db, inbox, bells: Arc::default() }
    }

    /// The bells.
    pub fn bells(&self) -> &Bells {
        &self.bells
    }

    /// Takes up at once what a killed server held, instead of when its leases run out. The caller holds
    /// the data folder's lock, so on SQLite nobody else can be at work; on PostgreSQL others may be,
    /// and nothing is done.
    pub async fn take_over_leases(&self) -> Result<()> {
        if matches!(self.db, Db::Postgres { .. }) {
            return Ok(());
        }
        let mut tx = self.db.begin().await?;
        for statement in [
            "update accounts set writer_until = null where writer_until is not null",
            "update commands set lease_until = null where state = 'pending' and lease_until is not null",
            "update tasks set lease_until = created_at where phase = 'working'",
            "update accounts set look_at = created_at where look_at is not null",
        ] {
            engine::exec(&mut tx, statement, engine::args![]).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Whether the database answers.
    pub async fn is_reachable(&self) -> bool {
        engine::one::<(i64,)>(self.db.reader(), "select cast(1 as bigint)", engine::args![])
            .await
            .is_ok()
    }

    /// Closes all connections; what is committed stays.
    pub async fn close(&self) {
        self.db.close().await;
    }
}

/// The time to be stored: whole microseconds, because both databases keep exactly those.
pub(crate) fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(6)
}

/// A value for a JSON column.
fn json<T: serde::Serialize>(value: &T) -> Result<sqlx::types::Json<serde_json::Value>> {
    let mut value =
        serde_json::to_value(value).map_err(|e| StoreError::Unreadable(e.to_string()))?;
    without_nul(&mut value);
    Ok(sqlx::types::Json(value))
}

/// PostgreSQL keeps no NUL in its texts; a model or a file may well contain one.
fn without_nul(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::String(text) if text.contains('\0') => {
            *text = text.replace('\0', "\u{fffd}");
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(without_nul),
        serde_json::Value::Object(fields) => fields.values_mut().for_each(without_nul),
        serde_json::Value::Null
        | serde_json::Value::Bool(_)
        | serde_json::Value::Number(_)
        | serde_json::Value::String(_) => {}
    }
}

/// A value from a JSON column.
fn from_json<T: serde::de::DeserializeOwned>(
    value: sqlx::types::Json<serde_json::Value>,
) -> Result<T> {
    serde_json::from_value(value.0).map_err(|e| StoreError::Unreadable(e.to_string()))
}
