//! Who may start work, and what happens when that changes on the way.

use crate::world::{PATIENCE, Plan, REPOSITORY, World, repo, story};
use asynccoder::simulator::{At, Moment, Refusal, Simulator};
use expect_test::expect;
use serde_json::json;

fn unwell(status: u16) -> Refusal {
    Refusal { status, body: json!({ "message": "Server Error" }), headers: Vec::new() }
}

/// What comes of `/asynccoder debug` by somebody with this role.
async fn as_role(world: &mut World, role: &str) -> String {
    world.simulator.set_permission(REPOSITORY, "mallory", role).unwrap();
    let issue = world.carol.quietly().opens(&format!("For {role}"), "");
    world.mallory.comments(&issue, "/asynccoder debug");
    world.settle().await;
    let story = world.story();
    let last = story.lines().last().unwrap_or_default().trim_start_matches("asynccoder").trim();
    format!("{role:<9} {last}\n")
}

story!(
    work_needs_write_permission,
    Plan::default().repository(|repository| repository.private = true),
    async |world| {
        world.model(repo::fixes_the_till());
        let mut matrix = String::new();
        for role in ["none", "read", "triage", "write", "maintain", "admin"] {
            matrix.push_str(&as_role(world, role).await);
        }
        expect![[r#"
            none      #2 `debug` needs write permission in this repository; you have none. Somebody with write permission can give the command.
            read      #3 `debug` needs write permission in this repository; you have read. Somebody with write permission can give the command.
            triage    #4 `debug` needs write permission in this repository; you have read. Somebody with write permission can give the command.
            write     #5 debug · done: I opened draft pull request #6. [4 steps, 1 credit]
            maintain  #7 debug · done: I opened draft pull request #8. [4 steps, 1 credit]
            admin     #9 debug · done: I opened draft pull request #10. [4 steps, 1 credit]
        "#]].assert_eq(&matrix);
    }
);

story!(reading_is_enough_for_help_but_not_for_the_balance, async |world| {
    world.bob.comments(&world.issue, "/asynccoder ping");
    world.settle().await;
    world.bob.comments(&world.issue, "/asynccoder credits");
    world.settles_as(expect![[r#"
        bob          #1 /asynccoder ping
        asynccoder   #1 I am here. `/asynccoder help` says what I can do.
        bob          #1 /asynccoder credits
        asynccoder   #1 :confused:
        asynccoder   #1 `credits` needs write permission in this repository; you have read. Somebody with write permission can give the command.
    "#]]).await;
});

story!(a_refusal_is_explained_once_a_person_and_thread, async |world| {
    world.simulator.set_permission(REPOSITORY, "mallory", "triage").unwrap();
    for _ in 0..3 {
        world.bob.comments(&world.issue, "/asynccoder debug");
        world.settle().await;
    }
    world.mallory.comments(&world.issue, "/asynccoder debug");
    world.settle().await;
    let other = world.carol.quietly().opens("Another", "");
    world.bob.comments(&other, "/asynccoder debug");
    world.settles_as(expect![[r#"
        bob          #1 /asynccoder debug
        asynccoder   #1 :confused:
        asynccoder   #1 `debug` needs write permission in this repository; you have read. Somebody with write permission can give the command.
        bob          #1 /asynccoder debug
        bob          #1 /asynccoder debug
        mallory      #1 /asynccoder debug
        asynccoder   #1 :confused:
        asynccoder   #1 `debug` needs write permission in this repository; you have read. Somebody with write permission can give the command.
        carol        opens #2 "Another"
        bob          #2 /asynccoder debug
        asynccoder   #2 :confused:
        asynccoder   #2 `debug` needs write permission in this repository; you have read. Somebody with write permission can give the command.
    "#]]).await;
});

story!(
    strangers_hear_nothing_about_their_mistakes,
    Plan::default().repository(|repository| repository.private = true),
    async |world| {
        world.mallory.comments(&world.issue, "/asynccoder debgu");
        world
            .settles_as(expect![[r#"
            mallory      #1 /asynccoder debgu
        "#]])
            .await;
    }
);

story!(a_question_that_github_cannot_answer_is_asked_again, async |world| {
    world.model(repo::fixes_the_till());
    world.simulator.faults().refuse(At::api("GET", "/permission"), 3, unwell(502));
    world.alice.comments(&world.issue, "/asynccoder debug");
    world.settles_as(expect![[r#"
        alice        #1 /asynccoder debug
        asynccoder   #1 :eyes:
        asynccoder   pushes asynccoder/1-no-discount-at-exactly-100-00-<short> (src/discount.rs +1 -1)
        asynccoder   opens #2 "Give the discount at exactly 100.00" for main as a draft
        asynccoder   check "Async Coder / debug" success on <sha>
        asynccoder   #1 debug · done: I opened draft pull request #2. [4 steps, 1 credit]
    "#]]).await;
});

story!(a_new_token_that_finds_nothing_yet_takes_nobodys_permission, async |world| {
    let nothing = || Refusal { status: 404, ..unwell(404) };
    let ping = "/asynccoder credits";
    // Neither the person nor the repository is found at first; then only the person is not.
    for misses in [2, 1] {
        world.simulator.faults().refuse(At::api("GET", "/repos/acme/till"), misses, nothing());
        world.alice.comments(&world.issue, ping);
        let answer = world.answer().await;
        assert!(answer.contains("Available: 100"), "{answer}");
    }
    // Whoever is not found again and again may do nothing.
    world.simulator.faults().refuse(At::api("GET", "/permission"), 2, nothing());
    world.alice.comments(&world.issue, ping);
    assert!(world.answer().await.contains("you have none"));
});

story!(nothing_starts_while_nobody_knows_who_may, Plan::default(), async |world| {
    world.simulator.faults().refuse(At::api("GET", "/permission"), u32::MAX, unwell(500));
    world.alice.comments(&world.issue, "/asynccoder debug");
    let seen = |now: &Simulator| now.comments(REPOSITORY, 1)[0].reactions.len() == 1;
    world.simulator.wait_for(seen, PATIENCE).await.unwrap();
    world.ages("update commands set created_at = '2020-01-01T00:00:00+00:00'").await;
    world.settles_as(expect![[r#"
            alice        #1 /asynccoder debug
            asynccoder   #1 :eyes:
            asynccoder   #1 GitHub did not answer me for too long, so I did not start. Please comment again.
        "#]]).await;
    world.simulator.faults().clear();
    assert_eq!(world.balance().await, (100, 0));
});

story!(whoever_loses_write_permission_meanwhile_gets_no_push, async |world| {
    world.model(repo::fixes_the_till());
    let gate = world.simulator.faults().hold(At::models(), Moment::BeforeReply);
    world.alice.comments(&world.issue, "/asynccoder debug");
    gate.reached().await.unwrap();
    world.simulator.set_permission(REPOSITORY, "alice", "read").unwrap();
    gate.open();
    world.settles_as(expect![[r#"
        alice        #1 /asynccoder debug
        asynccoder   #1 :eyes:
        asynccoder   #1 debug · failed: GitHub did not accept the result. You pay nothing for this task. [4 steps, 0 credits]
    "#]]).await;
    assert_eq!(world.balance().await, (100, 0));
});

story!(an_uninstalled_app_stops_working, async |world| {
    world.alice.comments(&world.issue, "/asynccoder ping");
    world.settle().await;
    world.simulator.uninstall("acme").unwrap();
    world.settle().await;
    world.alice.comments(&world.issue, "/asynccoder ping");
    world
        .settles_as(expect![[r#"
        alice        #1 /asynccoder ping
        asynccoder   #1 I am here. `/asynccoder help` says what I can do.
        alice        #1 /asynccoder ping
    "#]])
        .await;
});
