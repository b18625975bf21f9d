//! The command line: what it takes, what it says, and how it ends.
//!
//! Exit codes: 0, 1 (failed), 2 (wrong use or wrong configuration).

use crate::app::{self, App};
use crate::config::{self, Config, ConfigError};
use crate::domain::credit::Credits;
use crate::sandbox::Jail;
use crate::store::{Found, Store};
use crate::{demo, doctor, simulate, telemetry};
use clap::{Parser, Subcommand};
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};

/// A GitHub App that answers /asynccoder commands with branches, pull requests and check runs.
#[derive(Debug, Parser)]
#[command(name = "asynccoder", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Run the bot. The first line on standard output is `listening on <url>`.
    Serve,
    /// Play the whole story on this machine, without an account, a key or a server.
    Demo(demo::Options),
    /// Bring the database up to date, and do nothing else.
    Migrate,
    /// Look after the accounts' credits.
    Credits {
        #[command(subcommand)]
        command: CreditsVerb,
    },
    /// Check configuration, database, git, the App and the models, and say what to do.
    Doctor,
    /// Say what a delivery would do, without doing it, a server or a network.
    Simulate(simulate::Options),
    /// Sign a payload and send it to a running server.
    Replay(simulate::Replay),
    /// Be the jailer of a command; the server starts itself like this.
    #[command(hide = true)]
    Jail(Jail),
}

#[derive(Debug, Subcommand)]
enum CreditsVerb {
    /// Give credits to an account that the App knows.
    Grant {
        /// The login of the person or organization.
        account: String,
        /// How many credits; one is one US cent of model cost.
        #[arg(value_parser = clap::value_parser!(i64).range(1..=1_000_000_000))]
        credits: i64,
        /// Why, for the books.
        #[arg(long, value_parser = clap::builder::NonEmptyStringValueParser::new())]
        reason: String,
    },
}

/// Runs the program.
pub fn run() -> ExitCode {
    let command = Cli::parse().command;
    if let Verb::Jail(jail) = command {
        // Before there is a second thread, a log or a word of the environment.
        return jail.run();
    }
    carry_out(command)
}

#[tokio::main]
async fn carry_out(command: Verb) -> ExitCode {
    let (format, filter) = config::logging();
    // The demo tells its own story; the log would stand between its lines.
    let quiet = matches!(command, Verb::Demo(_)) && filter == "info";
    telemetry::start(format.as_deref(), if quiet { "error" } else { &filter });
    let outcome = match command {
        Verb::Serve => serve().await,
        Verb::Demo(options) => demo::play(options).await,
        Verb::Migrate => migrate().await,
        Verb::Credits { command: CreditsVerb::Grant { account, credits, reason } } => {
            grant(&account, credits, &reason).await
        }
        Verb::Doctor => doctor::examine().await,
        Verb::Simulate(options) => simulate::tell(&options),
        Verb::Replay(options) => simulate::replay(options).await,
        Verb::Jail(jail) => return jail.run(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("asynccoder: {error:#}");
            if error.is::<ConfigError>() { ExitCode::from(2) } else { ExitCode::FAILURE }
        }
    }
}

async fn serve() -> anyhow::Result<()> {
    let config = Config::from_env()?;
    if config.providers.is_empty() {
        tracing::warn!(
            "no model service has a key (ANTHROPIC_API_KEY): commands that need a model are refused"
        );
    }
    let app = App::start(config).await?;
    telemetry::say(format_args!("listening on {}", app.url()));
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => {}
        interrupted = tokio::signal::ctrl_c() => interrupted?,
    }
    tracing::info!("stopping: running tasks are given back and go on at the next start");
    app.stop().await;
    Ok(())
}

async fn migrate() -> anyhow::Result<()> {
    let (data_dir, url) = Config::database_only()?;
    std::fs::create_dir_all(&data_dir)?;
    let _no_server_meanwhile = app::lock(&data_dir)?;
    let store = Store::open(&url).await?;
    store.close().await;
    telemetry::say(format_args!("the database is up to date"));
    Ok(())
}

async fn grant(account: &str, credits: i64, reason: &str) -> anyhow::Result<()> {
    let (data_dir, url) = Config::database_only()?;
    let store = match Store::find(&url).await? {
        Found::Nothing => anyhow::bail!(
            "there is no database in DATA_DIR {}: is it the server's, and has that been started?",
            data_dir.display()
        ),
        Found::Behind(_) => anyhow::bail!(
            "the database is older than this version: start the server with it, or run `migrate`"
        ),
        Found::Current(store) => store,
    };
    let Some(id) = store.account_by_login(account).await? else {
        anyhow::bail!(
            "no account {account} is known: it becomes known when it installs the App or somebody comments"
        );
    };
    let granted = store.grant(id, Credits(credits), reason).await?;
    store.close().await;
    telemetry::say(format_args!("{account} now has {}", granted.balance));
    Ok(())
}
