//! What holds for a repository, and what is wrong with its configuration files.

use crate::domain::repo_config::{Fault, Kept, PATH, RepoConfig};
use crate::domain::text::inert;

/// Faults that are listed; a file with more is no file of ours.
const MOST_FAULTS: usize = 20;

/// The answer to `config`.
pub fn answer(
    config: &RepoConfig,
    default_model: Option<&str>,
    of_repository: Option<&Kept>,
    of_account: &Kept,
) -> String {
    let mut text =
        String::from("### Async Coder · config\n\n| setting | value | from |\n|---|---|---|\n");
    for setting in config.settings(default_model) {
        let value = cell(&setting.value);
        text.push_str(&format!("| `{}` | {value} | {} |\n", setting.key, setting.from));
    }
    text.push('\n');
    text.push_str(&of_repository.map_or_else(
        || "This repository has no commit yet, so it has no file.".to_owned(),
        |kept| standing("this repository", kept),
    ));
    text.push('\n');
    text.push_str(&standing("the account's `.github` repository", of_account));
    text
}

/// How one file stands.
fn standing(whose: &str, kept: &Kept) -> String {
    let at = kept.sha.as_ref().map(|sha| format!(" at {sha}")).unwrap_or_default();
    if kept.faults.is_empty() {
        let is_there = if kept.good.is_some() { "is read" } else { "is not there" };
        return format!("- `{PATH}` of {whose} {is_there}{at}.");
    }
    let until = match kept.good {
        Some(_) => "what it said when it was last right still holds",
        None => "it is as if it were not there",
    };
    format!(
        "- `{PATH}` of {whose} cannot be used{at}, so {until}:\n{}",
        faults(&kept.faults, MOST_FAULTS, "  ")
    )
}

/// A value of foreign words within a table.
pub(super) fn cell(value: &str) -> String {
    inert(&value.replace('|', "\\|"))
}

/// So many mistakes of a file, with their lines.
pub(super) fn faults(faults: &[Fault], most: usize, indent: &str) -> String {
    let shown = faults.iter().take(most);
    let mut lines: Vec<String> =
        shown.map(|fault| format!("{indent}- {}", inert(&fault.to_string()))).collect();
    if faults.len() > most {
        lines.push(format!("{indent}- … and {} more", faults.len() - most));
    }
    lines.join("\n")
}
