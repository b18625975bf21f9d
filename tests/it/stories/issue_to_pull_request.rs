//! A comment on an issue becomes a pull request.

use crate::world::{PATIENCE, Plan, REPOSITORY, World, repo, story, teller};
use asynccoder::simulator::{At, Effect, Moment, Script, Simulator};
use expect_test::expect;
use serde_json::json;

/// A text of this world without what differs from run to run.
fn stable(world: &World, text: &str) -> String {
    teller::stable(&world.simulator.journal(), text)
}

story!(a_comment_becomes_a_pull_request, async |world| {
    world.model(repo::fixes_the_till());
    world.alice.comments(&world.issue, "/asynccoder debug");
    world.settles_as(expect![[r#"
        alice        #1 /asynccoder debug
        asynccoder   #1 :eyes:
        asynccoder   pushes asynccoder/1-no-discount-at-exactly-100-00-<short> (src/discount.rs +1 -1)
        asynccoder   opens #2 "Give the discount at exactly 100.00" for main as a draft
        asynccoder   check "Async Coder / debug" success on <sha>
        asynccoder   #1 debug · done: I opened draft pull request #2. [4 steps, 1 credit]
    "#]]).await;
    assert_eq!(world.balance().await, (99, 0));

    let comments = world.simulator.comments(REPOSITORY, 1);
    expect![[r#"
        ### Async Coder · debug · done

        I opened draft pull request #2.

        The comparison left out the threshold itself; it is in now.

        **Not verified**: I ran no checks; please let your own checks decide.
        - The tests were not run.

        Receipt: Claude Sonnet 5.5 · 4 steps · 2,080/6,000/360 tokens · 1 credit

        <!-- asynccoder:task=<uuid> -->"#]]
    .assert_eq(&stable(world, &comments[1].body));

    let pull = world.simulator.pull_requests(REPOSITORY).remove(0);
    expect![[r#"
        The comparison left out the threshold itself; it is in now.

        Fixes #1

        **Not verified**: I ran no checks; please let your own checks decide.
        - The tests were not run.

        Receipt: Claude Sonnet 5.5 · 4 steps · 2,080/6,000/360 tokens

        <!-- asynccoder:task=<uuid> -->"#]]
    .assert_eq(&stable(world, pull.body.as_deref().unwrap()));

    let check = world.simulator.check_runs(REPOSITORY).remove(0);
    assert_eq!(check.head_sha, pull.head_sha);
    assert!(comments[1].body.contains(&check.external_id));
    assert!(check.details_url.unwrap().ends_with(&format!("/tasks/{}", check.external_id)));
    let output = format!("{}\n\n{}", check.title.unwrap(), check.summary.unwrap());
    expect![[r#"
        done: pull request #2

        The comparison left out the threshold itself; it is in now.

        **Not verified**: I ran no checks; please let your own checks decide.
        - The tests were not run.

        Receipt: Claude Sonnet 5.5 · 4 steps · 2,080/6,000/360 tokens · 1 credit"#]]
    .assert_eq(&stable(world, &output));

    let diff = world.simulator.diff(REPOSITORY, "main", &pull.head).unwrap();
    let changed = diff.lines().filter(|line| line.starts_with(['+', '-']));
    expect![[r#"
        --- a/src/discount.rs
        +++ b/src/discount.rs
        -    if cents > THRESHOLD {
        +    if cents >= THRESHOLD {
    "#]]
    .assert_eq(&changed.map(|line| format!("{line}\n")).collect::<String>());
});

story!(the_commit_says_who_asked_and_is_dated_by_its_task, async |world| {
    world.model(repo::fixes_the_till());
    world.alice.comments(&world.issue, "/asynccoder debug");
    world.settle().await;
    world.story();
    let pull = world.simulator.pull_requests(REPOSITORY).remove(0);
    let commit = world.simulator.commit(REPOSITORY, &pull.head_sha).unwrap();
    let message = commit.message.replace(&format!("{}+alice", world.alice.id), "<id>+alice");
    expect![[r#"
        Give the discount at exactly 100.00

        Issue #1

        Co-authored-by: alice <<id>+alice@users.noreply.github.com>
        Async-Coder-Task: <uuid>"#]]
    .assert_eq(&stable(world, &message));
    let credentials = world.simulator.credentials();
    let (login, id) = (&credentials.bot_login, credentials.bot_id);
    let bot = format!("{login} <{id}+{login}@users.noreply.github.com> ");
    assert!(commit.author.starts_with(&bot), "{}", commit.author);
    assert_eq!(commit.author, commit.committer);
    let dated = chrono::DateTime::parse_from_rfc3339(&commit.author[bot.len()..]).unwrap();
    let age = chrono::Utc::now() - dated.to_utc();
    assert!((0..60).contains(&age.num_seconds()), "{age}");
    let main = &world.simulator.branches(REPOSITORY)["main"];
    assert_eq!(commit.parent.as_ref(), Some(main));
});

story!(nothing_is_shown_before_it_is_there, async |world| {
    world.model(repo::fixes_the_till());
    world.alice.comments(&world.issue, "/asynccoder debug");
    world.settle().await;
    world.story();
    let journal = world.simulator.journal();
    let place = |wanted: fn(&Effect) -> bool| {
        journal.iter().position(|entry| entry.effect().is_some_and(wanted)).unwrap()
    };
    let order = [
        place(
            |e| matches!(e, Effect::CommentCreated { author, .. } if author == "asynccoder[bot]"),
        ),
        place(|e| matches!(e, Effect::Pushed { .. })),
        place(|e| matches!(e, Effect::PullOpened { .. })),
        place(|e| matches!(e, Effect::CheckCreated { .. })),
    ];
    assert!(order.is_sorted(), "{order:?}");
    let done =
        place(|e| matches!(e, Effect::CommentEdited { body, .. } if body.contains("· done")));
    assert!(order[2] < done);
});

/// What the model was asked to do.
fn instruction(world: &World) -> String {
    let first = world.models().requests().remove(0);
    let text = first["messages"][0]["content"][1]["text"].as_str().unwrap().to_owned();
    let after = text.split("from=\"alice\">\n").nth(1).unwrap();
    after.split("\n</instruction").next().unwrap().to_owned()
}

story!(the_text_after_the_verb_is_what_is_asked, async |world| {
    world.model(repo::fixes_the_till());
    let text = "/asynccoder debug budget=30 the threshold itself\nis left out\n\nPlease be quick.";
    world.alice.comments(&world.issue, text);
    let status = world.answer().await;
    assert!(status.contains("I opened draft pull request #2."), "{status}");
    assert_eq!(instruction(world), "the threshold itself\nis left out\n\nPlease be quick.");
});

story!(without_a_text_the_issue_is_what_is_asked, async |world| {
    world.model(repo::fixes_the_till());
    world.alice.comments(&world.issue, "/asynccoder debug");
    world.answer().await;
    assert_eq!(instruction(world), "Resolve issue #1");
});

story!(two_commands_of_one_comment_become_two_tasks, async |world| {
    world.model(repo::fixes_the_till());
    world
        .alice
        .comments(&world.issue, "/asynccoder debug budget=20 one\n/asynccoder debug budget=30 two");
    world.settle().await;
    let story = world.story();
    assert_eq!(story.matches("debug · done").count(), 2, "{story}");
    assert_eq!(story.matches(" opens #").count(), 2, "{story}");
    assert_eq!(world.balance().await, (98, 0));
});

story!(a_fault_that_is_none_is_explained, async |world| {
    let says = json!({ "summary": "`apply` already does what the price list says." });
    world.model(
        Script::new("none")
            .calls(vec![repo::read("src/discount.rs")])
            .calls(vec![repo::finish(says)])
            .with_usage(repo::USAGE),
    );
    world.alice.comments(&world.issue, "/asynccoder debug");
    expect![[r#"
        ### Async Coder · debug · no change

        I changed nothing.

        `apply` already does what the price list says.

        Receipt: Claude Sonnet 5.5 · 2 steps · 2,334/1,500/118 tokens · 1 credit

        <!-- asynccoder:task=<uuid> -->"#]]
    .assert_eq(&world.answer().await);
});

story!(
    progress_is_shown_while_a_task_runs,
    Plan::default().timing(|timing| timing.edit_spacing = std::time::Duration::ZERO),
    async |world| {
        let plan = json!({ "items": [
            { "text": "Find the @place", "status": "done" },
            { "text": "Fix <b>it</b>", "status": "in_progress" },
            { "text": "Say so", "status": "pending" },
        ] });
        let script = Script::new("plans").calls(vec![("plan", plan)]).calls(vec![repo::the_fix()]);
        world.model(script.calls(vec![repo::finish(json!({ "title": "T", "summary": "S" }))]));
        let first = world.simulator.faults().hold(At::models(), Moment::BeforeReply);
        world.alice.comments(&world.issue, "/asynccoder debug");
        first.reached().await.unwrap();
        let second = world.simulator.faults().hold(At::models(), Moment::BeforeReply);
        first.open();
        second.reached().await.unwrap();
        let planned = |simulator: &Simulator| {
            let comments = simulator.comments(REPOSITORY, 1);
            comments.last().is_some_and(|comment| comment.body.contains("- [ ]"))
        };
        world.simulator.wait_for(planned, PATIENCE).await.unwrap();
        let shown = world.simulator.comments(REPOSITORY, 1).remove(1).body;
        expect![[r#"
            ### Async Coder · debug · running

            Claude Sonnet 5.5 · estimate 20–66 credits, at most 66 credits

            - [x] Find the @<zero width>place
            - [ ] **Fix &lt;b>it&lt;/b>**
            - [ ] Say so

            To stop it: `/asynccoder cancel t_<short>`

            <!-- asynccoder:task=<uuid> -->"#]]
        .assert_eq(&stable(world, &shown));
        second.open();
        world.settle().await;
        world.story();
    }
);

story!(
    a_private_repository_shows_the_balance,
    Plan::default().repository(|repository| repository.private = true),
    async |world| {
        world.model(repo::fixes_the_till());
        world.alice.comments(&world.issue, "/asynccoder debug");
        let status = world.answer().await;
        assert!(status.contains("1 credit\n\nAvailable: 99 credits\n\n"), "{status}");
    }
);

story!(
    the_repository_says_how_a_pull_request_is_described,
    Plan::default().repository(|r| {
        let form = "## What\n\n## Why\n\n- [ ] I ran the tests\n";
        r.files.push((".github/pull_request_template.md".to_owned(), form.into()));
    }),
    async |world| {
        world.model(repo::fixes_the_till());
        world.alice.comments(&world.issue, "/asynccoder debug");
        world.settle().await;
        let told = world.models().requests()[0]["messages"][0].to_string();
        assert!(told.contains("part=\\\"template\\\"") && told.contains("## Why"), "{told}");
        world.story();
    }
);
