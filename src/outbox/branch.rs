//! Branches: one push per task, and only if the person who asked may still push themselves.

use super::Outbox;
use super::verdict::Verdict;
use crate::domain::act::{Act, Push};
use crate::domain::ids::AccountId;
use crate::domain::policy::Permission;
use crate::domain::report::detail;
use crate::git::{GitError, PushRequest, Rebased, Remote};
use crate::github::error::GitHubError;
use crate::github::{Place, Purpose};
use crate::store::acts::DueAct;
use secrecy::SecretString;
use serde_json::json;
use std::time::Duration;

/// Somebody who pushes more often than this is not waited for.
const MOST_REBASES: i64 = 5;

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
                self.make_anew(place, account, act, push).await
            }
            Err(Failed::Git(error)) => self.judge_git(place, &error, act.attempts).await,
        }
    }

    async fn still_allowed(&self, place: &Place, push: &Push) -> Result<bool, GitHubError> {
        let permission =
            self.github.permission(place, &push.requester.login, push.requester.id).await?;
        Ok(permission >= Permission::Write)
    }

    /// Somebody pushed to the pull request's branch meanwhile. The act becomes another one, stored
    /// before it is tried: the same change on top of what is there now, or in a branch of its own.
    async fn make_anew(
        &self,
        place: &Place,
        account: AccountId,
        act: &DueAct,
        push: &Push,
    ) -> Verdict {
        let rebased = match self.rebased(place, account, act, push).await {
            Ok(rebased) => rebased.filter(|_| act.attempts < MOST_REBASES),
            Err(Failed::GitHub(error)) => {
                return self.judge(place, &error, act.attempts, true).await;
            }
            Err(Failed::Git(error)) => return self.judge_git(place, &error, act.attempts).await,
        };
        let (push, patch, detail) = if let Some(Rebased { push, patch }) = rebased {
            let detail = detail::stands_on_top(&push.branch);
            (push, Some(patch), detail)
        } else {
            let detail = detail::kept_aside(&push.branch);
            let (branch, expected) = (push.aside.clone(), None);
            (Push { branch, expected, ..push.clone() }, act.patch.clone(), detail)
        };
        match self.store.act_changed(act, &Act::Push(push), patch, &detail).await {
            Ok(()) => Verdict::Later {
                wait: Duration::ZERO,
                unsure: false,
                error: "the branch has moved".to_owned(),
            },
            Err(error) => Verdict::Later {
                wait: self.backoff(act.attempts),
                unsure: true,
                error: error.to_string(),
            },
        }
    }

    async fn rebased(
        &self,
        place: &Place,
        account: AccountId,
        act: &DueAct,
        push: &Push,
    ) -> Result<Option<Rebased>, Failed> {
        let with = self.with(place, account).await?;
        Ok(self.git.rebased(with.request(act, push)).await?)
    }

    async fn push_once(
        &self,
        place: &Place,
        account: AccountId,
        act: &DueAct,
        push: &Push,
    ) -> Result<(), Failed> {
        let with = self.with(place, account).await?;
        Ok(self.git.push(with.request(act, push)).await?)
    }

    async fn with(&self, place: &Place, account: AccountId) -> Result<With, GitHubError> {
        Ok(With {
            remote: Remote { account, repository: place.repository, name: place.name.clone() },
            fetch_token: self.github.git_token(place, Purpose::Fetch).await?,
            push_token: self.github.git_token(place, Purpose::Push).await?,
        })
    }
}

/// What a push is made with, besides itself.
struct With {
    remote: Remote,
    fetch_token: SecretString,
    push_token: SecretString,
}

impl With {
    fn request<'a>(&'a self, act: &'a DueAct, push: &'a Push) -> PushRequest<'a> {
        PushRequest {
            remote: &self.remote,
            push,
            patch: act.patch.as_deref().unwrap_or_default(),
            fetch_token: &self.fetch_token,
            push_token: &self.push_token,
        }
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
