//! The real server in a process of its own, with short waits: for tests that kill it.
//!
//! How long things take is no matter of the environment, so the program itself cannot be told to
//! hurry; this is the program with another `Config::timing`.

use asynccoder::app::App;
use asynccoder::config::{Config, Timing};
use asynccoder::domain::limits::Bounds;
use std::process::ExitCode;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

fn main() -> anyhow::Result<ExitCode> {
    // Like the program, it is its own jailer.
    if std::env::args().nth(1).as_deref() == Some("jail") {
        return Ok(asynccoder::cli::run());
    }
    serve()?;
    Ok(ExitCode::SUCCESS)
}

#[tokio::main]
async fn serve() -> anyhow::Result<()> {
    let tick = Duration::from_millis(20);
    tracing_subscriber::fmt()
        .with_env_filter("info")
        .with_ansi(false)
        .with_writer(std::io::stderr)
        .init();
    let mut config = Config::from_env()?;
    config.timing = Timing {
        lease: Duration::from_secs(2),
        heartbeat: Duration::from_millis(200),
        // Several of these share two cores in a test, and looking costs most of what they do.
        poll: Duration::from_millis(50),
        edit_spacing: Duration::from_hours(1),
        write_spacing: Duration::ZERO,
        lookup_spacing: Duration::from_millis(30),
        backoff: tick,
        model_backoff: Duration::from_millis(1),
        // Longer than any answer that comes at all, though the machine may be busy.
        model_patience: Duration::from_secs(5),
        ..Timing::default()
    };
    config.bounds = Bounds::NONE;
    let app = App::start(config).await?;
    println!("listening on {}", app.url());
    signal(SignalKind::terminate())?.recv().await;
    app.stop().await;
    Ok(())
}
