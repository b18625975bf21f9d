//! Reviews that nobody asks for: where one is wanted and cannot be, the commit says so, and the person is
//! left alone.

use crate::world::{Plan, REPOSITORY, World, repo, story};
use asynccoder::domain::credit::Credits;
use asynccoder::simulator::{Opening, Script, Usage};
use expect_test::expect;
use serde_json::json;

fn reviews_by_itself(world: &mut World, more: &str) {
    let text = format!("{more}\n[review]\nautomatic = true\non_push = true\n");
    let files = [(".github/asynccoder.toml", Some(text.as_str()))];
    world.simulator.quietly().commit_as(REPOSITORY, "alice", "main", &files).unwrap();
    world.story();
}

fn finds_nothing() -> Script {
    Script::new("finds nothing")
        .when("Review pull request")
        .calls(vec![repo::finish(json!({ "summary": "It adds a note.", "verdict": "approve" }))])
        .with_usage(repo::USAGE)
}

/// What the last check run says.
fn said(world: &World) -> String {
    let check = world.simulator.check_runs(REPOSITORY).pop().expect("a check run");
    format!("{}: {}\n{}", check.name, check.title.unwrap(), check.summary.unwrap())
}

fn notes(world: &mut World) {
    world.alice.quietly().commits("notes", "NOTES.md", "A note.\n");
    world.story();
}

/// Uses up all credits.
async fn spends_everything(world: &mut World) {
    let usage = Usage { output: 66_000, ..Usage::default() };
    let dear = Script::new("dear")
        .calls(vec![repo::finish(json!({ "summary": "Nothing is wrong." }))])
        .with_usage(usage);
    world.model(dear);
    for _ in 0..2 {
        let issue = world.carol.quietly().opens("Why?", "");
        world.carol.comments(&issue, "/asynccoder debug");
        world.settle().await;
    }
    assert_eq!(world.balance().await.0, 0);
    world.story();
}

story!(without_credits_the_commit_says_so_and_a_press_does_it_later, async |world| {
    spends_everything(world).await;
    reviews_by_itself(world, "");
    notes(world);
    world.alice.proposes("notes", "Notes");
    world
        .settles_as(expect![[r#"
            alice        opens #4 "Notes"
            asynccoder   check "Async Coder / pr_review" neutral on <sha>
        "#]])
        .await;
    expect![[r#"
        Async Coder / pr_review: not reviewed: not enough credits
        This repository wants a review of each pull request, but I did not review this commit. A review needs 5 credits, and this account has less available.

        `/asynccoder review` reviews it once the operator of this server has granted more with `asynccoder credits grant`."#]]
    .assert_eq(&said(world));
    let store = world.app().store();
    let acme = store.account_by_login("acme").await.unwrap().unwrap();
    store.grant(acme, Credits(100), "a gift").await.unwrap();
    world.models().clear_scripts();
    world.model(finds_nothing());
    let check = world.simulator.check_runs(REPOSITORY).pop().unwrap();
    world.simulator.rerequest(REPOSITORY, check.id, "alice").unwrap();
    world.simulator.rerequest(REPOSITORY, check.id, "alice").unwrap();
    world.settle().await;
    let story = world.story();
    assert_eq!(story.matches(" reviews: pr_review ").count(), 1, "{story}");
    assert_eq!(story.matches("\"Async Coder / pr_review\" success").count(), 1, "{story}");
    assert_eq!(story.lines().count(), 3, "and the status comment of whoever pressed: {story}");
});

story!(
    a_limit_of_the_day_is_named_with_its_end,
    Plan::default().with("DAILY_CREDITS_PER_PERSON", "4"),
    async |world| {
        reviews_by_itself(world, "");
        notes(world);
        world.alice.proposes("notes", "Notes");
        world.settle().await;
        world.story();
        expect![[r#"
            Async Coder / pr_review: not reviewed: the day's credits are used up
            This repository wants a review of each pull request, but I did not review this commit. The daily limit of its author leaves less than a review needs.

            `/asynccoder review` reviews it after 00:00 UTC, when the limit starts anew."#]]
        .assert_eq(&said(world));
    }
);

story!(
    without_a_model_the_commit_says_what_is_missing,
    Plan::default().with("ANTHROPIC_API_KEY", ""),
    async |world| {
        reviews_by_itself(world, "");
        notes(world);
        world.alice.proposes("notes", "Notes");
        world.settle().await;
        world.story();
        expect![[r#"
            Async Coder / pr_review: not reviewed: no model for it
            This repository wants a review of each pull request, but I did not review this commit. I cannot use any model: this server has no key of a model service. Its operator can set ANTHROPIC_API_KEY, OPENAI_API_KEY or GEMINI_API_KEY.

            `/asynccoder review` reviews it once there is a model."#]]
        .assert_eq(&said(world));
    }
);

story!(too_many_commands_keep_a_review_away, Plan::default().limited(), async |world| {
    reviews_by_itself(world, "");
    notes(world);
    for n in 0..10 {
        let issue = world.carol.quietly().opens(&format!("No {n}"), "");
        world.alice.comments(&issue, "/asynccoder ping");
        world.settle().await;
    }
    world.story();
    world.alice.proposes("notes", "Notes");
    world
        .settles_as(expect![[r#"
            alice        opens #12 "Notes"
            asynccoder   check "Async Coder / pr_review" neutral on <sha>
        "#]])
        .await;
    let said = said(world);
    assert!(said.contains("not reviewed: too many commands"), "{said}");
    assert!(said.contains("Its author gave 10 commands within a minute"), "{said}");
    assert!(said.contains("`/asynccoder review` reviews it after "), "{said}");
    // It has not used up what is said to whoever types.
    let issue = world.carol.quietly().opens("Another", "");
    world.alice.comments(&issue, "/asynccoder ping");
    let told = world.answer().await;
    assert!(told.contains("You have given 10 commands within a minute"), "{told}");
});

story!(nobody_is_told_of_what_is_not_wanted, Plan::default().limited(), async |world| {
    let opens = |world: &World, login: &str, head: &str, draft: bool| {
        let (title, head) = (head.to_owned(), head.to_owned());
        let opening = Opening { title, head, draft, ..Opening::default() };
        world.simulator.open_pull_request(REPOSITORY, login, &opening).unwrap();
    };
    spends_nothing_more(world).await;
    world.alice.quietly().commits("early", "NOTES.md", "A note.\n");
    opens(world, "alice", "early", false);
    world.settle().await;
    reviews_by_itself(world, "");
    for branch in ["draft", "robot", "stranger"] {
        world.alice.quietly().commits(branch, "NOTES.md", "A note.\n");
    }
    world.simulator.add_bot("dependabot[bot]");
    opens(world, "alice", "draft", true);
    opens(world, "dependabot[bot]", "robot", false);
    opens(world, "mallory", "stranger", false);
    world.settle().await;
    assert!(world.simulator.check_runs(REPOSITORY).is_empty());
    world.story();
});

/// From now on alice has given as many commands as she may.
async fn spends_nothing_more(world: &World) {
    for n in 0..10 {
        let issue = world.carol.quietly().opens(&format!("No {n}"), "");
        world.alice.comments(&issue, "/asynccoder ping");
        world.settle().await;
    }
}

story!(an_unasked_refusal_explains_nothing_to_anybody, async |world| {
    reviews_by_itself(world, "");
    notes(world);
    // Bob may read only, so that nothing is done for him and nothing is said.
    let pull = world.bob.proposes("notes", "Notes");
    world
        .settles_as(expect![[r#"
        bob          opens #2 "Notes"
    "#]])
        .await;
    world.bob.comments(&pull, "/asynccoder review");
    expect![[r#"
        `pr_review` needs write permission in this repository; you have read. Somebody with write permission can give the command.

        <!-- asynccoder:command=<uuid> -->"#]]
    .assert_eq(&world.answer().await);
});

story!(a_draft_is_reviewed_once_when_it_is_ready, async |world| {
    reviews_by_itself(world, "");
    world.model(finds_nothing());
    notes(world);
    let (title, head) = ("Notes".to_owned(), "notes".to_owned());
    let opening = Opening { title, head, draft: true, ..Opening::default() };
    world.simulator.open_pull_request(REPOSITORY, "alice", &opening).unwrap();
    world
        .settles_as(expect![[r#"
        alice        opens #2 "Notes"
    "#]])
        .await;
    world.simulator.set_draft(REPOSITORY, 2, "alice", false).unwrap();
    world
        .settles_as(expect![[r#"
            alice        #2 ready_for_review
            asynccoder   #2 reviews: pr_review · nothing stands against it []
            asynccoder   check "Async Coder / pr_review" success on <sha>
        "#]])
        .await;
    // A second later, so that it is seen to be another time.
    world.simulator.advance(std::time::Duration::from_secs(2));
    world.simulator.set_draft(REPOSITORY, 2, "alice", true).unwrap();
    world.simulator.set_draft(REPOSITORY, 2, "alice", false).unwrap();
    world
        .settles_as(expect![[r#"
            alice        #2 converted_to_draft
            alice        #2 ready_for_review
        "#]])
        .await;
});

story!(an_admins_push_does_not_end_the_silence, Plan::default().limited(), async |world| {
    reviews_by_itself(world, "");
    world.model(finds_nothing());
    notes(world);
    let pull = world.carol.quietly().proposes("notes", "Notes");
    for n in 0..10 {
        let who = if n % 2 == 0 { &world.alice } else { &world.bob };
        who.comments(&pull, "/asynccoder ping");
        world.settle().await;
    }
    world.carol.commits("notes", "NOTES.md", "Another note.\n");
    world.settle().await;
    world.story();
    world.alice.comments(&pull, "/asynccoder ping");
    let told = world.answer().await;
    assert!(told.contains("I have written 10 comments"), "{told}");
});
