//! The real server with short waits, in a process of its own: to be killed, stopped and asked to end.

pub(crate) use super::PATIENCE;
use super::{BOT, REPOSITORY, World};
use asynccoder::simulator::{Door, Effect, Entry, Simulator};
use asynccoder::store::Store;
use rustix::process::{Pid, Signal, kill_process};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

/// How often the rows are looked at.
const LOOK: Duration = Duration::from_millis(10);

/// A running server.
pub(crate) struct Server {
    child: Child,
    url: String,
    data_dir: PathBuf,
    simulator: Simulator,
}

impl Server {
    /// Starts the only server of a world; webhooks go to it.
    pub(crate) async fn start(world: &World) -> Self {
        // At the first start the server asks for missed deliveries; that is no part of a story.
        let is_first = regular(&world.simulator) == 0;
        let server = Self::spawn(world, &[]).await;
        server.gets_webhooks();
        if is_first {
            world.simulator.wait_for(|now| regular(now) >= 1, PATIENCE).await.unwrap();
        }
        server
    }

    /// Starts one of several servers: with a folder of its own, and with its own way to the simulator.
    pub(crate) async fn replica(world: &World, name: &str, door: &Door) -> Self {
        Self::replica_of(world, name, door, &[]).await
    }

    /// The same, with more variables of its own.
    pub(crate) async fn replica_of(
        world: &World,
        name: &str,
        door: &Door,
        more: &[(&str, &str)],
    ) -> Self {
        let folder = world.data_dir().with_file_name(name).display().to_string();
        let own = [
            ("DATA_DIR", folder.as_str()),
            ("GITHUB_API_URL", &door.api_url),
            ("GITHUB_SERVER_URL", &door.server_url),
            ("ANTHROPIC_BASE_URL", &door.models_url),
        ];
        Self::spawn(world, &[&own, more].concat()).await
    }

    /// Starts a server with some variables of its own.
    pub(crate) async fn spawn(world: &World, own: &[(&str, &str)]) -> Self {
        let log = world.folder.path().join("log");
        let log = std::fs::File::options().create(true).append(true).open(log).unwrap();
        let mut child = Command::new(program())
            .env_clear()
            .envs(world.variables())
            .envs(own.iter().copied())
            .current_dir(world.folder.path())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let first = tokio::time::timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap();
        let first = first.expect("the server starts");
        let url = first.strip_prefix("listening on ").expect("it says where it listens").to_owned();
        let folder = own.iter().find(|(name, _)| *name == "DATA_DIR");
        let data_dir = folder.map_or_else(|| world.data_dir(), |(_, folder)| folder.into());
        Self { child, url, data_dir, simulator: world.simulator.clone() }
    }

    /// From now on webhooks go to this server.
    pub(crate) fn gets_webhooks(&self) {
        self.simulator.deliver_to(&format!("{}/api/webhooks/github", self.url));
    }

    /// Ends it as a power cut does.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Stops all of its threads, wherever they are, and comes back when they have stopped: until then it
    /// could still do what is only about to be given to it.
    pub(crate) fn freeze(&self) {
        kill_process(self.pid(), Signal::STOP).unwrap();
        let began = Instant::now();
        while !is_stopped(self.pid()) {
            assert!(began.elapsed() < PATIENCE, "it does not stop");
            std::thread::yield_now();
        }
    }

    /// Lets it go on.
    pub(crate) fn thaw(&self) {
        kill_process(self.pid(), Signal::CONT).unwrap();
    }

    /// Where it keeps its files.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.data_dir.clone()
    }

    /// Asks it to end.
    pub(crate) fn asks_to_end(&self) {
        kill_process(self.pid(), Signal::TERM).unwrap();
    }

    /// Waits until it has ended, and says its exit code.
    pub(crate) async fn ended(&mut self) -> Option<i32> {
        tokio::time::timeout(PATIENCE, self.child.wait()).await.unwrap().unwrap().code()
    }

    /// The most memory that it ever had, in kB.
    pub(crate) fn memory(&self) -> u64 {
        let path = format!("/proc/{}/status", self.child.id().expect("it runs"));
        let status = std::fs::read_to_string(path).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().expect("it runs").cast_signed()).unwrap()
    }
}

fn is_stopped(process: Pid) -> bool {
    let threads = std::fs::read_dir(format!("/proc/{}/task", Pid::as_raw(Some(process)))).unwrap();
    threads.flatten().all(|thread| {
        let stat = std::fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
        stat.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with('T'))
    })
}

/// Everything that the story tells of is there.
pub(crate) async fn the_end(world: &World) {
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
    if world.simulator.wait_for(is_there, PATIENCE).await.is_err() {
        let journal = world.simulator.journal();
        let journal: String = journal.iter().map(|e| format!("{e}\n")).collect();
        panic!("the story does not end:\n{journal}\nthe log:\n{}", log(world));
    }
}

/// The rows say so too, and the money adds up.
pub(crate) async fn settled(url: &str) {
    let store = at_rest(url).await;
    let account = store.account_by_login("acme").await.unwrap().unwrap();
    let balance = store.balance(account).await.unwrap();
    assert_eq!((balance.balance.0, balance.held.0), (99, 0), "it is paid once");
    store.close().await;
}

/// Waits until nothing is left to be done, and checks the books.
pub(crate) async fn at_rest(url: &str) -> Store {
    let store = Store::open(url).await.unwrap();
    let calm = async {
        while !store.is_settled().await.unwrap() {
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::time::timeout(PATIENCE, calm).await.expect("the rows are settled");
    assert_eq!(store.unbalanced_accounts().await.unwrap(), []);
    store
}

/// What the servers of this world wrote into their logs.
pub(crate) fn log(world: &World) -> String {
    std::fs::read_to_string(world.folder.path().join("log")).unwrap_or_default()
}

/// Waits until a server has logged this.
pub(crate) async fn logs(world: &World, text: &str) {
    let wait = async {
        while !log(world).contains(text) {
            tokio::time::sleep(LOOK).await;
        }
    };
    let seen = tokio::time::timeout(PATIENCE, wait).await;
    assert!(seen.is_ok(), "{text:?} is not in the log:\n{}", log(world));
}

/// How often missed deliveries have been asked for.
pub(crate) fn regular(simulator: &Simulator) -> usize {
    simulator.journal().iter().filter(|entry| is_regular(entry)).count()
}

fn is_regular(entry: &Entry) -> bool {
    entry.request().is_some_and(|r| r.status == 200 && r.path.starts_with("/app/hook/deliveries?"))
}

/// The program, as new as this test: cargo leaves examples alone when only some tests are run.
fn program() -> &'static PathBuf {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let arguments = ["build", "--quiet", "--locked", "--example", "impatient-server"];
        let built = std::process::Command::new(env!("CARGO"))
            .args(arguments)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status()
            .unwrap();
        assert!(built.success(), "the server could not be built");
        let tests = std::env::current_exe().unwrap();
        tests.parent().unwrap().parent().unwrap().join("examples/impatient-server")
    })
}
