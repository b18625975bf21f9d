//! A repository fetches its dependencies before its commands and checks are run: from hosts that the
//! operator named, once, and so that nobody can spoil what others get.

use crate::world::impatient::Server as Impatient;
use crate::world::processes::{gone, there};
use crate::world::registry::{FETCH, Registry};
use crate::world::{PATIENCE, Plan, REPOSITORY, World, repo, tell};
use asynccoder::config::Outside;
use asynccoder::simulator::{RepositoryOptions, Script};
use expect_test::expect;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::{Duration, Instant};

const HOST: &str = "registry.example.org";
const CONFIGURATION: &str = "\
setup = [\"mkdir -p deps && python3 fetch.py registry.example.org > deps/word\", \"cp deps/word ~/word\"]
checks = [\"sh check.sh\"]
";
/// Wants what was fetched, exactly as it was, and the word of the repository to be a good one.
const CHECK: &str = "\
test \"$(cat deps/word)\" = fetched && test \"$(cat ~/word)\" = fetched || { echo nothing is there; exit 3; }
! grep -q bad word.txt
";

fn files(configuration: &str) -> Vec<(String, Vec<u8>)> {
    let files = [
        (".github/asynccoder.toml", configuration),
        ("fetch.py", FETCH),
        ("check.sh", CHECK),
        ("requirements.txt", "word==1\n"),
        ("word.txt", "good\n"),
    ];
    files.map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec())).to_vec()
}

/// A world with walls and a registry on the internet.
fn plan(registry: &Registry, configuration: &str) -> Plan {
    let there = "93.184.216.34".parse().unwrap();
    let names = [(HOST.to_owned(), vec![vec![there]])].into();
    let addresses = [(there, registry.address())].into();
    let files = files(configuration);
    Plan::default()
        .with("SANDBOX", "auto")
        .outside(Outside { names, addresses })
        .repository(|repository| repository.files = files)
}

fn allowed(registry: &Registry) -> Plan {
    plan(registry, CONFIGURATION).with("SETUP_HOSTS", HOST)
}

fn bash(command: &str) -> (&'static str, Value) {
    ("bash", json!({ "command": command }))
}

fn is_done() -> (&'static str, Value) {
    repo::finish(json!({ "title": "A change", "summary": "I did what was asked." }))
}

/// Changes the word, without running anything.
fn writes(world: &World) {
    let script = Script::new("writes").calls(vec![repo::write("word.txt", "better\n")]);
    world.model(script.calls(vec![is_done()]));
}

/// What the newest pull request says about checks, without times and tree.
fn verification(world: &World) -> String {
    let pull = world.simulator.pull_requests(REPOSITORY).pop().expect("there is a pull request");
    let text = pull.body.expect("it says something");
    let from = ["**Verif", "**Check", "**Partly", "**Not verified"];
    let from = from.iter().find_map(|word| text.find(word)).expect("something is said");
    let part = text[from..].split("\n\nReceipt: ").next().unwrap();
    let part = regex::Regex::new(r"\d+\.\d s \|").unwrap().replace_all(part, "… s |");
    regex::Regex::new("`[0-9a-f]{12}`").unwrap().replace_all(&part, "`<tree>`").into_owned()
}

/// Asks for the change in an issue of its own, and says what was measured about it.
async fn asks(world: &mut World) -> String {
    let issue = world.alice.quietly().opens("A better word", "It could be better.");
    world.alice.comments(&issue, "/asynccoder async make it better");
    world.settle().await;
    world.story();
    verification(world)
}

/// What is kept of setups, and what is being made.
fn kept(world: &World) -> Vec<PathBuf> {
    let folders = |folder: PathBuf| {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect::<Vec<_>>()
    };
    let accounts = folders(world.data_dir().join("setup"));
    accounts.into_iter().flat_map(folders).flat_map(folders).collect()
}

const FRESH: &str = "\
**Verified**: all checks are green. I ran them myself, without a network, on exactly this tree (`<tree>`).

| check | result | exit | time |
|---|---|---|---|
| setup: `mkdir -p deps && python3 fetch.py registry.example.org > deps/word && cp deps/word ~/word` | done | 0 | … s |
| `sh check.sh` | passed | 0 | … s |";

#[tokio::test]
async fn what_the_operator_does_not_allow_is_not_run_and_it_is_said() {
    let registry = Registry::start();
    tell(plan(&registry, CONFIGURATION), async |world| {
        writes(world);
        expect![[r#"
            **Partly verified**: no check got worse, but not all are green. I ran them myself, without a network, on exactly this tree (`<tree>`).

            | check | result | exit | time |
            |---|---|---|---|
            | setup: `mkdir -p deps && python3 fetch.py registry.example.org > deps/word && cp deps/word ~/word` | not run: the operator of this server names no hosts for it (SETUP_HOSTS) | – | – |
            | `sh check.sh` | already failing on base | 3 | … s |"#]].assert_eq(&asks(world).await);
        assert_eq!(registry.asked(), 0);
        assert_eq!(kept(world).len(), 0);
    })
    .await;
}

#[tokio::test]
async fn walls_without_a_door_run_no_setup_and_it_is_said() {
    let registry = Registry::start();
    tell(allowed(&registry).with("SANDBOX", "landlock"), async |world| {
        writes(world);
        expect![[r#"
            **Partly verified**: no check got worse, but not all are green. I ran them myself, without a network, on exactly this tree (`<tree>`).

            | check | result | exit | time |
            |---|---|---|---|
            | setup: `mkdir -p deps && python3 fetch.py registry.example.org > deps/word && cp deps/word ~/word` | not run: the sandbox here has no network of its own; it takes bubblewrap | – | – |
            | `sh check.sh` | already failing on base | 3 | … s |"#]].assert_eq(&asks(world).await);
        assert_eq!(registry.asked(), 0);
    })
    .await;
}

#[tokio::test]
async fn dependencies_are_fetched_once_for_a_repository_and_never_for_another_account() {
    let registry = Registry::start();
    tell(allowed(&registry), async |world| {
        writes(world);
        world.alice.comments(&world.issue, "/asynccoder async better");
        world.settles_as(expect![[r#"
            alice        #1 /asynccoder async better
            asynccoder   #1 :eyes:
            asynccoder   pushes asynccoder/1-no-discount-at-exactly-100-00-<short> (word.txt +1 -1)
            asynccoder   opens #2 "A change" for main
            asynccoder   check "Async Coder / async" success on <sha>
            asynccoder   #1 async · done: I opened pull request #2. [3 steps, 1 credit]
        "#]]).await;
        assert_eq!(verification(world), FRESH);
        assert_eq!(registry.asked(), 1);
        expect![[r#"
            **Verified**: all checks are green. I ran them myself, without a network, on exactly this tree (`<tree>`).

            | check | result | exit | time |
            |---|---|---|---|
            | setup: `mkdir -p deps && python3 fetch.py registry.example.org > deps/word && cp deps/word ~/word` | from cache | – | … s |
            | `sh check.sh` | passed | 0 | … s |"#]].assert_eq(&asks(world).await);
        assert_eq!(registry.asked(), 1, "the second task found it");
        let pull = world.simulator.pull_requests(REPOSITORY).pop().unwrap();
        let diff = world.simulator.diff(REPOSITORY, "main", &pull.head).unwrap();
        assert_eq!(repo::changed_files(&diff), "word.txt +1 -1", "nothing of it is pushed");
        // The same files, but somebody else's.
        world.simulator.quietly().add_organization("initech");
        let files = files(CONFIGURATION);
        let options = RepositoryOptions { files, ..RepositoryOptions::default() };
        let quietly = world.simulator.quietly();
        quietly.add_repository("initech/till", options).unwrap();
        quietly.set_permission("initech/till", "alice", "write").unwrap();
        quietly.install("initech").unwrap();
        let issue = world.alice.quietly().opens_in("initech/till", "Better", "It could be.");
        world.alice.comments(&issue, "/asynccoder async better");
        world.settle().await;
        world.story();
        assert_eq!(registry.asked(), 2, "nobody gets what another account fetched");
        assert_eq!(kept(world).len(), 2);
        // Another lock file is another setup.
        world.carol.quietly().commits("main", "requirements.txt", "word==2\n");
        writes(world);
        assert_eq!(asks(world).await, FRESH);
        assert_eq!(registry.asked(), 3);
    })
    .await;
}

#[tokio::test]
async fn who_wants_the_same_waits_for_it_and_the_task_pays_no_time() {
    let registry = Registry::start();
    let configuration = CONFIGURATION.replace("mkdir", "sleep 3; mkdir");
    tell(plan(&registry, &configuration).with("SETUP_HOSTS", HOST), async |world| {
        let script = Script::new("runs").calls(vec![bash("echo better > word.txt")]);
        world.model(script.calls(vec![is_done()]));
        let began = Instant::now();
        let words = ["A better word", "Another word"];
        let issues = words.map(|title| world.alice.quietly().opens(title, "It could be better."));
        for issue in &issues {
            // What is held for one must leave enough for the other.
            world.alice.comments(issue, "/asynccoder async budget=20 make it better");
        }
        world.settle().await;
        world.story();
        assert_eq!(registry.asked(), 1, "one of them fetched it");
        let without_it = began.elapsed().saturating_sub(Duration::from_secs(3));
        let store = world.app().store();
        for issue in issues {
            let number = i64::try_from(issue.number).unwrap();
            let tasks = store.thread_tasks(world.repository_id(), number).await.unwrap();
            let steps = store.steps(tasks[0].id).await.unwrap();
            let last = steps.last().unwrap().results.as_ref().unwrap();
            let active = Duration::from_millis(last["active_ms"].as_u64().unwrap());
            assert!(active <= without_it, "{active:?} of {without_it:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn no_task_can_spoil_what_the_next_one_gets() {
    let registry = Registry::start();
    tell(allowed(&registry), async |world| {
        let spoils = "cat deps/word ~/word; echo evil > deps/word; echo evil > ~/word; echo x > deps/more; \
                      ln -s /etc deps/link; chmod 0 deps; sh check.sh; echo spoilt > word.txt";
        world.model(
            Script::new("spoils it")
                .when("spoilt")
                .calls(vec![bash(spoils)])
                .calls(vec![("write_file", json!({ "path": "deps/word", "content": "evil\n" }))])
                .calls(vec![is_done()]),
        );
        writes(world);
        world.alice.comments(&world.issue, "/asynccoder async spoilt");
        world.settles_as(expect![[r#"
            alice        #1 /asynccoder async spoilt
            asynccoder   #1 :eyes:
            asynccoder   pushes asynccoder/1-no-discount-at-exactly-100-00-<short> (word.txt +1 -1)
            asynccoder   opens #2 "A change" for main
            asynccoder   check "Async Coder / async" success on <sha>
            asynccoder   #1 async · done: I opened pull request #2. [4 steps, 1 credit]
        "#]]).await;
        let requests = world.models().requests();
        let told = requests[1]["messages"].as_array().unwrap().last().unwrap().to_string();
        assert!(told.contains("[the repository's setup was run before this: mkdir"), "{told}");
        assert!(told.contains("fetched\\nfetched\\n"), "{told}");
        let told = requests[2]["messages"].as_array().unwrap().last().unwrap().to_string();
        assert!(told.contains("deps/word was brought by the repository's setup"), "{told}");
        // Its own checks got a copy that it had not touched, and so does the next task.
        assert_eq!(verification(world), FRESH);
        expect![[r#"
            **Verified**: all checks are green. I ran them myself, without a network, on exactly this tree (`<tree>`).

            | check | result | exit | time |
            |---|---|---|---|
            | setup: `mkdir -p deps && python3 fetch.py registry.example.org > deps/word && cp deps/word ~/word` | from cache | – | … s |
            | `sh check.sh` | passed | 0 | … s |"#]].assert_eq(&asks(world).await);
        assert_eq!(registry.asked(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_setup_that_fails_is_shown_and_nothing_is_checked() {
    let registry = Registry::start();
    let configuration = CONFIGURATION.replace(HOST, "elsewhere.example.org");
    tell(plan(&registry, &configuration).with("SETUP_HOSTS", HOST), async |world| {
        world.model(
            Script::new("goes on")
                .calls(vec![bash("ls deps; echo better > word.txt")])
                .calls(vec![is_done()]),
        );
        world.alice.comments(&world.issue, "/asynccoder async better");
        world.settles_as(expect![[r#"
            alice        #1 /asynccoder async better
            asynccoder   #1 :eyes:
            asynccoder   pushes asynccoder/1-no-discount-at-exactly-100-00-<short> (word.txt +1 -1)
            asynccoder   opens #2 "A change" for main as a draft
            asynccoder   check "Async Coder / async" success on <sha>
            asynccoder   #1 async · done: I opened draft pull request #2. [3 steps, 1 credit]
        "#]]).await;
        expect![[r#"
            **Not verified**: no check could be run here.

            | check | result | exit | time |
            |---|---|---|---|
            | setup: `mkdir -p deps && python3 fetch.py elsewhere.example.org > deps/word && cp deps/word ~/word` | **failed** | 1 | … s |
            | `sh check.sh` | not run: the setup did not come to its end | – | – |

            The end of what `mkdir -p deps && python3 fetch.py elsewhere.example.org > deps/word && cp deps/word ~/word` printed:

            ```text
            HTTP/1.1 403 elsewhere.example.org is not among the hosts that a setup may reach (SETUP_HOSTS)

            [refused: elsewhere.example.org is not among the hosts that a setup may reach (SETUP_HOSTS)]
            ```"#]].assert_eq(&verification(world));
        let requests = world.models().requests();
        let told = requests[1]["messages"].as_array().unwrap().last().unwrap().to_string();
        assert!(told.contains("[the repository's setup failed, so what it fetches is missing"), "{told}");
        assert!(told.contains("elsewhere.example.org is not among the hosts"), "{told}");
        assert_eq!((registry.asked(), kept(world).len()), (0, 0));
    })
    .await;
}

#[tokio::test]
async fn a_setup_that_comes_to_too_much_is_not_kept() {
    let registry = Registry::start();
    let configuration = CONFIGURATION.replace("mkdir", "truncate -s 1500M one two; mkdir");
    tell(plan(&registry, &configuration).with("SETUP_HOSTS", HOST), async |world| {
        writes(world);
        expect![[r#"
            **Not verified**: no check could be run here.

            | check | result | exit | time |
            |---|---|---|---|
            | setup: `truncate -s 1500M one two; mkdir -p deps && python3 fetch.py registry.example.org > deps/word && cp deps/word ~/word` | **failed**: it came to too much | – | … s |
            | `sh check.sh` | not run: the setup did not come to its end | – | – |"#]].assert_eq(&asks(world).await);
        assert_eq!(kept(world).len(), 0);
    })
    .await;
}

#[tokio::test]
async fn a_question_finds_what_was_fetched_and_can_change_none_of_it() {
    let registry = Registry::start();
    tell(allowed(&registry), async |world| {
        world.model(
            Script::new("looks")
                .when("is it fine")
                .calls(vec![bash("sh check.sh && echo fine; echo evil > deps/word")])
                .calls(vec![repo::finish(json!({ "summary": "It is fine." }))]),
        );
        world.alice.comments(&world.issue, "/asynccoder ask is it fine?");
        world.settle().await;
        world.story();
        let told = world.models().requests()[1]["messages"].to_string();
        assert!(told.contains("fine\\n") && told.contains("Read-only file system"), "{told}");
        writes(world);
        expect![[r#"
            **Verified**: all checks are green. I ran them myself, without a network, on exactly this tree (`<tree>`).

            | check | result | exit | time |
            |---|---|---|---|
            | setup: `mkdir -p deps && python3 fetch.py registry.example.org > deps/word && cp deps/word ~/word` | from cache | – | … s |
            | `sh check.sh` | passed | 0 | … s |"#]].assert_eq(&asks(world).await);
        assert_eq!(registry.asked(), 1, "the question had filled it");
    })
    .await;
}

/// The program that fetches, but it says something else.
const EVIL: &str = "print('evil')\n";

#[tokio::test]
async fn a_fork_is_run_with_no_network_and_fills_nothing() {
    let registry = Registry::start();
    tell(allowed(&registry), async |world| {
        let fork = world.simulator.quietly().fork(REPOSITORY, "mallory").unwrap();
        let files = [("fetch.py", Some(EVIL)), ("requirements.txt", Some("evil==1\n"))];
        let quietly = world.simulator.quietly();
        quietly.commit_as(&fork, "mallory", "evil", &files).unwrap();
        let pull = world.mallory.quietly().proposes("mallory:evil", "Fetch faster");
        world.model(
            Script::new("looks")
                .when("is it fine")
                .calls(vec![bash("cat fetch.py deps/word")])
                .calls(vec![repo::finish(json!({ "summary": "It is fine." }))]),
        );
        world.alice.comments(&pull, "/asynccoder ask is it fine?");
        world.settle().await;
        world.story();
        let told = world.models().requests()[1]["messages"].to_string();
        assert!(told.contains("print('evil')\\nfetched\\n"), "what the base fetches: {told}");
        assert_eq!((registry.asked(), kept(world).len()), (1, 1));
        writes(world);
        expect![[r#"
            **Verified**: all checks are green. I ran them myself, without a network, on exactly this tree (`<tree>`).

            | check | result | exit | time |
            |---|---|---|---|
            | setup: `mkdir -p deps && python3 fetch.py registry.example.org > deps/word && cp deps/word ~/word` | from cache | – | … s |
            | `sh check.sh` | passed | 0 | … s |"#]].assert_eq(&asks(world).await);
        assert_eq!(registry.asked(), 1);
    })
    .await;
}

#[tokio::test]
async fn what_a_branch_fetches_is_for_that_branch() {
    let registry = Registry::start();
    tell(allowed(&registry), async |world| {
        world.carol.quietly().commits("evil", "fetch.py", EVIL);
        let pull = world.carol.quietly().proposes("evil", "Fetch faster");
        world.model(
            Script::new("looks")
                .when("is it fine")
                .calls(vec![bash("cat deps/word")])
                .calls(vec![repo::finish(json!({ "summary": "It is fine." }))]),
        );
        world.alice.comments(&pull, "/asynccoder ask is it fine?");
        world.settle().await;
        let told = world.models().requests()[1]["messages"].to_string();
        assert!(told.contains("evil\\n"), "the branch's own way: {told}");
        assert_eq!((registry.asked(), kept(world).len()), (0, 1));
        writes(world);
        assert_eq!(asks(world).await, FRESH);
        assert_eq!((registry.asked(), kept(world).len()), (1, 2));
        // What the default branch fetched is good enough for others that want the same.
        world.carol.quietly().commits("other", "NOTES.md", "A note.\n");
        let pull = world.carol.quietly().proposes("other", "Add a note");
        world.alice.comments(&pull, "/asynccoder ask is it fine?");
        world.settle().await;
        world.story();
        assert_eq!((registry.asked(), kept(world).len()), (1, 2));
    })
    .await;
}

#[tokio::test]
async fn what_a_tree_has_itself_is_its_own() {
    let registry = Registry::start();
    tell(allowed(&registry), async |world| {
        writes(world);
        assert_eq!(asks(world).await, FRESH);
        // The same lock file, so what is kept is the same; but here the folder is part of the tree.
        world.carol.quietly().commits("own", "deps/word", "our own\n");
        let pull = world.carol.quietly().proposes("own", "Bring it along");
        world.model(
            Script::new("changes it")
                .when("make it ours")
                .calls(vec![bash("cat deps/word && echo ours > deps/word")])
                .calls(vec![is_done()]),
        );
        world.alice.comments(&pull, "/asynccoder async make it ours");
        world.settle().await;
        world.story();
        let told = world.models().requests().iter().map(ToString::to_string).collect::<String>();
        assert!(told.contains("our own\\n"), "what is there stays: {told}");
        assert_eq!(world.simulator.file(REPOSITORY, "own", "deps/word").unwrap(), b"ours\n");
    })
    .await;
}

#[tokio::test]
async fn half_of_what_was_kept_is_made_anew() {
    let registry = Registry::start();
    tell(allowed(&registry), async |world| {
        writes(world);
        for times in [1, 2] {
            assert_eq!(asks(world).await, FRESH);
            assert_eq!((registry.asked(), kept(world).len()), (times, 1));
            // As a kill leaves it that comes while it is removed.
            std::fs::remove_file(kept(world)[0].join("contents.json")).unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn what_was_used_longest_ago_is_dropped_at_the_quota() {
    let registry = Registry::start();
    tell(allowed(&registry).with("DISK_QUOTA", "1 KB"), async |world| {
        writes(world);
        for times in [1, 2] {
            assert_eq!(asks(world).await, FRESH);
            assert_eq!((registry.asked(), kept(world).len()), (times, 0));
        }
    })
    .await;
}

/// The mirrors that are kept.
fn mirrors(world: &World) -> usize {
    let entries = std::fs::read_dir(world.data_dir().join("mirrors")).unwrap().flatten();
    entries.filter(|entry| entry.path().extension().is_some_and(|end| end == "git")).count()
}

#[tokio::test]
async fn what_was_fetched_of_a_repository_goes_when_it_becomes_private_or_is_gone() {
    let registry = Registry::start();
    tell(allowed(&registry), async |world| {
        writes(world);
        assert_eq!(asks(world).await, FRESH);
        assert_eq!((registry.asked(), kept(world).len(), mirrors(world)), (1, 1, 1));
        world.simulator.set_private(REPOSITORY, true).unwrap();
        assert_eq!(asks(world).await, FRESH);
        assert_eq!((registry.asked(), kept(world).len(), mirrors(world)), (2, 1, 1));
        // It stays private, so what was fetched since then stays too.
        assert_ne!(asks(world).await, FRESH);
        assert_eq!(registry.asked(), 2);
        world.simulator.choose_repository(REPOSITORY, false).unwrap();
        world.settle().await;
        world.stop().await;
        world.start().await;
        let gone = async {
            while (kept(world).len(), mirrors(world)) != (0, 0) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, gone).await.unwrap();
        world.story();
    })
    .await;
}

#[tokio::test]
async fn a_setup_ends_with_its_task() {
    let registry = Registry::start();
    let word = format!("sleep 75{}", std::process::id());
    let configuration = format!("setup = [\"(setsid {word} &) ; {word}\"]\n");
    tell(plan(&registry, &configuration).with("SETUP_HOSTS", HOST), async |world| {
        world.model(Script::new("waits").calls(vec![bash("true")]).calls(vec![is_done()]));
        world.alice.comments(&world.issue, "/asynccoder async wait");
        there(&word).await;
        world.alice.comments(&world.issue, "/asynccoder cancel");
        world
            .settles_as(expect![[r#"
            alice        #1 /asynccoder async wait
            asynccoder   #1 :eyes:
            alice        #1 /asynccoder cancel
            asynccoder   #1 Stopping `t_<short>`. Its status comment says when it has stopped.
            asynccoder   #1 async · cancelled: Stopped, as asked. [1 step, 1 credit]
        "#]])
            .await;
        gone(&word).await;
        assert_eq!(kept(world).len(), 0);
    })
    .await;
}

#[tokio::test]
async fn a_kill_in_a_setup_leaves_nothing() {
    let registry = Registry::start();
    let word = format!("sleep 74{}", std::process::id());
    let configuration = format!("setup = \"(setsid {word} &) ; mkdir deps; {word}\"\n");
    let world = World::without_the_bot(plan(&registry, &configuration).with("SETUP_HOSTS", HOST));
    let world = world.await;
    world.model(Script::new("waits").calls(vec![bash("true")]).calls(vec![is_done()]));
    let server = Impatient::start(&world).await;
    world.alice.comments(&world.issue, "/asynccoder async wait");
    there(&word).await;
    server.kill().await;
    gone(&word).await;
    assert_eq!(kept(&world).len(), 0, "half a setup is no setup");
    let half = world.data_dir().join("setup/1/2/new-half");
    std::fs::create_dir_all(half.join("home")).unwrap();
    // The next server takes it up again, and has removed what was there.
    let server = Impatient::start(&world).await;
    there(&word).await;
    let worktrees = std::fs::read_dir(world.data_dir().join("worktrees")).unwrap();
    assert_eq!(worktrees.count(), 1);
    assert!(!half.exists(), "what was being made is removed");
    server.kill().await;
    gone(&word).await;
}
