//! Commands in a review, and at a line of a change: the line goes to the model, and the answer below it.

use crate::world::people::Issue;
use crate::world::{REPOSITORY, World, repo, story};
use asynccoder::simulator::{At, AtLine, Script};
use expect_test::expect;
use serde_json::json;
use std::time::Duration;

fn proposed(world: &World) -> Issue {
    let file = world.simulator.file(REPOSITORY, "main", "src/discount.rs").unwrap();
    let text = String::from_utf8(file).unwrap().replace("//! Discounts.", "//! All discounts.");
    world.carol.quietly().commits("words", "src/discount.rs", &text);
    world.carol.quietly().proposes("words", "Say which discounts")
}

const AT_THE_TOP: AtLine<'_> = AtLine::New { path: "src/discount.rs", line: 1 };

fn answers() -> Script {
    Script::new("explains")
        .calls(vec![repo::finish(json!({ "summary": "It names all of them." }))])
        .with_usage(repo::USAGE)
}

story!(a_question_at_a_line_is_answered_below_it, async |world| {
    world.model(answers());
    let pull = proposed(world);
    world.story();
    let asked = world
        .simulator
        .comment_at_line((REPOSITORY, pull.number), "alice", &AT_THE_TOP, "/asynccoder ask why?")
        .unwrap();
    world
        .settles_as(expect![[r#"
        alice        #2 (src/discount.rs:1) /asynccoder ask why?
        asynccoder   #2 :eyes:
        asynccoder   check "Async Coder / ask" success on <sha>
        asynccoder   #2 (src/discount.rs:1) ask · done: It names all of them. [1 step, 1 credit]
    "#]])
        .await;
    let told = world.models().requests()[0]["messages"][0].to_string();
    assert!(told.contains("What is asked was written at line 1 of src/discount.rs"), "{told}");
    assert!(told.contains("+//! All discounts."), "with the part of the change");
    world
        .simulator
        .comment_at_line(
            (REPOSITORY, pull.number),
            "alice",
            &AtLine::Below(asked),
            "/asynccoder status",
        )
        .unwrap();
    world
        .settles_as(expect![[r#"
        alice        #2 (src/discount.rs:1) /asynccoder status
        asynccoder   #2 (src/discount.rs:1) ### Async Coder · status…
    "#]])
        .await;
});

story!(work_that_was_asked_for_at_a_line_resolves_its_thread, async |world| {
    world.model(repo::fixes_the_till());
    let pull = proposed(world);
    world.story();
    let asked = (REPOSITORY, pull.number);
    let command = "/asynccoder debug the discount is missing at exactly 100.00";
    world.simulator.comment_at_line(asked, "alice", &AT_THE_TOP, command).unwrap();
    world.settles_as(expect![[r#"
        alice        #2 (src/discount.rs:1) /asynccoder debug the discount is missing at exactly 100.00
        asynccoder   #2 :eyes:
        asynccoder   pushes words (src/discount.rs +1 -1) on top
        asynccoder   #2 synchronized
        asynccoder   #2 (src/discount.rs:1) is resolved
        asynccoder   check "Async Coder / debug" success on <sha>
        asynccoder   check "Async Coder / debug" success on <sha>
        asynccoder   #2 (src/discount.rs:1) debug · done: I pushed <sha> to `words`. [4 steps, 1 credit]
    "#]]).await;
});

story!(what_is_tried_again_is_still_about_its_line, async |world| {
    world.model(answers());
    let pull = proposed(world);
    world.story();
    let place = (REPOSITORY, pull.number);
    world.simulator.comment_at_line(place, "alice", &AT_THE_TOP, "/asynccoder ask why?").unwrap();
    world.settle().await;
    world.story();
    world.alice.comments(&pull, "/asynccoder retry");
    world
        .settles_as(expect![[r#"
        alice        #2 /asynccoder retry
        asynccoder   #2 :eyes:
        asynccoder   check "Async Coder / ask" success on <sha>
        asynccoder   #2 (src/discount.rs:1) ask · done: It names all of them. [1 step, 1 credit]
    "#]])
        .await;
    let check = world.simulator.check_runs(REPOSITORY).last().expect("a check run").id;
    world.simulator.press(REPOSITORY, check, "alice", "retry").unwrap();
    world
        .settles_as(expect![[r#"
        asynccoder   check "Async Coder / ask" success on <sha>
        asynccoder   #2 (src/discount.rs:1) ask · done: It names all of them. [1 step, 1 credit]
    "#]])
        .await;
    let requests = world.models().requests();
    assert_eq!(requests.len(), 3);
    for request in requests {
        let told = request["messages"][0].to_string();
        assert!(told.contains("What is asked was written at line 1 of src/discount.rs"), "{told}");
    }
    // Where it is asked for at a line itself, it is about that one.
    let other = AtLine::New { path: "src/discount.rs", line: 3 };
    world.simulator.comment_at_line(place, "alice", &other, "/asynccoder retry").unwrap();
    world
        .settles_as(expect![[r#"
        alice        #2 (src/discount.rs:3) /asynccoder retry
        asynccoder   #2 :eyes:
        asynccoder   check "Async Coder / ask" success on <sha>
        asynccoder   #2 (src/discount.rs:3) ask · done: It names all of them. [1 step, 1 credit]
    "#]])
        .await;
});

story!(a_lost_reply_doubles_no_answer_below_a_line, async |world| {
    world.model(answers());
    let pull = proposed(world);
    world.simulator.faults().lose_reply(At::api("POST", "/replies"), 1);
    world.simulator.faults().lose_reply(At::api("PATCH", "/pulls/comments/"), 1);
    world
        .simulator
        .comment_at_line((REPOSITORY, pull.number), "alice", &AT_THE_TOP, "/asynccoder ask why?")
        .unwrap();
    world.settle().await;
    let ours = world.simulator.comments(REPOSITORY, pull.number);
    assert_eq!(ours.len(), 2, "the question and one answer: {ours:#?}");
    world.story();
});

story!(a_review_may_hold_commands_too, async |world| {
    world.model(repo::fixes_the_till());
    let pull = proposed(world);
    world.story();
    let text = "Nearly.\n\n/asynccoder fix the discount is missing at exactly 100.00";
    world.simulator.submit_review(REPOSITORY, pull.number, "alice", text).unwrap();
    world.simulator.submit_review(REPOSITORY, pull.number, "alice", "Looks good.").unwrap();
    world.settles_as(expect![[r#"
        alice        #2 reviews: Nearly. ⏎  ⏎ /asynccoder fix the discount is missing at exactly 100.00
        alice        #2 reviews: Looks good.
        asynccoder   pushes words (src/discount.rs +1 -1) on top
        asynccoder   #2 synchronized
        asynccoder   check "Async Coder / debug" success on <sha>
        asynccoder   check "Async Coder / debug" success on <sha>
        asynccoder   #2 debug · done: I pushed <sha> to `words`. [4 steps, 1 credit]
    "#]]).await;
});

story!(what_is_put_into_a_review_again_was_done_before, async |world| {
    let pull = proposed(world);
    world.story();
    let review = world
        .simulator
        .submit_review(REPOSITORY, pull.number, "alice", "/asynccoder ping")
        .unwrap();
    world.settle().await;
    for text in ["Fine.", "/asynccoder ping"] {
        world.simulator.advance(Duration::from_mins(1));
        world.simulator.edit_review(REPOSITORY, review, "alice", text).unwrap();
        world.settle().await;
    }
    world.settles_as(expect![[r#"
        alice        #2 reviews: /asynccoder ping
        asynccoder   #2 I am here. `/asynccoder help` says what I can do.
        alice        #2 edits a review: Fine.
        alice        #2 edits a review: /asynccoder ping
        asynccoder   #2 I have answered that already, and an edit does not ask again. A new comment does.
    "#]]).await;
});

story!(who_may_not_is_told_so_where_they_asked, async |world| {
    let pull = proposed(world);
    world.story();
    world
        .simulator
        .comment_at_line((REPOSITORY, pull.number), "bob", &AT_THE_TOP, "/asynccoder fix this")
        .unwrap();
    world.settles_as(expect![[r#"
        bob          #2 (src/discount.rs:1) /asynccoder fix this
        asynccoder   #2 :confused:
        asynccoder   #2 (src/discount.rs:1) `debug` needs write permission in this repository; you have read. Somebody with write permission can give the command.
    "#]]).await;
});
