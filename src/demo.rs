//! The demo: the whole story on loopback. The simulator stands for GitHub and the model service;
//! everything else is the real thing: the server, its database, git over HTTP, the agent's tools.
//!
//! It ends well only if everything it tells of is really there in the end.

mod progress;
mod stage;
mod tell;

use crate::app::App;
use crate::config::{self, Config};
use crate::simulator::Simulator;
use crate::telemetry::say;
use anyhow::{Context, bail};
use clap::Args;
use progress::Teller;
use stage::{COMMAND, REPOSITORY, Stage};
use std::io::{BufRead, Write};
use std::sync::Arc;
use std::time::Duration;

/// With the scripted model the story takes about a second.
const SCRIPTED_LIMIT: Duration = Duration::from_mins(1);
/// A real model thinks.
const REAL_LIMIT: Duration = Duration::from_mins(20);

/// How the demo is played.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Options {
    /// Leave everything running afterwards, and say where to look.
    #[arg(long)]
    keep: bool,
    /// Let a real model do the work, with `ANTHROPIC_API_KEY`. This costs money; you are asked first.
    #[arg(long)]
    real_model: bool,
}

/// Plays it.
pub(crate) async fn play(options: Options) -> anyhow::Result<()> {
    let model = if options.real_model { Some(ask_for_real_model()?) } else { None };
    let folder = tempfile::Builder::new()
        .prefix("asynccoder-demo-")
        .tempdir()
        .context("no temporary folder")?;
    let stage = Stage::set(folder.path(), model).await?;
    let app = App::start(stage.config()?).await?;
    stage.simulator.deliver_to(&format!("{}/api/webhooks/github", app.url()));

    let simulated = if options.real_model {
        "GitHub is simulated"
    } else {
        "GitHub and the model are simulated"
    };
    say(format_args!(
        "{simulated} on this machine, and no command is run (SANDBOX=off); everything else is real.\n"
    ));
    say(format_args!("dana comments on {REPOSITORY}#{}: {COMMAND}\n", stage.issue));
    let limit = if options.real_model { REAL_LIMIT } else { SCRIPTED_LIMIT };
    let teller = Arc::new(Teller::new(stage.simulator.clone()));
    let telling = tokio::spawn({
        let teller = Arc::clone(&teller);
        async move { teller.tell().await }
    });
    stage.simulator.comment(REPOSITORY, stage.issue, "dana", COMMAND)?;
    stage.simulator.deliveries_idle().await;
    let settled = app.settled(limit).await;
    telling.abort();
    settled.context("the story did not come to its end")?;
    teller.tell_new();

    tell::conversation(&stage)?;
    tell::check_everything(&stage, &app, options.real_model).await?;
    if options.keep {
        wait_for_ctrl_c(&app, &stage.simulator, folder.path()).await?;
    }
    app.stop().await;
    stage.simulator.stop().await;
    Ok(())
}

async fn wait_for_ctrl_c(
    app: &App,
    simulator: &Simulator,
    folder: &std::path::Path,
) -> anyhow::Result<()> {
    say(format_args!("\nStill running; Ctrl-C ends it and removes everything:"));
    say(format_args!("  the bot        {}/healthz", app.url()));
    for check in simulator.check_runs(REPOSITORY) {
        say(format_args!("  the task       {}", check.details_url.unwrap_or_default()));
    }
    let id = simulator.repository_id(REPOSITORY).unwrap_or_default();
    say(format_args!(
        "  the repository git --git-dir {}/github/{id}.git log --stat --all",
        folder.display()
    ));
    say(format_args!("  its database   {}/data/asynccoder.db", folder.display()));
    tokio::signal::ctrl_c().await?;
    Ok(())
}

fn ask_for_real_model() -> anyhow::Result<config::ProviderAccess> {
    let access = config::anthropic_access()?
        .context("ANTHROPIC_API_KEY is not set: --real-model needs it")?;
    print!(
        "A real model will do the work and your provider will charge you, at most about 0.66 US dollars. Go on? [y/N] "
    );
    std::io::stdout().flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    if !matches!(answer.trim(), "y" | "Y" | "yes") {
        bail!("not started");
    }
    Ok(access)
}

/// The demo's timings: real ones, but for the waits that are there to spare GitHub.
fn timing() -> config::Timing {
    config::Timing {
        poll: Duration::from_millis(50),
        edit_spacing: Duration::from_millis(200),
        write_spacing: Duration::ZERO,
        ..config::Timing::default()
    }
}

impl Stage {
    fn config(&self) -> anyhow::Result<Config> {
        let mut config = Config::from_vars(self.variables())?;
        config.timing = timing();
        Ok(config)
    }
}
