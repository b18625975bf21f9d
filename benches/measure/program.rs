//! The program as an operator runs it, in a process of its own, on a GitHub that is the simulator.

use anyhow::Context;
use asynccoder::simulator::Simulator;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// What an operator would put into the environment.
pub(crate) fn variables(simulator: &Simulator, data: &Path) -> BTreeMap<String, String> {
    let app = simulator.credentials();
    let variables = [
        ("PORT", "0".to_owned()),
        ("DATA_DIR", data.display().to_string()),
        ("SANDBOX", "off".to_owned()),
        ("APP_ID", app.app_id.to_string()),
        ("PRIVATE_KEY", app.private_key_pem),
        ("WEBHOOK_SECRET", app.webhook_secret),
        ("GITHUB_API_URL", simulator.api_url().to_owned()),
        ("GITHUB_SERVER_URL", simulator.server_url().to_owned()),
        ("ANTHROPIC_BASE_URL", simulator.models_url().to_owned()),
        ("ANTHROPIC_API_KEY", simulator.models().api_key().to_owned()),
    ];
    variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// A running program. Dropped, it is killed.
pub(crate) struct Program {
    pub(crate) url: String,
    process: Child,
}

impl Program {
    /// Starts it and waits until it listens.
    pub(crate) async fn start(variables: &BTreeMap<String, String>) -> anyhow::Result<Self> {
        let folder = variables.get("DATA_DIR").context("no DATA_DIR")?;
        std::fs::create_dir_all(folder)?;
        let mut process = Command::new(env!("CARGO_BIN_EXE_asynccoder"))
            .arg("serve")
            .current_dir(folder)
            .envs(variables)
            .env("RUST_LOG", "error")
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let output = process.stdout.take().context("no output")?;
        let line = BufReader::new(output).lines().next_line().await?.context("it ended")?;
        let url = line.strip_prefix("listening on ").context("another first line")?.to_owned();
        Ok(Self { url, process })
    }

    /// Ends it as a power cut does.
    pub(crate) async fn kill(mut self) -> anyhow::Result<()> {
        Ok(self.process.kill().await?)
    }

    /// Memory by its name in `/proc/…/status`: `VmRSS` is what it holds, `VmHWM` the most it ever held.
    pub(crate) fn mebibytes(&self, name: &str) -> anyhow::Result<f64> {
        let status = std::fs::read_to_string(self.proc("status")?)?;
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let kibibytes: f64 = line.context("no such name")?.trim_end_matches("kB").trim().parse()?;
        Ok(kibibytes / 1024.0)
    }

    /// A file of `/proc` about it.
    pub(crate) fn proc(&self, file: &str) -> anyhow::Result<String> {
        Ok(format!("/proc/{}/{file}", self.process.id().context("it ended")?))
    }
}
