//! Plans of the Marketplace: who has which from now on.

use super::User;
use crate::domain::event::{AsOf, Event, Purchase};
use crate::domain::plan::Subscription;
use chrono::{DateTime, Utc};
use serde::Deserialize;

#[derive(Deserialize)]
pub(super) struct MarketplacePayload {
    effective_date: DateTime<Utc>,
    marketplace_purchase: Bought,
}

#[derive(Deserialize)]
struct Bought {
    account: User,
    /// A free plan has none.
    billing_cycle: Option<String>,
    next_billing_date: Option<DateTime<Utc>>,
    free_trial_ends_on: Option<DateTime<Utc>>,
    plan: BoughtPlan,
}

#[derive(Deserialize)]
struct BoughtPlan {
    name: String,
}

impl MarketplacePayload {
    pub(super) fn into_event(self, action: &str) -> Event {
        let bought = self.marketplace_purchase;
        let subscription = Subscription {
            plan: bought.plan.name,
            is_yearly: bought.billing_cycle.as_deref() == Some("yearly"),
            renews_at: bought.next_billing_date.or(bought.free_trial_ends_on),
        };
        // Of two things on one day, because some dates have no time: whoever changes or cancels had bought.
        let rank = match action {
            "purchased" => 0,
            "changed" => 1,
            _ => 2,
        };
        Event::Subscribed(Box::new(Purchase {
            account: bought.account.into_account(),
            subscription,
            is_over: action == "cancelled",
            as_of: AsOf::new(self.effective_date, rank),
        }))
    }
}
