//! What a repository says about its own tasks: `.github/asynccoder.toml` of its default branch, over the
//! same file of the account's `.github` repository, over what the operator set.
//!
//! A repository chooses among what the operator offers, and may be stricter than the operator; it never
//! allows itself more: a budget only narrows, a permission is only raised, and a path that is closed to
//! us stays closed.

mod file;

use file::models_in;
pub use file::{Fault, PATH, read, read_bytes};

use super::catalog::Catalog;
use super::credit::Credits;
use super::ids::Sha;
use super::policy::Permission;
use super::task::Kind;
use super::text_enum;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Display;

text_enum!(
    /// Where a setting comes from.
    Origin {
        /// This repository's file.
        Repository = "this repository",
        /// The file of the account's `.github` repository.
        Account = "the account's `.github` repository",
        /// Both of them together.
        Both = "both files",
        /// What holds where no file says anything.
        Server = "this server",
    }
);

/// What one file says. What it leaves out, it leaves to the layer below.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layer {
    /// The model of a command that names none.
    pub model: Option<String>,
    /// What a command without a verb, and the label without a kind, ask for.
    pub kind: Option<Kind>,
    /// The only models that may be used.
    pub models: Option<Vec<String>>,
    /// The only kinds of work.
    pub kinds: Option<Vec<Kind>>,
    /// Whether labels ask for anything.
    pub labels: Option<bool>,
    /// The branch to start from and to target.
    pub base: Option<String>,
    /// Whether pull requests are drafts.
    pub draft: Option<bool>,
    /// Whether the branch of a pull request of ours goes with it.
    pub delete_branch: Option<bool>,
    /// Patterns of paths that may not be changed.
    pub protected: Option<Vec<String>>,
    /// What the agent is told about working here.
    pub instructions: Option<String>,
    /// The commands that tell whether a change is sound.
    pub checks: Option<Vec<String>>,
    /// The commands that fetch what those need.
    pub setup: Option<Vec<String>>,
    /// The most that a task may cost.
    pub budget: Option<Credits>,
    /// What it takes to ask for a kind of work.
    pub permissions: BTreeMap<Kind, Permission>,
    /// Whether pull requests are reviewed without being asked for.
    pub review_automatic: Option<bool>,
    /// … and again whenever something is pushed to them.
    pub review_on_push: Option<bool>,
}

/// What holds for a repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RepoConfig {
    /// The repository's own file.
    pub repository: Layer,
    /// The account's.
    pub account: Layer,
}

/// A file as it was last seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The commit of the repository's own file; the account's is asked for by time.
    pub sha: Option<Sha>,
    /// When it was looked at.
    pub looked_at: DateTime<Utc>,
    /// The last text of it that could be read; none where there is no file.
    pub good: Option<String>,
    /// What is wrong with what is there now.
    pub faults: Vec<Fault>,
}

impl Kept {
    /// What it says. What a newer version of this program no longer understands says nothing.
    pub fn layer(&self) -> Layer {
        self.good.as_deref().and_then(|text| read(text).ok()).unwrap_or_default()
    }
}

/// What a file says on this server: besides everything else, its models have to be there.
pub fn understand(bytes: &[u8], catalog: &Catalog) -> Result<(String, Layer), Vec<Fault>> {
    let layer = read_bytes(bytes)?;
    let text = String::from_utf8_lossy(bytes).into_owned();
    let fault = |(line, name): (usize, String)| {
        let no = catalog.find(&name).err()?;
        let meant = no.nearest.map(|meant| format!(" Did you mean `{meant}`?")).unwrap_or_default();
        Some(Fault { line: Some(line), what: format!("there is no model {:?}.{meant}", no.name) })
    };
    let faults: Vec<_> = models_in(&text).into_iter().filter_map(fault).collect();
    if faults.is_empty() { Ok((text, layer)) } else { Err(faults) }
}

/// One line of what holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The key.
    pub key: &'static str,
    /// Its value, as a file would say it.
    pub value: String,
    /// Where it comes from.
    pub from: Origin,
}

/// A setting that is to be another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What it will be.
    pub then: Setting,
    /// What it is.
    pub now: String,
}

impl RepoConfig {
    /// The model of a command that names none, if a file says so.
    pub fn model(&self) -> Option<&str> {
        self.first(|layer| layer.model.as_deref())
    }

    /// What a command without a verb asks for.
    pub fn kind(&self) -> Kind {
        self.first(|layer| layer.kind).unwrap_or(Kind::Async)
    }

    /// The only models that may be used; `None` where all may.
    pub fn models(&self) -> Option<&[String]> {
        self.first(|layer| layer.models.as_deref())
    }

    /// The only kinds of work; `None` where all are.
    pub fn kinds(&self) -> Option<&[Kind]> {
        self.first(|layer| layer.kinds.as_deref())
    }

    /// What it takes to ask for a kind of work.
    pub fn least_permission(&self, kind: Kind) -> Permission {
        self.first(|layer| layer.permissions.get(&kind).copied()).unwrap_or(Permission::Write)
    }

    /// Whether labels ask for anything.
    pub fn labels(&self) -> bool {
        self.first(|layer| layer.labels).unwrap_or(true)
    }

    /// The branch to start from and to target, if a file says so.
    pub fn base(&self) -> Option<&str> {
        self.first(|layer| layer.base.as_deref())
    }

    /// Whether pull requests are drafts, if a file says so.
    pub fn draft(&self) -> Option<bool> {
        self.first(|layer| layer.draft)
    }

    /// Whether the branch of a pull request of ours is deleted once that is closed.
    pub fn deletes_branch(&self) -> bool {
        self.first(|layer| layer.delete_branch).unwrap_or(false)
    }

    /// Patterns of paths that may not be changed: what either file closes is closed.
    pub fn protected(&self) -> Vec<String> {
        let layers = [&self.account, &self.repository];
        layers.iter().flat_map(|layer| layer.protected.iter().flatten()).cloned().collect()
    }

    /// What the agent is told about working here: the account's words, then the repository's.
    pub fn instructions(&self) -> Option<String> {
        let layers = [&self.account, &self.repository];
        let words: Vec<&str> =
            layers.iter().filter_map(|layer| layer.instructions.as_deref()).collect();
        (!words.is_empty()).then(|| words.join("\n\n"))
    }

    /// The commands that tell whether a change is sound, if a file says so.
    pub fn checks(&self) -> Option<&[String]> {
        self.first(|layer| layer.checks.as_deref())
    }

    /// The commands that fetch what checks need, if a file says so.
    pub fn setup(&self) -> Option<&[String]> {
        self.first(|layer| layer.setup.as_deref()).filter(|commands| !commands.is_empty())
    }

    /// The most that a task may cost, if a file says so: the smaller one of both.
    pub fn budget(&self) -> Option<Credits> {
        [self.repository.budget, self.account.budget].into_iter().flatten().min()
    }

    /// Whether a pull request is reviewed without being asked for.
    pub fn reviews_by_itself(&self) -> bool {
        self.first(|layer| layer.review_automatic).unwrap_or(false)
    }

    /// Whether it is reviewed again whenever something is pushed to it.
    pub fn reviews_pushes(&self) -> bool {
        self.reviews_by_itself() && self.first(|layer| layer.review_on_push).unwrap_or(false)
    }

    fn first<'c, T>(&'c self, get: impl Fn(&'c Layer) -> Option<T>) -> Option<T> {
        get(&self.repository).or_else(|| get(&self.account))
    }

    /// What is different from what holds now.
    pub fn changes_from(&self, now: &Self, default_model: Option<&str>) -> Vec<Change> {
        let both = self.settings(default_model).into_iter().zip(now.settings(default_model));
        // Of long words only their length is shown.
        let other_words = self.instructions() != now.instructions();
        let is_other = |then: &Setting, now: &Setting| {
            then.value != now.value || (then.key == "instructions" && other_words)
        };
        both.filter(|(then, now)| is_other(then, now))
            .map(|(then, now)| Change { then, now: now.value })
            .collect()
    }

    /// All of it, in the order of the documentation.
    pub fn settings(&self, default_model: Option<&str>) -> Vec<Setting> {
        let mut rows = Rows { config: self, settings: Vec::new() };
        let quoted = |text: &str| format!("{text:?}");
        let all = || "all".to_owned();
        rows.add(
            "model",
            |l| l.model.as_deref().map(quoted),
            || default_model.map_or_else(|| "none".to_owned(), quoted),
        );
        rows.add("models", |l| l.models.as_ref().map(|names| list(names)), all);
        rows.add("kind", |l| l.kind.map(|kind| quoted(kind.as_str())), || quoted("async"));
        rows.add("kinds", |l| l.kinds.as_ref().map(|kinds| list(kinds)), all);
        rows.add("labels", |l| l.labels.map(yes), || yes(true));
        rows.add("base", |l| l.base.as_deref().map(quoted), || "the default branch".to_owned());
        rows.add("draft", |l| l.draft.map(yes), || "unless a check has passed".to_owned());
        rows.add("delete_branch", |l| l.delete_branch.map(yes), || yes(false));
        let protected = rows.of(|l| l.protected.is_some());
        rows.put("protected", list(&self.protected()), protected);
        let words = self.instructions().as_deref().map_or_else(|| "none".to_owned(), characters);
        let instructions = rows.of(|l| l.instructions.is_some());
        rows.put("instructions", words, instructions);
        rows.add(
            "checks",
            |l| l.checks.as_ref().map(|checks| list(checks)),
            || "found by myself".to_owned(),
        );
        rows.add("setup", |l| l.setup.as_ref().map(|setup| list(setup)), || "none".to_owned());
        // The smaller one of both counts.
        let budget = self.budget();
        rows.add(
            "budget",
            |l| l.budget.filter(|own| Some(*own) == budget).map(|credits| credits.0.to_string()),
            || "what each kind may cost".to_owned(),
        );
        rows.add("review.automatic", |l| l.review_automatic.map(yes), || yes(false));
        rows.add("review.on_push", |l| l.review_on_push.map(yes), || yes(false));
        for kind in Kind::ALL {
            let key = permission_key(*kind);
            let set = |l: &Layer| l.permissions.get(kind).map(|p| quoted(p.as_str()));
            rows.add(key, set, || quoted("write"));
        }
        rows.settings
    }
}

struct Rows<'a> {
    config: &'a RepoConfig,
    settings: Vec<Setting>,
}

impl Rows<'_> {
    fn add(
        &mut self,
        key: &'static str,
        get: impl Fn(&Layer) -> Option<String>,
        otherwise: impl FnOnce() -> String,
    ) {
        let layers = [
            (&self.config.repository, Origin::Repository),
            (&self.config.account, Origin::Account),
        ];
        let found = layers.into_iter().find_map(|(layer, from)| Some((get(layer)?, from)));
        let (value, from) = found.unwrap_or_else(|| (otherwise(), Origin::Server));
        self.put(key, value, from);
    }

    fn put(&mut self, key: &'static str, value: String, from: Origin) {
        self.settings.push(Setting { key, value, from });
    }

    /// Where a setting comes from of which the files say something together.
    fn of(&self, says: impl Fn(&Layer) -> bool) -> Origin {
        match (says(&self.config.repository), says(&self.config.account)) {
            (true, true) => Origin::Both,
            (true, false) => Origin::Repository,
            (false, true) => Origin::Account,
            (false, false) => Origin::Server,
        }
    }
}

const fn permission_key(kind: Kind) -> &'static str {
    match kind {
        Kind::Ask => "permissions.ask",
        Kind::Architect => "permissions.architect",
        Kind::PrReview => "permissions.pr_review",
        Kind::Documentation => "permissions.documentation",
        Kind::Debug => "permissions.debug",
        Kind::Async => "permissions.async",
    }
}

fn list<T: Display>(items: &[T]) -> String {
    let items: Vec<_> = items.iter().map(|item| format!("{:?}", item.to_string())).collect();
    format!("[{}]", items.join(", "))
}

fn yes(yes: bool) -> String {
    yes.to_string()
}

fn characters(text: &str) -> String {
    format!("{} characters", text.chars().count())
}
