//! Pull requests and check runs as JSON.

use serde_json::{Value, json};

use super::{Render, association, node, time};
use crate::simulator::{
    acts::with,
    world::{CheckRun, Issue, Pull, Repository, Review},
};

impl Render<'_> {
    pub(crate) fn pull(&self, repository: &Repository, issue: &Issue) -> Value {
        let Some(pull) = &issue.pull else { return Value::Null };
        let number = issue.number;
        let api = self.repository_url(repository);
        let source = pull.fork.and_then(|fork| self.world.repositories.get(&fork));
        let url = format!("{api}/pulls/{number}");
        let html = format!("{}/pull/{number}", self.html_url(repository));
        let links = json!({
            "url": url, "html_url": html, "diff_url": format!("{html}.diff"),
            "patch_url": format!("{html}.patch"), "issue_url": format!("{api}/issues/{number}"),
            "commits_url": format!("{url}/commits"),
            "review_comments_url": format!("{url}/comments"),
            "review_comment_url": format!("{api}/pulls/comments{{/number}}"),
            "comments_url": format!("{api}/issues/{number}/comments"),
            "statuses_url": format!("{api}/statuses/{}", pull.head_sha),
            "_links": {
                "self": {"href": url}, "html": {"href": html},
                "issue": {"href": format!("{api}/issues/{number}")},
                "comments": {"href": format!("{api}/issues/{number}/comments")},
                "review_comments": {"href": format!("{url}/comments")},
                "review_comment": {"href": format!("{api}/pulls/comments{{/number}}")},
                "commits": {"href": format!("{url}/commits")},
                "statuses": {"href": format!("{api}/statuses/{}", pull.head_sha)},
            },
        });
        let state = json!({
            "id": issue.id + 5_000_000, "node_id": node("PR", issue.id), "number": number,
            "state": if issue.open { "open" } else { "closed" }, "locked": false,
            "title": issue.title, "user": self.user(&issue.author), "body": issue.body,
            "created_at": time(issue.created_at), "updated_at": time(issue.updated_at),
            "closed_at": issue.closed_at.map(time), "merged_at": pull.merged_at.map(time),
            "merge_commit_sha": null, "assignee": null, "assignees": [],
            "requested_reviewers": [], "requested_teams": [],
            "labels": self.labels(repository, &issue.labels), "milestone": null,
            "draft": pull.draft,
            "head": self.end(source.unwrap_or(repository), &pull.head, &pull.head_sha),
            "base": self.end(repository, &pull.base, &pull.base_sha),
            "author_association": association(repository, &issue.author),
            "auto_merge": null, "active_lock_reason": null,
        });
        with(with(links, state), details(repository, issue, pull))
    }

    pub(crate) fn review(&self, repository: &Repository, review: &Review) -> Value {
        let pull = format!("{}/pulls/{}", self.repository_url(repository), review.number);
        let page = format!("{}/pull/{}", self.html_url(repository), review.number);
        json!({
            "id": review.id, "node_id": node("PRR", review.id), "user": self.user(&review.author),
            "body": review.body, "state": review.state, "commit_id": review.commit,
            "html_url": format!("{page}#pullrequestreview-{}", review.id),
            "pull_request_url": pull, "submitted_at": time(review.submitted_at),
            "author_association": association(repository, &review.author),
            "_links": {"html": {"href": page}, "pull_request": {"href": pull}},
        })
    }

    pub(crate) fn check_run(&self, repository: &Repository, run: &CheckRun) -> Value {
        let url = format!("{}/check-runs/{}", self.repository_url(repository), run.id);
        let html = format!("{}/runs/{}", self.html_url(repository), run.id);
        json!({
            "id": run.id, "node_id": node("CR", run.id), "name": run.name,
            "head_sha": run.head_sha, "external_id": run.external_id, "url": url,
            "html_url": html, "details_url": run.details_url.as_ref().unwrap_or(&html),
            "status": run.status, "conclusion": run.conclusion, "started_at": run.started_at,
            "completed_at": run.completed_at,
            "output": {
                "title": run.title, "summary": run.summary, "text": run.text,
                "annotations_count": run.annotations.len(),
                "annotations_url": format!("{url}/annotations"),
            },
            "check_suite": {"id": suite(&run.head_sha)}, "app": self.app(),
            "pull_requests": self.pulls_at(repository, &run.head_sha),
        })
    }

    /// The suite of a commit; in that of a fork no branch is named.
    pub(crate) fn check_suite(
        &self,
        repository: &Repository,
        branch: Option<&str>,
        sha: &str,
    ) -> Value {
        let mut runs: Vec<_> =
            repository.checks.values().filter(|run| run.head_sha == sha).map(|r| &r.name).collect();
        runs.sort_unstable();
        runs.dedup();
        let id = suite(sha);
        let url = format!("{}/check-suites/{id}", self.repository_url(repository));
        let now = time(self.world.now());
        json!({
            "id": id, "node_id": node("CS", id), "head_branch": branch, "head_sha": sha,
            "status": "queued", "conclusion": null, "url": url, "app": self.app(),
            "pull_requests": self.pulls_at(repository, sha), "created_at": now, "updated_at": now,
            "latest_check_runs_count": runs.len(), "check_runs_url": format!("{url}/check-runs"),
            "rerequestable": true, "runs_rerequestable": true,
            "head_commit": {"id": sha, "tree_id": "", "message": "", "timestamp": now,
                "author": {"name": "", "email": ""}, "committer": {"name": "", "email": ""}},
        })
    }

    /// The open pull requests whose head is a commit, in short form.
    fn pulls_at(&self, repository: &Repository, sha: &str) -> Vec<Value> {
        let stub = json!({
            "id": repository.id, "name": repository.name, "url": self.repository_url(repository),
        });
        let short = |issue: &Issue| {
            let pull = issue.pull.as_ref().filter(|pull| pull.head_sha == sha)?;
            if !issue.open || pull.fork.is_some() {
                return None;
            }
            let number = issue.number;
            Some(json!({
                "id": issue.id + 5_000_000, "number": number,
                "url": format!("{}/pulls/{number}", self.repository_url(repository)),
                "head": {"ref": pull.head, "sha": pull.head_sha, "repo": stub},
                "base": {"ref": pull.base, "sha": pull.base_sha, "repo": stub},
            }))
        };
        repository.issues.values().filter_map(short).collect()
    }

    fn end(&self, repository: &Repository, branch: &str, sha: &str) -> Value {
        json!({
            "label": format!("{}:{branch}", repository.owner), "ref": branch, "sha": sha,
            "user": self.user(&repository.owner), "repo": self.repository(repository),
        })
    }
}

fn details(repository: &Repository, issue: &Issue, pull: &Pull) -> Value {
    json!({
        "merged": pull.merged_at.is_some(), "mergeable": true, "rebaseable": true,
        "mergeable_state": if pull.draft { "draft" } else { "clean" }, "merged_by": null,
        "comments": repository.comments_on(issue.number).count(), "review_comments": 0,
        "maintainer_can_modify": pull.maintainer_can_modify, "commits": pull.size.commits,
        "additions": pull.size.additions, "deletions": pull.size.deletions,
        "changed_files": pull.size.files,
    })
}

/// One suite for each commit.
fn suite(sha: &str) -> u64 {
    u64::from_str_radix(sha.get(..8).unwrap_or("0"), 16).unwrap_or(0) + 1
}
