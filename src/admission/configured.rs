//! What the configuration files say: read at the commit where the default branch is, kept in the
//! database, and asked for again only when the branch has moved.

use super::{Admission, Undecided, answer};
use crate::domain::ids::Sha;
use crate::domain::repo_config::{self, Kept, PATH, RepoConfig};
use crate::domain::report;
use crate::github::Place;
use crate::github::repositories::{Branch, Repository};
use crate::store::commands::{ClaimedCommand, Ending};
use chrono::{TimeDelta, Utc};

/// A file that holds for all of an account's repositories is looked for again after this.
const ACCOUNT_FILE_HOLDS: TimeDelta = TimeDelta::minutes(5);

/// A repository with what holds in it.
pub(super) struct Configured {
    pub(super) repository: Repository,
    /// Where its default branch is.
    pub(super) head: Branch,
    pub(super) config: RepoConfig,
    /// The repository's file, if there is a default branch.
    pub(super) of_repository: Option<Kept>,
    pub(super) of_account: Kept,
}

impl Configured {
    /// Whether a file is not what its people meant it to be.
    pub(super) fn has_mistakes(&self) -> bool {
        self.of_repository.iter().chain([&self.of_account]).any(|kept| !kept.faults.is_empty())
    }
}

impl Admission {
    /// Asks for what has changed since the last time.
    pub(super) async fn configured(
        &self,
        command: &ClaimedCommand,
        place: &Place,
    ) -> Result<Configured, Undecided> {
        let repository = self.github.repository(place).await?;
        let head = self.github.branch(place, &repository.default_branch).await?;
        let of_repository = match &head {
            Branch::At(sha) => Some(self.file_of_repository(command, place, sha).await?),
            Branch::Missing | Branch::EmptyRepository => None,
        };
        let of_account = self.file_of_account(command, place).await?;
        let config = RepoConfig {
            repository: of_repository.as_ref().map(Kept::layer).unwrap_or_default(),
            account: of_account.layer(),
        };
        Ok(Configured { repository, head, config, of_repository, of_account })
    }

    async fn file_of_repository(
        &self,
        command: &ClaimedCommand,
        place: &Place,
        sha: &Sha,
    ) -> Result<Kept, Undecided> {
        let known = self.store.config_of_repository(command.repository).await?;
        if let Some(known) = known.as_ref().filter(|known| known.sha.as_ref() == Some(sha)) {
            return Ok(known.clone());
        }
        let found = self.github.file(place, PATH, sha).await?;
        let kept = self.look(known, found.as_deref(), Some(sha.clone()));
        self.store.keep_config_of_repository(command.repository, &kept).await?;
        Ok(kept)
    }

    async fn file_of_account(
        &self,
        command: &ClaimedCommand,
        place: &Place,
    ) -> Result<Kept, Undecided> {
        let known = self.store.config_of_account(command.account).await?;
        let is_fresh = |known: &&Kept| Utc::now() - known.looked_at < ACCOUNT_FILE_HOLDS;
        if let Some(known) = known.as_ref().filter(is_fresh) {
            return Ok(known.clone());
        }
        let owner = &place.name.owner;
        let found = self.github.file_of_account(place.installation, owner, PATH).await?;
        let kept = self.look(known, found.as_deref(), None);
        self.store.keep_config_of_account(command.account, &kept).await?;
        Ok(kept)
    }

    /// A file that cannot be read changes nothing: what was said before goes on to hold.
    fn look(&self, known: Option<Kept>, found: Option<&[u8]>, sha: Option<Sha>) -> Kept {
        let looked_at = Utc::now();
        let Some(bytes) = found else {
            return Kept { sha, looked_at, good: None, faults: Vec::new() };
        };
        match repo_config::understand(bytes, &self.catalog) {
            Ok((text, _)) => Kept { sha, looked_at, good: Some(text), faults: Vec::new() },
            Err(faults) => {
                Kept { sha, looked_at, good: known.and_then(|known| known.good), faults }
            }
        }
    }

    /// Answers what holds here, and why.
    pub(super) async fn tell_config(
        &self,
        command: &ClaimedCommand,
        place: &Place,
    ) -> Result<(), Undecided> {
        let here = self.configured(command, place).await?;
        let body = report::config::answer(
            &here.config,
            self.default_model.as_deref(),
            here.of_repository.as_ref(),
            &here.of_account,
        );
        self.store.end_command(command, Ending::Answered, vec![answer(command, &body)]).await?;
        Ok(())
    }
}
