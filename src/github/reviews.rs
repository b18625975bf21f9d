//! Reviews of pull requests.

use super::error::GitHubError;
use super::{GitHub, Place, Purpose};
use crate::domain::act::{InlineComment, NewReview};
use serde::Deserialize;
use serde_json::{Value, json};

/// Pages of reviews that are looked through for a marker.
const MOST_PAGES: usize = 10;

/// A review as it is on GitHub.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Written {
    pub(crate) id: i64,
    pub(crate) html_url: String,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    user: Option<Author>,
}

#[derive(Clone, Debug, Deserialize)]
struct Author {
    id: i64,
}

impl GitHub {
    /// Writes a review with its comments at lines: all of it or nothing. It never approves and never
    /// asks for changes, because both count as a person's word.
    /// <https://docs.github.com/rest/pulls/reviews#create-a-review-for-a-pull-request>
    pub(crate) async fn write_review(
        &self,
        place: &Place,
        review: &NewReview,
        comments: &[InlineComment],
        body: &str,
    ) -> Result<Written, GitHubError> {
        let client = self.acting_in(place, Purpose::Talk).await?;
        let comments: Vec<Value> = comments.iter().map(comment).collect();
        let mut body = json!({ "event": "COMMENT", "body": body, "comments": comments });
        // Without comments at lines the commit does not matter, and it may be gone from the change.
        if let (Value::Object(body), false) = (&mut body, comments.is_empty()) {
            body.insert("commit_id".to_owned(), json!(review.commit));
        }
        self.post(&client, &place.route(&format!("/pulls/{}/reviews", review.number)), &body).await
    }

    /// Our own review with this marker, if there is one. What others wrote never counts.
    pub(crate) async fn review_with(
        &self,
        place: &Place,
        number: i64,
        marker: &str,
    ) -> Result<Option<Written>, GitHubError> {
        let us = self.bot(place).await?.id;
        let client = self.acting_in(place, Purpose::Talk).await?;
        let route = place.route(&format!("/pulls/{number}/reviews"));
        for page in 1..=MOST_PAGES {
            let page = page.to_string();
            let reviews: Vec<Written> =
                self.get(&client, &route, &[("per_page", "100"), ("page", &page)]).await?;
            let is_last = reviews.len() < 100;
            let is_ours = |review: &Written| {
                let by_us = review.user.as_ref().is_some_and(|user| user.id == us);
                by_us && review.body.as_ref().is_some_and(|b| b.trim_end().ends_with(marker))
            };
            if let Some(found) = reviews.into_iter().find(is_ours) {
                return Ok(Some(found));
            }
            if is_last {
                break;
            }
        }
        Ok(None)
    }
}

/// `start_line` is for more than one line only.
fn comment(comment: &InlineComment) -> Value {
    let mut body = json!({
        "path": comment.path,
        "line": comment.last,
        "side": comment.side,
        "body": comment.body,
    });
    if let (Value::Object(body), true) = (&mut body, comment.first < comment.last) {
        body.insert("start_line".to_owned(), comment.first.into());
        body.insert("start_side".to_owned(), json!(comment.side));
    }
    body
}
