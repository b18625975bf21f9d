//! The model runs commands, and the repository's own checks are run on exactly what is pushed: people
//! see what was measured, and nothing else counts.

use crate::world::impatient::Server as Impatient;
use crate::world::processes::{gone, started_by, there};
use crate::world::{Plan, REPOSITORY, World, impatient, repo, story};
use asynccoder::simulator::{At, CheckRunView, Moment, Script};
use expect_test::expect;
use rustix::process::{Signal, kill_process};
use serde_json::{Value, json};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

fn bash(command: &str) -> (&'static str, Value) {
    ("bash", json!({ "command": command }))
}

fn says_it_is_done() -> (&'static str, Value) {
    repo::finish(json!({ "title": "A change", "summary": "I did what was asked." }))
}

/// A world with walls, and with these files.
fn with_files(files: &'static [(&'static str, &'static str)]) -> Plan {
    let files = files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec()));
    let files = files.collect();
    Plan::default().with("SANDBOX", "auto").repository(|repository| repository.files = files)
}

/// A repository whose check wants the word "fixed" in a file, and complains about its first line.
const WANTS_FIXED: &[(&str, &str)] = &[
    ("Makefile", "check:\n\t@sh check.sh\n"),
    (
        "check.sh",
        "grep -q bad word.txt && { echo 'word.txt:1: this is bad'; exit 3; }; echo fine\n",
    ),
    ("word.txt", "good\n"),
];

/// The Rust tools of this machine, which may lie outside /usr.
fn rust() -> &'static str {
    static TOOLS: OnceLock<String> = OnceLock::new();
    TOOLS.get_or_init(|| {
        let said = Command::new("rustc").args(["--print", "sysroot"]).output().unwrap();
        String::from_utf8(said.stdout).unwrap().trim().to_owned()
    })
}

/// What the harness says about checks, without times and tree.
fn verification(text: &str) -> String {
    let from =
        text.find("**Verif").or_else(|| text.find("**Check")).or_else(|| text.find("**Partly"));
    let from = from.or_else(|| text.find("**Not verified"));
    let part = &text[from.unwrap_or_else(|| panic!("nothing is said in {text}"))..];
    let part = part.split("\n\nReceipt: ").next().unwrap();
    let part = regex::Regex::new(r"\d+\.\d s \|").unwrap().replace_all(part, "… s |");
    regex::Regex::new("`[0-9a-f]{12}`").unwrap().replace_all(&part, "`<tree>`").into_owned()
}

fn body(world: &World) -> String {
    let pull = world.simulator.pull_requests(REPOSITORY).pop().expect("there is a pull request");
    pull.body.expect("it says something")
}

fn check(world: &World) -> CheckRunView {
    world.simulator.check_runs(REPOSITORY).pop().expect("there is a check run")
}

/// The last thing that the model was told.
fn last_told(world: &World) -> String {
    let last = world.models().requests().pop().unwrap();
    last["messages"].as_array().unwrap().last().unwrap().to_string()
}

story!(
    a_change_that_passes_the_checks_is_no_draft,
    Plan::default().with("SANDBOX", "auto").with("TOOLCHAINS", rust()),
    async |world| {
        world.model(repo::fixes_the_till());
        world.alice.comments(&world.issue, "/asynccoder debug");
        world.settles_as(expect![[r#"
            alice        #1 /asynccoder debug
            asynccoder   #1 :eyes:
            asynccoder   pushes asynccoder/1-no-discount-at-exactly-100-00-<short> (src/discount.rs +1 -1)
            asynccoder   opens #2 "Give the discount at exactly 100.00" for main
            asynccoder   check "Async Coder / debug" success on <sha>
            asynccoder   #1 debug · done: I opened pull request #2. [4 steps, 1 credit]
        "#]]).await;
        expect![[r#"
            **Verified**: all checks are green. I ran them myself, without a network, on exactly this tree (`<tree>`).

            | check | result | exit | time |
            |---|---|---|---|
            | `cargo test` | passed | 0 | … s |

            **Not verified**
            - The tests were not run."#]].assert_eq(&verification(&body(world)));
        let comment = world.simulator.comments(REPOSITORY, 1).pop().unwrap().body;
        assert!(comment.contains("| `cargo test` | passed | 0 |"), "{comment}");
        let summary = check(world).summary.unwrap();
        assert!(summary.contains("| `cargo test` | passed | 0 |"), "{summary}");
        // What was checked is what was pushed.
        let tree = &body(world).split("exactly this tree (`").nth(1).unwrap()[..12].to_owned();
        let pushed = world.simulator.commit(REPOSITORY, &check(world).head_sha).unwrap().tree;
        assert!(pushed.starts_with(tree.as_str()), "{tree} was checked and {pushed} pushed");
    }
);

story!(a_check_that_turns_red_is_mended, with_files(WANTS_FIXED), async |world| {
    let script = Script::new("careless")
        .calls(vec![repo::write("word.txt", "bad\n")])
        .calls(vec![says_it_is_done()])
        .calls(vec![repo::write("word.txt", "better\n")])
        .calls(vec![says_it_is_done()]);
    world.model(script);
    world.alice.comments(&world.issue, "/asynccoder async make it better");
    world
        .settles_as(expect![[r#"
        alice        #1 /asynccoder async make it better
        asynccoder   #1 :eyes:
        asynccoder   pushes asynccoder/1-no-discount-at-exactly-100-00-<short> (word.txt +1 -1)
        asynccoder   opens #2 "A change" for main
        asynccoder   check "Async Coder / async" success on <sha>
        asynccoder   #1 async · done: I opened pull request #2. [4 steps, 1 credit]
    "#]])
        .await;
    expect![[r#"
        **Verified**: all checks are green. I ran them myself, without a network, on exactly this tree (`<tree>`).

        | check | result | exit | time |
        |---|---|---|---|
        | `make check` | passed | 0 | … s |"#]].assert_eq(&verification(&body(world)));
    let told = world.models().requests()[2]["messages"].to_string();
    assert!(told.contains("word.txt:1: this is bad"), "{told}");
    assert!(told.contains("you have 2 more tries"), "{told}");
});

story!(
    a_check_that_stays_red_is_published_as_a_draft_that_says_so,
    with_files(WANTS_FIXED),
    async |world| {
        let mut script = Script::new("stubborn");
        for n in 0..9 {
            script = script
                .calls(vec![repo::write("word.txt", &format!("bad {n}\n"))])
                .calls(vec![says_it_is_done()]);
        }
        world.model(script);
        world.alice.comments(&world.issue, "/asynccoder async make it worse");
        world
            .settles_as(expect![[r#"
            alice        #1 /asynccoder async make it worse
            asynccoder   #1 :eyes:
            asynccoder   pushes asynccoder/1-no-discount-at-exactly-100-00-<short> (word.txt +1 -1)
            asynccoder   opens #2 "A change" for main as a draft
            asynccoder   check "Async Coder / async" neutral on <sha>
            asynccoder   #1 async · done: I opened draft pull request #2. [8 steps, 2 credits]
        "#]])
            .await;
        expect![[r#"
            **Checks fail**, and they did not before this change. I ran them myself, without a network, on exactly this tree (`<tree>`).

            | check | result | exit | time |
            |---|---|---|---|
            | `make check` | **failed** | 2 | … s |

            The end of what `make check` printed:

            ```text
            word.txt:1: this is bad
            make: *** [Makefile:2: check] Error 3
            ```"#]].assert_eq(&verification(&body(world)));
        let check = check(world);
        assert_eq!(check.annotations.len(), 1);
        let annotation = &check.annotations[0];
        assert_eq!(
            (&annotation["path"], &annotation["start_line"]),
            (&json!("word.txt"), &json!(1))
        );
        assert_eq!(annotation["annotation_level"], "failure");
        assert_eq!(annotation["message"], "this is bad");
    }
);

story!(who_wants_it_red_is_asked_once, with_files(WANTS_FIXED), async |world| {
    let script = Script::new("sure")
        .calls(vec![repo::write("word.txt", "bad\n")])
        .calls(vec![says_it_is_done()]);
    world.model(script);
    world.alice.comments(&world.issue, "/asynccoder async draft=false make it bad");
    world
        .settles_as(expect![[r#"
        alice        #1 /asynccoder async draft=false make it bad
        asynccoder   #1 :eyes:
        asynccoder   pushes asynccoder/1-no-discount-at-exactly-100-00-<short> (word.txt +1 -1)
        asynccoder   opens #2 "A change" for main
        asynccoder   check "Async Coder / async" neutral on <sha>
        asynccoder   #1 async · done: I opened pull request #2. [3 steps, 1 credit]
    "#]])
        .await;
});

const BROKEN_BEFORE: &[(&str, &str)] = &[
    ("Makefile", "check:\n\t@sh check.sh\n"),
    ("check.sh", "echo 'word.txt:1: never good'; exit 3\n"),
    ("word.txt", "good\n"),
];

story!(what_was_red_before_is_nobodys_fault, with_files(BROKEN_BEFORE), async |world| {
    let script = Script::new("innocent")
        .calls(vec![repo::write("word.txt", "better\n")])
        .calls(vec![says_it_is_done()]);
    world.model(script);
    world.alice.comments(&world.issue, "/asynccoder async make it better");
    world
        .settles_as(expect![[r#"
        alice        #1 /asynccoder async make it better
        asynccoder   #1 :eyes:
        asynccoder   pushes asynccoder/1-no-discount-at-exactly-100-00-<short> (word.txt +1 -1)
        asynccoder   opens #2 "A change" for main as a draft
        asynccoder   check "Async Coder / async" success on <sha>
        asynccoder   #1 async · done: I opened draft pull request #2. [3 steps, 1 credit]
    "#]])
        .await;
    expect![[r#"
        **Partly verified**: no check got worse, but not all are green. I ran them myself, without a network, on exactly this tree (`<tree>`).

        | check | result | exit | time |
        |---|---|---|---|
        | `make check` | already failing on base | 2 | … s |"#]]
    .assert_eq(&verification(&body(world)));
    assert_eq!(check(world).annotations.len(), 0);
    let told: String = world.models().requests().iter().map(ToString::to_string).collect();
    assert!(!told.contains("never good"), "the model is not sent after somebody else's fault");
});

const NO_TOOLS: &[(&str, &str)] = &[("go.mod", "module x\n"), ("word.txt", "good\n")];

story!(a_missing_tool_is_named, with_files(NO_TOOLS), async |world| {
    world.model(
        Script::new("go")
            .calls(vec![repo::write("word.txt", "better\n")])
            .calls(vec![says_it_is_done()]),
    );
    world.alice.comments(&world.issue, "/asynccoder async make it better");
    world
        .settles_as(expect![[r#"
        alice        #1 /asynccoder async make it better
        asynccoder   #1 :eyes:
        asynccoder   pushes asynccoder/1-no-discount-at-exactly-100-00-<short> (word.txt +1 -1)
        asynccoder   opens #2 "A change" for main as a draft
        asynccoder   check "Async Coder / async" success on <sha>
        asynccoder   #1 async · done: I opened draft pull request #2. [3 steps, 1 credit]
    "#]])
        .await;
    expect![[r#"
        **Not verified**: no check could be run here.

        | check | result | exit | time |
        |---|---|---|---|
        | `go test ./...` | not run: go: command not found | – | – |"#]]
    .assert_eq(&verification(&body(world)));
});

const OF_TWO_TONGUES: &[(&str, &str)] = &[
    ("package.json", "{\"name\": \"x\", \"scripts\": {\"test\": \"node test.js\"}}\n"),
    ("test.js", "require('assert').ok(require('fs').readFileSync('word.txt', 'utf8').length)\n"),
    ("setup.py", "from setuptools import setup\nsetup(name='x')\n"),
    ("tests/__init__.py", ""),
    (
        "tests/test_word.py",
        "import unittest\nclass Word(unittest.TestCase):\n    def test_it(self):\n        self.assertNotIn('bad', open('word.txt').read())\n",
    ),
    ("word.txt", "good\n"),
];

story!(every_tongue_of_a_repository_is_checked, with_files(OF_TWO_TONGUES), async |world| {
    world.model(
        Script::new("two tongues")
            .calls(vec![repo::write("word.txt", "bad\n")])
            .calls(vec![says_it_is_done()]),
    );
    world.alice.comments(&world.issue, "/asynccoder async make it bad");
    world
        .settles_as(expect![[r#"
        alice        #1 /asynccoder async make it bad
        asynccoder   #1 :eyes:
        asynccoder   pushes asynccoder/1-no-discount-at-exactly-100-00-<short> (word.txt +1 -1)
        asynccoder   opens #2 "A change" for main as a draft
        asynccoder   check "Async Coder / async" neutral on <sha>
        asynccoder   #1 async · done: I opened draft pull request #2. [3 steps, 1 credit]
    "#]])
        .await;
    let said = verification(&body(world));
    assert!(said.contains("| `npm test` | passed | 0 |"), "{said}");
    assert!(
        said.contains("| `python3 -m unittest discover -s tests -t .` | **failed** | 1 |"),
        "{said}"
    );
    let annotations = check(world).annotations;
    assert_eq!(annotations[0]["path"], "tests/test_word.py");
    assert_eq!(annotations[0]["start_line"], 4);
});

const MEDDLES: &[(&str, &str)] = &[
    (
        "Makefile",
        "check:\n\t@echo meddled > word.txt; rm -f other.txt; echo x > new.txt; echo evil >> Makefile; mkdir -m 0 closed; ln -s / root\n",
    ),
    ("word.txt", "good\n"),
    ("other.txt", "good\n"),
];

story!(what_a_check_changes_is_not_pushed, with_files(MEDDLES), async |world| {
    world.model(
        Script::new("checked")
            .calls(vec![repo::write("word.txt", "better\n")])
            .calls(vec![says_it_is_done()]),
    );
    world.alice.comments(&world.issue, "/asynccoder async make it better");
    world
        .settles_as(expect![[r#"
        alice        #1 /asynccoder async make it better
        asynccoder   #1 :eyes:
        asynccoder   pushes asynccoder/1-no-discount-at-exactly-100-00-<short> (word.txt +1 -1)
        asynccoder   opens #2 "A change" for main
        asynccoder   check "Async Coder / async" success on <sha>
        asynccoder   #1 async · done: I opened pull request #2. [3 steps, 1 credit]
    "#]])
        .await;
    assert_eq!(std::fs::read_dir(world.data_dir().join("worktrees")).unwrap().count(), 0);
});

story!(what_a_command_changed_is_pushed, with_files(WANTS_FIXED), async |world| {
    world.model(
        Script::new("by hand")
            .calls(vec![bash("sed -i s/good/better/ word.txt; printf '#!/bin/sh\\n' > run.sh; chmod +x run.sh; mkdir -m 0 closed; make check")])
            .calls(vec![says_it_is_done()]),
    );
    world.alice.comments(&world.issue, "/asynccoder async make it better");
    world.settles_as(expect![[r#"
        alice        #1 /asynccoder async make it better
        asynccoder   #1 :eyes:
        asynccoder   pushes asynccoder/1-no-discount-at-exactly-100-00-<short> (run.sh +1 -0, word.txt +1 -1)
        asynccoder   opens #2 "A change" for main
        asynccoder   check "Async Coder / async" success on <sha>
        asynccoder   #1 async · done: I opened pull request #2. [3 steps, 1 credit]
    "#]]).await;
    let told = world.models().requests()[1]["messages"].to_string();
    assert!(
        told.contains("exit=0 time=") && told.contains("fine\\n[newly changed: run.sh, word.txt]"),
        "{told}"
    );
    let patch = world.simulator.diff(REPOSITORY, "main", &check(world).head_sha).unwrap();
    assert!(patch.contains("new file mode 100755"), "{patch}");
});

story!(
    a_file_where_a_folder_was_is_pushed,
    with_files(&[("docs/a.md", "a\n"), ("docs/deep/b.md", "b\n")]),
    async |world| {
        world.model(
            Script::new("one file")
                .calls(vec![bash("cat docs/*.md docs/*/*.md > all; rm -r docs; mv all docs")])
                .calls(vec![says_it_is_done()]),
        );
        world.alice.comments(&world.issue, "/asynccoder async make docs one file");
        world.settles_as(expect![[r#"
            alice        #1 /asynccoder async make docs one file
            asynccoder   #1 :eyes:
            asynccoder   pushes asynccoder/1-no-discount-at-exactly-100-00-<short> (docs/a.md +1 -0, docs/deep/b.md +0 -1)
            asynccoder   opens #2 "A change" for main as a draft
            asynccoder   check "Async Coder / async" success on <sha>
            asynccoder   #1 async · done: I opened draft pull request #2. [3 steps, 1 credit]
        "#]]).await;
    }
);

/// Writes 25 MB that nothing makes smaller.
fn piles_up() -> Script {
    let noise = "for n in 1 2 3 4 5; do head -c 5000000 /dev/urandom > noise$n; done; make check";
    Script::new("piles up")
        .calls(vec![bash(noise)])
        .calls(vec![bash("ls")])
        .calls(vec![says_it_is_done()])
}

/// A machine that is slow at so many bytes loses no lease over them.
fn with_patience() -> Plan {
    with_files(WANTS_FIXED).timing(|timing| timing.lease = Duration::from_mins(1))
}

story!(more_than_can_be_pushed_is_told, with_patience(), async |world| {
    world.model(piles_up());
    world.alice.comments(&world.issue, "/asynccoder async make noise");
    world.settles_as(expect![[r#"
        alice        #1 /asynccoder async make noise
        asynccoder   #1 :eyes:
        asynccoder   #1 async · failed: The result touches something that I may not change, so I did not push it. You pay nothing for this task. [4 steps, 0 credits]
    "#]]).await;
});

story!(what_could_not_be_kept_is_not_taken_for_no_change, with_patience(), async |world| {
    world.model(piles_up());
    let gate = world.simulator.faults().hold(At::models().after(1), Moment::BeforeReply);
    world.alice.comments(&world.issue, "/asynccoder async make noise");
    gate.reached().await.unwrap();
    world.stop().await;
    gate.open();
    world.start().await;
    world.settles_as(expect![[r#"
        alice        #1 /asynccoder async make noise
        asynccoder   #1 :eyes:
        asynccoder   #1 async · failed: Something on my side went wrong. You pay nothing for this task. [1 step, 0 credits]
    "#]]).await;
});

/// What a program would find that takes the workspace for a repository of its own: everything through
/// which git can be made to run something, each leaving a file behind if it does.
const TRAPS: &str = r#"
mkdir -p .git/hooks .git/objects .git/refs sub/.git evil/hooks
echo 'ref: refs/heads/main' > .git/HEAD
out() { printf 'touch %s/caught-%s' "$TRAP" "$1"; }
git config -f .git/config core.repositoryformatversion 0
git config -f .git/config core.fsmonitor "$(out fsmonitor)"
git config -f .git/config core.hooksPath evil/hooks
git config -f .git/config core.pager "$(out pager)"
git config -f .git/config core.sshCommand "$(out ssh)"
git config -f .git/config diff.external "$(out diff)"
git config -f .git/config filter.x.clean "$(out clean)"
git config -f .git/config filter.x.smudge "$(out smudge)"
git config -f .git/config credential.helper "!$(out credential)"
git config -f .git/config include.path ../evil/config
for hook in pre-commit post-checkout pre-push post-index-change reference-transaction; do
    printf '#!/bin/sh\n%s\n' "$(out hook)" | tee .git/hooks/$hook > evil/hooks/$hook
    chmod +x .git/hooks/$hook evil/hooks/$hook
done
echo '* filter=x diff=x merge=x' > .gitattributes
mkdir -p .git/info; echo '* filter=x' > .git/info/attributes
echo 'gitdir: ../.git' > sub/.git/x
printf '[submodule "x"]\n\tpath = x\n\turl = ext::sh -c %s\n' "$(out submodule)" > modules
echo better > word.txt
"#;

story!(what_lies_in_wait_for_git_catches_nothing, with_files(WANTS_FIXED), async |world| {
    let trap = world.data_dir().display().to_string();
    let script = Script::new("trapper")
        .calls(vec![bash(&TRAPS.replace("$TRAP", &trap))])
        .calls(vec![says_it_is_done()]);
    world.model(script);
    world.alice.comments(&world.issue, "/asynccoder async make it better");
    world.settles_as(expect![[r#"
        alice        #1 /asynccoder async make it better
        asynccoder   #1 :eyes:
        asynccoder   pushes asynccoder/1-no-discount-at-exactly-100-00-<short> (.gitattributes +1 -0, evil/hooks/post-checkout +2 -0, evil/hooks/post-index-change +2 -0, evil/hooks/pre-commit +2 -0, evil/hooks/pre-push +2 -0, evil/hooks/reference-transaction +2 -0, modules +3 -0, word.txt +1 -1)
        asynccoder   opens #2 "A change" for main
        asynccoder   check "Async Coder / async" success on <sha>
        asynccoder   #1 async · done: I opened pull request #2. [3 steps, 2 credits]
    "#]]).await;
    let names = std::fs::read_dir(world.data_dir()).unwrap();
    let caught = names
        .filter(|name| name.as_ref().unwrap().file_name().to_string_lossy().starts_with("caught"));
    assert_eq!(caught.count(), 0);
});

story!(a_question_is_answered_by_running_something, with_files(WANTS_FIXED), async |world| {
    world.model(
        Script::new("looks")
            .calls(vec![bash("echo bad > word.txt; make check")])
            .calls(vec![repo::finish(json!({ "summary": "The check says it is fine." }))]),
    );
    world.alice.comments(&world.issue, "/asynccoder ask is it fine?");
    world
        .settles_as(expect![[r#"
        alice        #1 /asynccoder ask is it fine?
        asynccoder   #1 :eyes:
        asynccoder   #1 ask · done: The check says it is fine. [2 steps, 1 credit]
    "#]])
        .await;
    let told = world.models().requests()[1]["messages"].to_string();
    assert!(told.contains("Read-only file system") && told.contains("fine"), "{told}");
});

story!(a_command_ends_with_its_task, with_files(WANTS_FIXED), async |world| {
    let word = format!("sleep 71{}", std::process::id());
    world.model(Script::new("waits").calls(vec![bash(&format!("(setsid {word} &) ; {word}"))]));
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
    assert_eq!(std::fs::read_dir(world.data_dir().join("worktrees")).unwrap().count(), 0);
});

story!(
    without_walls_nothing_is_run_and_it_is_said,
    with_files(WANTS_FIXED).with("SANDBOX", "off"),
    async |world| {
        world.model(
            Script::new("tries")
                .calls(vec![bash("echo bad > word.txt")])
                .calls(vec![repo::write("word.txt", "better\n")])
                .calls(vec![says_it_is_done()]),
        );
        world.alice.comments(&world.issue, "/asynccoder async make it better");
        world
            .settles_as(expect![[r#"
            alice        #1 /asynccoder async make it better
            asynccoder   #1 :eyes:
            asynccoder   pushes asynccoder/1-no-discount-at-exactly-100-00-<short> (word.txt +1 -1)
            asynccoder   opens #2 "A change" for main as a draft
            asynccoder   check "Async Coder / async" success on <sha>
            asynccoder   #1 async · done: I opened draft pull request #2. [4 steps, 1 credit]
        "#]])
            .await;
        expect!["**Not verified**: I ran no checks; please let your own checks decide."]
            .assert_eq(&verification(&body(world)));
        assert!(!last_told(world).contains("exit="), "nothing was run");
    }
);

#[tokio::test]
async fn a_killed_server_takes_its_commands_with_it() {
    for walls in ["bubblewrap", "landlock"] {
        let world = World::without_the_bot(with_files(WANTS_FIXED).with("SANDBOX", walls)).await;
        let word = format!("sleep 72{}", std::process::id());
        // Written so that only what is really run has the word.
        let sleeps = word.replace("72", "7'2'");
        let command = format!("(setsid {sleeps} &) ; {sleeps}");
        world
            .model(Script::new("waits").calls(vec![bash(&command)]).calls(vec![says_it_is_done()]));
        let server = Impatient::start(&world).await;
        world.alice.comments(&world.issue, "/asynccoder async wait");
        there(&word).await;
        // The last thing that happens to the server comes before the first that the watcher does.
        let watcher = started_by(server.pid(), "jail watch");
        kill_process(watcher, Signal::STOP).unwrap();
        server.kill().await;
        kill_process(watcher, Signal::CONT).unwrap();
        gone(&word).await;
        assert!(!impatient::log(&world).contains("panicked"));
    }
}
