//! What was verified and what was not, in the words of the harness: it measured it, and no model can
//! add to it or take away from it.

use super::Outcome;
use super::setup::not_begun;
use crate::domain::act::{Annotation, Level};
use crate::domain::setup::{SetupEnd, SetupRun};
use crate::domain::text::{code_block, inert, one_line, without_secrets};
use crate::domain::verification::{CameTo, Check, Verification};

/// So much of a red check's output is shown, from its end.
const LONGEST_OUTPUT: usize = 3_000;

/// Of so many red checks.
const MOST_OUTPUTS: usize = 3;

/// The table of what was measured, and what was not verified.
pub fn verification(outcome: &Outcome) -> String {
    let mut parts = Vec::new();
    match &outcome.verification {
        Some(verification) if !verification.checks.is_empty() => {
            parts.push(headline(verification));
            parts.push(table(verification));
            parts.extend(verification.setup.as_ref().and_then(output_of_setup));
            parts.extend(verification.checks.iter().filter_map(output).take(MOST_OUTPUTS));
            if !outcome.not_verified.is_empty() {
                parts.push(format!("**Not verified**{}", list(outcome)));
            }
        }
        Some(_) | None => parts.push(format!(
            "**Not verified**: I ran no checks; please let your own checks decide.{}",
            list(outcome)
        )),
    }
    parts.join("\n\n")
}

fn list(outcome: &Outcome) -> String {
    let items = outcome.not_verified.iter().take(10);
    items.map(|item| format!("\n- {}", inert(&one_line(item, 300)))).collect()
}

fn headline(verification: &Verification) -> String {
    let said = if verification.is_red() {
        "**Checks fail**, and they did not before this change"
    } else if verification.is_green() {
        "**Verified**: all checks are green"
    } else if verification.has_run() {
        "**Partly verified**: no check got worse, but not all are green"
    } else {
        return "**Not verified**: no check could be run here.".to_owned();
    };
    let tree: String = verification.tree.as_str().chars().take(12).collect();
    format!("{said}. I ran them myself, without a network, on exactly this tree (`{tree}`).")
}

fn table(verification: &Verification) -> String {
    let row = |check: &Check| {
        let (result, exit) = match &check.came_to {
            CameTo::Green => ("passed".to_owned(), "0".to_owned()),
            CameTo::Red(exit) => ("**failed**".to_owned(), exit.to_string()),
            CameTo::RedBefore(exit, _) => ("already failing on base".to_owned(), exit.to_string()),
            CameTo::NotRun(why) => (format!("not run: {}", cell(why)), "–".to_owned()),
        };
        let time = match check.came_to {
            CameTo::NotRun(_) => "–".to_owned(),
            CameTo::Green | CameTo::Red(_) | CameTo::RedBefore(..) => seconds(check.millis),
        };
        format!("| {} | {result} | {exit} | {time} |", code(&check.command))
    };
    let setup = verification.setup.iter().map(setup_row);
    let rows: Vec<_> = setup.chain(verification.checks.iter().map(row)).collect();
    format!("| check | result | exit | time |\n|---|---|---|---|\n{}", rows.join("\n"))
}

/// What was fetched before the checks.
fn setup_row(setup: &SetupRun) -> String {
    let time = seconds(setup.millis);
    let (result, exit, time) = match &setup.came_to {
        SetupEnd::Done => ("done".to_owned(), "0".to_owned(), time),
        SetupEnd::FromCache => ("from cache".to_owned(), "–".to_owned(), time),
        SetupEnd::Failed(exit) => ("**failed**".to_owned(), exit.to_string(), time),
        SetupEnd::TooLarge => ("**failed**: it came to too much".to_owned(), "–".to_owned(), time),
        SetupEnd::NotRun(why) => {
            (format!("not run: {}", cell(&not_begun(why))), "–".to_owned(), "–".to_owned())
        }
    };
    format!("| setup: {} | {result} | {exit} | {time} |", code(&setup.command))
}

fn seconds(millis: u64) -> String {
    format!("{}.{} s", millis / 1000, millis % 1000 / 100)
}

/// Text of others within a table.
fn cell(text: &str) -> String {
    inert(&one_line(text, 120)).replace('|', "\\|")
}

/// A command as code within a table, where a bar would end the cell even so.
fn code(command: &str) -> String {
    let command = without_secrets(&one_line(command, 120)).replace('`', "'").replace('|', "\\|");
    format!("`{command}`")
}

/// The end of what a red check printed.
fn output(check: &Check) -> Option<String> {
    if !check.is_red() || check.output.trim().is_empty() {
        return None;
    }
    Some(printed(&check.command, &check.output))
}

/// The end of what a setup printed that came to nothing.
fn output_of_setup(setup: &SetupRun) -> Option<String> {
    let is_shown = setup.is_red() && !setup.output.trim().is_empty();
    is_shown.then(|| printed(&setup.command, &setup.output))
}

fn printed(command: &str, output: &str) -> String {
    let text = without_secrets(output.trim_end());
    let from = text.ceil_char_boundary(text.len().saturating_sub(LONGEST_OUTPUT));
    let text = text.get(from..).unwrap_or_default();
    let block = code_block("text", text);
    format!("The end of what {} printed:\n\n{block}", code(command))
}

/// Lines that red checks complain about.
pub fn annotations(verification: &Verification) -> Vec<Annotation> {
    let of = |check: &Check| {
        let title = format!("{} failed", one_line(&without_secrets(&check.command), 80));
        let annotation =
            move |problem: &crate::domain::verification::problems::Problem| Annotation {
                path: problem.path.clone(),
                first: problem.line,
                last: problem.line,
                level: Level::Failure,
                title: title.clone(),
                message: without_secrets(&problem.message),
            };
        check.problems.iter().map(annotation).collect::<Vec<_>>()
    };
    verification.checks.iter().filter(|check| check.is_red()).flat_map(of).collect()
}
