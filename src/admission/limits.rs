//! Whether a command comes too soon after others. Strangers are told what they may not do instead, and
//! stopping something is never too much.

use super::{Admission, Undecided};
use crate::domain::command::{Request, Verb};
use crate::domain::limits::{Limit, Weight};
use crate::domain::policy::{Permission, Refusal, check_rules};
use crate::domain::task::Kind;
use crate::github::Place;
use crate::github::error::GitHubError;
use crate::store::Result;
use crate::store::commands::ClaimedCommand;

impl Admission {
    /// The limit that keeps this command from being carried out.
    pub(super) async fn limit(
        &self,
        command: &ClaimedCommand,
        place: &Place,
        permission: Permission,
    ) -> std::result::Result<Option<Limit>, Undecided> {
        let Some(weight) = self.weight(command, permission).await? else { return Ok(None) };
        let mut traffic = self.store.traffic(command).await?;
        let mut limit = traffic.limit(self.bounds, weight, permission);
        if matches!(limit, Some(Limit::OpenPullRequests(_) | Limit::ComingPullRequests(_))) {
            self.look_at_pull_requests(command, place).await?;
            traffic = self.store.traffic(command).await?;
            limit = traffic.limit(self.bounds, weight, permission);
        }
        // Nobody said anything where something came by itself.
        let is_said = !command.asked.source.is_automatic();
        if limit.is_none() && traffic.is_silent(self.bounds) && is_said {
            self.store.lift_silence(command).await?;
        }
        Ok(limit)
    }

    /// What a command asks of us; nothing, if it only stops something or nobody asks.
    async fn weight(
        &self,
        command: &ClaimedCommand,
        permission: Permission,
    ) -> Result<Option<Weight>> {
        let asked = match &command.asked.request {
            _ if permission < Permission::Read => return Ok(None),
            Request::Mistakes(_) | Request::Repeated(_) => return Ok(Some(Weight::Answer)),
            Request::Configuring(_) => return Ok(None),
            Request::Command(asked) => asked,
        };
        if asked.verb == Verb::Cancel {
            return Ok(None);
        }
        // Whoever may not is told that, and not what is full.
        if permission < asked.verb.least_permission() {
            return Ok(Some(Weight::Answer));
        }
        let mut kind = asked.verb.kind();
        if asked.verb == Verb::Retry {
            kind = self.meant(command, asked).await?.task.map(|task| task.kind);
        }
        let is_on_pull = command.asked.thread.is_pull_request;
        Ok(Some(match kind {
            Some(kind) if kind.limits().may_edit && !is_on_pull => Weight::PullRequest,
            Some(_) => Weight::Task,
            None => Weight::Answer,
        }))
    }

    /// Asks GitHub about the pull requests that we know as open. A webhook that never came would else
    /// refuse everybody's work here for ever.
    async fn look_at_pull_requests(
        &self,
        command: &ClaimedCommand,
        place: &Place,
    ) -> std::result::Result<(), Undecided> {
        let most = self.bounds.open_pull_requests;
        for (id, number) in self.store.open_pull_requests(command.repository, most).await? {
            match self.github.decided(place, number).await {
                Ok((state, as_of)) => self.store.pull_request_became(id, state, as_of).await?,
                Err(GitHubError::NotFound(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Refuses for a limit. What comes by itself is refused for it only where it is wanted at all.
    pub(super) async fn refuse_limited(
        &self,
        command: &ClaimedCommand,
        place: &Place,
        permission: Permission,
        limit: Limit,
    ) -> std::result::Result<(), Undecided> {
        let source = command.asked.source;
        let mut why = Refusal::Limited(limit);
        if source.is_automatic() {
            let config = self.configured(command, place).await?.config;
            let rules = check_rules((source, permission), &config, Kind::PrReview);
            why = rules.err().unwrap_or(why);
        }
        Ok(self.refuse(command, &why).await?)
    }
}
