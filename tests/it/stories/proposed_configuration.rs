//! What a pull request makes of the configuration is said before it is merged, whoever brings it.

use crate::world::people::Issue;
use crate::world::{Plan, REPOSITORY, World, rows, story};
use asynccoder::simulator::{At, CheckRunView, Opening, Refusal, RepositoryOptions, Wall};
use expect_test::expect;
use std::time::Duration;

const PATH: &str = ".github/asynccoder.toml";

/// Commits to a branch; nobody hears of it.
fn puts(world: &mut World, branch: &str, files: &[(&str, Option<&str>)]) {
    world.simulator.quietly().commit_as(REPOSITORY, "alice", branch, files).unwrap();
    world.story();
}

/// A pull request with the file like this.
fn proposes(world: &mut World, text: &str) -> Issue {
    puts(world, "settings", &[(PATH, Some(text))]);
    world.alice.proposes("settings", "Settings")
}

/// The only check run, as people read it.
fn shown(world: &World) -> (CheckRunView, String) {
    let checks = world.simulator.check_runs(REPOSITORY);
    assert_eq!(checks.len(), 1, "{checks:#?}");
    let check = checks.into_iter().next().unwrap();
    let text = format!(
        "{}\n\n{}",
        check.title.as_deref().unwrap_or_default(),
        check.summary.as_deref().unwrap_or_default()
    );
    (check, text)
}

story!(a_sound_file_says_what_would_hold, async |world| {
    puts(world, "main", &[(PATH, Some("model = \"haiku\"\nbudget = 40\n"))]);
    let text = "model = \"opus\"\nbudget = 40\nlabels = false\ninstructions = \"Be brief.\"\n";
    proposes(world, text);
    world
        .settles_as(expect![[r#"
            alice        opens #2 "Settings"
            asynccoder   check "Async Coder / config" success on <sha>
        "#]])
        .await;
    let (check, text) = shown(world);
    expect![[r#"
        sound: 3 settings change

        `.github/asynccoder.toml` can be used like this. What will be different:

        | setting | now | then | from |
        |---|---|---|---|
        | `model` | "haiku" | "opus" | this repository |
        | `labels` | true | false | this repository |
        | `instructions` | none | 9 characters | this repository |"#]]
    .assert_eq(&text);
    assert!(check.annotations.is_empty());
    // Another commit has another check run, and the same one none.
    world.simulator.close(REPOSITORY, 2, "alice", true).unwrap();
    world.simulator.close(REPOSITORY, 2, "alice", false).unwrap();
    world.alice.commits("settings", PATH, "model = \"haiku\"\nbudget = 40\n\n");
    world
        .settles_as(expect![[r#"
            alice        #2 closed
            alice        #2 reopened
            alice        pushes settings
            alice        #2 synchronized
            asynccoder   check "Async Coder / config" success on <sha>
        "#]])
        .await;
    let last = world.simulator.check_runs(REPOSITORY).pop().unwrap();
    assert_eq!(last.title.as_deref(), Some("sound: no setting changes"));
    assert_eq!(rows::number(world, "select count(*) from tasks").await, 0, "it is free");
});

story!(every_mistake_is_at_its_line, async |world| {
    puts(world, "main", &[("NOTES.md", Some("A note.\n"))]);
    let fork = world.simulator.quietly().fork(REPOSITORY, "mallory").unwrap();
    let text = "# Ours\nmodel = \"sonet\"\nmodels = [\n  \"haiku\",\n  \"opsu\",\n]\n";
    let files = [(PATH, Some(text))];
    world.simulator.quietly().commit_as(&fork, "mallory", "mine", &files).unwrap();
    world.story();
    let (title, head) = ("Please".to_owned(), "mallory:mine".to_owned());
    let opening = Opening { title, head, draft: true, ..Opening::default() };
    world.simulator.open_pull_request(REPOSITORY, "mallory", &opening).unwrap();
    world
        .settles_as(expect![[r#"
            mallory      opens #2 "Please"
            asynccoder   check "Async Coder / config" failure on <sha>
        "#]])
        .await;
    let (check, text) = shown(world);
    expect![[r#"
        2 mistakes

        `.github/asynccoder.toml` cannot be used like this. A file with a mistake changes nothing: what it said when it was last right goes on to hold.

        - line 2: there is no model "sonet". Did you mean `sonnet`?
        - line 5: there is no model "opsu". Did you mean `opus`?"#]]
    .assert_eq(&text);
    let lines: Vec<_> = check.annotations.iter().map(|a| a["start_line"].as_u64()).collect();
    assert_eq!(lines, [Some(2), Some(5)]);
    assert_eq!(check.annotations[0]["path"], PATH);
    assert_eq!(check.annotations[0]["annotation_level"], "failure");
    assert_eq!(check.annotations[1]["message"], "there is no model \"opsu\". Did you mean `opus`?");
});

story!(more_mistakes_than_fit_in_one_request, async |world| {
    let text: String = (0..120).map(|n| format!("k{n} = {n}\n")).collect();
    proposes(world, &text);
    world.settle().await;
    let (check, text) = shown(world);
    assert_eq!(check.annotations.len(), 100);
    assert_eq!(check.annotations[99]["start_line"], 100);
    assert!(text.ends_with("- line 100: there is no key `k99`.\n- … and 20 more"), "{text}");
    world.story();
});

story!(a_limit_in_the_middle_doubles_nothing, async |world| {
    let limit = Refusal::secondary_limit(Some(1));
    world.simulator.faults().refuse(At::api("PATCH", "/check-runs/"), 1, limit);
    let text: String = (0..120).map(|n| format!("k{n} = {n}\n")).collect();
    proposes(world, &text);
    world.settle().await;
    assert_eq!(world.simulator.faults().left(), 0);
    assert_eq!(shown(world).0.annotations.len(), 100);
    world.story();
});

story!(a_file_that_goes_leaves_what_stands_below_it, async |world| {
    puts(world, "main", &[(PATH, Some("labels = false\n"))]);
    let account = RepositoryOptions {
        files: vec![(PATH.to_owned(), b"kind = \"ask\"\n".to_vec())],
        ..RepositoryOptions::default()
    };
    world.simulator.add_repository("acme/.github", account).unwrap();
    puts(world, "without", &[(PATH, None), ("settings.toml", Some("labels = false\n"))]);
    world.alice.proposes("without", "Move the settings");
    world
        .settles_as(expect![[r#"
            alice        opens #2 "Move the settings"
            asynccoder   check "Async Coder / config" neutral on <sha>
        "#]])
        .await;
    expect![[r#"
        removed: 1 setting changes

        `.github/asynccoder.toml` is removed: what the account's `.github` repository says will hold, and else this server's defaults. What will be different:

        | setting | now | then | from |
        |---|---|---|---|
        | `labels` | false | true | this server |"#]]
    .assert_eq(&shown(world).1);
});

story!(the_file_of_an_account_is_looked_at_too, async |world| {
    let account = |text: &str| RepositoryOptions {
        files: vec![(PATH.to_owned(), text.as_bytes().to_vec())],
        ..RepositoryOptions::default()
    };
    world.simulator.add_repository("acme/.github", account("budget = 40\n")).unwrap();
    let files = [(PATH, Some("budget = 60\n"))];
    world.simulator.quietly().commit_as("acme/.github", "alice", "more", &files).unwrap();
    world.story();
    let (title, head) = ("More".to_owned(), "more".to_owned());
    let opening = Opening { title, head, ..Opening::default() };
    world.simulator.open_pull_request("acme/.github", "alice", &opening).unwrap();
    world
        .settles_as(expect![[r#"
            alice        opens #1 "More"
            asynccoder   check "Async Coder / config" success on <sha>
        "#]])
        .await;
    let check = world.simulator.check_runs("acme/.github").pop().unwrap();
    expect![[r#"
        `.github/asynccoder.toml` can be used like this. It will hold in every repository of this account that says nothing else. What will be different:

        | setting | now | then | from |
        |---|---|---|---|
        | `budget` | 40 | 60 | the account's `.github` repository |"#]]
    .assert_eq(&check.summary.unwrap());
});

story!(on_another_branch_the_file_does_not_count_yet, async |world| {
    puts(world, "next", &[("NOTES.md", Some("What comes next.\n"))]);
    puts(world, "settings", &[(PATH, Some("labels = false\n"))]);
    let (title, head) = ("Settings".to_owned(), "settings".to_owned());
    let opening = Opening { title, head, base: "next".to_owned(), ..Opening::default() };
    world.simulator.open_pull_request(REPOSITORY, "alice", &opening).unwrap();
    world.settle().await;
    world.story();
    let text = shown(world).1;
    let last = text.lines().last().unwrap();
    expect![
        "This pull request is for `next`; the file counts once it is on the default branch `main`."
    ]
    .assert_eq(last);
});

/// What was asked of the repository, since then.
fn reads(world: &World, since: usize) -> Vec<String> {
    let journal = world.simulator.journal();
    let requests = journal.iter().skip(since).filter_map(|entry| entry.request());
    let reads = requests.filter(|request| request.wall == Wall::Api && request.method == "GET");
    let paths = reads.map(|request| request.path.clone());
    paths.filter(|path| path.starts_with("/repos/")).collect()
}

story!(a_pull_request_that_leaves_the_file_alone_costs_one_read, async |world| {
    puts(world, "notes", &[("NOTES.md", Some("A note.\n"))]);
    // The base has another file since then, which is none of the pull request's doing.
    puts(world, "main", &[(PATH, Some("labels = false\n"))]);
    let since = world.simulator.journal().len();
    let (title, head) = ("Notes".to_owned(), "notes".to_owned());
    let opening = Opening { title, head, draft: true, ..Opening::default() };
    world.simulator.open_pull_request(REPOSITORY, "alice", &opening).unwrap();
    world
        .settles_as(expect![[r#"
        alice        opens #2 "Notes"
    "#]])
        .await;
    let reads = reads(world, since);
    assert_eq!(reads.len(), 1, "{reads:#?}");
    assert!(reads[0].contains("/compare/"), "{reads:#?}");
});

story!(a_change_of_more_files_than_github_names, async |world| {
    let names: Vec<String> = (0..300).map(|n| format!("!/{n}.md")).collect();
    let mut files: Vec<_> = names.iter().map(|name| (name.as_str(), Some("A note.\n"))).collect();
    puts(world, "many", &files);
    world.alice.proposes("many", "Many notes");
    world
        .settles_as(expect![[r#"
        alice        opens #2 "Many notes"
    "#]])
        .await;
    files.push((PATH, Some("labels = maybe\n")));
    puts(world, "more", &files);
    world.alice.proposes("more", "Many notes and settings");
    world
        .settles_as(expect![[r#"
            alice        opens #3 "Many notes and settings"
            asynccoder   check "Async Coder / config" failure on <sha>
        "#]])
        .await;
});

story!(a_check_run_whose_reply_is_lost_is_there_once, async |world| {
    world.simulator.faults().lose_reply(At::api("POST", "/check-runs"), 1);
    world.simulator.faults().refuse(At::api("PATCH", "/check-runs"), 1, Refusal::unwell(502));
    proposes(world, "labels = maybe\n");
    world
        .settles_as(expect![[r#"
            alice        opens #2 "Settings"
            asynccoder   check "Async Coder / config" failure on <sha>
        "#]])
        .await;
    assert_eq!(shown(world).0.annotations.len(), 1);
    assert_eq!(world.simulator.faults().left(), 0);
});

/// Lists lag for longer than anybody looks before a second try, and less long than until the last look.
fn patient() -> Plan {
    Plan::default().timing(|timing| {
        timing.lookups = 1;
        timing.lookup_spacing = Duration::from_millis(250);
    })
}

story!(a_check_run_that_no_list_shows_yet_is_not_left_twice, patient(), async |world| {
    world.simulator.set_read_lag(Duration::from_secs(2));
    world.simulator.faults().lose_reply(At::api("POST", "/check-runs"), 1);
    proposes(world, "labels = maybe\n");
    world.settle().await;
    world.story();
    let checks = world.simulator.check_runs(REPOSITORY);
    let ends: Vec<_> = checks.iter().map(|check| check.conclusion.as_deref().unwrap()).collect();
    assert_eq!(ends, ["failure", "neutral"], "the double is neutral");
});

story!(it_counts_against_nobodys_limits, Plan::default().limited(), async |world| {
    for n in 0..10 {
        let branch = format!("settings-{n}");
        puts(world, &branch, &[(PATH, Some("labels = false\n"))]);
        world.alice.proposes(&branch, "Settings");
        world.settle().await;
    }
    assert_eq!(world.simulator.check_runs(REPOSITORY).len(), 10);
    world.story();
    world.alice.comments(&world.issue, "/asynccoder ping");
    assert!(world.answer().await.starts_with("I am here"));
});

story!(one_mistake_can_be_looked_at_again, async |world| {
    proposes(world, "labels = maybe\n");
    world.settle().await;
    world.story();
    let (check, _) = shown(world);
    world.simulator.rerequest(REPOSITORY, check.id, "alice").unwrap();
    world.simulator.press(REPOSITORY, check.id, "alice", "cancel").unwrap();
    world
        .settles_as(expect![[r#"
            asynccoder   check "Async Coder / config" failure on <sha>
        "#]])
        .await;
});

story!(it_is_said_only_so_often, Plan::default().limited_in_thread(2), async |world| {
    proposes(world, "labels = true\n");
    world.settle().await;
    for labels in ["false", "true", "false"] {
        world.alice.commits("settings", PATH, &format!("labels = {labels}\n"));
        world.settle().await;
    }
    world.story();
    assert_eq!(
        world.simulator.check_runs(REPOSITORY).len(),
        2,
        "whoever pushes on is not answered"
    );
    let reasons = "select count(*) from commands where refusal = 'limit_thread'";
    assert_eq!(rows::number(world, reasons).await, 2);
});

story!(a_program_with_a_branch_like_ours_is_answered_all_the_same, async |world| {
    world.simulator.add_bot("renew[bot]");
    let fork = world.simulator.quietly().fork(REPOSITORY, "renew[bot]").unwrap();
    let files = [(PATH, Some("labels = false\n"))];
    world.simulator.quietly().commit_as(&fork, "renew[bot]", "asynccoder/1-like", &files).unwrap();
    world.story();
    let (title, head) = ("Settings".to_owned(), "renew[bot]:asynccoder/1-like".to_owned());
    let opening = Opening { title, head, ..Opening::default() };
    world.simulator.open_pull_request(REPOSITORY, "renew[bot]", &opening).unwrap();
    world.settle().await;
    world.story();
    assert_eq!(shown(world).0.name, "Async Coder / config");
});
