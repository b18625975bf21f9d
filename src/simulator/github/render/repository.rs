//! Repositories, branches and commits as JSON.

use serde_json::{Value, json};

use super::{Render, node, time};
use crate::simulator::{
    acts::with,
    world::{Installation, Repository},
};

impl Render<'_> {
    pub(crate) fn repository_url(&self, repository: &Repository) -> String {
        format!("{}/repos/{}", self.hub.urls.api, repository.full_name())
    }

    pub(crate) fn html_url(&self, repository: &Repository) -> String {
        format!("{}/{}", self.hub.urls.server, repository.full_name())
    }

    pub(crate) fn repository(&self, repository: &Repository) -> Value {
        let html = self.html_url(repository);
        let open = repository.issues.values().filter(|issue| issue.open).count();
        let visibility = if repository.private { "private" } else { "public" };
        let names = json!({
            "id": repository.id, "node_id": node("R", repository.id), "name": repository.name,
            "full_name": repository.full_name(), "private": repository.private,
            "owner": self.user(&repository.owner), "html_url": html, "description": null,
            "fork": repository.fork_of.is_some(), "url": self.repository_url(repository),
            "git_url": format!("git{}.git", html.trim_start_matches("http")),
            "ssh_url": format!("git@github.example:{}.git", repository.full_name()),
            "clone_url": format!("{html}.git"), "svn_url": html, "homepage": null, "size": 1,
            "created_at": time(repository.created_at), "updated_at": time(repository.created_at),
            "pushed_at": time(repository.created_at),
        });
        let facts = json!({
            "stargazers_count": 0, "watchers_count": 0, "language": null, "has_issues": true,
            "has_projects": true, "has_downloads": true, "has_wiki": true, "has_pages": false,
            "has_discussions": false, "forks_count": 0, "mirror_url": null,
            "archived": repository.archived, "disabled": false, "open_issues_count": open,
            "license": null, "allow_forking": true, "is_template": false,
            "web_commit_signoff_required": false, "topics": [], "visibility": visibility,
            "forks": 0, "open_issues": open, "watchers": 0,
            "default_branch": repository.default_branch,
        });
        let mut value = with(names, facts);
        if let Value::Object(fields) = &mut value {
            for (name, path) in LINKS {
                let url = format!("{}/{path}", self.repository_url(repository));
                fields.insert((*name).to_owned(), json!(url));
            }
        }
        value
    }

    /// As in `installation.created`.
    pub(crate) fn short_repositories(&self, installation: &Installation) -> Value {
        let all = self.world.repositories.values();
        let reached = all.filter(|repository| installation.reaches(repository));
        reached.map(short_repository).collect()
    }
}

/// A repository as it is listed where little is told of it.
pub(crate) fn short_repository(repository: &Repository) -> Value {
    json!({
        "id": repository.id, "node_id": node("R", repository.id), "name": repository.name,
        "full_name": repository.full_name(), "private": repository.private,
    })
}

const LINKS: &[(&str, &str)] = &[
    ("forks_url", "forks"),
    ("keys_url", "keys{/key_id}"),
    ("collaborators_url", "collaborators{/collaborator}"),
    ("teams_url", "teams"),
    ("hooks_url", "hooks"),
    ("issue_events_url", "issues/events{/number}"),
    ("events_url", "events"),
    ("assignees_url", "assignees{/user}"),
    ("branches_url", "branches{/branch}"),
    ("tags_url", "tags"),
    ("blobs_url", "git/blobs{/sha}"),
    ("git_tags_url", "git/tags{/sha}"),
    ("git_refs_url", "git/refs{/sha}"),
    ("trees_url", "git/trees{/sha}"),
    ("statuses_url", "statuses/{sha}"),
    ("languages_url", "languages"),
    ("stargazers_url", "stargazers"),
    ("contributors_url", "contributors"),
    ("subscribers_url", "subscribers"),
    ("subscription_url", "subscription"),
    ("commits_url", "commits{/sha}"),
    ("git_commits_url", "git/commits{/sha}"),
    ("comments_url", "comments{/number}"),
    ("issue_comment_url", "issues/comments{/number}"),
    ("contents_url", "contents/{+path}"),
    ("compare_url", "compare/{base}...{head}"),
    ("merges_url", "merges"),
    ("archive_url", "{archive_format}{/ref}"),
    ("downloads_url", "downloads"),
    ("issues_url", "issues{/number}"),
    ("pulls_url", "pulls{/number}"),
    ("milestones_url", "milestones{/number}"),
    ("notifications_url", "notifications{?since,all,participating}"),
    ("labels_url", "labels{/name}"),
    ("releases_url", "releases{/id}"),
    ("deployments_url", "deployments"),
];
