//! What events did not tell: deliveries that never reached us, installations that vanished, rows
//! that are old.
//!
//! GitHub sends a webhook once and sometimes not at all, so an outage of ours is made good here. It
//! changes rows and asks GitHub to deliver again; it never decides or answers anything itself.

use crate::github::GitHub;
use crate::github::redelivery::{Standing, Tried};
use crate::store::schedules::Schedule;
use crate::store::{self, Known, Store};
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often something is looked for that may be due.
const LOOK: Duration = Duration::from_secs(30);
/// GitHub keeps deliveries for so long.
const GITHUB_KEEPS: TimeDelta = TimeDelta::days(3);
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
        if !self.store.take_turn(schedule, again).await? {
            return Ok(());
        }
        let done = match schedule {
            Schedule::Redeliver => self.redeliver().await,
            Schedule::Installations => self.installations().await,
            Schedule::Retention => self.store.forget_old().await.map_err(anyhow::Error::from),
        };
        self.store.end_turn(schedule, done.as_ref().err().map(|e| format!("{e:#}"))).await?;
        done
    }

    async fn redeliver(&self) -> anyhow::Result<()> {
        let now = Utc::now();
        // Tries are counted over all that GitHub keeps, else one that always fails would be new for ever.
        let tries = self.github.tries_since(now - GITHUB_KEEPS).await?;
        for missed in missed(&tries, now) {
            if !self.store.has_delivery(&missed.guid).await? {
                tracing::info!(
                    guid = missed.guid,
                    "asking GitHub to deliver again what did not reach us"
                );
                // One that GitHub cannot deliver again must not keep the others from it.
                if let Err(error) = self.github.redeliver(missed.id).await {
                    tracing::warn!(guid = missed.guid, %error, "a delivery could not be asked for again");
                }
            }
        }
        Ok(())
    }

    /// Each installation that we know is asked for by its own id, because a list of thousands moves
    /// while it is read.
    async fn installations(&self) -> anyhow::Result<()> {
        for known in self.store.installations().await? {
            let standing = self.github.installation(known.installation).await?;
            self.note(known, standing).await?;
        }
        Ok(())
    }

    async fn note(&self, known: Known, standing: Standing) -> store::Result<()> {
        let Known { account, installation, is_suspended } = known;
        let noted = match standing {
            Standing::Gone => self.store.forget_installation(account, installation).await,
            Standing::Suspended if !is_suspended => {
                self.store.suspend_installation(account, installation).await
            }
            Standing::Active if is_suspended => {
                self.store.resume_installation(account, installation).await
            }
            Standing::Active | Standing::Suspended => return Ok(()),
        };
        tracing::info!(%account, %installation, ?standing, "an installation changed without a webhook");
        noted
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
