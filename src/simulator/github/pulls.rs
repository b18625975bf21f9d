//! Pull requests.

use serde_json::{Value, json};

use super::{
    call::Call,
    fields::{flag, optional, required},
    number,
    reply::{Answer, Reply},
};
use crate::simulator::{
    acts::{Edit, NewIssue},
    git::Change,
    world::{Issue, Pull},
};

const READ: &str = "pull_requests=read";
const WRITE: &str = "pull_requests=write";
const KEYS: [&str; 8] =
    ["title", "head", "head_repo", "base", "body", "maintainer_can_modify", "draft", "issue"];

pub(crate) fn route(call: &mut Call<'_>, method: &str, id: u64, rest: &[&str]) -> Answer {
    match (method, rest) {
        ("GET", []) => list(call, id),
        ("POST", []) => open(call, id),
        ("GET", [pull]) => {
            call.may(id, "pull_requests=read; contents=read")?;
            show(call, id, number(pull)?, 200)
        }
        ("PATCH", [pull]) => edit(call, id, number(pull)?),
        ("GET", [pull, "files"]) => files(call, id, number(pull)?),
        _ => Err(Reply::unknown_route()),
    }
}

fn show(call: &Call<'_>, id: u64, number: u64, status: u16) -> Answer {
    let repository = call.world.repositories.get(&id).ok_or_else(Reply::absent)?;
    let found = repository.issues.get(&number).filter(|issue| issue.pull.is_some());
    let issue = found.ok_or_else(Reply::absent)?;
    Ok(Reply::json(status, &call.render().pull(repository, issue)))
}

fn list(call: &Call<'_>, id: u64) -> Answer {
    call.may(id, READ)?;
    let repository = call.world.repositories.get(&id).ok_or_else(Reply::absent)?;
    let state = call.asked.parameter("state").unwrap_or("open");
    let (head, base) = (call.asked.parameter("head"), call.asked.parameter("base"));
    let wanted = |issue: &&Issue| {
        let Some(pull) = &issue.pull else { return false };
        let from = pull.fork.and_then(|fork| call.world.repositories.get(&fork));
        let label = format!("{}:{}", from.unwrap_or(repository).owner, pull.head);
        // GitHub ignores a head without an owner.
        let head_fits = head.is_none_or(|head| !head.contains(':') || head == label);
        let state_fits = state == "all" || issue.open == (state == "open");
        state_fits
            && head_fits
            && call.world.is_listed(issue.id)
            && base.is_none_or(|base| base == pull.base)
    };
    let render = call.render();
    let mut found: Vec<&Issue> = repository.issues.values().filter(wanted).collect();
    if call.asked.parameter("direction") != Some("asc") {
        found.reverse();
    }
    call.list(found.into_iter().map(|issue| render.pull(repository, issue)).collect())
}

fn open(call: &mut Call<'_>, id: u64) -> Answer {
    call.may(id, WRITE)?;
    let fields = call.fields(&KEYS)?;
    let title = required(&fields, "title")?.to_owned();
    let (head, base) = (required(&fields, "head")?, required(&fields, "base")?);
    let body = optional(&fields, "body")?.map(str::to_owned);
    checked_text(&title, body.as_deref())?;
    let mut pull = proposal(call, id, head, base)?;
    pull.draft = flag(&fields, "draft")?.unwrap_or(false);
    pull.maintainer_can_modify = flag(&fields, "maintainer_can_modify")?.unwrap_or(false);
    let author = call.hub.app.bot_login.clone();
    let new = NewIssue { author: &author, title: &title, body: body.as_deref(), pull: Some(pull) };
    let number = call.stage(id).open(new).map_err(|error| Reply::failed(&error))?;
    show(call, id, number, 201)
}

/// What would be merged into what, if GitHub allows it.
fn proposal(call: &Call<'_>, id: u64, head: &str, base: &str) -> Result<Pull, Reply> {
    let repository = call.world.repositories.get(&id).ok_or_else(Reply::absent)?;
    let invalid = |field: &str| {
        Reply::invalid(&json!([{"resource": "PullRequest", "field": field, "code": "invalid"}]))
    };
    let custom = |message: String| {
        Reply::invalid(&json!([{"resource": "PullRequest", "code": "custom", "message": message}]))
    };
    let owner = &repository.owner;
    let branch = match head.split_once(':') {
        Some((named, branch)) if named.eq_ignore_ascii_case(owner) => branch,
        Some(_) => return Err(invalid("head")),
        None => head,
    };
    let git = &call.hub.git;
    let sha = |branch: &str| git.reference(id, &format!("refs/heads/{branch}"));
    let base_sha = sha(base).ok_or_else(|| invalid("base"))?;
    let head_sha = sha(branch).ok_or_else(|| invalid("head"))?;
    let same = |issue: &Issue| {
        let pull = issue.pull.as_ref().filter(|pull| issue.open && pull.fork.is_none());
        pull.is_some_and(|pull| pull.head == branch && pull.base == base)
    };
    if repository.issues.values().any(same) {
        return Err(custom(format!("A pull request already exists for {owner}:{branch}.")));
    }
    let size = git.size(id, &base_sha, &head_sha).map_err(|error| Reply::failed(&error))?;
    if size.commits == 0 {
        return Err(custom(format!("No commits between {base} and {branch}")));
    }
    Ok(Pull {
        fork: None,
        head: branch.to_owned(),
        head_sha,
        base: base.to_owned(),
        base_sha,
        draft: false,
        merged_at: None,
        maintainer_can_modify: false,
        size,
    })
}

fn checked_text(title: &str, body: Option<&str>) -> Result<(), Reply> {
    let refuse = |message: &str| {
        let error = json!({"resource": "Issue", "code": "custom", "message": message});
        Err(Reply::invalid(&Value::Array(vec![error])))
    };
    if title.trim().is_empty() {
        return refuse("title can't be blank");
    }
    if title.chars().count() > 256 {
        return refuse("title is too long (maximum is 256 characters)");
    }
    if body.is_some_and(|body| body.chars().count() > 65_536) {
        return refuse("body is too long (maximum is 65536 characters)");
    }
    Ok(())
}

fn edit(call: &mut Call<'_>, id: u64, number: u64) -> Answer {
    call.may(id, WRITE)?;
    let fields = call.fields(&["title", "body", "state", "base", "maintainer_can_modify"])?;
    show(call, id, number, 200)?;
    let (title, state) = (optional(&fields, "title")?, optional(&fields, "state")?);
    let (body, base) = (optional(&fields, "body")?, optional(&fields, "base")?);
    checked_text(title.unwrap_or("unchanged"), body)?;
    let new_base = base.map(|base| {
        let sha = call.hub.git.reference(id, &format!("refs/heads/{base}"));
        let error = json!([{"resource": "PullRequest", "field": "base", "code": "invalid"}]);
        sha.map(|sha| (base, sha)).ok_or_else(|| Reply::invalid(&error))
    });
    let new_base = new_base.transpose()?;
    let action = match state {
        Some("closed") => "closed",
        Some("open") => "reopened",
        Some(_) => return Err(Reply::invalid_request("\"state\" is not open or closed.")),
        None => "edited",
    };
    let what: Vec<&str> = fields.keys().map(String::as_str).collect();
    let extra = if action == "edited" { json!({"changes": {}}) } else { json!({}) };
    let what = what.join(", ");
    let edit = Edit { action, what: &what, extra };
    let changed = call.stage(id).edit(number, edit, |issue| {
        if let Some(title) = title {
            title.clone_into(&mut issue.title);
        }
        if fields.contains_key("body") {
            issue.body = body.filter(|body| !body.is_empty()).map(str::to_owned);
        }
        if let Some(state) = state {
            issue.open = state == "open";
        }
        if let (Some((base, sha)), Some(pull)) = (new_base, &mut issue.pull) {
            base.clone_into(&mut pull.base);
            pull.base_sha = sha;
        }
    });
    changed.map_err(|error| Reply::failed(&error))?;
    show(call, id, number, 200)
}

fn files(call: &Call<'_>, id: u64, number: u64) -> Answer {
    call.may(id, READ)?;
    let repository = call.world.repositories.get(&id).ok_or_else(Reply::absent)?;
    let issue = repository.issues.get(&number).ok_or_else(Reply::absent)?;
    let pull = issue.pull.as_ref().ok_or_else(Reply::absent)?;
    let changes = call.hub.git.changes(id, &pull.base_sha, &pull.head_sha);
    let changes = changes.map_err(|error| Reply::failed(&error))?;
    let files: Result<Vec<Value>, Reply> =
        changes.into_iter().map(|change| changed_file(call, id, &pull.head_sha, change)).collect();
    call.list(files?)
}

/// A changed file, as it is on one side.
pub(crate) fn changed_file(
    call: &Call<'_>,
    id: u64,
    sha: &str,
    change: Change,
) -> Result<Value, Reply> {
    let repository = call.world.repositories.get(&id).ok_or_else(Reply::absent)?;
    let (api, html) =
        (call.render().repository_url(repository), call.render().html_url(repository));
    let path = &change.path;
    let mut file = json!({
        "sha": change.blob, "filename": path, "status": change.status,
        "additions": change.additions, "deletions": change.deletions,
        "changes": change.additions + change.deletions,
        "blob_url": format!("{html}/blob/{sha}/{path}"),
        "raw_url": format!("{html}/raw/{sha}/{path}"),
        "contents_url": format!("{api}/contents/{path}?ref={sha}"),
    });
    if let Value::Object(file) = &mut file {
        let hunks = change.patch.map(|text| ("patch".to_owned(), text.into()));
        let former = change.former_path.map(|was| ("previous_filename".to_owned(), was.into()));
        file.extend(hunks.into_iter().chain(former));
    }
    Ok(file)
}
