//! What GitHub could not deliver is asked for again: an outage of ours loses no comment.

use super::UNDISTURBED;
use crate::world::{PATIENCE, Plan, REPOSITORY, World, repo, rows};
use asynccoder::simulator::{At, Effect, Refusal, Simulator};
use std::net::TcpListener;

#[tokio::test]
async fn a_comment_during_an_outage_is_answered_after_it() {
    let mut world = during_an_outage().await;
    world.model(repo::fixes_the_till());
    world.alice.comments(&world.issue, "/asynccoder debug");
    world.simulator.deliveries_idle().await;
    assert_eq!(statuses(&world.simulator), [502], "nobody was there");

    world.start().await;
    let checked = |now: &Simulator| !now.check_runs(REPOSITORY).is_empty();
    world.simulator.wait_for(checked, PATIENCE).await.unwrap();
    world.settle().await;
    assert_eq!(world.story(), UNDISTURBED);
    assert_eq!(statuses(&world.simulator)[..2], [502, 202], "it was delivered once more");
    world.stop().await;
}

#[tokio::test]
async fn what_was_missed_comes_in_its_order_and_not_while_github_wants_a_pause() {
    let mut world = during_an_outage().await;
    for verb in ["ping", "status", "credits"] {
        world.alice.comments(&world.issue, &format!("/asynccoder {verb}"));
    }
    world.simulator.deliveries_idle().await;
    let missed = deliveries(&world.simulator);
    let last_but_one = At::api("POST", "/attempts").after(u32::try_from(missed.len()).unwrap() - 2);
    world.simulator.faults().refuse(last_but_one, 1, Refusal::secondary_limit(Some(60)));
    world.start().await;
    let failed = "select count(*) from schedules where name = 'redeliver' and error is not null";
    rows::until(&world, failed, 1).await;
    assert_eq!(
        asked_for(&world.simulator),
        missed.len() - 1,
        "nothing is asked for after a refusal"
    );

    world.simulator.deliveries_idle().await;
    world.days_later().await;
    rows::until(&world, failed, 0).await;
    world.settle().await;
    assert_eq!(asked_for(&world.simulator), missed.len() + 1);
    let mut again = deliveries(&world.simulator).split_off(missed.len());
    again.retain(|guid| missed.contains(guid));
    assert_eq!(again, missed, "the oldest first");
    world.stop().await;
}

/// A world whose server is still to come.
async fn during_an_outage() -> World {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let plan = Plan::default().with("PORT", port.to_string().leak());
    let world = World::without_the_bot(plan).await;
    world.simulator.deliver_to(&format!("http://127.0.0.1:{port}/api/webhooks/github"));
    world
}

/// How often GitHub was asked to deliver something again.
fn asked_for(simulator: &Simulator) -> usize {
    let journal = simulator.journal();
    let requests = journal.iter().filter_map(|entry| entry.request());
    requests.filter(|request| request.path.ends_with("/attempts")).count()
}

/// The deliveries, by the id that they keep when they are repeated.
fn deliveries(simulator: &Simulator) -> Vec<String> {
    let guid = |effect: &Effect| match effect {
        Effect::Delivered { guid, .. } => Some(guid.clone()),
        _ => None,
    };
    simulator.journal().iter().filter_map(|entry| guid(entry.effect()?)).collect()
}

/// The answers that deliveries of comments got.
fn statuses(simulator: &Simulator) -> Vec<u16> {
    let status = |effect: &Effect| match effect {
        Effect::Delivered { event, status, .. } if event == "issue_comment" => Some(*status),
        _ => None,
    };
    simulator.journal().iter().filter_map(|entry| status(entry.effect()?)).collect()
}
