//! The inbox: how many webhooks a second are accepted *and* processed, and how soon they are
//! answered.
//!
//! The program runs as an operator runs it, in a process of its own, with all its rooms at work;
//! GitHub is the simulator. The generator and the simulator are this process, on the same machine.
//! One webhook in a hundred holds a command, which is decided and answered meanwhile.
//!
//! `cargo bench --bench inbox` takes a minute and a half; `cargo bench --bench inbox -- 10 128` loads
//! for ten seconds on 128 connections.

#[path = "inbox/bare.rs"]
mod bare;
#[path = "inbox/load.rs"]
mod load;
#[path = "inbox/payloads.rs"]
mod payloads;
#[path = "measure/program.rs"]
mod program;
#[path = "measure/spread.rs"]
mod spread;

use anyhow::Context;
use asynccoder::simulator::{Limits, Options, Simulator};
use load::{Load, Outcome};
use payloads::Payloads;
use program::Program;
use spread::Spread;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

/// How long it is loaded, unless told otherwise.
const LOADED: Duration = Duration::from_mins(1);
/// Connections that are kept open, unless told otherwise.
const CONNECTIONS: u32 = 512;
/// Before that.
const WARM_UP: Duration = Duration::from_secs(3);
/// How long at half that load.
const HALF: Duration = Duration::from_secs(15);
/// How long the bare loop runs.
const BARE: Duration = Duration::from_secs(10);
/// Probot 14, which stores nothing, on one core with its load generator on the other.
const PROBOT: f64 = 7_800.0;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut given = std::env::args().filter_map(|argument| argument.parse::<u32>().ok());
    let time = given.next().map_or(LOADED, |seconds| Duration::from_secs(seconds.into()));
    let connections = given.next().unwrap_or(CONNECTIONS);
    let folder = tempfile::tempdir()?;
    let simulator = Simulator::start(Options::default()).await?;
    let none = usize::MAX;
    let limits = Limits { requests_an_hour: none, writes_a_minute: none, writes_an_hour: none };
    simulator.set_limits(limits);
    let payloads = Arc::new(Payloads::record(&simulator).await?);
    let data = folder.path().join("data");
    let program = Program::start(&program::variables(&simulator, &data)).await?;
    let load = Load {
        payloads: Arc::clone(&payloads),
        address: program.url.trim_start_matches("http://").to_owned(),
        connections,
        next: Arc::new(AtomicU64::new(0)),
        time: WARM_UP,
        rate: None,
    };
    load.clone().run().await?;
    let database = data.join("asynccoder.db");
    let accepted = full(&load, &program, &database, time).await?;
    half(&load, accepted / 2.0).await?;
    let memory = program.mebibytes("VmRSS")?;
    program.kill().await?;
    println!("resident after it                  {memory:9.1} MiB");
    for (state, count) in bare::states(&database).await? {
        println!("deliveries stored as {state:13} {count:9}");
    }
    let rows = bare::rows(&database).await?;
    let bare = bare::rate(folder.path(), &rows, BARE.min(time)).await?;
    println!("bare group-commit loop             {bare:9.0} rows/s");
    println!("ratio                              {:9.2}", accepted / bare);
    println!("against Probot's 7,800/s           {:9.2}", accepted / PROBOT);
    simulator.stop().await;
    Ok(())
}

/// As many as it takes. How many a second were accepted.
async fn full(
    load: &Load,
    program: &Program,
    database: &Path,
    time: Duration,
) -> anyhow::Result<f64> {
    let mut reader = bare::open(database).await?;
    let before = bare::pending(&mut reader).await?;
    let (server, own) =
        (processor_seconds(&program.proc("stat")?)?, processor_seconds("/proc/self/stat")?);
    let outcome = Load { time, ..load.clone() }.run().await?;
    let backlog = bare::pending(&mut reader).await?;
    let seconds = outcome.took.as_secs_f64();
    let server = (processor_seconds(&program.proc("stat")?)? - server) / seconds;
    let own = (processor_seconds("/proc/self/stat")? - own) / seconds;
    let accepted = rate(outcome.accepted, &outcome)?;
    let left = f64::from(i32::try_from(backlog - before)?);
    println!("{} connections, bodies of {} bytes", load.connections, load.payloads.usual_size());
    println!("accepted                           {accepted:9.0} /s for {seconds:.0} s");
    println!("processed                          {:9.0} /s", accepted - left / seconds);
    println!("left to be processed               {backlog:9}");
    println!("refused (503 and the like)         {:9}", outcome.refused);
    let times = Spread::of(outcome.times);
    println!(
        "202 at full load                   {:9.1} ms p50 {:9.1} ms p99",
        times.p50(),
        times.at(990)
    );
    println!("cores: server {server:.2}, generator and simulator {own:.2}");
    Ok(accepted)
}

/// How soon a 202 comes when there is room.
async fn half(load: &Load, rate: f64) -> anyhow::Result<()> {
    let outcome = Load { time: HALF, rate: Some(rate), ..load.clone() }.run().await?;
    let accepted = self::rate(outcome.accepted, &outcome)?;
    let times = Spread::of(outcome.times);
    println!(
        "202 at {accepted:6.0}/s                    {:9.1} ms p50 {:9.1} ms p99",
        times.p50(),
        times.at(990)
    );
    Ok(())
}

fn rate(count: u64, outcome: &Outcome) -> anyhow::Result<f64> {
    let count = u32::try_from(count).context("too many")?;
    Ok(f64::from(count) / outcome.took.as_secs_f64())
}

/// Seconds of processor time of a process. Linux counts them in hundredths.
fn processor_seconds(stat: &str) -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string(stat)?;
    let (_, after_name) = stat.rsplit_once(')').context("no name")?;
    let ticks = |field: usize| -> anyhow::Result<f64> {
        Ok(after_name.split_whitespace().nth(field).context("too short")?.parse()?)
    };
    Ok((ticks(11)? + ticks(12)?) / 100.0)
}
