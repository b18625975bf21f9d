//! What events did not tell: deliveries that never reached us, installations that vanished, rows
//! that are old.
//!
//! GitHub sends a webhook once and sometimes not at all, so an outage of ours is made good here. It
//! changes rows and asks GitHub to deliver again; it never decides or answers anything itself.

use crate::domain::event::Installation;
use crate::domain::plan::{Given, Plans, Subscription};
use crate::github::GitHub;
use crate::github::error::GitHubError;
use crate::github::redelivery::Tried;
use crate::store::schedules::Schedule;
use crate::store::{self, Known, Store, Unsure};
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often something is looked for that may be due.
const LOOK: Duration = Duration::from_secs(30);
/// GitHub keeps deliveries for so long.
const GITHUB_KEEPS: TimeDelta = TimeDelta::days(3);
/// Deliveries that are asked for in one turn; a POST costs 5 of the 900 points of a minute.
/// <https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits>
const MISSED_AT_ONCE: usize = 150;
/// Tries of one delivery, GitHub's own first one included.
const MOST_TRIES: usize = 4;
/// After its second try a delivery waits so long for the next.
const BETWEEN_TRIES: TimeDelta = TimeDelta::hours(1);
/// After so many questions in a row without an answer it is GitHub that cannot be asked, not one of them.
const IN_VAIN: usize = 5;

/// Plans that are asked for in one turn: far fewer than GitHub lets an App ask in a minute.
const PLANS_AT_ONCE: i64 = 50;
/// Between two looks at an account's plan without a webhook: nothing that happens by itself, such as the
/// next period, is noticed later than this.
const BETWEEN_PLANS: Duration = Duration::from_hours(24);

/// Reconciles until told to stop.
#[derive(Clone)]
pub(crate) struct Reconcile {
    store: Store,
    github: GitHub,
    plans: Plans,
}

impl Reconcile {
    pub(crate) fn new(store: Store, github: GitHub, plans: Plans) -> Self {
        Self { store, github, plans }
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
            Schedule::Plans => Duration::from_mins(1),
            Schedule::Installations | Schedule::Retention => Duration::from_hours(1),
        };
        if !self.store.take_turn(schedule, again).await? {
            return Ok(());
        }
        let done = match schedule {
            Schedule::Redeliver => self.redeliver().await,
            Schedule::Installations => self.installations().await,
            Schedule::Plans => self.plans().await,
            Schedule::Retention => self.store.forget_old().await.map_err(anyhow::Error::from),
        };
        self.store.end_turn(schedule, done.as_ref().err().map(|e| format!("{e:#}"))).await?;
        done
    }

    async fn redeliver(&self) -> anyhow::Result<()> {
        let now = Utc::now();
        // Tries are counted over all that GitHub keeps, else one that always fails would be new for ever.
        let tries = self.github.failed_tries_since(now - GITHUB_KEEPS).await?;
        let mut asked = 0;
        for missed in missed(&tries, now) {
            if asked == MISSED_AT_ONCE {
                tracing::info!("GitHub is asked for the other missed deliveries in the next turn");
                break;
            }
            if self.store.has_delivery(&missed.guid).await? {
                continue;
            }
            self.ask_again(missed).await?;
            asked += 1;
        }
        Ok(())
    }

    async fn ask_again(&self, missed: &Tried) -> Result<(), GitHubError> {
        let guid = &missed.guid;
        tracing::info!(guid, "asking GitHub to deliver again what did not reach us");
        match self.github.redeliver(missed.id).await {
            Err(limited @ GitHubError::Limited(_)) => Err(limited),
            // One that GitHub cannot deliver again must not keep the others from it.
            Err(error) => {
                tracing::warn!(guid, %error, "a delivery could not be asked for again");
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    /// Each installation that we know is asked for by its own id, because a list of thousands moves
    /// while it is read.
    async fn installations(&self) -> anyhow::Result<()> {
        let mut in_vain = 0;
        for known in self.store.installations().await? {
            match self.github.installation(known.installation).await {
                Ok(stands) => {
                    in_vain = 0;
                    self.installation(known, stands).await?;
                }
                // The others would get the same answer.
                Err(error @ (GitHubError::Limited(_) | GitHubError::Unauthorized(_))) => {
                    return Err(error.into());
                }
                Err(error) => {
                    in_vain += usize::from(error.leaves_unsure());
                    if in_vain == IN_VAIN {
                        return Err(error.into());
                    }
                    tracing::warn!(account = %known.account, %error, "an installation could not be asked for");
                }
            }
        }
        Ok(())
    }

    async fn installation(&self, known: Known, stands: Option<Installation>) -> store::Result<()> {
        let Known { account, installation } = known;
        let is_news = if let Some(now) = stands {
            self.store.installation_stands(&now).await?
        } else {
            self.store.forget_installation(account, installation).await?;
            true
        };
        if is_news {
            tracing::info!(%account, %installation, "an installation changed without a webhook");
        }
        Ok(())
    }

    /// The Marketplace tells of a change once and of a new period never, so those are asked for. Most Apps
    /// are not on the Marketplace: they find out with one question a day, and nothing is said about it.
    async fn plans(&self) -> anyhow::Result<()> {
        let due = self.store.plans_due(PLANS_AT_ONCE).await?;
        if due.is_empty() {
            return Ok(());
        }
        if !self.github.has_listing().await? {
            return Ok(self.store.no_plans(BETWEEN_PLANS).await?);
        }
        for asked in due {
            match self.github.subscription(asked.account).await {
                Ok(subscription) => self.plan(asked, subscription).await?,
                // The others would get the same answer.
                Err(error) if error.is_passing() => return Err(error.into()),
                Err(error) => {
                    tracing::warn!(account = %asked.account, %error, "a plan could not be asked for");
                }
            }
        }
        Ok(())
    }

    async fn plan(&self, asked: Unsure, has: Option<Subscription>) -> store::Result<()> {
        let given = has.map(|subscription| self.plans.given(&subscription, Utc::now()));
        let unknown = given.as_ref().filter(|given| self.plans.named(&given.name).is_none());
        if let Some(Given { name, .. }) = unknown {
            tracing::warn!(account = %asked.account, plan = name, "DATA_DIR/plans.toml does not say what this plan of the Marketplace gives, so it gives nothing");
        }
        self.store.plan_is(asked, given.as_ref(), BETWEEN_PLANS).await
    }
}

/// The newest try of each delivery that failed on our side and may be tried again now, in the order in
/// which things happened. A 4xx was an answer of ours, and asking again would get the same one.
fn missed<'a>(tries: &'a [Tried], now: DateTime<Utc>) -> Vec<&'a Tried> {
    let mut by_guid: BTreeMap<&str, Vec<&'a Tried>> = BTreeMap::new();
    for tried in tries {
        by_guid.entry(&tried.guid).or_default().push(tried);
    }
    let due = |tries: Vec<&'a Tried>| {
        let first = tries.iter().map(|tried| (tried.delivered_at, tried.id)).min()?;
        let newest = tries.iter().max_by_key(|t| (t.delivered_at, t.id)).copied()?;
        let failed = newest.status_code.is_none_or(|status| status == 0 || status >= 500);
        let rested = tries.len() == 1 || now - newest.delivered_at >= BETWEEN_TRIES;
        (failed && rested && tries.len() < MOST_TRIES).then_some((first, newest))
    };
    let mut all: Vec<_> = by_guid.into_values().filter_map(due).collect();
    all.sort_by_key(|(first, _)| *first);
    all.into_iter().map(|(_, newest)| newest).collect()
}
