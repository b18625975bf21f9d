//! Check runs: a verdict on a commit, with what it has to say at lines.

use crate::domain::ids::Sha;
use crate::domain::task::Conclusion;
use crate::domain::text_enum;
use serde::{Deserialize, Serialize};

text_enum!(
    /// How bad a line is, in GitHub's words.
    Level {
        /// Good to know.
        Notice = "notice",
        /// To be looked at.
        Warning = "warning",
        /// Wrong.
        Failure = "failure",
    }
);

/// What is said in the margin of the file view.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Annotation {
    /// The file.
    pub path: String,
    /// The first line.
    pub first: usize,
    /// The last line.
    pub last: usize,
    /// How bad it is.
    pub level: Level,
    /// The first words.
    pub title: String,
    /// All of it.
    pub message: String,
}

/// A check run that belongs to no task: it is there once, and completed from the beginning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewCheck {
    /// What it is called.
    pub name: String,
    /// The commit.
    pub head: Sha,
    /// How it ends.
    pub conclusion: Conclusion,
    /// Its first line.
    pub title: String,
    /// What it says.
    pub summary: String,
    /// What it says at lines, always in this order.
    pub annotations: Vec<Annotation>,
}
