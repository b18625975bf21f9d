//! Shows how it ended, as the people see it, and makes sure that it is really so.

use super::stage::{REPOSITORY, Stage};
use crate::app::App;
use crate::domain::task::OUR_BRANCHES;
use crate::telemetry::say;
use anyhow::{Context, ensure};

/// The conversation, the change, the check run.
pub(super) fn conversation(stage: &Stage) -> anyhow::Result<()> {
    let simulator = &stage.simulator;
    let issue = simulator.issue(REPOSITORY, stage.issue).context("the issue is gone")?;
    heading(&format!("{REPOSITORY}#{} {}", issue.number, issue.title));
    say(format_args!("{}: {}", issue.author, issue.body.unwrap_or_default()));
    for comment in simulator.comments(REPOSITORY, stage.issue) {
        say(format_args!("\n{}: {}", comment.author, comment.body));
        for (who, emoji) in &comment.reactions {
            say(format_args!("    {who} reacts with :{emoji}:"));
        }
    }
    let pull_requests = simulator.pull_requests(REPOSITORY);
    let pull_request = pull_requests.first().context("no pull request was opened")?;
    let draft = if pull_request.draft { " (draft)" } else { "" };
    heading(&format!("pull request #{}{draft}: {}", pull_request.number, pull_request.title));
    say(format_args!("{}", pull_request.body.as_deref().unwrap_or_default()));
    heading(&format!("the change: {} -> {}", pull_request.head, pull_request.base));
    say(format_args!(
        "{}",
        simulator.diff(REPOSITORY, &pull_request.base, &pull_request.head)?.trim_end()
    ));
    for check in simulator.check_runs(REPOSITORY) {
        let conclusion = check.conclusion.unwrap_or(check.status);
        heading(&format!(
            "check run \"{}\" on {}: {conclusion}",
            check.name,
            check.head_sha.get(..7).unwrap_or_default()
        ));
        say(format_args!("{}", check.summary.unwrap_or_default()));
    }
    Ok(())
}

/// Fails unless everything the story tells of exists exactly once and was paid.
pub(super) async fn check_everything(
    stage: &Stage,
    app: &App,
    real_model: bool,
) -> anyhow::Result<()> {
    let simulator = &stage.simulator;
    let pull_requests = simulator.pull_requests(REPOSITORY);
    let [pull_request] = pull_requests.as_slice() else {
        anyhow::bail!("there are {} pull requests, not one", pull_requests.len())
    };
    ensure!(pull_request.head.starts_with(OUR_BRANCHES), "the branch is {}", pull_request.head);
    let checks = simulator.check_runs(REPOSITORY);
    let [check] = checks.as_slice() else {
        anyhow::bail!("there are {} check runs, not one", checks.len())
    };
    ensure!(check.head_sha == pull_request.head_sha, "the check run is on another commit");
    ensure!(check.conclusion.is_some(), "the check run is still in progress");
    let ours: Vec<_> = simulator
        .comments(REPOSITORY, stage.issue)
        .into_iter()
        .filter(|c| c.author.ends_with("[bot]"))
        .collect();
    let [comment] = ours.as_slice() else {
        anyhow::bail!("the bot wrote {} comments, not one", ours.len())
    };
    ensure!(comment.body.contains("Receipt: "), "the status comment has no receipt");
    if !real_model {
        ensure!(check.conclusion.as_deref() == Some("success"), "the check run is not a success");
        let fixed =
            simulator.file(REPOSITORY, &pull_request.head, "src/discount.rs").unwrap_or_default();
        ensure!(
            String::from_utf8_lossy(&fixed).contains("cents >= THRESHOLD"),
            "the fault is not fixed"
        );
        let refused = simulator.refusals();
        ensure!(refused.is_empty(), "GitHub or the model refused something: {refused:?}");
    }
    ensure!(app.store().unbalanced_accounts().await?.is_empty(), "the ledger does not add up");
    let account =
        app.store().account_by_login("acme").await?.context("the account is not known")?;
    let balance = app.store().balance(account).await?;
    ensure!(balance.held.0 == 0, "{} still held", balance.held);
    heading("paid");
    say(format_args!("acme had 100 credits and has {} now.", balance.balance));
    Ok(())
}

fn heading(text: &str) {
    say(format_args!("\n── {text} ──\n"));
}
