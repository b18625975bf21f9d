//! The simulated GitHub as plain data: accounts, repositories, installations, tokens.
//!
//! Data and look-ups only. What changes it and what follows from a change is in `acts`.

mod role;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use anyhow::Context as _;
use chrono::{DateTime, TimeDelta, Utc};
use rand::{SeedableRng as _, rngs::StdRng};
use serde_json::Value;

pub(crate) use self::role::{Role, covers, role};
use super::{AppCredentials, github::limits::Limits};

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) accounts: Vec<Account>,
    pub(crate) repositories: BTreeMap<u64, Repository>,
    /// Names, in lower case, that repositories had before.
    pub(crate) former_names: BTreeMap<String, u64>,
    pub(crate) installations: BTreeMap<u64, Installation>,
    /// The plans on the Marketplace; none: the App is not there.
    pub(crate) listing: Vec<Listed>,
    /// By account.
    pub(crate) purchases: BTreeMap<u64, Bought>,
    pub(crate) tokens: BTreeMap<String, Grant>,
    pub(crate) limits: Limits,
    pub(crate) random: StdRng,
    /// Set while a handle acts that sends no webhooks.
    pub(crate) quiet: bool,
    /// So long a new thing is missing in lists.
    pub(crate) lag: TimeDelta,
    /// When things were numbered, as long as there is a lag.
    born: BTreeMap<u64, DateTime<Utc>>,
    offset: TimeDelta,
    last_id: u64,
}

impl World {
    pub(crate) fn new(seed: u64, app: &AppCredentials) -> Self {
        let bot = Account { id: app.bot_id, login: app.bot_login.clone(), kind: AccountKind::Bot };
        Self {
            accounts: vec![bot],
            repositories: BTreeMap::new(),
            former_names: BTreeMap::new(),
            installations: BTreeMap::new(),
            listing: Vec::new(),
            purchases: BTreeMap::new(),
            tokens: BTreeMap::new(),
            limits: Limits::default(),
            random: StdRng::seed_from_u64(seed),
            quiet: false,
            lag: TimeDelta::zero(),
            born: BTreeMap::new(),
            offset: TimeDelta::zero(),
            last_id: 1000,
        }
    }

    /// GitHub's clock.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        Utc::now() + self.offset
    }

    pub(crate) fn advance(&mut self, by: Duration) {
        self.offset += TimeDelta::from_std(by).unwrap_or(TimeDelta::zero());
    }

    pub(crate) fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        if self.lag > TimeDelta::zero() {
            self.born.insert(self.last_id, self.now());
        }
        self.last_id
    }

    /// Whether a thing is in lists yet.
    pub(crate) fn is_listed(&self, id: u64) -> bool {
        self.born.get(&id).is_none_or(|born| *born + self.lag <= self.now())
    }

    pub(crate) fn account(&self, login: &str) -> Option<&Account> {
        self.accounts.iter().find(|account| account.login.eq_ignore_ascii_case(login))
    }

    pub(crate) fn repository_named(&self, full_name: &str) -> Option<&Repository> {
        let mut all = self.repositories.values();
        all.find(|repository| repository.full_name().eq_ignore_ascii_case(full_name))
    }

    /// The repository that had this name before, unless another has it now.
    pub(crate) fn moved_from(&self, full_name: &str) -> Option<&Repository> {
        if self.repository_named(full_name).is_some() {
            return None;
        }
        self.repositories.get(self.former_names.get(&full_name.to_lowercase())?)
    }

    /// The number of a repository that must be there, under this name or a former one.
    pub(crate) fn repository_id(&self, full_name: &str) -> anyhow::Result<u64> {
        let found = self.repository_named(full_name).or_else(|| self.moved_from(full_name));
        Ok(found.with_context(|| format!("no repository {full_name}"))?.id)
    }

    pub(crate) fn repository(&self, id: u64) -> anyhow::Result<&Repository> {
        self.repositories.get(&id).with_context(|| format!("no repository {id}"))
    }

    pub(crate) fn repository_mut(&mut self, id: u64) -> anyhow::Result<&mut Repository> {
        self.repositories.get_mut(&id).with_context(|| format!("no repository {id}"))
    }

    pub(crate) fn installation_of(&self, login: &str) -> Option<&Installation> {
        let mut all = self.installations.values();
        all.find(|installation| installation.account.eq_ignore_ascii_case(login))
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) id: u64,
    pub(crate) login: String,
    pub(crate) kind: AccountKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AccountKind {
    User,
    Organization,
    Bot,
}

impl AccountKind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Organization => "Organization",
            Self::Bot => "Bot",
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Repository {
    pub(crate) id: u64,
    pub(crate) owner: String,
    pub(crate) name: String,
    pub(crate) private: bool,
    pub(crate) archived: bool,
    pub(crate) default_branch: String,
    pub(crate) fork_of: Option<u64>,
    /// By login in lower case.
    pub(crate) roles: BTreeMap<String, Role>,
    pub(crate) protected: BTreeSet<String>,
    pub(crate) issues: BTreeMap<u64, Issue>,
    pub(crate) comments: BTreeMap<u64, Comment>,
    pub(crate) checks: BTreeMap<u64, CheckRun>,
    pub(crate) reviews: BTreeMap<u64, Review>,
    pub(crate) created_at: DateTime<Utc>,
}

impl Repository {
    pub(crate) fn full_name(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }

    pub(crate) fn next_number(&self) -> u64 {
        self.issues.keys().next_back().map_or(1, |last| last + 1)
    }

    pub(crate) fn comments_on(&self, number: u64) -> impl Iterator<Item = &Comment> {
        self.comments.values().filter(move |comment| comment.number == number)
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Issue {
    pub(crate) id: u64,
    pub(crate) number: u64,
    pub(crate) title: String,
    pub(crate) body: Option<String>,
    pub(crate) author: String,
    pub(crate) open: bool,
    pub(crate) labels: Vec<String>,
    pub(crate) reactions: Vec<Reaction>,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
    pub(crate) closed_at: Option<DateTime<Utc>>,
    pub(crate) pull: Option<Pull>,
}

/// What makes an issue a pull request.
#[derive(Debug, Clone)]
pub(crate) struct Pull {
    /// The fork it comes from; `None` for a branch of the same repository.
    pub(crate) fork: Option<u64>,
    pub(crate) head: String,
    pub(crate) head_sha: String,
    pub(crate) base: String,
    pub(crate) base_sha: String,
    pub(crate) draft: bool,
    pub(crate) merged_at: Option<DateTime<Utc>>,
    pub(crate) maintainer_can_modify: bool,
    pub(crate) size: Size,
}

/// How much a pull request changes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Size {
    pub(crate) commits: u64,
    pub(crate) files: u64,
    pub(crate) additions: u64,
    pub(crate) deletions: u64,
}

#[derive(Debug, Clone)]
pub(crate) struct Comment {
    pub(crate) id: u64,
    pub(crate) number: u64,
    pub(crate) author: String,
    pub(crate) body: String,
    pub(crate) reactions: Vec<Reaction>,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
    /// Where it stands in a change; `None` in a conversation.
    pub(crate) line: Option<OnLine>,
}

impl Comment {
    /// `path:line`, for those who tell of it.
    pub(crate) fn place(&self) -> Option<String> {
        self.line.as_ref().map(|at| format!("{}:{}", at.path, at.line))
    }
}

/// A line of a pull request's change.
#[derive(Debug, Clone)]
pub(crate) struct OnLine {
    pub(crate) path: String,
    pub(crate) line: u64,
    pub(crate) hunk: String,
    pub(crate) commit: String,
    /// The review that it is part of.
    pub(crate) review: u64,
    /// The first comment of its thread, unless it is that.
    pub(crate) reply_to: Option<u64>,
    /// Whether the thread that it began is dealt with.
    pub(crate) is_resolved: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Review {
    pub(crate) id: u64,
    pub(crate) number: u64,
    pub(crate) author: String,
    pub(crate) state: &'static str,
    pub(crate) body: String,
    pub(crate) commit: String,
    /// As they were written.
    pub(crate) comments: Vec<Value>,
    pub(crate) submitted_at: DateTime<Utc>,
}

#[derive(Debug, Clone)]
pub(crate) struct Reaction {
    pub(crate) id: u64,
    pub(crate) login: String,
    pub(crate) content: String,
    pub(crate) created_at: DateTime<Utc>,
}

#[derive(Debug, Clone)]
pub(crate) struct CheckRun {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) head_sha: String,
    pub(crate) status: String,
    pub(crate) conclusion: Option<String>,
    pub(crate) external_id: String,
    pub(crate) details_url: Option<String>,
    pub(crate) started_at: Option<String>,
    pub(crate) completed_at: Option<String>,
    pub(crate) title: Option<String>,
    pub(crate) summary: Option<String>,
    pub(crate) text: Option<String>,
    pub(crate) annotations: Vec<Value>,
    pub(crate) actions: Vec<Value>,
}

#[derive(Debug, Clone)]
pub(crate) struct Installation {
    pub(crate) id: u64,
    pub(crate) account: String,
    pub(crate) permissions: BTreeMap<String, String>,
    pub(crate) suspended_at: Option<DateTime<Utc>>,
    pub(crate) created_at: DateTime<Utc>,
    /// When somebody last changed it.
    pub(crate) updated_at: DateTime<Utc>,
    /// Repositories of the account that it does not reach.
    pub(crate) without: BTreeSet<u64>,
    /// When content was created, for the secondary limit.
    pub(crate) writes: Vec<DateTime<Utc>>,
    /// Since when and until when it was asked to wait.
    pub(crate) closed: Option<(DateTime<Utc>, DateTime<Utc>)>,
    /// When requests were made, for the primary limit.
    pub(crate) requests: Vec<DateTime<Utc>>,
}

impl Installation {
    /// Whether it reaches a repository.
    pub(crate) fn reaches(&self, repository: &Repository) -> bool {
        self.account.eq_ignore_ascii_case(&repository.owner)
            && !self.without.contains(&repository.id)
    }
}

/// A plan of the App's listing on the Marketplace.
#[derive(Debug, Clone)]
pub(crate) struct Listed {
    pub(crate) id: u64,
    pub(crate) name: String,
    /// What it costs a month.
    pub(crate) cents: u64,
}

/// What an account has bought.
#[derive(Debug, Clone)]
pub(crate) struct Bought {
    pub(crate) plan: Listed,
    /// Since when it pays.
    pub(crate) since: DateTime<Utc>,
    pub(crate) changed: DateTime<Utc>,
    pub(crate) yearly: bool,
}

/// What a token may do.
#[derive(Debug, Clone)]
pub(crate) struct Grant {
    pub(crate) installation: u64,
    pub(crate) permissions: BTreeMap<String, String>,
    pub(crate) repositories: Option<Vec<u64>>,
    pub(crate) expires_at: DateTime<Utc>,
}
