//! What a test arranges: accounts, repositories, and what people do by hand.
//!
//! People are never limited by permissions here: the test says what happened.

use anyhow::{Context as _, bail};
use serde_json::json;

use super::{
    Simulator,
    acts::{Edit, NewIssue, Stage, push::Move},
    events,
    git::Draft,
    world::{Account, AccountKind, Installation, Pull, Repository, Role, World},
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

/// A pull request to open.
#[derive(Debug, Clone, Default)]
pub struct Opening {
    /// Its title.
    pub title: String,
    /// Its description.
    pub body: String,
    /// The branch it brings.
    pub head: String,
    /// The branch it goes to; the default branch if blank.
    pub base: String,
    /// Not ready yet.
    pub draft: bool,
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
            roles: std::collections::BTreeMap::new(),
            protected: std::collections::BTreeSet::new(),
            issues: std::collections::BTreeMap::new(),
            comments: std::collections::BTreeMap::new(),
            checks: std::collections::BTreeMap::new(),
            created_at,
        };
        world.repositories.insert(id, repository);
        Ok(id)
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
        let mut permissions: std::collections::BTreeMap<String, String> =
            usual.map(|name| (name.to_owned(), "write".to_owned())).into();
        permissions.insert("metadata".to_owned(), "read".to_owned());
        let (id, created_at) = (world.next_id(), world.now());
        let installation = Installation {
            id,
            account: account.clone(),
            permissions,
            suspended_at: None,
            created_at,
            writes: Vec::new(),
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
        let (id, account) = (found.id, found.account.clone());
        if let Some(installation) = world.installations.get_mut(&id) {
            let pairs = permissions.iter();
            installation.permissions =
                pairs.map(|(name, level)| ((*name).to_owned(), (*level).to_owned())).collect();
        }
        events::installation(&self.hub, &mut world, "new_permissions_accepted", id, &account);
        Ok(())
    }

    /// Opens an issue and says its number.
    pub fn open_issue(
        &self,
        repository: &str,
        login: &str,
        title: &str,
        body: &str,
    ) -> anyhow::Result<u64> {
        self.on(repository, login, |stage| {
            stage.open(NewIssue { author: login, title, body: Some(body), pull: None })
        })
    }

    /// Opens a pull request and says its number.
    pub fn open_pull_request(
        &self,
        repository: &str,
        login: &str,
        opening: &Opening,
    ) -> anyhow::Result<u64> {
        self.on(repository, login, |stage| {
            let found = stage.world.repository(stage.repository)?;
            let blank = opening.base.is_empty();
            let base = if blank { &found.default_branch } else { &opening.base };
            let sha = |branch: &str| {
                let sha =
                    stage.hub.git.reference(stage.repository, &format!("refs/heads/{branch}"));
                sha.with_context(|| format!("no branch {branch}"))
            };
            let (head_sha, base_sha) = (sha(&opening.head)?, sha(base)?);
            let size = stage.hub.git.size(stage.repository, &base_sha, &head_sha)?;
            let pull = Pull {
                head: opening.head.clone(),
                base: base.clone(),
                head_sha,
                base_sha,
                draft: opening.draft,
                merged_at: None,
                maintainer_can_modify: false,
                size,
            };
            let (title, body) = (opening.title.as_str(), Some(opening.body.as_str()));
            stage.open(NewIssue { author: login, title, body, pull: Some(pull) })
        })
    }

    /// Closes an issue or pull request, or opens it again.
    pub fn close(
        &self,
        repository: &str,
        number: u64,
        login: &str,
        closed: bool,
    ) -> anyhow::Result<()> {
        let action = if closed { "closed" } else { "reopened" };
        self.on(repository, login, |stage| {
            let edit = Edit { action, what: action, extra: json!({}) };
            stage.edit(number, edit, |issue| issue.open = !closed)
        })
    }

    /// Puts a label on an issue or pull request.
    pub fn label(
        &self,
        repository: &str,
        number: u64,
        login: &str,
        label: &str,
    ) -> anyhow::Result<()> {
        let extra =
            json!({"label": super::github::render::label(&self.hub.urls.api, repository, label)});
        self.on(repository, login, |stage| {
            let what = format!("labeled {label}");
            let edit = Edit { action: "labeled", what: &what, extra };
            stage.edit(number, edit, |issue| issue.labels.push(label.to_owned()))
        })
    }

    /// Comments and says the comment's id.
    pub fn comment(
        &self,
        repository: &str,
        number: u64,
        login: &str,
        body: &str,
    ) -> anyhow::Result<u64> {
        self.on(repository, login, |stage| stage.comment(number, body))
    }

    /// Gives a comment another text.
    pub fn edit_comment(
        &self,
        repository: &str,
        id: u64,
        login: &str,
        body: &str,
    ) -> anyhow::Result<()> {
        self.on(repository, login, |stage| stage.edit_comment(id, body))
    }

    /// Deletes a comment.
    pub fn delete_comment(&self, repository: &str, id: u64, login: &str) -> anyhow::Result<()> {
        self.on(repository, login, |stage| stage.delete_comment(id))
    }

    /// Presses a button of a check run.
    pub fn press(
        &self,
        repository: &str,
        check: u64,
        login: &str,
        button: &str,
    ) -> anyhow::Result<()> {
        self.on(repository, login, |stage| {
            let extra = json!({"requested_action": {"identifier": button}});
            stage.tell_check("requested_action", check, extra)
        })
    }

    /// Refuses pushes to a branch from now on.
    pub fn protect_branch(&self, repository: &str, branch: &str) -> anyhow::Result<()> {
        let mut world = self.hub.world();
        let id = world.repository_id(repository)?;
        world.repository_mut(id)?.protected.insert(branch.to_owned());
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

    /// Commits files to a branch, made from the default branch if it is new; says the SHA.
    /// A file without content is deleted.
    pub fn commit_as(
        &self,
        repository: &str,
        login: &str,
        branch: &str,
        files: &[(&str, Option<&str>)],
    ) -> anyhow::Result<String> {
        self.on(repository, login, |stage| {
            let git = &stage.hub.git;
            let reference = format!("refs/heads/{branch}");
            let main = stage.world.repository(stage.repository)?.default_branch.clone();
            let old = git.reference(stage.repository, &reference);
            let parent = old
                .clone()
                .or_else(|| git.reference(stage.repository, &format!("refs/heads/{main}")));
            let files: Vec<(String, Option<Vec<u8>>)> = files
                .iter()
                .map(|(path, text)| ((*path).to_owned(), text.map(|text| text.as_bytes().to_vec())))
                .collect();
            let author = stage.world.account(login).context("no such person")?;
            let first = files.first().map_or("nothing", |(path, _)| path.as_str());
            let message = format!("Update {first}");
            let at = stage.world.now();
            let draft = Draft {
                branch,
                parent: parent.as_deref(),
                author,
                message: &message,
                at,
                files: &files,
            };
            let new = git.commit(stage.repository, &draft)?;
            stage.pushed(&Move { reference, old, new: Some(new.clone()) })?;
            Ok(new)
        })
    }

    fn on<T>(
        &self,
        repository: &str,
        actor: &str,
        act: impl FnOnce(&mut Stage<'_>) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let mut world = self.arrange();
        world.account(actor).with_context(|| format!("nobody is called {actor}"))?;
        let repository = world.repository_id(repository)?;
        act(&mut Stage { hub: &self.hub, world: &mut world, repository, actor })
    }

    fn arrange(&self) -> std::sync::MutexGuard<'_, World> {
        let mut world = self.hub.world();
        world.quiet = self.quiet;
        world
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
