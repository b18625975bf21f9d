//! What only a person can give or take: permissions of the App, and the App itself.

use crate::world::{BOT, PATIENCE, REPOSITORY, World, repo, story};
use asynccoder::simulator::{At, Effect, Gate, Moment, Simulator};
use expect_test::expect;

const ALL: &[(&str, &str)] = &[
    ("checks", "write"),
    ("contents", "write"),
    ("issues", "write"),
    ("metadata", "read"),
    ("pull_requests", "write"),
];

/// Everything but what a push needs.
fn without_pushing() -> Vec<(&'static str, &'static str)> {
    let lesser = |(name, level): &(&'static str, &'static str)| match *name {
        "contents" => ("contents", "read"),
        name => (name, *level),
    };
    ALL.iter().map(lesser).collect()
}

/// Waits until the status comment says this.
async fn says(world: &World, words: &str) -> String {
    let number = world.issue.number;
    let comment = |simulator: &Simulator| {
        let comments = simulator.comments(REPOSITORY, number);
        comments.into_iter().find(|c| c.author == BOT && c.body.contains(words)).map(|c| c.body)
    };
    world.simulator.wait_for(|now| comment(now).is_some(), PATIENCE).await.unwrap();
    comment(&world.simulator).expect("it was there")
}

/// Waits until the model is at work, and everybody knows.
async fn begun(world: &World, gate: &Gate) {
    gate.reached().await.unwrap();
    says(world, "running").await;
    let reacted = |simulator: &Simulator| {
        let journal = simulator.journal();
        journal.iter().any(|e| matches!(e.effect(), Some(Effect::ReactionAdded { .. })))
    };
    world.simulator.wait_for(reacted, PATIENCE).await.unwrap();
}

story!(a_push_waits_for_the_permission_that_it_lacks, async |world| {
    world.model(repo::fixes_the_till());
    world.expects_refusals();
    world.simulator.quietly().set_installation_permissions("acme", &without_pushing()).unwrap();
    world.alice.comments(&world.issue, "/asynccoder debug");
    let parked = says(world, "parked").await;
    let shown: Vec<&str> = parked.lines().take(5).collect();
    expect![[r#"
        ### Async Coder · debug · parked

        Claude Sonnet 5.5 · estimate 20–66 credits, at most 66 credits

        I lack the permission `contents: write`. An owner of this account can grant it in the App's settings on GitHub; then I go on by myself. After three days I give up, and you pay nothing."#]].assert_eq(&shown.join("\n"));
    assert_eq!(world.balance().await.1, 66, "the credits are held meanwhile");
    world.simulator.set_installation_permissions("acme", ALL).unwrap();
    world.settles_as(expect![[r#"
        alice        #1 /asynccoder debug
        asynccoder   #1 :eyes:
        asynccoder   pushes asynccoder/1-no-discount-at-exactly-100-00-<short> (src/discount.rs +1 -1)
        asynccoder   opens #2 "Give the discount at exactly 100.00" for main as a draft
        asynccoder   check "Async Coder / debug" success on <sha>
        asynccoder   #1 debug · done: I opened draft pull request #2. [4 steps, 1 credit]
    "#]]).await;
    assert_eq!(world.balance().await, (99, 0));
});

story!(a_task_that_may_not_read_is_refused_before_anything_is_held, async |world| {
    world.expects_refusals();
    let blind: Vec<_> = ALL.iter().filter(|(name, _)| *name != "contents").copied().collect();
    world.simulator.quietly().set_installation_permissions("acme", &blind).unwrap();
    world.alice.comments(&world.issue, "/asynccoder debug");
    expect![[r#"
        I lack the permission `contents: read` in this repository. An owner of the account can grant it in the App's settings on GitHub; then please comment again.

        <!-- asynccoder:command=<uuid> -->"#]].assert_eq(&world.answer().await);
    assert_eq!(world.balance().await, (100, 0));
});

story!(a_suspended_app_stops_at_once_and_costs_nothing, async |world| {
    world.model(repo::fixes_the_till());
    let gate = world.simulator.faults().hold(At::models(), Moment::BeforeReply);
    world.alice.comments(&world.issue, "/asynccoder debug");
    begun(world, &gate).await;
    world.simulator.suspend("acme", true).unwrap();
    world.simulator.deliveries_idle().await;
    world.app().settled(PATIENCE).await.unwrap();
    let before = world.simulator.journal().len();
    gate.open();
    world.settle().await;
    let calls = world.simulator.journal().into_iter().skip(before);
    let calls: Vec<_> =
        calls.filter(|entry| entry.request().is_some_and(|r| !r.path.contains("/v1/"))).collect();
    assert!(calls.is_empty(), "nothing is asked of GitHub any more: {calls:#?}");
    assert_eq!(world.balance().await, (100, 0));
    world.simulator.suspend("acme", false).unwrap();
    world.alice.comments(&world.issue, "/asynccoder ping");
    world
        .settles_as(expect![[r#"
        alice        #1 /asynccoder debug
        asynccoder   #1 :eyes:
        alice        #1 /asynccoder ping
        asynccoder   #1 I am here. `/asynccoder help` says what I can do.
        asynccoder   #1 debug · cancelled: Stopped, as asked. [0 steps, 0 credits]
    "#]])
        .await;
});

story!(a_suspension_that_was_not_told_is_noticed, async |world| {
    world.model(repo::fixes_the_till());
    world.expects_refusals();
    let gate = world.simulator.faults().hold(At::models(), Moment::BeforeReply);
    world.alice.comments(&world.issue, "/asynccoder debug");
    begun(world, &gate).await;
    world.simulator.quietly().suspend("acme", true).unwrap();
    gate.open();
    world.settle().await;
    assert_eq!(world.balance().await, (100, 0));
    world.simulator.suspend("acme", false).unwrap();
    world
        .settles_as(expect![[r#"
            alice        #1 /asynccoder debug
            asynccoder   #1 :eyes:
            asynccoder   #1 debug · cancelled: Stopped, as asked. [4 steps, 0 credits]
        "#]])
        .await;
});

story!(an_uninstalled_app_owes_nothing_for_what_it_had_begun, async |world| {
    world.model(repo::fixes_the_till());
    let gate = world.simulator.faults().hold(At::models(), Moment::BeforeReply);
    world.alice.comments(&world.issue, "/asynccoder debug");
    begun(world, &gate).await;
    world.simulator.uninstall("acme").unwrap();
    world.simulator.deliveries_idle().await;
    gate.open();
    world.settles_as(expect![[r#"
        alice        #1 /asynccoder debug
        asynccoder   #1 :eyes:
        asynccoder   #1 debug · running: Claude Sonnet 5.5 · estimate 20–66 credits, at most 66 credits
    "#]]).await;
    assert_eq!(world.balance().await, (100, 0));
});

story!(a_repository_that_is_given_away_meanwhile_costs_nothing, async |world| {
    world.model(repo::fixes_the_till());
    let gate = world.simulator.faults().hold(At::models(), Moment::BeforeReply);
    world.alice.comments(&world.issue, "/asynccoder debug");
    begun(world, &gate).await;
    world.simulator.quietly().move_repository(REPOSITORY, "other/till").unwrap();
    gate.open();
    world.settles_as(expect![[r#"
        alice        #1 /asynccoder debug
        asynccoder   #1 :eyes:
        asynccoder   #1 debug · running: Claude Sonnet 5.5 · estimate 20–66 credits, at most 66 credits
    "#]]).await;
    world.expects_refusals();
    assert_eq!(world.balance().await, (100, 0));
});
