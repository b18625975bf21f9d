//! The program is killed at its worst moments; people see the same story as without.

use super::UNDISTURBED;
use crate::world::process::{Server, ends, finish, run, told};
use crate::world::processes::{GONE, gone, there};
use crate::world::{Plan, World, repo};
use asynccoder::simulator::{At, Moment, Script};
use expect_test::expect;
use serde_json::json;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Kills the program while its request stands at this wall, and starts it again.
async fn killed_at(at: At, moment: Moment) {
    let mut world = World::without_the_bot(Plan::default()).await;
    world.model(repo::fixes_the_till());
    let gate = world.simulator.faults().hold(at, moment);
    let server = Server::start(&world).await;
    world.alice.comments(&world.issue, "/asynccoder debug");
    gate.reached().await.unwrap();
    server.kill().await;
    gate.open();
    let server = Server::start(&world).await;
    ends(&world).await;
    world.simulator.deliveries_idle().await;
    assert_eq!(world.story(), UNDISTURBED);
    finish(world, server).await;
}

#[tokio::test]
async fn killed_before_anybody_knows_who_asked() {
    killed_at(At::api("GET", "/permission"), Moment::BeforeReply).await;
}

#[tokio::test]
async fn killed_after_the_first_comment() {
    killed_at(At::api("POST", "/issues/1/comments"), Moment::BeforeReply).await;
}

#[tokio::test]
async fn killed_while_it_fetches() {
    killed_at(At::git("POST", "git-upload-pack"), Moment::BeforeEffect).await;
}

#[tokio::test]
async fn killed_while_the_model_thinks() {
    killed_at(At::models(), Moment::BeforeReply).await;
}

#[tokio::test]
async fn killed_before_the_push() {
    killed_at(At::git("POST", "git-receive-pack"), Moment::BeforeEffect).await;
}

#[tokio::test]
async fn killed_after_the_push() {
    killed_at(At::git("POST", "git-receive-pack"), Moment::BeforeReply).await;
}

#[tokio::test]
async fn killed_after_the_pull_request() {
    killed_at(At::api("POST", "/pulls"), Moment::BeforeReply).await;
}

#[tokio::test]
async fn killed_after_the_check_run() {
    killed_at(At::api("POST", "/check-runs"), Moment::BeforeReply).await;
}

#[tokio::test]
async fn a_second_server_on_the_same_folder_is_refused() {
    let world = World::without_the_bot(Plan::default()).await;
    let server = Server::start(&world).await;
    let second = told(&run(&world, &["serve"]).await);
    let data = world.data_dir().display().to_string();
    expect![[r#"
        asynccoder: another asynccoder process (serve or migrate) uses DATA_DIR <data>: stop it, or give this one another folder
        exit code Some(1)
    "#]]
    .assert_eq(&second.replace(&data, "<data>"));
    finish(world, server).await;
}

/// The private folders of commands.
fn private_folders(world: &World) -> Vec<PathBuf> {
    let folders = std::fs::read_dir(world.data_dir().join("scratch")).unwrap();
    folders.map(|folder| folder.unwrap().path()).collect()
}

#[tokio::test]
async fn of_a_command_nothing_is_left_when_its_server_was_killed() {
    let world = World::without_the_bot(Plan::default().with("SANDBOX", "landlock")).await;
    let sleeper = format!("sleep 36{}", world.simulator.server_url().rsplit(':').next().unwrap());
    let command = format!("touch $TMPDIR/x && {sleeper}");
    world.model(Script::new("sleeps").calls(vec![("bash", json!({ "command": command }))]));
    let server = Server::start(&world).await;
    world.alice.comments(&world.issue, "/asynccoder debug");
    there(&sleeper).await;
    assert_eq!(private_folders(&world).len(), 1);
    server.kill().await;
    gone(&sleeper).await;
    let began = Instant::now();
    while !private_folders(&world).is_empty() {
        assert!(began.elapsed() < GONE, "still there: {:?}", private_folders(&world));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }

    // After a power cut nobody is left to clear up.
    let left = world.data_dir().join("scratch/left");
    std::fs::create_dir_all(left.join("home")).unwrap();
    assert!(told(&run(&world, &["doctor"]).await).contains("landlock holds here"));
    assert!(left.exists(), "whoever only looks removes nothing of a server's");
    let server = Server::start(&world).await;
    assert!(!left.exists());
    server.kill().await;
    gone(&sleeper).await;
}
