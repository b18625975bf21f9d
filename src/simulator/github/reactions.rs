//! Reactions on issues and on their comments.

use serde_json::{Value, json};

use super::{
    call::Call,
    fields::required,
    number,
    reply::{Answer, Reply},
};
use crate::simulator::world::{Comment, Reaction};

const CONTENTS: [&str; 8] = ["+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes"];

/// What is reacted to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum On {
    Issue(u64),
    /// In a conversation.
    Comment(u64),
    /// At a line of a change.
    Line(u64),
}

impl On {
    /// The permission that it takes.
    fn permission(self, level: &str) -> String {
        match self {
            On::Issue(_) | On::Comment(_) => format!("issues={level}"),
            On::Line(_) => format!("pull_requests={level}"),
        }
    }
}

pub(crate) fn route(call: &mut Call<'_>, method: &str, id: u64, on: On, rest: &[&str]) -> Answer {
    match (method, rest) {
        ("GET", []) => list(call, id, on),
        ("POST", []) => add(call, id, on),
        ("DELETE", [reaction]) => remove(call, id, on, number(reaction)?),
        _ => Err(Reply::unknown_route()),
    }
}

fn list(call: &Call<'_>, id: u64, on: On) -> Answer {
    call.may(id, &on.permission("read"))?;
    let (_, _, reactions) = target(call, id, on)?;
    let content = call.asked.parameter("content");
    let render = call.render();
    let wanted =
        reactions.iter().filter(|one| content.is_none_or(|content| one.content == content));
    call.list(wanted.map(|one| render.reaction(one)).collect())
}

fn add(call: &mut Call<'_>, id: u64, on: On) -> Answer {
    call.may(id, &on.permission("write"))?;
    let fields = call.fields(&["content"])?;
    let content = required(&fields, "content")?;
    if !CONTENTS.contains(&content) {
        let error = json!([{"resource": "Reaction", "code": "invalid", "field": "content"}]);
        return Err(Reply::invalid(&error));
    }
    let (issue, comment, _) = target(call, id, on)?;
    let added = call.stage(id).react(issue, comment, content);
    let (new, reaction) = added.map_err(|error| Reply::failed(&error))?;
    let body: Value = call.render().reaction(&reaction);
    Ok(Reply::json(if new { 201 } else { 200 }, &body))
}

fn remove(call: &mut Call<'_>, id: u64, on: On, reaction: u64) -> Answer {
    call.may(id, &on.permission("write"))?;
    let (issue, comment, _) = target(call, id, on)?;
    let removed = call.stage(id).unreact(issue, comment, reaction);
    if removed.map_err(|error| Reply::failed(&error))? {
        Reply::nothing()
    } else {
        Err(Reply::absent())
    }
}

/// Issue, comment and what is there already.
type Target<'a> = (u64, Option<u64>, &'a [Reaction]);

fn target<'a>(call: &'a Call<'_>, id: u64, on: On) -> Result<Target<'a>, Reply> {
    let repository = call.world.repositories.get(&id).ok_or_else(Reply::absent)?;
    match on {
        On::Issue(number) => {
            let issue = repository.issues.get(&number).ok_or_else(Reply::absent)?;
            Ok((number, None, &issue.reactions))
        }
        On::Comment(id) | On::Line(id) => {
            let is_meant = |comment: &&Comment| comment.line.is_some() == matches!(on, On::Line(_));
            let comment = repository.comments.get(&id).filter(is_meant);
            let comment = comment.ok_or_else(Reply::absent)?;
            Ok((comment.number, Some(id), &comment.reactions))
        }
    }
}
