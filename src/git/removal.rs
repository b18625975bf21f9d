//! Deletes a branch of our own, and only while it has nothing but our own commits.

use super::error::{GitError, explain};
use super::{Git, Remote};
use crate::domain::act::DeleteBranch;
use crate::domain::task::OUR_BRANCHES;
use secrecy::SecretString;

/// What is true of a branch that was to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Removed {
    /// It is not there, whoever deleted it.
    Gone,
    /// It has commits that are not ours, so it stays.
    Moved,
}

impl Git {
    /// The server deletes it only if it is where our last push left it: whatever somebody pushes in
    /// between is not lost.
    pub(crate) async fn delete_branch(
        &self,
        remote: &Remote,
        wanted: &DeleteBranch,
        token: &SecretString,
    ) -> Result<Removed, GitError> {
        let DeleteBranch { branch, commit, .. } = wanted;
        if !branch.starts_with(OUR_BRANCHES) {
            let why = format!("{branch} is not one of my branches, so I did not delete it.");
            return Err(GitError::Refused(why));
        }
        match self.head_now(remote, branch, token).await? {
            None => return Ok(Removed::Gone),
            Some(there) if there != *commit => return Ok(Removed::Moved),
            Some(_) => {}
        }
        let io = |error| GitError::Io("a folder for a push".to_owned(), error);
        let scratch = tempfile::tempdir_in(&self.worktrees).map_err(io)?;
        let git = || self.environment.git(scratch.path());
        git().args(["init", "--bare", "--quiet"]).run().await?;
        let url = self.environment.url(&remote.name.owner, &remote.name.name);
        let lease = format!("--force-with-lease=refs/heads/{branch}:{commit}");
        let refspec = format!(":refs/heads/{branch}");
        let args = ["push", "--porcelain", "--no-verify", "--no-signed", &lease, &url, &refspec];
        let printed = git().args(args).token(token).print().await?;
        // A reply that was lost, or a refusal: what counts is what is there now.
        match self.head_now(remote, branch, token).await? {
            None => Ok(Removed::Gone),
            Some(there) if there != *commit => Ok(Removed::Moved),
            Some(_) if String::from_utf8_lossy(&printed.stdout).contains("remote rejected") => {
                Err(GitError::Refused(format!("GitHub keeps the branch {branch}.")))
            }
            Some(_) => Err(explain("push", &printed.stderr)),
        }
    }
}
