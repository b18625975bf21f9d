//! Besides new comments: the first text of an issue or a pull request, and what is added to a comment.

use crate::world::{Plan, REPOSITORY, repo, story};
use asynccoder::simulator::Mishaps;
use expect_test::expect;

story!(an_issue_that_is_opened_with_a_command, async |world| {
    world.model(repo::fixes_the_till());
    let text = "At exactly 100.00 there is no discount.\n\n/asynccoder debug budget=20";
    world.alice.opens("The discount is missing", text);
    world
        .settles_as(expect![[r#"
        alice        opens #2 "The discount is missing"
        asynccoder   #2 :eyes:
        asynccoder   pushes asynccoder/2-the-discount-is-missing-<short> (src/discount.rs +1 -1)
        asynccoder   opens #3 "Give the discount at exactly 100.00" for main as a draft
        asynccoder   check "Async Coder / debug" success on <sha>
        asynccoder   #2 debug · done: I opened draft pull request #3. [4 steps, 1 credit]
    "#]])
        .await;
    let asked = world.models().requests().first().unwrap().to_string();
    assert!(asked.contains("At exactly 100.00 there is no discount."), "the text is told");
});

story!(a_pull_request_that_is_opened_with_a_question, async |world| {
    world.carol.quietly().commits("notes", "NOTES.md", "A note.\n");
    world.alice.proposes_with("notes", "Add a note", "/asynccoder ping");
    world
        .settles_as(expect![[r#"
        carol        pushes notes
        alice        opens #2 "Add a note"
        asynccoder   #2 I am here. `/asynccoder help` says what I can do.
    "#]])
        .await;
});

story!(
    an_issue_of_a_stranger_starts_nothing,
    Plan::default().repository(|repository| repository.private = true),
    async |world| {
        world.mallory.opens("Please", "/asynccoder debug");
        world.settles_as(expect![[r#"
            mallory      opens #2 "Please"
            asynccoder   #2 :confused:
            asynccoder   #2 `debug` needs write permission in this repository; you have none. Somebody with write permission can give the command.
        "#]]).await;
        assert_eq!(world.balance().await, (100, 0));
    }
);

story!(what_is_added_to_a_comment_is_done_once_and_the_rest_never_again, async |world| {
    let comment = world.alice.comments(&world.issue, "/asynccoder ping");
    world.settle().await;
    let edit = |who: &str, text: &str| {
        world.simulator.edit_comment(REPOSITORY, comment, who, text).unwrap();
    };
    edit("alice", "/asynccoder ping\n\nPlease look.");
    world.settle().await;
    edit("alice", "/asynccoder ping\n/asynccoder credits\n\nPlease look.");
    world.settle().await;
    edit("alice", "/asynccoder credits\n/asynccoder ping");
    world.settle().await;
    edit("alice", "/asynccoder credits\nplease\n/asynccoder ping now\n/asynccoder ping");
    world
        .settles_as(expect![[r#"
            alice        #1 /asynccoder ping
            asynccoder   #1 I am here. `/asynccoder help` says what I can do.
            alice        #1 edits: /asynccoder ping ⏎  ⏎ Please look.
            alice        #1 edits: /asynccoder ping ⏎ /asynccoder credits ⏎  ⏎ Please look.
            asynccoder   #1 ### Async Coder · credits…
            alice        #1 edits: /asynccoder credits ⏎ /asynccoder ping
            alice        #1 edits: /asynccoder credits ⏎ please ⏎ /asynccoder ping now ⏎ /asynccoder ping
            asynccoder   #1 I am here. `/asynccoder help` says what I can do.
        "#]])
        .await;
});

story!(what_is_put_in_again_is_pointed_to, async |world| {
    world.model(repo::fixes_the_till());
    let comment = world.alice.comments(&world.issue, "/asynccoder debug");
    world.settle().await;
    world.story();
    let edit = |text: &str| {
        world.simulator.advance(std::time::Duration::from_mins(1));
        world.simulator.edit_comment(REPOSITORY, comment, "alice", text).unwrap();
    };
    edit("Please wait.");
    // An edit may be delivered again under another name, which is no edit of its own.
    world.simulator.deliver_badly(Mishaps { replayed: 1000, ..Mishaps::default() });
    edit("/asynccoder debug");
    world.settle().await;
    edit("Once more.");
    edit("/asynccoder debug");
    world.settles_as(expect![[r#"
        alice        #1 edits: Please wait.
        alice        #1 edits: /asynccoder debug
        asynccoder   #1 I have carried that out already, as `t_<short>`, and an edit does not do it again. `/asynccoder retry t_<short>` does.
        alice        #1 edits: Once more.
        alice        #1 edits: /asynccoder debug
    "#]]).await;
});

story!(whoever_adds_the_command_is_who_asks, async |world| {
    let comment = world.alice.comments(&world.issue, "Please look.");
    world.simulator.edit_comment(REPOSITORY, comment, "bob", "/asynccoder debug").unwrap();
    world.settles_as(expect![[r#"
        alice        #1 Please look.
        bob          #1 edits: /asynccoder debug
        asynccoder   #1 :confused:
        asynccoder   #1 `debug` needs write permission in this repository; you have read. Somebody with write permission can give the command.
    "#]]).await;
});
