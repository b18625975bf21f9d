//! What the walls cost: the time that a command takes behind them over the same command without them,
//! for one that does nothing and for a build.
//!
//! Both are done in turns within one run, so whatever else the machine does slows both.
//! `cargo bench --bench sandbox` takes about two minutes; it prints milliseconds.

#[path = "sandbox/building.rs"]
mod building;
#[path = "measure/spread.rs"]
mod spread;

use anyhow::{Context, anyhow, ensure};
use asynccoder::config::Config;
use asynccoder::domain::verification::Exit;
use asynccoder::sandbox::{Access, Job, Sandbox};
use spread::Spread;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::process::Command;
use tokio_util::sync::CancellationToken;

const WALLS: [&str; 2] = ["bubblewrap", "landlock"];
/// Commands that do nothing.
const ROUNDS: usize = 100;
/// Builds.
const BUILDS: usize = 10;
/// Longer than any command here takes.
const LONG: Duration = Duration::from_mins(5);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let tools = building::tools().await?;
    println!("{:40} {:>9} {:>9}", "", "p50 ms", "p95 ms");
    for walls in WALLS {
        let sandbox = Sandbox::prove(&config(walls, folder.path(), &tools)?).await;
        let sandbox = sandbox.map_err(|why| anyhow!("{walls}: {why}"))?;
        let side = Side { tree: folder.path().join(walls), tools: tools.clone() };
        building::write_crate(&side.tree)?;
        let (walled, bare) = side.alternate(&sandbox, "true", ROUNDS).await?;
        row(&format!("true, {walls}"), &walled, &bare);
        println!("{:40} {:9.1}", "  more", walled.p50() - bare.p50());
        let (walled, bare) = side.alternate(&sandbox, building::BUILD, BUILDS).await?;
        row(&format!("cargo build, {walls}"), &walled, &bare);
    }
    Ok(())
}

fn row(what: &str, walled: &Spread, bare: &Spread) {
    println!("{what:40} {walled}");
    println!("{:40} {bare}", "  without walls");
    println!("{:40} {:9.3}", "  ratio", walled.p50() / bare.p50());
}

/// A workspace, and what is used in it.
struct Side {
    tree: PathBuf,
    tools: PathBuf,
}

impl Side {
    /// The times of a command behind walls and without, in turns. The first two are not counted.
    async fn alternate(
        &self,
        sandbox: &Sandbox,
        command: &str,
        rounds: usize,
    ) -> anyhow::Result<(Spread, Spread)> {
        self.walled(sandbox, command).await?;
        self.bare(command).await?;
        let (mut walled, mut bare) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            walled.push(self.walled(sandbox, command).await?);
            bare.push(self.bare(command).await?);
        }
        Ok((Spread::of(walled), Spread::of(bare)))
    }

    async fn walled(&self, sandbox: &Sandbox, command: &str) -> anyhow::Result<Duration> {
        building::clean(&self.tree)?;
        let job = Job { command, workspace: &self.tree, access: Access::ReadWrite, time: LONG };
        let began = Instant::now();
        let ran = sandbox.run(job, &CancellationToken::new()).await?;
        let took = began.elapsed();
        ensure!(ran.exit == Exit::Code(0), "{command}: {} {}", ran.exit, ran.output);
        Ok(took)
    }

    /// The same shell with the same tools, and nothing around it.
    async fn bare(&self, command: &str) -> anyhow::Result<Duration> {
        building::clean(&self.tree)?;
        let path = format!("{}:/usr/local/bin:/usr/bin:/bin", self.tools.join("bin").display());
        let mut shell = Command::new("/bin/bash");
        shell.args(["-c", command]).current_dir(&self.tree).stdin(Stdio::null());
        shell.env_clear().env("PATH", path).env("HOME", &self.tree);
        let began = Instant::now();
        let done = shell.output().await.context("starting a shell")?;
        let took = began.elapsed();
        ensure!(done.status.success(), "{command}: {}", String::from_utf8_lossy(&done.stderr));
        Ok(took)
    }
}

/// What an operator would set, as far as the sandbox looks at it.
fn config(walls: &str, data: &Path, tools: &Path) -> anyhow::Result<Config> {
    let vars = [
        ("SANDBOX", walls.to_owned()),
        ("TOOLCHAINS", tools.display().to_string()),
        ("DATA_DIR", data.display().to_string()),
        ("APP_ID", "1".to_owned()),
        ("PRIVATE_KEY", include_str!("../fixtures/keys/simulator.pem").to_owned()),
        ("WEBHOOK_SECRET", "a secret of some length".to_owned()),
    ];
    let vars = vars.map(|(name, value)| (name.to_owned(), value));
    let mut config = Config::from_vars(BTreeMap::from(vars))?;
    config.program = env!("CARGO_BIN_EXE_asynccoder").into();
    Ok(config)
}
