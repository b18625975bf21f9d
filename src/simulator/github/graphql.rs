//! GraphQL, as far as REST has no way: the threads of a review, and that one is dealt with.
//!
//! Two operations are understood, by their fields and with their variables checked; anything else is a
//! schema error. Whatever happens the status is 200, as it is there.

use serde_json::{Map, Value, json};

use super::{
    call::Call,
    reply::{Answer, Reply},
};

const MOST: usize = 100;

pub(crate) fn answer(call: &mut Call<'_>) -> Answer {
    call.token()?;
    let fields = call.fields(&["query", "variables", "operationName"])?;
    let query = fields.get("query").and_then(Value::as_str).unwrap_or_default().to_owned();
    let variables = fields.get("variables").and_then(Value::as_object).cloned().unwrap_or_default();
    let has = |words: &[&str]| words.iter().all(|word| query.contains(word));
    if has(&["query(", "repository(", "pullRequest(", "reviewThreads(", "databaseId", "pageInfo"]) {
        return threads(call, &variables);
    }
    if has(&["mutation(", "resolveReviewThread(input:", "threadId:", "thread {"]) {
        return resolve(call, &variables);
    }
    faulty("undefinedField", "no such field, or the operation is not known here")
}

fn threads(call: &Call<'_>, variables: &Map<String, Value>) -> Answer {
    let text = |name: &str| variables.get(name).and_then(Value::as_str);
    let number = variables.get("number").and_then(Value::as_u64);
    let (Some(owner), Some(name), Some(number)) = (text("owner"), text("name"), number) else {
        return faulty("INVALID_TYPE", "a variable is missing or has the wrong type");
    };
    let full_name = format!("{owner}/{name}");
    let Some(repository) = call.world.repository_named(&full_name) else {
        return faulty(
            "NOT_FOUND",
            &format!("Could not resolve to a Repository with the name '{full_name}'."),
        );
    };
    if call.sees(repository.id).is_err() {
        return faulty(
            "NOT_FOUND",
            &format!("Could not resolve to a Repository with the name '{full_name}'."),
        );
    }
    if call.may(repository.id, "pull_requests=read").is_err() {
        return faulty("FORBIDDEN", "Resource not accessible by integration");
    }
    let after = text("after").and_then(|cursor| cursor.parse().ok()).unwrap_or(0_usize);
    let all: Vec<Value> = repository
        .comments_on(number)
        .filter_map(|comment| Some((comment.id, comment.line.as_ref()?)))
        .filter(|(_, line)| line.reply_to.is_none())
        .map(|(id, line)| {
            json!({
                "id": format!("PRRT_{id}"), "isResolved": line.is_resolved,
                "comments": { "nodes": [{ "databaseId": id }] },
            })
        })
        .collect();
    let has_more = all.len() > after + MOST;
    let nodes: Vec<Value> = all.into_iter().skip(after).take(MOST).collect();
    let page = json!({ "hasNextPage": has_more, "endCursor": (after + nodes.len()).to_string() });
    Reply::ok(&json!({ "data": { "repository": { "pullRequest": {
        "reviewThreads": { "pageInfo": page, "nodes": nodes }
    } } } }))
}

fn resolve(call: &mut Call<'_>, variables: &Map<String, Value>) -> Answer {
    let thread = variables.get("thread").and_then(Value::as_str).unwrap_or_default().to_owned();
    let first: Option<u64> = thread.strip_prefix("PRRT_").and_then(|id| id.parse().ok());
    let home = first.and_then(|first| {
        let all = &call.world.repositories;
        all.values().find(|one| one.comments.contains_key(&first)).map(|one| one.id)
    });
    let (Some(first), Some(home)) = (first, home) else {
        let message = format!("Could not resolve to a node with the global id of '{thread}'.");
        return faulty("NOT_FOUND", &message);
    };
    if call.sees(home).is_err() || call.may(home, "pull_requests=write").is_err() {
        return faulty("FORBIDDEN", "Resource not accessible by integration");
    }
    call.stage(home).resolve(first).map_err(|error| Reply::failed(&error))?;
    Reply::ok(&json!({ "data": { "resolveReviewThread": {
        "thread": { "id": thread, "isResolved": true }
    } } }))
}

/// An error of GraphQL's own: the status says nothing of it. It is noted as a refusal all the same.
fn faulty(kind: &str, message: &str) -> Answer {
    let body = json!({ "data": null, "errors": [{ "type": kind, "message": message }] });
    Err(Reply::json(200, &body).noted(message))
}
