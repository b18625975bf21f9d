//! Commands that cannot be decided now: because GitHub does not tell what has to be known, or because
//! it tells that something has changed. Later, or never, and then the person is told why.

use super::{Admission, reaction};
use crate::domain::act::Emoji;
use crate::domain::policy::Refusal;
use crate::github::Place;
use crate::github::error::GitHubError;
use crate::store::StoreError;
use crate::store::commands::{ClaimedCommand, Ending};
use std::time::Duration;

/// Waits between tries grow up to this.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// What a new token does not find is looked for again, so often in all.
const MOST_LOOKS: i64 = 3;

impl Admission {
    /// What becomes of a command that GitHub kept from being decided.
    pub(super) async fn not_now(
        &self,
        command: &ClaimedCommand,
        error: &GitHubError,
    ) -> Result<(), StoreError> {
        let waited = (chrono::Utc::now() - command.created_at).to_std().unwrap_or_default();
        let out_of_time = waited >= self.timing.decide_within;
        match error {
            GitHubError::Suspended => self.suspended(command).await,
            GitHubError::Lacks(lacks) => self.refuse(command, &Refusal::Lacks(lacks.clone())).await,
            GitHubError::Moved if !out_of_time => self.follow(command).await,
            GitHubError::NotFound(_) if command.attempts < MOST_LOOKS => {
                self.postpone(command, error, self.patience(command)).await
            }
            GitHubError::Moved
            | GitHubError::NotFound(_)
            | GitHubError::Forbidden(_)
            | GitHubError::Refused { .. } => {
                tracing::warn!(command = %command.id, %error, "a command is refused");
                self.refuse(command, &Refusal::NoAccess).await
            }
            GitHubError::Limited(_) | GitHubError::Unwell(_) | GitHubError::Unauthorized(_)
                if out_of_time =>
            {
                self.refuse(command, &Refusal::GitHubUnreachable).await
            }
            GitHubError::Limited(wait) => {
                self.store.block(command.account, *wait).await?;
                self.postpone(command, error, *wait).await
            }
            GitHubError::Unwell(_) => self.postpone(command, error, self.patience(command)).await,
            GitHubError::Unauthorized(_) => {
                // A token may be revoked before its time; the next try gets a new one.
                if let Some(place) = place(command) {
                    self.github.forget_tokens(&place).await;
                }
                self.postpone(command, error, self.patience(command)).await
            }
        }
    }

    pub(super) fn patience(&self, command: &ClaimedCommand) -> Duration {
        let doublings = u32::try_from(command.attempts).unwrap_or(5).min(5);
        (self.timing.backoff * 2_u32.pow(doublings)).min(LONGEST_WAIT)
    }

    /// Whoever has to wait sees at least that they were heard.
    async fn postpone(
        &self,
        command: &ClaimedCommand,
        error: &GitHubError,
        wait: Duration,
    ) -> Result<(), StoreError> {
        tracing::warn!(command = %command.id, %error, ?wait, "a command is decided later");
        let seen = reaction(command, Emoji::Eyes);
        self.store.postpone_command(command, wait, seen).await
    }

    /// Nothing can be said where the App may not speak: the command ends in silence.
    async fn suspended(&self, command: &ClaimedCommand) -> Result<(), StoreError> {
        if let Some(installation) = command.installation {
            self.store.suspend_installation(command.account, installation).await?;
        }
        self.store.end_command(command, Ending::Refused("suspended"), Vec::new()).await?;
        Ok(())
    }

    /// Notes the repository's new name and decides again.
    async fn follow(&self, command: &ClaimedCommand) -> Result<(), StoreError> {
        if let Some(place) = place(command) {
            match self.github.name_today(&place).await {
                Ok(name) => self.store.repository_moved(command.repository, &name).await?,
                Err(error) => tracing::warn!(%error, "a repository's new name is not known yet"),
            }
        }
        self.store.postpone_command(command, self.timing.backoff, Vec::new()).await
    }
}

/// Where a command was given, as long as the App is there.
pub(super) fn place(command: &ClaimedCommand) -> Option<Place> {
    let (repository, name) = (command.repository, command.name.clone());
    Some(Place { installation: command.installation?, repository, name })
}
