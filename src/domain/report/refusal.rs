//! Refusals and mistakes: what is wrong and what to do next.

use crate::domain::catalog::{NoSuchModel, Provider};
use crate::domain::command::{Mistake, Problem, TRIGGER, Verb};
use crate::domain::credit::Credits;
use crate::domain::ids::TaskId;
use crate::domain::limits::Limit;
use crate::domain::policy::{Permission, Refusal};
use crate::domain::repo_config::PATH;
use crate::domain::text::code;
use chrono::{DateTime, Utc};
use std::fmt::Display;

/// Why a command is not carried out.
pub fn refusal(refusal: &Refusal) -> String {
    match refusal {
        Refusal::NotAllowed { verb, needs, has } => not_allowed(*verb, *needs, *has),
        Refusal::Limited(limit) => limited(*limit),
        Refusal::NotWanted
        | Refusal::LabelsOff
        | Refusal::KindNotAllowed { .. }
        | Refusal::ModelNotAllowed { .. }
        | Refusal::RepositoryBudget { .. } => format!(
            "This repository's configuration {}. `{TRIGGER} config` shows it.",
            not_configured(refusal)
        ),
        Refusal::WrongThread => {
            "`pr_review` is for pull requests. Please comment on the one that I should review.".to_owned()
        }
        Refusal::Closed => {
            "This pull request is closed, so I do not push to it. Reopen it, or ask in an issue."
                .to_owned()
        }
        Refusal::KeyForIssues(key) => format!(
            "`{key}=` is for issues: a pull request has its branches, and I push to its own."
        ),
        Refusal::NoSuchModel(no) => no_such_model(no),
        Refusal::NoKey { model, provider } => no_key(model, *provider),
        Refusal::NoModels => {
            "I cannot use any model: this server has no key of a model service. Its operator can set ANTHROPIC_API_KEY, OPENAI_API_KEY or GEMINI_API_KEY.".to_owned()
        }
        Refusal::Archived => "This repository is archived, so I cannot change it. Unarchive it to go on.".to_owned(),
        Refusal::Empty => "This repository has no commit yet. Push one, then ask again.".to_owned(),
        Refusal::NoBranch(name) => format!(
            "There is no branch {} to start from. Name another with `base=`, or check `base` in `{PATH}` and the repository's default branch.",
            code(name)
        ),
        Refusal::BranchExists(name) => {
            format!("The branch {} exists already. Choose another name with `branch=`.", code(name))
        }
        Refusal::NothingNew(task) => format!(
            "There is nothing new since my review `t_{}`. `{TRIGGER} pr_review full=true` looks at everything again.",
            task.short()
        ),
        Refusal::NotEnoughCredits { available, least } => format!(
            "This needs at least {least}; available: {available}. The operator of this server can grant more with `asynccoder credits grant`."
        ),
        Refusal::DailyLimit { left, of_person } => daily_limit(*left, *of_person),
        Refusal::BudgetTooSmall { budget, least } => {
            format!("`budget={}` is less than the {least} that this needs to start.", budget.0)
        }
        Refusal::GitHubUnreachable => {
            "GitHub did not answer me for too long, so I did not start. Please comment again.".to_owned()
        }
        Refusal::Lacks(lacks) => format!(
            "I lack {lacks} in this repository. An owner of the account can grant it in the App's settings on GitHub; then please comment again."
        ),
        Refusal::NoAccess => {
            "I lack access to this repository. An owner can check the App's installation and its permissions.".to_owned()
        }
    }
}

fn not_allowed(verb: Verb, needs: Permission, has: Permission) -> String {
    let has = if has == Permission::None { "none" } else { has.as_str() };
    format!(
        "`{verb}` needs {needs} permission in this repository; you have {has}. Somebody with {needs} permission can give the command."
    )
}

fn limited(limit: Limit) -> String {
    let at = |until: DateTime<Utc>| until.format("%H:%M UTC");
    match limit {
        Limit::OfPerson(most, until) => format!(
            "You have given {most} commands within a minute, which is as many as I take. Please give this one again after {}.",
            until.format("%H:%M:%S UTC")
        ),
        Limit::InThread(most, until) => format!(
            "There were {most} commands in this thread within an hour, which is as many as I take. Please give this one again after {}.",
            at(until)
        ),
        Limit::OwnComments(most, until) => format!(
            "I have written {most} comments in this thread within an hour and stop here, in case something goes round in circles. I go on after {}, or at once when somebody with admin permission gives a command here. `{TRIGGER} cancel` works all the time.",
            at(until)
        ),
        Limit::OpenInThread(most) => format!(
            "There are {most} tasks of this thread that have not ended, which is as many as I take. Please wait for one of them, or stop one with `{TRIGGER} cancel`."
        ),
        Limit::Waiting(most) => format!(
            "{most} tasks of this account wait already, which is as many as I take. Please ask again when some of them are done."
        ),
        Limit::OpenPullRequests(most) => format!(
            "{most} pull requests of mine are open in this repository, which is as many as I open. Merge or close one, then please ask again."
        ),
        Limit::ComingPullRequests(most) => format!(
            "{most} pull requests of mine are open in this repository or will come from tasks that have not ended, which is as many as I open. Merge or close one, or stop a task with `{TRIGGER} cancel`, then please ask again."
        ),
    }
}

/// What the repository's configuration does instead.
fn not_configured(refusal: &Refusal) -> String {
    if let Refusal::KindNotAllowed { kind, allowed } = refusal {
        return format!("does not allow `{kind}`; allowed: {}", names(allowed));
    }
    if let Refusal::ModelNotAllowed { model, allowed } = refusal {
        return format!("does not allow `{model}`; allowed: {}", names(allowed));
    }
    if let Refusal::RepositoryBudget { budget, least } = refusal {
        return format!(
            "allows {budget} for a task, which is less than the {least} that this needs to start"
        );
    }
    if *refusal == Refusal::LabelsOff {
        return "has labels switched off".to_owned();
    }
    "does not ask for this".to_owned()
}

fn no_key(model: &str, provider: Provider) -> String {
    format!(
        "I cannot use `{model}`: this server has no {}. Its operator can set it; `{TRIGGER} models` lists what works now.",
        provider.key_variable()
    )
}

fn names<T: Display>(items: &[T]) -> String {
    let names: Vec<_> = items.iter().map(|item| format!("`{item}`")).collect();
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}

/// The most models that an ambiguous name is answered with.
const MOST_MEANT: usize = 6;

fn no_such_model(no: &NoSuchModel) -> String {
    if !no.among.is_empty() && !no.name.is_empty() {
        let among = no.among.iter().take(MOST_MEANT).map(|id| format!("`{id}`"));
        let among = among.collect::<Vec<_>>().join(", ");
        let more = if no.among.len() > MOST_MEANT { ", …" } else { "" };
        return format!(
            "More than one model is called {}…: {among}{more}. Please name one of them.",
            code(&no.name)
        );
    }
    let meant = no.nearest.as_ref().map(|n| format!(" Did you mean `{n}`?")).unwrap_or_default();
    format!("There is no model {}.{meant} `{TRIGGER} models` lists them.", code(&no.name))
}

fn daily_limit(left: Credits, of_person: bool) -> String {
    let whose = if of_person { "Your daily limit" } else { "This account's daily limit" };
    format!(
        "{whose} leaves {left} for today. It starts anew at 00:00 UTC; the operator of this server can raise it."
    )
}

/// What an edit asked for once more.
pub fn done_before(task: Option<TaskId>) -> String {
    match task {
        Some(task) => format!(
            "I have carried that out already, as `t_{short}`, and an edit does not do it again. `{TRIGGER} retry t_{short}` does.",
            short = task.short()
        ),
        None => "I have answered that already, and an edit does not ask again. A new comment does."
            .to_owned(),
    }
}

/// All mistakes of one comment, each with its place.
pub fn mistakes(mistakes: &[Mistake]) -> String {
    let mut lines = vec!["I did not understand this:".to_owned(), String::new()];
    for m in mistakes.iter().take(20) {
        lines.push(format!(
            "- line {}, character {}: {} {}",
            m.line,
            m.column,
            code(&m.word),
            problem(&m.problem)
        ));
    }
    lines.push(String::new());
    lines.push(format!("`{TRIGGER} help` lists what I understand."));
    lines.join("\n")
}

fn problem(problem: &Problem) -> String {
    match problem {
        Problem::LooksLikeVerb(verb) => format!("is no verb. Did you mean `{verb}`?"),
        Problem::NotAVerb => "is no verb, but a key follows it.".to_owned(),
        Problem::KeyBeforeVerb => "is a key; the verb comes first.".to_owned(),
        Problem::UnknownKey(Some(key)) => format!("is no key. Did you mean `{key}=`?"),
        Problem::UnknownKey(None) => {
            "is no key. Put `--` before text that looks like one.".to_owned()
        }
        Problem::DoubledKey => "is set twice.".to_owned(),
        Problem::ForeignKey(verb) => format!("does not go with `{verb}`."),
        Problem::BadValue(key) => format!("does not fit: `{key}=` takes {}.", key.value()),
        Problem::OpenQuote => "has a quote that is not closed.".to_owned(),
        Problem::TooLong => "begins a text of more than 16 KiB.".to_owned(),
        Problem::TooMany => "is one command too many: I carry out three a comment.".to_owned(),
    }
}
