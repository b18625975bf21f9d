//! What a pull request changes, as text to be read: since it parted from its base, as GitHub shows it.

use super::error::GitError;
use super::guard::parse_sha;
use super::{Git, Worktree};
use crate::domain::ids::Sha;

/// Nobody reviews more than this. GitHub itself shows a megabyte.
/// <https://docs.github.com/repositories/creating-and-managing-repositories/repository-limits>
const LONGEST_PATCH: u64 = 16 * 1024 * 1024;

/// What changed.
pub(crate) struct Change {
    /// The change of whole files, as git prints it.
    pub(crate) patch: String,
    /// All paths that changed, if there is more than the patch has.
    pub(crate) paths: Vec<String>,
}

impl Git {
    /// The change from where the worktree's commit parted from `base` up to the worktree's commit.
    pub(crate) async fn change_since_parting(
        &self,
        worktree: &Worktree,
        base: &Sha,
    ) -> Result<Change, GitError> {
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
    ) -> Result<Option<Change>, GitError> {
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
    async fn change_between(&self, worktree: &Worktree, from: &Sha) -> Result<Change, GitError> {
        let between = (from, &worktree.base);
        let printing = self.text_diff_call(worktree, between, &["-U3", "-M"]);
        let (patch, is_whole) = printing.beginning(LONGEST_PATCH).await?;
        let patch = String::from_utf8_lossy(&patch).into_owned();
        if is_whole {
            return Ok(Change { patch, paths: Vec::new() });
        }
        let args = ["diff-tree", "-r", "-z", "-M", "--name-only", from.as_str()];
        let git = self.environment.git(&worktree.git_dir());
        let paths = git.args(args.into_iter().chain([worktree.base.as_str()])).run().await?;
        let paths = String::from_utf8_lossy(&paths);
        let paths = paths.split_terminator('\0').map(str::to_owned).collect();
        Ok(Change { patch: whole_files(&patch).to_owned(), paths })
    }
}

/// Without the last file, of which nobody knows where it would have ended.
fn whole_files(patch: &str) -> &str {
    let last = patch.rfind("\ndiff --git ").map_or(0, |newline| newline + 1);
    patch.get(..last).unwrap_or_default()
}

fn parsed(line: &[u8]) -> Option<Sha> {
    parse_sha(String::from_utf8_lossy(line).trim()).ok()
}
