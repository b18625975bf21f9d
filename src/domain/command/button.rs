//! Buttons of a check run: each is a command that somebody gives by pressing it.

use super::{Command, Options, Verb};
use crate::domain::ids::TaskId;
use crate::domain::text_enum;

text_enum!(
    /// What can be pressed; the text is the identifier that GitHub sends back, at most 20 characters.
    Button {
        /// Stop the task.
        Cancel = "cancel",
        /// Run it again.
        Retry = "retry",
        /// Have the findings of a review mended.
        Fix = "fix",
        /// GitHub's own button, which runs the check again.
        Rerun = "rerequested",
    }
);

impl Button {
    /// The same, typed.
    pub fn command(self, task: TaskId) -> Command {
        let name = format!("t_{}", task.short());
        let (verb, text) = match self {
            Button::Cancel => (Verb::Cancel, name),
            Button::Retry | Button::Rerun => (Verb::Retry, name),
            Button::Fix => (Verb::Async, mend(task)),
        };
        Command { verb, is_implied: false, options: Options::default(), text }
    }

    /// What stands on it, at most 20 characters, and what it does, at most 40.
    /// <https://docs.github.com/rest/checks/runs#create-a-check-run>
    pub const fn words(self) -> (&'static str, &'static str) {
        match self {
            Button::Cancel => ("Cancel", "Stop this task"),
            Button::Retry | Button::Rerun => ("Retry", "Run this task again"),
            Button::Fix => ("Fix these", "Have these findings mended"),
        }
    }
}

/// The words that have the findings of a review mended; the task's name in them brings the findings
/// along.
pub fn mend(review: TaskId) -> String {
    format!("mend the findings of t_{}", review.short())
}
