//! What was measured about a change: the commands that were run on exactly its tree, and how each
//! ended. It is written by the harness and never by a model.

use super::text_enum;
use serde::{Deserialize, Serialize};
use std::fmt;

text_enum!(
    /// What a command used up before it ended by itself.
    Limit {
        /// Its time.
        Time = "time",
        /// The memory of all its processes together.
        Memory = "memory",
        /// Processes at once.
        Processes = "processes",
        /// Room on the disk.
        Disk = "disk",
        /// What it may print.
        Output = "output",
    }
);

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    /// By itself, with this code.
    Code(i32),
    /// By this signal.
    Signal(i32),
    /// It was killed at a limit.
    Limit(Limit),
}

impl Exit {
    /// Whether it went well.
    pub const fn is_success(self) -> bool {
        matches!(self, Exit::Code(0))
    }

    /// Whether a shell did not find the program, or may not run it.
    pub const fn is_missing(self) -> bool {
        matches!(self, Exit::Code(126 | 127))
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Exit::Code(code) => write!(f, "{code}"),
            Exit::Signal(signal) => write!(f, "signal {signal}"),
            Exit::Limit(limit) => write!(f, "killed: {limit}"),
        }
    }
}
