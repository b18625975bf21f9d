//! What went wrong, in one sentence below the headline of a status comment.

use crate::domain::catalog::Provider;
use std::fmt::Display;

/// The App was removed or suspended while there was something to do.
pub fn app_is_gone() -> String {
    "The App was removed from this account, or suspended, so I stopped. You pay nothing.".to_owned()
}

/// The App does not reach the repository any more.
pub fn repository_is_gone() -> String {
    "The App was taken out of this repository, so I stopped. You pay nothing.".to_owned()
}

/// An interruption took what had been changed.
pub fn not_kept() -> String {
    "I was interrupted, and what I had changed could not be kept: it was larger than 20 MB, or had something in it that is no plain file.".to_owned()
}

/// Something passing did not pass.
pub fn gave_up(error: &dyn Display) -> String {
    format!("It did not work for three days, so I gave up: {error}")
}

/// A model service did not come back.
pub fn model_stayed_away(provider: Provider) -> String {
    format!("{} did not answer for three days, so I gave up.", service(provider))
}

/// A model service as people call it.
pub(super) const fn service(provider: Provider) -> &'static str {
    match provider {
        Provider::Anthropic => "Anthropic's model service",
        Provider::OpenAi => "OpenAI's model service",
        Provider::Gemini => "Google's model service",
    }
}

/// GitHub will never do it.
pub fn not_accepted(error: &dyn Display) -> String {
    format!("GitHub did not accept it: {error}")
}

/// GitHub will never show the repository.
pub fn not_readable(error: &dyn Display) -> String {
    format!("GitHub did not let me read the repository: {error}")
}

/// The repository is somewhere else, and not reached there.
pub fn moved_away(error: &dyn Display) -> String {
    format!("The repository has moved out of my reach: {error}")
}

/// Another branch has the name.
pub fn branch_is_taken() -> String {
    "The branch exists already with other commits.".to_owned()
}

/// Somebody pushed to the pull request's branch while it was worked on, and the work fits on top.
pub fn stands_on_top(branch: &str) -> String {
    format!("`{branch}` got new commits while I worked; mine stands on top of them.")
}

/// Somebody pushed to the pull request's branch while it was worked on, and the work does not fit.
pub fn kept_aside(branch: &str) -> String {
    format!(
        "`{branch}` got new commits that do not go together with mine, so my work is in a branch of its own."
    )
}

/// The pull request's branch was removed while it was worked on.
pub fn branch_is_gone(branch: &str) -> String {
    format!("`{branch}` was removed while I worked, so my work is in a branch of its own.")
}

/// The pull request was closed, or its branch is no longer its own, while it was worked on.
pub fn no_longer_open() -> String {
    "The pull request was closed while I worked, so I did not push to it.".to_owned()
}

/// The tools have answered as much as one task may read.
pub fn tools_said_enough() -> String {
    "the tools' answers have reached the limit for one task".to_owned()
}

/// The model's rules forbid an answer.
pub fn model_declined() -> String {
    "the model service declined to answer".to_owned()
}

/// The conversation is as long as the model can read.
pub fn window_is_full() -> String {
    "the conversation no longer fits the model's window".to_owned()
}

/// Whoever asked may no longer push.
pub fn may_no_longer_push(login: &str) -> String {
    format!("{login} no longer has write permission here, so I did not push.")
}

/// A permission of the App that nobody has granted.
pub fn lacks(permission: &str) -> String {
    format!("I lack {permission}, and nobody has granted it.")
}
