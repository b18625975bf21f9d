//! Deliveries: the durable inbox.
//!
//! A 2xx to GitHub needs exactly one thing, a committed row here, so rows are committed in groups:
//! many deliveries share one `fsync`. Everything else follows from the rows, in transactions of at
//! most a hundred, each delivery in a savepoint of its own, so that a poisonous one blocks nobody.
//! A delivery from which nothing follows is stored as ignored and not looked into again.

mod inbox;
mod packed;

use super::commands::NewCommand;
use super::engine::{Tx, all, args, exec, row};
use super::{Result, Store, StoreError, now};
use crate::domain::event::{
    Account, Choice, Installation, Pressed, Proposal, Purchase, Repository, Rerequested,
};
use crate::domain::ids::{InstallationId, RepositoryId};
use crate::domain::plan::Given;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use inbox::Incoming;
use std::time::Duration;
use tokio::sync::oneshot;
use uuid::Uuid;

pub(super) use inbox::Inbox;

/// Whoever waited longer than this gets an error: GitHub itself hangs up after ten seconds.
const ACCEPT_PATIENCE: Duration = Duration::from_secs(5);
/// Characters of a reason that are kept.
const LONGEST_REASON: usize = 200;
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
    /// People chose other repositories for the App.
    Chosen(Box<Choice>),
    /// An account as it is called now.
    Account(Account),
    /// A repository as it is now, with the installation that saw it.
    Repository(Box<Repository>, Option<InstallationId>),
    /// That repository is gone for ever.
    Deleted(RepositoryId),
    /// A pull request as it is now.
    Proposed(Box<Proposal>),
    /// What an account bought, and what that gives.
    Bought(Box<Purchase>, Box<Given>),
    /// Somebody asked for something.
    Command(Box<NewCommand>),
    /// Somebody took away a label: what it asked for before, with a key that begins so, is not begun any
    /// more.
    Unlabelled {
        /// Where.
        repository: RepositoryId,
        /// The beginning of the key.
        key: String,
        /// When, by GitHub's clock.
        at: DateTime<Utc>,
    },
    /// Somebody pressed a button of a check run.
    Pressed(Box<Pressed>),
    /// Somebody wants all of our checks of a commit again.
    Rerequested(Box<Rerequested>),
}

impl Store {
    /// Stores a delivery durably; the same one again changes nothing.
    pub async fn accept(&self, delivery: NewDelivery) -> Result<()> {
        self.store(delivery, None).await?;
        self.bells.deliveries.notify_one();
        Ok(())
    }

    /// Stores a delivery from which nothing follows, for this reason.
    pub async fn accept_unused(&self, delivery: NewDelivery, reason: &str) -> Result<()> {
        self.store(delivery, Some(storable(reason))).await
    }

    async fn store(&self, delivery: NewDelivery, unused: Option<String>) -> Result<()> {
        let NewDelivery { guid, event, body } = delivery;
        let (reply, written) = oneshot::channel();
        let wait = async {
            let body = packed::pack(body).await;
            let incoming = Incoming { guid, event, body, unused, reply };
            self.inbox.sender.try_send(incoming).map_err(|_| StoreError::Busy)?;
            if written.await.unwrap_or(false) { Ok(()) } else { Err(StoreError::Busy) }
        };
        tokio::time::timeout(ACCEPT_PATIENCE, wait).await.map_err(|_| StoreError::Busy)?
    }

    /// Looks into at most so many deliveries, oldest first, and writes what follows from them in the
    /// same transaction. Returns how many are done with: what failed is not tried again without a pause.
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
        // Understood before the transaction: nobody waits for the writer while JSON is read.
        let understood: Vec<_> = pending.into_iter().map(|d| d.understand(&read)).collect();
        let mut tx = self.db.begin().await?;
        let mut done = 0;
        for (delivery, digest) in &understood {
            done += usize::from(digest_one(&mut tx, delivery, digest).await?);
        }
        tx.commit().await?;
        self.bells.commands.notify_one();
        self.bells.outbox.notify_one();
        Ok(done)
    }
}

/// Words of the payload may be in a reason, and one row that cannot be stored fails its whole group:
/// PostgreSQL keeps no NUL.
fn storable(reason: &str) -> String {
    reason.chars().filter(|c| !c.is_control()).take(LONGEST_REASON).collect()
}

impl Delivery {
    fn understand(mut self, read: impl Fn(&Self) -> Digest) -> (Self, Digest) {
        let digest = match packed::unpack(std::mem::take(&mut self.body)) {
            Ok(body) => {
                self.body = body;
                read(&self)
            }
            Err(error) => Digest::Failed(error.to_string()),
        };
        (self, digest)
    }
}

/// `false`: it is tried again.
async fn digest_one(tx: &mut Tx, delivery: &Delivery, digest: &Digest) -> Result<bool> {
    let facts = match digest {
        Digest::Ignored(reason) => {
            mark(tx, delivery, "ignored", Some(reason)).await?;
            return Ok(true);
        }
        Digest::Failed(reason) => {
            mark(tx, delivery, "failed", Some(reason)).await?;
            return Ok(true);
        }
        Digest::Facts(facts) => facts,
    };
    exec(&mut *tx, "savepoint delivery", args![]).await?;
    match write_facts(tx, facts).await {
        Ok(()) => {
            exec(&mut *tx, "release savepoint delivery", args![]).await?;
            mark(tx, delivery, "processed", None).await?;
            Ok(true)
        }
        Err(error) => {
            exec(&mut *tx, "rollback to savepoint delivery", args![]).await?;
            tracing::warn!(guid = delivery.guid, %error, "a delivery could not be processed");
            let last = delivery.failures + 1 >= MOST_FAILURES;
            mark(tx, delivery, if last { "failed" } else { "pending" }, Some(&error.to_string()))
                .await?;
            exec(
                tx,
                "update deliveries set failures = failures + 1 where id = $1",
                args![delivery.id],
            )
            .await?;
            Ok(last)
        }
    }
}

async fn write_facts(tx: &mut Tx, facts: &[Fact]) -> Result<()> {
    for fact in facts {
        match fact {
            Fact::Installed(i) | Fact::Suspended(i) => {
                super::accounts::stands(tx, i).await?;
            }
            Fact::Uninstalled(i) => super::accounts::removed(tx, i).await?,
            Fact::Allowed(i) => super::accounts::allowed(tx, i).await?,
            Fact::Chosen(choice) => super::repositories::chosen(tx, choice).await?,
            Fact::Account(account) => super::accounts::renamed(tx, account).await?,
            Fact::Repository(repository, installation) => {
                super::accounts::seen(tx, &repository.owner, *installation).await?;
                super::repositories::seen(tx, repository).await?;
            }
            Fact::Deleted(repository) => super::repositories::deleted(tx, *repository).await?,
            Fact::Proposed(proposal) => super::pull_requests::told(tx, proposal).await?,
            Fact::Bought(purchase, given) => super::plans::bought(tx, purchase, given).await?,
            Fact::Command(command) => {
                super::commands::told(tx, command).await?;
                super::labels::set(tx, command).await?;
            }
            Fact::Unlabelled { repository, key, at } => {
                super::labels::taken_away(tx, *repository, key, *at).await?;
            }
            Fact::Pressed(pressed) => super::presses::pressed(tx, pressed).await?,
            Fact::Rerequested(suite) => super::presses::rerequested(tx, suite).await?,
        }
    }
    Ok(())
}

async fn mark(
    tx: &mut Tx,
    delivery: &Delivery,
    state: &'static str,
    reason: Option<&str>,
) -> Result<()> {
    exec(
        tx,
        "update deliveries set state = $2, reason = $3, processed_at = $4 where id = $1 and state = 'pending'",
        args![delivery.id, state, reason.map(storable), now()],
    )
    .await?;
    Ok(())
}
