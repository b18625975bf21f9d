//! Comments and reactions.

use super::error::GitHubError;
use super::{GitHub, Place, Purpose};
use crate::domain::act::Emoji;
use serde::Deserialize;
use serde_json::{Value, json};

/// Pages of comments that are looked through for a marker.
const MOST_PAGES: usize = 30;

#[derive(Deserialize)]
struct Comment {
    id: i64,
    body: Option<String>,
    performed_via_github_app: Option<AppRef>,
}

#[derive(Deserialize)]
struct AppRef {
    id: u64,
}

impl GitHub {
    /// Writes a comment and returns its id.
    pub(crate) async fn comment(
        &self,
        place: &Place,
        number: i64,
        body: &str,
    ) -> Result<i64, GitHubError> {
        let client = self.acting_in(place, Purpose::Talk).await?;
        let route = place.route(&format!("/issues/{number}/comments"));
        let comment: Comment = self.post(&client, &route, &json!({ "body": body })).await?;
        Ok(comment.id)
    }

    /// Replaces a comment's text.
    pub(crate) async fn edit_comment(
        &self,
        place: &Place,
        id: i64,
        body: &str,
    ) -> Result<(), GitHubError> {
        let client = self.acting_in(place, Purpose::Talk).await?;
        let route = place.route(&format!("/issues/comments/{id}"));
        let _: Value = self.patch(&client, &route, &json!({ "body": body })).await?;
        Ok(())
    }

    /// Our own comments with this marker, oldest first. What others wrote never counts.
    pub(crate) async fn comments_with(
        &self,
        place: &Place,
        number: i64,
        marker: &str,
    ) -> Result<Vec<i64>, GitHubError> {
        let client = self.acting_in(place, Purpose::Talk).await?;
        let route = place.route(&format!("/issues/{number}/comments"));
        let mut found = Vec::new();
        for page in 1..=MOST_PAGES {
            let page = page.to_string();
            let comments: Vec<Comment> =
                self.get(&client, &route, &[("per_page", "100"), ("page", &page)]).await?;
            let last = comments.len() < 100;
            let ours = comments.into_iter().filter(|c| {
                let by_us =
                    c.performed_via_github_app.as_ref().is_some_and(|app| app.id == self.app_id());
                by_us && c.body.as_ref().is_some_and(|body| body.trim_end().ends_with(marker))
            });
            found.extend(ours.map(|c| c.id));
            if last {
                break;
            }
        }
        Ok(found)
    }

    /// Removes a comment that we wrote twice.
    pub(crate) async fn delete_comment(&self, place: &Place, id: i64) -> Result<(), GitHubError> {
        let client = self.acting_in(place, Purpose::Talk).await?;
        let route = place.route(&format!("/issues/comments/{id}"));
        let delete = async {
            octocrab::map_github_error(client.crab._delete(route, None::<&()>).await?).await
        };
        match self.limited(&client, delete).await {
            Ok(_) | Err(GitHubError::NotFound(_)) => Ok(()),
            Err(other) => Err(other),
        }
    }

    /// Puts an emoji on a comment. GitHub keeps one of each kind, so a repeat changes nothing.
    pub(crate) async fn react(
        &self,
        place: &Place,
        comment: i64,
        emoji: Emoji,
    ) -> Result<(), GitHubError> {
        self.react_at(place, &format!("/issues/comments/{comment}/reactions"), emoji).await
    }

    /// Puts an emoji on the first text of an issue or pull request.
    pub(crate) async fn react_to_thread(
        &self,
        place: &Place,
        number: i64,
        emoji: Emoji,
    ) -> Result<(), GitHubError> {
        self.react_at(place, &format!("/issues/{number}/reactions"), emoji).await
    }

    async fn react_at(&self, place: &Place, route: &str, emoji: Emoji) -> Result<(), GitHubError> {
        let client = self.acting_in(place, Purpose::Talk).await?;
        let _: Value =
            self.post(&client, &place.route(route), &json!({ "content": emoji })).await?;
        Ok(())
    }
}
