//! Why a review that a repository wants of each pull request is not there, and what to do about it.

use super::check;
use super::refusal::refusal;
use crate::domain::act::NewCheck;
use crate::domain::command::TRIGGER;
use crate::domain::ids::Sha;
use crate::domain::limits::Limit;
use crate::domain::policy::Refusal;
use crate::domain::task::{Conclusion, Kind};
use chrono::{DateTime, Utc};

/// Says so in the place of the review's check run. Nothing, where no review is wanted or there is one.
pub fn not_reviewed(why: &Refusal, head: &Sha) -> Option<NewCheck> {
    let (title, reason, once) = why_not(why)?;
    Some(NewCheck {
        name: check::name(Kind::PrReview),
        head: head.clone(),
        conclusion: Conclusion::Neutral,
        title: format!("not reviewed: {title}"),
        summary: format!(
            "This repository wants a review of each pull request, but I did not review this commit. {reason}\n\n`{TRIGGER} review` reviews it {once}."
        ),
        annotations: Vec::new(),
    })
}

/// In a few words, in a sentence, and when it can be done.
fn why_not(why: &Refusal) -> Option<(&'static str, String, String)> {
    let told = |title, reason: String, once: &str| Some((title, reason, once.to_owned()));
    match why {
        Refusal::Limited(limit) => Some(limited(*limit)),
        // What there is left, the account's own people ask for with `credits`.
        Refusal::NotEnoughCredits { least, .. } => told(
            "not enough credits",
            format!("A review needs {least}, and this account has less available."),
            "once the operator of this server has granted more with `asynccoder credits grant`",
        ),
        Refusal::DailyLimit { of_person, .. } => {
            let whose = if *of_person { "its author" } else { "this account" };
            told(
                "the day's credits are used up",
                format!("The daily limit of {whose} leaves less than a review needs."),
                "after 00:00 UTC, when the limit starts anew",
            )
        }
        Refusal::NoSuchModel(_)
        | Refusal::NoKey { .. }
        | Refusal::NoModels
        | Refusal::ModelNotAllowed { .. } => {
            told("no model for it", refusal(why), "once there is a model")
        }
        Refusal::RepositoryBudget { .. } => {
            told("the budget is too small", refusal(why), "once it allows more")
        }
        Refusal::NotAllowed { .. }
        | Refusal::NotWanted
        | Refusal::LabelsOff
        | Refusal::KindNotAllowed { .. }
        | Refusal::WrongThread
        | Refusal::Archived
        | Refusal::Empty
        | Refusal::NoBranch(_)
        | Refusal::BranchExists(_)
        | Refusal::NothingNew(_)
        | Refusal::Closed
        | Refusal::KeyForIssues(_)
        | Refusal::BudgetTooSmall { .. }
        | Refusal::GitHubUnreachable
        | Refusal::Lacks(_)
        | Refusal::NoAccess => None,
    }
}

fn limited(limit: Limit) -> (&'static str, String, String) {
    let after = |until: DateTime<Utc>| format!("after {}", until.format("%H:%M:%S UTC"));
    match limit {
        Limit::OfPerson(most, until) => (
            "too many commands",
            format!("Its author gave {most} commands within a minute, which is as many as I take."),
            after(until),
        ),
        Limit::InThread(most, until) => (
            "too many commands",
            format!(
                "There were {most} commands in this thread within an hour, which is as many as I take."
            ),
            after(until),
        ),
        Limit::OwnComments(most, until) => (
            "too many comments",
            format!(
                "I have written {most} comments in this thread within an hour and stop here, in case something goes round in circles."
            ),
            format!("{}, or at once for somebody with admin permission", after(until)),
        ),
        Limit::OpenInThread(most) => (
            "too many tasks",
            format!(
                "There are {most} tasks of this thread that have not ended, which is as many as I take."
            ),
            "once one of them has ended".to_owned(),
        ),
        Limit::Waiting(most) => (
            "too many tasks",
            format!("{most} tasks of this account wait already, which is as many as I take."),
            "once some of them are done".to_owned(),
        ),
        Limit::OpenPullRequests(most) => (
            "too many pull requests",
            format!(
                "{most} pull requests of mine are open in this repository, which is as many as I open."
            ),
            "once one of them is merged or closed".to_owned(),
        ),
        Limit::ComingPullRequests(most) => (
            "too many pull requests",
            format!(
                "{most} pull requests of mine are open in this repository or will come from tasks that have not ended, which is as many as I open."
            ),
            "once one of them is merged or closed".to_owned(),
        ),
    }
}
