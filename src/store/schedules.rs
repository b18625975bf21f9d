//! Schedules: what is done regularly, once over all replicas; and what is kept for how long.

use super::engine::{args, exec, opt};
use super::{Result, Store, now};
use crate::domain::text_enum;
use chrono::{DateTime, TimeDelta, Utc};
use std::time::Duration;

text_enum!(
    /// Something that is done regularly.
    Schedule {
        /// Ask who has which plan of the Marketplace.
        Plans = "plans",
        /// Notice installations that are gone.
        Installations = "installations",
        /// Ask GitHub for deliveries that did not reach us.
        Redeliver = "redeliver",
        /// Forget what is old.
        Retention = "retention",
    }
);

/// How long the bodies of deliveries are kept; their rows and keys stay.
const KEEP_BODIES: TimeDelta = TimeDelta::days(14);
/// How long transcripts and patches are kept after a task's end.
const KEEP_TRANSCRIPTS: TimeDelta = TimeDelta::days(30);
/// How long progress is kept after it happened.
const KEEP_EVENTS: TimeDelta = TimeDelta::days(90);
/// Transactions of a round for each of them; what is left then is forgotten in the next round.
const MOST_TRANSACTIONS: usize = 1_000;

const BODIES: &[&str] = &["update deliveries set body = '' where id in (
     select id from deliveries where state <> 'pending' and received_at < $1 and length(body) > 0
     order by received_at limit $2)"];
/// All of them find the same tasks; the last one notes that these are done.
const TRANSCRIPTS: &[&str] = &[
    "delete from task_steps where task_id in (
         select id from tasks where ended_at < $1 and not forgotten order by ended_at, id limit $2)",
    "update acts set patch = null where patch is not null and task_id in (
         select id from tasks where ended_at < $1 and not forgotten order by ended_at, id limit $2)",
    "update tasks set forgotten = true where id in (
         select id from tasks where ended_at < $1 and not forgotten order by ended_at, id limit $2)",
];
const EVENTS: &[&str] = &["delete from task_events where (task_id, seq) in (
     select task_id, seq from task_events where created_at < $1 order by created_at limit $2)"];

/// Something that is forgotten when it is old.
struct Old {
    forget: &'static [&'static str],
    before: DateTime<Utc>,
    /// So many in one transaction, because everybody else waits for it. A task has up to a hundred steps.
    at_once: i64,
}

impl Store {
    /// Takes the turn if it is due. Whoever takes it is alone with it until `again` has passed, and
    /// if it dies somebody else comes then.
    pub async fn take_turn(&self, schedule: Schedule, again: Duration) -> Result<bool> {
        let mut tx = self.db.begin().await?;
        let now = tx.clock().await?;
        exec(
            &mut tx,
            "insert into schedules (name, due_at, updated_at) values ($1, $2, $2) on conflict (name) do nothing",
            args![schedule.as_str(), now],
        )
        .await?;
        let taken = exec(
            &mut tx,
            "update schedules set due_at = $3, updated_at = $2 where name = $1 and due_at <= $2",
            args![schedule.as_str(), now, now + again],
        )
        .await?;
        tx.commit().await?;
        Ok(taken == 1)
    }

    /// Notes how a turn went.
    pub async fn end_turn(&self, schedule: Schedule, error: Option<String>) -> Result<()> {
        let mut tx = self.db.begin().await?;
        exec(
            &mut tx,
            "update schedules set error = $2, updated_at = $3,
                 last_success_at = case when $2 is null then $3 else last_success_at end
             where name = $1",
            args![schedule.as_str(), error, now()],
        )
        .await?;
        tx.commit().await?;
        Ok(())
    }

    /// Forgets what is older than it has to be kept. Keys, results and the ledger stay for ever.
    pub async fn forget_old(&self) -> Result<()> {
        let now = now();
        for old in [
            Old { forget: BODIES, before: now - KEEP_BODIES, at_once: 300 },
            Old { forget: TRANSCRIPTS, before: now - KEEP_TRANSCRIPTS, at_once: 5 },
            Old { forget: EVENTS, before: now - KEEP_EVENTS, at_once: 300 },
        ] {
            let mut transactions = 0;
            while transactions < MOST_TRANSACTIONS && self.forget_some(&old).await? {
                transactions += 1;
            }
        }
        Ok(())
    }

    /// Whether there may be more.
    async fn forget_some(&self, old: &Old) -> Result<bool> {
        let mut tx = self.db.begin().await?;
        let mut forgotten = 0;
        for statement in old.forget {
            forgotten = exec(&mut tx, *statement, args![old.before, old.at_once]).await?;
        }
        tx.commit().await?;
        Ok(i64::try_from(forgotten).unwrap_or(i64::MAX) >= old.at_once)
    }

    /// Whether a delivery has reached us.
    pub async fn has_delivery(&self, guid: &str) -> Result<bool> {
        let found: Option<(String,)> =
            opt(self.db.reader(), "select guid from deliveries where guid = $1", args![guid])
                .await?;
        Ok(found.is_some())
    }
}
