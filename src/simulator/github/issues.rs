//! Issues and their comments.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{
    call::Call,
    fields::required,
    number,
    reply::{Answer, Reply},
};

const READ: &str = "issues=read; pull_requests=read";
const WRITE: &str = "issues=write; pull_requests=write";
const LONGEST: usize = 65_536;

pub(crate) fn route(call: &mut Call<'_>, method: &str, id: u64, rest: &[&str]) -> Answer {
    match (method, rest) {
        ("GET", [issue]) => show(call, id, number(issue)?),
        ("GET", [issue, "comments"]) => list(call, id, number(issue)?),
        ("POST", [issue, "comments"]) => write(call, id, number(issue)?),
        ("GET", ["comments", comment]) => {
            call.may(id, READ)?;
            comment_as_json(call, id, number(comment)?)
        }
        ("PATCH" | "POST", ["comments", comment]) => edit(call, id, number(comment)?),
        ("DELETE", ["comments", comment]) => delete(call, id, number(comment)?),
        _ => Err(Reply::unknown_route()),
    }
}

fn show(call: &Call<'_>, id: u64, issue: u64) -> Answer {
    call.may(id, READ)?;
    let repository = call.world.repositories.get(&id).ok_or_else(Reply::absent)?;
    let issue = repository.issues.get(&issue).ok_or_else(Reply::absent)?;
    Reply::ok(&call.render().issue(repository, issue))
}

fn list(call: &Call<'_>, id: u64, issue: u64) -> Answer {
    call.may(id, READ)?;
    let repository = call.world.repositories.get(&id).ok_or_else(Reply::absent)?;
    repository.issues.get(&issue).ok_or_else(Reply::absent)?;
    let since = call.asked.parameter("since").map(str::parse::<DateTime<Utc>>);
    let since = since.transpose().map_err(|_| Reply::invalid_request("since is not a time"))?;
    let render = call.render();
    let all = repository.comments_on(issue);
    let recent = all.filter(|comment| {
        since.is_none_or(|since| comment.updated_at >= since)
            && comment.line.is_none()
            && call.world.is_listed(comment.id)
    });
    call.list(recent.map(|comment| render.comment(repository, comment)).collect())
}

fn write(call: &mut Call<'_>, id: u64, issue: u64) -> Answer {
    call.may(id, WRITE)?;
    let body = body(call)?;
    let repository = call.world.repositories.get(&id).ok_or_else(Reply::absent)?;
    repository.issues.get(&issue).ok_or_else(Reply::absent)?;
    let comment = call.stage(id).comment(issue, &body).map_err(|error| Reply::failed(&error))?;
    let mut reply = comment_as_json(call, id, comment)?;
    reply.status = 201;
    Ok(reply)
}

fn edit(call: &mut Call<'_>, id: u64, comment: u64) -> Answer {
    call.may(id, WRITE)?;
    let body = body(call)?;
    mine(call, id, comment)?;
    call.stage(id).edit_comment(comment, &body).map_err(|error| Reply::failed(&error))?;
    comment_as_json(call, id, comment)
}

fn delete(call: &mut Call<'_>, id: u64, comment: u64) -> Answer {
    call.may(id, WRITE)?;
    mine(call, id, comment)?;
    call.stage(id).delete_comment(comment).map_err(|error| Reply::failed(&error))?;
    Reply::nothing()
}

fn comment_as_json(call: &Call<'_>, id: u64, comment: u64) -> Answer {
    let repository = call.world.repositories.get(&id).ok_or_else(Reply::absent)?;
    let comment = repository.comments.get(&comment).filter(|comment| comment.line.is_none());
    let comment = comment.ok_or_else(Reply::absent)?;
    Reply::ok(&call.render().comment(repository, comment))
}

/// GitHub lets an App with write permission edit what others wrote; this bot never should.
fn mine(call: &Call<'_>, id: u64, comment: u64) -> Result<(), Reply> {
    let repository = call.world.repositories.get(&id).ok_or_else(Reply::absent)?;
    let comment = repository.comments.get(&comment).ok_or_else(Reply::absent)?;
    if comment.author == call.hub.app.bot_login {
        return Ok(());
    }
    Err(Reply::refuse(403, "Resource not accessible by integration"))
}

fn body(call: &Call<'_>) -> Result<String, Reply> {
    let fields = call.fields(&["body"])?;
    let body = required(&fields, "body")?;
    let error = |code: &str, message: Value| {
        let mut error =
            serde_json::json!({"resource": "IssueComment", "code": code, "field": "data"});
        if let (Value::Object(error), false) = (&mut error, message.is_null()) {
            error.insert("message".to_owned(), message);
        }
        Reply::invalid(&Value::Array(vec![error]))
    };
    if body.trim().is_empty() {
        return Err(error("unprocessable", "Body can't be blank".into()));
    }
    if body.chars().count() > LONGEST {
        return Err(error(
            "unprocessable",
            "Body is too long (maximum is 65536 characters)".into(),
        ));
    }
    Ok(body.to_owned())
}
