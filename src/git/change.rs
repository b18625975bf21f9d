//! What a pull request changes, as text to be read: since it parted from its base, as GitHub shows it.

use super::error::GitError;
use super::guard::parse_sha;
use super::{Git, Worktree};
use crate::domain::ids::Sha;

impl Git {
    /// The change from where the worktree's commit parted from `base` up to the worktree's commit.
    pub(crate) async fn change_since_parting(
        &self,
        worktree: &Worktree,
        base: &Sha,
    ) -> Result<String, GitError> {
        let git_dir = worktree.git_dir();
        let args = ["merge-base", base.as_str(), worktree.base.as_str()];
        let parted = self.environment.git(&git_dir).args(args).print().await?;
        // Histories that never met are compared as they are.
        let from = match parsed(&parted.stdout) {
            Some(from) if parted.ok => from,
            Some(_) | None => base.clone(),
        };
        self.change_between(worktree, &from).await
    }

    /// The change from an older commit of the same history; `None` if it is not one, because history
    /// was written anew.
    pub(crate) async fn change_since(
        &self,
        worktree: &Worktree,
        older: &Sha,
    ) -> Result<Option<String>, GitError> {
        let git_dir = worktree.git_dir();
        if !self.has_commit(&git_dir, older).await? {
            return Ok(None);
        }
        let args = ["merge-base", "--is-ancestor", older.as_str(), worktree.base.as_str()];
        if !self.environment.git(&git_dir).args(args).print().await?.ok {
            return Ok(None);
        }
        self.change_between(worktree, older).await.map(Some)
    }

    /// A text file as it is in a commit.
    pub(crate) async fn text_at(
        &self,
        worktree: &Worktree,
        commit: &Sha,
        path: &str,
    ) -> Result<Option<String>, GitError> {
        let blob = format!("{commit}:{path}");
        let git = self.environment.git(&worktree.git_dir()).args(["cat-file", "blob", &blob]);
        let printed = git.print().await?;
        Ok(String::from_utf8(printed.stdout).ok().filter(|_| printed.ok))
    }

    /// Moved files as such, and the lines around, as GitHub shows them.
    async fn change_between(&self, worktree: &Worktree, from: &Sha) -> Result<String, GitError> {
        self.text_diff(worktree, (from, &worktree.base), &["-U3", "-M"]).await
    }
}

fn parsed(line: &[u8]) -> Option<Sha> {
    parse_sha(String::from_utf8_lossy(line).trim()).ok()
}
