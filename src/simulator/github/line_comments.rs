//! Comments at a line of a pull request's change, and replies to them.

use super::{
    call::Call,
    fields::required,
    number,
    reply::{Answer, Reply},
};
use crate::simulator::world::{Comment, OnLine};

const READ: &str = "pull_requests=read";
const WRITE: &str = "pull_requests=write";
const LONGEST: usize = 65_536;

/// `pulls/{pull}/comments…`
pub(crate) fn route(
    call: &mut Call<'_>,
    method: &str,
    id: u64,
    pull: u64,
    rest: &[&str],
) -> Answer {
    match (method, rest) {
        ("GET", []) => list(call, id, pull),
        ("POST", [comment, "replies"]) => reply(call, id, pull, number(comment)?),
        _ => Err(Reply::unknown_route()),
    }
}

/// `pulls/comments/{comment}`
pub(crate) fn one(call: &mut Call<'_>, method: &str, id: u64, comment: u64) -> Answer {
    match method {
        "GET" => {
            call.may(id, READ)?;
            show(call, id, comment, 200)
        }
        "PATCH" => {
            call.may(id, WRITE)?;
            let body = body(call)?;
            mine(call, id, comment)?;
            call.stage(id).edit_comment(comment, &body).map_err(|e| Reply::failed(&e))?;
            show(call, id, comment, 200)
        }
        "DELETE" => {
            call.may(id, WRITE)?;
            mine(call, id, comment)?;
            call.stage(id).delete_comment(comment).map_err(|e| Reply::failed(&e))?;
            Reply::nothing()
        }
        _ => Err(Reply::unknown_route()),
    }
}

fn list(call: &Call<'_>, id: u64, pull: u64) -> Answer {
    call.may(id, READ)?;
    let repository = call.world.repositories.get(&id).ok_or_else(Reply::absent)?;
    repository.issues.get(&pull).filter(|issue| issue.pull.is_some()).ok_or_else(Reply::absent)?;
    let render = call.render();
    let listed = repository
        .comments_on(pull)
        .filter(|comment| comment.line.is_some() && call.world.is_listed(comment.id));
    call.list(listed.map(|comment| render.any_comment(repository, comment)).collect())
}

/// Only the first comment of a thread can be replied to.
fn reply(call: &mut Call<'_>, id: u64, pull: u64, to: u64) -> Answer {
    call.may(id, WRITE)?;
    let body = body(call)?;
    let first = at_line(call, id, to)?.clone();
    if first.number != pull {
        return Err(Reply::absent());
    }
    let line = match first.line {
        Some(line) if line.reply_to.is_none() => OnLine { reply_to: Some(to), ..line },
        Some(_) | None => return Err(Reply::absent()),
    };
    let said = call.stage(id).say(pull, &body, Some(line)).map_err(|e| Reply::failed(&e))?;
    show(call, id, said, 201)
}

fn show(call: &Call<'_>, id: u64, comment: u64, status: u16) -> Answer {
    let comment = at_line(call, id, comment)?;
    let repository = call.world.repositories.get(&id).ok_or_else(Reply::absent)?;
    Ok(Reply::json(status, &call.render().any_comment(repository, comment)))
}

fn at_line<'c>(call: &'c Call<'_>, id: u64, comment: u64) -> Result<&'c Comment, Reply> {
    let repository = call.world.repositories.get(&id).ok_or_else(Reply::absent)?;
    let found = repository.comments.get(&comment).filter(|comment| comment.line.is_some());
    found.ok_or_else(Reply::absent)
}

/// GitHub lets an App with write permission edit what others wrote; this bot never should.
fn mine(call: &Call<'_>, id: u64, comment: u64) -> Result<(), Reply> {
    if at_line(call, id, comment)?.author == call.hub.app.bot_login {
        return Ok(());
    }
    Err(Reply::refuse(403, "Resource not accessible by integration"))
}

fn body(call: &Call<'_>) -> Result<String, Reply> {
    let fields = call.fields(&["body"])?;
    let body = required(&fields, "body")?;
    if body.trim().is_empty() || body.chars().count() > LONGEST {
        return Err(Reply::refuse(422, "Validation Failed: body is blank or too long"));
    }
    Ok(body.to_owned())
}
