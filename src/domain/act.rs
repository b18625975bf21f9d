//! Acts: what is done on GitHub exactly once. An act is a stored row before it is a request.

mod check;

use super::event::{Person, ProposalState, Source};
use super::ids::Sha;
use super::review::Side;
use super::text_enum;
use serde::{Deserialize, Serialize};

pub use check::{Annotation, Level, NewCheck};

text_enum!(
    /// The sorts of acts, in the order in which one command's acts are carried out.
    ActKind {
        /// An emoji on the comment that asked.
        Reaction = "reaction",
        /// A comment that answers and is not edited again.
        Answer = "answer",
        /// A branch on GitHub gets our commit.
        Push = "push",
        /// The pull request for that branch.
        PullRequest = "pull_request",
        /// A review of a pull request, with its comments at lines.
        Review = "review",
        /// A thread of a review is marked as dealt with.
        Resolve = "resolve",
        /// A branch of ours goes, because its pull request is over.
        DeleteBranch = "delete_branch",
        /// A check run that belongs to no task.
        Check = "check",
    }
);

text_enum!(
    /// Where an act is on its way.
    ActState {
        /// To be done.
        Open = "open",
        /// A request may be on its way; its outcome is known only to whoever sent it.
        Acting = "acting",
        /// GitHub has said so, or a look-up has found it.
        Done = "done",
        /// The reply was lost: look before doing it again.
        Unknown = "unknown",
        /// GitHub will never take it.
        Impossible = "impossible",
        /// No longer wanted.
        Withdrawn = "withdrawn",
    }
);

text_enum!(
    /// GitHub's names for the emojis that we use.
    Emoji {
        /// Seen, and accepted.
        Eyes = "eyes",
        /// Not accepted.
        Confused = "confused",
    }
);

/// What exactly is to be done. Texts that depend on later rows are rendered when it is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Act {
    /// Put an emoji on what somebody wrote.
    Reaction {
        /// The issue or pull request.
        #[serde(default)]
        number: i64,
        /// What of it gets the emoji.
        #[serde(default)]
        source: Source,
        /// GitHub's id of that.
        comment_id: i64,
        /// The emoji.
        emoji: Emoji,
    },
    /// Say something in the thread, once.
    Answer {
        /// The issue or pull request.
        number: i64,
        /// The comment at a line of a change that it goes below, if it does.
        #[serde(default)]
        below: Option<i64>,
        /// What to say, without the marker.
        body: String,
    },
    /// Push one commit to a branch.
    Push(Push),
    /// Open the pull request.
    PullRequest(PullRequest),
    /// Write a review.
    Review(NewReview),
    /// Mark a thread of a review as dealt with.
    Resolve {
        /// The pull request.
        number: i64,
        /// The comment that began the thread.
        first: i64,
    },
    /// Delete a branch of ours, if nobody has pushed to it.
    DeleteBranch(DeleteBranch),
    /// Say in a check run what a commit is like.
    Check(NewCheck),
}

impl Act {
    /// Its sort.
    pub const fn kind(&self) -> ActKind {
        match self {
            Act::Reaction { .. } => ActKind::Reaction,
            Act::Answer { .. } => ActKind::Answer,
            Act::Push(_) => ActKind::Push,
            Act::PullRequest(_) => ActKind::PullRequest,
            Act::Review(_) => ActKind::Review,
            Act::Resolve { .. } => ActKind::Resolve,
            Act::DeleteBranch(_) => ActKind::DeleteBranch,
            Act::Check(_) => ActKind::Check,
        }
    }
}

/// A commit that can be made again anywhere, bit for bit, from its base and its patch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Push {
    /// The branch, without `refs/heads/`.
    pub branch: String,
    /// Where the branch has to be before; `None`: it must not exist.
    pub expected: Option<Sha>,
    /// The parent.
    pub base: Sha,
    /// The pull request whose branch it is.
    #[serde(default)]
    pub pull_request: Option<i64>,
    /// The branch of our own that keeps the work, if it can no longer go where it should.
    #[serde(default)]
    pub aside: String,
    /// The branch that the parent is fetched from.
    pub base_branch: String,
    /// Who asked: whether they still may is looked up right before the push.
    pub requester: Person,
    /// The tree that was checked.
    pub tree: Sha,
    /// The commit that must come out.
    pub commit: Sha,
    /// Who, when and why.
    pub recipe: CommitRecipe,
}

/// What a commit says besides its tree and its parent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitRecipe {
    /// The whole message, trailers included.
    pub message: String,
    /// The author's and committer's name.
    pub name: String,
    /// The author's and committer's address.
    pub email: String,
    /// Seconds since 1970, from the task's row, so that the same input makes the same commit.
    pub seconds: i64,
}

/// A pull request to be opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PullRequest {
    /// The branch with our commit.
    pub head: String,
    /// The branch it is for.
    pub base: String,
    /// The title.
    pub title: String,
    /// The whole description, marker included.
    pub body: String,
    /// Whether it is a draft.
    pub draft: bool,
    /// Whether its branch goes once it is merged or closed.
    #[serde(default)]
    pub delete_branch: bool,
}

/// A branch of ours to be deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteBranch {
    /// The pull request that is over.
    pub number: i64,
    /// Its branch, without `refs/heads/`.
    pub branch: String,
    /// Where the branch has to be: the last commit on it that is ours.
    pub commit: Sha,
}

/// Whether the branch of a pull request of ours is to go.
pub fn wants_branch_deleted(state: ProposalState, delete_branch: bool) -> bool {
    match state {
        ProposalState::Open => false,
        ProposalState::Closed | ProposalState::Merged => delete_branch,
    }
}

/// A review to be written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewReview {
    /// The pull request.
    pub number: i64,
    /// The commit that was looked at.
    pub commit: Sha,
    /// What it says, with the marker, besides its comments at lines.
    pub body: String,
    /// What it says if GitHub does not take the comments at lines: all of it.
    pub body_of_all: String,
    /// Its comments at lines.
    pub comments: Vec<InlineComment>,
}

/// A comment at some lines of a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InlineComment {
    /// The file.
    pub path: String,
    /// The first line, from 1.
    pub first: usize,
    /// The last line.
    pub last: usize,
    /// Whether the lines are those before or after the change.
    pub side: Side,
    /// What it says.
    pub body: String,
}
