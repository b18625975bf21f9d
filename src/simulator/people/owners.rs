//! What owners do to what they own: which repositories the App reaches, what is deleted, what it is
//! called.

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

use crate::simulator::{
    Simulator,
    acts::{Edit, Stage},
    events::Unasked,
    github::render::{Render, installation_stub, short_repository},
};

impl Simulator {
    /// Takes a repository out of those that the App reaches, or lets it reach it again.
    pub fn choose_repository(&self, full_name: &str, reached: bool) -> anyhow::Result<()> {
        let mut world = self.arrange();
        let id = world.repository_id(full_name)?;
        let owner = world.repository(id)?.owner.clone();
        let now = world.now();
        let installation = world.installation_of(&owner).context("not installed")?.id;
        let found = world.installations.get_mut(&installation).context("not installed")?;
        let changes = if reached { found.without.remove(&id) } else { found.without.insert(id) };
        if !changes {
            bail!("it is so already");
        }
        found.updated_at = now;
        let list = json!([short_repository(world.repository(id)?)]);
        let (added, removed) = if reached { (list, json!([])) } else { (json!([]), list) };
        let fields = json!({
            "repository_selection": "selected", "repositories_added": added,
            "repositories_removed": removed, "requester": null,
        });
        let action = if reached { "added" } else { "removed" };
        let event = Unasked { name: "installation_repositories", action, sender: &owner, fields };
        event.of_installation(&self.hub, &mut world, installation);
        Ok(())
    }

    /// Deletes a repository, with everything in it.
    pub fn delete_repository(&self, full_name: &str) -> anyhow::Result<()> {
        let mut world = self.arrange();
        let id = world.repository_id(full_name)?;
        let owner = world.repository(id)?.owner.clone();
        let hub = &*self.hub;
        let mut stage = Stage { hub, world: &mut world, repository: id, actor: &owner };
        stage.tell("repository", Some("deleted"), json!({}));
        world.repositories.remove(&id);
        Ok(())
    }

    /// Lets only those in who are let in, or everybody.
    pub fn set_private(&self, full_name: &str, private: bool) -> anyhow::Result<()> {
        let mut world = self.arrange();
        let id = world.repository_id(full_name)?;
        let owner = world.repository(id)?.owner.clone();
        world.repository_mut(id)?.private = private;
        let hub = &*self.hub;
        let mut stage = Stage { hub, world: &mut world, repository: id, actor: &owner };
        let action = if private { "privatized" } else { "publicized" };
        stage.tell("repository", Some(action), json!({}));
        Ok(())
    }

    /// Gives an account another login.
    pub fn rename_account(&self, from: &str, to: &str) -> anyhow::Result<()> {
        let mut world = self.arrange();
        let id = world.account(from).context("nobody is called so")?.id;
        let installation = world.installation_of(from).context("not installed")?.id;
        let is_theirs = |login: &str| login.eq_ignore_ascii_case(from);
        for account in world.accounts.iter_mut().filter(|account| account.id == id) {
            to.clone_into(&mut account.login);
        }
        let mut former = Vec::new();
        for repository in world.repositories.values_mut().filter(|one| is_theirs(&one.owner)) {
            former.push((repository.full_name().to_lowercase(), repository.id));
            to.clone_into(&mut repository.owner);
        }
        world.former_names.extend(former);
        if let Some(found) = world.installations.get_mut(&installation) {
            to.clone_into(&mut found.account);
        }
        let render = Render::new(&self.hub, &world);
        let kind = if render.is_organization(to) { "Organization" } else { "User" };
        let fields = json!({
            "account": without_kind(render.user(to)), "target_type": kind,
            "changes": {"login": {"from": from}}, "installation": installation_stub(installation),
        });
        let event = Unasked { name: "installation_target", action: "renamed", sender: to, fields };
        event.send(&self.hub, &mut world);
        Ok(())
    }

    /// A person takes back that the App may act in their name.
    pub fn revoke_authorization(&self, login: &str) -> anyhow::Result<()> {
        let mut world = self.arrange();
        world.account(login).context("nobody is called so")?;
        let (name, fields) = ("github_app_authorization", json!({}));
        Unasked { name, action: "revoked", sender: login, fields }.send(&self.hub, &mut world);
        Ok(())
    }

    /// Makes a pull request a draft, or ready for review.
    pub fn set_draft(
        &self,
        repository: &str,
        number: u64,
        login: &str,
        draft: bool,
    ) -> anyhow::Result<()> {
        let action = if draft { "converted_to_draft" } else { "ready_for_review" };
        self.on(repository, login, |stage| {
            let edit = Edit { action, what: action, extra: json!({}) };
            stage.edit(number, edit, |issue| {
                if let Some(pull) = &mut issue.pull {
                    pull.draft = draft;
                }
            })
        })
    }

    /// Gives an issue or pull request another title.
    pub fn retitle(
        &self,
        repository: &str,
        number: u64,
        login: &str,
        title: &str,
    ) -> anyhow::Result<()> {
        self.on(repository, login, |stage| {
            let found = stage.world.repository(stage.repository)?.issues.get(&number);
            let from = found.context("no such issue")?.title.clone();
            let extra = json!({"changes": {"title": {"from": from}}});
            let edit = Edit { action: "edited", what: "edited", extra };
            stage.edit(number, edit, |issue| title.clone_into(&mut issue.title))
        })
    }
}

/// An account in `installation_target` does not say of itself what it is.
fn without_kind(mut account: Value) -> Value {
    if let Value::Object(fields) = &mut account {
        fields.remove("type");
    }
    account
}
