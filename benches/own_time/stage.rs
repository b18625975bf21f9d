//! The stage: an organization with one small repository, somebody who may write, and a model that
//! knows the fix. GitHub's limits are off.

use anyhow::Context;
use asynccoder::app::App;
use asynccoder::domain::credit::Credits;
use asynccoder::simulator::{Limits, Options, RepositoryOptions, Script, Simulator};
use serde_json::json;
use std::time::{Duration, Instant};

pub(crate) const REPOSITORY: &str = "acme/till";
pub(crate) const WRONG: &str = "pub fn discounted(cents: u64) -> bool {\n    cents > 100_00\n}\n";
pub(crate) const RIGHT: &str = "pub fn discounted(cents: u64) -> bool {\n    cents >= 100_00\n}\n";
/// Longer than anything here can take.
pub(crate) const LIMIT: Duration = Duration::from_mins(3);

pub(crate) async fn stage() -> anyhow::Result<Simulator> {
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
    Ok(simulator)
}

/// What the model does: one edit.
pub(crate) fn fix() -> Script {
    let fix = json!({ "path": "src/lib.rs", "old": "cents > 100_00", "new": "cents >= 100_00" });
    let done =
        json!({ "title": "Give the discount at exactly 100.00", "summary": "`>` is `>=` now." });
    Script::new("fix").calls(vec![("edit_file", fix)]).calls(vec![("finish", done)])
}

/// How long after a comment something was there.
pub(crate) struct Round {
    pub(crate) seen: Duration,
    pub(crate) shown: Duration,
    pub(crate) finished: Duration,
}

/// One comment on a new issue, up to the posted check run; then everything comes to rest.
pub(crate) async fn round(
    simulator: &Simulator,
    app: &App,
    repository: &str,
) -> anyhow::Result<Round> {
    let issue = simulator.quietly().open_issue(repository, "dana", "No discount", "At 100.00.")?;
    let checks = simulator.check_runs(repository).len();
    let began = Instant::now();
    let comment = simulator.comment(repository, issue, "dana", "/asynccoder debug")?;
    let (mut seen, mut shown) = (None, None);
    let finished = |simulator: &Simulator| {
        if seen.is_none() && !simulator.reactions(comment).is_empty() {
            seen = Some(began.elapsed());
        }
        if shown.is_none() && simulator.comments(repository, issue).len() > 1 {
            shown = Some(began.elapsed());
        }
        let runs = simulator.check_runs(repository);
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

/// More credits than a long day costs.
pub(crate) async fn grant(app: &App) -> anyhow::Result<()> {
    let account = app.store().account_by_login("acme").await?.context("no account")?;
    app.store().grant(account, Credits(100_000), "a long day").await?;
    Ok(())
}
