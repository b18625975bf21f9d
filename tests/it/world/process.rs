//! The real program, in a process of its own.

use super::PATIENCE;
use super::{World, laws};
use asynccoder::simulator::Simulator;
use asynccoder::store::Store;
use std::fs::File;
use std::process::{Output, Stdio};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

/// The program with only these variables, in the world's folder.
pub(crate) fn program<'a>(
    world: &World,
    arguments: &[&str],
    variables: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_asynccoder"));
    command.env_clear().env("PATH", env!("PATH")).envs(variables).args(arguments);
    command.current_dir(world.folder.path()).kill_on_drop(true).stdin(Stdio::null());
    command
}

/// Runs the program to its end, with all that the operator of this world would set.
pub(crate) async fn run(world: &World, arguments: &[&str]) -> Output {
    let variables = world.variables();
    let variables = variables.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    program(world, arguments, variables).output().await.unwrap()
}

/// How a run ended and what it said, as text.
pub(crate) fn told(output: &Output) -> String {
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!(
        "{}{}exit code {:?}\n",
        said(&output.stdout),
        said(&output.stderr),
        output.status.code()
    )
}

/// A running server.
pub(crate) struct Server {
    child: Child,
    pub(crate) url: String,
}

impl Server {
    /// Starts it and waits until it says where it listens; webhooks go there from now on.
    pub(crate) async fn start(world: &World) -> Self {
        let variables = world.variables();
        let variables = variables.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let log = world.folder.path().join("log");
        let log = File::options().create(true).append(true).open(log).unwrap();
        let mut command = program(world, &["serve"], variables);
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let first = tokio::time::timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap();
        let first = first.expect("it starts");
        let url = first.strip_prefix("listening on ").expect("it says where it listens").to_owned();
        world.simulator.deliver_to(&format!("{url}/api/webhooks/github"));
        Self { child, url }
    }

    /// Ends it as a power cut does.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Asks it to end, and waits until it has.
    pub(crate) async fn terminate(mut self) -> Option<i32> {
        let id = self.child.id().expect("it runs").cast_signed();
        let id = rustix::process::Pid::from_raw(id).unwrap();
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
        tokio::time::timeout(PATIENCE, self.child.wait()).await.unwrap().unwrap().code()
    }
}

/// Waits until a task has come to its end for everybody to see.
pub(crate) async fn ends(world: &World) {
    let ended = |simulator: &Simulator| {
        let comments = simulator.comments(&world.issue.repository, world.issue.number);
        let checks = simulator.check_runs(&world.issue.repository);
        comments.iter().any(|comment| comment.body.contains("Receipt: "))
            && checks.iter().any(|check| check.status == "completed")
    };
    world.simulator.wait_for(ended, PATIENCE).await.unwrap();
}

/// Stops the server and checks the laws, also in its log.
pub(crate) async fn finish(mut world: World, server: Server) {
    assert_eq!(server.terminate().await, Some(0), "it stops in peace");
    let untold = world.story();
    assert_eq!(untold, "", "everything that happened is told");
    laws::once(&world.simulator);
    laws::no_secret(&world.simulator);
    let log = std::fs::read_to_string(world.folder.path().join("log")).unwrap();
    laws::no_secret_in(&world.simulator, &log);
    let url = format!("sqlite://{}/asynccoder.db", world.data_dir().display());
    let store = Store::open(&url).await.unwrap();
    assert!(store.is_settled().await.unwrap(), "nothing is left to be done");
    assert_eq!(store.unbalanced_accounts().await.unwrap(), [], "the ledger balances");
    store.close().await;
    laws::no_worktree(&world.data_dir());
    let refusals = world.simulator.refusals();
    assert!(refusals.is_empty(), "nothing was refused, but {refusals:#?}");
}
