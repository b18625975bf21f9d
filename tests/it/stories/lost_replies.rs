//! Whatever reply is lost on the way, people see the same story, and nothing twice.

use super::UNDISTURBED;
use crate::world::{PATIENCE, Plan, World, repo, story};
use asynccoder::simulator::{At, Entry, Refusal, Simulator};
use expect_test::expect;
use serde_json::json;
use std::time::Duration;

/// Every kind of write, and what is read on the way.
fn walls() -> Vec<(&'static str, At)> {
    vec![
        ("a token is minted", At::api("POST", "/access_tokens")),
        ("a permission is asked for", At::api("GET", "/permission")),
        ("the status comment", At::api("POST", "/issues/1/comments")),
        ("an emoji", At::api("POST", "/reactions")),
        ("git looks", At::git("GET", "info/refs")),
        ("git fetches", At::git("POST", "git-upload-pack")),
        ("the model answers", At::models()),
        ("git pushes", At::git("POST", "git-receive-pack")),
        ("pull requests are listed", At::api("GET", "/pulls")),
        ("the pull request", At::api("POST", "/pulls")),
        ("the check run", At::api("POST", "/check-runs")),
        ("the last edit", At::api("PATCH", "/issues/comments/")),
    ]
}

/// Tells the story with this trouble.
async fn told_with(what: &str, trouble: impl Fn(&World), used_up: bool) {
    let told = async |world: &mut World| {
        world.model(repo::fixes_the_till());
        trouble(world);
        world.alice.comments(&world.issue, "/asynccoder debug");
        world.settle().await;
        let left = world.simulator.faults().left();
        assert!(left == 0 || !used_up, "there was no trouble when {what}");
        world.simulator.faults().clear();
        assert_eq!(world.story(), UNDISTURBED, "when {what}");
    };
    crate::world::tell(Plan::default(), told).await;
}

#[tokio::test]
async fn a_reply_that_is_lost() {
    for (what, at) in walls() {
        told_with(what, |world| world.simulator.faults().lose_reply(at.clone(), 1), true).await;
    }
}

#[tokio::test]
async fn a_request_that_fails_before_anything_happened() {
    for (what, at) in walls() {
        let refusal = Refusal { status: 502, body: json!({}), headers: Vec::new() };
        let refuse = |world: &World| {
            world.simulator.faults().refuse(at.clone(), 2, refusal.clone());
        };
        told_with(what, refuse, true).await;
    }
}

#[tokio::test]
async fn every_reply_is_lost_again_and_again() {
    let lose = |world: &World| {
        for (_, at) in walls() {
            world.simulator.faults().lose_reply(at, 3);
        }
    };
    told_with("everything is lost", lose, false).await;
}

story!(an_answer_is_given_once_though_its_reply_is_lost, async |world| {
    world.simulator.faults().lose_reply(At::api("POST", "/issues/1/comments"), 1);
    world.bob.comments(&world.issue, "/asynccoder ping");
    world
        .settles_as(expect![[r#"
        bob          #1 /asynccoder ping
        asynccoder   #1 I am here. `/asynccoder help` says what I can do.
    "#]])
        .await;
    assert_eq!(world.simulator.faults().left(), 0);
});

/// Longer than all look-ups.
const LAG: Duration = Duration::from_millis(300);

/// GitHub's lists lag, longer than anybody looks for what may be there.
fn lists_lag_and_a_reply_is_lost(world: &World, at: At) {
    world.simulator.set_read_lag(LAG);
    world.simulator.faults().lose_reply(at, 1);
}

story!(a_pull_request_that_no_list_shows_yet, async |world| {
    world.model(repo::fixes_the_till());
    lists_lag_and_a_reply_is_lost(world, At::api("POST", "/pulls"));
    // Nothing else has to wait for the list here.
    world.simulator.set_read_lag(Duration::from_hours(1));
    world.alice.comments(&world.issue, "/asynccoder debug");
    let refused = |now: &Simulator| {
        now.journal().iter().filter_map(Entry::request).any(|request| request.status == 422)
    };
    world.simulator.wait_for(refused, PATIENCE).await.unwrap();
    world.simulator.set_read_lag(Duration::ZERO);
    world.settle().await;
    assert_eq!(world.story(), UNDISTURBED);
    // GitHub says that it is there already.
    world.expects_refusals();
});

story!(a_status_comment_that_no_list_shows_yet, async |world| {
    world.model(repo::fixes_the_till());
    lists_lag_and_a_reply_is_lost(world, At::api("POST", "/issues/1/comments"));
    world.alice.comments(&world.issue, "/asynccoder debug");
    world.settle().await;
    let story = world.story();
    assert!(story.starts_with(UNDISTURBED), "the newer one of two is removed again: {story}");
});

story!(a_check_run_that_no_list_shows_yet, async |world| {
    world.model(repo::fixes_the_till());
    lists_lag_and_a_reply_is_lost(world, At::api("POST", "/check-runs"));
    world.alice.comments(&world.issue, "/asynccoder debug");
    world.settle().await;
    let story = world.story();
    let double = "asynccoder   check \"Async Coder / debug\" neutral on <sha>\n";
    assert_eq!(story.replacen(double, "", 1), UNDISTURBED, "a double is neutral: {story}");
});

story!(an_answer_that_no_list_shows_yet, async |world| {
    lists_lag_and_a_reply_is_lost(world, At::api("POST", "/issues/1/comments"));
    world.bob.comments(&world.issue, "/asynccoder ping");
    world.settle().await;
    let (story, answer) = (world.story(), "asynccoder   #1 I am here.");
    assert!(story.contains(answer), "the newer one of two is removed again: {story}");
});
