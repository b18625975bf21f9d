//! The webhooks of the acts: what is told, and in which form.

use anyhow::Context as _;
use serde_json::{Value, json};

use super::{Stage, with};
use crate::simulator::{events::Event, github::render::Render};

impl Stage<'_> {
    /// Sends `check_run.<action>`.
    pub(crate) fn tell_check(&mut self, action: &str, id: u64, extra: Value) -> anyhow::Result<()> {
        let repository = self.world.repository(self.repository)?;
        let run = repository.checks.get(&id).context("no such check run")?;
        let run = Render::new(self.hub, self.world).check_run(repository, run);
        self.tell("check_run", Some(action), with(extra, json!({"check_run": run})));
        Ok(())
    }

    /// Sends `check_suite.rerequested`, with the runs that the suite has by now.
    pub(crate) fn tell_suite_again(&mut self, sha: &str) -> anyhow::Result<()> {
        let repository = self.world.repository(self.repository)?;
        let reference = format!("--points-at={sha}");
        let format = "--format=%(refname:lstrip=2)";
        let list = ["for-each-ref", "--count=1", format, &reference, "refs/heads"];
        let branches = self.hub.git.text(self.repository, &list)?;
        let suite = Render::new(self.hub, self.world);
        let suite = suite.check_suite(repository, branches.lines().next(), sha);
        self.tell("check_suite", Some("rerequested"), json!({"check_suite": suite}));
        Ok(())
    }

    pub(super) fn tell_issue(
        &mut self,
        action: &str,
        number: u64,
        extra: Value,
    ) -> anyhow::Result<()> {
        let repository = self.world.repository(self.repository)?;
        let issue = repository.issues.get(&number).context("no such issue")?;
        let issue = Render::new(self.hub, self.world).issue(repository, issue);
        self.tell("issues", Some(action), with(json!({"issue": issue}), extra));
        Ok(())
    }

    pub(crate) fn tell_pull(
        &mut self,
        action: &str,
        number: u64,
        extra: Value,
    ) -> anyhow::Result<()> {
        let repository = self.world.repository(self.repository)?;
        let issue = repository.issues.get(&number).context("no such pull request")?;
        let pull = Render::new(self.hub, self.world).pull(repository, issue);
        let fields = json!({"number": number, "pull_request": pull});
        self.tell("pull_request", Some(action), with(fields, extra));
        Ok(())
    }

    pub(super) fn tell_comment(
        &mut self,
        action: &str,
        id: u64,
        extra: Value,
    ) -> anyhow::Result<()> {
        let repository = self.world.repository(self.repository)?;
        let comment = repository.comments.get(&id).context("no such comment")?;
        let issue = repository.issues.get(&comment.number).context("no such issue")?;
        let render = Render::new(self.hub, self.world);
        if comment.line.is_some() {
            let pull = render.pull(repository, issue);
            let comment = render.any_comment(repository, comment);
            let fields = json!({"pull_request": pull, "comment": comment});
            self.tell("pull_request_review_comment", Some(action), with(fields, extra));
            return Ok(());
        }
        let issue = render.issue(repository, issue);
        let comment = render.comment(repository, comment);
        let fields = json!({"issue": issue, "comment": comment});
        self.tell("issue_comment", Some(action), with(fields, extra));
        Ok(())
    }

    /// Sends `pull_request_review.<action>`.
    pub(crate) fn tell_review(
        &mut self,
        action: &str,
        id: u64,
        extra: Value,
    ) -> anyhow::Result<()> {
        let repository = self.world.repository(self.repository)?;
        let review = repository.reviews.get(&id).context("no such review")?;
        let issue = repository.issues.get(&review.number).context("no such pull request")?;
        let render = Render::new(self.hub, self.world);
        let (pull, mut review) =
            (render.pull(repository, issue), render.review(repository, review));
        // In webhooks the state is in lower case.
        if let Some(Value::String(state)) = review.get_mut("state") {
            *state = state.to_lowercase();
        }
        let fields = json!({"pull_request": pull, "review": review});
        self.tell("pull_request_review", Some(action), with(fields, extra));
        Ok(())
    }

    pub(crate) fn tell(&mut self, name: &str, action: Option<&str>, fields: Value) {
        let (repository, sender) = (self.repository, self.actor);
        Event { name, action, repository, sender, fields }.send(self.hub, self.world);
    }
}
