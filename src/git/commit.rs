//! Commits that come out the same wherever they are made: tree, parent, message, author and dates
//! are all given, so the same input is the same commit.

use super::command::Call;
use super::error::GitError;
use super::guard::parse_sha;
use super::{CheckedTree, Git, Worktree};
use crate::domain::act::CommitRecipe;
use crate::domain::ids::Sha;
use std::collections::BTreeSet;
use std::path::Path;

/// A larger patch is not pushed.
pub(super) const LARGEST_PATCH: usize = 20 * 1024 * 1024;

/// A commit and everything to make it again elsewhere.
#[derive(Clone, Debug)]
pub(crate) struct Commit {
    pub(crate) sha: Sha,
    pub(crate) tree: Sha,
    /// The compressed binary patch from the base to the tree.
    pub(crate) patch: Vec<u8>,
}

impl Git {
    /// Makes a commit of a checked tree.
    pub(crate) async fn commit(
        &self,
        worktree: &Worktree,
        tree: &CheckedTree,
        recipe: &CommitRecipe,
    ) -> Result<Commit, GitError> {
        let git_dir = worktree.git_dir();
        let sha = self.commit_tree(&git_dir, &worktree.base, &tree.tree, recipe).await?;
        let patch = self.patch(&git_dir, &worktree.base, &tree.tree).await?;
        Ok(Commit { sha, tree: tree.tree.clone(), patch })
    }

    pub(super) async fn commit_tree(
        &self,
        git_dir: &Path,
        parent: &Sha,
        tree: &Sha,
        recipe: &CommitRecipe,
    ) -> Result<Sha, GitError> {
        let date = format!("{} +0000", recipe.seconds);
        let git = self.environment.git(git_dir).args([
            "commit-tree",
            tree.as_str(),
            "-p",
            parent.as_str(),
            "-F",
            "-",
        ]);
        let git = ["GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"]
            .iter()
            .fold(git, |git, name| git.env(name, &recipe.name));
        let git = ["GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"]
            .iter()
            .fold(git, |git, name| git.env(name, &recipe.email));
        let git = ["GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"]
            .iter()
            .fold(git, |git, name| git.env(name, &date));
        parse_sha(&git.input(recipe.message.clone()).line().await?)
    }

    pub(super) async fn patch(
        &self,
        git_dir: &Path,
        base: &Sha,
        tree: &Sha,
    ) -> Result<Vec<u8>, GitError> {
        let args = [
            "diff-tree",
            "-p",
            "-r",
            "--binary",
            "--full-index",
            "--no-renames",
            "--no-ext-diff",
            "--no-textconv",
            base.as_str(),
            tree.as_str(),
        ];
        let patch = self.environment.git(git_dir).args(args).run().await?;
        if patch.len() > LARGEST_PATCH {
            return Err(GitError::Refused(
                "The change is larger than 20 MB, so I did not push it.".to_owned(),
            ));
        }
        zstd::encode_all(patch.as_slice(), 3)
            .map_err(|error| GitError::Io("compressing a patch".to_owned(), error))
    }
}

impl Git {
    /// The whole change of a worktree so far, compressed, to go on from after a crash. Nothing is
    /// checked: what is pushed is checked later. `None`: the tree is in no state to be kept.
    pub(crate) async fn snapshot(
        &self,
        worktree: &Worktree,
        changed: &BTreeSet<String>,
    ) -> Result<Option<Vec<u8>>, GitError> {
        match self.tree_with(worktree, changed).await? {
            Ok(tree) => match self.patch(&worktree.git_dir(), &worktree.base, &tree).await {
                // It may become smaller again; if not, whoever pushes it is told.
                Err(GitError::Refused(_)) => Ok(None),
                patch => patch.map(Some),
            },
            Err(_unfit) => Ok(None),
        }
    }

    /// The whole change of a worktree so far, as people read it. `None`: there is nothing to show.
    pub(crate) async fn diff(
        &self,
        worktree: &Worktree,
        changed: &BTreeSet<String>,
    ) -> Result<Option<String>, GitError> {
        let Ok(tree) = self.tree_with(worktree, changed).await? else { return Ok(None) };
        let diff =
            self.text_diff(worktree, (&worktree.base, &tree), &["-U3", "--no-renames"]).await?;
        Ok(Some(diff).filter(|diff| !diff.is_empty()))
    }

    /// The change up to a checked tree as git prints it for people, with the bytes of the files.
    pub(crate) async fn printed_change(
        &self,
        worktree: &Worktree,
        tree: &CheckedTree,
    ) -> Result<Vec<u8>, GitError> {
        let between = (&worktree.base, &tree.tree);
        self.text_diff_call(worktree, between, &["-U3", "--no-renames"]).run().await
    }

    /// The difference between two commits or trees, every file as text: our own attributes make them
    /// all binary, so that patches are exact.
    pub(super) async fn text_diff(
        &self,
        worktree: &Worktree,
        (from, to): (&Sha, &Sha),
        options: &[&str],
    ) -> Result<String, GitError> {
        let diff = self.text_diff_call(worktree, (from, to), options).run().await?;
        Ok(String::from_utf8_lossy(&diff).into_owned())
    }

    /// The call that prints it.
    pub(super) fn text_diff_call(
        &self,
        worktree: &Worktree,
        (from, to): (&Sha, &Sha),
        options: &[&str],
    ) -> Call {
        let args = ["diff-tree", "-p", "-r", "--text", "--no-ext-diff", "--no-textconv"];
        let args = args.iter().chain(options).copied().chain([from.as_str(), to.as_str()]);
        self.environment.git(&worktree.git_dir()).args(args)
    }

    /// Applies such a change to a fresh worktree.
    pub(crate) async fn restore(&self, worktree: &Worktree, patch: &[u8]) -> Result<(), GitError> {
        if patch.is_empty() {
            return Ok(());
        }
        let git = self.environment.git(&worktree.git_dir()).tree(&worktree.tree());
        let patch = unpack(patch)?;
        if !patch.is_empty() {
            git.args(["apply", "--binary", "--whitespace=nowarn"]).input(patch).run().await?;
        }
        Ok(())
    }
}

/// The patch as git reads it.
pub(super) fn unpack(patch: &[u8]) -> Result<Vec<u8>, GitError> {
    use std::io::Read;
    let io = |error| GitError::Io("reading a stored patch".to_owned(), error);
    let mut bytes = Vec::new();
    let most = LARGEST_PATCH as u64 + 1;
    zstd::Decoder::new(patch).map_err(io)?.take(most).read_to_end(&mut bytes).map_err(io)?;
    Ok(bytes)
}
