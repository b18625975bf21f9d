//! Pull requests.

use super::error::GitHubError;
use super::{GitHub, Place, Purpose};
use crate::domain::act::PullRequest;
use crate::domain::event::{AsOf, ProposalState};
use crate::domain::ids::{RepositoryId, Sha};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::json;

/// A pull request as it is on GitHub.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Opened {
    pub(crate) id: i64,
    pub(crate) number: i64,
    pub(crate) html_url: String,
    #[serde(default)]
    pub(crate) body: Option<String>,
    #[serde(default)]
    pub(crate) draft: bool,
    /// `open` or `closed`.
    state: String,
    #[serde(default)]
    merged_at: Option<IgnoredAny>,
}

impl Opened {
    /// What became of it.
    pub(crate) fn became(&self) -> ProposalState {
        match (&self.merged_at, self.state.as_str()) {
            (Some(_), _) => ProposalState::Merged,
            (None, "open") => ProposalState::Open,
            (None, _) => ProposalState::Closed,
        }
    }
}

/// What became of a pull request, and when it last changed.
#[derive(Deserialize)]
struct Changed {
    #[serde(flatten)]
    pull: Opened,
    updated_at: DateTime<Utc>,
}

/// Where a pull request stands now.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct PullRequestNow {
    /// `open` or `closed`.
    pub(crate) state: String,
    pub(crate) head: Side,
    pub(crate) base: Side,
}

/// One side of a pull request.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Side {
    #[serde(rename = "ref")]
    pub(crate) branch: String,
    pub(crate) sha: Sha,
    /// A fork that was deleted is nothing.
    #[serde(default)]
    pub(crate) repo: Option<Home>,
}

/// The repository of a side.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Home {
    pub(crate) id: RepositoryId,
}

impl GitHub {
    /// A pull request as it is now.
    pub(crate) async fn pull_request(
        &self,
        place: &Place,
        number: i64,
    ) -> Result<PullRequestNow, GitHubError> {
        let crab = self.acting_in(place, Purpose::Talk).await?;
        self.get(&crab, &place.route(&format!("/pulls/{number}")), &[]).await
    }

    /// What became of a pull request, and of when that is.
    pub(crate) async fn decided(
        &self,
        place: &Place,
        number: i64,
    ) -> Result<(ProposalState, AsOf), GitHubError> {
        let crab = self.acting_in(place, Purpose::Talk).await?;
        let route = place.route(&format!("/pulls/{number}"));
        let Changed { pull, updated_at } = self.get(&crab, &route, &[]).await?;
        let state = pull.became();
        Ok((state, AsOf::new(updated_at, u8::from(state != ProposalState::Open))))
    }

    /// Opens a pull request.
    pub(crate) async fn open_pull_request(
        &self,
        place: &Place,
        wanted: &PullRequest,
    ) -> Result<Opened, GitHubError> {
        let client = self.acting_in(place, Purpose::Talk).await?;
        let body = json!({
            "title": wanted.title,
            "head": wanted.head,
            "base": wanted.base,
            "body": wanted.body,
            "draft": wanted.draft,
            "maintainer_can_modify": true,
        });
        self.post(&client, &place.route("/pulls"), &body).await
    }

    /// Pull requests from this branch of this repository, open or closed, oldest first.
    pub(crate) async fn pull_requests_from(
        &self,
        place: &Place,
        branch: &str,
    ) -> Result<Vec<Opened>, GitHubError> {
        let client = self.acting_in(place, Purpose::Talk).await?;
        let head = format!("{}:{branch}", place.name.owner);
        let parameters = [("head", head.as_str()), ("state", "all"), ("per_page", "100")];
        let mut found: Vec<Opened> = self.get(&client, &place.route("/pulls"), &parameters).await?;
        found.sort_by_key(|pr| pr.number);
        Ok(found)
    }
}
