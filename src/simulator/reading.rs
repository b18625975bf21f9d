//! What a test looks at: copies of the world, never guards.

use std::collections::BTreeMap;

use anyhow::Context as _;
use serde_json::Value;

use super::{
    Simulator,
    world::{CheckRun, Comment, Issue, Repository, Review},
};

/// A comment.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields say what they are")]
pub struct CommentView {
    pub id: u64,
    pub number: u64,
    pub author: String,
    pub body: String,
    /// Who reacted how.
    pub reactions: Vec<(String, String)>,
}

/// An issue or pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields say what they are")]
pub struct IssueView {
    pub number: u64,
    pub title: String,
    pub body: Option<String>,
    pub author: String,
    pub open: bool,
    pub labels: Vec<String>,
    pub reactions: Vec<(String, String)>,
    pub is_pull_request: bool,
}

/// A pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields say what they are")]
pub struct PullRequestView {
    pub number: u64,
    pub title: String,
    pub body: Option<String>,
    pub author: String,
    pub open: bool,
    pub merged: bool,
    pub draft: bool,
    /// The number of the fork it comes from.
    pub fork: Option<u64>,
    pub head: String,
    pub head_sha: String,
    pub base: String,
}

/// A check run with everything that was ever put into it.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the fields say what they are")]
pub struct CheckRunView {
    pub id: u64,
    pub name: String,
    pub head_sha: String,
    pub external_id: String,
    pub details_url: Option<String>,
    pub status: String,
    pub conclusion: Option<String>,
    pub title: Option<String>,
    pub summary: Option<String>,
    pub text: Option<String>,
    pub annotations: Vec<Value>,
    pub actions: Vec<Value>,
}

/// A review.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the fields say what they are")]
pub struct ReviewView {
    pub id: u64,
    pub author: String,
    pub state: &'static str,
    pub body: String,
    pub commit: String,
    /// Its comments at lines, as they were written.
    pub comments: Vec<Value>,
}

/// A commit.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields say what they are")]
pub struct CommitView {
    pub sha: String,
    pub parent: Option<String>,
    pub tree: String,
    /// `Name <email> time`
    pub author: String,
    /// `Name <email> time`
    pub committer: String,
    pub message: String,
}

impl Simulator {
    /// The comments of an issue or pull request, oldest first; none if it is not there.
    pub fn comments(&self, repository: &str, number: u64) -> Vec<CommentView> {
        let all = |found: &Repository| found.comments_on(number).map(comment_view).collect();
        self.look(repository, all).unwrap_or_default()
    }

    /// An issue or pull request.
    pub fn issue(&self, repository: &str, number: u64) -> Option<IssueView> {
        self.look(repository, |found| found.issues.get(&number).map(issue_view))?
    }

    /// All pull requests, oldest first.
    pub fn pull_requests(&self, repository: &str) -> Vec<PullRequestView> {
        let all = |found: &Repository| found.issues.values().filter_map(pull_view).collect();
        self.look(repository, all).unwrap_or_default()
    }

    /// All check runs, oldest first.
    pub fn check_runs(&self, repository: &str) -> Vec<CheckRunView> {
        let all = |found: &Repository| found.checks.values().map(check_view).collect();
        self.look(repository, all).unwrap_or_default()
    }

    /// The reviews of a pull request, oldest first.
    pub fn reviews(&self, repository: &str, number: u64) -> Vec<ReviewView> {
        let read = |found: &Repository| {
            let all = found.reviews.values().filter(|review| review.number == number);
            all.map(review_view).collect()
        };
        self.look(repository, read).unwrap_or_default()
    }

    /// Who reacted how to a comment.
    pub fn reactions(&self, comment: u64) -> Vec<(String, String)> {
        let world = self.hub.world();
        let mut all = world.repositories.values();
        let found = all.find_map(|repository| repository.comments.get(&comment));
        found.map(|comment| comment_view(comment).reactions).unwrap_or_default()
    }

    /// Branch names and what they point at.
    pub fn branches(&self, repository: &str) -> BTreeMap<String, String> {
        let Some(id) = self.look(repository, |found| found.id) else { return BTreeMap::new() };
        self.hub.git.branches(id).unwrap_or_default().into_iter().collect()
    }

    /// The id that a repository keeps whatever its name is.
    pub fn repository_id(&self, repository: &str) -> Option<u64> {
        self.look(repository, |found| found.id)
    }

    /// A file at a branch, tag or commit.
    pub fn file(&self, repository: &str, revision: &str, path: &str) -> Option<Vec<u8>> {
        let id = self.look(repository, |found| found.id)?;
        self.hub.git.run(id, &["cat-file", "blob", &format!("{revision}:{path}")]).ok()
    }

    /// Everything a commit says.
    pub fn commit(&self, repository: &str, revision: &str) -> anyhow::Result<CommitView> {
        let id = self.look(repository, |found| found.id).context("no such repository")?;
        let format = "--format=%H%x00%P%x00%T%x00%an <%ae> %aI%x00%cn <%ce> %cI%x00%B";
        let text = self.hub.git.text(id, &["log", "-1", format, revision, "--"])?;
        let mut parts = text.splitn(6, '\0').map(str::to_owned);
        let mut next = || parts.next().context("git said too little");
        Ok(CommitView {
            sha: next()?,
            parent: next()?.split(' ').next().filter(|sha| !sha.is_empty()).map(str::to_owned),
            tree: next()?,
            author: next()?,
            committer: next()?,
            message: next()?.trim_end().to_owned(),
        })
    }

    /// What changed between two revisions, as a patch.
    pub fn diff(&self, repository: &str, from: &str, to: &str) -> anyhow::Result<String> {
        let id = self.look(repository, |found| found.id).context("no such repository")?;
        self.hub.git.text(id, &["diff", "--no-color", from, to, "--"])
    }

    fn look<T>(&self, repository: &str, read: impl FnOnce(&Repository) -> T) -> Option<T> {
        let world = self.hub.world();
        let found = world.repository_named(repository).or_else(|| world.moved_from(repository));
        found.map(read)
    }
}

fn comment_view(comment: &Comment) -> CommentView {
    CommentView {
        id: comment.id,
        number: comment.number,
        author: comment.author.clone(),
        body: comment.body.clone(),
        reactions: pairs(&comment.reactions),
    }
}

fn issue_view(issue: &Issue) -> IssueView {
    IssueView {
        number: issue.number,
        title: issue.title.clone(),
        body: issue.body.clone(),
        author: issue.author.clone(),
        open: issue.open,
        labels: issue.labels.clone(),
        reactions: pairs(&issue.reactions),
        is_pull_request: issue.pull.is_some(),
    }
}

fn pull_view(issue: &Issue) -> Option<PullRequestView> {
    let pull = issue.pull.as_ref()?;
    Some(PullRequestView {
        number: issue.number,
        title: issue.title.clone(),
        body: issue.body.clone(),
        author: issue.author.clone(),
        open: issue.open,
        merged: pull.merged_at.is_some(),
        draft: pull.draft,
        fork: pull.fork,
        head: pull.head.clone(),
        head_sha: pull.head_sha.clone(),
        base: pull.base.clone(),
    })
}

fn review_view(review: &Review) -> ReviewView {
    let Review { id, author, state, body, commit, comments, .. } = review.clone();
    ReviewView { id, author, state, body, commit, comments }
}

fn check_view(run: &CheckRun) -> CheckRunView {
    let run = run.clone();
    CheckRunView {
        id: run.id,
        name: run.name,
        head_sha: run.head_sha,
        external_id: run.external_id,
        details_url: run.details_url,
        status: run.status,
        conclusion: run.conclusion,
        title: run.title,
        summary: run.summary,
        text: run.text,
        annotations: run.annotations,
        actions: run.actions,
    }
}

fn pairs(reactions: &[super::world::Reaction]) -> Vec<(String, String)> {
    reactions.iter().map(|reaction| (reaction.login.clone(), reaction.content.clone())).collect()
}
