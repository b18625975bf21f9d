//! Attempts that break off: what each reason means for the task, and what is done about it.

use super::Worker;
use super::attempt::place;
use super::lease::{Kept, Why};
use crate::agent::Stopped;
use crate::domain::catalog::Provider;
use crate::domain::report::{self, detail};
use crate::domain::task::{End, LONGEST_WAIT};
use crate::git::GitError;
use crate::github::error::GitHubError;
use crate::store::StoreError;
use crate::store::claims::ClaimedTask;
use crate::store::tasks::{Release, Sealed};
use anyhow::Context;
use chrono::{TimeDelta, Utc};
use std::time::Duration;

/// Why an attempt ended without a result.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    #[error(transparent)]
    GitHub(#[from] GitHubError),
    #[error(transparent)]
    Git(#[from] GitError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Stopped(#[from] Stopped),
    #[error("{0:#}")]
    Ours(#[from] anyhow::Error),
    #[error("what was changed before the interruption could not be kept")]
    NotKept,
}

/// What to do with a task whose attempt broke.
enum Next {
    /// Somebody else has it, or will have it when the lease runs out.
    Leave,
    /// Claim it again after a while.
    Release(Release),
    /// The installation is suspended: everything of the account ends.
    Suspended,
    /// The repository has another name now.
    Follow,
    /// It ends here.
    End(End, Option<String>),
}

impl Worker {
    /// What becomes of a task whose attempt broke off: it goes on, waits, or ends.
    pub(super) async fn break_off(
        &self,
        task: &ClaimedTask,
        kept: &Kept,
        broken: &Broken,
    ) -> anyhow::Result<()> {
        tracing::warn!(task = %task.id, error = %broken, "an attempt broke off");
        self.forget_refused_tokens(broken, task).await;
        if let Broken::GitHub(GitHubError::Limited(wait)) = broken {
            self.store.block(task.account, *wait).await.context("noting the limit")?;
        }
        match self.after(broken, kept, task) {
            Next::Leave => Ok(()),
            Next::Release(release) => self.give_back(task, release).await,
            Next::Follow => self.follow(task).await,
            Next::Suspended => {
                let Some(installation) = task.installation else { return Ok(()) };
                let noted = self.store.suspend_installation(task.account, installation).await;
                noted.context("noting the suspension")
            }
            Next::End(end, detail) => {
                let outcome = report::Outcome { detail, ..report::Outcome::default() };
                let sealed = Sealed { end, outcome, acts: Vec::new() };
                self.store.seal(task.id, task.lease, sealed).await.context("ending the task")?;
                Ok(())
            }
        }
    }

    /// How long to leave a task alone that has waited so long already: the longer, the longer.
    fn patience(&self, waited: TimeDelta) -> Duration {
        let waited = waited.to_std().unwrap_or_default();
        let wait = (waited / 4).clamp(self.timing.backoff, self.timing.backoff * 100);
        wait.mul_f64(rand::random_range(0.8..1.2))
    }

    fn after(&self, broken: &Broken, kept: &Kept, task: &ClaimedTask) -> Next {
        let waited = Utc::now() - task.created_at;
        let wait = self.patience(waited);
        let passing = |error: &dyn std::fmt::Display, wait| {
            if waited > LONGEST_WAIT {
                return Next::End(End::PublishRefused, Some(detail::gave_up(error)));
            }
            Next::Release(Release { wait, ..Release::default() })
        };
        let ours = Next::Release(Release { wait, uses_attempt: true, ..Release::default() });
        match broken {
            Broken::Stopped(Stopped::Released) => match kept.why() {
                Why::Lost => Next::Leave,
                Why::Cancelled => Next::End(End::Cancelled, None),
                Why::ShuttingDown => Next::Release(Release::default()),
            },
            Broken::Stopped(Stopped::ModelAway { provider, retry_in }) => {
                self.wait_for_model(*provider, *retry_in, waited)
            }
            Broken::Stopped(Stopped::Cancelled) => Next::End(End::Cancelled, None),
            Broken::Stopped(Stopped::LeaseLost | Stopped::Storage(_)) | Broken::Store(_) => {
                Next::Leave
            }
            Broken::GitHub(error @ GitHubError::Limited(limit)) => passing(error, *limit),
            Broken::GitHub(error) if error.is_passing() => passing(error, wait),
            Broken::GitHub(GitHubError::Suspended) => Next::Suspended,
            Broken::GitHub(GitHubError::Moved) | Broken::Git(GitError::Renamed)
                if waited <= LONGEST_WAIT =>
            {
                Next::Follow
            }
            Broken::GitHub(GitHubError::Lacks(lacks)) if waited <= LONGEST_WAIT => {
                let lacks = Some(lacks.clone());
                let wait = self.timing.parked;
                Next::Release(Release { wait, lacks, ..Release::default() })
            }
            Broken::GitHub(error) => {
                Next::End(End::PublishRefused, Some(detail::not_readable(error)))
            }
            Broken::Git(
                error @ (GitError::Unauthorized(_)
                | GitError::Unreachable(..)
                | GitError::TimedOut(..)),
            ) => passing(error, wait),
            Broken::NotKept => Next::End(End::Internal, Some(detail::not_kept())),
            Broken::Git(
                error @ (GitError::NotFound | GitError::Refused(_) | GitError::Renamed),
            ) => Next::End(End::PublishRefused, Some(error.to_string())),
            Broken::Git(
                GitError::Unusable(_)
                | GitError::Moved
                | GitError::Failed(..)
                | GitError::Mismatch(_)
                | GitError::Io(..),
            )
            | Broken::Ours(_) => ours,
        }
    }

    /// Not all come back at once: the first is the one that tries the service, and it wakes the others.
    fn wait_for_model(&self, provider: Provider, retry_in: Duration, waited: TimeDelta) -> Next {
        if waited > LONGEST_WAIT {
            return Next::End(End::ProviderError, Some(detail::model_stayed_away(provider)));
        }
        let spread = self.timing.probe_spacing.mul_f64(rand::random_range(0.0..0.5));
        let (wait, waits_for) = (retry_in + spread, Some(provider));
        Next::Release(Release { wait, waits_for, ..Release::default() })
    }

    /// A token may be revoked before its time; the next attempt gets new ones.
    async fn forget_refused_tokens(&self, broken: &Broken, task: &ClaimedTask) {
        let is_refused = matches!(
            broken,
            Broken::GitHub(GitHubError::Unauthorized(_)) | Broken::Git(GitError::Unauthorized(_))
        );
        if let Some(place) = place(task).filter(|_| is_refused) {
            self.github.forget_tokens(&place).await;
        }
    }

    async fn give_back(&self, task: &ClaimedTask, release: Release) -> anyhow::Result<()> {
        let given = self.store.release_task(task.id, task.lease, release).await;
        given.context("giving the task back")
    }

    /// Notes where the repository is today, and gives the task back to be tried there.
    async fn follow(&self, task: &ClaimedTask) -> anyhow::Result<()> {
        if let Some(place) = place(task) {
            match self.github.name_today(&place).await {
                Ok(name) => self.store.repository_moved(task.repository, &name).await?,
                Err(error) => tracing::warn!(%error, "a repository's new name is not known yet"),
            }
        }
        let wait = self.timing.backoff;
        self.give_back(task, Release { wait, ..Release::default() }).await
    }
}
