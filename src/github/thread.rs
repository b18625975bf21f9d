//! What people say in a thread.

use super::error::GitHubError;
use super::{GitHub, Place, Purpose};
use chrono::{DateTime, Utc};
use serde::Deserialize;

/// Pages that are read; a longer thread is read from its end by nobody.
const MOST_PAGES: usize = 30;

/// A comment of a person or a program.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Said {
    pub(crate) id: i64,
    #[serde(default)]
    pub(crate) body: Option<String>,
    /// A deleted account has none.
    #[serde(default)]
    pub(crate) user: Option<Speaker>,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
    #[serde(default)]
    performed_via_github_app: Option<serde::de::IgnoredAny>,
}

/// Who said something.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Speaker {
    pub(crate) id: i64,
    pub(crate) login: String,
    #[serde(rename = "type", default)]
    kind: String,
}

impl Said {
    /// Whether a person typed it.
    pub(crate) fn is_by_a_person(&self) -> bool {
        self.performed_via_github_app.is_none()
            && self.user.as_ref().is_some_and(|user| user.kind == "User")
    }
}

impl GitHub {
    /// All comments of an issue or of a pull request's conversation, oldest first.
    pub(crate) async fn said_in(
        &self,
        place: &Place,
        number: i64,
    ) -> Result<Vec<Said>, GitHubError> {
        let client = self.acting_in(place, Purpose::Talk).await?;
        let route = place.route(&format!("/issues/{number}/comments"));
        let mut all = Vec::new();
        for page in 1..=MOST_PAGES {
            let page = page.to_string();
            let comments: Vec<Said> =
                self.get(&client, &route, &[("per_page", "100"), ("page", &page)]).await?;
            let is_last = comments.len() < 100;
            all.extend(comments);
            if is_last {
                break;
            }
        }
        Ok(all)
    }
}
