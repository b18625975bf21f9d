//! Check runs, with every limit that GitHub sets on them.

mod fields;

use serde_json::Value;

use super::{
    call::Call,
    number,
    reply::{Answer, Reply},
};
use crate::simulator::world::CheckRun;

const READ: &str = "checks=read";
const WRITE: &str = "checks=write";

pub(crate) fn route(call: &mut Call<'_>, method: &str, id: u64, rest: &[&str]) -> Answer {
    match (method, rest) {
        ("POST", []) => create(call, id),
        ("PATCH", [run]) => update(call, id, number(run)?),
        ("GET", [run]) => {
            call.may(id, READ)?;
            show(call, id, number(run)?, 200)
        }
        ("GET", [run, "annotations"]) => annotations(call, id, number(run)?),
        _ => Err(Reply::unknown_route()),
    }
}

/// The runs on a commit, the newest first.
pub(crate) fn of_commit(call: &Call<'_>, id: u64, reference: &str) -> Answer {
    call.may(id, READ)?;
    let repository = call.world.repositories.get(&id).ok_or_else(Reply::absent)?;
    let sha = call.hub.git.commit_of(id, reference);
    let sha =
        sha.ok_or_else(|| Reply::refuse(422, &format!("No commit found for SHA: {reference}")))?;
    let (name, status) = (call.asked.parameter("check_name"), call.asked.parameter("status"));
    let ours = call.hub.app.app_id.to_string();
    let app_fits = call.asked.parameter("app_id").is_none_or(|app| app == ours);
    let latest_only = call.asked.parameter("filter").unwrap_or("latest") == "latest";
    let mut found: Vec<&CheckRun> = Vec::new();
    for run in repository.checks.values().rev() {
        let wanted = run.head_sha == sha
            && app_fits
            && call.world.is_listed(run.id)
            && name.is_none_or(|name| run.name == name)
            && status.is_none_or(|status| run.status == status);
        let newer = found.iter().any(|other| other.name == run.name);
        if wanted && !(latest_only && newer) {
            found.push(run);
        }
    }
    let render = call.render();
    let list = found.into_iter().map(|run| render.check_run(repository, run)).collect();
    call.counted_list("check_runs", list)
}

fn create(call: &mut Call<'_>, id: u64) -> Answer {
    call.may(id, WRITE)?;
    let body = call.fields(&fields::CREATE)?;
    let mut run = fields::new_run(&body)?;
    call.hub
        .git
        .resolve(id, &run.head_sha)
        .filter(|sha| *sha == run.head_sha)
        .ok_or_else(|| Reply::refuse(422, &format!("No commit found for SHA: {}", run.head_sha)))?;
    run.id = call.world.next_id();
    let now = call.world.now();
    fields::apply(&mut run, &body, now, true)?;
    let number = run.id;
    call.stage(id).check(run, true).map_err(|error| Reply::failed(&error))?;
    show(call, id, number, 201)
}

fn update(call: &mut Call<'_>, id: u64, number: u64) -> Answer {
    call.may(id, WRITE)?;
    let body = call.fields(&fields::UPDATE)?;
    let repository = call.world.repositories.get(&id).ok_or_else(Reply::absent)?;
    let mut run = repository.checks.get(&number).ok_or_else(Reply::absent)?.clone();
    fields::apply(&mut run, &body, call.world.now(), false)?;
    call.stage(id).check(run, false).map_err(|error| Reply::failed(&error))?;
    show(call, id, number, 200)
}

fn show(call: &Call<'_>, id: u64, number: u64, status: u16) -> Answer {
    let repository = call.world.repositories.get(&id).ok_or_else(Reply::absent)?;
    let run = repository.checks.get(&number).ok_or_else(Reply::absent)?;
    Ok(Reply::json(status, &call.render().check_run(repository, run)))
}

fn annotations(call: &Call<'_>, id: u64, number: u64) -> Answer {
    call.may(id, READ)?;
    let repository = call.world.repositories.get(&id).ok_or_else(Reply::absent)?;
    let run = repository.checks.get(&number).ok_or_else(Reply::absent)?;
    let all: Vec<Value> = run.annotations.clone();
    call.list(all)
}
