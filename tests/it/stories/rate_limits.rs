//! When GitHub asks to wait, nothing of the account is asked until the time is over, whoever was told.
//! That nobody asks inside of a limit's window is checked at the end of every story.

use super::UNDISTURBED;
use crate::world::{PATIENCE, World, repo, story};
use asynccoder::simulator::{At, Moment, Refusal, Simulator};
use expect_test::expect;
use std::time::Duration;

/// Waits until GitHub has asked to wait, for longer than anything can have been on its way.
async fn somebody_was_told(world: &World) {
    let told = |now: &Simulator| {
        now.journal().iter().filter_map(|e| e.request()).any(|r| matches!(r.status, 403 | 429))
    };
    world.simulator.wait_for(told, PATIENCE).await.unwrap();
    world.simulator.advance(Duration::from_millis(300));
}

story!(what_one_command_is_told_holds_for_all, async |world| {
    let permission = || At::api("GET", "/permission");
    let first = world.simulator.faults().hold(permission(), Moment::BeforeReply);
    world.alice.comments(&world.issue, "/asynccoder ping");
    first.reached().await.unwrap();
    let limit = Refusal::secondary_limit(Some(2));
    world.simulator.faults().refuse(permission(), 1, limit);
    world.alice.comments(&world.issue, "/asynccoder credits");
    somebody_was_told(world).await;
    // The first command has its answer, and may ask nothing more for now; nor may a third one.
    first.open();
    world.alice.comments(&world.issue, "/asynccoder models");
    world
        .settles_as(expect![[r#"
        alice        #1 /asynccoder ping
        alice        #1 /asynccoder credits
        asynccoder   #1 :eyes:
        alice        #1 /asynccoder models
        asynccoder   #1 ### Async Coder · credits…
        asynccoder   #1 ### Async Coder · models…
        asynccoder   #1 I am here. `/asynccoder help` says what I can do.
    "#]])
        .await;
});

story!(a_limit_that_names_its_end_is_waited_for, async |world| {
    world.model(repo::fixes_the_till());
    let end = chrono::Utc::now().timestamp() + 2;
    let limit = Refusal::primary_limit(end);
    world.simulator.faults().refuse(At::api("POST", "/pulls"), 1, limit);
    world.alice.comments(&world.issue, "/asynccoder debug");
    world.settle().await;
    assert_eq!(world.simulator.faults().left(), 0);
    assert_eq!(world.story(), UNDISTURBED);
    assert!(chrono::Utc::now().timestamp() >= end, "nobody hurried");
});
