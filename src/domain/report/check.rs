//! The check run: its name, its title and its summary.

use super::receipt::receipt;
use super::status::state;
use super::verification::verification;
use super::{TaskView, review};
use crate::domain::command::button::Button;
use crate::domain::review::Review;
use crate::domain::task::{Kind, Phase};
use crate::domain::text::{at_most, inert};

/// GitHub allows 65,535 bytes.
const LONGEST_SUMMARY: usize = 60_000;

/// `Async Coder / <kind>`.
pub fn name(kind: Kind) -> String {
    format!("Async Coder / {kind}")
}

/// The title of its output.
pub fn title(view: &TaskView) -> String {
    let word = state(view);
    if let (Some(review), Phase::Ended) = (&view.outcome.review, view.phase) {
        return format!("{word}: {}", review::count(review));
    }
    match &view.pull_request {
        Some(pr) => format!("{word}: pull request #{}", pr.number),
        None => word.to_owned(),
    }
}

/// What can be pressed: GitHub shows at most three.
pub fn buttons(view: &TaskView) -> Vec<Button> {
    if view.phase != Phase::Ended {
        return vec![Button::Cancel];
    }
    let has_findings = view.outcome.review.as_ref().is_some_and(Review::has_findings);
    has_findings.then_some(Button::Fix).into_iter().chain([Button::Retry]).collect()
}

/// The summary of its output.
pub fn summary(view: &TaskView) -> String {
    let mut parts = Vec::new();
    if !view.outcome.summary.is_empty() {
        parts.push(inert(&at_most(&view.outcome.summary, LONGEST_SUMMARY / 2)));
    }
    if view.outcome.review.is_none() {
        parts.push(verification(&view.outcome));
    }
    parts.push(receipt(view));
    at_most(&parts.join("\n\n"), LONGEST_SUMMARY)
}
