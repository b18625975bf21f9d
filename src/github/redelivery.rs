//! What GitHub tried to deliver, and asking it to try again. GitHub itself never tries twice.
//! <https://docs.github.com/rest/apps/webhooks>

use super::GitHub;
use super::error::GitHubError;
use crate::domain::event::{Account, AsOf, Installation};
use crate::domain::ids::{AccountId, InstallationId};
use chrono::{DateTime, Utc};
use octocrab::Page;
use serde::Deserialize;

/// Pages of a hundred tries that failed, and that are looked through.
const MOST_PAGES: usize = 50;

/// One try to deliver.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Tried {
    pub(crate) id: i64,
    /// The same for every try of one delivery.
    pub(crate) guid: String,
    pub(crate) delivered_at: DateTime<Utc>,
    /// What we answered; 0 or nothing if we did not.
    #[serde(default)]
    pub(crate) status_code: Option<i64>,
}

#[derive(Deserialize)]
struct Installed {
    account: On,
    #[serde(default)]
    suspended_at: Option<serde::de::IgnoredAny>,
    updated_at: DateTime<Utc>,
}

#[derive(Deserialize)]
struct On {
    id: i64,
    login: String,
    #[serde(rename = "type")]
    kind: String,
}

impl GitHub {
    /// Every try since then that was not answered well, newest first.
    pub(crate) async fn failed_tries_since(
        &self,
        since: DateTime<Utc>,
    ) -> Result<Vec<Tried>, GitHubError> {
        let is_newer = |tried: &Tried| tried.delivered_at >= since;
        self.app_pages("/app/hook/deliveries?per_page=100&status=failure", is_newer).await
    }

    /// Asks GitHub to deliver something again.
    pub(crate) async fn redeliver(&self, id: i64) -> Result<(), GitHubError> {
        let route = format!("/app/hook/deliveries/{id}/attempts");
        let _: serde_json::Value =
            self.post(&self.as_app()?, &route, &serde_json::json!({})).await?;
        Ok(())
    }

    /// How an installation stands today; `None`: it is gone.
    pub(crate) async fn installation(
        &self,
        id: InstallationId,
    ) -> Result<Option<Installation>, GitHubError> {
        let answer: Result<Installed, _> =
            self.get(&self.as_app()?, &format!("/app/installations/{id}"), &[]).await;
        match answer {
            Ok(Installed {
                account: On { id: account, login, kind },
                suspended_at,
                updated_at,
            }) => Ok(Some(Installation {
                id,
                account: Account { id: AccountId(account), login, kind },
                is_suspended: suspended_at.is_some(),
                as_of: AsOf::new(updated_at, 0),
            })),
            Err(GitHubError::NotFound(_)) => Ok(None),
            Err(other) => Err(other),
        }
    }

    /// All pages of a list that only the App can see, as long as something on a page is wanted.
    async fn app_pages<T: serde::de::DeserializeOwned>(
        &self,
        first: &str,
        wanted: impl Fn(&T) -> bool,
    ) -> Result<Vec<T>, GitHubError> {
        let client = self.as_app()?;
        let (mut all, mut next) = (Vec::new(), Some(first.to_owned()));
        for _ in 0..MOST_PAGES {
            let Some(route) = next else { break };
            let mut page: Page<T> = self.get(&client, &route, &[]).await?;
            let items = page.take_items();
            let go_on = items.last().is_some_and(&wanted);
            all.extend(items.into_iter().filter(|item| wanted(item)));
            // Only path and query are followed: the token stays with this server.
            next = page
                .next
                .and_then(|uri| uri.path_and_query().map(ToString::to_string))
                .filter(|_| go_on);
        }
        Ok(all)
    }
}
