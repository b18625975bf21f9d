//! Decides what becomes of a command: a pure function from the facts to an answer, a refusal or a
//! start. It asks nobody and changes nothing, so every case can be tested as a value.

use super::catalog::{Catalog, Model, NoSuchModel, Provider};
use super::command::{Command, Key, Verb};
use super::credit::{Credits, Daily, Quote};
use super::event::Source;
use super::ids::TaskId;
use super::limits::Limit;
use super::repo_config::RepoConfig;
use super::task::Kind;
use super::text_enum;

text_enum!(
    /// What somebody may do in a repository, in the four words of GitHub's collaborator-permission
    /// endpoint: `maintain` counts as `write` there, `triage` as `read`.
    Permission {
        /// Nothing beyond what everybody may.
        None = "none",
        /// See it.
        Read = "read",
        /// Push to it.
        Write = "write",
        /// Everything.
        Admin = "admin",
    }
);

impl Verb {
    /// The least that the sender must be allowed.
    pub const fn least_permission(self) -> Permission {
        match self {
            Verb::Help | Verb::Ping | Verb::Models | Verb::Status => Permission::Read,
            Verb::Debug
            | Verb::Ask
            | Verb::Documentation
            | Verb::Architect
            | Verb::PrReview
            | Verb::Async
            | Verb::Cancel
            | Verb::Retry
            | Verb::Credits
            | Verb::Config => Permission::Write,
        }
    }
}

/// Everything that is known when a command is decided.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    /// What was asked for.
    pub command: &'a Command,
    /// What the sender may do here.
    pub permission: Permission,
    /// Whether the sender asked for the very task that the command is about.
    pub is_requester: bool,
    /// Whether the thread is a pull request.
    pub on_pull_request: bool,
    /// What asks.
    pub source: Source,
    /// What the repository's files say.
    pub config: &'a RepoConfig,
    /// The state of the repository.
    pub repository: RepositoryState,
    /// The models.
    pub catalog: &'a Catalog,
    /// The providers that have a key.
    pub providers: &'a [Provider],
    /// The operator's default model.
    pub default_model: Option<&'a str>,
    /// What the account can still hold.
    pub available: Credits,
    /// What is left of the day's limits.
    pub daily: Daily,
    /// What the last tasks of this kind and model cost.
    pub recent: &'a [Credits],
}

/// What a repository allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RepositoryState {
    /// Read-only.
    Archived,
    /// Without a commit.
    Empty,
    /// The branch to start from does not exist.
    NoBranch(String),
    /// The branch that should be made exists already.
    BranchExists(String),
    /// A review has looked at this commit already.
    Reviewed(TaskId),
    /// The pull request that should be worked on is closed or merged.
    Closed,
    /// Work can begin.
    Ready,
}

/// What becomes of a command.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// A free verb: answer it.
    Answer,
    /// A task.
    Start(Start),
    /// Nothing, and the person is told why.
    Refuse(Refusal),
}

/// What is settled about a task before it exists.
#[derive(Clone, Debug, PartialEq)]
pub struct Start {
    /// What sort of work.
    pub kind: Kind,
    /// On which model.
    pub model: Model,
    /// What it will probably cost, and at most.
    pub quote: Quote,
    /// What is held for it.
    pub hold: Credits,
}

/// Why a command is not carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The sender may not.
    NotAllowed {
        /// What they asked for.
        verb: Verb,
        /// What it takes.
        needs: Permission,
        /// What they have.
        has: Permission,
    },
    /// A limit is reached.
    Limited(Limit),
    /// Nobody asked for it, and the repository does not want it by itself.
    NotWanted,
    /// Labels ask for nothing here.
    LabelsOff,
    /// The repository does not want this kind of work.
    KindNotAllowed {
        /// What was asked for.
        kind: Kind,
        /// What may be.
        allowed: Vec<Kind>,
    },
    /// The repository does not want this model.
    ModelNotAllowed {
        /// Which.
        model: String,
        /// What may be used.
        allowed: Vec<String>,
    },
    /// It is for pull requests, and was asked for in an issue.
    WrongThread,
    /// No such model.
    NoSuchModel(NoSuchModel),
    /// The model's provider has no key on this server.
    NoKey {
        /// The model.
        model: String,
        /// Whose key is missing.
        provider: Provider,
    },
    /// No provider has a key on this server.
    NoModels,
    /// The repository is read-only.
    Archived,
    /// The repository has no commit.
    Empty,
    /// The branch to start from does not exist.
    NoBranch(String),
    /// The branch to be made exists already.
    BranchExists(String),
    /// A review has looked at this commit already.
    NothingNew(TaskId),
    /// The pull request that should be worked on is closed or merged.
    Closed,
    /// This key means nothing on a pull request.
    KeyForIssues(Key),
    /// Less is available than the kind needs to start.
    NotEnoughCredits {
        /// What there is.
        available: Credits,
        /// What it takes.
        least: Credits,
    },
    /// The day's limit leaves less than the kind needs to start.
    DailyLimit {
        /// What is left of it today.
        left: Credits,
        /// Whether it is the person's own limit, and not the account's.
        of_person: bool,
    },
    /// The repository's files allow less than the kind needs to start.
    RepositoryBudget {
        /// What they allow.
        budget: Credits,
        /// What it takes.
        least: Credits,
    },
    /// The person allowed less than the kind needs to start.
    BudgetTooSmall {
        /// What was allowed.
        budget: Credits,
        /// What it takes.
        least: Credits,
    },
    /// GitHub did not tell us what we had to know, for too long.
    GitHubUnreachable,
    /// The App lacks a permission that an owner can grant.
    Lacks(String),
    /// The App lacks access to what it would need.
    NoAccess,
}

/// Decides. The order is that of what a person can mend first.
pub fn decide(facts: &Facts<'_>) -> Decision {
    let verb = facts.command.verb;
    let needs = verb.least_permission();
    let own_task =
        verb == Verb::Cancel && facts.is_requester && facts.permission >= Permission::Read;
    if facts.permission < needs && !own_task {
        return Decision::Refuse(Refusal::NotAllowed { verb, needs, has: facts.permission });
    }
    match verb.kind() {
        None => Decision::Answer,
        Some(kind) => start(facts, kind).map_or_else(Decision::Refuse, Decision::Start),
    }
}

fn start(facts: &Facts<'_>, kind: Kind) -> Result<Start, Refusal> {
    check_rules((facts.source, facts.permission), facts.config, kind)?;
    if !kind.works_on(facts.on_pull_request) {
        return Err(Refusal::WrongThread);
    }
    if let Some(key) = key_for_issues(facts) {
        return Err(Refusal::KeyForIssues(key));
    }
    match &facts.repository {
        RepositoryState::Archived => return Err(Refusal::Archived),
        RepositoryState::Empty => return Err(Refusal::Empty),
        RepositoryState::NoBranch(name) => return Err(Refusal::NoBranch(name.clone())),
        RepositoryState::BranchExists(name) => return Err(Refusal::BranchExists(name.clone())),
        RepositoryState::Reviewed(task) => return Err(Refusal::NothingNew(*task)),
        RepositoryState::Closed => return Err(Refusal::Closed),
        RepositoryState::Ready => {}
    }
    let model = choose_model(facts)?.clone();
    let limits = kind.limits();
    let budget = check_budget(facts, limits.least)?;
    check_daily(facts.daily, limits.least)?;
    let quote = Quote::from_history(facts.recent.to_vec(), limits.cap);
    let hold = quote
        .hold(
            budget,
            facts.available.min(facts.daily.account).min(facts.daily.person),
            limits.least,
        )
        .ok_or(Refusal::NotEnoughCredits { available: facts.available, least: limits.least })?;
    Ok(Start { kind, model, quote, hold })
}

/// Why the repository wants nothing that is asked for in this way, if it does not.
pub fn unwanted(source: Source, config: &RepoConfig) -> Option<Refusal> {
    if source == Source::Label && !config.labels() {
        return Some(Refusal::LabelsOff);
    }
    let is_unwanted = (source == Source::Offer && !config.reviews_by_itself())
        || (source == Source::Push && !config.reviews_pushes());
    is_unwanted.then_some(Refusal::NotWanted)
}

/// What the repository's files say about who may ask for what, and in which way.
pub fn check_rules(
    (source, permission): (Source, Permission),
    config: &RepoConfig,
    kind: Kind,
) -> Result<(), Refusal> {
    if let Some(unwanted) = unwanted(source, config) {
        return Err(unwanted);
    }
    let needs = config.least_permission(kind);
    if permission < needs {
        return Err(Refusal::NotAllowed { verb: Verb::of(kind), needs, has: permission });
    }
    match config.kinds() {
        Some(allowed) if !allowed.contains(&kind) => {
            Err(Refusal::KindNotAllowed { kind, allowed: allowed.to_vec() })
        }
        _ => Ok(()),
    }
}

/// The smaller one of what the person and the repository allow, if one of them says something.
fn check_budget(facts: &Facts<'_>, least: Credits) -> Result<Option<Credits>, Refusal> {
    let (own, here) = (facts.command.options.budget, facts.config.budget());
    if let Some(budget) = own.filter(|budget| *budget < least) {
        return Err(Refusal::BudgetTooSmall { budget, least });
    }
    if let Some(budget) = here.filter(|budget| *budget < least) {
        return Err(Refusal::RepositoryBudget { budget, least });
    }
    Ok(own.into_iter().chain(here).min())
}

/// On a pull request the branches are given, and it is a draft or not already.
fn key_for_issues(facts: &Facts<'_>) -> Option<Key> {
    let options = &facts.command.options;
    let set = [
        (Key::Base, options.base.is_some()),
        (Key::Branch, options.branch.is_some()),
        (Key::Draft, options.draft.is_some()),
    ];
    let is_set = |(key, is_set): (Key, bool)| is_set.then_some(key);
    set.into_iter().filter(|_| facts.on_pull_request).find_map(is_set)
}

fn check_daily(daily: Daily, least: Credits) -> Result<(), Refusal> {
    for (left, of_person) in [(daily.account, false), (daily.person, true)] {
        if left < least {
            return Err(Refusal::DailyLimit { left: left.max(Credits(0)), of_person });
        }
    }
    Ok(())
}

fn choose_model<'a>(facts: &Facts<'a>) -> Result<&'a Model, Refusal> {
    let has_key = |model: &Model| facts.providers.contains(&model.provider);
    let allowed = allowed_models(facts);
    let may_be_used =
        |model: &Model| allowed.as_ref().is_none_or(|allowed| allowed.contains(&model.id.as_str()));
    let typed = facts.command.options.model.as_deref();
    let named = typed.or(facts.config.model()).or(facts.default_model);
    let model = match named {
        Some(name) => facts.catalog.find(name).map_err(Refusal::NoSuchModel)?,
        None => facts.catalog.models().find(|m| has_key(m)).ok_or(Refusal::NoModels)?,
    };
    if has_key(model) && may_be_used(model) {
        return Ok(model);
    }
    // Nobody asked for the model that is used where nothing is said.
    let other = facts.catalog.models().find(|m| has_key(m) && may_be_used(m));
    match (other, &allowed) {
        (Some(other), Some(_)) if typed.is_none() && !may_be_used(model) => Ok(other),
        (_, Some(allowed)) if !may_be_used(model) => Err(Refusal::ModelNotAllowed {
            model: model.id.clone(),
            allowed: allowed.iter().map(|&id| id.to_owned()).collect(),
        }),
        _ => Err(Refusal::NoKey { model: model.id.clone(), provider: model.provider }),
    }
}

/// The ids of the only models that may be used, if the repository names some.
fn allowed_models<'a>(facts: &Facts<'a>) -> Option<Vec<&'a str>> {
    let names = facts.config.models()?;
    let id = |name: &String| facts.catalog.find(name).ok().map(|model| model.id.as_str());
    Some(names.iter().filter_map(id).collect())
}
