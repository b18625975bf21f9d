//! Many tasks, a storm at every wall, webhooks that go astray, and servers that are killed; then calm,
//! and everything has to be right.
//!
//! All dice are thrown from one seed. Nobody waits for a time: people comment and servers die when the
//! journal has grown by so many lines.

use super::impatient::{self, PATIENCE, Server};
use super::people::{Issue, Person};
use super::{BOT, Plan, World, laws, repo};
use crate::postgres;
use asynccoder::simulator::{
    Door, Effect, Limits, Mishaps, Rates, RepositoryOptions, Simulator, Storm, Wall,
};
use asynccoder::store::Store;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};
use std::time::Duration;

/// Each has two repositories, and pays for its own tasks.
const ACCOUNTS: [&str; 3] = ["acme", "globex", "initech"];
/// So long the journal may stand still before the next thing happens all the same.
const LULL: Duration = Duration::from_secs(1);
/// Lists lag so long; the look-ups after a lost reply take longer.
const READ_LAG: Duration = Duration::from_millis(60);
/// A server may have so much memory, in kB.
const MOST_MEMORY: u64 = 400_000;

/// How a run is tortured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Torture {
    pub(crate) seed: u64,
    /// Commands that people give.
    pub(crate) commands: usize,
    /// Servers that are killed.
    pub(crate) kills: usize,
    /// Servers at once: one on SQLite, more on PostgreSQL.
    pub(crate) servers: usize,
    /// Out of a thousand requests, how many meet each trouble.
    pub(crate) each: u32,
}

/// What a run came to.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    pub(crate) tasks: usize,
    pub(crate) done: usize,
    pub(crate) failed: usize,
    pub(crate) kills: usize,
    pub(crate) requests: usize,
    /// Answers of the model that no step was paid for.
    pub(crate) unpaid_calls: usize,
}

/// Runs it and checks everything at its end.
pub(crate) async fn run(torture: Torture) -> Summary {
    eprintln!("{torture:?}");
    let mut house = House::build(torture).await;
    house.suffer().await;
    house.calms_down().await;
    house.checks_out().await
}

struct House {
    torture: Torture,
    dice: StdRng,
    world: World,
    url: String,
    doors: Vec<Door>,
    /// Never empty: who is killed is started again.
    servers: Vec<Server>,
    issues: Vec<Issue>,
    people: Vec<Person>,
    /// Commands that want a task.
    wanted: usize,
    answers: usize,
}

impl House {
    async fn build(torture: Torture) -> Self {
        let mut dice = StdRng::seed_from_u64(torture.seed);
        let shared = torture.servers > 1;
        let mut plan = Plan::default().with("RUNNING_PER_INSTALLATION", "4");
        let mut url = String::new();
        if shared {
            url = tokio::task::spawn_blocking(postgres::fresh_database).await.unwrap();
            plan = plan.with("DATABASE_URL", url.clone().leak());
        }
        let world = World::without_the_bot(plan).await;
        if !shared {
            url = format!("sqlite://{}/asynccoder.db", world.data_dir().display());
        }
        let simulator = &world.simulator;
        simulator.set_limits(Limits {
            requests_an_hour: 100_000,
            writes_a_minute: 10_000,
            writes_an_hour: 10_000,
        });
        let mut issues = vec![world.issue.clone()];
        let carol = Person::new(&simulator.quietly(), "carol");
        for account in ACCOUNTS {
            for name in ["till", "shop"] {
                let name = format!("{account}/{name}");
                if simulator.repository_id(&name).is_none() {
                    let files = repo::files(include_str!("../../../fixtures/repos/till.txt"));
                    let options = RepositoryOptions { files, ..RepositoryOptions::default() };
                    simulator.quietly().add_repository(&name, options).unwrap();
                    for (login, role) in [("alice", "write"), ("bob", "read")] {
                        simulator.set_permission(&name, login, role).unwrap();
                    }
                }
                for number in 0..2 {
                    let title = format!("No discount at exactly 100.00 ({number})");
                    issues.push(carol.opens_in(&name, &title, "It is charged in full."));
                }
            }
            if account != "acme" {
                simulator.quietly().install(account).unwrap();
            }
        }
        world.model(repo::fixes_the_till());
        let people = ["alice", "bob"].map(|login| Person::new(simulator, login)).into();
        let mut doors = Vec::new();
        for _ in 0..torture.servers {
            doors.push(simulator.open_door().await.unwrap());
        }
        let mut house = Self {
            torture,
            dice: StdRng::seed_from_u64(dice.random()),
            world,
            url,
            doors,
            servers: Vec::new(),
            issues,
            people,
            wanted: 0,
            answers: 0,
        };
        for number in 0..torture.servers {
            let server = house.start(number).await;
            house.servers.push(server);
        }
        house.servers[0].gets_webhooks();
        house.simulator().set_read_lag(READ_LAG);
        house.simulator().deliver_badly(Mishaps {
            seed: torture.seed,
            doubled: 100,
            replayed: 50,
            overtaken: 100,
            missed: 30,
        });
        let storm = Storm::new(torture.seed, Rates::all(torture.each));
        house.simulator().faults().begin_storm(storm);
        house
    }

    fn simulator(&self) -> &Simulator {
        &self.world.simulator
    }

    async fn start(&self, number: usize) -> Server {
        let folder =
            if self.torture.servers > 1 { format!("replica{number}") } else { "data".into() };
        Server::replica(&self.world, &folder, &self.doors[number]).await
    }

    /// People comment and servers die, in an order and at distances that the dice say.
    async fn suffer(&mut self) {
        let (mut commands, mut kills) = (self.torture.commands, self.torture.kills);
        while commands + kills > 0 {
            if self.dice.random_range(0..commands + kills) < commands {
                commands -= 1;
                self.somebody_comments();
            } else {
                kills -= 1;
                self.somebody_dies().await;
            }
            let distance = self.dice.random_range(0..12);
            self.journal_grows_by(distance).await;
            if self.dice.random_range(0..40) == 0 {
                self.simulator().revoke_tokens();
            }
        }
    }

    fn somebody_comments(&mut self) {
        let issue = self.issues.choose(&mut self.dice).unwrap();
        let [alice, bob] = &self.people[..] else { panic!("two people") };
        let (person, text) = match self.dice.random_range(0..10) {
            0 => (alice, "/asynccoder ping"),
            1 => (bob, "/asynccoder debug"),
            2 => (alice, "/asynccoder debgu now"),
            _ => (alice, "/asynccoder debug budget=10"),
        };
        let wants_task = text.ends_with("budget=10");
        person.comments(issue, text);
        self.wanted += usize::from(wants_task);
        self.answers += usize::from(!wants_task && person.login == "alice");
    }

    async fn somebody_dies(&mut self) {
        let number = self.dice.random_range(0..self.servers.len());
        self.servers.remove(number).kill().await;
        if let Some(other) = self.servers.first() {
            other.gets_webhooks();
        }
        let server = self.start(number).await;
        server.gets_webhooks();
        self.servers.insert(number, server);
    }

    async fn journal_grows_by(&self, lines: usize) {
        let goal = self.simulator().journal().len() + lines;
        // Standing still is no failure: perhaps there is nothing to do.
        let _ = self.simulator().wait_for(|now| now.journal().len() >= goal, LULL).await;
    }

    /// The storm ends, GitHub delivers what failed, and everything comes to its end.
    async fn calms_down(&self) {
        self.simulator().deliveries_idle().await;
        self.simulator().faults().clear();
        self.simulator().deliver_badly(Mishaps::default());
        self.simulator().redeliver_failed();
        self.simulator().deliveries_idle().await;
        let store = Store::open(&self.url).await.unwrap();
        let calm = async {
            while !store.is_settled().await.unwrap() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let rests = tokio::time::timeout(PATIENCE * 2, calm).await.is_ok();
        let told = || format!("{}\n{}", self.journal(), impatient::log(&self.world));
        assert!(rests, "it does not come to rest:\n{}", told());
        store.close().await;
    }

    fn journal(&self) -> String {
        self.simulator().journal().iter().map(|entry| format!("{entry}\n")).collect()
    }

    /// What holds whatever happened.
    async fn checks_out(mut self) -> Summary {
        for server in &self.servers {
            assert!(server.memory() < MOST_MEMORY, "a server needs {} kB", server.memory());
            server.asks_to_end();
        }
        for mut server in std::mem::take(&mut self.servers) {
            assert_eq!(server.ended().await, Some(0), "it stops in peace");
        }
        self.nothing_is_left();
        laws::once(self.simulator());
        laws::no_secret(self.simulator());
        laws::no_secret_in(self.simulator(), &impatient::log(&self.world));
        // Tokens were revoked on the way, which nobody can know before GitHub says so.
        let mut refusals = self.simulator().refusals();
        refusals.retain(|request| request.status != 401);
        // Who is killed between hearing of a limit and noting it has told nobody.
        let (inside, mistakes): (Vec<_>, Vec<_>) =
            refusals.into_iter().partition(|request| request.note == "inside a limit's window");
        assert!(mistakes.is_empty(), "GitHub found mistakes: {mistakes:#?}");
        assert!(inside.len() <= self.torture.kills, "a limit was not heeded: {inside:#?}");
        self.the_books_are_right().await;
        let summary = self.everybody_was_answered();
        self.writes_are_bounded();
        eprintln!("{summary:?}");
        summary
    }

    /// No process and no worktree.
    fn nothing_is_left(&self) {
        let folder = self.world.folder.path();
        for number in 0..self.torture.servers {
            let name =
                if self.torture.servers > 1 { format!("replica{number}") } else { "data".into() };
            laws::no_worktree(&folder.join(name));
        }
        let processes = std::fs::read_dir("/proc").unwrap().flatten();
        let left = processes.filter(|process| {
            let command = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
            let folder = std::fs::read_link(process.path().join("cwd")).unwrap_or_default();
            folder.starts_with(self.world.folder.path().join("data"))
                || folder.to_string_lossy().contains("/replica")
                    && folder.starts_with(self.world.folder.path())
                || String::from_utf8_lossy(&command).contains("impatient-server")
                    && folder.starts_with(self.world.folder.path())
        });
        let left: Vec<_> = left.map(|process| process.path()).collect();
        assert!(left.is_empty(), "processes are left: {left:?}");
    }

    async fn the_books_are_right(&self) {
        let store = Store::open(&self.url).await.unwrap();
        assert_eq!(store.unbalanced_accounts().await.unwrap(), []);
        for account in ACCOUNTS {
            let Some(id) = store.account_by_login(account).await.unwrap() else { continue };
            let balance = store.balance(id).await.unwrap();
            assert_eq!(balance.held.0, 0, "nothing is held for {account}");
            let paid: i64 = self.receipts(account).iter().map(|(_, credits)| credits).sum();
            assert_eq!(balance.balance.0, 100 - paid, "{account} paid what its receipts say");
        }
        store.close().await;
    }

    /// Steps and credits of every task of an account, as its status comments say.
    fn receipts(&self, account: &str) -> Vec<(usize, i64)> {
        let receipt = |body: String| {
            let line = body.lines().find_map(|line| line.strip_prefix("Receipt: "))?.to_owned();
            let number = |word: &str| {
                let part = line.split(" · ").find(|part| part.contains(word))?;
                part.split(' ').next()?.parse::<i64>().ok()
            };
            Some((usize::try_from(number("step")?).ok()?, number("credit")?))
        };
        self.said(account).into_iter().filter_map(receipt).collect()
    }

    /// Every comment of the bot that is there.
    fn said(&self, account: &str) -> Vec<String> {
        let mut issues = self.issues.clone();
        issues.sort_by_key(|issue| (issue.repository.clone(), issue.number));
        issues.dedup_by_key(|issue| (issue.repository.clone(), issue.number));
        let here = issues.iter().filter(|issue| issue.repository.starts_with(account));
        let comments =
            here.flat_map(|issue| self.simulator().comments(&issue.repository, issue.number));
        comments.filter(|comment| comment.author == BOT).map(|comment| comment.body).collect()
    }

    fn everybody_was_answered(&self) -> Summary {
        let said: Vec<String> = ACCOUNTS.iter().flat_map(|account| self.said(account)).collect();
        let tasks: Vec<&String> =
            said.iter().filter(|body| body.contains("<!-- asynccoder:task=")).collect();
        let refused = |body: &&String| body.starts_with("I did not start");
        let out_of_credits = said.iter().filter(refused).count();
        let state = |state: &str| tasks.iter().filter(|body| first(body).ends_with(state)).count();
        let (done, failed) = (state("· done"), state("· failed"));
        for body in tasks.iter().filter(|body| !first(body).ends_with("· done")) {
            eprintln!("{}", body.lines().take(5).collect::<Vec<_>>().join(" | "));
        }
        let states: Vec<_> = tasks.iter().map(|body| first(body)).collect();
        assert_eq!(done + failed, tasks.len(), "each task ended visibly: {states:#?}");
        let answers = said.len() - tasks.len();
        // Bob may not ask for work, and is told so once a day and thread.
        assert!(
            tasks.len() + answers >= self.wanted + self.answers,
            "{} commands were given, {} answers and {} tasks came of them ({out_of_credits})\n{}",
            self.wanted + self.answers,
            answers,
            tasks.len(),
            self.journal(),
        );
        assert!(tasks.len() <= self.wanted, "no command became two tasks");
        let journal = self.simulator().journal();
        let requests: Vec<_> = journal.iter().filter_map(|entry| entry.request()).collect();
        let calls = requests.iter().filter(|r| r.wall == Wall::Models && r.status == 200).count();
        let steps: usize = ACCOUNTS
            .iter()
            .flat_map(|account| self.receipts(account))
            .map(|(steps, _)| steps)
            .sum();
        let lost = self.simulator().faults().answers_lost(Wall::Models);
        // Each task that a killed server worked on may have had one call on its way.
        let on_their_way = self.torture.kills * 4 * ACCOUNTS.len();
        assert!(steps + lost + on_their_way >= calls, "{calls} calls, {steps} steps, {lost} lost");
        Summary {
            tasks: tasks.len(),
            done,
            failed,
            kills: self.torture.kills,
            requests: requests.len(),
            unpaid_calls: calls.saturating_sub(steps),
        }
    }

    /// No row is shown or done again and again.
    fn writes_are_bounded(&self) {
        let journal = self.simulator().journal();
        let edits = journal.iter().filter_map(|entry| entry.effect());
        let edits =
            edits.filter(|e| matches!(e, Effect::CommentEdited { editor, .. } if editor == BOT));
        let most = (self.wanted + self.torture.kills) * 12;
        assert!(edits.count() <= most, "status comments were edited more than {most} times");
    }
}

fn first(body: &str) -> &str {
    body.lines().next().unwrap_or_default()
}
