//! Tasks: their kinds with what each may do and spend, the states they pass through, and the named
//! ends with what each end means for the person, the check run and the bill.

use super::credit::Credits;
use super::event::{AtLine, Person, Thread};
use super::handed_over::NotPushed;
use super::ids::{Sha, TaskId};
use super::setup::Setup;
use super::text_enum;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How all branches of ours begin.
pub const OUR_BRANCHES: &str = "asynccoder/";

/// Nothing waits longer for GitHub than this: not an act, not a task for its repository.
pub const LONGEST_WAIT: TimeDelta = TimeDelta::hours(72);

/// What a task was asked for, as the signed payload showed it. Later edits change nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Brief {
    /// The issue or pull request.
    pub thread: Thread,
    /// What the person typed, or the fixed sentence when they typed only the verb.
    pub instruction: String,
    /// Who asked.
    pub requester: Person,
    /// The comment that asked.
    pub comment_id: i64,
    /// When, by GitHub's clock. What was said since then is no part of it.
    #[serde(default)]
    pub asked_at: Option<DateTime<Utc>>,
    /// Where that comment is read.
    pub url: String,
    /// Where in a change it stands, if it does: what is answered goes below it.
    #[serde(default)]
    pub line: Option<AtLine>,
    /// Whether the pull request has to be a draft, if the person said so.
    pub draft: Option<bool>,
    /// The task whose conversation this one goes on with.
    #[serde(default)]
    pub continues: Option<TaskId>,
    /// Where the pull request goes to.
    #[serde(default)]
    pub target: Option<Target>,
    /// Up to where an earlier review had looked, if only the rest is to be reviewed.
    #[serde(default)]
    pub reviewed_to: Option<Sha>,
    /// Why a change is handed over instead of being pushed, if it is.
    #[serde(default)]
    pub not_pushed: Option<NotPushed>,
    /// What the repository says about all work in it.
    #[serde(default)]
    pub rules: Rules,
}

/// The branch that a pull request goes to: pinned when the task was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// The branch.
    pub branch: String,
    /// Where it was.
    pub sha: Sha,
}

/// What a repository's configuration said when the task was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Rules {
    /// Patterns of paths that may not be changed.
    pub protected: Vec<String>,
    /// What the agent is told about working here.
    pub instructions: Option<String>,
    /// The commands that tell whether a change is sound; `None`: whatever is found.
    pub checks: Option<Vec<String>>,
    /// What is fetched before any command is run.
    pub setup: Option<Setup>,
    /// Whether the branch of the pull request is deleted once that is closed.
    pub deletes_branch: bool,
    /// Whether a file of it had mistakes, so that something else holds than its people may think.
    pub has_mistakes: bool,
}

text_enum!(
    /// What sort of work a task is.
    Kind {
        /// Answer a question in the thread.
        Ask = "ask",
        /// Write a plan in the thread.
        Architect = "architect",
        /// Review a pull request.
        PrReview = "pr_review",
        /// Write documentation and open a pull request.
        Documentation = "documentation",
        /// Find and fix a fault and open a pull request.
        Debug = "debug",
        /// Do what is asked and open a pull request.
        Async = "async",
    }
);

/// What a kind may do, and what it may use up at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Whether editing tools and a push token exist for it. A capability, not a request in a prompt.
    pub may_edit: bool,
    /// Model calls.
    pub steps: u32,
    /// Active time over all attempts.
    pub time: Duration,
    /// Credits that can be held for it.
    pub cap: Credits,
    /// Credits below which starting makes no sense.
    pub least: Credits,
}

impl Kind {
    /// The limits of this kind.
    pub const fn limits(self) -> Limits {
        let (may_edit, steps, minutes, cap, least) = match self {
            Kind::Ask => (false, 15, 4, 30, 2),
            Kind::Architect => (false, 25, 8, 80, 5),
            Kind::PrReview => (false, 20, 8, 60, 5),
            Kind::Documentation => (true, 40, 15, 100, 10),
            Kind::Debug => (true, 50, 25, 200, 10),
            Kind::Async => (true, 80, 45, 300, 10),
        };
        Limits {
            may_edit,
            steps,
            time: Duration::from_secs(minutes * 60),
            cap: Credits(cap),
            least: Credits(least),
        }
    }

    /// What is asked for: the words, or a fixed sentence where there are none.
    pub fn instruction(self, thread: &Thread, words: &str) -> String {
        if !words.is_empty() {
            return words.to_owned();
        }
        let (number, is_pull_request) = (thread.number, thread.is_pull_request);
        match self {
            Kind::PrReview => format!("Review pull request #{number}"),
            Kind::Ask if is_pull_request => format!("Explain pull request #{number}"),
            Kind::Ask => format!("Answer what issue #{number} asks"),
            Kind::Architect => format!("Write a plan for issue #{number}"),
            Kind::Documentation if is_pull_request => {
                format!("Document what pull request #{number} changes")
            }
            Kind::Debug if is_pull_request => {
                format!("Find and fix what is wrong in pull request #{number}")
            }
            Kind::Async if is_pull_request => format!("Finish pull request #{number}"),
            Kind::Documentation | Kind::Debug | Kind::Async => format!("Resolve issue #{number}"),
        }
    }

    /// Whether it can be asked for in an issue, or in a pull request.
    pub const fn works_on(self, is_pull_request: bool) -> bool {
        is_pull_request || !matches!(self, Kind::PrReview)
    }
}

text_enum!(
    /// The state of a task as the API and the pages show it.
    Status {
        /// Waiting for a slot.
        Pending = "pending",
        /// Being worked on or published.
        Running = "running",
        /// Ended with a result.
        Completed = "completed",
        /// Ended without what was asked for.
        Failed = "failed",
        /// Ended because somebody asked for it.
        Cancelled = "cancelled",
    }
);

text_enum!(
    /// Where a task is on its way.
    Phase {
        /// For a slot, a due time or an event.
        Waiting = "waiting",
        /// An attempt holds its lease.
        Working = "working",
        /// Sealed; the outbox is carrying out its acts.
        Publishing = "publishing",
        /// Over. Nothing about it changes any more.
        Ended = "ended",
    }
);

text_enum!(
    /// Which of an account's own tasks goes first. It never lets one account pass another.
    Priority {
        /// After the others.
        Low = "low",
        /// As it comes.
        Medium = "medium",
        /// Before the others.
        High = "high",
    }
);

impl Priority {
    /// The number by which tasks are ordered: higher goes first.
    pub const fn rank(self) -> i64 {
        match self {
            Priority::Low => 0,
            Priority::Medium => 1,
            Priority::High => 2,
        }
    }
}

text_enum!(
    /// How a task ended. Each end has its sentence in `report::status`.
    End {
        /// The work is there.
        Done = "done",
        /// There was nothing to change, and the answer says why.
        NoChange = "no_change",
        /// The agent asks something before it can go on.
        NeedsInfo = "needs_info",
        /// Out of model calls.
        LimitSteps = "limit_steps",
        /// Out of credits held for it.
        LimitCost = "limit_cost",
        /// Out of time.
        LimitTime = "limit_time",
        /// Going round in circles.
        Stuck = "stuck",
        /// Stopped by a person.
        Cancelled = "cancelled",
        /// The model service did not answer usefully.
        ProviderError = "provider_error",
        /// The model did not keep to the protocol.
        FormatError = "format_error",
        /// The result touches what may not be touched.
        PolicyBlock = "policy_block",
        /// GitHub did not take the result.
        PublishRefused = "publish_refused",
        /// Our own fault.
        Internal = "internal",
    }
);

text_enum!(
    /// The conclusion of a check run, in GitHub's words.
    Conclusion {
        /// Green.
        Success = "success",
        /// Grey: neither good nor bad.
        Neutral = "neutral",
        /// Red.
        Failure = "failure",
        /// Stopped by a person.
        Cancelled = "cancelled",
        /// Out of time.
        TimedOut = "timed_out",
    }
);

impl End {
    /// The status of a task that ended so.
    pub const fn status(self) -> Status {
        match self {
            End::Done | End::NoChange | End::NeedsInfo => Status::Completed,
            End::Cancelled => Status::Cancelled,
            End::LimitSteps
            | End::LimitCost
            | End::LimitTime
            | End::Stuck
            | End::ProviderError
            | End::FormatError
            | End::PolicyBlock
            | End::PublishRefused
            | End::Internal => Status::Failed,
        }
    }

    /// What its check run says. Limits are never a false green, and never red either.
    pub const fn conclusion(self) -> Conclusion {
        match self {
            End::Done => Conclusion::Success,
            End::NoChange | End::NeedsInfo | End::LimitSteps | End::LimitCost => {
                Conclusion::Neutral
            }
            End::LimitTime => Conclusion::TimedOut,
            End::Cancelled => Conclusion::Cancelled,
            End::Stuck
            | End::ProviderError
            | End::FormatError
            | End::PolicyBlock
            | End::PublishRefused
            | End::Internal => Conclusion::Failure,
        }
    }

    /// Whether the account pays what was used. What is not published because of us, of GitHub or of
    /// the model service is free.
    pub const fn is_charged(self) -> bool {
        match self {
            End::Done
            | End::NoChange
            | End::NeedsInfo
            | End::LimitSteps
            | End::LimitCost
            | End::LimitTime
            | End::Stuck
            | End::Cancelled => true,
            End::ProviderError
            | End::FormatError
            | End::PolicyBlock
            | End::PublishRefused
            | End::Internal => false,
        }
    }

    /// Whether another task can go on with the conversation of one that ended so.
    pub const fn can_be_continued(self) -> bool {
        match self {
            End::Done
            | End::NoChange
            | End::NeedsInfo
            | End::LimitSteps
            | End::LimitCost
            | End::LimitTime => true,
            End::Stuck
            | End::Cancelled
            | End::ProviderError
            | End::FormatError
            | End::PolicyBlock
            | End::PublishRefused
            | End::Internal => false,
        }
    }

    /// Whether the work so far is worth a draft pull request.
    pub const fn keeps_partial_work(self) -> bool {
        matches!(self, End::LimitSteps | End::LimitCost | End::LimitTime | End::Stuck)
    }
}
