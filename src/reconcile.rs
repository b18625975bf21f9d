//! What events did not tell: deliveries that never reached us, installations that vanished, rows
//! that are old.
//!
//! GitHub sends a webhook once and sometimes not at all, so an outage of ours is made good here. It
//! changes rows and asks GitHub to deliver again; it never decides or answers anything itself.

use crate::github::GitHub;
use crate::github::redelivery::{Present, Tried};
use crate::store::Store;
use crate::store::schedules::{Schedule, Turn};
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often something is looked for that may be due.
const LOOK: Duration = Duration::from_secs(30);
/// GitHub keeps deliveries for so long.
const GITHUB_KEEPS: TimeDelta = TimeDelta::days(3);
/// A look goes back a little further than the last one.
const OVERLAP: TimeDelta = TimeDelta::minutes(30);
/// Tries of one delivery, GitHub's own first one included.
const MOST_TRIES: usize = 4;
/// After its second try a delivery waits so long for the next.
const BETWEEN_TRIES: TimeDelta = TimeDelta::hours(1);

/// Reconciles until told to stop.
#[derive(Clone)]
pub(crate) struct Reconcile {
    store: Store,
    github: GitHub,
}

impl Reconcile {
    pub(crate) fn new(store: Store, github: GitHub) -> Self {
        Self { store, github }
    }

    /// Woken every now and then; the table of schedules says what is due.
    pub(crate) async fn run(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            for schedule in Schedule::ALL {
                if let Err(error) = self.turn(*schedule).await {
                    tracing::warn!(%schedule, error = format!("{error:#}"), "something regular failed; it is tried again when it is due");
                }
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    async fn turn(&self, schedule: Schedule) -> anyhow::Result<()> {
        let again = match schedule {
            Schedule::Redeliver => Duration::from_mins(5),
            Schedule::Installations | Schedule::Retention => Duration::from_hours(1),
        };
        let Some(turn) = self.store.take_turn(schedule, again).await? else { return Ok(()) };
        let done = match schedule {
            Schedule::Redeliver => self.redeliver(turn).await,
            Schedule::Installations => self.installations().await,
            Schedule::Retention => self.store.forget_old().await.map_err(anyhow::Error::from),
        };
        self.store.end_turn(schedule, done.as_ref().err().map(|e| format!("{e:#}"))).await?;
        done
    }

    async fn redeliver(&self, turn: Turn) -> anyhow::Result<()> {
        let now = Utc::now();
        let since = turn
            .last_success
            .map_or(now - GITHUB_KEEPS, |last| (last - OVERLAP).max(now - GITHUB_KEEPS));
        // A delivery that failed long ago may be due for another try, so tries are counted over all that GitHub keeps.
        let tries = self.github.tries_since(since.min(now - BETWEEN_TRIES * 4)).await?;
        for missed in missed(&tries, now) {
            if !self.store.has_delivery(&missed.guid).await? {
                tracing::info!(
                    guid = missed.guid,
                    "asking GitHub to deliver again what did not reach us"
                );
                self.github.redeliver(missed.id).await?;
            }
        }
        Ok(())
    }

    async fn installations(&self) -> anyhow::Result<()> {
        let present = self.github.installations().await?;
        let pairs: Vec<_> = present
            .iter()
            .map(|Present { installation, account }| (*installation, *account))
            .collect();
        let gone = self.store.forget_missing_installations(&pairs).await?;
        if gone > 0 {
            tracing::info!(gone, "installations are gone without a webhook");
        }
        Ok(())
    }
}

/// The newest try of each delivery that failed on our side and may be tried again now. A 4xx was an
/// answer of ours, and asking again would get the same one.
fn missed<'a>(tries: &'a [Tried], now: DateTime<Utc>) -> Vec<&'a Tried> {
    let mut by_guid: BTreeMap<&str, Vec<&'a Tried>> = BTreeMap::new();
    for tried in tries {
        by_guid.entry(&tried.guid).or_default().push(tried);
    }
    let due = |tries: Vec<&'a Tried>| {
        let newest = tries.iter().max_by_key(|t| (t.delivered_at, t.id)).copied()?;
        let failed = newest.status_code.is_none_or(|status| status == 0 || status >= 500);
        let rested = tries.len() == 1 || now - newest.delivered_at >= BETWEEN_TRIES;
        (failed && rested && tries.len() < MOST_TRIES).then_some(newest)
    };
    by_guid.into_values().filter_map(due).collect()
}
