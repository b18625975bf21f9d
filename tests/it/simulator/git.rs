//! git over HTTP, by the git program; then a pull request from what was pushed.

use std::path::Path;

use anyhow::{Context as _, bail};
use asynccoder::simulator::{Effect, Wall};
use reqwest::{Method, StatusCode};
use serde::Deserialize as _;
use serde_json::{Value, json};
use tokio::process::Command;

use super::{REPOSITORY, Set};

#[tokio::test]
async fn a_clone_is_changed_pushed_and_becomes_a_pull_request() -> anyhow::Result<()> {
    let set = Set::start().await?;
    let token = set.token(Value::Null).await?;
    let folder = tempfile::tempdir()?;
    let work = clone(&set, &token, folder.path()).await?;
    git(&work, &["checkout", "-q", "-b", "asynccoder/1-fix"]).await?;
    std::fs::write(work.join("src/lib.rs"), "pub fn add(a: i32, b: i32) -> i32 {\n    a + b\n}\n")?;
    commit(&work, "Fix the sign").await?;
    git(&work, &["push", "-q", "origin", "HEAD"]).await?;
    assert_eq!(set.sim.branches(REPOSITORY).len(), 2);
    assert_eq!(set.sim.commit(REPOSITORY, "asynccoder/1-fix")?.message, "Fix the sign");

    let many: Vec<u8> =
        (0..400_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()).collect();
    std::fs::write(work.join("many.txt"), many)?;
    commit(&work, "Many lines").await?;
    git(&work, &["push", "-q", "origin", "HEAD:refs/heads/many"]).await?;
    git(
        folder.path(),
        &["clone", "-q", "--depth", "1", "-b", "many", &address(&set, &token), "again"],
    )
    .await?;
    assert!(folder.path().join("again/many.txt").exists());

    let pulls = format!("/repos/{REPOSITORY}/pulls");
    let new = json!({"title": "Fix", "head": "asynccoder/1-fix", "base": "main", "draft": true});
    let (status, pull) = set.call(Method::POST, &pulls, &token, new.clone()).await?;
    assert_eq!((status, &pull["changed_files"]), (StatusCode::CREATED, &json!(1)), "{pull}");
    let (status, again) = set.call(Method::POST, &pulls, &token, new).await?;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let why = "A pull request already exists for acme:asynccoder/1-fix.";
    assert_eq!(again["errors"][0]["message"], why);
    octocrab::models::pulls::PullRequest::deserialize(pull)?;
    let (_, files) =
        set.call(Method::GET, &format!("{pulls}/1/files"), &token, Value::Null).await?;
    let patch = "@@ -1,3 +1,3 @@\n pub fn add(a: i32, b: i32) -> i32 {\n-    a - b\n+    a + b\n }";
    assert_eq!(files[0]["patch"], patch);

    let journal = set.sim.journal();
    let pushed = |effect: &Effect| matches!(effect, Effect::Pushed { old: None, .. });
    assert_eq!(
        journal.iter().filter_map(|entry| entry.effect()).filter(|one| pushed(one)).count(),
        2
    );
    let mut asked = journal.iter().filter_map(|entry| entry.request());
    assert!(asked.all(|request| request.wall != Wall::Git || request.status == 200));
    Ok(())
}

#[tokio::test]
async fn what_may_not_be_pushed_is_refused_with_the_reason() -> anyhow::Result<()> {
    let set = Set::start().await?;
    set.sim.protect_branch(REPOSITORY, "main")?;
    let token = set.token(Value::Null).await?;
    let folder = tempfile::tempdir()?;
    let work = clone(&set, &token, folder.path()).await?;
    std::fs::create_dir_all(work.join(".github/workflows"))?;
    std::fs::write(work.join(".github/workflows/ci.yml"), "on: push\n")?;
    commit(&work, "A workflow").await?;
    let refused = git(&work, &["push", "origin", "HEAD:main"]).await;
    let refused = format!("{:#}", refused.err().context("the push was accepted")?);
    assert!(refused.contains("(protected branch hook declined)"), "{refused}");
    let refused = git(&work, &["push", "origin", "HEAD:refs/heads/other"]).await;
    let refused = format!("{:#}", refused.err().context("the push was accepted")?);
    assert!(refused.contains("without `workflows` permission)"), "{refused}");
    let reader = set.token(json!({"permissions": {"contents": "read"}})).await?;
    let url = address(&set, &reader);
    let refused = git(&work, &["push", &url, "HEAD:refs/heads/third"]).await;
    let refused = format!("{:#}", refused.err().context("the push was accepted")?);
    assert!(refused.contains("403"), "{refused}");
    assert_eq!(set.sim.branches(REPOSITORY).len(), 1);
    Ok(())
}

async fn clone(set: &Set, token: &str, folder: &Path) -> anyhow::Result<std::path::PathBuf> {
    git(folder, &["clone", "-q", &address(set, token), "work"]).await?;
    Ok(folder.join("work"))
}

fn address(set: &Set, token: &str) -> String {
    let server = set.sim.server_url().trim_start_matches("http://");
    format!("http://x-access-token:{token}@{server}/{REPOSITORY}.git")
}

async fn commit(work: &Path, message: &str) -> anyhow::Result<()> {
    git(work, &["add", "-A"]).await?;
    let who = ["-c", "user.name=bot", "-c", "user.email=bot@example.com"];
    git(work, &[&who[..], &["commit", "-q", "-m", message]].concat()).await
}

async fn git(folder: &Path, arguments: &[&str]) -> anyhow::Result<()> {
    let mut command = Command::new("git");
    command.current_dir(folder).args(arguments).env("GIT_CONFIG_GLOBAL", "/dev/null");
    command.env("GIT_TERMINAL_PROMPT", "0").env("no_proxy", "*");
    let output = command.output().await?;
    if !output.status.success() {
        bail!("git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}
