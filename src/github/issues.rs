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
    #[serde(default)]
    performed_via_github_app: Option<AppRef>,
    #[serde(default)]
    user: Option<UserRef>,
}

#[derive(Deserialize)]
struct UserRef {
    id: i64,
}

#[derive(Deserialize)]
struct AppRef {
    id: u64,
}

/// Where something is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spot {
    /// The issue or pull request.
    pub(crate) number: i64,
    /// In its conversation, or below this comment at a line of its change.
    pub(crate) below: Option<i64>,
}

impl Spot {
    /// Where a new comment is sent to.
    fn new_comment(self) -> String {
        match self {
            Self { number, below: None } => format!("/issues/{number}/comments"),
            Self { number, below: Some(first) } => {
                format!("/pulls/{number}/comments/{first}/replies")
            }
        }
    }

    /// Where the comments are listed.
    fn comments(self) -> String {
        let sort = if self.below.is_some() { "pulls" } else { "issues" };
        format!("/{sort}/{}/comments", self.number)
    }

    /// Where one of them is.
    fn comment(self, id: i64) -> String {
        let sort = if self.below.is_some() { "pulls" } else { "issues" };
        format!("/{sort}/comments/{id}")
    }
}

impl GitHub {
    /// Writes a comment and returns its id.
    pub(crate) async fn comment(
        &self,
        place: &Place,
        spot: Spot,
        body: &str,
    ) -> Result<i64, GitHubError> {
        let client = self.acting_in(place, Purpose::Talk).await?;
        let route = place.route(&spot.new_comment());
        let comment: Comment = self.post(&client, &route, &json!({ "body": body })).await?;
        Ok(comment.id)
    }

    /// Replaces a comment's text.
    pub(crate) async fn edit_comment(
        &self,
        place: &Place,
        spot: Spot,
        id: i64,
        body: &str,
    ) -> Result<(), GitHubError> {
        let client = self.acting_in(place, Purpose::Talk).await?;
        let route = place.route(&spot.comment(id));
        let _: Value = self.patch(&client, &route, &json!({ "body": body })).await?;
        Ok(())
    }

    /// Our own comments with this marker, oldest first. What others wrote never counts.
    pub(crate) async fn comments_with(
        &self,
        place: &Place,
        spot: Spot,
        marker: &str,
    ) -> Result<Vec<i64>, GitHubError> {
        // Comments at lines do not say through which App they were written, only by which user.
        let us = if spot.below.is_some() { Some(self.bot(place).await?.id) } else { None };
        let client = self.acting_in(place, Purpose::Talk).await?;
        let route = place.route(&spot.comments());
        let mut found = Vec::new();
        for page in 1..=MOST_PAGES {
            let page = page.to_string();
            let comments: Vec<Comment> =
                self.get(&client, &route, &[("per_page", "100"), ("page", &page)]).await?;
            let last = comments.len() < 100;
            let ours = comments.into_iter().filter(|c| {
                let by_us = match us {
                    Some(us) => c.user.as_ref().is_some_and(|user| user.id == us),
                    None => c
                        .performed_via_github_app
                        .as_ref()
                        .is_some_and(|app| app.id == self.app_id()),
                };
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
    pub(crate) async fn delete_comment(
        &self,
        place: &Place,
        spot: Spot,
        id: i64,
    ) -> Result<(), GitHubError> {
        let client = self.acting_in(place, Purpose::Talk).await?;
        let route = place.route(&spot.comment(id));
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

    /// Puts an emoji on a comment at a line of a change.
    pub(crate) async fn react_at_line(
        &self,
        place: &Place,
        comment: i64,
        emoji: Emoji,
    ) -> Result<(), GitHubError> {
        self.react_at(place, &format!("/pulls/comments/{comment}/reactions"), emoji).await
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
