//! What GitHub could not deliver is asked for again: an outage of ours loses no comment.

use super::UNDISTURBED;
use crate::world::{Plan, REPOSITORY, World, repo};
use asynccoder::simulator::{Effect, Simulator};
use std::net::TcpListener;
use std::time::Duration;

#[tokio::test]
async fn a_comment_during_an_outage_is_answered_after_it() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let plan = Plan::default().with("PORT", port.to_string().leak());
    let mut world = World::without_the_bot(plan).await;
    world.simulator.deliver_to(&format!("http://127.0.0.1:{port}/api/webhooks/github"));
    world.model(repo::fixes_the_till());
    world.alice.comments(&world.issue, "/asynccoder debug");
    world.simulator.deliveries_idle().await;
    assert_eq!(deliveries(&world.simulator), [502], "nobody was there");

    world.start().await;
    let checked = |now: &Simulator| !now.check_runs(REPOSITORY).is_empty();
    world.simulator.wait_for(checked, Duration::from_secs(20)).await.unwrap();
    world.settle().await;
    assert_eq!(world.story(), UNDISTURBED);
    assert_eq!(deliveries(&world.simulator)[..2], [502, 202], "it was delivered once more");
    world.stop().await;
}

/// The answers that deliveries of comments got.
fn deliveries(simulator: &Simulator) -> Vec<u16> {
    let journal = simulator.journal();
    let status = |effect: &Effect| match effect {
        Effect::Delivered { event, status, .. } if event == "issue_comment" => Some(*status),
        _ => None,
    };
    journal.iter().filter_map(|entry| status(entry.effect()?)).collect()
}
