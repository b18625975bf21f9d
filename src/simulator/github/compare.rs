//! What lies between two commits.

use serde_json::{Value, json};

use super::{
    call::Call,
    pulls,
    reply::{Answer, Reply},
    repos::commit_as_json,
};

/// GitHub names so many files, all of them on the first page.
const MOST_FILES: usize = 300;

/// `GET /repos/{owner}/{repo}/compare/{base}...{head}`
pub(crate) fn two(call: &Call<'_>, id: u64, both: &str) -> Answer {
    call.may(id, "contents=read")?;
    let git = &call.hub.git;
    let (base, head) = both.split_once("...").ok_or_else(Reply::absent)?;
    let commit = |name: &str| git.commit_of(id, name).ok_or_else(Reply::absent);
    let (base, head) = (commit(base)?, commit(head)?);
    let parted = git.text(id, &["merge-base", &base, &head]);
    let parted = parted.map_err(|_| Reply::absent_saying("No common ancestor between them."))?;
    let parted = parted.trim();
    let count = |range: String| -> Result<u64, Reply> {
        let count = git.text(id, &["rev-list", "--count", &range]);
        Ok(count.map_err(|error| Reply::failed(&error))?.trim().parse().unwrap_or(0))
    };
    let ahead = count(format!("{parted}..{head}"))?;
    let behind = count(format!("{parted}..{base}"))?;
    let status = match (ahead, behind) {
        (0, 0) => "identical",
        (_, 0) => "ahead",
        (0, _) => "behind",
        (_, _) => "diverged",
    };
    let changes = git.changes(id, &base, &head).map_err(|error| Reply::failed(&error))?;
    let is_first_page = call.asked.parameter("page").is_none_or(|page| page == "1");
    let named = changes.into_iter().take(if is_first_page { MOST_FILES } else { 0 });
    let files: Result<Vec<Value>, Reply> =
        named.map(|change| pulls::changed_file(call, id, &head, change)).collect();
    let repository = call.world.repositories.get(&id).ok_or_else(Reply::absent)?;
    let api = format!("{}/compare/{both}", call.render().repository_url(repository));
    let html = format!("{}/compare/{both}", call.render().html_url(repository));
    Reply::ok(&json!({
        "url": api, "html_url": html, "permalink_url": html,
        "diff_url": format!("{html}.diff"), "patch_url": format!("{html}.patch"),
        "base_commit": commit_as_json(call, id, &base)?,
        "merge_base_commit": commit_as_json(call, id, parted)?,
        "status": status, "ahead_by": ahead, "behind_by": behind, "total_commits": ahead,
        "commits": commits(call, id, &format!("{parted}..{head}"))?, "files": files?,
    }))
}

/// One page of them, the oldest first.
fn commits(call: &Call<'_>, id: u64, range: &str) -> Result<Vec<Value>, Reply> {
    let number = |name: &str, usual: usize| {
        call.asked.parameter(name).and_then(|text| text.parse().ok()).unwrap_or(usual)
    };
    let (page, size) = (number("page", 1), number("per_page", 250).min(100));
    let list = call.hub.git.text(id, &["rev-list", "--reverse", range]);
    let list = list.map_err(|error| Reply::failed(&error))?;
    let of_page = list.lines().skip(page.saturating_sub(1) * size).take(size);
    of_page.map(|sha| commit_as_json(call, id, sha)).collect()
}
