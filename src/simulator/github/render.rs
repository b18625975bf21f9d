//! The world as GitHub's JSON: complete objects, with every field that clients insist on.
//!
//! One rendering serves replies and webhooks alike. Nothing is decided here.

mod pulls;
mod repository;

pub(crate) use self::repository::short_repository;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use crate::simulator::{
    hub::Hub,
    world::{AccountKind, Comment, Installation, Issue, Reaction, Repository, World},
};

/// Turns parts of the world into JSON.
#[derive(Clone, Copy)]
pub(crate) struct Render<'a> {
    pub(crate) hub: &'a Hub,
    pub(crate) world: &'a World,
}

impl<'a> Render<'a> {
    pub(crate) fn new(hub: &'a Hub, world: &'a World) -> Self {
        Self { hub, world }
    }

    pub(crate) fn issue(&self, repository: &Repository, issue: &Issue) -> Value {
        let Issue { number, .. } = issue;
        let url = format!("{}/issues/{number}", self.repository_url(repository));
        let kind = if issue.pull.is_some() { "pull" } else { "issues" };
        let html = format!("{}/{kind}/{number}", self.html_url(repository));
        let mut value = json!({
            "id": issue.id, "node_id": node("I", issue.id), "url": url,
            "repository_url": self.repository_url(repository),
            "labels_url": format!("{url}/labels{{/name}}"),
            "comments_url": format!("{url}/comments"), "events_url": format!("{url}/events"),
            "html_url": html, "number": number, "title": issue.title,
            "user": self.user(&issue.author), "labels": self.labels(repository, &issue.labels),
            "state": if issue.open { "open" } else { "closed" },
            "state_reason": if issue.open { Value::Null } else { json!("completed") },
            "locked": false, "assignee": null, "assignees": [], "milestone": null,
            "comments": repository.comments_on(*number).count(),
            "created_at": time(issue.created_at), "updated_at": time(issue.updated_at),
            "closed_at": issue.closed_at.map(time), "closed_by": null,
            "author_association": association(repository, &issue.author),
            "active_lock_reason": null, "body": issue.body,
            "reactions": tally(&format!("{url}/reactions"), &issue.reactions),
            "timeline_url": format!("{url}/timeline"),
            "performed_via_github_app": self.via(&issue.author),
        });
        if let (Some(pull), Value::Object(fields)) = (&issue.pull, &mut value) {
            let link = json!({
                "url": format!("{}/pulls/{number}", self.repository_url(repository)),
                "html_url": html, "diff_url": format!("{html}.diff"),
                "patch_url": format!("{html}.patch"), "merged_at": pull.merged_at.map(time),
            });
            fields.insert("draft".to_owned(), json!(pull.draft));
            fields.insert("pull_request".to_owned(), link);
        }
        value
    }

    pub(crate) fn comment(&self, repository: &Repository, comment: &Comment) -> Value {
        let Comment { id, number, .. } = comment;
        let base = format!("{}/issues", self.repository_url(repository));
        let issue = repository.issues.get(number);
        let is_pull = issue.is_some_and(|issue| issue.pull.is_some());
        let kind = if is_pull { "pull" } else { "issues" };
        let html = format!("{}/{kind}/{number}#issuecomment-{id}", self.html_url(repository));
        let url = format!("{base}/comments/{id}");
        json!({
            "id": id, "node_id": node("IC", *id), "url": url, "html_url": html,
            "issue_url": format!("{base}/{number}"), "user": self.user(&comment.author),
            "created_at": time(comment.created_at), "updated_at": time(comment.updated_at),
            "author_association": association(repository, &comment.author),
            "body": comment.body,
            "reactions": tally(&format!("{url}/reactions"), &comment.reactions),
            "performed_via_github_app": self.via(&comment.author),
        })
    }

    /// A comment as it is shown where it stands: in the conversation, or at a line.
    pub(crate) fn any_comment(&self, repository: &Repository, comment: &Comment) -> Value {
        let Comment { id, number, .. } = comment;
        let Some(at) = &comment.line else { return self.comment(repository, comment) };
        let pulls = format!("{}/pulls", self.repository_url(repository));
        let html = format!("{}/pull/{number}#discussion_r{id}", self.html_url(repository));
        let url = format!("{pulls}/comments/{id}");
        let mut rendered = json!({
            "id": id, "node_id": node("PRRC", *id), "url": url, "html_url": html,
            "pull_request_url": format!("{pulls}/{number}"), "pull_request_review_id": at.review,
            "user": self.user(&comment.author), "body": comment.body,
            "created_at": time(comment.created_at), "updated_at": time(comment.updated_at),
            "author_association": association(repository, &comment.author),
            "path": at.path, "line": at.line, "original_line": at.line, "side": "RIGHT",
            "start_line": null, "original_start_line": null, "start_side": null,
            "commit_id": at.commit, "original_commit_id": at.commit, "diff_hunk": at.hunk,
            "subject_type": "line",
            "reactions": tally(&format!("{url}/reactions"), &comment.reactions),
            "_links": {"self": {"href": url}, "html": {"href": html}},
        });
        if let (Value::Object(fields), Some(first)) = (&mut rendered, at.reply_to) {
            fields.insert("in_reply_to_id".to_owned(), first.into());
        }
        rendered
    }

    pub(crate) fn reaction(&self, reaction: &Reaction) -> Value {
        json!({
            "id": reaction.id, "node_id": node("REA", reaction.id),
            "user": self.user(&reaction.login), "content": reaction.content,
            "created_at": time(reaction.created_at),
        })
    }

    pub(crate) fn user(&self, login: &str) -> Value {
        let Some(account) = self.world.account(login) else { return Value::Null };
        let (id, login, kind) = (account.id, account.login.as_str(), account.kind);
        let api = format!("{}/users/{}", self.hub.urls.api, escape(login));
        let page = login.trim_end_matches("[bot]");
        let apps = if kind == AccountKind::Bot { "apps/" } else { "" };
        let html = format!("{}/{apps}{page}", self.hub.urls.server);
        json!({
            "login": login, "id": id, "node_id": node("U", id),
            "avatar_url": format!("{}/avatars/u/{id}?v=4", self.hub.urls.server),
            "gravatar_id": "", "url": api, "html_url": html,
            "followers_url": format!("{api}/followers"),
            "following_url": format!("{api}/following{{/other_user}}"),
            "gists_url": format!("{api}/gists{{/gist_id}}"),
            "starred_url": format!("{api}/starred{{/owner}}{{/repo}}"),
            "subscriptions_url": format!("{api}/subscriptions"),
            "organizations_url": format!("{api}/orgs"), "repos_url": format!("{api}/repos"),
            "events_url": format!("{api}/events{{/privacy}}"),
            "received_events_url": format!("{api}/received_events"),
            "type": kind.name(), "user_view_type": "public", "site_admin": false,
        })
    }

    pub(crate) fn organization(&self, login: &str) -> Value {
        let Some(account) = self.world.account(login) else { return Value::Null };
        let url = format!("{}/orgs/{}", self.hub.urls.api, account.login);
        json!({
            "login": account.login, "id": account.id, "node_id": node("O", account.id),
            "url": url, "repos_url": format!("{url}/repos"), "events_url": format!("{url}/events"),
            "hooks_url": format!("{url}/hooks"), "issues_url": format!("{url}/issues"),
            "members_url": format!("{url}/members{{/member}}"),
            "public_members_url": format!("{url}/public_members{{/member}}"),
            "avatar_url": format!("{}/avatars/u/{}?v=4", self.hub.urls.server, account.id),
            "description": null,
        })
    }

    pub(crate) fn is_organization(&self, login: &str) -> bool {
        self.world.account(login).is_some_and(|found| found.kind == AccountKind::Organization)
    }

    pub(crate) fn app(&self) -> Value {
        let app = &self.hub.app;
        let owner = self.world.accounts.iter().find(|account| account.kind != AccountKind::Bot);
        let owner = owner.map_or(app.bot_login.as_str(), |account| account.login.as_str());
        json!({
            "id": app.app_id, "client_id": app.client_id, "slug": app.slug,
            "node_id": node("A", app.app_id), "owner": self.user(owner), "name": "Async Coder",
            "description": "", "external_url": "https://asynccoder.example/",
            "html_url": format!("{}/apps/{}", self.hub.urls.server, app.slug),
            "created_at": "2026-01-05T09:00:00Z", "updated_at": "2026-01-05T09:00:00Z",
            "permissions": {"checks": "write", "contents": "write", "issues": "write",
                "metadata": "read", "pull_requests": "write"},
            "events": EVENTS, "installations_count": self.world.installations.len(),
        })
    }

    pub(crate) fn installation(&self, installation: &Installation) -> Value {
        let Installation { id, account, .. } = installation;
        let kind = if self.is_organization(account) { "Organization" } else { "User" };
        let api = &self.hub.urls.api;
        json!({
            "id": id, "node_id": node("MI", *id), "client_id": self.hub.app.client_id,
            "account": self.user(account),
            "repository_selection": if installation.without.is_empty() { "all" } else { "selected" },
            "access_tokens_url": format!("{api}/app/installations/{id}/access_tokens"),
            "repositories_url": format!("{api}/installation/repositories"),
            "html_url": format!("{}/settings/installations/{id}", self.hub.urls.server),
            "app_id": self.hub.app.app_id, "app_slug": self.hub.app.slug,
            "target_id": self.world.account(account).map(|account| account.id),
            "target_type": kind, "permissions": installation.permissions, "events": EVENTS,
            "created_at": time(installation.created_at),
            "updated_at": time(installation.updated_at),
            "single_file_name": null, "has_multiple_single_files": false, "single_file_paths": [],
            "suspended_by": installation.suspended_at.map(|_| self.user(account)),
            "suspended_at": installation.suspended_at.map(time),
        })
    }

    /// The App, when its bot wrote it.
    fn via(&self, author: &str) -> Value {
        if author == self.hub.app.bot_login { self.app() } else { Value::Null }
    }

    fn labels(&self, repository: &Repository, labels: &[String]) -> Vec<Value> {
        let name = repository.full_name();
        labels.iter().map(|text| label(&self.hub.urls.api, &name, text)).collect()
    }
}

const EVENTS: [&str; 8] = [
    "check_run",
    "check_suite",
    "create",
    "issue_comment",
    "issues",
    "pull_request",
    "push",
    "repository",
];

/// A label.
pub(crate) fn label(api: &str, repository: &str, name: &str) -> Value {
    let id = name.bytes().fold(7_u64, |sum, byte| (sum * 31 + u64::from(byte)) % 1_000_003);
    json!({
        "id": id, "node_id": node("LA", id), "name": name, "description": null,
        "url": format!("{api}/repos/{repository}/labels/{}", escape(name)),
        "color": "ededed", "default": false,
    })
}

fn association(repository: &Repository, login: &str) -> &'static str {
    if repository.owner.eq_ignore_ascii_case(login) {
        return "OWNER";
    }
    let given = repository.roles.contains_key(&login.to_lowercase());
    if given { "COLLABORATOR" } else { "NONE" }
}

/// An installation as every event mentions it.
pub(crate) fn installation_stub(id: u64) -> Value {
    json!({"id": id, "node_id": node("MI", id)})
}

/// GitHub's way to write a time.
pub(crate) fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// A global node id.
pub(crate) fn node(kind: &str, id: u64) -> String {
    format!("{kind}_kw{id:010}")
}

/// A path part.
pub(crate) fn escape(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

fn tally(url: &str, reactions: &[Reaction]) -> Value {
    let count = |content: &str| reactions.iter().filter(|one| one.content == content).count();
    json!({
        "url": url, "total_count": reactions.len(), "+1": count("+1"), "-1": count("-1"),
        "laugh": count("laugh"), "hooray": count("hooray"), "confused": count("confused"),
        "heart": count("heart"), "rocket": count("rocket"), "eyes": count("eyes"),
    })
}
