//! The check run `Async Coder / config`: what a pull request would make of the configuration.

use super::config::{cell, faults};
use crate::domain::act::{Annotation, Level, NewCheck};
use crate::domain::ids::Sha;
use crate::domain::repo_config::{Change, Fault, Layer, PATH, RepoConfig};
use crate::domain::task::Conclusion;
use crate::domain::text::{at_most, inert, one_line, without_secrets};

/// Its name.
pub const NAME: &str = "Async Coder / config";

/// Mistakes that are told; a file with more is no file of ours.
const MOST_TOLD: usize = 100;
/// GitHub allows 65,535 bytes.
const LONGEST_SUMMARY: usize = 60_000;

/// What a pull request makes of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proposed {
    /// It cannot be used.
    Broken(Vec<Fault>),
    /// It says this.
    Sound(Box<Layer>),
    /// It is not there any more.
    Removed,
}

/// A pull request, seen for what it makes of the configuration.
#[derive(Clone, Debug)]
pub struct Proposal<'a> {
    /// Its commit.
    pub head: &'a Sha,
    /// The branch it is for.
    pub base_branch: &'a str,
    /// The branch of which the file counts.
    pub default_branch: &'a str,
    /// Whether the file is the one that holds for all repositories of the account.
    pub is_of_account: bool,
    /// What holds now.
    pub now: RepoConfig,
    /// What it makes of the file.
    pub proposed: Proposed,
    /// The operator's default model.
    pub default_model: Option<&'a str>,
}

/// What is said about it.
pub fn check(proposal: &Proposal<'_>) -> NewCheck {
    let (conclusion, title, summary, annotations) = match &proposal.proposed {
        Proposed::Broken(faults) => broken(faults),
        Proposed::Sound(layer) => {
            let (title, summary) = becomes(proposal, Layer::clone(layer), "sound");
            (Conclusion::Success, title, summary, Vec::new())
        }
        Proposed::Removed => {
            let (title, summary) = becomes(proposal, Layer::default(), "removed");
            (Conclusion::Neutral, title, summary, Vec::new())
        }
    };
    let summary = match counts_elsewhere(proposal) {
        Some(elsewhere) => format!("{summary}\n\n{elsewhere}"),
        None => summary,
    };
    NewCheck {
        name: NAME.to_owned(),
        head: proposal.head.clone(),
        conclusion,
        title,
        summary: at_most(&summary, LONGEST_SUMMARY),
        annotations,
    }
}

fn broken(found: &[Fault]) -> (Conclusion, String, String, Vec<Annotation>) {
    let title = match found.len() {
        1 => "1 mistake".to_owned(),
        n => format!("{n} mistakes"),
    };
    let summary = format!(
        "`{PATH}` cannot be used like this. A file with a mistake changes nothing: what it said when it was last right goes on to hold.\n\n{}",
        faults(found, MOST_TOLD, "")
    );
    let annotations = found.iter().take(MOST_TOLD).map(annotation).collect();
    (Conclusion::Failure, title, summary, annotations)
}

fn annotation(fault: &Fault) -> Annotation {
    let line = fault.line.unwrap_or(1);
    let message = without_secrets(&fault.what);
    Annotation {
        path: PATH.to_owned(),
        first: line,
        last: line,
        level: Level::Failure,
        title: one_line(&message, 80),
        message,
    }
}

/// What would hold if the file said this.
fn becomes(proposal: &Proposal<'_>, layer: Layer, how: &str) -> (String, String) {
    let now = &proposal.now;
    let then = if proposal.is_of_account {
        RepoConfig { account: layer, ..now.clone() }
    } else {
        RepoConfig { repository: layer, ..now.clone() }
    };
    let changes = then.changes_from(now, proposal.default_model);
    let count = match changes.len() {
        0 => "no setting changes".to_owned(),
        1 => "1 setting changes".to_owned(),
        n => format!("{n} settings change"),
    };
    (format!("{how}: {count}"), format!("{} {}", standing(proposal), table(&changes)))
}

fn standing(proposal: &Proposal<'_>) -> String {
    let everywhere = "in every repository of this account that says nothing else";
    match (&proposal.proposed, proposal.is_of_account) {
        (Proposed::Removed, true) => {
            format!("`{PATH}` is removed: this server's defaults will hold {everywhere}.")
        }
        (Proposed::Removed, false) => format!(
            "`{PATH}` is removed: what the account's `.github` repository says will hold, and else this server's defaults."
        ),
        (_, true) => format!("`{PATH}` can be used like this. It will hold {everywhere}."),
        (_, false) => format!("`{PATH}` can be used like this."),
    }
}

fn table(changes: &[Change]) -> String {
    if changes.is_empty() {
        return "No setting gets another value.".to_owned();
    }
    let row = |Change { then, now }: &Change| {
        format!("\n| `{}` | {} | {} | {} |", then.key, cell(now), cell(&then.value), then.from)
    };
    let rows: String = changes.iter().map(row).collect();
    format!("What will be different:\n\n| setting | now | then | from |\n|---|---|---|---|{rows}")
}

/// The file counts on one branch only.
fn counts_elsewhere(proposal: &Proposal<'_>) -> Option<String> {
    let Proposal { base_branch, default_branch, .. } = proposal;
    let code = |name: &str| inert(&format!("`{}`", name.replace('`', "'")));
    (base_branch != default_branch).then(|| {
        format!(
            "This pull request is for {}; the file counts once it is on the default branch {}.",
            code(base_branch),
            code(default_branch)
        )
    })
}
