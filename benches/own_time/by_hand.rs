//! The same change with nothing but git: what the machine needs at least.

use super::stage::{REPOSITORY, RIGHT};
use anyhow::{Context, ensure};
use asynccoder::simulator::Simulator;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::process::Command;

/// Clone, commit, push.
pub(crate) async fn clone_and_push(
    simulator: &Simulator,
    token: &str,
    folder: &Path,
    number: usize,
) -> anyhow::Result<Duration> {
    let host = simulator.server_url().trim_start_matches("http://");
    let url = format!("http://x-access-token:{token}@{host}/{REPOSITORY}.git");
    let clone = folder.join(format!("clone-{number}"));
    let refspec = format!("HEAD:refs/heads/by-hand/{number}");
    let began = Instant::now();
    git(folder, &["clone", "--quiet", &url, &clone.display().to_string()]).await?;
    tokio::fs::write(clone.join("src/lib.rs"), RIGHT).await?;
    git(&clone, &["commit", "--quiet", "--all", "--message", "Give the discount"]).await?;
    git(&clone, &["push", "--quiet", "origin", &refspec]).await?;
    let took = began.elapsed();
    tokio::fs::remove_dir_all(&clone).await?;
    Ok(took)
}

pub(crate) async fn git(folder: &Path, arguments: &[&str]) -> anyhow::Result<()> {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=Dana", "-c", "user.email=dana@example.com"]);
    command.args(arguments).current_dir(folder).stdin(Stdio::null());
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    let done = command.output().await?;
    ensure!(done.status.success(), "git: {}", String::from_utf8_lossy(&done.stderr));
    Ok(())
}

/// An installation token for git.
pub(crate) async fn token(simulator: &Simulator) -> anyhow::Result<String> {
    let app = simulator.credentials();
    let now = chrono::Utc::now().timestamp();
    let claims = json!({ "iat": now - 60, "exp": now + 540, "iss": app.app_id });
    let key = jsonwebtoken::EncodingKey::from_rsa_pem(app.private_key_pem.as_bytes())?;
    let header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::RS256);
    let jwt = jsonwebtoken::encode(&header, &claims, &key)?;
    let client = reqwest::Client::builder().user_agent("own_time").no_proxy().build()?;
    let api = simulator.api_url();
    let ask = client.get(format!("{api}/repos/{REPOSITORY}/installation")).bearer_auth(&jwt);
    let installation: Value = ask.send().await?.error_for_status()?.json().await?;
    let id = installation.get("id").and_then(Value::as_u64).context("no installation")?;
    let ask = client.post(format!("{api}/app/installations/{id}/access_tokens")).bearer_auth(&jwt);
    let minted: Value = ask.json(&json!({})).send().await?.error_for_status()?.json().await?;
    Ok(minted.get("token").and_then(Value::as_str).context("no token")?.to_owned())
}
