//! Labels: work that is asked for without a word.

use crate::world::{PATIENCE, Plan, REPOSITORY, World, repo, story};
use asynccoder::simulator::{At, Gate, Mishaps, Moment, Simulator};
use expect_test::expect;

fn labels(world: &World, number: u64, who: &str, label: &str) {
    world.simulator.label(REPOSITORY, number, who, label).unwrap();
}

story!(a_label_asks_for_work, async |world| {
    world.model(repo::fixes_the_till());
    labels(world, 1, "alice", "asynccoder:debug");
    world.settles_as(expect![[r#"
        alice        #1 labeled asynccoder:debug
        asynccoder   #1 :eyes:
        asynccoder   pushes asynccoder/1-no-discount-at-exactly-100-00-<short> (src/discount.rs +1 -1)
        asynccoder   opens #2 "Give the discount at exactly 100.00" for main as a draft
        asynccoder   check "Async Coder / debug" success on <sha>
        asynccoder   #1 debug · done: I opened draft pull request #2. [4 steps, 1 credit]
    "#]]).await;
});

story!(a_label_names_the_model, async |world| {
    world.model(repo::fixes_the_till());
    labels(world, 1, "alice", "asynccoder:model:opus");
    labels(world, 1, "alice", "bug");
    world.settle().await;
    labels(world, 1, "alice", "asynccoder");
    world.settles_as(expect![[r#"
        alice        #1 labeled asynccoder:model:opus
        alice        #1 labeled bug
        alice        #1 labeled asynccoder
        asynccoder   #1 :eyes:
        asynccoder   pushes asynccoder/1-no-discount-at-exactly-100-00-<short> (src/discount.rs +1 -1)
        asynccoder   opens #2 "Give the discount at exactly 100.00" for main as a draft
        asynccoder   check "Async Coder / async" success on <sha>
        asynccoder   #1 async · done: I opened draft pull request #2. [4 steps, 2 credits]
    "#]]).await;
    let prompts = world.models().requests();
    assert_eq!(prompts[0]["model"], "claude-opus-5-5");
    assert!(prompts[0]["messages"][0].to_string().contains("Resolve issue #1"));
});

story!(a_pull_request_is_labelled_too, async |world| {
    world.model(repo::fixes_the_till());
    world.carol.quietly().commits("notes", "NOTES.md", "A note.\n");
    let pull = world.carol.quietly().proposes("notes", "Add a note");
    world.story();
    labels(world, pull.number, "alice", "asynccoder:fix");
    world
        .settles_as(expect![[r#"
        alice        #2 labeled asynccoder:fix
        asynccoder   #2 :eyes:
        asynccoder   pushes notes (src/discount.rs +1 -1) on top
        asynccoder   #2 synchronized
        asynccoder   check "Async Coder / debug" success on <sha>
        asynccoder   check "Async Coder / debug" success on <sha>
        asynccoder   #2 debug · done: I pushed <sha> to `notes`. [4 steps, 1 credit]
    "#]])
        .await;
});

story!(who_may_not_is_told_so_on_a_label_too, async |world| {
    labels(world, 1, "bob", "asynccoder:debug");
    world.settles_as(expect![[r#"
        bob          #1 labeled asynccoder:debug
        asynccoder   #1 :confused:
        asynccoder   #1 `debug` needs write permission in this repository; you have read. Somebody with write permission can give the command.
    "#]]).await;
});

/// One task is worked on at once, so that another one waits.
fn one_at_a_time() -> Plan {
    Plan::default().with("RUNNING_PER_INSTALLATION", "1")
}

/// A task of another issue that is worked on until the gate is opened.
async fn busy(world: &World) -> Gate {
    world.model(repo::fixes_the_till());
    let gate = world.simulator.faults().hold(At::models(), Moment::BeforeEffect);
    let other = world.carol.quietly().opens("Another one", "");
    world.alice.comments(&other, "/asynccoder debug");
    gate.reached().await.unwrap();
    gate
}

story!(a_label_that_is_taken_away_in_time_asks_for_nothing, one_at_a_time(), async |world| {
    let gate = busy(world).await;
    labels(world, 1, "alice", "asynccoder:debug");
    let queued = |now: &Simulator| !now.comments(REPOSITORY, 1).is_empty();
    world.simulator.wait_for(queued, PATIENCE).await.unwrap();
    world.simulator.unlabel(REPOSITORY, 1, "alice", "asynccoder:debug").unwrap();
    let ended =
        |now: &Simulator| now.comments(REPOSITORY, 1).iter().any(|c| c.body.contains("cancelled"));
    world.simulator.wait_for(ended, PATIENCE).await.unwrap();
    gate.open();
    world.settle().await;
    let body = &world.simulator.comments(REPOSITORY, 1)[0].body;
    assert!(body.starts_with("### Async Coder · debug · cancelled"), "{body}");
    world.story();
});

story!(taking_one_label_away_leaves_what_another_asked_for, one_at_a_time(), async |world| {
    let gate = busy(world).await;
    labels(world, 1, "alice", "asynccoder:debug");
    let queued = |now: &Simulator| !now.comments(REPOSITORY, 1).is_empty();
    world.simulator.wait_for(queued, PATIENCE).await.unwrap();
    labels(world, 1, "alice", "asynccoder:model:opus");
    world.simulator.unlabel(REPOSITORY, 1, "alice", "asynccoder:model:opus").unwrap();
    labels(world, 1, "alice", "asynccoder");
    world.simulator.unlabel(REPOSITORY, 1, "alice", "asynccoder").unwrap();
    world.alice.comments(&world.issue, "/asynccoder ping");
    let here =
        |now: &Simulator| now.comments(REPOSITORY, 1).iter().any(|c| c.body.contains("I am here"));
    world.simulator.wait_for(here, PATIENCE).await.unwrap();
    gate.open();
    world.settle().await;
    let states: Vec<String> = world
        .simulator
        .comments(REPOSITORY, 1)
        .iter()
        .filter_map(|c| c.body.lines().next().filter(|l| l.starts_with("###")).map(str::to_owned))
        .collect();
    expect!["### Async Coder · debug · done"].assert_eq(&states.join("\n"));
    world.story();
});

story!(a_label_delivered_twice_asks_once_and_set_again_asks_again, async |world| {
    world.model(repo::fixes_the_till());
    world.simulator.deliver_badly(Mishaps { replayed: 1000, ..Mishaps::default() });
    labels(world, 1, "alice", "asynccoder:debug");
    world.settle().await;
    assert_eq!(world.simulator.pull_requests(REPOSITORY).len(), 1);
    world.story();
    world.simulator.unlabel(REPOSITORY, 1, "alice", "asynccoder:debug").unwrap();
    world.settle().await;
    world.simulator.advance(std::time::Duration::from_mins(1));
    labels(world, 1, "alice", "asynccoder:debug");
    world.settle().await;
    assert_eq!(world.simulator.pull_requests(REPOSITORY).len(), 2);
    world.story();
});
