//! What becomes of a pull request of the bot's is told where it was asked for, and its branch goes when
//! that is wanted.

use super::UNDISTURBED;
use crate::world::people::Issue;
use crate::world::{BOT, REPOSITORY, World, repo, rows, story};
use asynccoder::simulator::{At, Effect, Moment, Refusal, Script};
use expect_test::expect;
use serde_json::json;
use std::time::Duration;

/// A pull request that is ready to be merged, and told.
async fn proposed(world: &mut World) {
    world.model(repo::fixes_the_till());
    world.alice.comments(&world.issue, "/asynccoder debug");
    world.settle().await;
    assert_eq!(world.story(), UNDISTURBED);
    world.simulator.set_draft(REPOSITORY, 2, "alice", false).unwrap();
    world.settle().await;
    world.story();
}

fn merges(world: &World) {
    world.simulator.merge(REPOSITORY, 2, "carol").unwrap();
}

fn closes(world: &World, closed: bool) {
    world.simulator.close(REPOSITORY, 2, "carol", closed).unwrap();
}

/// What a repository's configuration would have said when the pull request was opened.
async fn wants_branches_deleted(world: &World) {
    let changed = rows::change(world, "update pull_requests set delete_branch = true").await;
    assert_eq!(changed, 1);
}

fn branch(world: &World) -> Option<String> {
    let branches = world.simulator.branches(REPOSITORY);
    branches.keys().find(|name| name.starts_with("asynccoder/")).cloned()
}

story!(a_merged_pull_request_ends_its_task_as_merged, async |world| {
    proposed(world).await;
    merges(world);
    world.settles_as(expect![[r#"
        carol        #2 merged
        carol        pushes main
        asynccoder   #1 debug · merged: I opened pull request #2, and it is merged. [4 steps, 1 credit]
    "#]]).await;
    assert!(branch(world).is_some(), "nobody asked for its end");
});

story!(a_closed_pull_request_says_so_until_it_is_opened_again, async |world| {
    proposed(world).await;
    closes(world, true);
    world.settles_as(expect![[r#"
        carol        #2 closed
        asynccoder   #1 debug · closed: I opened pull request #2, and it was closed without being merged. [4 steps, 1 credit]
    "#]]).await;
    closes(world, false);
    world
        .settles_as(expect![[r#"
        carol        #2 reopened
        asynccoder   #1 debug · done: I opened pull request #2. [4 steps, 1 credit]
    "#]])
        .await;
});

story!(a_new_title_and_a_draft_are_no_news, async |world| {
    proposed(world).await;
    let before = world.simulator.journal().len();
    world.simulator.retitle(REPOSITORY, 2, "alice", "Give it").unwrap();
    world.simulator.set_draft(REPOSITORY, 2, "alice", true).unwrap();
    world.settle().await;
    let journal = world.simulator.journal();
    let asked = journal.iter().skip(before).filter(|entry| entry.request().is_some());
    assert_eq!(asked.count(), 0, "nothing is asked or written");
    world.story();
});

story!(a_pull_request_that_is_closed_before_its_number_is_known_is_closed, async |world| {
    world.model(repo::fixes_the_till());
    let at = At::api("POST", "/repos/acme/till/pulls");
    let gate = world.simulator.faults().hold(at, Moment::BeforeReply);
    world.alice.comments(&world.issue, "/asynccoder debug");
    gate.reached().await.unwrap();
    closes(world, true);
    world.simulator.deliveries_idle().await;
    gate.open();
    world.settles_as(expect![[r#"
        alice        #1 /asynccoder debug
        asynccoder   #1 :eyes:
        asynccoder   pushes asynccoder/1-no-discount-at-exactly-100-00-<short> (src/discount.rs +1 -1)
        asynccoder   opens #2 "Give the discount at exactly 100.00" for main as a draft
        carol        #2 closed
        asynccoder   check "Async Coder / debug" success on <sha>
        asynccoder   #1 debug · closed: I opened draft pull request #2, and it was closed without being merged. [4 steps, 1 credit]
    "#]]).await;
});

story!(work_on_a_pull_request_goes_on_when_it_is_merged, async |world| {
    proposed(world).await;
    let gate = world.simulator.faults().hold(At::models(), Moment::BeforeReply);
    let summary = json!({ "summary": "A bill of exactly 100.00 gets the discount now." });
    let script =
        Script::new("an answer").when("What does this change").calls(vec![repo::finish(summary)]);
    world.model(script.with_usage(repo::USAGE));
    world.alice.comments(&pull(), "/asynccoder ask What does this change?");
    gate.reached().await.unwrap();
    merges(world);
    world.simulator.deliveries_idle().await;
    gate.open();
    world.settles_as(expect![[r#"
        alice        #2 /asynccoder ask What does this change?
        asynccoder   #2 :eyes:
        carol        #2 merged
        carol        pushes main
        asynccoder   check "Async Coder / ask" success on <sha>
        asynccoder   #1 debug · merged: I opened pull request #2, and it is merged. [4 steps, 1 credit]
        asynccoder   #2 ask · done: A bill of exactly 100.00 gets the discount now. [1 step, 1 credit]
    "#]]).await;
});

story!(its_branch_goes_with_it_if_that_is_wanted, async |world| {
    proposed(world).await;
    wants_branches_deleted(world).await;
    merges(world);
    world.settles_as(expect![[r#"
        carol        #2 merged
        carol        pushes main
        asynccoder   pushes asynccoder/1-no-discount-at-exactly-100-00-<short> (deleted)
        asynccoder   #1 debug · merged: I opened pull request #2, and it is merged. [4 steps, 1 credit]
    "#]]).await;
    assert_eq!((branch(world), deletions(world)), (None, 1));
});

story!(a_branch_with_commits_of_others_stays, async |world| {
    proposed(world).await;
    wants_branches_deleted(world).await;
    let name = branch(world).expect("it was pushed");
    let theirs = world.alice.commits(&name, "README.md", "# till\n\nMine.\n");
    closes(world, true);
    world.settles_as(expect![[r#"
        alice        pushes asynccoder/1-no-discount-at-exactly-100-00-<short>
        alice        #2 synchronized
        carol        #2 closed
        asynccoder   #1 debug · closed: I opened pull request #2, and it was closed without being merged. [4 steps, 1 credit]
    "#]]).await;
    assert_eq!(world.simulator.branches(REPOSITORY)[&name], theirs);
});

story!(a_branch_whose_pull_request_is_open_again_stays, async |world| {
    proposed(world).await;
    wants_branches_deleted(world).await;
    let looks = At::api("GET", "/repos/acme/till/pulls/2");
    let gate = world.simulator.faults().hold(looks, Moment::BeforeEffect);
    closes(world, true);
    gate.reached().await.unwrap();
    closes(world, false);
    gate.open();
    world
        .settles_as(expect![[r#"
        carol        #2 closed
        carol        #2 reopened
        asynccoder   #1 debug · done: I opened pull request #2. [4 steps, 1 credit]
    "#]])
        .await;
    assert!(branch(world).is_some());
    world.simulator.advance(Duration::from_secs(5));
    closes(world, true);
    world.settles_as(expect![[r#"
        carol        #2 closed
        asynccoder   pushes asynccoder/1-no-discount-at-exactly-100-00-<short> (deleted)
        asynccoder   #1 debug · closed: I opened pull request #2, and it was closed without being merged. [4 steps, 1 credit]
    "#]]).await;
});

story!(a_branch_that_is_to_go_days_after_it_stayed_is_not_given_up_at_once, async |world| {
    proposed(world).await;
    wants_branches_deleted(world).await;
    let looks = At::api("GET", "/repos/acme/till/pulls/2");
    let gate = world.simulator.faults().hold(looks.clone(), Moment::BeforeEffect);
    closes(world, true);
    gate.reached().await.unwrap();
    closes(world, false);
    gate.open();
    world.settle().await;
    world.story();
    let long_ago =
        "update acts set created_at = '2000-01-01T00:00:00+00:00' where kind = 'delete_branch'";
    assert_eq!(rows::change(world, long_ago).await, 1);
    world.simulator.advance(Duration::from_secs(5));
    world.simulator.faults().refuse(looks, 1, Refusal::unwell(502));
    closes(world, true);
    world.settles_as(expect![[r#"
        carol        #2 closed
        asynccoder   pushes asynccoder/1-no-discount-at-exactly-100-00-<short> (deleted)
        asynccoder   #1 debug · closed: I opened pull request #2, and it was closed without being merged. [4 steps, 1 credit]
    "#]]).await;
    assert_eq!((branch(world), deletions(world)), (None, 1));
});

story!(a_branch_that_github_keeps_stays, async |world| {
    proposed(world).await;
    wants_branches_deleted(world).await;
    let name = branch(world).expect("it was pushed");
    world.simulator.protect_branch(REPOSITORY, &name).unwrap();
    closes(world, true);
    world.settles_as(expect![[r#"
        carol        #2 closed
        asynccoder   #1 debug · closed: I opened pull request #2, and it was closed without being merged. [4 steps, 1 credit]
    "#]]).await;
    assert!(branch(world).is_some());
});

story!(a_deletion_whose_reply_is_lost_is_done_once, async |world| {
    proposed(world).await;
    wants_branches_deleted(world).await;
    world.simulator.faults().lose_reply(At::git("POST", "git-receive-pack"), 1);
    merges(world);
    world.settle().await;
    world.story();
    assert_eq!((branch(world), deletions(world)), (None, 1));
});

fn pull() -> Issue {
    Issue { repository: REPOSITORY.to_owned(), number: 2 }
}

fn deletions(world: &World) -> usize {
    let journal = world.simulator.journal();
    let deleted =
        |effect: &Effect| matches!(effect, Effect::Pushed { new: None, by, .. } if by == BOT);
    journal.iter().filter_map(|entry| entry.effect()).filter(|effect| deleted(effect)).count()
}
