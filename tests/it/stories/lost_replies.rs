//! Whatever reply is lost on the way, people see the same story, and nothing twice.

use super::UNDISTURBED;
use crate::world::{Plan, World, repo};
use asynccoder::simulator::{At, Refusal};
use serde_json::json;

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

/// Tells the story once for each wall, with this trouble there.
async fn trouble_everywhere(trouble: impl Fn(&World, At), used_up: bool) {
    for (what, at) in walls() {
        let told = async |world: &mut World| {
            world.model(repo::fixes_the_till());
            trouble(world, at);
            world.alice.comments(&world.issue, "/asynccoder debug");
            world.settle().await;
            let left = world.simulator.faults().left();
            assert!(left == 0 || !used_up, "there was no trouble when {what}");
            world.simulator.faults().clear();
            let story = world.story();
            assert_eq!(story, UNDISTURBED, "when {what}");
        };
        crate::world::tell(Plan::default(), told).await;
    }
}

#[tokio::test]
async fn a_reply_that_is_lost() {
    trouble_everywhere(|world, at| world.simulator.faults().lose_reply(at, 1), true).await;
}

#[tokio::test]
async fn a_reply_that_is_lost_whenever_it_is_asked_again_and_again() {
    trouble_everywhere(|world, at| world.simulator.faults().lose_reply(at, 3), false).await;
}

#[tokio::test]
async fn a_request_that_fails_before_anything_happened() {
    trouble_everywhere(
        |world, at| {
            let refusal = Refusal { status: 502, body: json!({}), headers: Vec::new() };
            world.simulator.faults().refuse(at, 2, refusal);
        },
        true,
    )
    .await;
}
