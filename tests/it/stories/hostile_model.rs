//! Whatever a model does, its task comes to a named end, and the bill is fair.

use crate::world::{Plan, REPOSITORY, repo, story};
use asynccoder::simulator::{At, Failure, Moment, Script};
use expect_test::expect;
use serde_json::{Value, json};

fn search(pattern: &str) -> (&'static str, Value) {
    ("search", json!({ "pattern": pattern }))
}

fn says_it_is_done() -> (&'static str, Value) {
    repo::finish(json!({ "title": "A change", "summary": "I did what was asked." }))
}

story!(one_that_never_finishes_leaves_its_work_as_a_draft, async |world| {
    let mut script = Script::new("for ever").calls(vec![repo::the_fix()]);
    for n in 0..60 {
        script = script.calls(vec![search(&format!("nothing {n}"))]);
    }
    world.model(script);
    world.alice.comments(&world.issue, "/asynccoder debug");
    world.settles_as(expect![[r#"
        alice        #1 /asynccoder debug
        asynccoder   #1 :eyes:
        asynccoder   pushes asynccoder/1-no-discount-at-exactly-100-00-<short> (src/discount.rs +1 -1)
        asynccoder   opens #2 "No discount at exactly 100.00" for main as a draft
        asynccoder   check "Async Coder / debug" neutral on <sha>
        asynccoder   #1 debug · failed: I stopped after 50 steps, the limit for debug. What I have so far is in draft pull request #2. [50 steps, 5 credits]
    "#]]).await;
    let pulls = world.simulator.pull_requests(REPOSITORY);
    assert!(pulls[0].body.as_ref().unwrap().starts_with("**This is unfinished work**"));
});

story!(one_that_repeats_itself_is_stuck, async |world| {
    world.model(Script::new("again").calls(vec![repo::read("README.md")]));
    world.alice.comments(&world.issue, "/asynccoder debug");
    world.settles_as(expect![[r#"
        alice        #1 /asynccoder debug
        asynccoder   #1 :eyes:
        asynccoder   #1 debug · failed: I stopped because I was going round in circles. [8 steps, 1 credit]
    "#]]).await;
});

story!(one_that_only_talks_is_stuck, async |world| {
    world.model(Script::new("talks").says("I would change the comparison."));
    world.alice.comments(&world.issue, "/asynccoder debug");
    world.settles_as(expect![[r#"
        alice        #1 /asynccoder debug
        asynccoder   #1 :eyes:
        asynccoder   #1 debug · failed: I stopped because I was going round in circles. [3 steps, 1 credit]
    "#]]).await;
});

story!(one_that_calls_wrongly_is_told_and_goes_on, async |world| {
    let script = Script::new("clumsy")
        .calls(vec![("make_coffee", json!({ "sugar": 2 }))])
        .calls(vec![("read_file", json!({ "path": 7 }))])
        .calls(vec![(
            "edit_file",
            json!({ "path": "src/discount.rs", "old": "no such text", "new": "" }),
        )])
        .calls(vec![("finish", json!({ "summary": ["a", "list"] }))])
        .calls(vec![repo::the_fix()])
        .calls(vec![says_it_is_done()]);
    world.model(script);
    world.alice.comments(&world.issue, "/asynccoder debug");
    world.settles_as(expect![[r#"
        alice        #1 /asynccoder debug
        asynccoder   #1 :eyes:
        asynccoder   pushes asynccoder/1-no-discount-at-exactly-100-00-<short> (src/discount.rs +1 -1)
        asynccoder   opens #2 "A change" for main as a draft
        asynccoder   check "Async Coder / debug" success on <sha>
        asynccoder   #1 debug · done: I opened draft pull request #2. [7 steps, 1 credit]
    "#]]).await;
});

story!(one_whose_calls_the_service_itself_refuses_costs_nothing, async |world| {
    world.expects_refusals();
    world.model(Script::new("garbled").calls(vec![("read_file", json!("src/discount.rs"))]));
    world.alice.comments(&world.issue, "/asynccoder debug");
    world.settles_as(expect![[r#"
        alice        #1 /asynccoder debug
        asynccoder   #1 :eyes:
        asynccoder   #1 debug · failed: The model service did not answer usefully. You pay nothing for this task. [1 step, 0 credits]
    "#]]).await;
    assert_eq!(world.balance().await, (100, 0));
});

story!(one_that_answers_nonsense_costs_nothing, async |world| {
    world.model(Script::new("nonsense").raw(json!({ "id": 7, "content": "yes" })));
    world.alice.comments(&world.issue, "/asynccoder debug");
    world.settles_as(expect![[r#"
        alice        #1 /asynccoder debug
        asynccoder   #1 :eyes:
        asynccoder   #1 debug · failed: The model service did not answer usefully. You pay nothing for this task. [0 steps, 0 credits]
    "#]]).await;
    assert_eq!(world.balance().await, (100, 0));
});

story!(one_that_declines_costs_nothing, async |world| {
    world.model(Script::new("declines").refuses());
    world.alice.comments(&world.issue, "/asynccoder debug");
    world.settles_as(expect![[r#"
        alice        #1 /asynccoder debug
        asynccoder   #1 :eyes:
        asynccoder   #1 debug · failed: The model service did not answer usefully. You pay nothing for this task. [1 step, 0 credits]
    "#]]).await;
    assert_eq!(world.balance().await, (100, 0));
});

story!(one_that_hangs_does_not_hold_up_a_restart, async |world| {
    world.model(repo::fixes_the_till());
    let gate = world.simulator.faults().hold(At::models(), Moment::BeforeReply);
    world.alice.comments(&world.issue, "/asynccoder debug");
    gate.reached().await.unwrap();
    world.stop().await;
    world.start().await;
    world.settles_as(expect![[r#"
        alice        #1 /asynccoder debug
        asynccoder   #1 :eyes:
        asynccoder   pushes asynccoder/1-no-discount-at-exactly-100-00-<short> (src/discount.rs +1 -1)
        asynccoder   opens #2 "Give the discount at exactly 100.00" for main as a draft
        asynccoder   check "Async Coder / debug" success on <sha>
        asynccoder   #1 debug · done: I opened draft pull request #2. [4 steps, 1 credit]
    "#]]).await;
    gate.open();
});

/// A service that fails so a few times before every turn.
fn fails(times: u32, failure: Failure) -> Script {
    Script::new("unwell")
        .fails(times, failure.clone())
        .calls(vec![repo::the_fix()])
        .fails(times, failure)
        .calls(vec![says_it_is_done()])
}

story!(a_service_that_recovers_is_not_noticed, async |world| {
    for (number, failure) in [
        Failure::overloaded(),
        Failure { retry_after: Some(0), ..Failure::rate_limited(0) },
        Failure::new(500, "api_error", "Internal server error"),
        Failure::new(503, "api_error", "Unavailable"),
    ]
    .into_iter()
    .enumerate()
    {
        let title = format!("Sort {number}");
        world.model(fails(3, failure).when(&title));
        let issue = world.carol.quietly().opens(&title, "");
        world.alice.comments(&issue, "/asynccoder debug");
        world.settle().await;
        assert!(world.story().contains("debug · done: I opened draft pull request"));
    }
});

// Each task is to find out for itself.
fn without_a_breaker() -> Plan {
    Plan::default().timing(|timing| timing.failures_to_open = u32::MAX)
}

story!(a_service_that_stays_unwell_or_refuses_us_is_free, without_a_breaker(), async |world| {
    let mut ends = String::new();
    for (number, failure) in [
        Failure::overloaded(),
        Failure { retry_after: Some(3600), ..Failure::rate_limited(0) },
        Failure::new(500, "api_error", "Internal server error"),
        Failure::new(401, "authentication_error", "invalid x-api-key"),
        Failure::new(402, "billing_error", "Your credit balance is too low."),
        Failure::new(400, "invalid_request_error", "messages: something is wrong"),
    ]
    .into_iter()
    .enumerate()
    {
        let title = format!("Sort {number}");
        let status = failure.status;
        world.model(fails(100, failure).when(&title));
        let issue = world.carol.quietly().opens(&title, "");
        world.alice.comments(&issue, "/asynccoder debug");
        let answer = world.answer().await;
        let detail = answer.split("\n\n").nth(2).unwrap_or_default();
        let detail = detail.split(", req_").next().unwrap_or_default();
        ends.push_str(&format!("{status}: {detail}\n"));
        assert!(answer.contains(
            "debug · failed\n\nThe model service did not answer usefully. You pay nothing"
        ));
    }
    expect![[r#"
        529: the model service is overloaded
        429: the model service failed: status 429, rate_limit_error
        500: the model service failed: status 500, api_error
        401: the model service does not accept the key: status 401, authentication_error
        402: the model service's account is out of budget: status 402, billing_error
        400: the model service refused the request: status 400, invalid_request_error
    "#]]
    .assert_eq(&ends);
    assert_eq!(world.balance().await, (100, 0));
});

story!(a_workflow_is_never_pushed, async |world| {
    let path = ".github/workflows/x.yml";
    let script =
        Script::new("workflow").calls(vec![repo::write(path, "on: push\n"), repo::the_fix()]);
    let script = script.with_usage(repo::USAGE).calls(vec![says_it_is_done()]);
    world.model(script.with_usage(repo::USAGE));
    world.alice.comments(&world.issue, "/asynccoder debug");
    let answer = world.answer().await;
    expect![[r#"
        ### Async Coder · debug · failed

        The result touches something that I may not change, so I did not push it. You pay nothing for this task.

        `.github/workflows/x.yml` is a workflow; those run with your secrets, so people change it

        I did what was asked.

        Receipt: Claude Sonnet 5.5 · 3 steps · 1,560/4,500/270 tokens · 0 credits

        To try again: `/asynccoder retry`

        <!-- asynccoder:task=<uuid> -->"#]].assert_eq(&answer);
    assert_eq!(world.simulator.branches(REPOSITORY).len(), 1);
    assert_eq!(world.balance().await, (100, 0));
});

story!(a_secret_is_neither_pushed_nor_repeated, async |world| {
    let key = format!("ghp_{}", "aB3dE5gH7jK9".repeat(3));
    let told = format!("I put the token {key} into the settings.");
    let script = Script::new("leaks")
        .calls(vec![repo::write(
            "src/settings.rs",
            &format!("//! Settings.\npub const KEY: &str = \"{key}\";\n"),
        )])
        .with_usage(repo::USAGE)
        .calls(vec![repo::finish(json!({ "title": "Add settings", "summary": told }))]);
    world.model(script.with_usage(repo::USAGE));
    world.alice.comments(&world.issue, "/asynccoder debug");
    let answer = world.answer().await;
    expect![[r#"
        ### Async Coder · debug · failed

        The result touches something that I may not change, so I did not push it. You pay nothing for this task.

        line 2 of `src/settings.rs` looks like a GitHub token; secrets do not belong into a repository

        [a line that looks like a GitHub token is left out]

        Receipt: Claude Sonnet 5.5 · 3 steps · 1,560/4,500/270 tokens · 0 credits

        To try again: `/asynccoder retry`

        <!-- asynccoder:task=<uuid> -->"#]].assert_eq(&answer);
    assert!(!answer.contains(&key));
    assert_eq!(world.simulator.branches(REPOSITORY).len(), 1);
});

story!(what_people_change_themselves_is_not_pushed, async |world| {
    let theirs = [
        ".github/actions/x/action.yml",
        "CODEOWNERS",
        ".gitmodules",
        ".husky/pre-commit",
        "AGENTS.md",
        "crates/core/CLAUDE.md",
        ".GitHub/AsyncCoder.toml",
    ];
    for path in theirs {
        world.models().clear_scripts();
        world.model(
            Script::new(path)
                .calls(vec![repo::write(path, "new\n")])
                .calls(vec![says_it_is_done()]),
        );
        world.alice.comments(&world.issue, &format!("/asynccoder debug budget=10 {path}"));
        let answer = world.answer().await;
        assert!(answer.contains(&format!("`{path}` is ")), "{path}: {answer}");
    }
    assert_eq!(world.simulator.branches(REPOSITORY).len(), 1);
    assert_eq!(world.balance().await, (100, 0));
});

story!(paths_out_of_the_workspace_lead_nowhere, async |world| {
    let outside = [
        "../escaped",
        "/etc/passwd",
        "src/../../escaped",
        ".git/config",
        ".GIT/hooks/post-checkout",
        "src/.git/config",
        "git~1/config",
        "",
        ".",
    ];
    let mut script = Script::new("climbs");
    for path in outside {
        script = script.calls(vec![
            repo::write(path, "x"),
            repo::read(path),
            ("delete_file", json!({ "path": path })),
        ]);
    }
    world.model(script.calls(vec![repo::finish(json!({ "summary": "I tried." }))]));
    world.alice.comments(&world.issue, "/asynccoder debug");
    world
        .settles_as(expect![[r#"
        alice        #1 /asynccoder debug
        asynccoder   #1 :eyes:
        asynccoder   #1 debug · no change: I changed nothing. [10 steps, 2 credits]
    "#]])
        .await;
    let last = world.models().requests().pop().unwrap();
    let results =
        last["messages"].as_array().unwrap().iter().flat_map(|m| m["content"].as_array().unwrap());
    let results: Vec<_> = results.filter(|block| block["type"] == "tool_result").collect();
    assert_eq!(results.len(), outside.len() * 3);
    assert!(results.iter().all(|result| result["is_error"] == true), "{results:#?}");
});

story!(one_that_asks_gets_its_questions_shown, async |world| {
    let question = json!({ "summary": "Two readings are possible.", "questions": ["Is 100.00 included?", "Ask @everybody?"] });
    world.model(Script::new("asks").calls(vec![repo::finish(question)]).with_usage(repo::USAGE));
    world.alice.comments(&world.issue, "/asynccoder debug");
    expect![[r#"
        ### Async Coder · debug · needs info

        I need to know this before I can go on:

        Two readings are possible.

        1. Is 100.00 included?
        2. Ask @<zero width>everybody?

        Receipt: Claude Sonnet 5.5 · 1 step · 520/1,500/90 tokens · 1 credit

        To go on: `/asynccoder retry <your answers>`

        <!-- asynccoder:task=<uuid> -->"#]]
    .assert_eq(&world.answer().await);
    assert_eq!(world.balance().await.1, 0);
});

story!(one_with_too_much_to_say_is_cut_short, async |world| {
    let long = "All work and no play. ".repeat(20_000);
    let script = Script::new("long")
        .calls(vec![repo::the_fix()])
        .calls(vec![repo::finish(json!({ "title": long.clone(), "summary": long }))]);
    world.model(script);
    world.alice.comments(&world.issue, "/asynccoder debug");
    let answer = world.answer().await;
    assert!(answer.len() < 60_000 && answer.contains("… (cut)"), "{} bytes", answer.len());
    let pulls = world.simulator.pull_requests(REPOSITORY);
    assert!(pulls[0].title.chars().count() <= 72);
    assert!(pulls[0].body.as_ref().unwrap().len() < 60_100);
});
