//! Nobody drowns anybody: commands, tasks, pull requests and our own comments have their limits, each is
//! named with its end, and stopping always works.

use crate::world::{Plan, REPOSITORY, World, repo, rows, story, tell};
use asynccoder::domain::credit::Credits;
use asynccoder::simulator::{At, Moment};
use expect_test::expect;

fn answers(world: &World, number: u64) -> Vec<String> {
    let comments = world.simulator.comments(REPOSITORY, number);
    comments.iter().filter(|c| c.author == crate::world::BOT).map(|c| c.body.clone()).collect()
}

story!(a_person_gives_ten_commands_a_minute, Plan::default().limited(), async |world| {
    for n in 0..12 {
        let issue = world.carol.quietly().opens(&format!("No {n}"), "");
        world.alice.comments(&issue, "/asynccoder ping");
        world.settle().await;
    }
    let told: Vec<String> = (2..14).flat_map(|number| answers(world, number)).collect();
    assert_eq!(told.iter().filter(|text| text.starts_with("I am here")).count(), 10);
    let limited: Vec<_> =
        told.iter().filter(|text| text.contains("10 commands within a minute")).collect();
    assert_eq!(limited.len(), 2, "each thread is told");
    assert!(limited[0].contains("Please give this one again after"), "{}", limited[0]);
    world.story();
    // Somebody else is not held up by it.
    let issue = world.carol.quietly().opens("Mine", "");
    world.carol.comments(&issue, "/asynccoder ping");
    assert!(world.answer().await.starts_with("I am here"));
});

story!(
    ten_comments_in_an_hour_are_enough_until_an_admin_says_something,
    Plan::default().limited(),
    async |world| {
        for n in 0..14 {
            let who = if n % 2 == 0 { &world.alice } else { &world.bob };
            who.comments(&world.issue, "/asynccoder ping");
            world.settle().await;
        }
        let told = answers(world, 1);
        assert_eq!(told.iter().filter(|text| text.starts_with("I am here")).count(), 10);
        let silent: Vec<_> =
            told.iter().filter(|text| text.contains("I have written 10 comments")).collect();
        assert_eq!(silent.len(), 2, "each of both is told once: {told:#?}");
        world.story();
        world.carol.comments(&world.issue, "/asynccoder ping");
        assert!(world.answer().await.starts_with("I am here"));
        world.alice.comments(&world.issue, "/asynccoder ping");
        assert!(world.answer().await.starts_with("I am here"), "the count is set back");
    }
);

story!(
    whoever_keeps_trying_is_told_again_when_an_hour_is_over,
    Plan::default().limited_in_thread(1),
    async |world| {
        for _ in 0..2 {
            world.alice.comments(&world.issue, "/asynccoder ping");
            world.settle().await;
        }
        let told = |world: &World| {
            let all = answers(world, 1);
            all.iter().filter(|text| text.contains("1 commands in this thread")).count()
        };
        assert_eq!(told(world), 1);
        for times_told in [1, 2] {
            let earlier = "update commands set updated_at = strftime('%Y-%m-%dT%H:%M:%f+00:00', updated_at, '-50 minutes')";
            rows::change(world, earlier).await;
            world.alice.comments(&world.issue, "/asynccoder ping");
            world.settle().await;
            assert_eq!(told(world), times_told);
        }
        world.story();
    }
);

story!(strangers_shut_no_thread_to_others, Plan::default().limited_in_thread(2), async |world| {
    for text in ["/asynccoder debug", "/asynccoder debgu", "/asynccoder debug", "/asynccoder dbug"]
    {
        world.bob.comments(&world.issue, text);
        world.settle().await;
    }
    world.alice.comments(&world.issue, "/asynccoder ping");
    world.settles_as(expect![[r#"
        bob          #1 /asynccoder debug
        asynccoder   #1 :confused:
        asynccoder   #1 `debug` needs write permission in this repository; you have read. Somebody with write permission can give the command.
        bob          #1 /asynccoder debgu
        asynccoder   #1 :confused:
        asynccoder   #1 I did not understand this: ⏎ - line 1, character 13: `debgu` is no verb. Did you mean `debug`? ⏎ `/asynccoder help` lists what I understand.
        bob          #1 /asynccoder debug
        bob          #1 /asynccoder dbug
        alice        #1 /asynccoder ping
        asynccoder   #1 I am here. `/asynccoder help` says what I can do.
    "#]]).await;
});

story!(the_mistakes_of_strangers_silence_nobody, Plan::default().limited(), async |world| {
    for _ in 0..10 {
        world.bob.comments(&world.issue, "/asynccoder debgu");
        world.settle().await;
    }
    assert_eq!(answers(world, 1).len(), 1, "they are explained once");
    world.story();
    world.alice.comments(&world.issue, "/asynccoder ping");
    assert!(world.answer().await.starts_with("I am here"));
    for _ in 0..2 {
        world.alice.comments(&world.issue, "/asynccoder debgu");
        assert!(world.answer().await.contains("Did you mean `debug`?"), "each of hers is");
    }
});

story!(stopping_is_never_too_much, Plan::default().limited(), async |world| {
    for _ in 0..11 {
        world.alice.comments(&world.issue, "/asynccoder ping");
        world.settle().await;
    }
    world.story();
    world.alice.comments(&world.issue, "/asynccoder cancel");
    expect![[r#"
        There is no task in this thread for that. `/asynccoder status` lists them.

        <!-- asynccoder:command=<uuid> -->"#]]
    .assert_eq(&world.answer().await);
});

#[tokio::test]
async fn a_repository_has_ten_open_pull_requests_of_the_bot() {
    let plan = Plan::default().limited().with("DAILY_CREDITS_PER_PERSON", "1000");
    tell(plan, async |world: &mut World| {
        world.model(repo::fixes_the_till());
        for n in 0..10 {
            let issue = world.carol.quietly().opens(&format!("No {n}"), "");
            let who = if n % 2 == 0 { &world.alice } else { &world.carol };
            who.comments(&issue, "/asynccoder debug budget=10");
            world.settle().await;
        }
        assert_eq!(world.simulator.pull_requests(REPOSITORY).len(), 10);
        world.story();
        world.carol.comments(&world.issue, "/asynccoder debug budget=10");
        expect![[r#"
            10 pull requests of mine are open in this repository, which is as many as I open. Merge or close one, then please ask again.

            <!-- asynccoder:command=<uuid> -->"#]].assert_eq(&world.answer().await);
        // What opens none is not kept from it.
        world.carol.comments(&world.issue, "/asynccoder status");
        assert!(world.answer().await.contains("There are no tasks"));
        // Nobody tells the bot of this one.
        let closed = world.simulator.pull_requests(REPOSITORY)[3].number;
        world.simulator.quietly().close(REPOSITORY, closed, "carol", true).unwrap();
        world.carol.comments(&world.issue, "/asynccoder debug budget=10");
        world.settle().await;
        assert_eq!(world.simulator.pull_requests(REPOSITORY).len(), 11, "{}", world.story());
        let told = answers(world, closed - 1).join("\n");
        assert!(told.contains("was closed"), "its task says so too: {told}");
        world.story();
    })
    .await;
}

#[tokio::test]
async fn pull_requests_that_are_on_their_way_count() {
    let plan = Plan::default().limited().with("DAILY_CREDITS_PER_PERSON", "1000");
    tell(plan, async |world: &mut World| {
        world.model(repo::fixes_the_till());
        world.carol.comments(&world.issue, "/asynccoder ping");
        world.settle().await;
        let store = world.app().store();
        let acme = store.account_by_login("acme").await.unwrap().expect("acme is known");
        store.grant(acme, Credits(400), "a gift").await.unwrap();
        let gate = world.simulator.faults().hold(At::models(), Moment::BeforeEffect);
        for n in 0..14 {
            let issue = world.carol.quietly().opens(&format!("No {n}"), "");
            let who = if n % 2 == 0 { &world.alice } else { &world.carol };
            who.comments(&issue, "/asynccoder debug budget=10");
        }
        gate.reached().await.unwrap();
        rows::until(world, "select count(*) from commands where state = 'pending'", 0).await;
        gate.open();
        world.settle().await;
        assert_eq!(world.simulator.pull_requests(REPOSITORY).len(), 10);
        let told: Vec<String> = (2..16).flat_map(|number| answers(world, number)).collect();
        let mut limited: Vec<_> = told.iter().filter(|text| !text.contains("### ")).collect();
        limited.dedup_by_key(|text| text.lines().next().unwrap_or_default());
        assert_eq!(limited.len(), 1, "{limited:#?}");
        expect!["10 pull requests of mine are open in this repository or will come from tasks that have not ended, which is as many as I open. Merge or close one, or stop a task with `/asynccoder cancel`, then please ask again."]
            .assert_eq(limited[0].lines().next().unwrap());
        world.story();
    })
    .await;
}
