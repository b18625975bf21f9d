//! A pull request as all events about one carry it.

use super::{Repo, User};
use crate::domain::ids::Sha;
use crate::domain::task::OUR_BRANCHES;
use chrono::{DateTime, Utc};
use serde::Deserialize;

#[derive(Deserialize)]
pub(super) struct Pull {
    pub(super) id: i64,
    pub(super) number: i64,
    pub(super) title: String,
    pub(super) body: Option<String>,
    pub(super) html_url: String,
    pub(super) state: String,
    #[serde(default)]
    pub(super) draft: bool,
    pub(super) merged_at: Option<serde::de::IgnoredAny>,
    pub(super) updated_at: DateTime<Utc>,
    pub(super) user: Option<User>,
    pub(super) head: Side,
    pub(super) base: Side,
}

#[derive(Deserialize)]
pub(super) struct Side {
    #[serde(rename = "ref")]
    pub(super) branch: String,
    pub(super) sha: Sha,
    /// Nothing, if it was deleted.
    repo: Option<Home>,
}

#[derive(Deserialize)]
struct Home {
    id: i64,
}

impl Pull {
    /// By a program, and from one of the branches that are ours. Whose exactly it is the rows know.
    pub(super) fn is_like_ours(&self, repository: &Repo) -> bool {
        let is_by_a_program = self.user.as_ref().is_some_and(|user| user.kind == "Bot");
        let is_from_here = self.head.repo.as_ref().is_some_and(|home| home.id == repository.id);
        is_by_a_program && is_from_here && self.head.branch.starts_with(OUR_BRANCHES)
    }
}
