//! Comments: the status comment that is edited, and answers that are not.

use super::Outbox;
use crate::domain::ids::CommandId;
use crate::domain::report::{TaskView, command_marker, status, task_marker};
use crate::github::Place;
use crate::github::error::GitHubError;
use crate::github::issues::Spot;
use crate::store::documents::DueDocument;
use serde_json::{Value, json};

impl Outbox {
    /// Writes or edits the status comment. `None`: it may be there, and has to be looked for again.
    pub(super) async fn show_comment(
        &self,
        place: &Place,
        document: &DueDocument,
        view: &TaskView,
    ) -> Result<Option<i64>, GitHubError> {
        let body = status::status_comment(view);
        let spot = Spot { number: document.number, below: document.below() };
        let known = match document.github_id {
            // It was looked for before it was written, and may be there twice.
            Some(id) if document.lookups > 0 => {
                let only = self.find_only(place, spot, &task_marker(view.id)).await?;
                Some(only.unwrap_or(id))
            }
            Some(id) => Some(id),
            None if document.unsure => {
                match self.find_only(place, spot, &task_marker(view.id)).await {
                    Ok(None) if document.lookups < self.timing.lookups => return Ok(None),
                    Ok(found) => found,
                    Err(error) => return Err(error),
                }
            }
            None => None,
        };
        if let Some(id) = known {
            return self.edit(place, spot, id, &body).await.map(|()| Some(id));
        }
        self.say(place, spot, &body).await.map(Some)
    }

    /// Says something. Below a line it may be that what it answers is gone: then it is said in the
    /// conversation, so that it is seen.
    pub(super) async fn say(
        &self,
        place: &Place,
        spot: Spot,
        body: &str,
    ) -> Result<i64, GitHubError> {
        match self.github.comment(place, spot, body).await {
            Err(GitHubError::NotFound(_)) if spot.below.is_some() => {
                self.github.comment(place, Spot { below: None, ..spot }, body).await
            }
            said => said,
        }
    }

    async fn edit(
        &self,
        place: &Place,
        spot: Spot,
        id: i64,
        body: &str,
    ) -> Result<(), GitHubError> {
        match self.github.edit_comment(place, spot, id, body).await {
            Err(GitHubError::NotFound(_)) if spot.below.is_some() => {
                self.github.edit_comment(place, Spot { below: None, ..spot }, id, body).await
            }
            edited => edited,
        }
    }

    /// The answer to a command, if it is there.
    pub(super) async fn find_answer(
        &self,
        place: &Place,
        spot: Spot,
        command: CommandId,
    ) -> Result<Option<Value>, GitHubError> {
        let found = self.find_only(place, spot, &command_marker(command)).await?;
        Ok(found.map(|id| json!({ "id": id })))
    }

    /// The comment with this marker. If a lost reply has doubled it, the oldest stays.
    async fn find_only(
        &self,
        place: &Place,
        spot: Spot,
        marker: &str,
    ) -> Result<Option<i64>, GitHubError> {
        let mut found = self.github.comments_with(place, spot, marker).await?.into_iter();
        let oldest = found.next();
        for double in found {
            tracing::warn!(comment = double, "a comment was there twice; the newer one is removed");
            self.github.delete_comment(place, spot, double).await?;
        }
        Ok(oldest)
    }
}
