//! Our own time: what Async Coder adds to the time of GitHub, git and the model.
//!
//! GitHub and the model are the simulator, which answers at once, and the pacing that spares the
//! real GitHub is off; everything else is as an operator runs it. As a measure for the machine, the
//! same change is cloned, committed and pushed by hand in the same run.
//!
//! `cargo bench` runs it; it prints milliseconds.

use anyhow::{Context, ensure};
use asynccoder::app::App;
use asynccoder::config::Config;
use asynccoder::domain::credit::Credits;
use asynccoder::simulator::{Limits, Options, RepositoryOptions, Script, Simulator};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

const REPOSITORY: &str = "acme/till";
const WRONG: &str = "pub fn discounted(cents: u64) -> bool {\n    cents > 100_00\n}\n";
const RIGHT: &str = "pub fn discounted(cents: u64) -> bool {\n    cents >= 100_00\n}\n";
/// Comments that are measured, one after the other.
const ROUNDS: usize = 20;
/// Starts of the program that are measured.
const STARTS: usize = 10;
/// Longer than anything here can take.
const LIMIT: Duration = Duration::from_mins(1);
/// How long the program rests before its memory is read.
const REST: Duration = Duration::from_secs(2);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let simulator = stage().await?;
    let mut config = Config::from_vars(variables(&simulator, &folder.path().join("data")))?;
    config.timing.write_spacing = Duration::ZERO;
    let app = App::start(config).await?;
    simulator.deliver_to(&format!("{}/api/webhooks/github", app.url()));
    let token = token(&simulator).await?;

    // The first one finds no account and no mirror yet. It is shown, and not counted.
    let first = round(&simulator, &app).await?;
    grant(&app).await?;
    let (mut rounds, mut by_hand) = (Vec::new(), Vec::new());
    for number in 0..ROUNDS {
        by_hand.push(by_hand_once(&simulator, &token, folder.path(), number).await?);
        rounds.push(round(&simulator, &app).await?);
    }
    ensure!(simulator.refusals().is_empty(), "something was refused: {:?}", simulator.refusals());
    app.stop().await;

    println!("{ROUNDS} comments, each on its own issue     p50 ms    p95 ms    first ms");
    let row = |what: &str, of: fn(&Round) -> Duration| {
        let row = Spread::of(rounds.iter().map(of).collect());
        println!("{what:36} {row} {:11.1}", milliseconds(of(&first)));
        row
    };
    row("comment to 👀", |r| r.seen);
    row("comment to status comment", |r| r.shown);
    let finished = row("comment to pull request and check", |r| r.finished);
    let by_hand = Spread::of(by_hand);
    println!("{:36} {by_hand}", "clone, commit, push by hand");
    println!(
        "{:36} {:9.2} {:9.2}",
        "ratio",
        finished.p50 / by_hand.p50,
        finished.p95 / by_hand.p95
    );

    let (starts, resident) = starts(&simulator, folder.path()).await?;
    println!("\n{STARTS} starts of the program               p50 ms    p95 ms");
    println!("{:36} {}", "start to ready", Spread::of(starts));
    println!("{:36} {resident:9.1} MiB", "resident, idle");
    simulator.stop().await;
    Ok(())
}

/// How long after a comment something was there.
struct Round {
    seen: Duration,
    shown: Duration,
    finished: Duration,
}

async fn stage() -> anyhow::Result<Simulator> {
    let simulator = Simulator::start(Options::default()).await?;
    simulator.add_organization("acme");
    simulator.add_user("dana");
    let files = vec![("src/lib.rs".to_owned(), WRONG.as_bytes().to_vec())];
    simulator
        .add_repository(REPOSITORY, RepositoryOptions { files, ..RepositoryOptions::default() })?;
    simulator.set_permission(REPOSITORY, "dana", "write")?;
    simulator.quietly().install("acme")?;
    let none = usize::MAX;
    simulator.set_limits(Limits {
        requests_an_hour: none,
        writes_a_minute: none,
        writes_an_hour: none,
    });
    let fix = json!({ "path": "src/lib.rs", "old": "cents > 100_00", "new": "cents >= 100_00" });
    let done =
        json!({ "title": "Give the discount at exactly 100.00", "summary": "`>` is `>=` now." });
    simulator
        .models()
        .script(Script::new("fix").calls(vec![("edit_file", fix)]).calls(vec![("finish", done)]));
    Ok(simulator)
}

/// What an operator would put into the environment.
fn variables(simulator: &Simulator, data: &Path) -> BTreeMap<String, String> {
    let app = simulator.credentials();
    let variables = [
        ("PORT", "0".to_owned()),
        ("DATA_DIR", data.display().to_string()),
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

/// One comment on a new issue, up to the posted check run; then everything comes to rest.
async fn round(simulator: &Simulator, app: &App) -> anyhow::Result<Round> {
    let issue = simulator.quietly().open_issue(REPOSITORY, "dana", "No discount", "At 100.00.")?;
    let checks = simulator.check_runs(REPOSITORY).len();
    let began = Instant::now();
    let comment = simulator.comment(REPOSITORY, issue, "dana", "/asynccoder debug")?;
    let (mut seen, mut shown) = (None, None);
    let finished = |simulator: &Simulator| {
        if seen.is_none() && !simulator.reactions(comment).is_empty() {
            seen = Some(began.elapsed());
        }
        if shown.is_none() && simulator.comments(REPOSITORY, issue).len() > 1 {
            shown = Some(began.elapsed());
        }
        let runs = simulator.check_runs(REPOSITORY);
        runs.len() > checks && runs.iter().all(|run| run.conclusion.is_some())
    };
    simulator.wait_for(finished, LIMIT).await?;
    let finished = began.elapsed();
    app.settled(LIMIT).await?;
    Ok(Round {
        seen: seen.context("no reaction")?,
        shown: shown.context("no status comment")?,
        finished,
    })
}

async fn grant(app: &App) -> anyhow::Result<()> {
    let account = app.store().account_by_login("acme").await?.context("no account")?;
    app.store().grant(account, Credits(10_000), "a long day").await?;
    Ok(())
}

/// The same change with nothing but git.
async fn by_hand_once(
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

async fn git(folder: &Path, arguments: &[&str]) -> anyhow::Result<()> {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=Dana", "-c", "user.email=dana@example.com"]);
    command.args(arguments).current_dir(folder).stdin(Stdio::null());
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    let done = command.output().await?;
    ensure!(done.status.success(), "git: {}", String::from_utf8_lossy(&done.stderr));
    Ok(())
}

/// An installation token for git.
async fn token(simulator: &Simulator) -> anyhow::Result<String> {
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

/// Starts the program over and over, and reads its memory (MiB) once it rests.
async fn starts(simulator: &Simulator, folder: &Path) -> anyhow::Result<(Vec<Duration>, f64)> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let (mut took, mut resident) = (Vec::new(), 0.0);
    for number in 0..STARTS {
        let began = Instant::now();
        let mut program = Command::new(env!("CARGO_BIN_EXE_asynccoder"))
            .arg("serve")
            .current_dir(folder)
            .envs(variables(simulator, &folder.join(format!("start-{number}"))))
            .env("RUST_LOG", "error")
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let output = program.stdout.take().context("no output")?;
        let line = BufReader::new(output).lines().next_line().await?.context("it ended")?;
        let url = line.strip_prefix("listening on ").context("another first line")?;
        client.get(format!("{url}/readyz")).send().await?.error_for_status()?;
        took.push(began.elapsed());
        if number + 1 == STARTS {
            tokio::time::sleep(REST).await;
            resident = resident_mebibytes(program.id().context("it ended")?)?;
        }
        program.kill().await?;
    }
    Ok((took, resident))
}

fn resident_mebibytes(process: u32) -> anyhow::Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let kibibytes: f64 = line.trim_end_matches("kB").trim().parse()?;
    Ok(kibibytes / 1024.0)
}

/// The middle and the far end, in milliseconds.
struct Spread {
    p50: f64,
    p95: f64,
}

impl Spread {
    fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        let at = |percent: usize| {
            let rank = (times.len() * percent).div_ceil(100).max(1) - 1;
            times.get(rank).copied().map_or(0.0, milliseconds)
        };
        Self { p50: at(50), p95: at(95) }
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:9.1} {:9.1}", self.p50, self.p95)
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
