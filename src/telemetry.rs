//! The log: set up once. A line reads alone and can be queried; secrets and bodies are never in it.

use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

/// Starts logging to standard error, as text on a terminal and as JSON elsewhere unless told.
/// A second call changes nothing, so that a demo inside a test can run beside others.
pub fn start(format: Option<&str>, filter: &str) {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let text = match format {
        Some("json") => false,
        Some("text") => true,
        Some(_) | None => std::io::stderr().is_terminal(),
    };
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = if text { builder.try_init() } else { builder.json().try_init() };
    if started.is_err() {
        tracing::debug!("logging was started before");
    }
}
