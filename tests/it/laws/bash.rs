//! The tool `bash`: what the model is answered, what becomes part of the change, and what never does.

use super::sandbox::{Cell, WALLS};
use asynccoder::agent::StepResults;
use asynccoder::agent::tools::{self, Runner, Standing, ToolCall};
use asynccoder::agent::workspace::Workspace;
use asynccoder::domain::diff::Diff;
use asynccoder::domain::task::Kind;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::symlink;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// A workspace behind walls, and the tools in it.
struct Room {
    cell: Cell,
    workspace: Workspace,
    kind: Kind,
    left: Duration,
}

impl Room {
    async fn new(walls: &str, kind: Kind, files: &[(&str, &str)]) -> Self {
        let cell = Cell::new(walls).await;
        for (path, content) in files {
            let path = cell.tree().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        let workspace = Workspace::open(&cell.tree()).unwrap();
        Self { cell, workspace, kind, left: Duration::from_mins(1) }
    }

    async fn calls(&self, name: &str, arguments: Value) -> StepResults {
        let (sandbox, workspace) = (self.cell.sandbox.clone(), self.workspace.clone());
        let (kind, left) = (self.kind, self.left);
        let call = ToolCall {
            id: "1".to_owned(),
            name: name.to_owned(),
            arguments: Ok(arguments),
            refused: None,
        };
        let work = move || {
            let (stop, diff) = (CancellationToken::new(), Diff::default());
            let runner = Some(Runner { sandbox: &sandbox, stop: &stop, left });
            let (findings, is_second_look) = (0, false);
            let standing = Standing { kind, diff: &diff, findings, is_second_look, runner };
            tools::run(&workspace, standing, &[call]).unwrap()
        };
        tokio::task::spawn_blocking(work).await.unwrap()
    }

    /// What the model is answered, without the time that it took.
    async fn bash(&self, command: &str) -> String {
        let done = self.calls("bash", json!({ "command": command })).await;
        let text = done.results[0].text.clone();
        let time = regex::Regex::new(r"time=[0-9.]+s").unwrap();
        time.replace(&text, "time=…").into_owned()
    }

    fn changed(&self) -> String {
        self.workspace.changed().into_iter().collect::<Vec<_>>().join(" ")
    }
}

#[tokio::test]
async fn a_command_is_answered_with_its_end_and_its_output() {
    for walls in WALLS {
        let room = Room::new(walls, Kind::Debug, &[("a", "one\n")]).await;
        assert_eq!(room.bash("cat a; echo bad >&2; exit 3").await, "exit=3 time=…\none\nbad\n");
        assert_eq!(room.bash("true").await, "exit=0 time=…\n\n");
        let long = room.bash("seq 1 20000").await;
        assert!(long.starts_with("exit=0 time=…\n1\n2\n"), "{long}");
        assert!(long.contains(" characters elided]\n") && long.contains("\n20000\n["), "{long}");
        assert!(long.chars().count() < 10_300, "{}", long.len());
        let late = room.calls("bash", json!({ "command": "sleep 50", "timeout_s": 3 })).await;
        assert!(late.results[0].text.starts_with("exit=killed: time time="), "{late:?}");
        let huge = room.calls("bash", json!({ "command": "x".repeat(20_000) })).await;
        assert!(huge.results[0].is_error && huge.results[0].text.contains("16 KiB"));
        let zero = room.calls("bash", json!({ "command": "echo \u{0}" })).await;
        assert!(zero.results[0].is_error, "{zero:?}");
    }
}

#[tokio::test]
async fn no_command_outlasts_the_task() {
    let room = Room::new("bubblewrap", Kind::Debug, &[]).await;
    let room = Room { left: Duration::from_secs(3), ..room };
    assert_eq!(room.bash("sleep 50").await, "exit=killed: time time=…\n\n");
}

#[tokio::test]
async fn what_a_command_changes_is_part_of_the_change() {
    for walls in WALLS {
        let files =
            [("a", "one"), ("b", "two"), ("c/d", "three"), (".gitignore", "*.log\nbuild/\n")];
        let room = Room::new(walls, Kind::Async, &files).await;
        let said = room.bash("echo x >> a; rm b; mkdir -p e && echo y > e/f; cat c/d").await;
        assert_eq!(said, "exit=0 time=…\nthree\n[newly changed: a, b, e/f]\n", "{walls}");
        assert_eq!(room.changed(), "a b e/f", "{walls}");
        // The size, the name and the times are what they were; only the bytes are not.
        let hidden = "old=$(stat -c %y c/d); printf THREE > new; cat new > c/d; touch -d \"$old\" - < c/d; rm new";
        room.bash(hidden).await;
        assert_eq!(room.changed(), "a b c/d e/f", "{walls}");
        // Put back as it was, it is no longer looked at as new; the guard sees that nothing is left of it.
        room.bash("rm -r e").await;
        assert_eq!(room.changed(), "a b c/d", "{walls}");
        room.calls("write_file", json!({ "path": "g", "content": "z" })).await;
        room.bash("true").await;
        assert_eq!(room.changed(), "a b c/d g", "{walls}");
    }
}

#[tokio::test]
async fn what_builds_leave_behind_is_not() {
    for walls in WALLS {
        let files = [("a", "one"), (".gitignore", "*.log\nbuild/\n"), ("target/kept", "by people")];
        let room = Room::new(walls, Kind::Async, &files).await;
        symlink("a", room.cell.tree().join("link")).unwrap();
        let said = room
            .bash(
                "mkdir -p build target node_modules/x .venv/bin __pycache__ sub/target .git/hooks; \
                 touch build/o target/o node_modules/x/y .venv/bin/z __pycache__/m.pyc m.pyc n.log \
                 sub/target/o .git/hooks/pre-commit; ln -s a new-link; mkfifo pipe",
            )
            .await;
        assert_eq!((said.as_str(), room.changed().as_str()), ("exit=0 time=…\n\n", ""), "{walls}");
        room.bash("for d in target node_modules; do echo more >> $d/o; done; echo x > target/kept")
            .await;
        assert_eq!(room.changed(), "target/kept", "{walls}");
        let said = room
            .bash("mkdir many; for n in $(seq 400); do echo $n > many/$n; done; echo x > a")
            .await;
        assert!(said.contains("[newly changed: a]\n[400 new files are so many"), "{said}");
        assert_eq!(room.changed(), "a target/kept", "{walls}");
    }
}

#[tokio::test]
async fn a_kind_that_may_not_edit_only_looks() {
    for walls in WALLS {
        for kind in [Kind::Ask, Kind::Architect, Kind::PrReview] {
            let room = Room::new(walls, kind, &[("a", "one\n")]).await;
            let said = room
                .bash(
                    "cat a; (echo two > a) 2>/dev/null || echo no; touch b 2>/dev/null || echo no",
                )
                .await;
            assert_eq!(said, "exit=0 time=…\none\nno\nno\n", "{walls} {kind}");
            assert_eq!(room.changed(), "");
            assert_eq!(fs::read_dir(room.cell.tree()).unwrap().count(), 1);
        }
    }
}

#[tokio::test]
async fn without_walls_there_is_no_such_tool() {
    let names = |runs| {
        let spec = tools::offered(Kind::Async, runs).into_iter().map(|spec| spec.name);
        spec.collect::<Vec<_>>()
    };
    assert!(names(true).contains(&"bash") && !names(false).contains(&"bash"));
    let room = Room::new("bubblewrap", Kind::Async, &[]).await;
    let diff = Diff::default();
    let standing = Standing {
        kind: Kind::Async,
        diff: &diff,
        findings: 0,
        is_second_look: false,
        runner: None,
    };
    let call = ToolCall {
        id: "1".to_owned(),
        name: "bash".to_owned(),
        arguments: Ok(json!({ "command": "touch ran" })),
        refused: None,
    };
    let done = tools::run(&room.workspace, standing, &[call]).unwrap();
    assert!(done.results[0].text.starts_with("there is no tool `bash`"), "{done:?}");
    assert!(!room.cell.tree().join("ran").exists());
}
