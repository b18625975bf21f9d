//! Pull requests: one per task, open or closed.

use super::Outbox;
use crate::domain::act::PullRequest;
use crate::domain::ids::TaskId;
use crate::domain::report::task_marker;
use crate::github::Place;
use crate::github::error::GitHubError;
use crate::github::pulls::Opened;
use serde_json::{Value, json};

/// With the waits between them these take some minutes, and GitHub's lists lag by seconds.
const TRIES_TO_SEE_IT: i64 = 9;

impl Outbox {
    /// Opens the pull request, unless this task has one already: one that a person closed is not
    /// opened a second time.
    pub(super) async fn open(
        &self,
        place: &Place,
        wanted: &PullRequest,
        task: TaskId,
        tries: i64,
    ) -> Result<Value, GitHubError> {
        if let Some(found) = self.find_pull_request(place, wanted, task).await? {
            return Ok(found);
        }
        match self.open_draft_or_not(place, wanted).await {
            Ok(opened) => Ok(as_result(&opened)),
            Err(GitHubError::Refused { status: 422, message })
                if message.contains("already exists") =>
            {
                let found = self.find_pull_request(place, wanted, task).await?;
                // GitHub knows of it and its lists do not yet; if it is somebody else's, they never will.
                found.ok_or(if tries < TRIES_TO_SEE_IT {
                    GitHubError::Unwell(message)
                } else {
                    GitHubError::Refused { status: 422, message }
                })
            }
            // GitHub's own copies lag: it may not have seen the branch that we have just pushed.
            Err(GitHubError::Refused { status: 422, message }) if message.contains("head") => {
                Err(GitHubError::Unwell(message))
            }
            Err(other) => Err(other),
        }
    }

    /// Not every plan has drafts in private repositories.
    /// <https://docs.github.com/pull-requests/collaborating-with-pull-requests/proposing-changes-to-your-work-with-pull-requests/about-pull-requests#draft-pull-requests>
    async fn open_draft_or_not(
        &self,
        place: &Place,
        wanted: &PullRequest,
    ) -> Result<Opened, GitHubError> {
        match self.github.open_pull_request(place, wanted).await {
            Err(GitHubError::Refused { status: 422, message })
                if wanted.draft && message.to_ascii_lowercase().contains("draft") =>
            {
                let plain = PullRequest { draft: false, ..wanted.clone() };
                self.github.open_pull_request(place, &plain).await
            }
            answer => answer,
        }
    }

    /// This task's pull request. An older one of a branch with the same name is not it.
    pub(super) async fn find_pull_request(
        &self,
        place: &Place,
        wanted: &PullRequest,
        task: TaskId,
    ) -> Result<Option<Value>, GitHubError> {
        let marker = task_marker(task);
        let found = self.github.pull_requests_from(place, &wanted.head).await?;
        let ours = |opened: &&Opened| {
            opened.body.as_deref().is_some_and(|body| body.trim_end().ends_with(&marker))
        };
        Ok(found.iter().find(ours).map(as_result))
    }
}

fn as_result(opened: &Opened) -> Value {
    json!({
        "id": opened.id,
        "number": opened.number,
        "url": opened.html_url,
        "draft": opened.draft,
        "state": opened.became(),
    })
}
