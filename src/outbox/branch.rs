//! Branches: one push per task, and only if the person who asked may still push themselves.

use super::Outbox;
use super::verdict::Verdict;
use crate::domain::act::{Act, Push};
use crate::domain::ids::AccountId;
use crate::domain::policy::Permission;
use crate::domain::report::detail;
use crate::git::{GitError, Moved, PushRequest, Rebased, Remote};
use crate::github::error::GitHubError;
use crate::github::{Place, Purpose};
use crate::store::acts::{Changed, DueAct};
use crate::store::writers::Writer;
use secrecy::SecretString;
use serde_json::json;

/// Somebody who pushes more often than this is not waited for.
const MOST_TRIES: i64 = 5;

impl Outbox {
    /// Pushes the sealed commit. Repeating it is harmless: the same commit is up to date, and a
    /// branch that somebody else moved is refused.
    pub(super) async fn push(
        &self,
        place: &Place,
        writer: &Writer,
        act: &DueAct,
        push: &Push,
    ) -> Verdict {
        match self.forbidden(place, push).await {
            Ok(None) => {}
            Ok(Some(why)) => return Verdict::Impossible(why),
            Err(error) => return self.judge(place, &error, act.attempts, true).await,
        }
        match self.push_once(place, writer.account, act, push).await {
            Ok(()) => pushed(push),
            Err(Failed::GitHub(error)) => self.judge(place, &error, act.attempts, true).await,
            Err(Failed::Git(GitError::Moved)) if push.expected.is_some() => {
                self.make_anew(place, writer, act, push).await
            }
            Err(Failed::Git(error)) => self.judge_git(place, &error, act.attempts).await,
        }
    }

    /// Why the push is no longer what it was when it was asked for, if it is not.
    async fn forbidden(&self, place: &Place, push: &Push) -> Result<Option<String>, GitHubError> {
        let permission =
            self.github.permission(place, &push.requester.login, push.requester.id).await?;
        if permission < Permission::Write {
            return Ok(Some(detail::may_no_longer_push(&push.requester.login)));
        }
        let (Some(number), Some(_)) = (push.pull_request, &push.expected) else { return Ok(None) };
        let pull = self.github.pull_request(place, number).await?;
        let is_its_own = pull.head.branch == push.branch
            && pull.head.repo.as_ref().is_some_and(|home| home.id == place.repository);
        Ok((pull.state != "open" || !is_its_own).then(detail::no_longer_open))
    }

    /// Somebody pushed to the pull request's branch meanwhile. The act becomes another one, stored
    /// before it is tried: the same change on top of what is there now, or in a branch of its own.
    async fn make_anew(
        &self,
        place: &Place,
        writer: &Writer,
        act: &DueAct,
        push: &Push,
    ) -> Verdict {
        let moved = match self.rebased(place, writer.account, act, push).await {
            Ok(moved) => moved,
            Err(Failed::GitHub(error)) => {
                return self.judge(place, &error, act.attempts, true).await;
            }
            Err(Failed::Git(error)) => return self.judge_git(place, &error, act.attempts).await,
        };
        let kept = |detail| {
            let push = Push { branch: push.aside.clone(), expected: None, ..push.clone() };
            Changed { act: Act::Push(push), patch: act.patch.clone(), detail }
        };
        let changed = match moved {
            Moved::HasOurs => return pushed(push),
            Moved::Fits(rebased) if act.attempts < MOST_TRIES => {
                let Rebased { push, patch } = *rebased;
                let detail = detail::stands_on_top(&push.branch);
                Changed { act: Act::Push(push), patch: Some(patch), detail }
            }
            Moved::Fits(_) | Moved::Apart => kept(detail::kept_aside(&push.branch)),
            Moved::Gone => kept(detail::branch_is_gone(&push.branch)),
        };
        match self.store.act_changed(act, writer, changed).await {
            Ok(()) => Verdict::Changed,
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
    ) -> Result<Moved, Failed> {
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

fn pushed(push: &Push) -> Verdict {
    Verdict::Done(json!({ "commit": push.commit, "branch": push.branch }))
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
