//! What was made for one commit of a branch, made anew for the commit that the branch has now.

use super::error::GitError;
use super::guard::parse_sha;
use super::push::PushRequest;
use super::{Git, Remote, commit};
use crate::domain::act::Push;
use crate::domain::ids::Sha;
use secrecy::SecretString;

/// What became of a branch that is not where it was.
#[derive(Clone, Debug)]
pub(crate) enum Moved {
    /// Our commit is part of it: somebody pushed on top of it.
    HasOurs,
    /// The same change fits on top of it.
    Fits(Box<Rebased>),
    /// The change does not fit there.
    Apart,
    /// It is gone.
    Gone,
}

/// A push on top of what the branch has now.
#[derive(Clone, Debug)]
pub(crate) struct Rebased {
    pub(crate) push: Push,
    /// The compressed patch from there.
    pub(crate) patch: Vec<u8>,
}

impl Git {
    /// What a push would be on top of the branch as it is now.
    pub(crate) async fn rebased(&self, request: PushRequest<'_>) -> Result<Moved, GitError> {
        let PushRequest { remote, push, fetch_token, .. } = request;
        let Some(head) = self.head_now(remote, &push.branch, fetch_token).await? else {
            return Ok(Moved::Gone);
        };
        let _mirror = self.use_mirror(remote)?;
        self.fetch(remote, &push.base_branch, &push.base, fetch_token).await?;
        self.fetch(remote, &push.branch, &head, fetch_token).await?;
        let io = |error| GitError::Io("a folder for a push".to_owned(), error);
        let scratch = tempfile::tempdir_in(&self.worktrees).map_err(io)?;
        self.borrow_objects(scratch.path(), remote).await?;
        let git = || self.environment.git(scratch.path());
        // A reply that was lost may have been the one that said it is there.
        let args = ["merge-base", "--is-ancestor", push.commit.as_str(), head.as_str()];
        if git().args(args).print().await?.ok {
            return Ok(Moved::HasOurs);
        }
        git().args(["read-tree", head.as_str()]).run().await?;
        let args = ["apply", "--cached", "--3way", "--binary", "--whitespace=nowarn"];
        let applied = git().args(args).input(commit::unpack(request.patch)?).print().await?;
        if !applied.ok {
            return Ok(Moved::Apart);
        }
        let tree = parse_sha(&git().args(["write-tree"]).line().await?)?;
        if git().args(["rev-parse", &format!("{head}^{{tree}}")]).line().await? == tree.as_str() {
            return Ok(Moved::Apart);
        }
        let commit = self.commit_tree(scratch.path(), &head, &tree, &push.recipe).await?;
        let patch = self.patch(scratch.path(), &head, &tree).await?;
        let (expected, base) = (Some(head.clone()), head);
        let push = Push { expected, base, tree, commit, ..push.clone() };
        Ok(Moved::Fits(Box::new(Rebased { push, patch })))
    }

    /// Where a branch is on the server now.
    pub(super) async fn head_now(
        &self,
        remote: &Remote,
        branch: &str,
        token: &SecretString,
    ) -> Result<Option<Sha>, GitError> {
        let url = self.environment.url(&remote.name.owner, &remote.name.name);
        let reference = format!("refs/heads/{branch}");
        let git = self.environment.git(&self.worktrees);
        let listed = git.args(["ls-remote", &url, &reference]).token(token).run().await?;
        let listed = String::from_utf8_lossy(&listed).into_owned();
        let sha = |line: &str| line.strip_suffix(&format!("\t{reference}")).and_then(Sha::parse);
        Ok(listed.lines().find_map(sha))
    }
}
