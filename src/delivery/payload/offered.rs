//! Pull requests of people, as something that may be reviewed without being asked for.

use super::{InstallationRef, Repo, User};
use crate::domain::event::{Offer, Person, Thread};
use crate::domain::ids::{InstallationId, Sha};
use chrono::{DateTime, Utc};
use serde::Deserialize;

#[derive(Deserialize)]
struct Payload {
    action: String,
    pull_request: Pull,
    repository: Repo,
    installation: Option<InstallationRef>,
}

#[derive(Deserialize)]
struct Pull {
    id: i64,
    number: i64,
    title: String,
    body: Option<String>,
    html_url: String,
    state: String,
    #[serde(default)]
    draft: bool,
    updated_at: DateTime<Utc>,
    user: Option<User>,
    head: Head,
}

#[derive(Deserialize)]
struct Head {
    sha: Sha,
}

/// What a body offers for review. Drafts and the pull requests of programs are not.
pub fn offered(event: &str, body: &[u8]) -> Option<Offer> {
    if event != "pull_request" {
        return None;
    }
    let payload: Payload = serde_json::from_slice(body).ok()?;
    let by_push = match payload.action.as_str() {
        "opened" | "ready_for_review" => false,
        "synchronize" => true,
        _ => return None,
    };
    let (pull, repository) = (payload.pull_request, payload.repository);
    let author = pull.user.filter(|user| user.kind == "User")?;
    if pull.draft || pull.state != "open" || repository.archived {
        return None;
    }
    Some(Offer {
        installation: payload.installation.map(|i| InstallationId(i.id)),
        repository: repository.into_repository(),
        thread: Thread {
            number: pull.number,
            title: pull.title,
            body: pull.body.unwrap_or_default(),
            author: Some(author.login.clone()),
            is_pull_request: true,
        },
        pull_request: pull.id,
        head: pull.head.sha,
        by_push,
        url: pull.html_url,
        at: pull.updated_at,
        author: Person { id: author.id, login: author.login, is_bot: false },
    })
}
