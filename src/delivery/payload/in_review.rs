//! What people write in reviews: at a line of the change, or about all of it.

use super::{Changes, InstallationRef, Repo, User, Words};
use crate::domain::event::{AtLine, Event, Source, Thread};
use chrono::{DateTime, Utc};
use serde::Deserialize;

#[derive(Deserialize)]
pub(super) struct LineCommentPayload {
    action: String,
    #[serde(default)]
    changes: Changes,
    comment: LineComment,
    pull_request: Pull,
    repository: Repo,
    sender: User,
    installation: Option<InstallationRef>,
}

#[derive(Deserialize)]
struct LineComment {
    id: i64,
    /// The first comment of the thread, unless this is it.
    in_reply_to_id: Option<i64>,
    path: String,
    /// Absent once the line is no longer part of the change.
    line: Option<i64>,
    original_line: Option<i64>,
    side: Option<String>,
    diff_hunk: String,
    body: Option<String>,
    html_url: String,
    created_at: DateTime<Utc>,
    updated_at: Option<DateTime<Utc>>,
    performed_via_github_app: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
pub(super) struct ReviewPayload {
    action: String,
    #[serde(default)]
    changes: Changes,
    review: Review,
    pull_request: Pull,
    repository: Repo,
    sender: User,
    installation: Option<InstallationRef>,
}

#[derive(Deserialize)]
struct Review {
    id: i64,
    body: Option<String>,
    html_url: String,
    submitted_at: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
struct Pull {
    number: i64,
    title: String,
    body: Option<String>,
    user: Option<User>,
    updated_at: DateTime<Utc>,
}

impl LineCommentPayload {
    pub(super) fn into_event(self) -> Event {
        let comment = self.comment;
        let body = comment.body.unwrap_or_default();
        let before = self.changes.before(&self.action, &body);
        let edited_at = comment.updated_at.filter(|_| before.is_some());
        let line = AtLine {
            path: comment.path,
            line: comment.line.or(comment.original_line),
            side: comment.side.unwrap_or_default(),
            hunk: comment.diff_hunk,
            first: comment.in_reply_to_id.unwrap_or(comment.id),
        };
        let words = Words {
            source: Source::ReviewComment,
            id: comment.id,
            body,
            before,
            url: comment.html_url,
            at: edited_at.unwrap_or(comment.created_at),
            line: Some(line),
            by_an_app: comment.performed_via_github_app.is_some(),
        };
        let thread = self.pull_request.into_thread();
        words.into_event(thread, self.sender, self.repository, self.installation)
    }
}

impl ReviewPayload {
    pub(super) fn into_event(self) -> Event {
        let review = self.review;
        let body = review.body.unwrap_or_default();
        let before = self.changes.before(&self.action, &body);
        // A review keeps the time at which it was submitted; an edit changes its pull request's too.
        let changed_at = self.pull_request.updated_at;
        let submitted_at = review.submitted_at.filter(|_| before.is_none());
        let words = Words {
            source: Source::Review,
            id: review.id,
            body,
            before,
            url: review.html_url,
            at: submitted_at.unwrap_or(changed_at),
            line: None,
            by_an_app: false,
        };
        let thread = self.pull_request.into_thread();
        words.into_event(thread, self.sender, self.repository, self.installation)
    }
}

impl Pull {
    fn into_thread(self) -> Thread {
        Thread {
            number: self.number,
            title: self.title,
            body: self.body.unwrap_or_default(),
            author: self.user.map(|user| user.login),
            is_pull_request: true,
        }
    }
}
