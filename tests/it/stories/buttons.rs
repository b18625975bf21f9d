//! Buttons of check runs: the same commands, pressed.

use crate::world::people::Issue;
use crate::world::{PATIENCE, REPOSITORY, World, repo, story};
use asynccoder::simulator::{At, Moment, Script};
use expect_test::expect;
use serde_json::json;

/// The check run, and what can be pressed.
fn buttons(world: &World) -> (u64, Vec<String>) {
    let checks = world.simulator.check_runs(REPOSITORY);
    let check = checks.last().expect("a check run");
    let label = |action: &serde_json::Value| {
        format!(
            "{} ({})",
            action["label"].as_str().unwrap(),
            action["identifier"].as_str().unwrap()
        )
    };
    (check.id, check.actions.iter().map(label).collect())
}

fn reviewed() -> Script {
    let finding = json!({
        "path": "src/discount.rs", "line": 8, "priority": "P1", "confidence": 0.9,
        "body": "At exactly 100.00 there is no discount.", "suggestion": "    if cents >= THRESHOLD {",
    });
    let end = json!({ "summary": "It rewrites the discount.", "verdict": "comment" });
    let scored = json!({ "summary": "It rewrites the discount.", "verdict": "comment",
        "scores": [{ "finding": 1, "score": 9 }] });
    Script::new("finds one thing")
        .when("Review pull request")
        .calls(vec![("comment_inline", finding)])
        .with_usage(repo::USAGE)
        .calls(vec![repo::finish(end)])
        .with_usage(repo::USAGE)
        .calls(vec![repo::finish(scored)])
        .with_usage(repo::USAGE)
}

fn proposed(world: &World) -> Issue {
    let file = world.simulator.file(REPOSITORY, "main", "src/discount.rs").unwrap();
    let text = String::from_utf8(file).unwrap().replace("//! Discounts.", "//! All discounts.");
    world.carol.quietly().commits("words", "src/discount.rs", &text);
    world.carol.quietly().proposes("words", "Say which discounts")
}

story!(the_findings_of_a_review_are_mended_at_a_press, async |world| {
    world.model(reviewed());
    world.model(repo::fixes_the_till().when("mend the findings"));
    let pull = proposed(world);
    world.alice.comments(&pull, "/asynccoder review");
    world.settle().await;
    world.story();
    let (check, offered) = buttons(world);
    assert_eq!(offered, ["Fix these (fix)", "Retry (retry)"]);
    world.simulator.press(REPOSITORY, check, "alice", "fix").unwrap();
    world
        .settles_as(expect![[r#"
            asynccoder   pushes words (src/discount.rs +1 -1) on top
            asynccoder   #2 synchronized
            asynccoder   check "Async Coder / async" success on <sha>
            asynccoder   check "Async Coder / async" success on <sha>
            asynccoder   #2 async · done: I pushed <sha> to `words`. [4 steps, 1 credit]
        "#]])
        .await;
    let prompts = world.models().requests();
    let asked = prompts.last().unwrap()["messages"][0].to_string();
    assert!(
        asked.contains("P1 src/discount.rs:8-8 At exactly 100.00 there is no discount."),
        "{asked}"
    );
    assert!(asked.contains("if cents >= THRESHOLD {"), "with what was suggested");
    world.simulator.press(REPOSITORY, check, "alice", "fix").unwrap();
    world.settles_as(expect![[""]]).await;
});

story!(a_task_is_run_again_at_a_press, async |world| {
    world.model(
        Script::new("gives up").calls(vec![repo::finish(json!({ "summary": "It is fine." }))]),
    );
    let pull = proposed(world);
    world.alice.comments(&pull, "/asynccoder ask is it fine?");
    world.settle().await;
    world.story();
    let (check, offered) = buttons(world);
    assert_eq!(offered, ["Retry (retry)"]);
    world.simulator.press(REPOSITORY, check, "alice", "retry").unwrap();
    world
        .settles_as(expect![[r#"
        asynccoder   check "Async Coder / ask" success on <sha>
        asynccoder   #2 ask · done: It is fine. [1 step, 1 credit]
    "#]])
        .await;
    world.simulator.rerequest(REPOSITORY, check, "alice").unwrap();
    world
        .settles_as(expect![[r#"
        asynccoder   check "Async Coder / ask" success on <sha>
        asynccoder   #2 ask · done: It is fine. [1 step, 1 credit]
    "#]])
        .await;
});

story!(a_review_that_is_done_is_made_again_at_a_press, async |world| {
    world.model(reviewed());
    let pull = proposed(world);
    world.alice.comments(&pull, "/asynccoder review");
    world.settle().await;
    world.story();
    let (check, _) = buttons(world);
    world.simulator.press(REPOSITORY, check, "alice", "retry").unwrap();
    world.settles_as(expect![[r#"
        asynccoder   #2 reviews: pr_review · comments []
        asynccoder   check "Async Coder / pr_review" neutral on <sha>
        asynccoder   #2 pr_review · done: I wrote [the review](http://<host>/acme/till/pull/2#pullrequestreview-1026): no findings. [3 steps, 1 credit]
    "#]]).await;
    let (check, _) = buttons(world);
    world.simulator.rerequest(REPOSITORY, check, "alice").unwrap();
    world.settles_as(expect![[r#"
        asynccoder   #2 reviews: pr_review · comments []
        asynccoder   check "Async Coder / pr_review" neutral on <sha>
        asynccoder   #2 pr_review · done: I wrote [the review](http://<host>/acme/till/pull/2#pullrequestreview-1035): no findings. [3 steps, 1 credit]
    "#]]).await;
    world.alice.comments(&pull, "/asynccoder retry");
    world.settles_as(expect![[r#"
        alice        #2 /asynccoder retry
        asynccoder   #2 :eyes:
        asynccoder   #2 reviews: pr_review · comments []
        asynccoder   check "Async Coder / pr_review" neutral on <sha>
        asynccoder   #2 pr_review · done: I wrote [the review](http://<host>/acme/till/pull/2#pullrequestreview-1046): no findings. [3 steps, 1 credit]
    "#]]).await;
});

story!(a_running_task_is_stopped_at_a_press, async |world| {
    world.model(repo::fixes_the_till());
    let pull = proposed(world);
    world.story();
    let gate = world.simulator.faults().hold(At::models(), Moment::BeforeEffect);
    world.alice.comments(&pull, "/asynccoder debug");
    gate.reached().await.unwrap();
    let shown = |now: &asynccoder::simulator::Simulator| !now.check_runs(REPOSITORY).is_empty();
    world.simulator.wait_for(shown, PATIENCE).await.unwrap();
    let (check, offered) = buttons(world);
    assert_eq!(offered, ["Cancel (cancel)"]);
    world.simulator.press(REPOSITORY, check, "carol", "cancel").unwrap();
    world
        .settles_as(expect![[r#"
        alice        #2 /asynccoder debug
        asynccoder   #2 :eyes:
        asynccoder   check "Async Coder / debug" cancelled on <sha>
        asynccoder   #2 Stopping `t_<short>`. Its status comment says when it has stopped.
        asynccoder   #2 debug · cancelled: Stopped, as asked. [0 steps, 0 credits]
    "#]])
        .await;
    drop(gate);
});

story!(who_may_not_press_is_told_so, async |world| {
    world.model(reviewed());
    let pull = proposed(world);
    world.alice.comments(&pull, "/asynccoder review");
    world.settle().await;
    world.story();
    let (check, _) = buttons(world);
    world.simulator.press(REPOSITORY, check, "bob", "fix").unwrap();
    world.simulator.press(REPOSITORY, check, "alice", "unknown").unwrap();
    world.settles_as(expect![[r#"
        asynccoder   #2 `async` needs write permission in this repository; you have read. Somebody with write permission can give the command.
    "#]]).await;
    world.model(repo::fixes_the_till().when("mend the findings"));
    world.simulator.press(REPOSITORY, check, "alice", "fix").unwrap();
    world
        .settles_as(expect![[r#"
        asynccoder   pushes words (src/discount.rs +1 -1) on top
        asynccoder   #2 synchronized
        asynccoder   check "Async Coder / async" success on <sha>
        asynccoder   check "Async Coder / async" success on <sha>
        asynccoder   #2 async · done: I pushed <sha> to `words`. [4 steps, 1 credit]
    "#]])
        .await;
});
