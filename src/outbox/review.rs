//! Reviews: one per task, with its comments at lines, or all in its text if GitHub does not take those.

use super::Outbox;
use crate::domain::act::NewReview;
use crate::domain::ids::TaskId;
use crate::domain::report::task_marker;
use crate::github::Place;
use crate::github::error::GitHubError;
use crate::github::reviews::Written;
use serde_json::{Value, json};

impl Outbox {
    /// Writes the review. GitHub refuses all of it when one line is no longer in the change, and does
    /// not say which: then everything is said in the text, so that nothing is lost.
    pub(super) async fn review(
        &self,
        place: &Place,
        review: &NewReview,
    ) -> Result<Value, GitHubError> {
        let written = self.github.write_review(place, review, &review.comments, &review.body).await;
        let written = match written {
            Err(GitHubError::Refused { status: 422, message }) if !review.comments.is_empty() => {
                tracing::warn!(message, "a review is written without comments at lines");
                self.github.write_review(place, review, &[], &review.body_of_all).await
            }
            other => other,
        };
        written.map(|review| as_result(&review))
    }

    /// This task's review, if it is there.
    pub(super) async fn find_review(
        &self,
        place: &Place,
        review: &NewReview,
        task: TaskId,
    ) -> Result<Option<Value>, GitHubError> {
        let found = self.github.review_with(place, review.number, &task_marker(task)).await?;
        Ok(found.as_ref().map(as_result))
    }
}

fn as_result(review: &Written) -> Value {
    json!({ "id": review.id, "url": review.html_url })
}
