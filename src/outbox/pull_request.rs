//! Pull requests: one per task, open or closed.

use super::Outbox;
use crate::domain::act::PullRequest;
use crate::github::Place;
use crate::github::error::GitHubError;
use crate::github::pulls::Opened;
use serde_json::{Value, json};

impl Outbox {
    /// Opens the pull request, unless the branch has one already: one that a person closed is not
    /// opened a second time.
    pub(super) async fn open(
        &self,
        place: &Place,
        wanted: &PullRequest,
    ) -> Result<Value, GitHubError> {
        if let Some(found) = self.find_pull_request(place, wanted).await? {
            return Ok(found);
        }
        match self.github.open_pull_request(place, wanted).await {
            Ok(opened) => Ok(as_result(&opened)),
            Err(GitHubError::Refused { status: 422, message })
                if message.contains("already exists") =>
            {
                let found = self.find_pull_request(place, wanted).await?;
                found.ok_or(GitHubError::Unwell(message))
            }
            Err(other) => Err(other),
        }
    }

    /// The pull request of this branch, if there is one.
    pub(super) async fn find_pull_request(
        &self,
        place: &Place,
        wanted: &PullRequest,
    ) -> Result<Option<Value>, GitHubError> {
        let found = self.github.pull_requests_from(place, &wanted.head).await?;
        Ok(found.first().map(as_result))
    }
}

fn as_result(opened: &Opened) -> Value {
    json!({ "id": opened.id, "number": opened.number, "url": opened.html_url, "draft": opened.draft })
}
