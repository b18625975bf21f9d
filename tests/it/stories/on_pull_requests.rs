//! Work on a pull request goes to its own branch, on top of what was there, and to no other.

use crate::world::people::Issue;
use crate::world::{Plan, REPOSITORY, World, repo, story};
use asynccoder::simulator::{At, Moment, Script};
use expect_test::expect;
use serde_json::json;

/// A pull request that adds a note, and leaves the fault where it is.
fn proposed(world: &World) -> Issue {
    world.carol.quietly().commits("notes", "NOTES.md", "A note.\n");
    world.carol.quietly().proposes("notes", "Add a note")
}

story!(what_is_asked_on_a_pull_request_goes_to_its_branch, async |world| {
    world.model(repo::fixes_the_till());
    let pull = proposed(world);
    world.story();
    world.alice.comments(&pull, "/asynccoder debug the discount is missing at exactly 100.00");
    world
        .settles_as(expect![[r#"
            alice        #2 /asynccoder debug the discount is missing at exactly 100.00
            asynccoder   #2 :eyes:
            asynccoder   pushes notes (src/discount.rs +1 -1) on top
            asynccoder   #2 synchronized
            asynccoder   check "Async Coder / debug" success on <sha>
            asynccoder   check "Async Coder / debug" success on <sha>
            asynccoder   #2 debug · done: I pushed <sha> to `notes`. [4 steps, 1 credit]
        "#]])
        .await;
    let commit = world.simulator.commit(REPOSITORY, "notes").unwrap();
    let note = world.simulator.file(REPOSITORY, "notes", "NOTES.md");
    assert!(note.is_some(), "what was there is there");
    assert!(commit.message.contains("Pull request #2"), "{}", commit.message);
    assert_eq!(world.simulator.branches(REPOSITORY).len(), 2, "no branch was made");
});

story!(nothing_is_pushed_to_a_pull_request_that_was_closed_meanwhile, async |world| {
    world.model(repo::fixes_the_till());
    let pull = proposed(world);
    world.story();
    let gate = world.simulator.faults().hold(At::models(), Moment::BeforeEffect);
    world.alice.comments(&pull, "/asynccoder debug the discount is missing at exactly 100.00");
    gate.reached().await.unwrap();
    world.simulator.close(REPOSITORY, pull.number, "carol", true).unwrap();
    world.simulator.faults().clear();
    gate.open();
    world.settles_as(expect![[r#"
        alice        #2 /asynccoder debug the discount is missing at exactly 100.00
        asynccoder   #2 :eyes:
        carol        #2 closed
        asynccoder   check "Async Coder / debug" failure on <sha>
        asynccoder   #2 debug · failed: GitHub did not accept the result. You pay nothing for this task. [4 steps, 0 credits]
    "#]]).await;
});

story!(a_pull_request_of_the_bot_is_continued, async |world| {
    world.model(repo::fixes_the_till().when("Resolve issue"));
    world.model(
        Script::new("goes on")
            .when("Name the amount in the test too")
            .calls(vec![repo::write("tests/exact.rs", "// exactly 100.00\n")])
            .with_usage(repo::USAGE)
            .calls(vec![repo::finish(
                json!({ "title": "Test the threshold", "summary": "A test holds it." }),
            )])
            .with_usage(repo::USAGE),
    );
    world.alice.comments(&world.issue, "/asynccoder debug");
    world.settle().await;
    world.story();
    let pull = Issue { repository: REPOSITORY.to_owned(), number: 2 };
    world.alice.comments(&pull, "/asynccoder async Name the amount in the test too");
    world.settles_as(expect![[r#"
        alice        #2 /asynccoder async Name the amount in the test too
        asynccoder   #2 :eyes:
        asynccoder   pushes asynccoder/1-no-discount-at-exactly-100-00-<short> (tests/exact.rs +1 -0) on top
        asynccoder   #2 synchronized
        asynccoder   check "Async Coder / async" success on <sha>
        asynccoder   check "Async Coder / async" success on <sha>
        asynccoder   #2 async · done: I pushed <sha> to `asynccoder/1-no-discount-at-exactly-100-00-<short>`. [3 steps, 1 credit]
    "#]]).await;
});

story!(nothing_is_pushed_where_it_must_not, async |world| {
    world.model(repo::fixes_the_till());
    let fork = world.simulator.quietly().fork(REPOSITORY, "mallory").unwrap();
    let files = [("NOTES.md", Some("A note.\n"))];
    world.simulator.quietly().commit_as(&fork, "mallory", "notes", &files).unwrap();
    let from_fork = world.mallory.quietly().proposes("mallory:notes", "Add a note");
    let closed = proposed(world);
    world.simulator.quietly().close(REPOSITORY, closed.number, "carol", true).unwrap();
    world.carol.quietly().commits("release", "NOTES.md", "A note.\n");
    world.simulator.protect_branch(REPOSITORY, "release").unwrap();
    let guarded = world.carol.quietly().proposes("release", "Release");
    world.carol.quietly().commits("more", "MORE.md", "More.\n");
    let open = world.carol.quietly().proposes("more", "Add more");
    world.story();
    for pull in [&from_fork, &closed, &guarded] {
        world.alice.comments(pull, "/asynccoder async go on");
        world.settle().await;
    }
    world.alice.comments(&open, "/asynccoder async base=main go on");
    world.settles_as(expect![[r#"
        alice        #2 /asynccoder async go on
        asynccoder   #2 :confused:
        asynccoder   #2 This pull request comes from a fork, and I push nothing there. `/asynccoder review` suggests changes at its lines.
        alice        #3 /asynccoder async go on
        asynccoder   #3 :confused:
        asynccoder   #3 This pull request is closed, so I do not push to it. Reopen it, or ask in an issue.
        alice        #4 /asynccoder async go on
        asynccoder   #4 :confused:
        asynccoder   #4 This pull request comes from `release`, which is protected or the default branch, so I do not push to it. Ask in an issue instead.
        alice        #5 /asynccoder async base=main go on
        asynccoder   #5 :confused:
        asynccoder   #5 `base=` is for issues: a pull request has its branches, and I push to its own.
    "#]]).await;
    assert_eq!(world.balance().await, (100, 0));
});

/// Asks for a fix, and lets carol push this before the bot does.
async fn meanwhile(world: &mut World, path: &str, text: &str) {
    world.model(repo::fixes_the_till());
    let pull = proposed(world);
    world.story();
    let gate = world.simulator.faults().hold(At::git("POST", "receive-pack"), Moment::BeforeEffect);
    world.alice.comments(&pull, "/asynccoder debug");
    gate.reached().await.unwrap();
    world.carol.quietly().commits("notes", path, text);
    gate.open();
    world.settle().await;
}

story!(work_goes_on_top_of_what_came_meanwhile, async |world| {
    meanwhile(world, "NOTES.md", "Another note.\n").await;
    world
        .settles_as(expect![[r#"
        alice        #2 /asynccoder debug
        asynccoder   #2 :eyes:
        carol        pushes notes
        carol        #2 synchronized
        asynccoder   pushes notes (src/discount.rs +1 -1) on top
        asynccoder   #2 synchronized
        asynccoder   check "Async Coder / debug" success on <sha>
        asynccoder   check "Async Coder / debug" success on <sha>
        asynccoder   #2 debug · done: I pushed <sha> to `notes`. [4 steps, 1 credit]
    "#]])
        .await;
    let note = world.simulator.file(REPOSITORY, "notes", "NOTES.md").unwrap();
    assert_eq!(note, b"Another note.\n");
    let comment = world.simulator.comments(REPOSITORY, 2).pop().unwrap().body;
    assert!(
        comment.contains("`notes` got new commits while I worked; mine stands on top of them.")
    );
});

story!(work_that_no_longer_fits_is_kept_in_a_branch_of_its_own, async |world| {
    meanwhile(world, "src/discount.rs", "//! There are no discounts any more.\n").await;
    world.settles_as(expect![[r#"
        alice        #2 /asynccoder debug
        asynccoder   #2 :eyes:
        carol        pushes notes
        carol        #2 synchronized
        asynccoder   pushes asynccoder/2-add-a-note-<short> (src/discount.rs +1 -1)
        asynccoder   check "Async Coder / debug" success on <sha>
        asynccoder   check "Async Coder / debug" success on <sha>
        asynccoder   #2 debug · done: I pushed <sha> to `asynccoder/2-add-a-note-<short>`. [4 steps, 1 credit]
    "#]]).await;
    let comment = world.simulator.comments(REPOSITORY, 2).pop().unwrap().body;
    let said = "`notes` got new commits that do not go together with mine, so my work is in a branch of its own.";
    assert!(comment.contains(said), "{comment}");
});

story!(unfinished_work_stays_out_of_peoples_branches, Plan::default(), async |world| {
    let mut script = Script::new("never ends").calls(vec![repo::the_fix()]);
    for n in 0..60 {
        script = script.calls(vec![("search", json!({ "pattern": format!("word{n}") }))]);
    }
    world.model(script);
    let pull = proposed(world);
    let before = world.simulator.branches(REPOSITORY);
    world.story();
    world.alice.comments(&pull, "/asynccoder debug budget=200");
    world.settles_as(expect![[r#"
            alice        #2 /asynccoder debug budget=200
            asynccoder   #2 :eyes:
            asynccoder   check "Async Coder / debug" neutral on <sha>
            asynccoder   #2 debug · failed: I stopped after 50 steps, the limit for debug. [50 steps, 5 credits]
        "#]]).await;
    assert_eq!(world.simulator.branches(REPOSITORY), before);
});
