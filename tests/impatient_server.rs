//! The real server in a process of its own, with short waits: for tests that kill it.
//!
//! How long things take is no matter of the environment, so the program itself cannot be told to
//! hurry; this is the program with another `Config::timing`.

use asynccoder::app::App;
use asynccoder::config::{Config, Timing};
use std::time::Duration;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let tick = Duration::from_millis(20);
    let mut config = Config::from_env()?;
    config.timing = Timing {
        lease: Duration::from_secs(2),
        heartbeat: Duration::from_millis(200),
        poll: tick,
        edit_spacing: Duration::from_hours(1),
        write_spacing: Duration::ZERO,
        lookup_spacing: Duration::from_millis(10),
        backoff: tick,
        model_backoff: Duration::from_millis(1),
        ..Timing::default()
    };
    let app = App::start(config).await?;
    println!("listening on {}", app.url());
    std::future::pending().await
}
