//! Repositories, people's permissions, branches, refs and commits; and users.

use serde_json::{Value, json};

use super::{
    Identity,
    call::Call,
    render::node,
    reply::{Answer, Reply},
};
use crate::simulator::world::{Role, role};

pub(crate) fn route(call: &mut Call<'_>, method: &str, id: u64, rest: &[&str]) -> Answer {
    match (method, rest) {
        ("GET", []) => {
            let repository = call.world.repositories.get(&id).ok_or_else(Reply::absent)?;
            Reply::ok(&call.render().repository(repository))
        }
        ("GET", ["collaborators", login, "permission"]) => permission(call, id, login),
        ("GET", ["git", "ref", reference @ ..]) => reference_of(call, id, &reference.join("/")),
        ("GET", ["branches", branch @ ..]) if !branch.is_empty() => {
            self::branch(call, id, &branch.join("/"))
        }
        ("GET", ["commits", reference @ ..]) if !reference.is_empty() => {
            commit(call, id, &reference.join("/"))
        }
        _ => Err(Reply::unknown_route()),
    }
}

/// `GET /users/{login}`
pub(crate) fn user(call: &Call<'_>, login: &str) -> Answer {
    if matches!(call.identity, Identity::App) {
        return Err(Reply::refuse(401, "A JSON web token could not be decoded"));
    }
    call.world.account(login).ok_or_else(Reply::absent)?;
    let mut user = call.render().user(login);
    if let Value::Object(fields) = &mut user {
        fields.extend([
            ("name".to_owned(), Value::Null),
            ("email".to_owned(), Value::Null),
            ("public_repos".to_owned(), json!(0)),
            ("followers".to_owned(), json!(0)),
            ("created_at".to_owned(), json!("2020-01-01T00:00:00Z")),
            ("updated_at".to_owned(), json!("2020-01-01T00:00:00Z")),
        ]);
    }
    Reply::ok(&user)
}

fn permission(call: &Call<'_>, id: u64, login: &str) -> Answer {
    call.may(id, "metadata=read")?;
    let repository = call.world.repositories.get(&id).ok_or_else(Reply::absent)?;
    let Some(account) = call.world.account(login) else {
        return Err(Reply::absent_saying(&format!("{login} is not a user")));
    };
    let role = role(repository, &account.login);
    let mut user = call.render().user(&account.login);
    if let Value::Object(fields) = &mut user {
        let rights = json!({
            "admin": role >= Role::Admin, "maintain": role >= Role::Maintain,
            "push": role >= Role::Write, "triage": role >= Role::Triage, "pull": role >= Role::Read,
        });
        fields.insert("permissions".to_owned(), rights);
        fields.insert("role_name".to_owned(), json!(role.name()));
    }
    Reply::ok(&json!({
        "permission": role.legacy_name(), "role_name": role.name(), "user": user,
    }))
}

fn reference_of(call: &Call<'_>, id: u64, name: &str) -> Answer {
    call.may(id, "contents=read")?;
    let repository = call.world.repositories.get(&id).ok_or_else(Reply::absent)?;
    if call.hub.git.branches(id).is_ok_and(|all| all.is_empty()) {
        return Err(Reply::refuse(409, "Git Repository is empty."));
    }
    let full = format!("refs/{name}");
    let sha = call.hub.git.reference(id, &full).ok_or_else(Reply::absent)?;
    let api = call.render().repository_url(repository);
    Reply::ok(&json!({
        "ref": full, "node_id": node("REF", id), "url": format!("{api}/git/{full}"),
        "object": {"type": "commit", "sha": sha, "url": format!("{api}/git/commits/{sha}")},
    }))
}

fn branch(call: &Call<'_>, id: u64, name: &str) -> Answer {
    call.may(id, "contents=read")?;
    let repository = call.world.repositories.get(&id).ok_or_else(Reply::absent)?;
    let Some(sha) = call.hub.git.reference(id, &format!("refs/heads/{name}")) else {
        return Err(Reply::absent_saying("Branch not found"));
    };
    let protected = repository.protected.contains(name);
    let url = format!("{}/branches/{name}", call.render().repository_url(repository));
    Reply::ok(&json!({
        "name": name, "commit": commit_as_json(call, id, &sha)?, "protected": protected,
        "_links": {"self": url, "html": format!("{}/tree/{name}", call.render().html_url(repository))},
        "protection": {"enabled": protected,
            "required_status_checks": {"enforcement_level": "off", "contexts": [], "checks": []}},
        "protection_url": format!("{url}/protection"),
    }))
}

fn commit(call: &Call<'_>, id: u64, reference: &str) -> Answer {
    call.may(id, "contents=read")?;
    if call.hub.git.branches(id).is_ok_and(|all| all.is_empty()) {
        return Err(Reply::refuse(409, "Git Repository is empty."));
    }
    let sha = call.hub.git.commit_of(id, reference);
    let sha =
        sha.ok_or_else(|| Reply::refuse(422, &format!("No commit found for SHA: {reference}")))?;
    if call.asked.header("accept").contains("sha") {
        return Reply::bytes("application/vnd.github.sha; charset=utf-8", sha.into_bytes());
    }
    Reply::ok(&commit_as_json(call, id, &sha)?)
}

pub(crate) fn commit_as_json(call: &Call<'_>, id: u64, sha: &str) -> Result<Value, Reply> {
    let repository = call.world.repositories.get(&id).ok_or_else(Reply::absent)?;
    let format = "--format=%T%x00%P%x00%an%x00%ae%x00%cn%x00%ce%x00%aI%x00%cI%x00%B";
    let text = call.hub.git.text(id, &["log", "-1", "--date=iso-strict", format, sha]);
    let text = text.map_err(|error| Reply::failed(&error))?;
    let mut parts = text.splitn(9, '\0');
    let mut next = || parts.next().unwrap_or_default();
    let (tree, parents) = (next(), next());
    let (author, author_mail) = (next(), next());
    let (committer, committer_mail) = (next(), next());
    let (written_at, committed_at, message) = (next(), next(), next().trim_end());
    let (api, html) =
        (call.render().repository_url(repository), call.render().html_url(repository));
    let parents: Vec<Value> = parents
        .split_whitespace()
        .map(|sha| {
            json!({"sha": sha, "url": format!("{api}/commits/{sha}"),
                "html_url": format!("{html}/commit/{sha}")})
        })
        .collect();
    Ok(json!({
        "sha": sha, "node_id": format!("C_{sha}"), "url": format!("{api}/commits/{sha}"),
        "html_url": format!("{html}/commit/{sha}"),
        "comments_url": format!("{api}/commits/{sha}/comments"),
        "commit": {
            "author": {"name": author, "email": author_mail, "date": written_at},
            "committer": {"name": committer, "email": committer_mail, "date": committed_at},
            "message": message, "comment_count": 0, "url": format!("{api}/git/commits/{sha}"),
            "tree": {"sha": tree, "url": format!("{api}/git/trees/{tree}")},
            "verification": {"verified": false, "reason": "unsigned", "signature": null,
                "payload": null, "verified_at": null},
        },
        "author": null, "committer": null, "parents": parents,
    }))
}
