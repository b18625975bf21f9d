//! What follows from a moved ref: the effect, the pull requests on it, the webhooks.
//!
//! The ref has been moved by git before; nothing here moves one.

use serde_json::{Value, json};

use super::{Edit, Stage, with};
use crate::simulator::{github::render::Render, journal::Effect, world::Pull};

const ZERO: &str = "0000000000000000000000000000000000000000";

/// A ref that moved; no old value: created, no new value: deleted.
#[derive(Debug, Clone)]
pub(crate) struct Move {
    pub(crate) reference: String,
    pub(crate) old: Option<String>,
    pub(crate) new: Option<String>,
}

impl Stage<'_> {
    pub(crate) fn pushed(&mut self, moved: &Move) -> anyhow::Result<()> {
        let repository = self.world.repository(self.repository)?.full_name();
        let Move { reference, old, new } = moved.clone();
        let by = self.actor.to_owned();
        self.hub.effect(Effect::Pushed { repository, reference, old, new, by });
        self.tell_push(moved)?;
        self.tell_branch(moved)?;
        self.tell_suite(moved)?;
        self.follow_pulls(moved)
    }

    fn tell_push(&mut self, moved: &Move) -> anyhow::Result<()> {
        let old = moved.old.as_deref().unwrap_or(ZERO);
        let new = moved.new.as_deref().unwrap_or(ZERO);
        let both = moved.old.is_some() && moved.new.is_some();
        let forced = both && !self.hub.git.is_ancestor(self.repository, old, new);
        let repository = self.world.repository(self.repository)?;
        let name = repository.full_name();
        let commits = self.pushed_commits(moved)?;
        let head = commits.last().cloned().unwrap_or(Value::Null);
        let fields = json!({
            "ref": moved.reference, "before": old, "after": new, "base_ref": null,
            "created": moved.old.is_none(), "deleted": moved.new.is_none(), "forced": forced,
            "compare": format!("{}/{name}/compare/{old}...{new}", self.hub.urls.server),
            "commits": commits, "head_commit": head,
            "pusher": {"name": self.actor, "email": null},
        });
        self.tell("push", None, fields);
        Ok(())
    }

    fn pushed_commits(&self, moved: &Move) -> anyhow::Result<Vec<Value>> {
        let Some(new) = &moved.new else { return Ok(Vec::new()) };
        let range = moved.old.as_ref().map_or_else(|| new.clone(), |old| format!("{old}..{new}"));
        let format = "--format=%H%x00%T%x00%an%x00%ae%x00%cI%x00%B%x01";
        let arguments = ["log", "--reverse", "--max-count=20", format, &range];
        let log = self.hub.git.text(self.repository, &arguments)?;
        let name = self.world.repository(self.repository)?.full_name();
        let commits = log.split('\u{1}').filter_map(|record| {
            let mut parts = record.trim_start().splitn(6, '\0');
            let (id, tree) = (parts.next()?, parts.next()?);
            let (author, email) = (parts.next()?, parts.next()?);
            let (time, message) = (parts.next()?, parts.next()?.trim_end());
            let who = json!({"name": author, "email": email, "date": time});
            Some(json!({
                "id": id, "tree_id": tree, "distinct": true, "message": message,
                "timestamp": time, "url": format!("{}/{name}/commit/{id}", self.hub.urls.server),
                "author": who, "committer": who, "added": [], "removed": [], "modified": [],
            }))
        });
        Ok(commits.collect())
    }

    fn tell_branch(&mut self, moved: &Move) -> anyhow::Result<()> {
        let (kind, short) = match moved.reference.strip_prefix("refs/tags/") {
            Some(tag) => ("tag", tag),
            None => ("branch", moved.reference.trim_start_matches("refs/heads/")),
        };
        let short = json!({"ref": short, "ref_type": kind, "pusher_type": "user"});
        if moved.old.is_none() {
            let main = self.world.repository(self.repository)?.default_branch.clone();
            let more = json!({"master_branch": main, "description": null});
            self.tell("create", None, with(short, more));
        } else if moved.new.is_none() {
            self.tell("delete", None, short);
        }
        Ok(())
    }

    /// GitHub asks Apps that may write checks to begin, at each push to a branch.
    fn tell_suite(&mut self, moved: &Move) -> anyhow::Result<()> {
        let branch = moved.reference.strip_prefix("refs/heads/");
        let (Some(branch), Some(new)) = (branch, &moved.new) else { return Ok(()) };
        let repository = self.world.repository(self.repository)?;
        let suite = Render::new(self.hub, self.world).check_suite(repository, Some(branch), new);
        let before = json!({"before": moved.old.as_deref().unwrap_or(ZERO), "after": new});
        let fields = json!({"check_suite": with(suite, before)});
        self.tell("check_suite", Some("requested"), fields);
        Ok(())
    }

    /// Open pull requests on the branch get a new head.
    fn follow_pulls(&mut self, moved: &Move) -> anyhow::Result<()> {
        let Some(branch) = moved.reference.strip_prefix("refs/heads/") else { return Ok(()) };
        let repository = self.world.repository(self.repository)?;
        let issues = repository.issues.values().filter(|issue| issue.open);
        let heads = issues.filter_map(|issue| Some((issue.number, issue.pull.clone()?)));
        let touched: Vec<(u64, Pull)> =
            heads.filter(|(_, pull)| pull.fork.is_none() && pull.head == branch).collect();
        for (number, pull) in touched {
            if let Some(new) = &moved.new {
                self.synchronize(number, pull, new)?;
            } else {
                let edit = Edit { action: "closed", what: "closed", extra: json!({}) };
                self.edit(number, edit, |issue| issue.open = false)?;
            }
        }
        Ok(())
    }

    fn synchronize(&mut self, number: u64, mut pull: Pull, new: &str) -> anyhow::Result<()> {
        let git = &self.hub.git;
        git.set_reference(self.repository, &format!("refs/pull/{number}/head"), new)?;
        let before = std::mem::replace(&mut pull.head_sha, new.to_owned());
        pull.size = git.size(self.repository, &pull.base_sha, new)?;
        let extra = json!({"before": before, "after": new});
        let edit = Edit { action: "synchronize", what: "synchronized", extra };
        self.edit(number, edit, |issue| issue.pull = Some(pull))
    }
}
