//! The App's listing on the GitHub Marketplace, and who has which plan of it.
//! <https://docs.github.com/rest/apps/marketplace>

use super::GitHub;
use super::error::GitHubError;
use crate::domain::ids::AccountId;
use crate::domain::plan::Subscription;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde::de::IgnoredAny;

#[derive(Deserialize)]
struct Listed {
    marketplace_purchase: Purchase,
}

#[derive(Deserialize)]
struct Purchase {
    #[serde(default)]
    billing_cycle: Option<String>,
    #[serde(default)]
    next_billing_date: Option<DateTime<Utc>>,
    #[serde(default)]
    free_trial_ends_on: Option<DateTime<Utc>>,
    plan: Plan,
}

#[derive(Deserialize)]
struct Plan {
    name: String,
}

impl GitHub {
    /// Whether the App is on the Marketplace at all. Most are not, and that is no fault.
    pub(crate) async fn has_listing(&self) -> Result<bool, GitHubError> {
        let plans: Result<Vec<IgnoredAny>, _> =
            self.get(&self.as_app()?, "/marketplace_listing/plans", &[]).await;
        match plans {
            Ok(plans) => Ok(!plans.is_empty()),
            Err(
                GitHubError::NotFound(_)
                | GitHubError::Forbidden(_)
                | GitHubError::Lacks(_)
                | GitHubError::Refused { .. },
            ) => Ok(false),
            Err(other) => Err(other),
        }
    }

    /// What an account has of it.
    pub(crate) async fn subscription(
        &self,
        account: AccountId,
    ) -> Result<Option<Subscription>, GitHubError> {
        let route = format!("/marketplace_listing/accounts/{account}");
        let listed: Result<Listed, _> = self.get(&self.as_app()?, &route, &[]).await;
        match listed {
            Ok(Listed { marketplace_purchase: purchase }) => Ok(Some(Subscription {
                plan: purchase.plan.name,
                is_yearly: purchase.billing_cycle.as_deref() == Some("yearly"),
                renews_at: purchase.next_billing_date.or(purchase.free_trial_ends_on),
            })),
            Err(GitHubError::NotFound(_)) => Ok(None),
            Err(other) => Err(other),
        }
    }
}
