//! What the program holds in memory: at rest, and with a hundred tasks at once on a slow model.
//!
//! The program is a process of its own; git's processes are not counted.

use super::program::{Program, variables};
use super::spread::Spread;
use super::stage::{self, LIMIT, REPOSITORY};
use anyhow::ensure;
use asynccoder::simulator::{Script, Simulator};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::process::Command;

/// Starts of the program that are measured.
const STARTS: usize = 10;
/// How long the program rests before its memory is read.
const REST: Duration = Duration::from_secs(2);
/// Tasks at once.
const TASKS: usize = 100;
/// Fewer a minute than the program allows a person.
const COMMANDS_A_PERSON: usize = 5;
/// Requests to the model of each, the last without an answer.
const REQUESTS: usize = 4;

/// Starts the program over and over, and reads its memory once it rests.
pub(crate) async fn at_rest(simulator: &Simulator, folder: &Path) -> anyhow::Result<()> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let (mut took, mut resident) = (Vec::new(), 0.0);
    for number in 0..STARTS {
        let variables = variables(simulator, &folder.join(format!("start-{number}")));
        let began = Instant::now();
        let program = Program::start(&variables).await?;
        client.get(format!("{}/readyz", program.url)).send().await?.error_for_status()?;
        took.push(began.elapsed());
        if number + 1 == STARTS {
            tokio::time::sleep(REST).await;
            resident = program.mebibytes("VmRSS")?;
        }
        program.kill().await?;
    }
    println!("\n{STARTS} starts of the program               p50 ms    p95 ms");
    println!("{:36} {}", "start to ready", Spread::of(took));
    println!("{:36} {resident:9.1} MiB", "resident, idle");
    Ok(())
}

/// A hundred tasks that have read files and wait for the model.
pub(crate) async fn many_tasks(folder: &Path) -> anyhow::Result<()> {
    let simulator = stage::stage().await?;
    simulator.models().script(slow());
    let mut variables = variables(&simulator, &folder.join("many"));
    for (name, value) in [
        ("WORKERS", "100"),
        ("RUNNING_PER_INSTALLATION", "100"),
        ("DAILY_CREDITS", "100000"),
        ("DAILY_CREDITS_PER_PERSON", "100000"),
    ] {
        variables.insert(name.to_owned(), value.to_owned());
    }
    let program = Program::start(&variables).await?;
    simulator.deliver_to(&format!("{}/api/webhooks/github", program.url));
    // Whoever is to be granted something has to be known.
    comment(&simulator, "dana", "/asynccoder ping")?;
    simulator.wait_for(|s| s.comments(REPOSITORY, 1).len() == 2, LIMIT).await?;
    grant(&variables).await?;
    let began = Instant::now();
    for number in 0..TASKS {
        let person = format!("dana-{}", number / COMMANDS_A_PERSON);
        simulator.add_user(&person);
        simulator.set_permission(REPOSITORY, &person, "write")?;
        comment(&simulator, &person, "/asynccoder debug")?;
    }
    let wanted = TASKS * REQUESTS;
    simulator.wait_for(move |s| s.models().requests().len() >= wanted, LIMIT).await?;
    let took = began.elapsed();
    tokio::time::sleep(REST).await;
    println!(
        "\n{TASKS} tasks at once, all waiting for the model after {:.1} s",
        took.as_secs_f64()
    );
    println!("{:36} {:9.1} MiB", "resident", program.mebibytes("VmRSS")?);
    println!("{:36} {:9.1} MiB", "at most", program.mebibytes("VmHWM")?);
    program.kill().await?;
    simulator.stop().await;
    Ok(())
}

fn slow() -> Script {
    let call = |name, input| vec![(name, input)];
    Script::new("slow")
        .calls(call("list_dir", json!({ "path": "." })))
        .calls(call("read_file", json!({ "path": "src/lib.rs" })))
        .calls(call("search", json!({ "pattern": "cents" })))
        .hangs()
}

fn comment(simulator: &Simulator, person: &str, text: &str) -> anyhow::Result<()> {
    let issue = simulator.quietly().open_issue(REPOSITORY, "dana", "No discount", "At 100.00.")?;
    simulator.comment(REPOSITORY, issue, person, text)?;
    Ok(())
}

async fn grant(variables: &BTreeMap<String, String>) -> anyhow::Result<()> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_asynccoder"));
    command.args(["credits", "grant", "acme", "100000", "--reason", "a long day"]);
    let done = command.envs(variables).stdin(Stdio::null()).output().await?;
    ensure!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    Ok(())
}
