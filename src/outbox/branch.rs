//! Branches: one push per task, and only if the person who asked may still push themselves.

use super::Outbox;
use super::verdict::Verdict;
use crate::domain::act::Push;
use crate::domain::ids::AccountId;
use crate::domain::policy::Permission;
use crate::domain::report::detail;
use crate::git::{GitError, PushRequest, Remote};
use crate::github::error::GitHubError;
use crate::github::{Place, Purpose};
use crate::store::acts::DueAct;
use serde_json::json;

impl Outbox {
    /// Pushes the sealed commit. Repeating it is harmless: the same commit is up to date, and a
    /// branch that somebody else moved is refused.
    pub(super) async fn push(
        &self,
        place: &Place,
        account: AccountId,
        act: &DueAct,
        push: &Push,
    ) -> Verdict {
        match self.still_allowed(place, push).await {
            Ok(true) => {}
            Ok(false) => {
                return Verdict::Impossible(detail::may_no_longer_push(&push.requester.login));
            }
            Err(error) => return self.judge(place, &error, act.attempts, true).await,
        }
        match self.push_once(place, account, act, push).await {
            Ok(()) => Verdict::Done(json!({ "commit": push.commit, "branch": push.branch })),
            Err(Failed::GitHub(error)) => self.judge(place, &error, act.attempts, true).await,
            Err(Failed::Git(GitError::Moved)) if push.expected.is_some() => {
                Verdict::Impossible(detail::branch_has_moved(&push.branch))
            }
            Err(Failed::Git(error)) => self.judge_git(place, &error, act.attempts).await,
        }
    }

    async fn still_allowed(&self, place: &Place, push: &Push) -> Result<bool, GitHubError> {
        let permission =
            self.github.permission(place, &push.requester.login, push.requester.id).await?;
        Ok(permission >= Permission::Write)
    }

    async fn push_once(
        &self,
        place: &Place,
        account: AccountId,
        act: &DueAct,
        push: &Push,
    ) -> Result<(), Failed> {
        let fetch_token = self.github.git_token(place, Purpose::Fetch).await?;
        let push_token = self.github.git_token(place, Purpose::Push).await?;
        let remote = Remote { account, repository: place.repository, name: place.name.clone() };
        let request = PushRequest {
            remote: &remote,
            push,
            patch: act.patch.as_deref().unwrap_or_default(),
            fetch_token: &fetch_token,
            push_token: &push_token,
        };
        Ok(self.git.push(request).await?)
    }
}

/// A push needs GitHub for the tokens and git for the rest.
enum Failed {
    GitHub(GitHubError),
    Git(GitError),
}

impl From<GitHubError> for Failed {
    fn from(error: GitHubError) -> Self {
        Self::GitHub(error)
    }
}

impl From<GitError> for Failed {
    fn from(error: GitError) -> Self {
        Self::Git(error)
    }
}
