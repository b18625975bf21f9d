//! Questions and plans: answered in the thread, with links to the lines that were read, and nothing is
//! ever pushed.

use crate::world::{REPOSITORY, repo, story};
use asynccoder::simulator::Script;
use expect_test::expect;
use serde_json::json;

/// Reads the place, and answers.
fn answers(summary: &str) -> Script {
    Script::new("the answer")
        .calls(vec![repo::read("src/discount.rs")])
        .with_usage(repo::USAGE)
        .calls(vec![repo::finish(json!({ "summary": summary }))])
        .with_usage(repo::USAGE)
}

const ANSWER: &str = "The threshold itself is left out: `src/discount.rs:8` compares with `>`. It is used in \
    `src/lib.rs:13-16` and, I believe, in `src/nowhere.rs:4`. @carol may know why.";

story!(a_question_is_answered_with_links_to_the_lines, async |world| {
    world.model(answers(ANSWER));
    world.alice.comments(&world.issue, "/asynccoder ask why is there no discount at 100.00?");
    expect![[r#"
        ### Async Coder · ask · done

        The threshold itself is left out: [`src/discount.rs:8`](http://<host>/acme/till/blob/<sha>/src/discount.rs#L8) compares with `>`. It is used in [`src/lib.rs:13-16`](http://<host>/acme/till/blob/<sha>/src/lib.rs#L13-L16) and, I believe, in `src/nowhere.rs:4`. @<zero width>carol may know why.

        Receipt: Claude Sonnet 5.5 · 2 steps · 1,040/3,000/180 tokens · 1 credit

        <!-- asynccoder:task=<uuid> -->"#]].assert_eq(&world.answer().await);
    assert_eq!(world.balance().await, (99, 0));
});

story!(a_plan_ends_with_the_command_that_builds_it, async |world| {
    world.model(answers("1. Change the comparison in `src/discount.rs:8`.").when("write a plan"));
    world.alice.comments(&world.issue, "/asynccoder architect");
    let plan = world.answer().await;
    expect![[r#"
        ### Async Coder · architect · done

        1. Change the comparison in [`src/discount.rs:8`](http://<host>/acme/till/blob/<sha>/src/discount.rs#L8).

        Receipt: Claude Sonnet 5.5 · 2 steps · 1,040/3,000/180 tokens · 1 credit

        To build it: `/asynccoder async build the plan of t_<short>`

        <!-- asynccoder:task=<uuid> -->"#]].assert_eq(&plan);
    let task = world.simulator.comments(REPOSITORY, 1);
    let body = &task.last().expect("the plan").body;
    let command = body.lines().find(|line| line.starts_with("To build it: ")).unwrap();
    let command = command.trim_start_matches("To build it: ").trim_matches('`').to_owned();
    world.model(repo::fixes_the_till());
    world.alice.comments(&world.issue, &command);
    world.settle().await;
    let prompts = world.models().requests();
    let asked = prompts.last().unwrap().to_string();
    assert!(asked.contains("Change the comparison in `src/discount.rs:8`"), "the plan is told");
    world.story();
});

story!(who_only_answers_can_change_nothing, async |world| {
    world.model(
        Script::new("tries to change something")
            .calls(vec![repo::the_fix(), repo::write("src/new.rs", "pub fn new() {}\n")])
            .calls(vec![repo::finish(json!({ "summary": "I could not change anything." }))]),
    );
    world.alice.comments(&world.issue, "/asynccoder ask fix it yourself");
    world
        .settles_as(expect![[r#"
        alice        #1 /asynccoder ask fix it yourself
        asynccoder   #1 :eyes:
        asynccoder   #1 ask · done: I could not change anything. [2 steps, 1 credit]
    "#]])
        .await;
    let tokens = world.simulator.journal();
    let may_push =
        tokens.iter().any(|entry| format!("{entry}").contains("\"contents\": \"write\""));
    assert!(!may_push, "no token that could push was ever made");
});

story!(a_pull_request_is_explained_where_it_stands, async |world| {
    world.model(answers("It adds a note in `NOTES.md:1`.").when("Explain pull request"));
    let head = world.carol.quietly().commits("notes", "NOTES.md", "A note.\n");
    let pull = world.carol.quietly().proposes("notes", "Add a note");
    world.alice.comments(&pull, "/asynccoder ask");
    world.settles_as(expect![[r#"
        carol        pushes notes
        carol        opens #2 "Add a note"
        alice        #2 /asynccoder ask
        asynccoder   #2 :eyes:
        asynccoder   check "Async Coder / ask" success on <sha>
        asynccoder   #2 ask · done: It adds a note in [`NOTES.md:1`](http://<host>/acme/till/blob/<sha>/NOTES.md#L1). [2 steps, 1 credit]
    "#]]).await;
    let checks = world.simulator.check_runs(REPOSITORY);
    assert_eq!(checks.len(), 1);
    assert_eq!(checks[0].head_sha, head, "its check run is on the commit that was read");
});

story!(a_question_back_is_answered_with_retry_and_goes_on, async |world| {
    world.model(
        Script::new("asks back")
            .calls(vec![repo::read("src/discount.rs")])
            .calls(vec![repo::finish(json!({
                "summary": "The price list is ambiguous.",
                "questions": ["Is the discount given at exactly 100.00?"],
            }))])
            .calls(vec![repo::the_fix()])
            .calls(vec![repo::finish(json!({
                "title": "Give the discount at exactly 100.00",
                "summary": "At exactly 100.00 the discount is given now.",
            }))]),
    );
    world.alice.comments(&world.issue, "/asynccoder debug");
    world.settles_as(expect![[r#"
        alice        #1 /asynccoder debug
        asynccoder   #1 :eyes:
        asynccoder   #1 debug · needs info: I need to know this before I can go on: [2 steps, 1 credit]
    "#]]).await;
    world.alice.comments(&world.issue, "/asynccoder retry Yes, at exactly 100.00 too.");
    world.settles_as(expect![[r#"
        alice        #1 /asynccoder retry Yes, at exactly 100.00 too.
        asynccoder   #1 :eyes:
        asynccoder   pushes asynccoder/1-no-discount-at-exactly-100-00-<short> (src/discount.rs +1 -1)
        asynccoder   opens #2 "Give the discount at exactly 100.00" for main as a draft
        asynccoder   check "Async Coder / debug" success on <sha>
        asynccoder   #1 debug · done: I opened draft pull request #2. [3 steps, 1 credit]
    "#]]).await;
    let prompts = world.models().requests();
    let last = prompts.last().unwrap().to_string();
    assert!(last.contains("Is the discount given at exactly 100.00?"), "it knows what it asked");
    assert!(last.contains("Yes, at exactly 100.00 too."), "and what was answered");
});
