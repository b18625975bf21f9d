//! Commands: what people may type, as values.
//!
//! ```text
//! /asynccoder <verb> [key=value]… [--] [text, going on over the following lines]
//! ```
//!
//! [`scan`] finds the command lines of a text, [`parse`] understands one of them. Neither can fail:
//! what cannot be understood is a [`Mistake`], which says where it is and what was probably meant.

pub mod button;
pub mod label;
pub mod parse;
pub mod scan;

use super::credit::Credits;
use super::event::{AtLine, Source, Thread};
use super::ids::{CommandId, Sha};
use super::task::{Kind, Priority};
use super::text_enum;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What starts a command line.
pub const TRIGGER: &str = "/asynccoder";

/// Commands of one comment that are carried out; the rest is refused by name.
pub const MOST_PER_COMMENT: usize = 3;

/// The longest text of a command, in bytes.
pub const LONGEST_TEXT: usize = 16 * 1024;

text_enum!(
    /// What a command asks for.
    Verb {
        /// Find and fix a fault.
        Debug = "debug",
        /// Answer a question.
        Ask = "ask",
        /// Write documentation.
        Documentation = "documentation",
        /// Write a plan.
        Architect = "architect",
        /// Review a pull request.
        PrReview = "pr_review",
        /// Do what is asked.
        Async = "async",
        /// Say what can be typed.
        Help = "help",
        /// Say how the tasks of this thread stand.
        Status = "status",
        /// Stop a task.
        Cancel = "cancel",
        /// Run a task again.
        Retry = "retry",
        /// List the models and their prices.
        Models = "models",
        /// Say what the account has left.
        Credits = "credits",
        /// Say how this repository is configured.
        Config = "config",
        /// Say that the bot is there.
        Ping = "ping",
    }
);

impl Verb {
    /// Other words for the same verb.
    pub const fn aliases(self) -> &'static [&'static str] {
        match self {
            Verb::Debug => &["fix"],
            Verb::Documentation => &["docs"],
            Verb::Architect => &["plan"],
            Verb::PrReview => &["pr-review", "review"],
            Verb::Async => &["do", "code"],
            // Whoever wants something to end must not begin something that costs.
            Verb::Cancel => &["stop"],
            Verb::Ask
            | Verb::Help
            | Verb::Status
            | Verb::Retry
            | Verb::Models
            | Verb::Credits
            | Verb::Config
            | Verb::Ping => &[],
        }
    }

    /// The verb for a typed word, whatever its case.
    pub fn from_word(word: &str) -> Option<Self> {
        let word = word.to_lowercase();
        Self::ALL
            .iter()
            .copied()
            .find(|v| v.as_str() == word || v.aliases().contains(&word.as_str()))
    }

    /// The kind of task it starts; `None` for a verb that is free and answered at once.
    pub const fn kind(self) -> Option<Kind> {
        match self {
            Verb::Debug => Some(Kind::Debug),
            Verb::Ask => Some(Kind::Ask),
            Verb::Documentation => Some(Kind::Documentation),
            Verb::Architect => Some(Kind::Architect),
            Verb::PrReview => Some(Kind::PrReview),
            Verb::Async => Some(Kind::Async),
            Verb::Help
            | Verb::Status
            | Verb::Cancel
            | Verb::Retry
            | Verb::Models
            | Verb::Credits
            | Verb::Config
            | Verb::Ping => None,
        }
    }

    /// The verb that asks for a kind of task.
    pub const fn of(kind: Kind) -> Self {
        match kind {
            Kind::Ask => Verb::Ask,
            Kind::Architect => Verb::Architect,
            Kind::PrReview => Verb::PrReview,
            Kind::Documentation => Verb::Documentation,
            Kind::Debug => Verb::Debug,
            Kind::Async => Verb::Async,
        }
    }

    /// One line for `help`.
    pub const fn meaning(self) -> &'static str {
        match self {
            Verb::Debug => "find and fix a fault, as a pull request",
            Verb::Ask => "answer a question about the code, with links to the lines",
            Verb::Documentation => "write documentation, as a pull request",
            Verb::Architect => "write a plan, and the command that builds it",
            Verb::PrReview => "review this pull request, at the lines of its change",
            Verb::Async => "do what the text says, as a pull request",
            Verb::Help => "show this list",
            Verb::Status => "show the tasks of this thread",
            Verb::Cancel => "stop the newest task of this thread, or `cancel t_…`",
            Verb::Retry => "go on from the newest ended task of this thread, with what you add",
            Verb::Models => "list the models and their prices",
            Verb::Credits => "show what this account has left",
            Verb::Config => "show how this repository is configured",
            Verb::Ping => "check that I am here",
        }
    }

    /// The keys it takes.
    pub const fn keys(self) -> &'static [Key] {
        match self {
            Verb::Debug | Verb::Documentation | Verb::Async => {
                &[Key::Model, Key::Priority, Key::Base, Key::Branch, Key::Budget, Key::Draft]
            }
            Verb::Ask | Verb::Architect => &[Key::Model, Key::Priority, Key::Base, Key::Budget],
            Verb::PrReview => &[Key::Model, Key::Priority, Key::Budget, Key::Full],
            Verb::Retry => &[Key::Model, Key::Budget],
            Verb::Help
            | Verb::Status
            | Verb::Cancel
            | Verb::Models
            | Verb::Credits
            | Verb::Config
            | Verb::Ping => &[],
        }
    }
}

text_enum!(
    /// What can be set on a command.
    Key {
        /// Which model.
        Model = "model",
        /// Before or after the account's other tasks.
        Priority = "priority",
        /// The branch to start from and to target.
        Base = "base",
        /// The new branch, below `asynccoder/`.
        Branch = "branch",
        /// The most credits it may cost.
        Budget = "budget",
        /// Whether the pull request is a draft.
        Draft = "draft",
        /// Whether a review looks at everything again.
        Full = "full",
    }
);

impl Key {
    /// What its value looks like, for `help` and for mistakes.
    pub const fn value(self) -> &'static str {
        match self {
            Key::Model => "a model's name, see `/asynccoder models`",
            Key::Priority => "`low`, `medium` or `high`",
            Key::Base => "the branch to start from and to target",
            Key::Branch => "the name of a new branch below `asynccoder/`",
            Key::Budget => "the most credits it may cost, a whole number above 0",
            Key::Draft | Key::Full => "`true` or `false`",
        }
    }
}

/// The keys that were set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Options {
    /// The model as typed: id, alias, or the start of an id.
    pub model: Option<String>,
    /// Before or after the account's other tasks.
    pub priority: Option<Priority>,
    /// The branch to start from and to target.
    pub base: Option<String>,
    /// The new branch, with `asynccoder/` in front.
    pub branch: Option<String>,
    /// The most it may cost.
    pub budget: Option<Credits>,
    /// Whether the pull request is a draft.
    pub draft: Option<bool>,
    /// Whether a review looks at everything again.
    pub full: Option<bool>,
}

/// One understood command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// What it asks for.
    pub verb: Verb,
    /// Whether no verb was given, so that the repository may say what is meant.
    #[serde(default)]
    pub is_implied: bool,
    /// The keys that were set.
    pub options: Options,
    /// What else was said, over as many lines as it took.
    pub text: String,
}

/// Something in a command that could not be understood.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mistake {
    /// The line of the comment, from 1.
    pub line: usize,
    /// The character of the line, from 1.
    pub column: usize,
    /// The word as typed, shortened if it is very long.
    pub word: String,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What can be wrong with a word of a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Problem {
    /// Not a verb, but much like one.
    LooksLikeVerb(String),
    /// Not a verb, though a key follows it.
    NotAVerb,
    /// A key stands where the verb belongs.
    KeyBeforeVerb,
    /// No such key; perhaps this one was meant.
    UnknownKey(Option<String>),
    /// The key was set before.
    DoubledKey,
    /// The verb does not take this key.
    ForeignKey(Verb),
    /// The value does not fit.
    BadValue(Key),
    /// A quoted value has no end.
    OpenQuote,
    /// The text is too long.
    TooLong,
    /// One command too many in a comment.
    TooMany,
}

/// What one comment asked, with the thread it stands in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// A command, or the mistakes of those that could not be understood.
    pub request: Request,
    /// The issue or pull request, as the signed payload showed it.
    pub thread: Thread,
    /// Into what it was written.
    #[serde(default)]
    pub source: Source,
    /// GitHub's id of that.
    pub comment_id: i64,
    /// When, by GitHub's clock, if it was told.
    #[serde(default)]
    pub at: Option<DateTime<Utc>>,
    /// Where it is read.
    pub url: String,
    /// Where in a change it stands, if it does.
    #[serde(default)]
    pub line: Option<AtLine>,
    /// The commit that may be reviewed though nobody asked.
    #[serde(default)]
    pub head: Option<Sha>,
}

/// What a pull request may say of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Configuring {
    /// Where its branch is.
    pub head: Sha,
    /// Where the branch is that it is for.
    pub base: Sha,
    /// The name of that.
    pub base_branch: String,
}

/// What is to be answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// An understood command.
    Command(Command),
    /// Everything in a comment that was not understood.
    Mistakes(Vec<Mistake>),
    /// An edit put in again what this command had asked already.
    Repeated(CommandId),
    /// Nobody asked: what a pull request makes of the configuration.
    Configuring(Configuring),
}
