//! What GitHub will never take ends a task at once and visibly; what passes is waited for.

use super::UNDISTURBED;
use crate::world::{repo, story};
use asynccoder::simulator::{At, Refusal};
use expect_test::expect;
use serde_json::json;

fn refused(status: u16, message: &str) -> Refusal {
    let body = json!({
        "message": message,
        "documentation_url": "https://docs.github.com/rest",
        "status": status.to_string(),
    });
    Refusal { status, body, headers: Vec::new() }
}

story!(a_plan_without_drafts_gets_a_plain_pull_request, async |world| {
    world.model(repo::fixes_the_till());
    let no_drafts = refused(422, "Draft pull requests are not supported in this repository.");
    world.simulator.faults().refuse(At::api("POST", "/pulls"), 1, no_drafts);
    world.alice.comments(&world.issue, "/asynccoder debug");
    world.settles_as(expect![[r#"
        alice        #1 /asynccoder debug
        asynccoder   #1 :eyes:
        asynccoder   pushes asynccoder/1-no-discount-at-exactly-100-00-<short> (src/discount.rs +1 -1)
        asynccoder   opens #2 "Give the discount at exactly 100.00" for main
        asynccoder   check "Async Coder / debug" success on <sha>
        asynccoder   #1 debug · done: I opened pull request #2. [4 steps, 1 credit]
    "#]]).await;
});

story!(a_push_that_git_is_refused_ends_the_task, async |world| {
    world.model(repo::fixes_the_till());
    let push = At::git("POST", "git-receive-pack");
    world.simulator.faults().refuse(push, 100, refused(403, "Repository was archived"));
    world.alice.comments(&world.issue, "/asynccoder debug");
    world.settles_as(expect![[r#"
        alice        #1 /asynccoder debug
        asynccoder   #1 :eyes:
        asynccoder   #1 debug · failed: GitHub did not accept the result. You pay nothing for this task. [4 steps, 0 credits]
    "#]]).await;
    world.simulator.faults().clear();
    assert_eq!(world.balance().await, (100, 0), "what is not published is free");
});

story!(a_repository_that_vanished_ends_the_task, async |world| {
    world.model(repo::fixes_the_till());
    let fetch = At::git("GET", "git-upload-pack");
    world.simulator.faults().refuse(fetch, 100, refused(404, "Not Found"));
    world.alice.comments(&world.issue, "/asynccoder debug");
    world.settles_as(expect![[r#"
        alice        #1 /asynccoder debug
        asynccoder   #1 :eyes:
        asynccoder   #1 debug · failed: GitHub did not accept the result. You pay nothing for this task. [0 steps, 0 credits]
    "#]]).await;
    world.simulator.faults().clear();
});

story!(an_outage_is_waited_for, async |world| {
    world.model(repo::fixes_the_till());
    let faults = world.simulator.faults();
    faults.refuse(At::git("", ""), 4, refused(503, "Service Unavailable"));
    faults.refuse(At::api("POST", "/pulls"), 3, refused(502, "Bad Gateway"));
    world.alice.comments(&world.issue, "/asynccoder debug");
    world.settle().await;
    assert_eq!(world.story(), UNDISTURBED);
});
