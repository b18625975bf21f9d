//! Money: whatever happens in whatever order, the books say what a small model of them says.

use super::store::desk::NO_LIMIT;
use asynccoder::domain::command::parse::understand;
use asynccoder::domain::command::{Asked, Request};
use asynccoder::domain::credit::{Credits, NanoUsd, Quote, Usage};
use asynccoder::domain::event::{Account, Person, Repository, Thread};
use asynccoder::domain::ids::{
    AccountId, InstallationId, Lease, RepoName, RepositoryId, Sha, TaskId,
};
use asynccoder::domain::report::Outcome;
use asynccoder::domain::task::{Brief, End, Kind, Priority, Rules};
use asynccoder::store::Store;
use asynccoder::store::commands::NewCommand;
use asynccoder::store::deliveries::{Digest, Fact, NewDelivery};
use asynccoder::store::steps::{Answering, Holder, Replied};
use asynccoder::store::tasks::{NewTask, Release, Sealed};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::time::Duration;

const ACCOUNT: AccountId = AccountId(1);
const LEASE: Duration = Duration::from_hours(1);

/// What can happen to an account.
#[derive(Clone, Debug)]
enum Deed {
    /// It is given so much.
    Grant(i64),
    /// Somebody asks for work that holds so much.
    Ask(i64),
    /// A worker takes the next task.
    Claim,
    /// A task that is worked on used so many thousandths of a cent; it is said twice.
    Use(usize, i64),
    /// A worker gives a task back.
    Release(usize),
    /// A task that is worked on ends; it is said twice.
    End(usize, End),
    /// A worker that lost its task tries to end it.
    LateEnd(usize),
    /// The App is installed again.
    Reinstall,
}

fn deed() -> impl Strategy<Value = Deed> {
    let end = prop::sample::select(End::ALL);
    prop_oneof![
        1 => (1..80_i64).prop_map(Deed::Grant),
        4 => (1..70_i64).prop_map(Deed::Ask),
        4 => Just(Deed::Claim),
        3 => (any::<usize>(), 0..60_000_i64).prop_map(|(which, used)| Deed::Use(which, used)),
        1 => any::<usize>().prop_map(Deed::Release),
        3 => (any::<usize>(), end).prop_map(|(which, end)| Deed::End(which, end)),
        1 => any::<usize>().prop_map(Deed::LateEnd),
        1 => Just(Deed::Reinstall),
    ]
}

/// The books as they should be.
#[derive(Default)]
struct Books {
    balance: i64,
    /// What each open task holds and has used, in thousandths of a cent.
    open: BTreeMap<TaskId, (i64, i64)>,
    working: Vec<Holder>,
    steps: i64,
}

impl Books {
    fn held(&self) -> i64 {
        self.open.values().map(|(hold, _)| hold).sum()
    }

    fn end(&mut self, task: TaskId, end: End) {
        let (hold, used) = self.open.remove(&task).expect("it was open");
        if end.is_charged() {
            self.balance -= ((used + 999) / 1000).min(hold);
        }
    }
}

struct Ledger {
    store: Store,
    books: Books,
    asked: i64,
    _folder: tempfile::TempDir,
}

impl Ledger {
    async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/ledger.db", folder.path().display());
        let store = Store::open(&url).await.unwrap();
        let books = Books { balance: 100, ..Books::default() };
        let ledger = Self { store, books, asked: 0, _folder: folder };
        ledger.told("installed", vec![]).await;
        ledger
    }

    /// A delivery that tells of the account, its repository and more.
    async fn told(&self, guid: &str, more: Vec<Fact>) {
        let (guid, event) = (guid.to_owned(), "issue_comment".to_owned());
        let delivery = NewDelivery { guid, event, body: b"{}".to_vec().into() };
        self.store.accept(delivery).await.unwrap();
        let owner = Account { id: ACCOUNT, login: "acme".into(), kind: "Organization".into() };
        let repository = Repository {
            id: RepositoryId(2),
            owner,
            name: RepoName { owner: "acme".into(), name: "till".into() },
            private: false,
            archived: false,
            default_branch: "main".into(),
            updated_at: chrono::Utc::now(),
        };
        let seen = Fact::Repository(Box::new(repository), Some(InstallationId(3)));
        let facts: Vec<Fact> = std::iter::once(seen).chain(more).collect();
        self.store.digest(100, |_| Digest::Facts(facts.clone())).await.unwrap();
    }

    async fn ask(&mut self, hold: i64) {
        self.asked += 1;
        let number = self.asked;
        let sender = Person { id: 9, login: "alice".into(), is_bot: false };
        let thread = Thread {
            number,
            title: "T".into(),
            body: String::new(),
            author: None,
            is_pull_request: false,
        };
        let command = understand("/asynccoder debug").commands.remove(0).command;
        let asked = Asked {
            at: None,
            line: None,
            head: None,
            source: asynccoder::domain::event::Source::Comment,
            request: Request::Command(command),
            thread: thread.clone(),
            comment_id: number,
            url: String::new(),
        };
        let key = format!("comment:{number}");
        let (account, repository) = (ACCOUNT, RepositoryId(2));
        let command = NewCommand { key, account, repository, sender: sender.clone(), asked };
        self.told(&format!("comment {number}"), vec![Fact::Command(Box::new(command))]).await;
        let claimed = self.store.claim_command(LEASE).await.unwrap().expect("it was asked");
        let task = NewTask {
            id: TaskId(uuid::Uuid::now_v7()),
            kind: Kind::Debug,
            model: "m".into(),
            priority: Priority::Medium,
            brief: Brief {
                thread,
                instruction: String::new(),
                requester: sender,
                comment_id: number,
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
            base_branch: "main".into(),
            base_sha: Sha::parse(&"a".repeat(40)).unwrap(),
            branch: format!("asynccoder/{number}"),
            check_on: None,
            quote: Quote::from_cap(Credits(200)),
            hold: Credits(hold),
            opens_one_of: None,
        };
        let id = task.id;
        let admitted = self.store.admit(&claimed, task.clone(), vec![], NO_LIMIT).await.unwrap();
        let fits = hold <= self.books.balance - self.books.held();
        assert_eq!(admitted, fits.then_some(id), "hold {hold} of {}", self.books.balance);
        if fits {
            self.books.open.insert(id, (hold, 0));
            let again = NewTask { id: TaskId(uuid::Uuid::now_v7()), ..task };
            assert!(!matches!(
                self.store.admit(&claimed, again, vec![], NO_LIMIT).await,
                Ok(Some(_))
            ));
        }
    }

    async fn claim(&mut self) {
        let Some(task) = self.store.claim_task(LEASE, 1000).await.unwrap() else { return };
        self.books.working.push(Holder { task: task.id, lease: task.lease });
    }

    fn some_working(&self, which: usize) -> Option<Holder> {
        let working = &self.books.working;
        working.get(which.checked_rem(working.len())?).copied()
    }

    async fn seal(&self, holder: Holder, end: End) -> bool {
        let sealed = Sealed { end, outcome: Outcome::default(), acts: vec![] };
        self.store.seal(holder.task, holder.lease, sealed).await.unwrap()
    }

    async fn happens(&mut self, deed: Deed) {
        match deed {
            Deed::Grant(amount) => {
                self.books.balance += amount;
                let granted = self.store.grant(ACCOUNT, Credits(amount), "a gift").await.unwrap();
                assert_eq!(granted.balance.0, self.books.balance);
            }
            Deed::Ask(hold) => self.ask(hold).await,
            Deed::Claim => self.claim().await,
            Deed::Use(which, thousandths) => {
                let Some(holder) = self.some_working(which) else { return };
                self.books.steps += 1;
                let step = self.books.steps;
                let cost = NanoUsd(thousandths * 10_000);
                assert!(self.store.step_calling(holder, step, cost).await.unwrap());
                for _ in 0..2 {
                    let usage = Usage::default();
                    let (reply, model) = (serde_json::json!({}), Answering::Own("m".to_owned()));
                    let replied = Replied { reply, usage, cost, model };
                    assert!(self.store.step_replied(holder, step, replied).await.unwrap());
                }
                self.books.open.get_mut(&holder.task).expect("it is open").1 += thousandths;
            }
            Deed::Release(which) => {
                let Some(holder) = self.some_working(which) else { return };
                let (task, lease) = (holder.task, holder.lease);
                self.store.release_task(task, lease, Release::default()).await.unwrap();
                self.books.working.retain(|other| *other != holder);
            }
            Deed::End(which, end) => {
                let Some(holder) = self.some_working(which) else { return };
                assert!(self.seal(holder, end).await);
                assert!(!self.seal(holder, end).await, "it ends once");
                self.books.end(holder.task, end);
                self.books.working.retain(|other| *other != holder);
            }
            Deed::LateEnd(which) => {
                let Some(holder) = self.some_working(which) else { return };
                let late = Holder { lease: Lease(holder.lease.0 - 1), ..holder };
                assert!(!self.seal(late, End::Done).await, "somebody else has it");
            }
            Deed::Reinstall => self.told(&format!("again {}", self.asked), vec![]).await,
        }
    }

    async fn check(&self) {
        let found = self.store.balance(ACCOUNT).await.unwrap();
        assert_eq!((found.balance.0, found.held.0), (self.books.balance, self.books.held()));
        assert!(found.held.0 <= found.balance.0);
        assert_eq!(self.store.unbalanced_accounts().await.unwrap(), vec![]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]
    #[test]
    fn the_books_are_right_after_every_deed(deeds in prop::collection::vec(deed(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut ledger = Ledger::open().await;
            for deed in deeds {
                ledger.happens(deed).await;
                ledger.check().await;
            }
            ledger.store.close().await;
        });
    }
}
