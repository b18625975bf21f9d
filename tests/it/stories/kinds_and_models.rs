//! Every kind of work on every family of models: people see the same, and pay the same.
//!
//! One script a kind is played on all wires. What people see is written down once; the wires may
//! differ in the model's name and in nothing else. To renew the texts, let one wire write them:
//! `UPDATE_EXPECT=1 cargo test --test it kinds_and_models::ask::anthropic`.

use crate::world::people::Issue;
use crate::world::{BOT, Plan, REPOSITORY, World, repo, tell, teller};
use asynccoder::simulator::Script;
use expect_test::{Expect, expect};
use serde_json::{Value, json};
use std::cell::RefCell;

/// What a person types to have a model, and its name in receipts.
type Model = (&'static str, &'static str);

/// A test of each of these kinds for each wire.
macro_rules! on_every_wire {
    ($($kind:ident)*) => {$(
        mod $kind {
            #[tokio::test]
            async fn anthropic() {
                super::$kind(("sonnet", "Claude Sonnet 5.5")).await;
            }

            #[tokio::test]
            async fn openai() {
                super::$kind(("gpt", "GPT-6.2 Sol")).await;
            }

            #[tokio::test]
            async fn gemini() {
                super::$kind(("gemini", "Gemini 4 Argon")).await;
            }

            #[tokio::test]
            async fn openai_compatible() {
                super::$kind(("qwen", "Qwen3 Coder 30B")).await;
            }
        }
    )*};
}

on_every_wire!(ask architect pr_review documentation debug r#async);

/// A model behind an OpenAI-compatible server.
pub(super) const QWEN: &str = r#"
[[model]]
provider = "openai"
api = "chat"
id = "qwen3-coder:30b"
name = "Qwen3 Coder 30B"
aliases = ["qwen"]
input = 2.0
cached = 0.10
cache_write = 2.5
output = 10.0
context = 131_072
max_output = 32_768
"#;

/// Looks at two things at once, with a thought.
fn looks(kind: &str) -> Script {
    Script::new(kind)
        .calls(vec![repo::read("src/discount.rs"), ("search", json!({ "pattern": "THRESHOLD" }))])
        .with_thinking("Where is the threshold compared?")
        .with_text("I look at the place where the discount is decided.")
        .with_usage(repo::USAGE)
}

/// Declares the end, and once more after the look at the whole change.
fn finishes(script: Script, says: serde_json::Value) -> Script {
    script.calls(vec![repo::finish(says)]).with_thinking("That is all.").with_usage(repo::USAGE)
}

async fn ask(model: Model) {
    let summary = "The threshold itself is left out: `src/discount.rs:8` compares with `>`.";
    let script = finishes(looks("ask"), json!({ "summary": summary }));
    told(model, "ask why is 100.00 charged in full?", script, expect![[r#"
        alice        #1 /asynccoder ask model=<model> why is 100.00 charged in full?
        asynccoder   #1 :eyes:
        asynccoder   #1 ask · done: The threshold itself is left out: [`src/discount.rs:8`](http://<host>/acme/till/blob/<sha>/src/discount.rs#L8) compares with `>`. [2 steps, 1 credit]

        ### Async Coder · ask · done

        The threshold itself is left out: [`src/discount.rs:8`](http://<host>/acme/till/blob/<sha>/src/discount.rs#L8) compares with `>`.

        Receipt: <model> · 2 steps · 1,040/3,000/180 tokens · 1 credit

        <!-- asynccoder:task=<uuid> -->

        The account has 99 credits, 0 of them held.
    "#]]).await;
}

async fn architect(model: Model) {
    let summary = "1. Compare with `>=` in `src/discount.rs:8`.\n2. Add a test at the threshold.";
    let script = finishes(looks("architect"), json!({ "summary": summary }));
    told(model, "architect", script, expect![[r#"
        alice        #1 /asynccoder architect model=<model>
        asynccoder   #1 :eyes:
        asynccoder   #1 architect · done: 1. Compare with `>=` in [`src/discount.rs:8`](http://<host>/acme/till/blob/<sha>/src/discount.rs#L8). ⏎ 2. Add a test at the threshold. [2 steps, 1 credit]

        ### Async Coder · architect · done

        1. Compare with `>=` in [`src/discount.rs:8`](http://<host>/acme/till/blob/<sha>/src/discount.rs#L8).
        2. Add a test at the threshold.

        Receipt: <model> · 2 steps · 1,040/3,000/180 tokens · 1 credit

        To build it: `/asynccoder async build the plan of t_<short>`

        <!-- asynccoder:task=<uuid> -->

        The account has 99 credits, 0 of them held.
    "#]]).await;
}

async fn pr_review(model: Model) {
    let finding = json!({
        "path": "src/discount.rs", "line": 8, "priority": "P1", "confidence": 0.9,
        "body": "The threshold itself is left out.",
    });
    let says = json!({ "summary": "It moves the comparison.", "verdict": "comment" });
    let scores = json!({
        "summary": "It moves the comparison.", "verdict": "comment",
        "scores": [{ "finding": 1, "score": 9 }],
    });
    let script = looks("pr_review").calls(vec![("comment_inline", finding)]);
    let script = finishes(finishes(script.with_usage(repo::USAGE), says), scores);
    told(model, "pr_review", script, expect![[r#"
        carol        pushes shorter
        carol        opens #2 "Compute the discount in one line"
        alice        #2 /asynccoder pr_review model=<model>
        asynccoder   #2 :eyes:
        asynccoder   #2 reviews: pr_review · comments [src/discount.rs:8]
        asynccoder   check "Async Coder / pr_review" neutral on <sha>
        asynccoder   #2 pr_review · done: I wrote [the review](http://<host>/acme/till/pull/2#pullrequestreview-1017): 1 finding: 1 P1. [4 steps, 1 credit]

        ### Async Coder · pr_review · done

        I wrote [the review](http://<host>/acme/till/pull/2#pullrequestreview-1017): 1 finding: 1 P1.

        Receipt: <model> · 4 steps · 2,080/6,000/360 tokens · 1 credit

        To have them mended: `/asynccoder async mend the findings of t_<short>`

        <!-- asynccoder:task=<uuid> -->

        review COMMENTED

        ### Async Coder · pr_review · comments

        It moves the comparison.

        <!-- asynccoder:task=<uuid> -->

        at line 8: **P1** The threshold itself is left out.

        check run "Async Coder / pr_review": done: 1 finding: 1 P1

        It moves the comparison.

        Receipt: <model> · 4 steps · 2,080/6,000/360 tokens · 1 credit

        The account has 99 credits, 0 of them held.
    "#]]).await;
}

async fn documentation(model: Model) {
    let script = looks("documentation")
        .calls(vec![(
            "edit_file",
            json!({ "path": "README.md", "old": "has to pay.", "new": "has to pay: from 100.00 on, ten percent less." }),
        )])
        .with_usage(repo::USAGE);
    let says = json!({ "title": "Say when there is a discount", "summary": "The README names the threshold." });
    told(
        model,
        "documentation",
        finishes(script, says),
        expect![[r#"
        alice        #1 /asynccoder documentation model=<model>
        asynccoder   #1 :eyes:
        asynccoder   pushes asynccoder/1-no-discount-at-exactly-100-00-<short> (README.md +1 -1)
        asynccoder   opens #2 "Say when there is a discount" for main as a draft
        asynccoder   check "Async Coder / documentation" success on <sha>
        asynccoder   #1 documentation · done: I opened draft pull request #2. [4 steps, 1 credit]

        ### Async Coder · documentation · done

        I opened draft pull request #2.

        The README names the threshold.

        **Not verified**: I ran no checks; please let your own checks decide.

        Receipt: <model> · 4 steps · 2,080/6,000/360 tokens · 1 credit

        <!-- asynccoder:task=<uuid> -->

        pull request "Say when there is a discount"

        The README names the threshold.

        Fixes #1

        **Not verified**: I ran no checks; please let your own checks decide.

        Receipt: <model> · 4 steps · 2,080/6,000/360 tokens

        <!-- asynccoder:task=<uuid> -->

        --- a/README.md
        +++ b/README.md
        -Adds up what a customer has to pay.
        +Adds up what a customer has to pay: from 100.00 on, ten percent less.

        check run "Async Coder / documentation": done: pull request #2

        The README names the threshold.

        **Not verified**: I ran no checks; please let your own checks decide.

        Receipt: <model> · 4 steps · 2,080/6,000/360 tokens · 1 credit

        The account has 99 credits, 0 of them held.
    "#]],
    )
    .await;
}

async fn debug(model: Model) {
    let script = looks("debug").calls(vec![repo::the_fix()]).with_usage(repo::USAGE);
    let says = json!({
        "title": "Give the discount at exactly 100.00",
        "summary": "The comparison left out the threshold itself; it is in now.",
        "not_verified": ["The tests were not run."],
    });
    told(model, "debug", finishes(script, says), expect![[r#"
        alice        #1 /asynccoder debug model=<model>
        asynccoder   #1 :eyes:
        asynccoder   pushes asynccoder/1-no-discount-at-exactly-100-00-<short> (src/discount.rs +1 -1)
        asynccoder   opens #2 "Give the discount at exactly 100.00" for main as a draft
        asynccoder   check "Async Coder / debug" success on <sha>
        asynccoder   #1 debug · done: I opened draft pull request #2. [4 steps, 1 credit]

        ### Async Coder · debug · done

        I opened draft pull request #2.

        The comparison left out the threshold itself; it is in now.

        **Not verified**: I ran no checks; please let your own checks decide.
        - The tests were not run.

        Receipt: <model> · 4 steps · 2,080/6,000/360 tokens · 1 credit

        <!-- asynccoder:task=<uuid> -->

        pull request "Give the discount at exactly 100.00"

        The comparison left out the threshold itself; it is in now.

        Fixes #1

        **Not verified**: I ran no checks; please let your own checks decide.
        - The tests were not run.

        Receipt: <model> · 4 steps · 2,080/6,000/360 tokens

        <!-- asynccoder:task=<uuid> -->

        --- a/src/discount.rs
        +++ b/src/discount.rs
        -    if cents > THRESHOLD {
        +    if cents >= THRESHOLD {

        check run "Async Coder / debug": done: pull request #2

        The comparison left out the threshold itself; it is in now.

        **Not verified**: I ran no checks; please let your own checks decide.
        - The tests were not run.

        Receipt: <model> · 4 steps · 2,080/6,000/360 tokens · 1 credit

        The account has 99 credits, 0 of them held.
    "#]]).await;
}

async fn r#async(model: Model) {
    let script = looks("async")
        .calls(vec![
            repo::write("src/receipt.rs", "//! Receipts.\n"),
            ("edit_file", json!({ "path": "src/lib.rs", "old": "pub mod discount;", "new": "pub mod discount;\npub mod receipt;" })),
        ])
        .with_thinking("A module of its own.")
        .with_usage(repo::USAGE);
    let says = json!({ "title": "Add receipts", "summary": "There is a module for receipts." });
    told(model, "async add a module for receipts", finishes(script, says), expect![[r#"
        alice        #1 /asynccoder async model=<model> add a module for receipts
        asynccoder   #1 :eyes:
        asynccoder   pushes asynccoder/1-no-discount-at-exactly-100-00-<short> (src/lib.rs +1 -0, src/receipt.rs +1 -0)
        asynccoder   opens #2 "Add receipts" for main as a draft
        asynccoder   check "Async Coder / async" success on <sha>
        asynccoder   #1 async · done: I opened draft pull request #2. [4 steps, 1 credit]

        ### Async Coder · async · done

        I opened draft pull request #2.

        There is a module for receipts.

        **Not verified**: I ran no checks; please let your own checks decide.

        Receipt: <model> · 4 steps · 2,080/6,000/360 tokens · 1 credit

        <!-- asynccoder:task=<uuid> -->

        pull request "Add receipts"

        There is a module for receipts.

        Fixes #1

        **Not verified**: I ran no checks; please let your own checks decide.

        Receipt: <model> · 4 steps · 2,080/6,000/360 tokens

        <!-- asynccoder:task=<uuid> -->

        --- a/src/lib.rs
        +++ b/src/lib.rs
        +pub mod receipt;
        --- /dev/null
        +++ b/src/receipt.rs
        +//! Receipts.

        check run "Async Coder / async": done: pull request #2

        There is a module for receipts.

        **Not verified**: I ran no checks; please let your own checks decide.

        Receipt: <model> · 4 steps · 2,080/6,000/360 tokens · 1 credit

        The account has 99 credits, 0 of them held.
    "#]]).await;
}

/// Tells the story with one model and compares what people see.
async fn told((model, name): Model, command: &str, script: Script, expected: Expect) {
    let (verb, words) = command.split_once(' ').unwrap_or((command, ""));
    let typed = format!("/asynccoder {verb} model={model} {words}");
    let seen = seen(typed.trim_end(), script).await;
    let seen = seen.replace(&format!("model={model}"), "model=<model>");
    expected.assert_eq(&seen.replace(name, "<model>"));
}

/// All that people can see after a command: the story, and every text of the bot in full.
async fn seen(typed: &str, script: Script) -> String {
    let seen = RefCell::new(String::new());
    let plan = Plan::default().with_every_provider().models(QWEN);
    tell(plan, async |world: &mut World| {
        world.model(script);
        let on = if typed.contains("pr_review") { a_change(world) } else { world.issue.clone() };
        world.alice.comments(&on, typed);
        world.settle().await;
        let mut told = world.story();
        for text in texts(world, &on) {
            told.push_str(&format!("\n{text}\n"));
        }
        let (available, held) = world.balance().await;
        told.push_str(&format!("\nThe account has {available} credits, {held} of them held.\n"));
        seen.replace(told);
    })
    .await;
    seen.into_inner()
}

/// A pull request that leaves the fault where it is.
fn a_change(world: &World) -> Issue {
    let text = "//! Discounts.\n\n/// From this amount on there is a discount.\npub const THRESHOLD: u64 = 100_00;\n\n\
                /// Ten percent off from the threshold on.\npub fn apply(cents: u64) -> u64 {\n    \
                if cents > THRESHOLD { cents - cents / 10 } else { cents }\n}\n";
    world.carol.quietly().commits("shorter", "src/discount.rs", text);
    world.carol.quietly().proposes("shorter", "Compute the discount in one line")
}

fn texts(world: &World, on: &Issue) -> Vec<String> {
    let comments = world.simulator.comments(REPOSITORY, on.number);
    let comments = comments.into_iter().filter(|comment| comment.author == BOT);
    let mut texts: Vec<_> = comments.map(|comment| comment.body).collect();
    for review in world.simulator.reviews(REPOSITORY, on.number) {
        texts.push(format!("review {}\n\n{}", review.state, review.body));
        let at = |comment: &Value| {
            format!("at line {}: {}", comment["line"], comment["body"].as_str().unwrap())
        };
        texts.extend(review.comments.iter().map(at));
    }
    for pull in world.simulator.pull_requests(REPOSITORY).iter().filter(|pull| pull.author == BOT) {
        let body = pull.body.clone().unwrap_or_default();
        texts.push(format!("pull request \"{}\"\n\n{body}", pull.title));
        texts.push(world.simulator.diff(REPOSITORY, &pull.base, &pull.head).unwrap());
    }
    for check in world.simulator.check_runs(REPOSITORY) {
        let (title, summary) = (check.title.unwrap_or_default(), check.summary.unwrap_or_default());
        texts.push(format!("check run \"{}\": {title}\n\n{summary}", check.name));
    }
    let journal = world.simulator.journal();
    let stable = |text: &String| teller::stable(&journal, text);
    texts.iter().map(|text| without_hashes(&stable(text))).collect()
}

/// Only the changed lines of a diff.
fn without_hashes(text: &str) -> String {
    if !text.starts_with("diff --git") {
        return text.to_owned();
    }
    let lines = text.lines().filter(|line| line.starts_with(['+', '-']));
    lines.collect::<Vec<_>>().join("\n")
}
