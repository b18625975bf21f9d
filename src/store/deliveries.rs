//! Deliveries: the durable inbox.
//!
//! A 2xx to GitHub needs exactly one thing, a committed row here, so rows are committed in groups:
//! many deliveries share one `fsync`. Everything else follows from the rows, in transactions of at
//! most a hundred, each delivery in a savepoint of its own, so that a poisonous one blocks nobody.

use super::commands::NewCommand;
use super::engine::{Db, Tx, all, args, exec, row};
use super::{Result, Store, StoreError, now};
use crate::domain::event::{Installation, Repository};
use crate::domain::ids::InstallationId;
use bytes::Bytes;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

/// Deliveries that may wait for the writer.
const INBOX_SIZE: usize = 1024;
/// A group is written when it has so many rows …
const GROUP_ROWS: usize = 256;
/// … or so many bytes.
const GROUP_BYTES: usize = 4 * 1024 * 1024;
/// Whoever waited longer than this gets an error: GitHub itself hangs up after ten seconds.
const ACCEPT_PATIENCE: Duration = Duration::from_secs(5);
/// After so many failures a delivery is set aside.
const MOST_FAILURES: i64 = 5;

/// A verified delivery.
#[derive(Clone, Debug)]
pub struct NewDelivery {
    /// `X-GitHub-Delivery`.
    pub guid: String,
    /// `X-GitHub-Event`.
    pub event: String,
    /// The raw JSON.
    pub body: Bytes,
}

row! {
    /// A stored delivery that nobody has looked into yet.
    #[derive(Clone, Debug)]
    pub struct Delivery {
        /// Our id.
        id: Uuid,
        /// `X-GitHub-Delivery`.
        pub guid: String,
        /// `X-GitHub-Event`.
        pub event: String,
        /// The raw JSON.
        pub body: Vec<u8>,
        failures: i64,
    }
}

/// What follows from a delivery.
#[derive(Clone, Debug)]
pub enum Digest {
    /// Nothing, and why.
    Ignored(String),
    /// It cannot be read, now or later.
    Failed(String),
    /// These facts, in this order.
    Facts(Vec<Fact>),
}

/// Something that a delivery tells.
#[derive(Clone, Debug)]
pub enum Fact {
    /// The App is on this account.
    Installed(Installation),
    /// This installation is gone.
    Uninstalled(Installation),
    /// A person suspended the App on this account.
    Suspended(Installation),
    /// The App may work again on this account, or may do more.
    Allowed(Installation),
    /// A repository as it is now, with the installation that saw it.
    Repository(Box<Repository>, Option<InstallationId>),
    /// Somebody asked for something.
    Command(Box<NewCommand>),
}

type Waiting = (NewDelivery, oneshot::Sender<bool>);

/// The way into the group writer.
#[derive(Clone, Debug)]
pub(super) struct Inbox {
    sender: mpsc::Sender<Waiting>,
}

impl Inbox {
    /// Starts the writer. It ends when the last store is dropped.
    pub(super) fn start(db: Db) -> Self {
        let (sender, receiver) = mpsc::channel(INBOX_SIZE);
        tokio::spawn(write_groups(db, receiver));
        Self { sender }
    }
}

async fn write_groups(db: Db, mut waiting: mpsc::Receiver<Waiting>) {
    while let Some(first) = waiting.recv().await {
        let mut bytes = first.0.body.len();
        let mut group = vec![first];
        while group.len() < GROUP_ROWS && bytes < GROUP_BYTES {
            let Ok(next) = waiting.try_recv() else { break };
            bytes += next.0.body.len();
            group.push(next);
        }
        let written = write_group(&db, &group).await;
        if let Err(error) = &written {
            tracing::error!(%error, deliveries = group.len(), "deliveries could not be stored");
        }
        for (_, reply) in group {
            // Whoever waited may have given up; the row is there all the same.
            let _ = reply.send(written.is_ok());
        }
    }
}

async fn write_group(db: &Db, group: &[Waiting]) -> Result<()> {
    let mut tx = db.begin().await?;
    for (delivery, _) in group {
        exec(
            &mut tx,
            "insert into deliveries (id, guid, event, body, state, failures, received_at)
             values ($1, $2, $3, $4, 'pending', 0, $5)
             on conflict (guid) do nothing",
            args![Uuid::now_v7(), &*delivery.guid, &*delivery.event, delivery.body.to_vec(), now()],
        )
        .await?;
    }
    tx.commit().await?;
    Ok(())
}

impl Store {
    /// Stores a delivery durably; the same one again changes nothing.
    pub async fn accept(&self, delivery: NewDelivery) -> Result<()> {
        let (reply, written) = oneshot::channel();
        let wait = async {
            self.inbox.sender.try_send((delivery, reply)).map_err(|_| StoreError::Busy)?;
            if written.await.unwrap_or(false) { Ok(()) } else { Err(StoreError::Busy) }
        };
        tokio::time::timeout(ACCEPT_PATIENCE, wait).await.map_err(|_| StoreError::Busy)??;
        self.bells.deliveries.notify_one();
        Ok(())
    }

    /// Looks into at most so many deliveries, oldest first, and writes what follows from them in the
    /// same transaction. Returns how many there were.
    pub async fn digest(&self, most: i64, read: impl Fn(&Delivery) -> Digest) -> Result<usize> {
        let pending: Vec<Delivery> = all(
            self.db.reader(),
            "select id, guid, event, body, failures from deliveries where state = 'pending' order by id limit $1",
            args![most],
        )
        .await?;
        if pending.is_empty() {
            return Ok(0);
        }
        let mut tx = self.db.begin().await?;
        for delivery in &pending {
            digest_one(&mut tx, delivery, read(delivery)).await?;
        }
        tx.commit().await?;
        self.bells.commands.notify_one();
        Ok(pending.len())
    }
}

async fn digest_one(tx: &mut Tx, delivery: &Delivery, digest: Digest) -> Result<()> {
    let facts = match digest {
        Digest::Ignored(reason) => return mark(tx, delivery, "ignored", Some(reason)).await,
        Digest::Failed(reason) => return mark(tx, delivery, "failed", Some(reason)).await,
        Digest::Facts(facts) => facts,
    };
    exec(&mut *tx, "savepoint delivery", args![]).await?;
    match write_facts(tx, facts).await {
        Ok(()) => {
            exec(&mut *tx, "release savepoint delivery", args![]).await?;
            mark(tx, delivery, "processed", None).await
        }
        Err(error) => {
            exec(&mut *tx, "rollback to savepoint delivery", args![]).await?;
            tracing::warn!(guid = delivery.guid, %error, "a delivery could not be processed");
            let last = delivery.failures + 1 >= MOST_FAILURES;
            mark(tx, delivery, if last { "failed" } else { "pending" }, Some(error.to_string()))
                .await?;
            exec(
                tx,
                "update deliveries set failures = failures + 1 where id = $1",
                args![delivery.id],
            )
            .await?;
            Ok(())
        }
    }
}

async fn write_facts(tx: &mut Tx, facts: Vec<Fact>) -> Result<()> {
    for fact in facts {
        match fact {
            Fact::Installed(i) => super::accounts::seen(tx, &i.account, Some(i.id)).await?,
            Fact::Uninstalled(i) => super::accounts::removed(tx, &i).await?,
            Fact::Suspended(i) => super::accounts::suspended(tx, &i).await?,
            Fact::Allowed(i) => super::accounts::allowed(tx, &i).await?,
            Fact::Repository(repository, installation) => {
                super::accounts::seen(tx, &repository.owner, installation).await?;
                super::repositories::seen(tx, &repository).await?;
            }
            Fact::Command(command) => super::commands::insert(tx, &command).await?,
        }
    }
    Ok(())
}

async fn mark(
    tx: &mut Tx,
    delivery: &Delivery,
    state: &'static str,
    reason: Option<String>,
) -> Result<()> {
    exec(
        tx,
        "update deliveries set state = $2, reason = $3, processed_at = $4 where id = $1 and state = 'pending'",
        args![delivery.id, state, reason, now()],
    )
    .await?;
    Ok(())
}
