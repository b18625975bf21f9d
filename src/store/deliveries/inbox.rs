//! The way in: deliveries that arrive together are committed together, so that many share one `fsync`.

use super::super::engine::{Arg, Db, Tx, exec};
use super::super::{Result, now};
use chrono::{DateTime, Utc};
use futures::FutureExt as _;
use std::fmt::Write as _;
use std::panic::AssertUnwindSafe;
use std::sync::LazyLock;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

/// Deliveries that may wait for the writer.
const INBOX_SIZE: usize = 1024;
/// A group is written when it has so many rows …
const GROUP_ROWS: usize = 256;
/// … or so many bytes.
const GROUP_BYTES: usize = 4 * 1024 * 1024;

/// A delivery that is about to be stored.
#[derive(Debug)]
pub(super) struct Incoming {
    pub(super) guid: String,
    pub(super) event: String,
    /// Packed.
    pub(super) body: Vec<u8>,
    /// Why nothing follows from it, if that is known already.
    pub(super) unused: Option<String>,
    /// Told once it is stored, or is not.
    pub(super) reply: oneshot::Sender<bool>,
}

/// The way into the group writer.
#[derive(Clone, Debug)]
pub(in crate::store) struct Inbox {
    pub(super) sender: mpsc::Sender<Incoming>,
}

impl Inbox {
    /// Starts the writer. It ends when the last store is dropped.
    pub(in crate::store) fn start(db: Db) -> Self {
        let (sender, receiver) = mpsc::channel(INBOX_SIZE);
        tokio::spawn(keep_writing(db, receiver));
        Self { sender }
    }
}

/// Without the writer no delivery is ever taken again, so if it breaks down it is begun again. Whoever was
/// in its group hears that it was not stored, and nobody else; so it cannot break down without end.
async fn keep_writing(db: Db, mut waiting: mpsc::Receiver<Incoming>) {
    while AssertUnwindSafe(write_groups(&db, &mut waiting)).catch_unwind().await.is_err() {
        tracing::error!("the writer of deliveries broke down; it is begun again");
    }
}

async fn write_groups(db: &Db, waiting: &mut mpsc::Receiver<Incoming>) {
    while let Some(first) = waiting.recv().await {
        let mut bytes = first.body.len();
        let mut group = vec![first];
        while group.len() < GROUP_ROWS && bytes < GROUP_BYTES {
            let Ok(next) = waiting.try_recv() else { break };
            bytes += next.body.len();
            group.push(next);
        }
        let size = group.len();
        let (rows, replies): (Vec<_>, Vec<_>) = group.into_iter().map(Incoming::into_row).unzip();
        let written = write_group(db, rows).await;
        if let Err(error) = &written {
            tracing::error!(%error, deliveries = size, "deliveries could not be stored");
        }
        for reply in replies {
            // Whoever waited may have given up; the row is there all the same.
            let _ = reply.send(written.is_ok());
        }
    }
}

async fn write_group(db: &Db, rows: Vec<Row>) -> Result<()> {
    let mut tx = db.begin_first().await?;
    let mut rows = rows.into_iter();
    for insert in &*INSERTS {
        while rows.len() >= insert.rows {
            insert.run(&mut tx, rows.by_ref().take(insert.rows)).await?;
        }
    }
    tx.commit().await?;
    Ok(())
}

/// A row to be.
struct Row {
    guid: String,
    event: String,
    body: Vec<u8>,
    state: &'static str,
    reason: Option<String>,
    processed_at: Option<DateTime<Utc>>,
}

impl Incoming {
    fn into_row(self) -> (Row, oneshot::Sender<bool>) {
        let state = if self.unused.is_some() { "ignored" } else { "pending" };
        let processed_at = self.unused.is_some().then(now);
        let (guid, event, body, reason) = (self.guid, self.event, self.body, self.unused);
        (Row { guid, event, body, state, reason, processed_at }, self.reply)
    }
}

/// A statement that stores so many rows at once: most of what a small row costs is its statement.
struct Insert {
    rows: usize,
    text: String,
}

/// The largest first; the last takes what is left one by one.
static INSERTS: LazyLock<[Insert; 3]> = LazyLock::new(|| [32, 8, 1].map(Insert::of));

impl Insert {
    /// Values of a row.
    const COLUMNS: usize = 8;

    fn of(rows: usize) -> Self {
        let mut text = String::from(
            "insert into deliveries (id, guid, event, body, state, reason, received_at, processed_at, failures) values ",
        );
        for row in 0..rows {
            text.push_str(if row == 0 { "(" } else { ", (" });
            for column in 1..=Self::COLUMNS {
                // Writing to a string does not fail.
                let _ = write!(text, "${}, ", row * Self::COLUMNS + column);
            }
            text.push_str("0)");
        }
        text.push_str(" on conflict (guid) do nothing");
        Self { rows, text }
    }

    async fn run(&'static self, tx: &mut Tx, rows: impl Iterator<Item = Row>) -> Result<()> {
        let received = now();
        let mut values: Vec<Box<dyn Arg>> = Vec::with_capacity(self.rows * Self::COLUMNS);
        for row in rows {
            values.push(Box::new(Uuid::now_v7()));
            values.push(Box::new(row.guid));
            values.push(Box::new(row.event));
            values.push(Box::new(row.body));
            values.push(Box::new(row.state));
            values.push(Box::new(row.reason));
            values.push(Box::new(received));
            values.push(Box::new(row.processed_at));
        }
        exec(tx, &*self.text, values).await?;
        Ok(())
    }
}
