//! How much may be asked for in a while: by a person, in a thread, of a repository and of an account.
//!
//! The last of them, on our own comments, is there for what nobody thought of: two programs that answer
//! each other go silent after ten comments, and say so.

use super::policy::Permission;
use chrono::{DateTime, TimeDelta, Utc};

/// Commands of a person are counted over this,
pub const OF_PERSON: TimeDelta = TimeDelta::minutes(1);
/// those of a thread over this,
pub const IN_THREAD: TimeDelta = TimeDelta::hours(1);
/// and our own comments in it over this.
pub const OWN_COMMENTS: TimeDelta = TimeDelta::hours(1);

/// How much is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Commands of a person in a minute.
    pub of_person: i64,
    /// Commands in a thread in an hour.
    pub in_thread: i64,
    /// Our own comments in a thread in an hour.
    pub own_comments: i64,
    /// Tasks of a thread that have not ended.
    pub open_in_thread: i64,
    /// Tasks of an account that wait.
    pub waiting: i64,
    /// Pull requests of ours that are open in a repository.
    pub open_pull_requests: i64,
}

impl Bounds {
    /// Nothing is too much: for whoever measures something else.
    pub const NONE: Self = Self {
        of_person: i64::MAX,
        in_thread: i64::MAX,
        own_comments: i64::MAX,
        open_in_thread: i64::MAX,
        waiting: i64::MAX,
        open_pull_requests: i64::MAX,
    };
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            of_person: 10,
            in_thread: 30,
            own_comments: 10,
            open_in_thread: 20,
            waiting: 200,
            open_pull_requests: 10,
        }
    }
}

/// What happened within a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lately {
    /// How often.
    pub count: i64,
    /// The first time of them.
    pub first: Option<DateTime<Utc>>,
}

/// What came before a command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// The person's commands.
    pub of_person: Lately,
    /// The thread's commands.
    pub in_thread: Lately,
    /// Our comments in the thread, since an admin set the count back.
    pub own_comments: Lately,
    /// Tasks of the thread that have not ended.
    pub open_in_thread: i64,
    /// Tasks of the account that wait.
    pub waiting: i64,
    /// Pull requests of ours that are open in the repository.
    pub open_pull_requests: i64,
    /// Tasks of the repository that will open one.
    pub coming_pull_requests: i64,
}

/// What a command asks of us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// An answer.
    Answer,
    /// A task.
    Task,
    /// A task that opens a pull request.
    PullRequest,
}

/// A limit that is reached, with its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// The person's commands, until then.
    OfPerson(i64, DateTime<Utc>),
    /// The thread's commands, until then.
    InThread(i64, DateTime<Utc>),
    /// Our own comments in the thread, until then or until an admin says something.
    OwnComments(i64, DateTime<Utc>),
    /// Tasks of the thread that have not ended.
    OpenInThread(i64),
    /// Tasks of the account that wait.
    Waiting(i64),
    /// Pull requests of ours that are open in the repository.
    OpenPullRequests(i64),
    /// The same, together with those that tasks will open.
    ComingPullRequests(i64),
}

impl Traffic {
    /// Whether our own comments have come to their limit, which an admin's command lifts.
    pub fn is_silent(&self, bounds: Bounds) -> bool {
        self.own_comments.full_until(bounds.own_comments, OWN_COMMENTS).is_some()
    }

    /// The first limit that keeps a command from being carried out.
    pub fn limit(&self, bounds: Bounds, weight: Weight, permission: Permission) -> Option<Limit> {
        let Bounds { of_person, in_thread, own_comments, .. } = bounds;
        if let Some(until) = self.of_person.full_until(of_person, OF_PERSON) {
            return Some(Limit::OfPerson(of_person, until));
        }
        if let Some(until) = self.in_thread.full_until(in_thread, IN_THREAD) {
            return Some(Limit::InThread(in_thread, until));
        }
        if let Some(until) = self.own_comments.full_until(own_comments, OWN_COMMENTS)
            && permission < Permission::Admin
        {
            return Some(Limit::OwnComments(own_comments, until));
        }
        self.full(bounds, weight)
    }

    /// What has no room for another task or pull request.
    fn full(&self, bounds: Bounds, weight: Weight) -> Option<Limit> {
        if weight >= Weight::Task && self.open_in_thread >= bounds.open_in_thread {
            return Some(Limit::OpenInThread(bounds.open_in_thread));
        }
        if weight >= Weight::Task && self.waiting >= bounds.waiting {
            return Some(Limit::Waiting(bounds.waiting));
        }
        let most = bounds.open_pull_requests;
        if weight < Weight::PullRequest
            || self.open_pull_requests + self.coming_pull_requests < most
        {
            return None;
        }
        let is_open = self.open_pull_requests >= most;
        Some(if is_open { Limit::OpenPullRequests(most) } else { Limit::ComingPullRequests(most) })
    }
}

impl Lately {
    /// When there is room again, if there is none.
    fn full_until(self, most: i64, window: TimeDelta) -> Option<DateTime<Utc>> {
        let first = self.first.filter(|_| self.count >= most)?;
        Some(first + window)
    }
}

impl Limit {
    /// Its name in rows and metrics.
    pub const fn word(self) -> &'static str {
        match self {
            Limit::OfPerson(..) => "limit_person",
            Limit::InThread(..) => "limit_thread",
            Limit::OwnComments(..) => "limit_comments",
            Limit::OpenInThread(_) => "limit_open",
            Limit::Waiting(_) => "limit_waiting",
            Limit::OpenPullRequests(_) | Limit::ComingPullRequests(_) => "limit_pull_requests",
        }
    }
}
