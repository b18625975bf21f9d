//! Pushes one commit to one branch, made anew from its base and its patch, so that it does not
//! matter which machine worked on the task.
//!
//! The push names where the branch has to be before (or that it must not exist), so it can never
//! overwrite what somebody else pushed. A repeated push is the same commit and changes nothing.

use super::commit::unpack;
use super::error::{GitError, explain};
use super::guard::parse_sha;
use super::{Git, Remote};
use crate::domain::act::Push;
use crate::domain::task::OUR_BRANCHES;
use secrecy::SecretString;
use std::path::Path;

/// What is pushed, and with whose permission.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PushRequest<'a> {
    pub(crate) remote: &'a Remote,
    pub(crate) push: &'a Push,
    /// The compressed patch.
    pub(crate) patch: &'a [u8],
    pub(crate) fetch_token: &'a SecretString,
    pub(crate) push_token: &'a SecretString,
}

impl Git {
    /// Makes the commit and pushes it.
    pub(crate) async fn push(&self, request: PushRequest<'_>) -> Result<(), GitError> {
        let PushRequest { remote, push, .. } = request;
        if !is_ours(push) {
            return Err(GitError::Refused(format!(
                "{} is not one of my branches, so I did not push to it.",
                push.branch
            )));
        }
        let _mirror = self.use_mirror(remote)?;
        self.fetch(remote, &push.base_branch, &push.base, request.fetch_token).await?;
        let io = |error| GitError::Io("a folder for a push".to_owned(), error);
        let scratch = tempfile::tempdir_in(&self.worktrees).map_err(io)?;
        self.borrow_objects(scratch.path(), remote).await?;
        self.rebuild(scratch.path(), push, request.patch).await?;
        self.send(scratch.path(), &request).await
    }

    /// Only if tree and commit come out as they were sealed is anything pushed.
    async fn rebuild(&self, git_dir: &Path, push: &Push, patch: &[u8]) -> Result<(), GitError> {
        let git = || self.environment.git(git_dir);
        git().args(["read-tree", push.base.as_str()]).run().await?;
        git()
            .args(["apply", "--cached", "--binary", "--whitespace=nowarn"])
            .input(unpack(patch)?)
            .run()
            .await?;
        let tree = parse_sha(&git().args(["write-tree"]).line().await?)?;
        let commit = self.commit_tree(git_dir, &push.base, &tree, &push.recipe).await?;
        if tree != push.tree || commit != push.commit {
            let what =
                format!("the rebuilt commit is {commit}, not {} as it was sealed", push.commit);
            return Err(GitError::Mismatch(what));
        }
        Ok(())
    }

    async fn send(&self, git_dir: &Path, request: &PushRequest<'_>) -> Result<(), GitError> {
        let Push { branch, expected, commit, .. } = request.push;
        let url = self.environment.url(&request.remote.name.owner, &request.remote.name.name);
        let expected = expected.as_ref().map(ToString::to_string).unwrap_or_default();
        let lease = format!("--force-with-lease=refs/heads/{branch}:{expected}");
        let refspec = format!("{commit}:refs/heads/{branch}");
        let args = ["push", "--porcelain", "--no-verify", "--no-signed", &lease, &url, &refspec];
        let printed =
            self.environment.git(git_dir).args(args).token(request.push_token).print().await?;
        let verdict = String::from_utf8_lossy(&printed.stdout).into_owned();
        match verdict.lines().find(|line| line.contains(&refspec)) {
            // A reply that was lost makes git's HTTP library ask again by itself, and the second
            // answer is that the branch exists already: what counts is whose commit is there.
            Some(line) if line.starts_with('!') => {
                let there = self.head_now(request.remote, branch, request.push_token).await?;
                if there.as_ref() == Some(commit) {
                    return Ok(());
                }
                Err(rejected(line, &printed.stderr))
            }
            Some(_) if printed.ok => Ok(()),
            Some(_) | None => Err(explain("push", &printed.stderr)),
        }
    }
}

/// A new branch of our own, or one commit on top of what a pull request's branch has.
fn is_ours(push: &Push) -> bool {
    match &push.expected {
        // New branches are made nowhere else, whatever a row says.
        None => push.branch.starts_with(OUR_BRANCHES),
        Some(expected) => *expected == push.base && push.branch == push.base_branch,
    }
}

/// Why the server did not take the branch.
fn rejected(line: &str, stderr: &str) -> GitError {
    if line.contains("stale info")
        || line.contains("fetch first")
        || line.contains("non-fast-forward")
    {
        return GitError::Moved;
    }
    let passing = [
        "[remote failure]",
        "remote unpack failed",
        "Internal Server Error",
        "cannot lock ref",
        "failed to update ref",
    ];
    if passing.iter().any(|words| line.contains(words)) {
        return GitError::Unreachable("push".to_owned(), line.to_owned());
    }
    let reason =
        line.split_once('(').map_or(line, |(_, reason)| reason.trim_end().trim_end_matches(')'));
    let remote: Vec<_> = stderr
        .lines()
        .filter_map(|l| l.strip_prefix("remote: "))
        .filter(|l| l.starts_with("error:"))
        .take(3)
        .collect();
    let said = if remote.is_empty() {
        reason.to_owned()
    } else {
        format!("{reason}: {}", remote.join(" "))
    };
    GitError::Refused(format!(
        "GitHub refused the push: {}",
        said.chars().take(400).collect::<String>()
    ))
}
