//! Pull requests, as something that may be looked at without being asked for.

use super::pull::Pull;
use super::{InstallationRef, Repo, User};
use crate::domain::event::{Offer, Thread};
use crate::domain::ids::InstallationId;
use serde::Deserialize;

#[derive(Deserialize)]
struct Payload {
    action: String,
    pull_request: Pull,
    repository: Repo,
    sender: User,
    installation: Option<InstallationRef>,
}

/// What a body offers to be looked at. Drafts and the pull requests of programs are not reviewed; what
/// one says of the configuration matters whoever brings it, but for ourselves, who may not change it.
pub fn offered(event: &str, body: &[u8]) -> Option<Offer> {
    if event != "pull_request" {
        return None;
    }
    let payload: Payload = serde_json::from_slice(body).ok()?;
    let (may_be_reviewed, may_configure) = match payload.action.as_str() {
        "opened" | "synchronize" => (true, true),
        "ready_for_review" => (true, false),
        "reopened" => (false, true),
        _ => return None,
    };
    let (pull, repository) = (payload.pull_request, payload.repository);
    if pull.state != "open" || repository.archived {
        return None;
    }
    let is_ours = pull.is_like_ours(&repository);
    let author = pull.user.as_ref().map(|user| user.login.clone());
    let reviewed = pull.user.filter(|user| may_be_reviewed && user.kind == "User" && !pull.draft);
    let for_review_by = reviewed.map(User::into_person);
    let configured_by = (may_configure && !is_ours).then(|| payload.sender.into_person());
    if for_review_by.is_none() && configured_by.is_none() {
        return None;
    }
    Some(Offer {
        installation: payload.installation.map(|i| InstallationId(i.id)),
        repository: repository.into_repository(),
        thread: Thread {
            number: pull.number,
            title: pull.title,
            body: pull.body.unwrap_or_default(),
            author,
            is_pull_request: true,
        },
        pull_request: pull.id,
        head: pull.head.sha,
        base: pull.base.sha,
        base_branch: pull.base.branch,
        by_push: payload.action == "synchronize",
        url: pull.html_url,
        at: pull.updated_at,
        for_review_by,
        configured_by,
    })
}
