//! Whether a command comes too soon after others. Strangers are told what they may not do instead, and
//! stopping something is never too much.

use super::Admission;
use crate::domain::command::{Request, Verb};
use crate::domain::limits::{Limit, Weight};
use crate::domain::policy::Permission;
use crate::store::Result;
use crate::store::commands::ClaimedCommand;

impl Admission {
    /// The limit that keeps this command from being carried out.
    pub(super) async fn limit(
        &self,
        command: &ClaimedCommand,
        permission: Permission,
    ) -> Result<Option<Limit>> {
        let Some(weight) = weight(command).filter(|_| permission >= Permission::Read) else {
            return Ok(None);
        };
        let traffic = self.store.traffic(command).await?;
        let limit = traffic.limit(self.bounds, weight, permission);
        if limit.is_none() && traffic.is_silent(self.bounds) {
            self.store.lift_silence(command).await?;
        }
        Ok(limit)
    }
}

/// What a command asks of us; nothing, if it only stops something.
fn weight(command: &ClaimedCommand) -> Option<Weight> {
    let asked = match &command.asked.request {
        Request::Mistakes(_) | Request::Repeated(_) => return Some(Weight::Answer),
        Request::Command(asked) => asked,
    };
    let opens = |may_edit: bool| may_edit && !command.asked.thread.is_pull_request;
    match (asked.verb, asked.verb.kind()) {
        (Verb::Cancel, _) => None,
        (_, Some(kind)) if opens(kind.limits().may_edit) => Some(Weight::PullRequest),
        (_, Some(_)) | (Verb::Retry, None) => Some(Weight::Task),
        (_, None) => Some(Weight::Answer),
    }
}
