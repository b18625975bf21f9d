//! Branches of ours that nobody needs any more.

use super::Outbox;
use super::verdict::Verdict;
use crate::domain::act::DeleteBranch;
use crate::git::{Remote, Removed};
use crate::github::{Place, Purpose};
use crate::store::acts::DueAct;
use crate::store::writers::Writer;
use serde_json::json;

impl Outbox {
    /// Deletes the branch if its pull request is still over and nobody has pushed to it. Repeating it is
    /// harmless: a branch that is gone is gone.
    pub(super) async fn delete_branch(
        &self,
        place: &Place,
        writer: &Writer,
        act: &DueAct,
        wanted: &DeleteBranch,
    ) -> Verdict {
        let pull = match self.github.pull_request(place, wanted.number).await {
            Ok(pull) => pull,
            Err(error) => return self.judge(place, &error, act.attempts, true).await,
        };
        if pull.state == "open" {
            return Verdict::Done(json!({ "branch": "kept: the pull request is open again" }));
        }
        let token = match self.github.git_token(place, Purpose::Push).await {
            Ok(token) => token,
            Err(error) => return self.judge(place, &error, act.attempts, true).await,
        };
        let (account, name) = (writer.account, place.name.clone());
        let remote = Remote { account, repository: place.repository, name };
        match self.git.delete_branch(&remote, wanted, &token).await {
            Ok(Removed::Gone) => Verdict::Done(json!({ "branch": "deleted" })),
            Ok(Removed::Moved) => Verdict::Done(json!({ "branch": "kept: it has other commits" })),
            Err(error) => self.judge_git(place, &error, act.attempts).await,
        }
    }
}
