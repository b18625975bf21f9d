//! Reviews of pull requests: all of it or nothing, and only at lines that are part of the change.

use serde_json::{Map, Value, json};

use super::{
    call::Call,
    fields::{known_keys, optional, required},
    number,
    reply::{Answer, Reply},
};
use crate::simulator::world::{Pull, Review};

const READ: &str = "pull_requests=read";
const WRITE: &str = "pull_requests=write";
const KEYS: [&str; 4] = ["commit_id", "body", "event", "comments"];
const COMMENT_KEYS: [&str; 7] =
    ["path", "body", "line", "side", "start_line", "start_side", "position"];
const LONGEST: usize = 65_536;

pub(crate) fn route(
    call: &mut Call<'_>,
    method: &str,
    id: u64,
    pull: u64,
    rest: &[&str],
) -> Answer {
    match (method, rest) {
        ("GET", []) => list(call, id, pull),
        ("POST", []) => write(call, id, pull),
        ("GET", [review]) => {
            call.may(id, READ)?;
            show(call, id, number(review)?)
        }
        ("GET", [review, "comments"]) => comments(call, id, number(review)?),
        _ => Err(Reply::unknown_route()),
    }
}

fn list(call: &Call<'_>, id: u64, pull: u64) -> Answer {
    call.may(id, READ)?;
    pull_of(call, id, pull)?;
    let repository = call.world.repositories.get(&id).ok_or_else(Reply::absent)?;
    let of_pull = repository.reviews.values().filter(|review| review.number == pull);
    let listed = of_pull.filter(|review| call.world.is_listed(review.id));
    let render = call.render();
    call.list(listed.map(|review| render.review(repository, review)).collect())
}

fn show(call: &Call<'_>, id: u64, review: u64) -> Answer {
    let repository = call.world.repositories.get(&id).ok_or_else(Reply::absent)?;
    let review = repository.reviews.get(&review).ok_or_else(Reply::absent)?;
    Reply::ok(&call.render().review(repository, review))
}

fn comments(call: &Call<'_>, id: u64, review: u64) -> Answer {
    call.may(id, READ)?;
    let repository = call.world.repositories.get(&id).ok_or_else(Reply::absent)?;
    let review = repository.reviews.get(&review).ok_or_else(Reply::absent)?;
    call.list(review.comments.clone())
}

fn pull_of(call: &Call<'_>, id: u64, number: u64) -> Result<Pull, Reply> {
    let repository = call.world.repositories.get(&id).ok_or_else(Reply::absent)?;
    let issue = repository.issues.get(&number).ok_or_else(Reply::absent)?;
    issue.pull.clone().ok_or_else(Reply::absent)
}

fn write(call: &mut Call<'_>, id: u64, number: u64) -> Answer {
    call.may(id, WRITE)?;
    let pull = pull_of(call, id, number)?;
    let fields = call.fields(&KEYS)?;
    let comments = match fields.get("comments") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(comments)) => comments.clone(),
        Some(_) => return Err(Reply::invalid_request("\"comments\" is not an array.")),
    };
    let body = optional(&fields, "body")?.unwrap_or_default().to_owned();
    let state = state(call, id, number, &fields, &body)?;
    if body.chars().count() > LONGEST {
        return Err(unprocessable("Body is too long (maximum is 65536 characters)"));
    }
    let commit = optional(&fields, "commit_id")?.unwrap_or(&pull.head_sha).to_owned();
    let git = &call.hub.git;
    let is_part = git.is_ancestor(id, &commit, &pull.head_sha)
        && !git.is_ancestor(id, &commit, &pull.base_sha);
    if !is_part {
        return Err(unprocessable("The commit is not part of the pull request"));
    }
    let change = git.changes(id, &pull.base_sha, &commit).map_err(|e| Reply::failed(&e))?;
    for comment in &comments {
        let Value::Object(comment) = comment else {
            return Err(Reply::invalid_request("\"comments\" has something that is no object."));
        };
        let path = required(comment, "path")?;
        let hunks = change.iter().find(|file| file.path == path);
        check_comment(comment, hunks.and_then(|file| file.patch.as_deref()))?;
    }
    let review = Review {
        id: call.world.next_id(),
        number,
        author: call.hub.app.bot_login.clone(),
        state,
        body,
        commit,
        comments,
        submitted_at: call.world.now(),
    };
    let written = review.id;
    call.stage(id).review(review).map_err(|error| Reply::failed(&error))?;
    show(call, id, written)
}

fn state(
    call: &Call<'_>,
    id: u64,
    number: u64,
    fields: &Map<String, Value>,
    body: &str,
) -> Result<&'static str, Reply> {
    let repository = call.world.repositories.get(&id).ok_or_else(Reply::absent)?;
    let author = repository.issues.get(&number).map(|issue| issue.author.as_str());
    let is_own = author == Some(call.hub.app.bot_login.as_str());
    let state = match optional(fields, "event")? {
        Some("COMMENT") => "COMMENTED",
        Some("APPROVE") if is_own => {
            return Err(unprocessable("Can not approve your own pull request"));
        }
        Some("REQUEST_CHANGES") if is_own => {
            return Err(unprocessable("Can not request changes on your own pull request"));
        }
        Some("APPROVE") => "APPROVED",
        Some("REQUEST_CHANGES") => "CHANGES_REQUESTED",
        None => return Err(unprocessable("the simulator keeps no pending reviews")),
        Some(_) => return Err(Reply::invalid_request("\"event\" is not an event.")),
    };
    if state != "APPROVED" && body.trim().is_empty() {
        return Err(unprocessable("Body can't be blank"));
    }
    Ok(state)
}

/// Without hunks the file did not change, or has no lines.
fn check_comment(comment: &Map<String, Value>, hunks: Option<&str>) -> Result<(), Reply> {
    known_keys(comment, &COMMENT_KEYS)?;
    let body = required(comment, "body")?;
    if body.trim().is_empty() || body.chars().count() > LONGEST {
        return Err(unprocessable("Body is blank or too long"));
    }
    let Some(hunks) = hunks else {
        return Err(unprocessable("Path could not be resolved"));
    };
    let number = |key: &str| comment.get(key).and_then(Value::as_u64);
    let line = number("line").ok_or_else(|| Reply::invalid_request("\"line\" wasn't supplied."))?;
    let side = side(comment, "side")?.unwrap_or("RIGHT");
    let hunk_of = |line: u64, side: &str| {
        spans(hunks).position(|(old, new)| {
            let span = if side == "LEFT" { old } else { new };
            span.contains(&line)
        })
    };
    let Some(hunk) = hunk_of(line, side) else {
        return Err(unprocessable("Line could not be resolved"));
    };
    let Some(start) = number("start_line") else { return Ok(()) };
    let start_side = self::side(comment, "start_side")?.unwrap_or(side);
    if start >= line {
        return Err(unprocessable("start_line must precede the end line."));
    }
    if hunk_of(start, start_side) != Some(hunk) {
        return Err(unprocessable("Start line must be part of the same hunk as the line."));
    }
    Ok(())
}

fn side<'a>(comment: &'a Map<String, Value>, key: &str) -> Result<Option<&'a str>, Reply> {
    match optional(comment, key)? {
        None => Ok(None),
        Some(side @ ("LEFT" | "RIGHT")) => Ok(Some(side)),
        Some(_) => Err(Reply::invalid_request(&format!("\"{key}\" is not LEFT or RIGHT."))),
    }
}

/// The lines of each hunk, before and after.
fn spans(hunks: &str) -> impl Iterator<Item = (std::ops::Range<u64>, std::ops::Range<u64>)> {
    let range = |text: &str| {
        let (start, count) = text.split_once(',').unwrap_or((text, "1"));
        let (start, count) = (start.parse::<u64>().ok()?, count.parse::<u64>().ok()?);
        Some(start..start + count)
    };
    let headers = hunks.lines().filter_map(|line| line.strip_prefix("@@ -"));
    headers.filter_map(move |header| {
        let (old, new) = header.split_once(" @@")?.0.split_once(" +")?;
        Some((range(old)?, range(new)?))
    })
}

/// Reviews have their errors as plain texts.
fn unprocessable(error: &str) -> Reply {
    let mut reply = Reply::json(
        422,
        &json!({
            "message": "Unprocessable Entity", "errors": [error],
            "documentation_url": "https://docs.github.com/rest/pulls/reviews", "status": "422",
        }),
    );
    error.clone_into(&mut reply.note);
    reply
}
