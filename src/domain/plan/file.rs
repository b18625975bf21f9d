//! Reads files of plans: TOML with a `[[plan]]` for each, the later file over the earlier one.
//!
//! A file with any fault is refused as a whole, with its name, the line and what to do: what was
//! misread would be given away.

use super::{FREE, Plan, Plans};
use crate::domain::credit::Credits;
use crate::domain::settings::{Misread, Source};
use serde::Deserialize;
use std::collections::BTreeSet;
use toml::Spanned;

/// The plans that the program is shipped with.
pub(super) const EMBEDDED: Source<'_> =
    Source { name: "the built-in list of plans", text: include_str!("../plans.toml") };
/// More than anybody sells a month, and far below what could overflow a balance.
const MOST_CREDITS: i64 = 1_000_000_000;
const MOST_RUNNING: i64 = 1000;
const LONGEST_NAME: usize = 100;

/// Why a file of plans cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}. Correct it, or remove the file to use the plans that this program is shipped with")]
pub struct PlansError(#[from] Misread);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    plan: Vec<Spanned<Entry>>,
}

/// What a file says about a plan. A new one needs everything that has no default.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: String,
    names: Option<Vec<String>>,
    credits: Option<i64>,
    running: Option<i64>,
    daily_credits: Option<i64>,
}

/// Reads these files, each over the ones before it.
pub(super) fn read(sources: &[Source<'_>]) -> Result<Plans, PlansError> {
    let mut plans: Vec<Plan> = Vec::new();
    for source in sources {
        let file: File = source.parse()?;
        let mut seen = BTreeSet::new();
        for entry in file.plan {
            let (at, entry) = (entry.span().start, entry.into_inner());
            let id = entry.id.clone();
            let put = if seen.insert(id.clone()) {
                lay_over(&mut plans, entry)
            } else {
                Err("is there twice".to_owned())
            };
            put.map_err(|what| source.fault(at, format!("the plan {id:?} {what}")))?;
        }
    }
    Ok(Plans { plans })
}

/// Puts an entry over the plan with its id, or adds it; or says what is wrong with it.
fn lay_over(plans: &mut Vec<Plan>, entry: Entry) -> Result<(), String> {
    let known = plans.iter().position(|plan| plan.id == entry.id);
    let had = known.map(|at| plans.swap_remove(at));
    let plan = plan(entry, had.as_ref())?;
    // A name means one plan, and free is what everybody has.
    let taken = |other: &&Plan| other.names.iter().any(|name| is_among(name, &plan.names));
    if let Some(other) = plans.iter().find(taken) {
        return Err(format!("has a name of the plan {:?}", other.id));
    }
    plans.push(plan);
    plans.sort_by_key(|plan| (plan.credits, plan.id != FREE));
    Ok(())
}

fn is_among(name: &str, names: &[String]) -> bool {
    names.iter().any(|other| other.to_lowercase() == name.to_lowercase())
}

fn plan(entry: Entry, had: Option<&Plan>) -> Result<Plan, String> {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    if entry.id.is_empty() || entry.id.len() > LONGEST_NAME || !entry.id.chars().all(is_plain) {
        return Err("is not named in small letters, digits, - and _".to_owned());
    }
    let names = entry.names.or_else(|| had.map(|plan| plan.names.clone()));
    let names = names.ok_or("is new and lacks `names`")?;
    if names.iter().any(|name| name.trim().is_empty() || name.len() > LONGEST_NAME) {
        return Err(format!("has a name of no or more than {LONGEST_NAME} letters"));
    }
    let credits = entry.credits.or_else(|| had.map(|plan| plan.credits.0));
    let credits = credits.ok_or("is new and lacks `credits`")?;
    if !(0..=MOST_CREDITS).contains(&credits) {
        return Err(format!("has {credits} credits, which is not between 0 and {MOST_CREDITS}"));
    }
    let running = entry.running.or_else(|| had.and_then(|plan| plan.running));
    if running.is_some_and(|running| !(1..=MOST_RUNNING).contains(&running)) {
        return Err(format!("has a `running` that is not between 1 and {MOST_RUNNING}"));
    }
    let daily = entry
        .daily_credits
        .or_else(|| had.and_then(|plan| plan.daily_credits).map(|daily| daily.0));
    if daily.is_some_and(|daily| !(1..=MOST_CREDITS).contains(&daily)) {
        return Err(format!("has `daily_credits` that are not between 1 and {MOST_CREDITS}"));
    }
    let daily_credits = daily.map(Credits);
    Ok(Plan { id: entry.id, names, credits: Credits(credits), running, daily_credits })
}
