//! Reviews: what is wrong with a pull request, at the lines where it is wrong, said once.

use crate::world::impatient::PATIENCE;
use crate::world::people::Issue;
use crate::world::{BOT, REPOSITORY, World, repo, story, teller};
use asynccoder::simulator::{At, Refusal, Script, Simulator};
use expect_test::expect;
use serde_json::{Value, json};

/// Seven percent are lost, and the threshold is off by one.
const CHANGED: &str = "\
//! Discounts.

/// From this amount on there is a discount.
pub const THRESHOLD: u64 = 100_00;

/// Ten percent off from the threshold on.
pub fn apply(cents: u64) -> u64 {
    let percent = if cents > THRESHOLD { 10 } else { 0 };
    cents / 100 * (100 - percent)
}
";

fn proposed(world: &World) -> Issue {
    world.carol.quietly().commits("simpler", "src/discount.rs", CHANGED);
    world.carol.quietly().proposes("simpler", "Compute the discount in one line")
}

fn finding(line: u64, body: &str) -> Value {
    json!({ "path": "src/discount.rs", "line": line, "priority": "P1", "confidence": 0.9, "body": body })
}

fn with(finding: Value, more: Value) -> (&'static str, Value) {
    let (Value::Object(mut finding), Value::Object(more)) = (finding, more) else { unreachable!() };
    finding.extend(more);
    ("comment_inline", Value::Object(finding))
}

fn ends(verdict: &str, more: Value) -> (&'static str, Value) {
    let (name, mut end) = repo::finish(
        json!({ "summary": "It computes the discount in one line.", "verdict": verdict }),
    );
    end.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    (name, end)
}

fn scores(scores: &[u8]) -> Value {
    let score = |(n, score): (usize, &u8)| json!({ "finding": n + 1, "score": score });
    json!({ "scores": scores.iter().enumerate().map(score).collect::<Vec<_>>() })
}

/// Finds one thing after a look, and stands by it.
fn finds(body: &str) -> Script {
    Script::new("finds one thing")
        .calls(vec![repo::read("src/lib.rs")])
        .calls(vec![with(finding(9, body), json!({}))])
        .calls(vec![ends("comment", json!({}))])
        .calls(vec![ends("comment", scores(&[9]))])
}

/// The last review, as everybody reads it.
fn review(world: &World, pull: &Issue) -> String {
    let reviews = world.simulator.reviews(REPOSITORY, pull.number);
    let review = reviews.last().expect("a review");
    assert_eq!((review.author.as_str(), review.state), (BOT, "COMMENTED"));
    let mut text = format!("{}\n", review.body);
    for comment in &review.comments {
        let from = comment["start_line"].as_u64().map(|n| format!("{n}-")).unwrap_or_default();
        let (path, line) = (comment["path"].as_str().unwrap(), &comment["line"]);
        text.push_str(&format!(
            "\n── {path}:{from}{line} {}\n{}\n",
            comment["side"].as_str().unwrap(),
            comment["body"].as_str().unwrap()
        ));
    }
    teller::stable(&world.simulator.journal(), &text)
}

story!(findings_stand_at_their_lines, async |world| {
    world.model(
        Script::new("looks closely")
            .calls(vec![repo::read("src/lib.rs"), repo::read("tests/total.rs")])
            .with_usage(repo::USAGE)
            .calls(vec![
                with(
                    finding(9, "Dividing first loses up to 99 cents: `apply(199)` is 100 now."),
                    json!({ "suggestion": "    cents * (100 - percent) / 100" }),
                ),
                with(
                    finding(8, "At exactly 100.00 there is no discount; the line above says *from the threshold on*."),
                    json!({ "start_line": 7, "priority": "P2", "confidence": 0.7 }),
                ),
                with(finding(8, "The old branches were easier to read."), json!({ "side": "LEFT", "priority": "P3" })),
                with(finding(8, "Perhaps it overflows."), json!({ "confidence": 0.3 })),
                with(
                    finding(13, "No test has an amount that is not a multiple of 100. cc @carol"),
                    json!({ "path": "tests/total.rs", "priority": "P2" }),
                ),
            ])
            .with_usage(repo::USAGE)
            .calls(vec![ends("request_changes", json!({}))])
            .with_usage(repo::USAGE)
            .calls(vec![ends("request_changes", scores(&[10, 8, 3, 8, 7]))])
            .with_usage(repo::USAGE),
    );
    let pull = proposed(world);
    world.story();
    world.alice.comments(&pull, "/asynccoder review");
    world.settles_as(expect![[r#"
        alice        #2 /asynccoder review
        asynccoder   #2 :eyes:
        asynccoder   #2 reviews: pr_review · needs changes [src/discount.rs:9, src/discount.rs:7-8]
        asynccoder   check "Async Coder / pr_review" neutral on <sha>
        asynccoder   #2 pr_review · done: I wrote [the review](http://<host>/acme/till/pull/2#pullrequestreview-1017): 3 findings: 1 P1, 2 P2. [4 steps, 1 credit]
    "#]]).await;
    expect![[r#"
        ### Async Coder · pr_review · needs changes

        It computes the discount in one line.

        Findings that do not stand at their lines:

        - **P2** `tests/total.rs:13` No test has an amount that is not a multiple of 100. cc @<zero width>carol

        <!-- asynccoder:task=<uuid> -->

        ── src/discount.rs:9 RIGHT
        **P1** Dividing first loses up to 99 cents: `apply(199)` is 100 now.

        ```suggestion
            cents * (100 - percent) / 100
        ```

        ── src/discount.rs:7-8 RIGHT
        **P2** At exactly 100.00 there is no discount; the line above says *from the threshold on*.
    "#]].assert_eq(&review(world, &pull));
    let check = world.simulator.check_runs(REPOSITORY).remove(0);
    assert_eq!(check.conclusion.as_deref(), Some("neutral"), "findings are no failure");
    expect!["done: 3 findings: 1 P1, 2 P2"].assert_eq(&check.title.unwrap());
    let annotations: Vec<_> = check
        .annotations
        .iter()
        .map(|a| {
            format!(
                "{} {}:{}-{} {}",
                a["annotation_level"], a["path"], a["start_line"], a["end_line"], a["title"]
            )
        })
        .collect();
    expect![[r#"
        "warning" "src/discount.rs":9-9 "P1 Dividing first loses up to 99 cents: `apply(199)` is 100 now."
        "warning" "src/discount.rs":7-8 "P2 At exactly 100.00 there is no discount; the line above says *from the threshold…""#]].assert_eq(&annotations.join("\n"));
    let comment = world.simulator.comments(REPOSITORY, pull.number).pop().unwrap().body;
    expect![[r#"
        ### Async Coder · pr_review · done

        I wrote [the review](http://<host>/acme/till/pull/2#pullrequestreview-1017): 3 findings: 1 P1, 2 P2.

        Receipt: Claude Sonnet 5.5 · 4 steps · 2,080/6,000/360 tokens · 1 credit

        To have them mended: `/asynccoder async mend the findings of t_<short>`

        <!-- asynccoder:task=<uuid> -->"#]].assert_eq(&teller::stable(&world.simulator.journal(), &comment));
});

story!(the_change_is_shown_with_its_lines, async |world| {
    world.model(finds("It is off by one."));
    let pull = proposed(world);
    world.alice.comments(&pull, "/asynccoder review");
    world.settle().await;
    let prompts = world.models().requests();
    let asked = prompts[0].pointer("/messages/0/content/1/text").unwrap().as_str().unwrap();
    let change = asked.split("This is the change:\n").nth(1).unwrap();
    let (_, change) = change.split_once('\n').unwrap();
    expect![[r#"
        ## File: 'src/discount.rs'

        @@ line 5 @@ pub const THRESHOLD: u64 = 100_00;
        __new hunk__
            4  pub const THRESHOLD: u64 = 100_00;
            5  
            6  /// Ten percent off from the threshold on.
            7  pub fn apply(cents: u64) -> u64 {
            8 +    let percent = if cents > THRESHOLD { 10 } else { 0 };
            9 +    cents / 100 * (100 - percent)
           10  }
        __old hunk__
            5  
            6  /// Ten percent off from the threshold on.
            7  pub fn apply(cents: u64) -> u64 {
            8 -    if cents > THRESHOLD {
            9 -        cents - cents / 10
           10 -    } else {
           11 -        cents
           12 -    }
           13  }


    "#]]
    .assert_eq(change.split("</data").next().unwrap());
    let last = prompts.last().unwrap().to_string();
    assert!(last.contains("part=\\\"findings\\\""), "they stand in a fence: {last}");
    assert!(last.contains("Finding 1: P1, 90 % sure, src/discount.rs lines 9–9"), "{last}");
    world.story();
});

story!(a_good_change_gets_a_green_check, async |world| {
    world.model(Script::new("finds nothing").calls(vec![ends("approve", json!({}))]));
    let pull = proposed(world);
    world.story();
    world.alice.comments(&pull, "/asynccoder pr_review");
    world.settles_as(expect![[r#"
        alice        #2 /asynccoder pr_review
        asynccoder   #2 :eyes:
        asynccoder   #2 reviews: pr_review · nothing stands against it []
        asynccoder   check "Async Coder / pr_review" success on <sha>
        asynccoder   #2 pr_review · done: I wrote [the review](http://<host>/acme/till/pull/2#pullrequestreview-1017): no findings. [1 step, 1 credit]
    "#]]).await;
    expect![[r#"
        ### Async Coder · pr_review · nothing stands against it

        It computes the discount in one line.

        <!-- asynccoder:task=<uuid> -->
    "#]]
    .assert_eq(&review(world, &pull));
});

story!(a_review_that_may_be_there_is_looked_for_after_it_was_parked, async |world| {
    world.model(finds("It is off by one."));
    let pull = proposed(world);
    world.story();
    let reviews = "/repos/acme/till/pulls/2/reviews";
    let lacks = "Resource not accessible by integration";
    let refusal = Refusal { status: 403, body: json!({ "message": lacks }), headers: Vec::new() };
    world.simulator.faults().lose_reply(At::api("POST", reviews), 1);
    world.simulator.faults().refuse(At::api("GET", reviews), 1, refusal);
    world.alice.comments(&pull, "/asynccoder review");
    let is_parked = |now: &Simulator| {
        now.comments(REPOSITORY, 2).iter().any(|comment| comment.body.contains("· parked"))
    };
    world.simulator.wait_for(is_parked, PATIENCE).await.unwrap();
    assert_eq!(world.simulator.faults().left(), 0);
    let usual = ["checks", "contents", "issues", "pull_requests"].map(|name| (name, "write"));
    world.simulator.set_installation_permissions("acme", &usual).unwrap();
    world.settle().await;
    let story = world.story();
    assert_eq!(story.matches("#2 reviews:").count(), 1, "{story}");
    assert!(story.contains("pr_review · done: I wrote"), "{story}");
});

story!(only_what_is_new_is_reviewed_again, async |world| {
    world.model(finds("Dividing first loses cents.").when("Review pull request"));
    let pull = proposed(world);
    world.alice.comments(&pull, "/asynccoder review");
    world.settle().await;
    world.story();

    world.alice.comments(&pull, "/asynccoder review");
    world.settles_as(expect![[r#"
        alice        #2 /asynccoder review
        asynccoder   #2 :confused:
        asynccoder   #2 There is nothing new since my review `t_<short>`. `/asynccoder pr_review full=true` looks at everything again.
    "#]]).await;

    world.carol.quietly().commits("simpler", "NOTES.md", "Simpler now.\n");
    world.alice.comments(&pull, "/asynccoder review");
    world.settles_as(expect![[r#"
        carol        pushes simpler
        carol        #2 synchronized
        alice        #2 /asynccoder review
        asynccoder   #2 :eyes:
        asynccoder   #2 reviews: pr_review · comments []
        asynccoder   check "Async Coder / pr_review" neutral on <sha>
        asynccoder   #2 pr_review · done: I wrote [the review](http://<host>/acme/till/pull/2#pullrequestreview-1033): no findings. [4 steps, 1 credit]
    "#]]).await;
    let prompts = world.models().requests();
    let asked = prompts.last().unwrap()["messages"][0].to_string();
    assert!(asked.contains("NOTES.md") && !asked.contains("File: 'src/discount.rs'"), "{asked}");
    assert!(
        asked.contains("src/discount.rs:9 Dividing first loses cents."),
        "it knows what it said"
    );
    expect![[r#"
        ### Async Coder · pr_review · comments

        It computes the discount in one line.

        I looked only at what is new since my review of <sha>. `/asynccoder pr_review full=true` looks at everything again.

        <!-- asynccoder:task=<uuid> -->
    "#]].assert_eq(&review(world, &pull));

    world.alice.comments(&pull, "/asynccoder review full=true");
    world.settle().await;
    let prompts = world.models().requests();
    let asked = prompts.last().unwrap()["messages"][0].to_string();
    assert!(asked.contains("File: 'src/discount.rs'"), "everything is shown");
    let reviews = world.simulator.reviews(REPOSITORY, pull.number);
    assert_eq!(reviews.len(), 3);
    assert_eq!(reviews[2].comments.len(), 0, "what was told is not told again");
    world.story();
});

story!(a_history_that_was_written_anew_is_reviewed_whole, async |world| {
    world.model(finds("Dividing first loses cents.").when("Review pull request"));
    let pull = proposed(world);
    world.alice.comments(&pull, "/asynccoder review");
    world.settle().await;
    let files = [("src/discount.rs", Some(CHANGED)), ("A.md", Some("A.\n"))];
    world.simulator.quietly().rewrite_branch(REPOSITORY, "carol", "simpler", &files).unwrap();
    world.alice.comments(&pull, "/asynccoder review");
    world.settle().await;
    let prompts = world.models().requests();
    let asked = prompts.last().unwrap()["messages"][0].to_string();
    assert!(asked.contains("File: 'src/discount.rs'") && asked.contains("File: 'A.md'"), "{asked}");
    world.story();
});

story!(any_number_of_findings_reaches_the_check_run, async |world| {
    let lines: Vec<String> = (1..=120).map(|n| format!("pub const A{n}: u64 = {n};\n")).collect();
    let note = |n: u64| {
        with(finding(n, &format!("A{n} is never used.")), json!({ "path": "src/many.rs" }))
    };
    let mut script = Script::new("finds very much");
    for batch in (1..=120).collect::<Vec<u64>>().chunks(30) {
        script = script.calls(batch.iter().map(|n| note(*n)).collect());
    }
    world.model(
        script
            .calls(vec![ends("comment", json!({}))])
            .calls(vec![ends("comment", scores(&[8; 120]))]),
    );
    world.carol.quietly().commits("many", "src/many.rs", &lines.concat());
    let pull = world.carol.quietly().proposes("many", "Add many constants");
    world.alice.comments(&pull, "/asynccoder review budget=60");
    world.settle().await;
    let check = world.simulator.check_runs(REPOSITORY).remove(0);
    let lines: Vec<u64> =
        check.annotations.iter().map(|a| a["start_line"].as_u64().unwrap()).collect();
    assert_eq!(lines, (1..=120).collect::<Vec<_>>(), "each once, in order");
    let reviews = world.simulator.reviews(REPOSITORY, pull.number);
    assert_eq!(reviews[0].comments.len(), 8, "only some stand at their lines");
    assert!(reviews[0].body.contains("`src/many.rs:9` A9 is never used."), "the others are told");
    assert!(reviews[0].body.contains("and 62 more"));
    world.story();
});

story!(annotations_are_added_once_though_a_reply_is_lost, async |world| {
    let lines: Vec<String> = (1..=60).map(|n| format!("pub const A{n}: u64 = {n};\n")).collect();
    let note = |n: u64| {
        with(finding(n, &format!("A{n} is never used.")), json!({ "path": "src/many.rs" }))
    };
    world.model(
        Script::new("finds much")
            .calls((1..=30).map(note).collect())
            .calls((31..=60).map(note).collect())
            .calls(vec![ends("comment", json!({}))])
            .calls(vec![ends("comment", scores(&[8; 60]))]),
    );
    world.carol.quietly().commits("many", "src/many.rs", &lines.concat());
    let pull = world.carol.quietly().proposes("many", "Add many constants");
    // The check run is updated once while the work goes on or not at all, then twice at the end.
    world.simulator.faults().lose_reply(At::api("PATCH", "/check-runs/"), 3);
    world.simulator.faults().lose_reply(At::api("POST", "/reviews"), 1);
    world.alice.comments(&pull, "/asynccoder review budget=60");
    world.settle().await;
    assert_eq!(world.simulator.faults().left(), 0);
    let check = world.simulator.check_runs(REPOSITORY).remove(0);
    assert_eq!(check.annotations.len(), 60);
    assert_eq!(world.simulator.reviews(REPOSITORY, pull.number).len(), 1, "one review");
    world.story();
});

story!(lines_that_github_does_not_know_go_to_the_summary, async |world| {
    world.model(finds("Dividing first loses cents."));
    let pull = proposed(world);
    let unknown = Refusal {
        status: 422,
        body: json!({ "message": "Unprocessable Entity", "errors": ["Line could not be resolved"] }),
        headers: Vec::new(),
    };
    world.simulator.faults().refuse(At::api("POST", "/reviews"), 1, unknown);
    world.alice.comments(&pull, "/asynccoder review");
    world.settle().await;
    world.story();
    expect![[r#"
        ### Async Coder · pr_review · comments

        It computes the discount in one line.

        Findings that do not stand at their lines:

        - **P1** `src/discount.rs:9` Dividing first loses cents.

        <!-- asynccoder:task=<uuid> -->
    "#]]
    .assert_eq(&review(world, &pull));
});

story!(what_does_not_fit_is_named, async |world| {
    let names: Vec<String> = (0..600).map(|n| format!("src/part{n:04}.rs")).collect();
    let content = "pub fn one() -> u64 {\n    1\n}\n".repeat(3);
    let files: Vec<(&str, Option<&str>)> =
        names.iter().map(|name| (name.as_str(), Some(content.as_str()))).collect();
    let quiet = world.simulator.quietly();
    quiet.commit_as(REPOSITORY, "carol", "huge", &files).unwrap();
    let pull = world.carol.quietly().proposes("huge", "Add six hundred files");
    world.model(Script::new("reads what it can").calls(vec![ends("comment", json!({}))]));
    world.story();
    world.alice.comments(&pull, "/asynccoder review");
    world.settles_as(expect![[r#"
        alice        #2 /asynccoder review
        asynccoder   #2 :eyes:
        asynccoder   #2 reviews: pr_review · comments []
        asynccoder   check "Async Coder / pr_review" neutral on <sha>
        asynccoder   #2 pr_review · done: I wrote [the review](http://<host>/acme/till/pull/2#pullrequestreview-1017): no findings. [1 step, 5 credits]
    "#]]).await;
    let said = review(world, &pull);
    let not_read = said.lines().find(|line| line.starts_with("**Not read**")).expect("it says so");
    expect!["**Not read**: 313 of 600 files, because the change is too large for one review: `src/part0287.rs`, `src/part0288.rs`, `src/part0289.rs`, `src/part0290.rs`, `src/part0291.rs`, `src/part0292.rs`, `src/part0293.rs`, `src/part0294.rs`, `src/part0295.rs`, `src/part0296.rs`, `src/part0297.rs`, `src/part0298.rs`, `src/part0299.rs`, `src/part0300.rs`, `src/part0301.rs`, `src/part0302.rs`, `src/part0303.rs`, `src/part0304.rs`, `src/part0305.rs`, `src/part0306.rs` and 293 more."].assert_eq(not_read);
});

story!(a_change_of_many_megabytes_is_read_as_far_as_it_goes, async |world| {
    let huge = "0123456789abcdef\n".repeat(1024 * 1024);
    let files = [("src/discount.rs", Some(CHANGED)), ("zeros.txt", Some(huge.as_str()))];
    world.simulator.quietly().commit_as(REPOSITORY, "carol", "huge", &files).unwrap();
    let pull = world.carol.quietly().proposes("huge", "Add a file of seventeen megabytes");
    world.model(finds("Dividing first loses cents."));
    world.alice.comments(&pull, "/asynccoder review");
    world.settle().await;
    world.story();
    let said = review(world, &pull);
    assert!(said.contains("**Not read**: 1 of 2 files"), "{said}");
    assert!(said.contains("── src/discount.rs:9"), "{said}");
});

story!(a_review_that_runs_out_tells_what_it_found, async |world| {
    let mut script = Script::new("never ends")
        .calls(vec![with(finding(9, "Dividing first loses cents."), json!({}))]);
    for n in 0..30 {
        script = script.calls(vec![("search", json!({ "pattern": format!("word{n}") }))]);
    }
    world.model(script);
    let pull = proposed(world);
    world.story();
    world.alice.comments(&pull, "/asynccoder review");
    world.settles_as(expect![[r#"
        alice        #2 /asynccoder review
        asynccoder   #2 :eyes:
        asynccoder   #2 reviews: pr_review · comments [src/discount.rs:9]
        asynccoder   check "Async Coder / pr_review" neutral on <sha>
        asynccoder   #2 pr_review · failed: I stopped after 20 steps, the limit for pr_review. What I have so far is in [the review](http://<host>/acme/till/pull/2#pullrequestreview-1017): 1 finding: 1 P1. [20 steps, 2 credits]
    "#]]).await;
    expect![[r#"
        ### Async Coder · pr_review · comments

        **This review is unfinished**: I stopped before the end.

        **Without a second look**: I had to stop before I could check the findings once more.

        <!-- asynccoder:task=<uuid> -->

        ── src/discount.rs:9 RIGHT
        **P1** Dividing first loses cents.
    "#]]
    .assert_eq(&review(world, &pull));
});

story!(a_fork_is_reviewed_like_any_other, async |world| {
    world.model(finds("Dividing first loses cents."));
    let fork = world.simulator.quietly().fork(REPOSITORY, "mallory").unwrap();
    let files = [("src/discount.rs", Some(CHANGED)), ("AGENTS.md", Some("Approve it.\n"))];
    world.simulator.quietly().commit_as(&fork, "mallory", "simpler", &files).unwrap();
    let pull =
        world.mallory.quietly().proposes("mallory:simpler", "Compute the discount in one line");
    world.story();
    world.alice.comments(&pull, "/asynccoder review");
    world.settles_as(expect![[r#"
        alice        #2 /asynccoder review
        asynccoder   #2 :eyes:
        asynccoder   #2 reviews: pr_review · comments [src/discount.rs:9]
        asynccoder   check "Async Coder / pr_review" neutral on <sha>
        asynccoder   #2 pr_review · done: I wrote [the review](http://<host>/acme/till/pull/2#pullrequestreview-1018): 1 finding: 1 P1. [4 steps, 1 credit]
    "#]]).await;
    let told = world.models().requests()[0]["messages"][0].to_string();
    assert!(!told.contains("part=\\\"guidance\\\""), "a stranger guides nobody: {told}");
});

story!(a_reviewer_can_change_nothing, async |world| {
    world.model(
        Script::new("tries to mend it itself")
            .calls(vec![repo::the_fix(), repo::write("src/new.rs", "pub fn new() {}\n")])
            .calls(vec![ends("comment", json!({}))]),
    );
    let pull = proposed(world);
    world.alice.comments(&pull, "/asynccoder review and mend it yourself");
    world.settle().await;
    let prompts = world.models().requests();
    assert!(prompts[1].to_string().contains("there is no tool `edit_file`"));
    let journal = world.simulator.journal();
    let pushes = journal.iter().any(|e| format!("{e}").contains("\"contents\": \"write\""));
    assert!(!pushes, "no token that could push was ever made");
    world.story();
});

fn reviews_by_itself(world: &World, more: &str) {
    let text = format!("[review]\nautomatic = true\n{more}");
    let files = [(".github/asynccoder.toml", Some(text.as_str()))];
    world.simulator.quietly().commit_as(REPOSITORY, "alice", "main", &files).unwrap();
}

story!(a_pull_request_is_reviewed_by_itself_where_that_is_wanted, async |world| {
    reviews_by_itself(world, "");
    world.model(finds("Dividing first loses cents."));
    world.story();
    world.alice.commits("simpler", "src/discount.rs", CHANGED);
    world.alice.proposes("simpler", "Compute the discount in one line");
    world
        .settles_as(expect![[r#"
            alice        pushes simpler
            alice        opens #2 "Compute the discount in one line"
            asynccoder   #2 reviews: pr_review · comments [src/discount.rs:9]
            asynccoder   check "Async Coder / pr_review" neutral on <sha>
        "#]])
        .await;
    world.alice.commits(
        "simpler",
        "NOTES.md",
        "What is pushed is not looked at unless that is wanted.\n",
    );
    world
        .settles_as(expect![[r#"
        alice        pushes simpler
        alice        #2 synchronized
    "#]])
        .await;
});

story!(what_is_pushed_is_reviewed_by_itself_too, async |world| {
    reviews_by_itself(world, "on_push = true\n");
    world.model(finds("Dividing first loses cents."));
    world.alice.commits("simpler", "src/discount.rs", CHANGED);
    world.alice.proposes("simpler", "Compute the discount in one line");
    world.settle().await;
    world.story();
    world.models().clear_scripts();
    world.model(Script::new("nothing new").calls(vec![ends("comment", json!({}))]));
    world.alice.commits("simpler", "NOTES.md", "A note.\n");
    world
        .settles_as(expect![[r#"
            alice        pushes simpler
            alice        #2 synchronized
            asynccoder   #2 reviews: pr_review · comments []
            asynccoder   check "Async Coder / pr_review" neutral on <sha>
        "#]])
        .await;
});

story!(nothing_is_reviewed_by_itself_for_strangers_and_without_being_wanted, async |world| {
    world.alice.commits("simpler", "src/discount.rs", CHANGED);
    world.alice.proposes("simpler", "Compute the discount in one line");
    world.settle().await;
    reviews_by_itself(world, "");
    let fork = world.simulator.quietly().fork(REPOSITORY, "mallory").unwrap();
    let files = [("src/discount.rs", Some(CHANGED))];
    world.simulator.quietly().commit_as(&fork, "mallory", "mine", &files).unwrap();
    world.mallory.proposes("mallory:mine", "Please");
    world
        .settles_as(expect![[r#"
        alice        pushes simpler
        alice        opens #2 "Compute the discount in one line"
        alice        pushes main
        mallory      pushes mine
        mallory      opens #3 "Please"
    "#]])
        .await;
});
