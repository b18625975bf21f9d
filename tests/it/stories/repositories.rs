//! Repositories in which nothing can be started, and branches that people name.

use crate::world::{Plan, REPOSITORY, World, repo, story};
use expect_test::expect;

story!(
    an_empty_repository_needs_a_commit_first,
    Plan::default().repository(|repository| repository.empty = true),
    async |world| {
        world.expects_refusals();
        world.alice.comments(&world.issue, "/asynccoder debug");
        expect![[r#"
            This repository has no commit yet. Push one, then ask again.

            <!-- asynccoder:command=<uuid> -->"#]]
        .assert_eq(&world.answer().await);
    }
);

story!(an_unknown_base_is_named, async |world| {
    world.alice.comments(&world.issue, "/asynccoder debug base=release/9");
    expect![[r#"
        There is no branch `release/9` to start from. Name another with `base=`, or check `base` in `.github/asynccoder.toml` and the repository's default branch.

        <!-- asynccoder:command=<uuid> -->"#]].assert_eq(&world.answer().await);
});

story!(a_branch_that_exists_is_not_taken_over, async |world| {
    world.alice.quietly().commits("asynccoder/mine", "README.md", "mine\n");
    world.alice.comments(&world.issue, "/asynccoder debug branch=mine");
    expect![[r#"
        The branch `asynccoder/mine` exists already. Choose another name with `branch=`.

        <!-- asynccoder:command=<uuid> -->"#]]
    .assert_eq(&world.answer().await);
});

story!(base_branch_and_draft_are_as_people_say, async |world| {
    world.model(repo::fixes_the_till());
    world.alice.quietly().commits("release/2", "README.md", "two\n");
    world
        .alice
        .comments(&world.issue, "/asynccoder debug base=release/2 branch=fix/it draft=false");
    world
        .settles_as(expect![[r#"
            alice        pushes release/2
            alice        #1 /asynccoder debug base=release/2 branch=fix/it draft=false
            asynccoder   #1 :eyes:
            asynccoder   pushes asynccoder/fix/it (src/discount.rs +1 -1)
            asynccoder   opens #2 "Give the discount at exactly 100.00" for release/2
            asynccoder   check "Async Coder / debug" success on <sha>
            asynccoder   #1 debug · done: I opened pull request #2. [4 steps, 1 credit]
        "#]])
        .await;
    let head = world.simulator.commit(REPOSITORY, "asynccoder/fix/it").unwrap();
    let branches = world.simulator.branches(REPOSITORY);
    assert_eq!(head.parent.as_ref(), branches.get("release/2"));
});

story!(a_branch_that_appears_meanwhile_is_left_alone, async |world| {
    use asynccoder::simulator::{At, Moment};
    world.model(repo::fixes_the_till());
    let gate = world.simulator.faults().hold(At::models(), Moment::BeforeReply);
    world.alice.comments(&world.issue, "/asynccoder debug branch=mine");
    gate.reached().await.unwrap();
    let theirs = world.carol.quietly().commits("asynccoder/mine", "README.md", "carol's\n");
    gate.open();
    world.settles_as(expect![[r#"
        alice        #1 /asynccoder debug branch=mine
        asynccoder   #1 :eyes:
        carol        pushes asynccoder/mine
        asynccoder   #1 debug · failed: GitHub did not accept the result. You pay nothing for this task. [4 steps, 0 credits]
    "#]]).await;
    assert_eq!(world.simulator.branches(REPOSITORY)["asynccoder/mine"], theirs);
    assert_eq!(world.balance().await, (100, 0));
});

story!(an_archived_repository_gets_no_answer_because_it_takes_none, async |world| {
    world.simulator.quietly().archive(REPOSITORY).unwrap();
    world.alice.comments(&world.issue, "/asynccoder debug");
    world.expects_refusals();
    world
        .settles_as(expect![[r#"
        alice        #1 /asynccoder debug
    "#]])
        .await;
});

story!(a_repository_that_is_renamed_meanwhile_is_followed, async |world| {
    use asynccoder::simulator::{At, Moment};
    world.model(repo::fixes_the_till());
    let gate = world.simulator.faults().hold(At::models(), Moment::BeforeReply);
    world.alice.comments(&world.issue, "/asynccoder debug");
    gate.reached().await.unwrap();
    // The webhook that tells of it is lost.
    world.simulator.quietly().move_repository(REPOSITORY, "acme/register").unwrap();
    gate.open();
    world.settles_as(expect![[r#"
        alice        #1 /asynccoder debug
        asynccoder   #1 :eyes:
        asynccoder   pushes asynccoder/1-no-discount-at-exactly-100-00-<short> (src/discount.rs +1 -1)
        asynccoder   opens #2 "Give the discount at exactly 100.00" for main as a draft
        asynccoder   check "Async Coder / debug" success on <sha>
        asynccoder   #1 debug · done: I opened draft pull request #2. [4 steps, 1 credit]
    "#]]).await;
    let pulls = world.simulator.pull_requests("acme/register");
    assert_eq!(pulls.len(), 1, "the pull request is where the repository is now");
    world.simulator.quietly().move_repository("acme/register", "acme/kasse").unwrap();
    world.alice.comments(&world.issue, "/asynccoder ping");
    world
        .settles_as(expect![[r#"
        alice        #1 /asynccoder ping
        asynccoder   #1 I am here. `/asynccoder help` says what I can do.
    "#]])
        .await;
});

story!(a_repository_that_is_renamed_is_known_by_its_new_name, async |world| {
    world.alice.comments(&world.issue, "/asynccoder ping");
    world.settle().await;
    world.story();
    let name = async |world: &World| {
        let name = world.app().store().repository_name(world.repository_id()).await;
        name.unwrap().to_string()
    };
    assert_eq!(name(world).await, REPOSITORY);
    world.simulator.move_repository(REPOSITORY, "acme/register").unwrap();
    world.settle().await;
    assert_eq!(name(world).await, "acme/register");
    world.simulator.add_organization("initech");
    world.simulator.quietly().install("initech").unwrap();
    world.simulator.move_repository("acme/register", "initech/register").unwrap();
    world.settle().await;
    assert_eq!(name(world).await, "initech/register");
});
