//! A repository says how it wants its tasks: in a file of its default branch, below which the account's
//! own file stands.

use crate::world::{Plan, REPOSITORY, World, repo, story};
use asynccoder::simulator::{At, Refusal, RepositoryOptions, Script};
use expect_test::expect;
use serde_json::json;

const PATH: &str = ".github/asynccoder.toml";

fn configures(world: &World, repository: &str, text: &str) {
    let files = [(PATH, Some(text))];
    world.simulator.quietly().commit_as(repository, "alice", "main", &files).unwrap();
}

fn account_says(world: &World, text: &str) {
    let files = vec![(PATH.to_owned(), text.as_bytes().to_vec())];
    let options = RepositoryOptions { files, ..RepositoryOptions::default() };
    world.simulator.add_repository("acme/.github", options).unwrap();
}

fn last_comment(world: &World) -> String {
    let comments = world.simulator.comments(REPOSITORY, world.issue.number);
    comments.last().unwrap().body.clone()
}

fn answers() -> Script {
    Script::new("answers")
        .calls(vec![repo::finish(json!({ "summary": "It is in `src/discount.rs`." }))])
        .with_usage(repo::USAGE)
}

story!(what_holds_is_told_with_where_it_comes_from, async |world| {
    account_says(world, "model = \"opus\"\nbudget = 40\n");
    configures(
        world,
        REPOSITORY,
        "model = \"haiku\"\nlabels = false\nprotected = [\"infra/**\"]\n",
    );
    world.alice.comments(&world.issue, "/asynccoder config");
    expect![[r####"
        ### Async Coder · config

        | setting | value | from |
        |---|---|---|
        | `model` | "haiku" | this repository |
        | `models` | all | this server |
        | `kind` | "async" | this server |
        | `kinds` | all | this server |
        | `labels` | false | this repository |
        | `base` | the default branch | this server |
        | `draft` | unless a check has passed | this server |
        | `delete_branch` | false | this server |
        | `protected` | ["infra/**"] | this repository |
        | `instructions` | none | this server |
        | `checks` | found by myself | this server |
        | `setup` | none | this server |
        | `budget` | 40 | the account's `.github` repository |
        | `review.automatic` | false | this server |
        | `review.on_push` | false | this server |
        | `permissions.ask` | "write" | this server |
        | `permissions.architect` | "write" | this server |
        | `permissions.pr_review` | "write" | this server |
        | `permissions.documentation` | "write" | this server |
        | `permissions.debug` | "write" | this server |
        | `permissions.async` | "write" | this server |

        - `.github/asynccoder.toml` of this repository is read at <sha>.
        - `.github/asynccoder.toml` of the account's `.github` repository is read.

        <!-- asynccoder:command=<uuid> -->"####]]
    .assert_eq(&world.answer().await);
});

story!(a_repository_without_a_file_has_what_the_server_has, async |world| {
    world.alice.comments(&world.issue, "/asynccoder config");
    let told = world.answer().await;
    assert!(told.contains("| `kind` | \"async\" | this server |"), "{told}");
    assert!(told.contains("of this repository is not there"), "{told}");
    assert!(told.contains("of the account's `.github` repository is not there"), "{told}");
});

story!(text_without_a_verb_is_the_kind_that_the_repository_wants, async |world| {
    configures(world, REPOSITORY, "kind = \"ask\"\nmodel = \"haiku\"\n");
    world.model(answers());
    world.alice.comments(&world.issue, "/asynccoder where is the discount?");
    world
        .settles_as(expect![[r#"
        alice        pushes main
        alice        #1 /asynccoder where is the discount?
        asynccoder   #1 :eyes:
        asynccoder   #1 ask · done: It is in `src/discount.rs`. [1 step, 1 credit]
    "#]])
        .await;
    assert_eq!(world.models().requests()[0]["model"], "claude-haiku-5-5");
});

story!(kinds_and_models_that_are_not_wanted_are_refused_before_a_hold, async |world| {
    configures(world, REPOSITORY, "kinds = [\"ask\"]\nmodels = [\"haiku\"]\n");
    world.alice.comments(&world.issue, "/asynccoder debug");
    expect![[r#"
        This repository's configuration does not allow `debug`; allowed: `ask`. `/asynccoder config` shows it.

        <!-- asynccoder:command=<uuid> -->"#]].assert_eq(&world.answer().await);
    world.alice.comments(&world.issue, "/asynccoder ask model=opus why?");
    expect![[r#"
        This repository's configuration does not allow `claude-opus-5-5`; allowed: `claude-haiku-5-5`. `/asynccoder config` shows it.

        <!-- asynccoder:command=<uuid> -->"#]].assert_eq(&world.answer().await);
    // Where nobody names a model, one that is wanted is taken.
    world.model(answers());
    world.alice.comments(&world.issue, "/asynccoder ask why?");
    world.settle().await;
    world.story();
    assert_eq!(world.models().requests()[0]["model"], "claude-haiku-5-5");
});

story!(a_kind_can_be_kept_to_admins, async |world| {
    configures(world, REPOSITORY, "[permissions]\ndebug = \"admin\"\n");
    world.alice.comments(&world.issue, "/asynccoder debug");
    expect![[r#"
        `debug` needs admin permission in this repository; you have write. Somebody with admin permission can give the command.

        <!-- asynccoder:command=<uuid> -->"#]].assert_eq(&world.answer().await);
});

story!(labels_can_be_switched_off, async |world| {
    configures(world, REPOSITORY, "labels = false\n");
    world.simulator.label(REPOSITORY, 1, "alice", "asynccoder").unwrap();
    world
        .settles_as(expect![[r#"
        alice        pushes main
        alice        #1 labeled asynccoder
    "#]])
        .await;
});

story!(a_budget_is_narrowed_by_whoever_says_less, async |world| {
    configures(world, REPOSITORY, "budget = 3\n");
    world.alice.comments(&world.issue, "/asynccoder debug");
    expect![[r#"
        This repository's configuration allows 3 credits for a task, which is less than the 10 credits that this needs to start. `/asynccoder config` shows it.

        <!-- asynccoder:command=<uuid> -->"#]].assert_eq(&world.answer().await);
    world.model(answers());
    world.alice.comments(&world.issue, "/asynccoder ask budget=20 why?");
    let status = world.answer().await;
    assert!(status.contains("done"), "{status}");
});

story!(a_protected_path_is_not_pushed, async |world| {
    configures(world, REPOSITORY, "protected = [\"src\"]\n");
    world.model(repo::fixes_the_till());
    world.alice.comments(&world.issue, "/asynccoder debug");
    world.settles_as(expect![[r#"
        alice        pushes main
        alice        #1 /asynccoder debug
        asynccoder   #1 :eyes:
        asynccoder   #1 debug · failed: The result touches something that I may not change, so I did not push it. You pay nothing for this task. [4 steps, 0 credits]
    "#]]).await;
    let told = last_comment(world);
    assert!(told.contains("is protected by this repository's configuration"), "{told}");
});

story!(the_agent_is_told_what_the_repository_wants, async |world| {
    configures(
        world,
        REPOSITORY,
        "base = \"next\"\ndraft = false\ninstructions = \"Write British English.\"\n",
    );
    world.carol.quietly().commits("next", "NOTES.md", "What comes next.\n");
    world.model(repo::fixes_the_till());
    world.alice.comments(&world.issue, "/asynccoder debug");
    world.settles_as(expect![[r#"
        alice        pushes main
        carol        pushes next
        alice        #1 /asynccoder debug
        asynccoder   #1 :eyes:
        asynccoder   pushes asynccoder/1-no-discount-at-exactly-100-00-<short> (src/discount.rs +1 -1)
        asynccoder   opens #2 "Give the discount at exactly 100.00" for next
        asynccoder   check "Async Coder / debug" success on <sha>
        asynccoder   #1 debug · done: I opened pull request #2. [4 steps, 1 credit]
    "#]]).await;
    let told = world.models().requests()[0]["messages"][0].to_string();
    assert!(told.contains("Write British English."), "{told}");
});

story!(a_broken_file_changes_nothing_and_is_told, async |world| {
    configures(world, REPOSITORY, "kinds = [\"ask\"]\n");
    world.alice.comments(&world.issue, "/asynccoder config");
    world.settle().await;
    world.story();
    configures(world, REPOSITORY, "kinds = [\"ask\", \"debug\"\nmodel = 7\n");
    world.alice.comments(&world.issue, "/asynccoder debug");
    let told = world.answer().await;
    assert!(told.contains("does not allow `debug`"), "what it said before still holds: {told}");
    world.alice.comments(&world.issue, "/asynccoder config");
    let told = world.answer().await;
    let standing = told.lines().skip_while(|line| !line.starts_with("- ")).collect::<Vec<_>>();
    expect![[r#"
        - `.github/asynccoder.toml` of this repository cannot be used at <sha>, so what it said when it was last right still holds:
          - line 2: missing comma between array elements, expected `,`
        - `.github/asynccoder.toml` of the account's `.github` repository is not there.

        <!-- asynccoder:command=<uuid> -->"#]].assert_eq(&standing.join("\n"));
});

story!(work_under_a_broken_file_says_so, async |world| {
    configures(world, REPOSITORY, "budget = \"little\"\n");
    world.model(repo::fixes_the_till());
    world.alice.comments(&world.issue, "/asynccoder debug");
    world.settle().await;
    world.story();
    let told = world.simulator.comments(REPOSITORY, 1).pop().unwrap().body;
    let said = "The configuration of this repository has mistakes. `/asynccoder config` names them, and says what holds instead.";
    assert!(told.contains(said), "{told}");
});

story!(the_branch_of_a_merged_pull_request_goes_if_that_is_wanted, async |world| {
    configures(world, REPOSITORY, "delete_branch = true\ndraft = false\n");
    world.model(repo::fixes_the_till());
    world.alice.comments(&world.issue, "/asynccoder debug");
    world.settle().await;
    world.story();
    world.simulator.merge(REPOSITORY, 2, "carol").unwrap();
    world.settles_as(expect![[r#"
        carol        #2 merged
        carol        pushes main
        asynccoder   pushes asynccoder/1-no-discount-at-exactly-100-00-<short> (deleted)
        asynccoder   #1 debug · merged: I opened pull request #2, and it is merged. [4 steps, 1 credit]
    "#]]).await;
});

story!(
    the_checks_that_the_repository_names_are_run,
    Plan::default().with("SANDBOX", "auto"),
    async |world| {
        configures(world, REPOSITORY, "checks = [\"grep -q 'cents >= ' src/discount.rs\"]\n");
        world.model(repo::fixes_the_till());
        world.alice.comments(&world.issue, "/asynccoder debug");
        world.settles_as(expect![[r#"
            alice        pushes main
            alice        #1 /asynccoder debug
            asynccoder   #1 :eyes:
            asynccoder   pushes asynccoder/1-no-discount-at-exactly-100-00-<short> (src/discount.rs +1 -1)
            asynccoder   opens #2 "Give the discount at exactly 100.00" for main
            asynccoder   check "Async Coder / debug" success on <sha>
            asynccoder   #1 debug · done: I opened pull request #2. [4 steps, 1 credit]
        "#]]).await;
        let told = last_comment(world);
        assert!(told.contains("`grep -q 'cents >= ' src/discount.rs`"), "{told}");
    }
);

story!(a_file_of_an_account_that_no_token_reaches_is_as_if_it_were_not_there, async |world| {
    account_says(world, "kind = \"ask\"\n");
    // The repository goes between the question where it is and the token for it.
    let message = "There is at least one repository that does not exist or is not accessible to the parent installation.";
    let gone = Refusal { status: 422, body: json!({ "message": message }), headers: Vec::new() };
    world.simulator.faults().refuse(At::api("POST", "/access_tokens").after(1), 1, gone);
    world.alice.comments(&world.issue, "/asynccoder config");
    let told = world.answer().await;
    assert_eq!(world.simulator.faults().left(), 0, "a token was refused");
    assert!(told.contains("| `kind` | \"async\" | this server |"), "{told}");
    assert!(told.contains("of the account's `.github` repository is not there"), "{told}");
});

story!(what_both_files_say_is_told_as_it_holds, async |world| {
    account_says(world, "budget = 40\nprotected = [\"ops/**\"]\ninstructions = \"Be kind.\"\n");
    configures(
        world,
        REPOSITORY,
        "budget = 90\nprotected = [\"db/**\"]\ninstructions = \"Be brief.\"\n",
    );
    world.alice.comments(&world.issue, "/asynccoder config");
    let told = world.answer().await;
    for line in [
        "| `budget` | 40 | the account's `.github` repository |",
        "| `protected` | [\"ops/**\", \"db/**\"] | both files |",
        "| `instructions` | 19 characters | both files |",
    ] {
        assert!(told.contains(line), "{line} is not in {told}");
    }
});
