//! The status comment: one per task, edited in place from queued to its end.

use super::detail::service;
use super::handed_over::{handed_over, not_pushed};
use super::receipt::receipt;
use super::verification::verification;
use super::{LONGEST_BODY, Opened, PlanItem, PlanStatus, Pushed, TaskView, review, task_marker};
use crate::domain::command::button::mend;
use crate::domain::credit::Credits;
use crate::domain::event::ProposalState;
use crate::domain::places::linked;
use crate::domain::review::Review;
use crate::domain::task::{End, Kind, Phase};
use crate::domain::text::{at_most, inert, one_line};

/// The words around a patch, and the names of files that are not in it.
const AROUND_A_PATCH: usize = 4_000;

/// The whole comment.
pub fn status_comment(view: &TaskView) -> String {
    let mut parts = vec![format!("### Async Coder · {} · {}", view.kind, state(view))];
    match (view.phase, view.end) {
        (Phase::Ended, Some(end)) => ended(view, end, &mut parts),
        _ => under_way(view, &mut parts),
    }
    let text = at_most(&parts.join("\n\n"), LONGEST_BODY);
    format!("{text}\n\n{}", task_marker(view.id))
}

/// The word after the kind.
pub fn state(view: &TaskView) -> &'static str {
    // Each look whether a service is back is a claim that is of no interest.
    if view.phase == Phase::Working && view.waits_for.is_some() {
        return "queued";
    }
    let became = view.pull_request.as_ref().map(|pull_request| pull_request.state);
    match (view.phase, became) {
        (Phase::Ended, Some(state @ (ProposalState::Merged | ProposalState::Closed))) => {
            state.as_str()
        }
        (_, _) => state_of(view.phase, view.end, view.lacks.is_some()),
    }
}

/// The same for a task that is only listed.
pub(super) fn state_of(phase: Phase, end: Option<End>, is_parked: bool) -> &'static str {
    match (phase, end) {
        (Phase::Waiting | Phase::Publishing, _) if is_parked => "parked",
        (Phase::Waiting, _) => "queued",
        (Phase::Working, _) => "running",
        (Phase::Publishing, _) | (Phase::Ended, None) => "publishing",
        (Phase::Ended, Some(end)) => end_word(end),
    }
}

fn end_word(end: End) -> &'static str {
    match end {
        End::Done => "done",
        End::NoChange => "no change",
        End::NeedsInfo => "needs info",
        End::Cancelled => "cancelled",
        End::LimitSteps
        | End::LimitCost
        | End::LimitTime
        | End::Stuck
        | End::ProviderError
        | End::FormatError
        | End::PolicyBlock
        | End::PublishRefused
        | End::Internal => "failed",
    }
}

fn under_way(view: &TaskView, parts: &mut Vec<String>) {
    // An estimate of other tasks means little above what may be spent.
    let high = view.quote.high.min(view.hold);
    let low = view.quote.low.min(high);
    parts.push(format!("{} · estimate {}–{high}, at most {}", view.model, low.0, view.hold));
    parts.extend(mistakes(view));
    if !view.plan.is_empty() {
        parts.push(checklist(&view.plan));
    }
    if let Some(lacks) = &view.lacks {
        parts.push(format!(
            "I lack {lacks}. An owner of this account can grant it in the App's settings on GitHub; then I go on by myself. After three days I give up, and you pay nothing."
        ));
    } else if let Some(provider) = view.waits_for {
        parts.push(format!(
            "{} does not answer at the moment. I look again every half minute and go on by myself as soon as it does; waiting costs nothing. After three days I give up.",
            service(provider)
        ));
    } else if view.phase == Phase::Publishing {
        parts.push("I am publishing what I have now.".to_owned());
    }
    parts.push(format!("To stop it: `/asynccoder cancel t_{}`", view.id.short()));
}

/// Whoever relies on a rule has to know that it does not hold.
fn mistakes(view: &TaskView) -> Option<String> {
    let said = "The configuration of this repository has mistakes. `/asynccoder config` names them, and says what holds instead.";
    view.config_has_mistakes.then(|| said.to_owned())
}

fn checklist(plan: &[PlanItem]) -> String {
    let line = |item: &PlanItem| {
        let text = inert(&one_line(&item.text, 120));
        match item.status {
            PlanStatus::Done => format!("- [x] {text}"),
            PlanStatus::InProgress => format!("- [ ] **{text}**"),
            PlanStatus::Pending => format!("- [ ] {text}"),
        }
    };
    plan.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn ended(view: &TaskView, end: End, parts: &mut Vec<String>) {
    parts.extend(headline(view, end));
    if let Some(detail) = &view.outcome.detail {
        parts.push(inert(&one_line(detail, 500)));
    }
    // A review says it itself, and the comment only points there.
    let is_told_there = view.review_url.is_some() && view.outcome.handed_over.is_none();
    if !view.outcome.summary.is_empty() && !is_told_there {
        let summary = inert(&at_most(&view.outcome.summary, LONGEST_BODY / 2));
        parts.push(linked(&summary, &view.outcome.places, &view.source));
    }
    if !view.outcome.questions.is_empty() {
        let questions = view.outcome.questions.iter().take(10).enumerate();
        let line = |(n, question): (usize, &String)| {
            format!("{}. {}", n + 1, inert(&one_line(question, 500)))
        };
        parts.push(questions.map(line).collect::<Vec<_>>().join("\n"));
    }
    let before = parts.len();
    if view.pushed.is_some() || view.outcome.handed_over.is_some() {
        parts.push(verification(&view.outcome));
    }
    parts.extend(mistakes(view));
    parts.push(receipt(view));
    if view.private {
        parts.push(format!("Available: {}", view.available));
    }
    if let Some(next) = next_step(view, end) {
        parts.push(next);
    }
    if let Some(change) = &view.outcome.handed_over {
        let taken: usize = parts.iter().map(|part| part.len() + 2).sum();
        let room = LONGEST_BODY.saturating_sub(taken + AROUND_A_PATCH);
        parts.insert(before, handed_over(view.id, change, room));
    }
}

/// The fact; an answer needs none before it.
fn headline(view: &TaskView, end: End) -> Option<String> {
    if let (End::Done, Some(change)) = (end, &view.outcome.handed_over) {
        return Some(not_pushed(&change.why, view.review_url.as_deref()));
    }
    let is_answer = end == End::Done && view.pushed.is_none() && view.review_url.is_none();
    (!is_answer).then(|| fact(view, end))
}

fn fact(view: &TaskView, end: End) -> String {
    let pull_request = view.pull_request.as_ref().map(named);
    let review = view.review_url.as_ref().map(|url| {
        let count = view.outcome.review.as_ref().map(review::count).unwrap_or_default();
        (count, format!("[the review]({url})"))
    });
    let partial = match (&pull_request, &review) {
        (Some(pr), _) => format!(" What I have so far is in {pr}."),
        (None, Some((count, link))) => format!(" What I have so far is in {link}: {count}."),
        (None, None) if view.outcome.handed_over.is_some() => {
            " What I have so far is the patch below.".to_owned()
        }
        (None, None) => String::new(),
    };
    match end {
        End::Done => match (pull_request, review, &view.pushed) {
            (Some(pr), _, _) => format!("I opened {pr}."),
            (None, Some((count, link)), _) => format!("I wrote {link}: {count}."),
            (None, None, Some(Pushed { commit, branch })) => {
                format!("I pushed {commit} to `{branch}`.")
            }
            (None, None, None) => "Done.".to_owned(),
        },
        End::NoChange => "I changed nothing.".to_owned(),
        End::NeedsInfo => "I need to know this before I can go on:".to_owned(),
        End::LimitSteps => {
            format!("I stopped after {} steps, the limit for {}.{partial}", view.steps, view.kind)
        }
        // The detail says which bound it was.
        End::LimitCost if view.outcome.detail.is_some() => {
            format!("I stopped because this task is too large to be done at once.{partial}")
        }
        End::LimitCost => {
            format!(
                "I stopped because the {} held for this task do not cover the next step.{partial}",
                view.hold
            )
        }
        End::LimitTime => {
            let minutes = view.kind.limits().time.as_secs() / 60;
            format!("I stopped after {minutes} minutes, the limit for {}.{partial}", view.kind)
        }
        End::Stuck => format!("I stopped because I was going round in circles.{partial}"),
        End::Cancelled => "Stopped, as asked.".to_owned(),
        End::ProviderError => free("The model service did not answer usefully."),
        End::FormatError => free("The model did not keep to the protocol."),
        End::PolicyBlock => {
            free("The result touches something that I may not change, so I did not push it.")
        }
        End::PublishRefused => free("GitHub did not accept the result."),
        End::Internal => free("Something on my side went wrong."),
    }
}

/// A pull request, and what became of it.
fn named(pull_request: &Opened) -> String {
    let Opened { number, draft, state, .. } = pull_request;
    let draft = if *draft { "draft " } else { "" };
    match state {
        ProposalState::Open => format!("{draft}pull request #{number}"),
        ProposalState::Merged => format!("pull request #{number}, and it is merged"),
        ProposalState::Closed => {
            format!("{draft}pull request #{number}, and it was closed without being merged")
        }
    }
}

fn free(fact: &str) -> String {
    format!("{fact} You pay nothing for this task.")
}

/// What the person can do next.
fn next_step(view: &TaskView, end: End) -> Option<String> {
    let verb = view.kind;
    match end {
        End::Done if view.outcome.review.as_ref().is_some_and(Review::has_findings) => {
            Some(format!("To have them mended: `/asynccoder async {}`", mend(view.id)))
        }
        End::Done if view.kind == Kind::Architect => Some(format!(
            "To build it: `/asynccoder async build the plan of t_{}`",
            view.id.short()
        )),
        End::Done | End::NoChange | End::Cancelled => None,
        End::NeedsInfo => Some("To go on: `/asynccoder retry <your answers>`".to_owned()),
        End::LimitCost if view.outcome.detail.is_none() && view.hold < view.kind.limits().cap => {
            let more = Credits(view.hold.0.saturating_mul(2)).min(view.kind.limits().cap);
            Some(format!("To allow more: `/asynccoder retry budget={}`", more.0))
        }
        End::LimitCost | End::LimitSteps | End::LimitTime | End::Stuck => {
            Some(format!("A smaller task often works: `/asynccoder {verb} <one part of it>`"))
        }
        End::ProviderError
        | End::FormatError
        | End::PublishRefused
        | End::Internal
        | End::PolicyBlock => Some("To try again: `/asynccoder retry`".to_owned()),
    }
}
