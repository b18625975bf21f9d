//! Our own time: what Async Coder adds to the time of GitHub, git and the model; how soon it is back
//! after a kill; and what it holds in memory.
//!
//! GitHub and the model are the simulator, which answers at once, and where times are compared the
//! pacing that spares the real GitHub is off; everything else is as an operator runs it. As a measure
//! for the machine, the same is done with plain git in the same run.
//!
//! `cargo bench --bench own_time` takes about three minutes; it prints milliseconds.

#[path = "own_time/by_hand.rs"]
mod by_hand;
#[path = "own_time/large.rs"]
mod large;
#[path = "own_time/memory.rs"]
mod memory;
#[path = "../tests/it/postgres.rs"]
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "the tests' own PostgreSQL"
)]
mod postgres;
#[path = "measure/program.rs"]
mod program;
#[path = "own_time/prompt.rs"]
mod prompt;
#[path = "own_time/restart.rs"]
mod restart;
#[path = "measure/spread.rs"]
mod spread;
#[path = "own_time/stage.rs"]
mod stage;

use anyhow::ensure;
use asynccoder::app::App;
use asynccoder::config::Config;
use asynccoder::simulator::Simulator;
use spread::{Spread, milliseconds};
use stage::{REPOSITORY, Round};
use std::path::Path;
use std::time::Duration;

/// Comments that are measured, one after the other.
const ROUNDS: usize = 20;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let simulator = stage::stage().await?;
    simulator.models().script(stage::fix());
    let mut config =
        Config::from_vars(program::variables(&simulator, &folder.path().join("data")))?;
    config.timing.write_spacing = Duration::ZERO;
    config.bounds = asynccoder::domain::limits::Bounds::NONE;
    config.daily.account = asynccoder::domain::credit::Credits(100_000);
    config.daily.person = config.daily.account;
    let app = App::start(config).await?;
    simulator.deliver_to(&format!("{}/api/webhooks/github", app.url()));
    let token = by_hand::token(&simulator).await?;
    small(&simulator, &app, &token, folder.path()).await?;
    large::measure(&simulator, &app, &token, folder.path()).await?;
    prompt::measure(&simulator, &app, &folder.path().join("data")).await?;
    ensure!(simulator.refusals().is_empty(), "something was refused: {:?}", simulator.refusals());
    app.stop().await;
    memory::at_rest(&simulator, folder.path()).await?;
    simulator.stop().await;
    memory::many_tasks(folder.path()).await?;
    restart::measure(folder.path()).await
}

/// A repository of one file.
async fn small(simulator: &Simulator, app: &App, token: &str, folder: &Path) -> anyhow::Result<()> {
    // The first one finds no account and no mirror yet. It is shown, and not counted.
    let first = stage::round(simulator, app, REPOSITORY).await?;
    stage::grant(app).await?;
    let (mut rounds, mut by_hand) = (Vec::new(), Vec::new());
    for number in 0..ROUNDS {
        by_hand.push(by_hand::clone_and_push(simulator, token, folder, number).await?);
        rounds.push(stage::round(simulator, app, REPOSITORY).await?);
    }
    println!("{ROUNDS} comments, each on its own issue     p50 ms    p95 ms    first ms");
    let row = |what: &str, of: fn(&Round) -> Duration| {
        let row = Spread::of(rounds.iter().map(of).collect());
        println!("{what:36} {row} {:11.1}", milliseconds(of(&first)));
        row
    };
    row("comment to 👀", |r| r.seen);
    row("comment to status comment", |r| r.shown);
    let finished = row("comment to pull request and check", |r| r.finished);
    let by_hand = Spread::of(by_hand);
    println!("{:36} {by_hand}", "clone, commit, push by hand");
    println!("{:36} {:9.2}", "ratio", finished.p50() / by_hand.p50());
    Ok(())
}
