//! Pushes may take minutes; whoever only wants an answer does not wait for those of others.

use crate::world::{BOT, PATIENCE, World, repo, story};
use asynccoder::simulator::{At, Effect, Gate, Moment, RepositoryOptions, Simulator};

/// Accounts of their own, with the same fault in the same till: as many as a server pushes for at once.
const OTHERS: &[&str] = &["initech", "hooli", "globex", "umbrella"];

/// Somebody asks there for a fix, and its push does not come to an end.
fn pushes_for_ever(world: &World, account: &str) -> Gate {
    let (quietly, name) = (world.simulator.quietly(), format!("{account}/till"));
    quietly.add_organization(account);
    let files = repo::files(include_str!("../../../fixtures/repos/till.txt"));
    let options = RepositoryOptions { files, ..RepositoryOptions::default() };
    quietly.add_repository(&name, options).unwrap();
    quietly.set_permission(&name, "alice", "write").unwrap();
    quietly.install(account).unwrap();
    let here = format!("{name}.git/git-receive-pack");
    let push = world.simulator.faults().hold(At::git("POST", &here), Moment::BeforeReply);
    let issue = world.alice.quietly().opens_in(&name, "No discount at exactly 100.00", "");
    world.alice.comments(&issue, "/asynccoder debug");
    push
}

fn is_answered(now: &Simulator) -> bool {
    let here = |e: &Effect| matches!(e, Effect::CommentCreated { author, body, .. } if author == BOT && body.contains("I am here"));
    now.journal().iter().filter_map(|entry| entry.effect()).any(here)
}

story!(nobody_waits_for_the_pushes_of_others, async |world| {
    world.model(repo::fixes_the_till());
    let pushes: Vec<_> = OTHERS.iter().map(|account| pushes_for_ever(world, account)).collect();
    for push in &pushes {
        push.reached().await.unwrap();
    }
    world.alice.comments(&world.issue, "/asynccoder ping");
    let answered = world.simulator.wait_for(is_answered, PATIENCE).await;
    answered.expect("the answer does not wait for the pushes");
    for push in &pushes {
        push.open();
    }
    world.settle().await;
    let story = world.story();
    let done = story.lines().filter(|line| line.contains("debug · done")).count();
    assert_eq!(done, OTHERS.len(), "{story}");
});
