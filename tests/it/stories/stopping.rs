//! Whoever started something can see it, stop it and start it again.

use crate::world::processes::{GONE, gone, there};
use crate::world::{BOT, PATIENCE, Plan, REPOSITORY, World, repo, story};
use asynccoder::simulator::{At, Gate, Moment, Simulator, Spoiled};
use expect_test::expect;
use std::time::{Duration, Instant};

/// Progress is shown as it happens.
fn shown_at_once() -> Plan {
    Plan::default().timing(|timing| timing.edit_spacing = Duration::ZERO)
}

/// Alice starts a task; it runs, says so, and waits for the model's answer to its n-th question.
async fn held_at_question(world: &World, n: u32) -> Gate {
    world.model(repo::fixes_the_till());
    let gate = world.simulator.faults().hold(At::models().after(n - 1), Moment::BeforeReply);
    world.alice.comments(&world.issue, "/asynccoder debug");
    gate.reached().await.unwrap();
    until_it_is_shown(world).await;
    gate
}

/// Everybody sees that it was heard and runs.
async fn until_it_is_shown(world: &World) {
    let running = |now: &Simulator| {
        let comments = now.comments(REPOSITORY, 1);
        let acknowledged = comments.iter().any(|c| !c.reactions.is_empty());
        acknowledged && comments.iter().any(|c| c.body.contains("debug · running"))
    };
    world.simulator.wait_for(running, PATIENCE).await.unwrap();
}

/// The wish to stop has reached the task.
async fn until_it_is_stopping(world: &World) {
    let store = world.app().store();
    let wished = async {
        while !store.thread_tasks(world.repository_id(), 1).await.unwrap()[0].is_stopping {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, wished).await.expect("the wish arrives");
}

story!(a_running_task_is_stopped, shown_at_once(), async |world| {
    let _gate = held_at_question(world, 2).await;
    world.alice.comments(&world.issue, "/asynccoder cancel");
    world
        .settles_as(expect![[r#"
            alice        #1 /asynccoder debug
            asynccoder   #1 :eyes:
            alice        #1 /asynccoder cancel
            asynccoder   #1 Stopping `t_<short>`. Its status comment says when it has stopped.
            asynccoder   #1 debug · cancelled: Stopped, as asked. [1 step, 1 credit]
        "#]])
        .await;
    assert_eq!(world.balance().await, (99, 0), "what was used is paid");
});

story!(what_has_not_begun_yet_is_stopped_too, shown_at_once(), async |world| {
    let look =
        world.simulator.faults().hold(At::api("GET", "/repos/acme/till"), Moment::BeforeReply);
    world.alice.comments(&world.issue, "/asynccoder debug");
    look.reached().await.unwrap();
    world.alice.comments(&world.issue, "/asynccoder cancel");
    let answered = |now: &Simulator| now.comments(REPOSITORY, 1).iter().any(|c| c.author == BOT);
    world.simulator.wait_for(answered, PATIENCE).await.unwrap();
    look.open();
    world.settles_as(expect![[r#"
        alice        #1 /asynccoder debug
        alice        #1 /asynccoder cancel
        asynccoder   #1 I had not begun yet [what was asked for](http://<host>/acme/till/issues/1#issuecomment-1009), and will not. It costs nothing.
    "#]]).await;
    assert_eq!(world.balance().await, (100, 0));
});

story!(a_stranger_stops_nothing_but_the_requester_does, shown_at_once(), async |world| {
    let _gate = held_at_question(world, 1).await;
    world.bob.comments(&world.issue, "/asynccoder cancel");
    world.simulator.set_permission("acme/till", "alice", "read").unwrap();
    world.alice.comments(&world.issue, "/asynccoder cancel");
    world.settles_as(expect![[r#"
        alice        #1 /asynccoder debug
        asynccoder   #1 :eyes:
        bob          #1 /asynccoder cancel
        asynccoder   #1 :confused:
        alice        #1 /asynccoder cancel
        asynccoder   #1 Stopping `t_<short>`. Its status comment says when it has stopped.
        asynccoder   #1 `cancel` needs write permission in this repository; you have read. Somebody with write permission can give the command.
        asynccoder   #1 debug · cancelled: Stopped, as asked. [0 steps, 0 credits]
    "#]]).await;
    assert_eq!(world.balance().await, (100, 0), "nothing was used");
});

story!(a_task_that_is_being_published_goes_on, shown_at_once(), async |world| {
    let question = held_at_question(world, 3).await;
    let push =
        world.simulator.faults().hold(At::git("POST", "git-receive-pack"), Moment::BeforeReply);
    question.open();
    push.reached().await.unwrap();
    world.alice.comments(&world.issue, "/asynccoder cancel");
    until_it_is_stopping(world).await;
    push.open();
    world.settles_as(expect![[r#"
        alice        #1 /asynccoder debug
        asynccoder   #1 :eyes:
        asynccoder   pushes asynccoder/1-no-discount-at-exactly-100-00-<short> (src/discount.rs +1 -1)
        alice        #1 /asynccoder cancel
        asynccoder   opens #2 "Give the discount at exactly 100.00" for main as a draft
        asynccoder   check "Async Coder / debug" success on <sha>
        asynccoder   #1 Too late to stop `t_<short>`: I am publishing it right now. You can close its pull request.
        asynccoder   #1 debug · done: I opened draft pull request #2. [4 steps, 1 credit]
    "#]]).await;
});

/// Everything but what a push needs.
const WITHOUT_PUSHING: &[(&str, &str)] = &[
    ("checks", "write"),
    ("contents", "read"),
    ("issues", "write"),
    ("metadata", "read"),
    ("pull_requests", "write"),
];

/// Alice wants to stop when it is too late; then it turns out that nothing was published.
async fn stopped_too_late(world: &mut World, at: At, trouble: impl Fn(&World)) {
    let question = held_at_question(world, 3).await;
    let push = world.simulator.faults().hold(at, Moment::BeforeEffect);
    question.open();
    push.reached().await.unwrap();
    world.alice.comments(&world.issue, "/asynccoder cancel");
    until_it_is_stopping(world).await;
    trouble(world);
    push.open();
    world.settles_as(expect![[r#"
        alice        #1 /asynccoder debug
        asynccoder   #1 :eyes:
        alice        #1 /asynccoder cancel
        asynccoder   #1 Too late to stop `t_<short>`: I am publishing it right now. You can close its pull request.
        asynccoder   #1 debug · cancelled: Stopped, as asked. [4 steps, 1 credit]
    "#]]).await;
    assert_eq!(world.balance().await, (99, 0));
}

story!(whoever_stops_a_push_that_may_not_be_made_is_heard, shown_at_once(), async |world| {
    world.expects_refusals();
    let quietly = world.simulator.quietly();
    quietly.set_installation_permissions("acme", WITHOUT_PUSHING).unwrap();
    stopped_too_late(world, At::api("POST", "/access_tokens"), |_| {}).await;
});

story!(whoever_stops_a_push_that_comes_again_later_is_heard, shown_at_once(), async |world| {
    let moves = |world: &World| {
        world.simulator.quietly().move_repository(REPOSITORY, "acme/register").unwrap();
    };
    stopped_too_late(world, At::api("POST", "/access_tokens"), moves).await;
});

story!(there_is_nothing_to_stop, async |world| {
    world.alice.comments(&world.issue, "/asynccoder cancel");
    world.settle().await;
    world.alice.comments(&world.issue, "/asynccoder retry t_00000000");
    world.settles_as(expect![[r#"
        alice        #1 /asynccoder cancel
        asynccoder   #1 There is no task in this thread for that. `/asynccoder status` lists them.
        alice        #1 /asynccoder retry t_00000000
        asynccoder   #1 There is no task `t_00000000` in this thread. `/asynccoder status` lists them.
    "#]]).await;
});

story!(the_tasks_of_a_thread_are_listed, async |world| {
    world.model(repo::fixes_the_till());
    world.alice.comments(&world.issue, "/asynccoder status");
    world.settle().await;
    world.alice.comments(&world.issue, "/asynccoder debug");
    world.settle().await;
    world.story();
    world.bob.comments(&world.issue, "/asynccoder status");
    expect![[r#"
        ### Async Coder · status

        | task | kind | state | |
        |---|---|---|---|
        | `t_<short>` | debug | done | 1 credit |

        <!-- asynccoder:command=<uuid> -->"#]]
    .assert_eq(&world.answer().await);
});

story!(a_task_is_run_again_with_more_words, async |world| {
    world.model(repo::fixes_the_till());
    world.alice.comments(&world.issue, "/asynccoder debug draft=false only the comparison");
    world.settle().await;
    world.alice.comments(&world.issue, "/asynccoder retry and leave the tests alone");
    world.settles_as(expect![[r#"
        alice        #1 /asynccoder debug draft=false only the comparison
        asynccoder   #1 :eyes:
        asynccoder   pushes asynccoder/1-no-discount-at-exactly-100-00-<short> (src/discount.rs +1 -1)
        asynccoder   opens #2 "Give the discount at exactly 100.00" for main
        asynccoder   check "Async Coder / debug" success on <sha>
        asynccoder   #1 debug · done: I opened pull request #2. [4 steps, 1 credit]
        alice        #1 /asynccoder retry and leave the tests alone
        asynccoder   #1 :eyes:
        asynccoder   pushes asynccoder/1-no-discount-at-exactly-100-00-<short> (src/discount.rs +1 -1)
        asynccoder   opens #3 "Give the discount at exactly 100.00" for main
        asynccoder   check "Async Coder / debug" success on <sha>
        asynccoder   #1 debug · done: I opened pull request #3. [2 steps, 1 credit]
    "#]]).await;
    let prompts = world.models().requests();
    let last = prompts.last().unwrap().to_string();
    assert!(last.contains("only the comparison\\n\\nand leave the tests alone"), "{last}");
});

story!(a_mistyped_id_stops_nothing, shown_at_once(), async |world| {
    let question = held_at_question(world, 1).await;
    world.story();
    world.alice.comments(&world.issue, "/asynccoder cancel t_1234567");
    let said = |now: &Simulator| {
        now.comments(REPOSITORY, 1).iter().any(|c| c.body.starts_with("There is no task"))
    };
    world.simulator.wait_for(said, PATIENCE).await.unwrap();
    question.open();
    world.settles_as(expect![[r#"
        alice        #1 /asynccoder cancel t_1234567
        asynccoder   pushes asynccoder/1-no-discount-at-exactly-100-00-<short> (src/discount.rs +1 -1)
        asynccoder   opens #2 "Give the discount at exactly 100.00" for main as a draft
        asynccoder   check "Async Coder / debug" success on <sha>
        asynccoder   #1 There is no task `t_1234567` in this thread. `/asynccoder status` lists them.
        asynccoder   #1 debug · done: I opened draft pull request #2. [4 steps, 1 credit]
    "#]]).await;
});

story!(a_task_is_run_again_with_a_larger_budget, async |world| {
    world.model(repo::fixes_the_till());
    world.alice.comments(&world.issue, "/asynccoder debug budget=12 only the comparison");
    world.settle().await;
    world.story();
    world.alice.comments(&world.issue, "/asynccoder retry budget=24");
    world.settle().await;
    world.story();
    let task = &world.app().store().thread_tasks(world.repository_id(), 1).await.unwrap()[0];
    assert_eq!(task.brief().unwrap().instruction, "only the comparison");
});

story!(a_status_comment_that_was_removed_is_written_anew, shown_at_once(), async |world| {
    let question = held_at_question(world, 2).await;
    let comments = world.simulator.comments(REPOSITORY, 1);
    let status = comments.iter().find(|c| c.body.contains("debug · running")).unwrap();
    world.simulator.delete_comment(REPOSITORY, status.id, "alice").unwrap();
    question.open();
    world.settle().await;
    world.story();
    let comments = world.simulator.comments(REPOSITORY, 1);
    let ours: Vec<_> = comments.iter().filter(|c| c.author == BOT).collect();
    assert_eq!(ours.len(), 1);
    assert!(ours[0].body.contains("debug · done"), "{}", ours[0].body);
});

/// A repository of so many files, and so large ones, that git begins a pack before all has arrived.
fn of_many_files() -> Plan {
    let mut number = 1_u64;
    let mut next = || {
        number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        number.to_string()
    };
    let mut text = || (0..100).map(|_| next()).collect::<String>().into_bytes();
    let many: Vec<_> = (0..200).map(|n| (format!("many/{n}"), text())).collect();
    shown_at_once().repository(|repository| repository.files.extend(many))
}

/// What git has not finished in any mirror.
fn half_fetched(world: &World) -> Vec<String> {
    let mirrors = std::fs::read_dir(world.data_dir().join("mirrors")).unwrap().flatten();
    let packs =
        mirrors.filter_map(|mirror| std::fs::read_dir(mirror.path().join("objects/pack")).ok());
    let names = packs.flatten().flatten().map(|file| file.file_name().into_string().unwrap());
    names.filter(|name| name.starts_with("tmp_")).collect()
}

story!(of_a_fetch_that_is_stopped_nothing_is_left, of_many_files(), async |world| {
    let fetch = At::git("POST", "git-upload-pack").after(1);
    world.simulator.faults().spoil(fetch, 1, Spoiled::Stalled);
    world.model(repo::fixes_the_till());
    world.alice.comments(&world.issue, "/asynccoder debug");
    let fetches = format!("remote-http {}/{REPOSITORY}.git", world.simulator.server_url());
    there(&fetches).await;
    let began = Instant::now();
    while half_fetched(world).is_empty() {
        assert!(began.elapsed() < GONE, "nothing is fetched");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    until_it_is_shown(world).await;
    world.alice.comments(&world.issue, "/asynccoder cancel");
    gone(&fetches).await;
    world
        .settles_as(expect![[r#"
        alice        #1 /asynccoder debug
        asynccoder   #1 :eyes:
        alice        #1 /asynccoder cancel
        asynccoder   #1 Stopping `t_<short>`. Its status comment says when it has stopped.
        asynccoder   #1 debug · cancelled: Stopped, as asked. [0 steps, 0 credits]
    "#]])
        .await;

    world.alice.comments(&world.issue, "/asynccoder debug");
    world.settles_as(expect![[r#"
        alice        #1 /asynccoder debug
        asynccoder   #1 :eyes:
        asynccoder   pushes asynccoder/1-no-discount-at-exactly-100-00-<short> (src/discount.rs +1 -1)
        asynccoder   opens #2 "Give the discount at exactly 100.00" for main as a draft
        asynccoder   check "Async Coder / debug" success on <sha>
        asynccoder   #1 debug · done: I opened draft pull request #2. [4 steps, 1 credit]
    "#]]).await;
    assert_eq!(half_fetched(world), [""; 0]);
});
