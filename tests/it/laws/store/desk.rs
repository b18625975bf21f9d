//! A store with some people at it: short words for what the cases need again and again.

use asynccoder::domain::act::{Act, CommitRecipe, Emoji, PullRequest, Push};
use asynccoder::domain::command::{Asked, Command, Options, Request, Verb};
use asynccoder::domain::credit::{Credits, Daily, Quote, Usage};
use asynccoder::domain::event::{Account, AsOf, Installation, Person, Repository, Source, Thread};
use asynccoder::domain::ids::{AccountId, InstallationId, RepoName, RepositoryId, Sha, TaskId};
use asynccoder::domain::report::Outcome;
use asynccoder::domain::report::answer::Stopping;
use asynccoder::domain::task::{Brief, End, Kind, Priority, Rules};
use asynccoder::store::Store;
use asynccoder::store::acts::NewAct;
use asynccoder::store::claims::ClaimedTask;
use asynccoder::store::commands::{ClaimedCommand, NewCommand};
use asynccoder::store::deliveries::{Digest, Fact, NewDelivery};
use asynccoder::store::steps::{Answering, Holder, Replied};
use asynccoder::store::tasks::{NewTask, Sealed};
use chrono::{DateTime, Utc};
use std::time::Duration;
use tempfile::TempDir;
use uuid::Uuid;

/// Long enough for any case.
pub const LEASE: Duration = Duration::from_mins(1);
/// More than anybody spends.
pub const NO_LIMIT: Daily = Daily { account: Credits(1_000_000), person: Credits(1_000_000) };

pub struct Desk {
    pub store: Store,
    pub url: String,
    _folder: Option<TempDir>,
}

impl Desk {
    pub async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/store.db", folder.path().display());
        let store = Store::open(&url).await.unwrap();
        Self { store, url, _folder: Some(folder) }
    }

    pub async fn postgres() -> Self {
        let url = crate::postgres::fresh_database();
        let store = Store::open(&url).await.unwrap();
        Self { store, url, _folder: None }
    }

    pub async fn adds_up(&self) {
        assert_eq!(self.store.unbalanced_accounts().await.unwrap(), []);
    }

    /// Stores facts as an own delivery.
    pub async fn told(&self, facts: Vec<Fact>) {
        self.delivered(&Uuid::new_v4().to_string()).await;
        self.store.digest(100, |_| Digest::Facts(facts.clone())).await.unwrap();
    }

    pub async fn delivered(&self, guid: &str) {
        let delivery = NewDelivery {
            guid: guid.to_owned(),
            event: "issue_comment".to_owned(),
            body: "{}".into(),
        };
        self.store.accept(delivery).await.unwrap();
    }

    /// Somebody asks in an account; the command is claimed.
    pub async fn asks(&self, account: i64, key: &str) -> ClaimedCommand {
        let repository = repository(account, at(0));
        self.told(vec![
            Fact::Repository(Box::new(repository), Some(InstallationId(account))),
            Fact::Command(Box::new(command(account, key))),
        ])
        .await;
        self.store.claim_command(LEASE).await.unwrap().expect("a command")
    }

    pub async fn admits(&self, account: i64, key: &str, task: NewTask) -> Option<TaskId> {
        let command = self.asks(account, key).await;
        let react = vec![act(&command, None, the_eyes())];
        self.store.admit(&command, task, react, NO_LIMIT).await.unwrap()
    }

    pub async fn claims(&self) -> Option<ClaimedTask> {
        self.store.claim_task(LEASE, 100).await.unwrap()
    }

    /// Somebody asks to stop it.
    pub async fn cancels(&self, task: TaskId) -> Stopping {
        let command = self.asks(1, &format!("cancel {}", Uuid::now_v7())).await;
        self.cancels_with(&command, task).await.expect("it is ours to answer")
    }

    /// What this command stops; `None` if it was answered before.
    pub async fn cancels_with(&self, command: &ClaimedCommand, task: TaskId) -> Option<Stopping> {
        let mut said = None;
        let answer = |stopping| {
            said = Some(stopping);
            act(command, None, the_eyes())
        };
        self.store.cancel_task(command, task, answer).await.unwrap().then_some(said?)
    }

    /// Uses tokens for so many credits.
    pub async fn uses(&self, task: &ClaimedTask, step: i64, credits: i64) -> bool {
        let holder = Holder { task: task.id, lease: task.lease };
        let cost = Credits(credits).to_nano_usd();
        let reply = serde_json::json!({ "step": step });
        let model = Answering::Own("m".to_owned());
        let usage = Usage { input: 10, cached: 0, cache_write: 0, output: 5 };
        self.store.step_calling(holder, step, cost).await.unwrap()
            && self
                .store
                .step_replied(holder, step, Replied { reply, usage, cost, model })
                .await
                .unwrap()
    }

    pub async fn ends(&self, task: &ClaimedTask, end: End) -> bool {
        let sealed = Sealed { end, outcome: Outcome::default(), acts: Vec::new() };
        self.store.seal(task.id, task.lease, sealed).await.unwrap()
    }

    pub async fn balance(&self, account: i64) -> (i64, i64) {
        let balance = self.store.balance(AccountId(account)).await.unwrap();
        (balance.balance.0, balance.held.0)
    }
}

pub fn the_eyes() -> Act {
    Act::Reaction { number: 1, source: Source::Comment, comment_id: 1, emoji: Emoji::Eyes }
}

pub fn at(minutes: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + chrono::TimeDelta::minutes(minutes)
}

pub fn account(id: i64) -> Account {
    Account { id: AccountId(id), login: format!("account-{id}"), kind: "User".to_owned() }
}

pub fn installation(account_id: i64, id: i64) -> Installation {
    stands(account_id, id, false, 0)
}

/// How an installation stands at some minute.
pub fn stands(account_id: i64, id: i64, is_suspended: bool, minute: i64) -> Installation {
    let as_of = AsOf::new(at(minute), 0);
    Installation { id: InstallationId(id), account: account(account_id), is_suspended, as_of }
}

pub fn repository(account_id: i64, updated_at: DateTime<Utc>) -> Repository {
    Repository {
        id: RepositoryId(account_id * 10),
        owner: account(account_id),
        name: RepoName { owner: format!("account-{account_id}"), name: "code".to_owned() },
        private: false,
        archived: false,
        default_branch: "main".to_owned(),
        updated_at,
    }
}

pub fn person() -> Person {
    Person { id: 7, login: "dana".to_owned(), is_bot: false }
}

pub fn thread() -> Thread {
    Thread {
        number: 1,
        title: "A fault".to_owned(),
        body: String::new(),
        author: Some("dana".to_owned()),
        is_pull_request: false,
    }
}

pub fn command(account: i64, key: &str) -> NewCommand {
    let request = Request::Command(Command {
        verb: Verb::Debug,
        is_implied: false,
        options: Options::default(),
        text: String::new(),
    });
    NewCommand {
        key: key.to_owned(),
        account: AccountId(account),
        repository: RepositoryId(account * 10),
        sender: person(),
        asked: Asked {
            at: None,
            line: None,
            head: None,
            request,
            thread: thread(),
            source: Source::Comment,
            comment_id: 1,
            url: String::new(),
        },
    }
}

pub fn task(hold: i64) -> NewTask {
    let id = TaskId(Uuid::now_v7());
    NewTask {
        id,
        kind: Kind::Debug,
        model: "claude-sonnet-5-5".to_owned(),
        priority: Priority::Medium,
        brief: Brief {
            thread: thread(),
            instruction: "fix it".to_owned(),
            requester: person(),
            comment_id: 1,
            url: String::new(),
            draft: None,
            continues: None,
            asked_at: None,
            line: None,
            target: None,
            reviewed_to: None,
            not_pushed: None,
            rules: Rules::default(),
        },
        base_branch: "main".to_owned(),
        base_sha: sha('a'),
        branch: format!("asynccoder/{id}"),
        check_on: None,
        quote: Quote::from_cap(Credits(200)),
        hold: Credits(hold),
        opens_one_of: None,
    }
}

pub fn sha(digit: char) -> Sha {
    Sha::parse(&digit.to_string().repeat(40)).unwrap()
}

pub fn act(command: &ClaimedCommand, task: Option<TaskId>, act: Act) -> NewAct {
    let required = !matches!(act, Act::Reaction { .. });
    NewAct {
        account: command.account,
        repository: command.repository,
        command: command.id,
        task,
        required,
        act,
        patch: None,
    }
}

/// The acts that publish a task.
pub fn publishing(task: &ClaimedTask) -> Vec<NewAct> {
    let new = |act| NewAct {
        account: task.account,
        repository: task.repository,
        command: task.command,
        task: Some(task.id),
        required: true,
        act,
        patch: None,
    };
    let recipe = CommitRecipe {
        message: "m".to_owned(),
        name: "n".to_owned(),
        email: "e".to_owned(),
        seconds: 0,
    };
    let push = Push {
        aside: String::new(),
        pull_request: None,
        branch: task.branch.clone(),
        expected: None,
        base: sha('a'),
        base_branch: "main".to_owned(),
        requester: person(),
        tree: sha('b'),
        commit: sha('c'),
        recipe,
    };
    let pull_request = PullRequest {
        head: task.branch.clone(),
        base: "main".to_owned(),
        title: "t".to_owned(),
        body: "b".to_owned(),
        draft: true,
        delete_branch: false,
    };
    vec![new(Act::PullRequest(pull_request)), new(Act::Push(push))]
}
