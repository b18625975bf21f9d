//! What a test arranges: accounts, repositories, installations.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, bail};
use serde_json::json;

use crate::simulator::{
    Simulator,
    acts::Stage,
    events,
    git::Draft,
    world::{Account, AccountKind, Installation, Repository, Role, World},
};

/// How a repository begins.
#[derive(Debug, Clone, Default)]
pub struct RepositoryOptions {
    /// Seen by its people only.
    pub private: bool,
    /// `main` if blank.
    pub default_branch: String,
    /// The files of its first commit; a README if there are none.
    pub files: Vec<(String, Vec<u8>)>,
    /// No commit at all.
    pub empty: bool,
    /// Read-only from the start.
    pub archived: bool,
}

impl Simulator {
    /// Adds a person.
    pub fn add_user(&self, login: &str) -> u64 {
        add_account(&mut self.hub.world(), login, AccountKind::User)
    }

    /// Adds an organization.
    pub fn add_organization(&self, login: &str) -> u64 {
        add_account(&mut self.hub.world(), login, AccountKind::Organization)
    }

    /// Adds another App's bot; its login ends in `[bot]`.
    pub fn add_bot(&self, login: &str) -> u64 {
        add_account(&mut self.hub.world(), login, AccountKind::Bot)
    }

    /// Somebody deletes their account; what they wrote stays, by nobody.
    pub fn delete_account(&self, login: &str) {
        let gone = |account: &Account| account.login.eq_ignore_ascii_case(login);
        self.hub.world().accounts.retain(|account| !gone(account));
    }

    /// Adds a repository of an account; an unknown owner becomes an organization.
    pub fn add_repository(
        &self,
        full_name: &str,
        options: RepositoryOptions,
    ) -> anyhow::Result<u64> {
        let (owner, name) = full_name.split_once('/').context("a repository is owner/name")?;
        let mut world = self.hub.world();
        if world.repository_named(full_name).is_some() {
            bail!("{full_name} is there already");
        }
        add_account(&mut world, owner, AccountKind::Organization);
        let blank = options.default_branch.is_empty();
        let default_branch = if blank { "main".to_owned() } else { options.default_branch };
        let id = world.next_id();
        self.hub.git.create(id, &default_branch)?;
        if !options.empty {
            let mut files = options.files;
            if files.is_empty() {
                files.push(("README.md".to_owned(), format!("# {name}\n").into_bytes()));
            }
            let files: Vec<_> = files.into_iter().map(|(path, data)| (path, Some(data))).collect();
            let author = world.account(owner).context("no owner")?;
            let (branch, at) = (default_branch.as_str(), world.now());
            let draft = Draft {
                branch,
                parent: None,
                author,
                message: "Initial commit",
                at,
                files: &files,
            };
            self.hub.git.commit(id, &draft)?;
        }
        let created_at = world.now();
        let repository = Repository {
            id,
            owner: owner.to_owned(),
            name: name.to_owned(),
            private: options.private,
            archived: options.archived,
            default_branch,
            fork_of: None,
            roles: BTreeMap::new(),
            protected: BTreeSet::new(),
            issues: BTreeMap::new(),
            comments: BTreeMap::new(),
            checks: BTreeMap::new(),
            reviews: BTreeMap::new(),
            created_at,
        };
        world.repositories.insert(id, repository);
        Ok(id)
    }

    /// Forks a repository into somebody's account and says the fork's full name.
    pub fn fork(&self, repository: &str, login: &str) -> anyhow::Result<String> {
        let mut world = self.hub.world();
        let from = world.repository_id(repository)?;
        let owner = world.account(login).context("no such person")?.login.clone();
        let (id, created_at) = (world.next_id(), world.now());
        let mut fork = world.repository(from)?.clone();
        self.hub.git.create(id, &fork.default_branch)?;
        self.hub.git.take(id, from, "+refs/heads/*:refs/heads/*")?;
        fork.roles.clear();
        fork.protected.clear();
        fork.issues.clear();
        fork.comments.clear();
        fork.checks.clear();
        let fork =
            Repository { id, owner, fork_of: Some(from), archived: false, created_at, ..fork };
        let name = fork.full_name();
        world.repositories.insert(id, fork);
        Ok(name)
    }

    /// Gives a person `none`, `read`, `triage`, `write`, `maintain` or `admin`.
    pub fn set_permission(&self, repository: &str, login: &str, role: &str) -> anyhow::Result<()> {
        let mut world = self.hub.world();
        let id = world.repository_id(repository)?;
        let role = Role::parse(role)?;
        world.repository_mut(id)?.roles.insert(login.to_lowercase(), role);
        Ok(())
    }

    /// Installs the App on all repositories of an account.
    pub fn install(&self, account: &str) -> anyhow::Result<u64> {
        let mut world = self.arrange();
        if world.installation_of(account).is_some() {
            bail!("the App is installed on {account} already");
        }
        let account = world.account(account).context("no such account")?.login.clone();
        let usual = ["contents", "issues", "pull_requests", "checks"];
        let mut permissions: BTreeMap<String, String> =
            usual.map(|name| (name.to_owned(), "write".to_owned())).into();
        permissions.insert("metadata".to_owned(), "read".to_owned());
        let (id, created_at) = (world.next_id(), world.now());
        let installation = Installation {
            id,
            account: account.clone(),
            permissions,
            suspended_at: None,
            created_at,
            updated_at: created_at,
            without: BTreeSet::new(),
            writes: Vec::new(),
            closed: None,
            requests: Vec::new(),
        };
        world.installations.insert(id, installation);
        events::installation(&self.hub, &mut world, "created", id, &account);
        Ok(id)
    }

    /// Takes the App off an account; its tokens die.
    pub fn uninstall(&self, account: &str) -> anyhow::Result<()> {
        let mut world = self.arrange();
        let found = world.installation_of(account).context("not installed")?;
        let (id, account) = (found.id, found.account.clone());
        events::installation(&self.hub, &mut world, "deleted", id, &account);
        world.installations.remove(&id);
        world.tokens.retain(|_, grant| grant.installation != id);
        Ok(())
    }

    /// Suspends the App on an account, or lets it work again.
    pub fn suspend(&self, account: &str, suspended: bool) -> anyhow::Result<()> {
        let mut world = self.arrange();
        let found = world.installation_of(account).context("not installed")?;
        let (id, account, now) = (found.id, found.account.clone(), world.now());
        if let Some(installation) = world.installations.get_mut(&id) {
            installation.suspended_at = suspended.then_some(now);
            installation.updated_at = now;
        }
        let action = if suspended { "suspend" } else { "unsuspend" };
        events::installation(&self.hub, &mut world, action, id, &account);
        Ok(())
    }

    /// Replaces what the App may do on an account.
    pub fn set_installation_permissions(
        &self,
        account: &str,
        permissions: &[(&str, &str)],
    ) -> anyhow::Result<()> {
        let mut world = self.arrange();
        let found = world.installation_of(account).context("not installed")?;
        let (id, account, now) = (found.id, found.account.clone(), world.now());
        if let Some(installation) = world.installations.get_mut(&id) {
            installation.updated_at = now;
            let pairs = permissions.iter();
            installation.permissions =
                pairs.map(|(name, level)| ((*name).to_owned(), (*level).to_owned())).collect();
        }
        events::installation(&self.hub, &mut world, "new_permissions_accepted", id, &account);
        Ok(())
    }

    /// Refuses pushes to a branch from now on.
    pub fn protect_branch(&self, repository: &str, branch: &str) -> anyhow::Result<()> {
        let mut world = self.hub.world();
        let id = world.repository_id(repository)?;
        world.repository_mut(id)?.protected.insert(branch.to_owned());
        Ok(())
    }

    /// Gives a repository another owner or name; who asks for the old one is sent on.
    pub fn move_repository(&self, full_name: &str, to: &str) -> anyhow::Result<()> {
        let (new_owner, new_name) = to.split_once('/').context("a repository is owner/name")?;
        let mut world = self.arrange();
        let id = world.repository_id(full_name)?;
        let old_owner = world.repository(id)?.owner.clone();
        add_account(&mut world, new_owner, AccountKind::Organization);
        let from = json!({ "name": { "from": world.repository(id)?.name } });
        world.former_names.insert(full_name.to_lowercase(), id);
        let repository = world.repository_mut(id)?;
        new_owner.clone_into(&mut repository.owner);
        new_name.clone_into(&mut repository.name);
        let is_transfer = !old_owner.eq_ignore_ascii_case(new_owner);
        let (hub, world) = (&*self.hub, &mut *world);
        let mut stage = Stage { hub, world, repository: id, actor: new_owner };
        if is_transfer {
            let owner = json!({ "owner": { "from": { "organization": { "login": old_owner } } } });
            stage.tell("repository", Some("transferred"), json!({ "changes": owner }));
        } else {
            stage.tell("repository", Some("renamed"), json!({ "changes": { "repository": from } }));
        }
        Ok(())
    }

    /// Makes a repository read-only.
    pub fn archive(&self, repository: &str) -> anyhow::Result<()> {
        let mut world = self.arrange();
        let id = world.repository_id(repository)?;
        world.repository_mut(id)?.archived = true;
        let owner = world.repository(id)?.owner.clone();
        let (hub, world) = (&*self.hub, &mut *world);
        Stage { hub, world, repository: id, actor: &owner }.tell(
            "repository",
            Some("archived"),
            json!({}),
        );
        Ok(())
    }
}

fn add_account(world: &mut World, login: &str, kind: AccountKind) -> u64 {
    if let Some(account) = world.account(login) {
        return account.id;
    }
    let id = world.next_id();
    world.accounts.push(Account { id, login: login.to_owned(), kind });
    id
}
