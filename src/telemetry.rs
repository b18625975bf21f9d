//! The log: set up once. A line reads alone and can be queried; secrets and bodies are never in it. And
//! what commands print for whoever typed them.

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use std::fmt::Arguments;
use std::io::{IsTerminal, Write};
use std::sync::OnceLock;
use tracing_subscriber::EnvFilter;

/// Starts logging to standard error, as text on a terminal and as JSON elsewhere unless told.
/// A second call changes nothing, so that a demo inside a test can run beside others.
pub(crate) fn start(format: Option<&str>, filter: &str) {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let text = match format {
        Some("json") => false,
        Some("text") => true,
        Some(_) | None => std::io::stderr().is_terminal(),
    };
    // Whoever reads the log may go away; work goes on, and telling the same place would be a panic.
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .log_internal_errors(false);
    let started = if text { builder.try_init() } else { builder.json().try_init() };
    if started.is_err() {
        tracing::debug!("logging was started before");
    }
}

/// Prints a line. Whoever reads it may have seen enough: that is no fault.
pub(crate) fn say(line: Arguments<'_>) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// The counters of this process. They exist once, however many servers a test starts.
pub(crate) fn metrics() -> PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    let install = || {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        if metrics::set_global_recorder(recorder).is_err() {
            tracing::debug!("another recorder of metrics was there before");
        }
        handle
    };
    HANDLE.get_or_init(install).clone()
}
