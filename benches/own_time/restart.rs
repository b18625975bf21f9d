//! How long a task stands still when the program is killed in the middle of it.
//!
//! The program is a process of its own, with the timing of an operator. A task moves again when its
//! next request reaches the model.

use super::postgres;
use super::program::{Program, variables};
use super::spread::Spread;
use super::stage::{self, LIMIT, REPOSITORY};
use asynccoder::simulator::{Script, Simulator};
use serde_json::json;
use std::path::Path;
use std::time::{Duration, Instant};

const KILLS: usize = 3;

pub(crate) async fn measure(folder: &Path) -> anyhow::Result<()> {
    let (mut same, mut other) = (Vec::new(), Vec::new());
    for number in 0..KILLS {
        same.push(started_again(&folder.join(format!("again-{number}"))).await?);
        other.push(taken_over(&folder.join(format!("over-{number}"))).await?);
    }
    println!("\n{KILLS} kills in the middle of a task          p50 ms    p95 ms");
    println!("{:36} {}", "SQLite, started again", Spread::of(same));
    println!("{:36} {}", "PostgreSQL, a second server", Spread::of(other));
    Ok(())
}

/// SQLite: killed, and at once started again.
async fn started_again(data: &Path) -> anyhow::Result<Duration> {
    let simulator = stage().await?;
    let variables = variables(&simulator, data);
    let program = begin(&simulator, Program::start(&variables).await?).await?;
    program.kill().await?;
    let killed = Instant::now();
    let _again = Program::start(&variables).await?;
    moves_again(&simulator).await?;
    Ok(killed.elapsed())
}

/// PostgreSQL: killed, and a second server is there.
async fn taken_over(data: &Path) -> anyhow::Result<Duration> {
    let simulator = stage().await?;
    let mut first = variables(&simulator, &data.join("first"));
    first.insert("DATABASE_URL".to_owned(), postgres::fresh_database());
    let mut second = first.clone();
    second.insert("DATA_DIR".to_owned(), data.join("second").display().to_string());
    let program = begin(&simulator, Program::start(&first).await?).await?;
    let _second = Program::start(&second).await?;
    program.kill().await?;
    let killed = Instant::now();
    moves_again(&simulator).await?;
    Ok(killed.elapsed())
}

/// The model looks around, and then thinks for ever.
async fn stage() -> anyhow::Result<Simulator> {
    let simulator = stage::stage().await?;
    let look = json!({ "path": "." });
    simulator.models().script(Script::new("slow").calls(vec![("list_dir", look)]).hangs());
    Ok(simulator)
}

/// Comments, and waits until the model thinks for ever.
async fn begin(simulator: &Simulator, program: Program) -> anyhow::Result<Program> {
    simulator.deliver_to(&format!("{}/api/webhooks/github", program.url));
    let issue = simulator.quietly().open_issue(REPOSITORY, "dana", "No discount", "At 100.00.")?;
    simulator.comment(REPOSITORY, issue, "dana", "/asynccoder debug")?;
    simulator.wait_for(|s| s.models().requests().len() == 2, LIMIT).await?;
    Ok(program)
}

async fn moves_again(simulator: &Simulator) -> anyhow::Result<()> {
    simulator.wait_for(|s| s.models().requests().len() == 3, LIMIT).await
}
