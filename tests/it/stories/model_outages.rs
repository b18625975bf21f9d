//! A model service fails: another model takes over where the operator chose one, and otherwise work waits
//! for as long as the service is away from everybody.

use crate::world::{BOT, Plan, World, repo, story};
use asynccoder::simulator::{At, Effect, Failure, Moment, Script};
use expect_test::expect;
use serde_json::json;
use std::time::Duration;

fn done() -> (&'static str, serde_json::Value) {
    let summary = "The comparison left out the threshold itself; it is in now.";
    let title = "Give the discount at exactly 100.00";
    repo::finish(json!({ "title": title, "summary": summary, "not_verified": ["The tests."] }))
}

/// Works, and fails so often before the second turn.
fn fails(times: u32) -> Script {
    Script::new("the till")
        .calls(vec![repo::read("src/discount.rs")])
        .with_thinking("Where is it decided?")
        .with_usage(repo::USAGE)
        .fails(times, Failure::overloaded())
        .calls(vec![repo::the_fix()])
        .with_usage(repo::USAGE)
        .calls(vec![done()])
        .with_usage(repo::USAGE)
}

/// The models that were asked, one word for each run of requests.
fn asked(world: &World) -> String {
    let mut asked: Vec<(String, usize)> = Vec::new();
    for request in world.models().requests() {
        let model = request["model"].as_str().unwrap().to_owned();
        match asked.last_mut() {
            Some((last, times)) if *last == model => *times += 1,
            _ => asked.push((model, 1)),
        }
    }
    asked.iter().map(|(model, times)| format!("{model} ×{times}\n")).collect()
}

story!(
    another_model_takes_over_when_the_first_fails_for_good,
    Plan::default().models("fallback = \"claude-opus-5-5\"\n"),
    async |world| {
        world.model(fails(10));
        world.alice.comments(&world.issue, "/asynccoder debug");
        let status = world.answer().await;
        expect![[r#"
            ### Async Coder · debug · done

            I opened draft pull request #2.

            The comparison left out the threshold itself; it is in now.

            **Not verified**: I ran no checks; please let your own checks decide.
            - The tests.

            Receipt: Claude Sonnet 5.5, then Claude Opus 5.5 · 4 steps · 2,080/6,000/360 tokens · 2 credits

            <!-- asynccoder:task=<uuid> -->"#]].assert_eq(&status);
        expect![[r#"
            claude-sonnet-5-5 ×11
            claude-opus-5-5 ×3
        "#]]
        .assert_eq(&asked(world));
        let pull = world.simulator.pull_requests(crate::world::REPOSITORY).remove(0);
        let body = pull.body.unwrap_or_default();
        let receipt = body.lines().find(|line| line.starts_with("Receipt"));
        expect![
            "Receipt: Claude Sonnet 5.5, then Claude Opus 5.5 · 4 steps · 2,080/6,000/360 tokens"
        ]
        .assert_eq(receipt.unwrap_or_default());
    }
);

story!(
    when_both_fail_nobody_pays,
    Plan::default()
        .models("[[model]]\nid = \"claude-sonnet-5-5\"\nfallback = \"claude-opus-5-5\"\n")
        .timing(|timing| timing.failures_to_open = u32::MAX),
    async |world| {
        world.model(fails(20));
        world.alice.comments(&world.issue, "/asynccoder debug");
        world.settles_as(expect![[r#"
            alice        #1 /asynccoder debug
            asynccoder   #1 :eyes:
            asynccoder   #1 debug · failed: The model service did not answer usefully. You pay nothing for this task. [1 step, 0 credits]
        "#]]).await;
        assert_eq!(asked(world), "claude-sonnet-5-5 ×11\nclaude-opus-5-5 ×10\n");
        assert_eq!(world.balance().await, (100, 0));
    }
);

/// A service that is soon left alone, and soon tried again.
fn impatient() -> Plan {
    Plan::default().timing(|timing| {
        timing.failures_to_open = 3;
        timing.probe_spacing = Duration::from_millis(100);
    })
}

const WAITING: &str =
    "select count(*) from tasks where waits_for = 'anthropic' and phase = 'waiting'";

/// Every text that the status comments had on the way.
fn said(world: &World) -> Vec<String> {
    let journal = world.simulator.journal();
    let texts = journal.iter().filter_map(|entry| match entry.effect()? {
        Effect::CommentCreated { body, author, .. } if author == BOT => Some(body.clone()),
        Effect::CommentEdited { body, editor, .. } if editor == BOT => Some(body.clone()),
        _ => None,
    });
    texts.collect()
}

story!(work_waits_for_a_service_that_is_away_and_goes_on_by_itself, impatient(), async |world| {
    world.model(fails(6));
    world.alice.comments(&world.issue, "/asynccoder debug");
    world.settle().await;
    let said = said(world);
    let waiting: Vec<_> = said.iter().filter(|text| text.contains("does not answer")).collect();
    assert_eq!(waiting.len(), 1, "it is told once: {said:?}");
    expect![[r#"
        ### Async Coder · debug · queued

        Claude Sonnet 5.5 · estimate 20–66 credits, at most 66 credits

        Anthropic's model service does not answer at the moment. I look again every half minute and go on by myself as soon as it does; waiting costs nothing. After three days I give up."#]].assert_eq(waiting[0].split("\n\nTo stop it").next().unwrap());
    world.settles_as(expect![[r#"
        alice        #1 /asynccoder debug
        asynccoder   #1 :eyes:
        asynccoder   pushes asynccoder/1-no-discount-at-exactly-100-00-<short> (src/discount.rs +1 -1)
        asynccoder   opens #2 "Give the discount at exactly 100.00" for main as a draft
        asynccoder   check "Async Coder / debug" success on <sha>
        asynccoder   #1 debug · done: I opened draft pull request #2. [4 steps, 1 credit]
    "#]]).await;
    let attempts = world.counts("select attempts from tasks").await;
    assert_eq!(attempts, 1, "waiting uses no attempt up");
    assert_eq!(world.balance().await, (99, 0));
});

story!(what_waits_too_long_ends_and_is_free, impatient(), async |world| {
    world.model(fails(u32::MAX));
    world.alice.comments(&world.issue, "/asynccoder debug");
    world.becomes(WAITING, 1).await;
    world.ages("update tasks set created_at = '2020-01-01T00:00:00+00:00'").await;
    world.settles_as(expect![[r#"
        alice        #1 /asynccoder debug
        asynccoder   #1 :eyes:
        asynccoder   #1 debug · failed: The model service did not answer usefully. You pay nothing for this task. [1 step, 0 credits]
    "#]]).await;
    assert_eq!(world.balance().await, (100, 0));
});

story!(what_waits_can_be_stopped, impatient(), async |world| {
    world.model(fails(u32::MAX));
    world.alice.comments(&world.issue, "/asynccoder debug");
    world.becomes(WAITING, 1).await;
    world.alice.comments(&world.issue, "/asynccoder cancel");
    world.settle().await;
    assert!(world.story().contains("cancelled"));
});

/// A spacing that no test outlives: only the other task's answer can wake this one.
fn one_look_an_hour() -> Plan {
    Plan::default().timing(|timing| {
        timing.failures_to_open = 3;
        timing.probe_spacing = Duration::from_hours(1);
    })
}

story!(an_answer_to_one_wakes_all_that_wait, one_look_an_hour(), async |world| {
    world.model(fails(0).when("In good time"));
    world.model(fails(3).when("Too early"));
    let good = world.carol.quietly().opens("In good time", "");
    let early = world.carol.quietly().opens("Too early", "");
    let gate = world.simulator.faults().hold(At::models(), Moment::BeforeReply);
    world.alice.comments(&good, "/asynccoder debug");
    gate.reached().await.unwrap();
    world.alice.comments(&early, "/asynccoder debug");
    world.becomes(WAITING, 1).await;
    gate.open();
    world.settle().await;
    let story = world.story();
    assert_eq!(story.matches("debug · done").count(), 2, "{story}");
});
