//! What work costs, what is held, and what is free.

use crate::world::{PATIENCE, Plan, repo, story};
use asynccoder::domain::credit::Credits;
use asynccoder::simulator::{At, Failure, Moment, Script, Usage};
use expect_test::expect;
use serde_json::json;

/// A fix that costs so many credits of output, a cent for each.
fn costs(credits: u64) -> Script {
    let usage = Usage { output: credits * 1000, ..Usage::default() };
    Script::new("a dear fix")
        .calls(vec![repo::the_fix()])
        .with_usage(usage)
        .calls(vec![repo::finish(
            json!({ "title": "Give the discount", "summary": "It is in now." }),
        )])
        .with_usage(Usage::default())
}

story!(the_bonus_is_given_once_however_often_the_app_is_installed, async |world| {
    world.model(costs(7));
    world.alice.comments(&world.issue, "/asynccoder debug");
    world.settle().await;
    assert_eq!(world.balance().await, (93, 0));
    for _ in 0..2 {
        world.simulator.uninstall("acme").unwrap();
        world.simulator.install("acme").unwrap();
    }
    world.settle().await;
    world.story();
    world.alice.comments(&world.issue, "/asynccoder credits");
    expect![[r#"
        ### Async Coder · credits

        Available: 93 credits

        `acme` has 93 credits, of which 0 are held for tasks that are not finished. Held or spent today: 7 credits.

        | last receipts | kind | paid |
        |---|---|---|
        | `t_<short>` | debug | 7 credits |

        <!-- asynccoder:command=<uuid> -->"#]]
    .assert_eq(&world.answer().await);
});

story!(what_is_held_shows_while_a_task_runs_and_comes_back_after, async |world| {
    world.model(costs(3));
    let gate = world.simulator.faults().hold(At::models(), Moment::BeforeEffect);
    world.alice.comments(&world.issue, "/asynccoder debug budget=40");
    gate.reached().await.unwrap();
    assert_eq!(world.balance().await, (100, 40));
    let acknowledged = |now: &asynccoder::simulator::Simulator| {
        now.comments("acme/till", 1).iter().any(|comment| !comment.reactions.is_empty())
    };
    world.simulator.wait_for(acknowledged, PATIENCE).await.unwrap();
    world.alice.comments(&world.issue, "/asynccoder credits");
    let answered = |simulator: &asynccoder::simulator::Simulator| {
        let comments = simulator.comments("acme/till", 1);
        comments.iter().any(|comment| comment.body.contains("Available: 60 credits"))
    };
    world.simulator.wait_for(answered, PATIENCE).await.unwrap();
    gate.open();
    world.settles_as(expect![[r#"
        alice        #1 /asynccoder debug budget=40
        asynccoder   #1 :eyes:
        alice        #1 /asynccoder credits
        asynccoder   pushes asynccoder/1-no-discount-at-exactly-100-00-<short> (src/discount.rs +1 -1)
        asynccoder   opens #2 "Give the discount" for main as a draft
        asynccoder   check "Async Coder / debug" success on <sha>
        asynccoder   #1 ### Async Coder · credits…
        asynccoder   #1 debug · done: I opened draft pull request #2. [3 steps, 3 credits]
    "#]]).await;
    assert_eq!(world.balance().await, (97, 0));
});

story!(without_enough_credits_nothing_starts, async |world| {
    world.model(costs(66));
    world.alice.comments(&world.issue, "/asynccoder debug");
    world.settle().await;
    let second = world.carol.quietly().opens("Second", "");
    world.alice.comments(&second, "/asynccoder debug");
    world.settle().await;
    world.story();
    assert_eq!(world.balance().await, (0, 0));
    world.alice.comments(&world.issue, "/asynccoder debug");
    expect![[r#"
        This needs at least 10 credits; available: 0 credits. The operator of this server can grant more with `asynccoder credits grant`.

        <!-- asynccoder:command=<uuid> -->"#]].assert_eq(&world.answer().await);
});

story!(granted_credits_can_be_used, async |world| {
    world.alice.comments(&world.issue, "/asynccoder ping");
    world.settle().await;
    world.story();
    let store = world.app().store();
    let acme = store.account_by_login("acme").await.unwrap().unwrap();
    store.grant(acme, Credits(400), "a gift").await.unwrap();
    world.alice.comments(&world.issue, "/asynccoder credits");
    expect![[r#"
        ### Async Coder · credits

        Available: 500 credits

        `acme` has 500 credits, of which 0 are held for tasks that are not finished. Held or spent today: 0 credits.

        <!-- asynccoder:command=<uuid> -->"#]]
    .assert_eq(&world.answer().await);
});

story!(a_budget_that_is_too_small_is_said_so, async |world| {
    world.alice.comments(&world.issue, "/asynccoder debug budget=5");
    expect![[r#"
        `budget=5` is less than the 10 credits that this needs to start.

        <!-- asynccoder:command=<uuid> -->"#]]
    .assert_eq(&world.answer().await);
});

story!(nothing_above_the_hold_is_charged, async |world| {
    world.model(costs(500));
    world.alice.comments(&world.issue, "/asynccoder debug budget=20");
    world.settles_as(expect![[r#"
        alice        #1 /asynccoder debug budget=20
        asynccoder   #1 :eyes:
        asynccoder   pushes asynccoder/1-no-discount-at-exactly-100-00-<short> (src/discount.rs +1 -1)
        asynccoder   opens #2 "No discount at exactly 100.00" for main as a draft
        asynccoder   check "Async Coder / debug" neutral on <sha>
        asynccoder   #1 debug · failed: I stopped because the 20 credits held for this task do not cover the next step. What I have so far is in draft pull request #2. [1 step, 20 credits]
    "#]]).await;
    assert_eq!(world.balance().await, (80, 0));
});

story!(what_the_model_service_spoils_is_free, async |world| {
    let failure = Failure::new(400, "invalid_request_error", "No.");
    let script = Script::new("fails late").calls(vec![repo::read("README.md")]);
    world.model(
        script.with_usage(Usage { output: 9000, ..Usage::default() }).fails(1, failure).says("-"),
    );
    world.alice.comments(&world.issue, "/asynccoder debug");
    world.settles_as(expect![[r#"
        alice        #1 /asynccoder debug
        asynccoder   #1 :eyes:
        asynccoder   #1 debug · failed: The model service did not answer usefully. You pay nothing for this task. [1 step, 0 credits]
    "#]]).await;
    assert_eq!(world.balance().await, (100, 0));
});

story!(
    many_at_once_never_hold_more_than_there_is,
    Plan::default().with("WORKERS", "2"),
    async |world| {
        world.model(costs(2));
        let gate = world.simulator.faults().hold(At::models(), Moment::BeforeEffect);
        let issues: Vec<_> =
            (0..8).map(|n| world.carol.quietly().opens(&format!("No {n}"), "")).collect();
        for issue in &issues {
            world.alice.comments(issue, "/asynccoder debug budget=30");
        }
        gate.reached().await.unwrap();
        gate.open();
        world.settle().await;
        let story = world.story();
        let done = story.matches("debug · done").count();
        let refused = story.matches("This needs at least 10 credits").count();
        assert_eq!(done + refused, 8, "{story}");
        assert!(done >= 3, "{story}");
        assert_eq!(world.balance().await, (100 - 2 * i64::try_from(done).unwrap(), 0));
    }
);
