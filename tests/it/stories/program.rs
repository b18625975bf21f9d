//! The program on the command line.

use crate::world::process::{Server, finish, program, run, told};
use crate::world::{Plan, World, rows, story, tell};
use expect_test::expect;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

#[tokio::test]
async fn all_that_is_missing_is_named_at_once() {
    let world = World::without_the_bot(Plan::default()).await;
    let wrong =
        [("PORT", "http"), ("GITHUB_SERVER_URL", "http://github.example"), ("WORKERS", "0")];
    let output = program(&world, &["serve"], wrong).output().await.unwrap();
    expect![[r#"
        asynccoder: PORT must be a port number from 0 to 65535
        APP_ID is not set: the App's id from its settings page
        PRIVATE_KEY is not set: give the App's private key here or its file in PRIVATE_KEY_PATH
        WEBHOOK_SECRET is not set: the secret from the App's settings; without one anybody could send commands
        WORKERS must be a whole number from 1 to 1000
        GITHUB_SERVER_URL must begin with https:// unless it is on this machine: tokens and keys would travel in the open
        exit code Some(2)
    "#]].assert_eq(&told(&output));
}

#[tokio::test]
async fn a_server_says_where_it_listens_and_stops_in_peace() {
    let world = World::without_the_bot(Plan::default()).await;
    let server = Server::start(&world).await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let alive = client.get(format!("{}/healthz", server.url)).send().await.unwrap();
    assert_eq!(alive.text().await.unwrap(), "ok\n");
    finish(world, server).await;
}

#[tokio::test]
async fn migrating_twice_is_the_same_as_once() {
    let world = World::without_the_bot(Plan::default()).await;
    for _ in 0..2 {
        let output = run(&world, &["migrate"]).await;
        assert_eq!(told(&output), "the database is up to date\nexit code Some(0)\n");
    }
}

story!(credits_can_be_granted_beside_a_running_server, async |world| {
    let unknown = run(world, &["credits", "grant", "nobody", "5", "--reason", "a gift"]).await;
    expect![[r#"
        asynccoder: no account nobody is known: it becomes known when it installs the App or somebody comments
        exit code Some(1)
    "#]].assert_eq(&told(&unknown));
    let none = run(world, &["credits", "grant", "acme", "0", "--reason", "a gift"]).await;
    assert_eq!(none.status.code(), Some(2));
    world.alice.comments(&world.issue, "/asynccoder ping");
    world.settle().await;
    world.story();
    let granted = run(world, &["credits", "grant", "ACME", "50", "--reason", "a gift"]).await;
    assert_eq!(told(&granted), "ACME now has 150 credits\nexit code Some(0)\n");
    assert_eq!(world.balance().await, (150, 0));
});

/// Whoever only looks, or is in the wrong folder, changes nothing.
#[tokio::test]
async fn looking_makes_no_database_and_changes_none() {
    let world = World::without_the_bot(Plan::default()).await;
    let file = world.data_dir().join("asynccoder.db");
    let database = async || {
        let said = told(&run(&world, &["doctor"]).await);
        said.lines().find(|line| line.contains(" database: ")).unwrap_or_default().to_owned()
    };
    expect!["ok    database: there is none yet; `serve` makes it"].assert_eq(&database().await);
    let grant = ["credits", "grant", "acme", "50", "--reason", "a gift"];
    let said = told(&run(&world, &grant).await);
    assert!(said.contains("there is no database in DATA_DIR"), "{said}");
    assert!(!file.exists(), "nothing is made");

    run(&world, &["migrate"]).await;
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "it is nobody else's to read");
    expect!["ok    database: reachable, up to date, and the ledger adds up"]
        .assert_eq(&database().await);
    let last =
        "delete from _sqlx_migrations where version = (select max(version) from _sqlx_migrations)";
    rows::change(&world, last).await;
    expect!["ok    database: reachable, but older than this version (migrations that are missing: 1). `serve` and `migrate` bring it up to date: back it up before"].assert_eq(&database().await);
    let said = told(&run(&world, &grant).await);
    assert!(said.contains("the database is older than this version"), "{said}");
    let left = "select count(*) from _sqlx_migrations";
    let all =
        std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations")).unwrap().count();
    assert_eq!(rows::number(&world, left).await + 1, i64::try_from(all).unwrap());
}

#[tokio::test]
async fn doctor_finds_nothing_wrong_with_a_sound_set_up() {
    let world = World::without_the_bot(Plan::default()).await;
    let said = told(&run(&world, &["doctor"]).await);
    let git = said.lines().find(|line| line.contains(" git: ")).unwrap_or_default();
    expect![[r#"
        ok    configuration: complete
        ok    database: there is none yet; `serve` makes it
        ok    git: <version>
        WRONG the App on GitHub: asynccoder lacks the event pull_request_review, the event pull_request_review_comment: add them in the App's settings
        ok    models: claude-sonnet-5-5 is the default; its key is set, but was not tried
        ok    sandbox: SANDBOX is off, so no command and no check is run
        ok    setup: SETUP_HOSTS names no hosts, so no dependencies are fetched
        asynccoder: 1 of the above must be mended
        exit code Some(1)
    "#]]
    .assert_eq(&said.replace(git, "ok    git: <version>"));
}

#[tokio::test]
async fn doctor_says_what_to_mend() {
    let plan = Plan::default().with("APP_ID", "7").with("ANTHROPIC_API_KEY", "");
    let world = World::without_the_bot(plan).await;
    let said = told(&run(&world, &["doctor"]).await);
    let git = said.lines().find(|line| line.contains(" git: ")).unwrap_or_default();
    expect![[r#"
        ok    configuration: complete
        ok    database: there is none yet; `serve` makes it
        ok    git: <version>
        WRONG the App on GitHub: not found: Integration not found. Check APP_ID, PRIVATE_KEY, GITHUB_API_URL and this machine's clock
        WRONG models: no model service has a key: set ANTHROPIC_API_KEY, OPENAI_API_KEY or GEMINI_API_KEY
        ok    sandbox: SANDBOX is off, so no command and no check is run
        ok    setup: SETUP_HOSTS names no hosts, so no dependencies are fetched
        asynccoder: 2 of the above must be mended
        exit code Some(1)
    "#]].assert_eq(&said.replace(git, "ok    git: <version>"));
}

#[tokio::test]
async fn doctor_says_whether_dependencies_can_be_fetched() {
    let said = async |walls| {
        let plan = Plan::default().with("SANDBOX", walls).with("SETUP_HOSTS", "*.example.org");
        let world = World::without_the_bot(plan).await;
        let said = told(&run(&world, &["doctor"]).await);
        said.lines().find(|line| line.contains(" setup: ")).unwrap_or_default().to_owned()
    };
    expect!["ok    setup: dependencies can be fetched from *.example.org"]
        .assert_eq(&said("auto").await);
    expect!["WRONG setup: SETUP_HOSTS is set, but no dependencies can be fetched: the sandbox here has no network of its own; it takes bubblewrap. Install bubblewrap and allow user namespaces, or take SETUP_HOSTS away"].assert_eq(&said("landlock").await);
    expect!["WRONG setup: SETUP_HOSTS is set, but no dependencies can be fetched: no walls hold here. Install bubblewrap and allow user namespaces, or take SETUP_HOSTS away"].assert_eq(&said("off").await);
}

#[tokio::test]
async fn the_demo_plays_the_whole_story() {
    let world = World::without_the_bot(Plan::default()).await;
    let output = program(&world, &["demo"], []).output().await.unwrap();
    let said = told(&output);
    for part in [
        "dana comments on acme/till#1: /asynccoder debug",
        "I opened draft pull request #2.",
        "Receipt: Claude Sonnet 5.5 · 6 steps",
        "check run \"Async Coder / debug\"",
        "acme had 100 credits and has ",
    ] {
        assert!(said.contains(part), "{part:?} is not in:\n{said}");
    }
    assert!(said.ends_with("exit code Some(0)\n"), "{said}");
}

/// Whoever reads the log or the story, or the pipe to them, may go away; the work is what counts.
#[tokio::test]
async fn the_demo_goes_on_when_nobody_reads_it() {
    let world = World::without_the_bot(Plan::default()).await;
    for closes_story in [false, true] {
        let mut demo = program(&world, &["demo"], [("RUST_LOG", "debug")]);
        let mut running = demo.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        if closes_story {
            drop(running.stdout.take());
        } else {
            drop(running.stderr.take());
        }
        let output = running.wait_with_output().await.unwrap();
        assert!(output.status.success(), "{}", told(&output));
    }
}

story!(health_and_metrics_are_there, async |world| {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let get = async |path: &str| {
        let response = client.get(format!("{}{path}", world.app().url())).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    };
    assert_eq!(get("/healthz").await, (200, "ok\n".to_owned()));
    assert_eq!(get("/readyz").await, (200, "ready\n".to_owned()));
    assert_eq!(get("/metrics").await.0, 200);
    let (status, home) = get("/").await;
    assert!(status == 200 && home.starts_with("Async Coder"), "{status} {home}");
    assert_eq!(get("/nothing").await, (404, "{\"error\":\"not_found\"}".to_owned()));
});

#[tokio::test]
async fn whoever_asks_without_end_is_told_when_to_come_back() {
    let plan = Plan::default().with("TRUSTED_PROXY_HEADER", "X-Forwarded-For");
    tell(plan, async |world: &mut World| {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let get = async |path: &str, from: &str| {
            let request = client.get(format!("{}{path}", world.app().url()));
            request.header("X-Forwarded-For", from).send().await.unwrap()
        };
        let mut limited = None;
        for n in 0..2_000 {
            // What somebody claims to be stands before what the proxy saw.
            let answer = get("/healthz", &format!("10.0.0.{n}, 192.0.2.7")).await;
            if answer.status() == 429 {
                limited = Some(answer);
                break;
            }
        }
        let limited = limited.expect("nobody asks without end");
        let wait: u64 = limited.headers()["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((1..=60).contains(&wait), "{wait}");
        assert_eq!(limited.text().await.unwrap(), "{\"error\":\"too_many\"}");
        assert_eq!(get("/healthz", "192.0.2.8").await.status(), 200, "others are not held up");
        assert_eq!(get("/healthz", "2001:db8::1").await.status(), 200);
        world.alice.comments(&world.issue, "/asynccoder ping");
        assert!(world.answer().await.starts_with("I am here"), "and GitHub is never");
    })
    .await;
}
