//! GitHub's button that has all checks of a commit again: each of ours runs once more, once for a press.

use crate::world::{PATIENCE, REPOSITORY, World, repo, rows, story};
use asynccoder::simulator::{At, Mishaps, Moment, Script, Simulator};
use expect_test::expect;
use serde_json::{Value, json};
use std::time::Duration;

const PATH: &str = ".github/asynccoder.toml";

/// A pull request with a task's check run and one of the configuration on its commit.
async fn two_checks(world: &mut World) -> String {
    let script = Script::new("answers")
        .calls(vec![repo::finish(json!({ "summary": "It is fine." }))])
        .with_usage(repo::USAGE);
    world.model(script);
    let head = world.alice.quietly().commits("settings", PATH, "labels = false\n");
    world.story();
    let pull = world.alice.proposes("settings", "Settings");
    world.alice.comments(&pull, "/asynccoder ask is it fine?");
    world
        .settles_as(expect![[r#"
            alice        opens #2 "Settings"
            alice        #2 /asynccoder ask is it fine?
            asynccoder   #2 :eyes:
            asynccoder   check "Async Coder / config" success on <sha>
            asynccoder   check "Async Coder / ask" success on <sha>
            asynccoder   #2 ask · done: It is fine. [1 step, 1 credit]
        "#]])
        .await;
    // Nobody presses in the very second.
    world.simulator.advance(Duration::from_secs(10));
    head
}

/// What a press of the button comes to here.
const BOTH_AGAIN: &str = "\
asynccoder   check \"Async Coder / config\" success on <sha>
asynccoder   check \"Async Coder / ask\" success on <sha>
asynccoder   #2 ask · done: It is fine. [1 step, 1 credit]
";

fn sorted(story: &str) -> Vec<&str> {
    let mut lines: Vec<_> = story.lines().collect();
    lines.sort_unstable();
    lines
}

story!(all_checks_of_a_commit_run_again, async |world| {
    let head = two_checks(world).await;
    for _ in 0..2 {
        world.simulator.rerequest_all(REPOSITORY, &head, "alice").unwrap();
        world.settle().await;
        assert_eq!(sorted(&world.story()), sorted(BOTH_AGAIN));
        world.simulator.advance(Duration::from_secs(10));
    }
    assert_eq!(world.simulator.check_runs(REPOSITORY).len(), 6, "two, and two for each press");
});

story!(one_press_runs_nothing_twice_whatever_github_sends, async |world| {
    let head = two_checks(world).await;
    let before = world.simulator.check_runs(REPOSITORY);
    world.simulator.deliver_badly(Mishaps { replayed: 1000, ..Mishaps::default() });
    world.simulator.rerequest_all(REPOSITORY, &head, "alice").unwrap();
    for check in &before {
        world.simulator.rerequest(REPOSITORY, check.id, "alice").unwrap();
    }
    world.settle().await;
    assert_eq!(sorted(&world.story()), sorted(BOTH_AGAIN));
});

story!(single_runs_that_are_told_first_are_not_run_again, async |world| {
    let head = two_checks(world).await;
    for check in world.simulator.check_runs(REPOSITORY) {
        world.simulator.rerequest(REPOSITORY, check.id, "alice").unwrap();
    }
    world.settle().await;
    assert_eq!(sorted(&world.story()), sorted(BOTH_AGAIN));
    // Their tasks have ended by the time the press is told of as a whole: it was before they began.
    let body = rerequested(world, &head, json!({ "updated_at": "2020-01-01T00:00:00Z" }));
    deliver(world, &body).await;
    world.settles_as(expect![[""]]).await;
});

story!(what_still_runs_is_left_alone, async |world| {
    let head = two_checks(world).await;
    let gate = world.simulator.faults().hold(At::models(), Moment::BeforeEffect);
    let check = world.simulator.check_runs(REPOSITORY).pop().unwrap();
    world.simulator.rerequest(REPOSITORY, check.id, "alice").unwrap();
    gate.reached().await.unwrap();
    let shown = |now: &Simulator| now.check_runs(REPOSITORY).len() == 3;
    world.simulator.wait_for(shown, PATIENCE).await.unwrap();
    rows::until(world, "select count(*) from documents where github_id is null", 0).await;
    world.simulator.advance(Duration::from_secs(10));
    world.simulator.rerequest_all(REPOSITORY, &head, "alice").unwrap();
    rows::until(world, "select count(*) from rerequests", 1).await;
    gate.open();
    world.settle().await;
    let story = world.story();
    assert_eq!(story.matches("\"Async Coder / ask\"").count(), 1, "{story}");
    assert_eq!(story.matches("\"Async Coder / config\"").count(), 1, "{story}");
});

story!(whoever_may_not_is_told_so, async |world| {
    let head = two_checks(world).await;
    world.simulator.rerequest_all(REPOSITORY, &head, "bob").unwrap();
    world
        .settles_as(expect![[r#"
            asynccoder   check "Async Coder / config" success on <sha>
            asynccoder   #2 `retry` needs write permission in this repository; you have read. Somebody with write permission can give the command.
        "#]])
        .await;
});

story!(the_checks_of_another_app_are_none_of_ours, async |world| {
    let head = two_checks(world).await;
    deliver(world, &rerequested(world, &head, json!({ "app": { "id": 1 } }))).await;
    world.settles_as(expect![[""]]).await;
    let ignored = "select coalesce(reason, '') from deliveries where event = 'check_suite' and state = 'ignored'";
    let reasons = rows::texts(world, ignored).await;
    assert!(reasons.contains(&"the checks are another App's".to_owned()), "{reasons:?}");
});

/// The delivery of a press, with some things different.
fn rerequested(world: &World, head: &str, other: Value) -> Value {
    let app = world.simulator.credentials().app_id;
    let mut suite = json!({
        "id": 77, "head_sha": head, "updated_at": "2030-01-01T00:00:00Z", "app": { "id": app },
    });
    suite.as_object_mut().unwrap().extend(other.as_object().unwrap().clone());
    let owner = json!({ "id": world.ids.owner, "login": "acme", "type": "Organization" });
    json!({
        "action": "rerequested", "check_suite": suite,
        "repository": {
            "id": world.ids.repository, "name": "till", "owner": owner, "default_branch": "main",
            "updated_at": "2020-01-01T00:00:00Z",
        },
        "sender": { "id": world.alice.id, "login": "alice", "type": "User" },
        "installation": { "id": world.ids.installation },
    })
}

async fn deliver(world: &World, body: &Value) {
    let body = body.to_string().into_bytes();
    let (status, _) = world.simulator.deliver_raw("check_suite", "", &body, &[]).await.unwrap();
    assert_eq!(status, 202);
}
