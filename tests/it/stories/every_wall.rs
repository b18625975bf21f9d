//! A crash anywhere is a pause: the server is killed at every crossing of a wall, before and after
//! the effect, is started again, and the story ends as if nothing had happened.

use crate::world::{BOT, Plan, REPOSITORY, World, laws, repo};
use asynccoder::simulator::{At, Effect, Moment, Simulator};
use asynccoder::store::Store;
use futures::{StreamExt, stream};
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_mins(1);
/// Stories that are told at once.
const AT_ONCE: usize = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_at_any_wall_changes_nothing() {
    let undisturbed = tell(None).await;
    assert!(undisturbed.crossings > 20, "only {} requests were made", undisturbed.crossings);
    let moments = [Moment::BeforeEffect, Moment::BeforeReply];
    let walls = (0..undisturbed.crossings).flat_map(|n| moments.map(|moment| (n, moment)));
    let told = stream::iter(walls).map(|wall| async move { (wall, tell(Some(wall)).await) });
    let told: Vec<_> = told.buffer_unordered(AT_ONCE).collect().await;
    let kills = told.iter().filter(|(_, told)| told.killed).count();
    assert!(kills * 2 > told.len(), "only {kills} of {} were killed", told.len());
    for ((n, moment), told) in told {
        assert_eq!(told.story, undisturbed.story, "killed at request {n}, {moment:?}");
    }
}

struct Told {
    story: String,
    crossings: u32,
    killed: bool,
}

async fn tell(wall: Option<(u32, Moment)>) -> Told {
    let mut world = World::without_the_bot(Plan::default()).await;
    world.model(repo::fixes_the_till());
    let mut server = Server::start(&world).await;
    let before = world.simulator.journal().len();
    let gate =
        wall.map(|(n, moment)| world.simulator.faults().hold(At::anything().after(n), moment));
    world.alice.comments(&world.issue, "/asynccoder debug");
    let mut killed = false;
    if let Some(gate) = gate {
        killed = tokio::select! {
            reached = gate.reached() => reached.is_ok(),
            () = the_end(&world.simulator) => false,
        };
        if killed {
            server.kill();
            drop(gate);
            server = Server::start(&world).await;
        }
    }
    the_end(&world.simulator).await;
    let crossings =
        world.simulator.journal().iter().skip(before).filter(|e| e.request().is_some()).count();
    settled(&world).await;
    server.kill();
    laws::once(&world.simulator);
    laws::no_secret(&world.simulator);
    let story = world.story();
    Told { story, crossings: u32::try_from(crossings).unwrap(), killed }
}

/// Everything that the story tells of is there.
async fn the_end(simulator: &Simulator) {
    let is_there = |now: &Simulator| {
        let journal = now.journal();
        let effect =
            |wanted: fn(&Effect) -> bool| journal.iter().filter_map(|e| e.effect()).any(wanted);
        let done = now
            .comments(REPOSITORY, 1)
            .iter()
            .any(|c| c.author == BOT && c.body.contains("Receipt: "));
        let checked = now.check_runs(REPOSITORY).iter().any(|check| check.status == "completed");
        done && checked && effect(|e| matches!(e, Effect::ReactionAdded { .. }))
    };
    if simulator.wait_for(is_there, PATIENCE).await.is_err() {
        let journal: String = simulator.journal().iter().map(|e| format!("{e}\n")).collect();
        panic!("the story does not end:\n{journal}");
    }
}

/// The rows say so too, and the money adds up.
async fn settled(world: &World) {
    let url = format!("sqlite://{}/asynccoder.db", world.data_dir().display());
    let store = Store::open(&url).await.unwrap();
    let calm = async {
        while !store.is_settled().await.unwrap() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, calm).await.expect("the rows are settled");
    assert_eq!(store.unbalanced_accounts().await.unwrap(), []);
    let account = store.account_by_login("acme").await.unwrap().unwrap();
    let balance = store.balance(account).await.unwrap();
    assert_eq!((balance.balance.0, balance.held.0), (99, 0), "it is paid once");
    store.close().await;
}

/// The real server in a process of its own.
struct Server(Child);

impl Server {
    async fn start(world: &World) -> Self {
        let looked = |s: &Simulator| s.journal().iter().filter(|e| is_regular(e)).count();
        let before = looked(&world.simulator);
        let mut child = Command::new(program())
            .env_clear()
            .envs(world.variables())
            .env("RUST_LOG", "error")
            .current_dir(world.data_dir().parent().unwrap())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut first = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
        let url = first.trim().strip_prefix("listening on ").expect("the server starts");
        world.simulator.deliver_to(&format!("{url}/api/webhooks/github"));
        let server = Self(child);
        // At the first start the server asks for missed deliveries; that is no part of the story.
        if before == 0 {
            world.simulator.wait_for(|now| looked(now) >= 1, PATIENCE).await.unwrap();
        }
        server
    }

    fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn is_regular(entry: &asynccoder::simulator::Entry) -> bool {
    entry.request().is_some_and(|r| r.status == 200 && r.path.starts_with("/app/hook/deliveries?"))
}

/// The program, as new as this test: cargo leaves examples alone when only some tests are run.
fn program() -> &'static PathBuf {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let arguments = ["build", "--quiet", "--locked", "--example", "impatient-server"];
        let built = Command::new(env!("CARGO"))
            .args(arguments)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status()
            .unwrap();
        assert!(built.success(), "the server could not be built");
        let tests = std::env::current_exe().unwrap();
        tests.parent().unwrap().parent().unwrap().join("examples/impatient-server")
    })
}
