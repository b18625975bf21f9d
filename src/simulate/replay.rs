//! Sends a payload to a running server as GitHub does: signed, and under a delivery id of its own.

use super::{event_name, read};
use crate::config::Config;
use crate::delivery::signature;
use crate::github;
use crate::telemetry::say;
use anyhow::{Context as _, bail};
use std::path::PathBuf;
use std::time::Duration;
use url::Url;
use uuid::Uuid;

/// A server answers a webhook within ten seconds, or GitHub hangs up.
const PATIENCE: Duration = Duration::from_secs(30);
/// Bytes of the answer that are shown.
const LONGEST_ANSWER: usize = 16 * 1024;

/// What to send, and where.
#[derive(Debug, clap::Args)]
pub(crate) struct Replay {
    /// The file with the payload, as JSON.
    #[arg(value_name = "FILE")]
    payload: PathBuf,
    /// What GitHub names in X-GitHub-Event, such as `issue_comment`.
    #[arg(long, value_name = "NAME", value_parser = event_name)]
    event: String,
    /// The server; without it `PUBLIC_URL`, or else HOST:PORT.
    #[arg(long)]
    url: Option<Url>,
}

/// Sends it and prints the answer; fails unless it was taken.
pub(crate) async fn replay(options: Replay) -> anyhow::Result<()> {
    let receiver = Config::receiver()?;
    let body = read(&options.payload)?;
    let base = options.url.unwrap_or(receiver.url);
    let address = format!("{}/api/webhooks/github", base.as_str().trim_end_matches('/'));
    let delivery = Uuid::new_v4().to_string();
    let sent = github::http_client()?
        .post(&address)
        .timeout(PATIENCE)
        .header("content-type", "application/json")
        .header("x-github-event", &options.event)
        .header("x-github-delivery", &delivery)
        .header("x-hub-signature-256", signature::sign(&body, &receiver.secret))
        .body(body)
        .send()
        .await;
    let mut response = sent.with_context(|| {
        format!("{address} cannot be reached: does the server run? --url names another one")
    })?;
    let mut answer = Vec::new();
    while answer.len() < LONGEST_ANSWER
        && let Some(part) = response.chunk().await.context("the answer broke off")?
    {
        answer.extend_from_slice(&part);
    }
    answer.truncate(LONGEST_ANSWER);
    let status = response.status();
    say(format_args!("delivery {delivery} to {address}"));
    say(format_args!("{} {}", status.as_u16(), String::from_utf8_lossy(&answer).trim()));
    if !status.is_success() {
        bail!("the server did not take it: {status}");
    }
    Ok(())
}
