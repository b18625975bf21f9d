//! What can happen on GitHub, whoever does it: by hand in a test or through the API.
//!
//! Each act changes the world, writes its effect into the journal and sends its webhook, in that
//! order, under one lock. Whether somebody may do it has been decided before.

pub(crate) mod push;
mod tell;

use anyhow::Context as _;
use serde_json::{Value, json};

use super::{
    hub::Hub,
    journal::Effect,
    world::{CheckRun, Comment, Issue, OnLine, Pull, Reaction, Review, World},
};

/// A new issue or pull request.
pub(crate) struct NewIssue<'a> {
    pub(crate) author: &'a str,
    pub(crate) title: &'a str,
    pub(crate) body: Option<&'a str>,
    pub(crate) pull: Option<Pull>,
}

/// How a change is told.
pub(crate) struct Edit<'a> {
    /// Of the webhook.
    pub(crate) action: &'a str,
    /// For the journal.
    pub(crate) what: &'a str,
    /// More fields of the webhook.
    pub(crate) extra: Value,
}

/// Where an act happens and who does it.
pub(crate) struct Stage<'a> {
    pub(crate) hub: &'a Hub,
    pub(crate) world: &'a mut World,
    pub(crate) repository: u64,
    pub(crate) actor: &'a str,
}

impl Stage<'_> {
    pub(crate) fn open(&mut self, new: NewIssue<'_>) -> anyhow::Result<u64> {
        let (id, now) = (self.world.next_id(), self.world.now());
        let repository = self.world.repository_mut(self.repository)?;
        let (number, name) = (repository.next_number(), repository.full_name());
        let pull = new.pull.clone();
        let issue = Issue {
            id,
            number,
            title: new.title.to_owned(),
            body: new.body.filter(|body| !body.is_empty()).map(str::to_owned),
            author: new.author.to_owned(),
            open: true,
            labels: Vec::new(),
            reactions: Vec::new(),
            created_at: now,
            updated_at: now,
            closed_at: None,
            pull: new.pull,
        };
        repository.issues.insert(number, issue);
        let (author, title) = (new.author.to_owned(), new.title.to_owned());
        if let Some(pull) = pull {
            let hidden = format!("refs/pull/{number}/head");
            self.hub.git.set_reference(self.repository, &hidden, &pull.head_sha)?;
            let Pull { head, base, draft, .. } = pull;
            let repository = name;
            self.hub.effect(Effect::PullOpened {
                repository,
                number,
                author,
                title,
                head,
                base,
                draft,
            });
            self.tell_pull("opened", number, json!({}))
        } else {
            self.hub.effect(Effect::IssueOpened { repository: name, number, author, title });
            self.tell_issue("opened", number, json!({}))
        }?;
        Ok(number)
    }

    /// Changes an issue or pull request.
    pub(crate) fn edit(
        &mut self,
        number: u64,
        edit: Edit<'_>,
        change: impl FnOnce(&mut Issue),
    ) -> anyhow::Result<()> {
        let Edit { action, what, extra } = edit;
        let now = self.world.now();
        let repository = self.world.repository_mut(self.repository)?;
        let name = repository.full_name();
        let issue = repository.issues.get_mut(&number).context("no such issue")?;
        change(issue);
        issue.updated_at = now;
        issue.closed_at = if issue.open { None } else { issue.closed_at.or(Some(now)) };
        let what = what.to_owned();
        let editor = self.actor.to_owned();
        if issue.pull.is_some() {
            self.hub.effect(Effect::PullEdited { repository: name, number, editor, what });
            self.tell_pull(action, number, extra)
        } else {
            self.hub.effect(Effect::IssueEdited { repository: name, number, editor, what });
            self.tell_issue(action, number, extra)
        }
    }

    pub(crate) fn comment(&mut self, number: u64, body: &str) -> anyhow::Result<u64> {
        self.say(number, body, None)
    }

    /// Comments in the conversation, or at a line of the change.
    pub(crate) fn say(
        &mut self,
        number: u64,
        body: &str,
        line: Option<OnLine>,
    ) -> anyhow::Result<u64> {
        let (id, now) = (self.world.next_id(), self.world.now());
        let author = self.actor.to_owned();
        let repository = self.world.repository_mut(self.repository)?;
        let name = repository.full_name();
        let issue = repository.issues.get_mut(&number).context("no such issue")?;
        issue.updated_at = now;
        let comment = Comment {
            id,
            number,
            author: author.clone(),
            body: body.to_owned(),
            reactions: Vec::new(),
            created_at: now,
            updated_at: now,
            line,
        };
        let at = comment.place();
        repository.comments.insert(id, comment);
        let (repository, body) = (name, body.to_owned());
        self.hub.effect(Effect::CommentCreated { repository, number, id, author, body, at });
        self.tell_comment("created", id, json!({}))?;
        Ok(id)
    }

    /// Marks the thread that a comment began as dealt with.
    pub(crate) fn resolve(&mut self, first: u64) -> anyhow::Result<()> {
        let editor = self.actor.to_owned();
        let repository = self.world.repository_mut(self.repository)?;
        let name = repository.full_name();
        let comment = repository.comments.get_mut(&first).context("no such comment")?;
        let at = comment.place().unwrap_or_default();
        let number = comment.number;
        let line = comment.line.as_mut().context("it stands at no line")?;
        line.is_resolved = true;
        let what = format!("({at}) is resolved");
        self.hub.effect(Effect::PullEdited { repository: name, number, editor, what });
        Ok(())
    }

    pub(crate) fn edit_comment(&mut self, id: u64, body: &str) -> anyhow::Result<()> {
        let now = self.world.now();
        let repository = self.world.repository_mut(self.repository)?;
        let name = repository.full_name();
        let comment = repository.comments.get_mut(&id).context("no such comment")?;
        let before = std::mem::replace(&mut comment.body, body.to_owned());
        comment.updated_at = now;
        let (number, at) = (comment.number, comment.place());
        let (repository, editor, body) = (name, self.actor.to_owned(), body.to_owned());
        self.hub.effect(Effect::CommentEdited { repository, number, id, editor, body, at });
        self.tell_comment("edited", id, json!({"changes": {"body": {"from": before}}}))
    }

    pub(crate) fn delete_comment(&mut self, id: u64) -> anyhow::Result<()> {
        self.tell_comment("deleted", id, json!({}))?;
        let repository = self.world.repository_mut(self.repository)?;
        let name = repository.full_name();
        let comment = repository.comments.remove(&id).context("no such comment")?;
        self.hub.effect(Effect::CommentDeleted { repository: name, number: comment.number, id });
        Ok(())
    }

    /// Adds a reaction; says whether it is new.
    pub(crate) fn react(
        &mut self,
        number: u64,
        comment: Option<u64>,
        content: &str,
    ) -> anyhow::Result<(bool, Reaction)> {
        let (id, created_at) = (self.world.next_id(), self.world.now());
        let (login, content) = (self.actor.to_owned(), content.to_owned());
        let repository = self.world.repository_mut(self.repository)?;
        let name = repository.full_name();
        let list = reactions(repository, number, comment).context("nothing to react to")?;
        let same = |old: &&Reaction| old.login == login && old.content == content;
        if let Some(old) = list.iter().find(same) {
            return Ok((false, old.clone()));
        }
        let reaction = Reaction { id, login: login.clone(), content: content.clone(), created_at };
        list.push(reaction.clone());
        let (repository, author) = (name, login);
        self.hub.effect(Effect::ReactionAdded { repository, number, comment, author, content });
        Ok((true, reaction))
    }

    /// Removes a reaction; says whether it was there.
    pub(crate) fn unreact(
        &mut self,
        number: u64,
        comment: Option<u64>,
        id: u64,
    ) -> anyhow::Result<bool> {
        let repository = self.world.repository_mut(self.repository)?;
        let name = repository.full_name();
        let list = reactions(repository, number, comment).context("nothing to react to")?;
        let Some(place) = list.iter().position(|reaction| reaction.id == id) else {
            return Ok(false);
        };
        let content = list.remove(place).content;
        self.hub.effect(Effect::ReactionRemoved { repository: name, number, comment, content });
        Ok(true)
    }

    /// Stores a new review.
    pub(crate) fn review(&mut self, review: Review) -> anyhow::Result<()> {
        let repository = self.world.repository_mut(self.repository)?;
        let name = repository.full_name();
        repository.reviews.insert(review.id, review.clone());
        let Review { id, number, author, state, body, comments, .. } = review;
        let state = state.to_owned();
        let repository = name;
        self.hub.effect(Effect::Reviewed { repository, number, id, author, state, body, comments });
        self.tell_review("submitted", id, json!({}))
    }

    /// Changes the text of a review, which changes its pull request too.
    pub(crate) fn edit_review(&mut self, id: u64, body: &str) -> anyhow::Result<()> {
        let (now, editor) = (self.world.now(), self.actor.to_owned());
        let repository = self.world.repository_mut(self.repository)?;
        let name = repository.full_name();
        let review = repository.reviews.get_mut(&id).context("no such review")?;
        let before = std::mem::replace(&mut review.body, body.to_owned());
        let number = review.number;
        let issue = repository.issues.get_mut(&number).context("no such pull request")?;
        issue.updated_at = now;
        let what = format!("edits a review: {body}");
        self.hub.effect(Effect::PullEdited { repository: name, number, editor, what });
        self.tell_review("edited", id, json!({"changes": {"body": {"from": before}}}))
    }

    /// Stores a check run, new or changed.
    pub(crate) fn check(&mut self, run: CheckRun, new: bool) -> anyhow::Result<()> {
        let repository = self.world.repository_mut(self.repository)?;
        let full_name = repository.full_name();
        repository.checks.insert(run.id, run.clone());
        let CheckRun { id, name, head_sha, status, conclusion, .. } = run;
        let done = status == "completed";
        self.hub.effect(if new {
            Effect::CheckCreated { repository: full_name, id, name, head_sha, status, conclusion }
        } else {
            Effect::CheckUpdated { repository: full_name, id, name, head_sha, status, conclusion }
        });
        if new {
            self.tell_check("created", id, json!({}))?;
        }
        if done {
            self.tell_check("completed", id, json!({}))?;
        }
        Ok(())
    }
}

/// Two objects as one.
pub(crate) fn with(first: Value, second: Value) -> Value {
    match (first, second) {
        (Value::Object(mut first), Value::Object(second)) => {
            first.extend(second);
            Value::Object(first)
        }
        (first, _) => first,
    }
}

fn reactions(
    repository: &mut super::world::Repository,
    number: u64,
    comment: Option<u64>,
) -> Option<&mut Vec<Reaction>> {
    match comment {
        Some(id) => repository.comments.get_mut(&id).map(|comment| &mut comment.reactions),
        None => repository.issues.get_mut(&number).map(|issue| &mut issue.reactions),
    }
}
