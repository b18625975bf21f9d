//! The sandbox: what a command sees and can do, what it cannot, and that nothing of it is left. All of
//! it holds for each sort of walls, and for the administrator as for everybody else.

mod attempts;
mod crowd;
mod door;
mod repositories;

use crate::world::processes::{GONE, gone, there};
use asynccoder::config::Config;
use asynccoder::domain::verification::{Exit, Limit};
use asynccoder::sandbox::{Access, Job, Limits, Ran, Sandbox, SandboxError};
use futures::{StreamExt, stream};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

pub(super) const WALLS: [&str; 2] = ["bubblewrap", "landlock"];
/// Longer than any command here takes.
const LONG: Duration = Duration::from_mins(1);
/// Commands that are started together, where the machine should have more to do than it can at once.
const AT_ONCE: usize = 8;
/// Where the program is, if it is not where cargo put it.
const PROGRAM: &str = "ASYNCCODER_TEST_PROGRAM";

/// A workspace behind walls.
pub(super) struct Cell {
    pub(super) sandbox: Sandbox,
    pub(super) folder: TempDir,
}

impl Cell {
    pub(super) async fn new(walls: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let sandbox = Sandbox::prove(&config(walls, folder.path())).await.unwrap();
        assert_eq!(sandbox.name(), walls);
        fs::create_dir(folder.path().join("tree")).unwrap();
        fs::create_dir(folder.path().join("git")).unwrap();
        fs::write(folder.path().join("git/config"), "canary").unwrap();
        Self { sandbox, folder }
    }

    async fn limited(walls: &str, limits: Limits) -> Self {
        let cell = Self::new(walls).await;
        Self { sandbox: cell.sandbox.with_limits(limits), folder: cell.folder }
    }

    pub(super) fn tree(&self) -> PathBuf {
        self.folder.path().join("tree")
    }

    async fn tries(&self, command: &str, access: Access, time: Duration) -> Ran {
        let tree = self.tree();
        let job = Job { command, workspace: &tree, access, time };
        self.sandbox.run(job, &CancellationToken::new()).await.unwrap()
    }

    async fn runs(&self, command: &str) -> Ran {
        self.tries(command, Access::ReadWrite, LONG).await
    }

    /// What a command prints, whatever its end.
    async fn prints(&self, command: &str) -> String {
        self.runs(command).await.output.trim().to_owned()
    }
}

/// What an operator would set, as far as the sandbox looks at it.
fn config(walls: &str, data: &Path) -> Config {
    let vars = [
        ("SANDBOX", walls),
        ("DATA_DIR", data.to_str().unwrap()),
        ("APP_ID", "1"),
        ("PRIVATE_KEY", include_str!("../../../fixtures/keys/simulator.pem")),
        ("WEBHOOK_SECRET", "a secret of some length"),
    ];
    let vars = vars.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut config = Config::from_vars(BTreeMap::from(vars)).unwrap();
    #[expect(clippy::disallowed_methods, reason = "a test that another one starts")]
    let program = std::env::var_os(PROGRAM);
    config.program = program.map_or_else(|| env!("CARGO_BIN_EXE_asynccoder").into(), Into::into);
    config
}

#[tokio::test]
async fn a_command_works_in_its_workspace() {
    for walls in WALLS {
        let cell = Cell::new(walls).await;
        fs::write(cell.tree().join("a"), "one\n").unwrap();
        let ran = cell.runs("cat a; echo two >&2; echo three > b; exit 7").await;
        assert_eq!((ran.exit, ran.output.as_str()), (Exit::Code(7), "one\ntwo\n"), "{walls}");
        assert_eq!(fs::read_to_string(cell.tree().join("b")).unwrap(), "three\n");
        let there = cell.prints("pwd").await;
        assert_eq!(Path::new(&there), cell.sandbox.sees(&cell.tree()));
        let kept = "echo x > $TMPDIR/x && cat $TMPDIR/x; touch ~/y && echo $?";
        assert_eq!(cell.prints(kept).await, "x\n0", "{walls}");
        assert_eq!(cell.prints("ls -A $TMPDIR ~ | grep -c '^[xy]$'").await, "0", "{walls}");
        assert_eq!(cell.runs("no-such-program").await.exit, Exit::Code(127));
        let killed = cell.runs("kill -9 $$").await.exit;
        assert!(matches!(killed, Exit::Code(137) | Exit::Signal(9)), "{walls}: {killed}");
    }
}

#[tokio::test]
async fn a_program_is_built_and_run() {
    for walls in WALLS {
        let cell = Cell::new(walls).await;
        fs::write(
            cell.tree().join("x.c"),
            "#include <stdio.h>\nint main(void) { puts(\"built\"); }\n",
        )
        .unwrap();
        // Where nobody can be told apart from the server, only an open file's mode can be changed, and
        // the linker changes it by name.
        let is_told_apart = walls == "bubblewrap" || rustix::process::getuid().is_root();
        let expected =
            if is_told_apart { "built" } else { "/bin/bash: line 1: ./x: Permission denied" };
        assert_eq!(cell.prints("cc -o x x.c && ./x").await, expected, "{walls}");
        assert_eq!(cell.prints("test -w . && test -w $TMPDIR && echo writable").await, "writable");
    }
}

#[tokio::test]
async fn what_is_only_to_be_read_stays_as_it_is() {
    for walls in WALLS {
        let cell = Cell::new(walls).await;
        fs::write(cell.tree().join("a"), "one\n").unwrap();
        let command = "cat a; echo x > a; rm -f a; touch b; mkdir c; chmod 600 a; echo x > $TMPDIR/x && cat $TMPDIR/x";
        let ran = cell.tries(command, Access::ReadOnly, LONG).await;
        assert!(ran.output.starts_with("one\n") && ran.output.ends_with("x\n"), "{}", ran.output);
        assert_eq!(fs::read_to_string(cell.tree().join("a")).unwrap(), "one\n", "{walls}");
        assert_eq!(fs::read_dir(cell.tree()).unwrap().count(), 1, "{walls}");
    }
}

#[tokio::test]
async fn the_environment_is_ours() {
    for walls in WALLS {
        let cell = Cell::new(walls).await;
        let names = cell.prints("env | cut -d= -f1 | sort | tr '\\n' ' '").await;
        let expected = "CARGO_NET_OFFLINE CARGO_TERM_COLOR CI GIT_CONFIG_NOSYSTEM GIT_TERMINAL_PROMPT HOME LANG LESS MANPAGER NO_COLOR PAGER PATH PIP_PROGRESS_BAR PWD SHLVL TERM TMPDIR TQDM_DISABLE _";
        assert_eq!(names, expected, "{walls}");
    }
}

#[tokio::test]
async fn no_file_is_handed_down() {
    for walls in WALLS {
        let cell = Cell::new(walls).await;
        // One that is not closed when a program is started, as servers get them from who starts them.
        let open = fs::File::open("/etc/hostname").unwrap();
        rustix::io::fcntl_setfd(&open, rustix::io::FdFlags::empty()).unwrap();
        let look = r#"python3 -c "
import os
for fd in range(3, 4096):
    try: os.fstat(fd); print('open', fd)
    except OSError: pass
""#;
        assert_eq!(cell.prints(look).await, "", "{walls}");
        drop(open);
    }
}

#[tokio::test]
async fn nothing_outlives_its_end() {
    for walls in WALLS {
        let cell = Cell::new(walls).await;
        let word = format!("31{}", rand_digits());
        let command = format!(
            "trap '' TERM HUP INT; (setsid sleep {word} &) ; (setsid bash -c 'trap \"\" TERM; sleep {word}' & disown) ; nohup sleep {word} & echo begun"
        );
        let began = Instant::now();
        let ran = cell.runs(&command).await;
        assert_eq!((ran.exit, ran.output.trim()), (Exit::Code(0), "begun"), "{walls}");
        assert!(began.elapsed() < GONE, "{walls}: background work was waited for");
        gone(&format!("sleep {word}")).await;
    }
}

#[tokio::test]
async fn nothing_outlives_its_time() {
    for walls in WALLS {
        let cell = Cell::new(walls).await;
        let word = format!("32{}", rand_digits());
        let command =
            format!("trap '' TERM HUP INT XCPU; echo begun; (setsid sleep {word} &); sleep {word}");
        let began = Instant::now();
        let ran = cell.tries(&command, Access::ReadWrite, Duration::from_secs(3)).await;
        assert_eq!(ran.exit, Exit::Limit(Limit::Time), "{walls}");
        assert_eq!(ran.output, "begun\n", "{walls}");
        assert!(began.elapsed() < GONE, "{walls}: {:?}", began.elapsed());
        gone(&format!("sleep {word}")).await;
    }
}

#[tokio::test]
async fn nothing_outlives_a_cancellation_or_a_drop() {
    for walls in WALLS {
        let cell = Cell::new(walls).await;
        for cancels in [true, false] {
            let word = format!("33{}", rand_digits());
            let command = format!("(setsid sleep {word} &); sleep {word}");
            let sleeper = format!("sleep {word}");
            let tree = cell.tree();
            let job =
                Job { command: &command, workspace: &tree, access: Access::ReadWrite, time: LONG };
            let stop = CancellationToken::new();
            let mut run = Box::pin(cell.sandbox.run(job, &stop));
            tokio::select! {
                ran = &mut run => panic!("it ended by itself: {ran:?}"),
                () = there(&sleeper) => {}
            }
            if cancels {
                stop.cancel();
                assert!(matches!(run.await, Err(SandboxError::Stopped)), "{walls}");
            } else {
                drop(run);
            }
            gone(&sleeper).await;
        }
    }
}

/// Putting up walls takes several processes, and any of them may be the newest when the end comes.
#[tokio::test]
async fn nothing_outlives_a_beginning_that_is_broken_off() {
    for walls in WALLS {
        let cell = Cell::new(walls).await;
        let tree = cell.tree();
        let broken_off = |word: String| {
            let (sandbox, workspace) = (&cell.sandbox, &tree);
            async move {
                let command = format!("sleep {word}");
                let (access, stop) = (Access::ReadWrite, CancellationToken::new());
                let job = Job { command: &command, workspace, access, time: LONG };
                tokio::select! {
                    ran = sandbox.run(job, &stop) => panic!("it ended by itself: {ran:?}"),
                    // The word stands in what puts up the walls too.
                    () = there(&word) => {}
                }
                gone(&word).await;
            }
        };
        let words = (0..AT_ONCE * 5).map(|n| format!("34{n}{}", rand_digits()));
        stream::iter(words).map(broken_off).buffer_unordered(AT_ONCE).collect::<()>().await;
    }
}

/// Where namespaces are forbidden, each command has a private folder on the disk. A command closes folders
/// in it to everybody.
#[tokio::test]
async fn no_private_folder_outlives_its_command() {
    let cell = Cell::new("landlock").await;
    let scratch = cell.folder.path().join("scratch");
    let left = || fs::read_dir(&scratch).unwrap().flatten().map(|e| e.path()).collect::<Vec<_>>();
    let shuts = "mkdir $TMPDIR/a ~/b && (umask 777 && mkdir $TMPDIR/a/shut ~/b/shut) && echo shut";
    assert_eq!(cell.prints(shuts).await, "shut");
    assert!(left().is_empty(), "still there: {:?}", left());

    let sleeper = format!("sleep 35{}", rand_digits());
    let (command, tree) = (format!("{shuts}; {sleeper}"), cell.tree());
    let job = Job { command: &command, workspace: &tree, access: Access::ReadWrite, time: LONG };
    let stop = CancellationToken::new();
    let mut run = Box::pin(cell.sandbox.run(job, &stop));
    tokio::select! {
        ran = &mut run => panic!("it ended by itself: {ran:?}"),
        () = there(&sleeper) => {}
    }
    assert_eq!(left().len(), 1);
    drop(run);
    gone(&sleeper).await;
    let began = Instant::now();
    while !left().is_empty() {
        assert!(began.elapsed() < GONE, "still there: {:?}", left());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn temporary_files_are_part_of_what_a_command_writes() {
    let limits = Limits { disk: 100 * 1024 * 1024, ..Limits::default() };
    let cell = Cell::limited("landlock", limits).await;
    let command = "for n in $(seq 30); do head -c 10M /dev/zero > $TMPDIR/large$n; done; sleep 50";
    let ran = cell.tries(command, Access::ReadWrite, Duration::from_secs(10)).await;
    assert_eq!(ran.exit, Exit::Limit(Limit::Disk), "{}", ran.output);
}

/// Commands that take everything they can get: each ends at a limit or by itself, soon, and the machine
/// does not notice.
#[tokio::test]
async fn greed_ends_at_a_limit() {
    let megabyte = 1024 * 1024;
    let limits = Limits {
        memory: 300 * megabyte,
        data: 200 * megabyte,
        processes: 40,
        open_files: 64,
        file_size: 20 * megabyte,
        disk: 100 * megabyte,
        temporary: 30 * megabyte,
        ..Limits::default()
    };
    let eats = "import time\nkept = []\nfor _ in range(40):\n    kept.append(b'x' * 5000000)\n";
    let greedy: &[(&str, String, &[Exit])] = &[
        ("a fork bomb", "bomb() { bomb | bomb & }; bomb; sleep 50".into(), &[Exit::Limit(Limit::Processes), Exit::Limit(Limit::Time), Exit::Code(0)]),
        ("threads", py("import threading, time\nfor _ in range(500):\n    threading.Thread(target=time.sleep, args=(50,), daemon=True).start()\ntime.sleep(50)"), &[Exit::Limit(Limit::Processes), Exit::Code(1)]),
        ("memory of one", py(&format!("{}time.sleep(50)", eats.replace("40", "90"))), &[Exit::Code(1), Exit::Limit(Limit::Memory)]),
        ("memory of many", format!("for n in 1 2 3 4 5; do {} & done; wait", py(&format!("{}time.sleep(50)", eats.replace("40", "25")))), &[Exit::Limit(Limit::Memory)]),
        ("a large file", "head -c 100M /dev/zero > large; echo $?; ls -l large | cut -d' ' -f5 >&2; exit 3".into(), &[Exit::Code(3)]),
        ("many large files", "for n in $(seq 1000); do head -c 15M /dev/zero > large$n || exit 3; done; echo all; sleep 50".into(), &[Exit::Limit(Limit::Disk)]),
        ("no end of output", "yes yes yes yes yes yes yes".into(), &[Exit::Limit(Limit::Output), Exit::Limit(Limit::Time)]),
        ("open files", py("kept = [open('/dev/null') for _ in range(100)]"), &[Exit::Code(1)]),
        ("no end of work", "while :; do :; done".into(), &[Exit::Limit(Limit::Time)]),
    ];
    for walls in WALLS {
        let cell = Cell::limited(walls, limits).await;
        for (what, command, ends) in greedy {
            let began = Instant::now();
            let ran = cell.tries(command, Access::ReadWrite, Duration::from_secs(10)).await;
            assert!(ends.contains(&ran.exit), "{walls}, {what}: {} {}", ran.exit, ran.output);
            let took = began.elapsed();
            assert!(
                took < Duration::from_secs(10) + GONE,
                "{walls}, {what}: {took:?} {}",
                ran.exit
            );
            assert!(ran.output.len() < 200 * 1024, "{walls}, {what}");
            for entry in fs::read_dir(cell.tree()).unwrap().flatten() {
                assert!(entry.metadata().unwrap().size() <= limits.file_size, "{walls}, {what}");
                fs::remove_file(entry.path()).unwrap();
            }
        }
        assert_eq!(cell.prints("echo fine").await, "fine", "{walls}");
    }
}

#[tokio::test]
async fn of_much_output_head_and_tail_are_kept() {
    for walls in WALLS {
        let cell = Cell::new(walls).await;
        let ran = cell.runs("echo first; seq 1000000; echo last").await;
        assert!(ran.output.starts_with("first\n1\n2\n"), "{walls}");
        assert!(ran.output.ends_with("999999\n1000000\nlast\n"), "{walls}");
        assert!(ran.output.contains(" bytes left out]\n") && ran.output.len() < 140_000, "{walls}");
    }
}

#[tokio::test]
async fn walls_that_cannot_be_put_up_run_nothing() {
    for walls in WALLS {
        let cell = Cell::new(walls).await;
        let missing = cell.folder.path().join("missing");
        let job = Job {
            command: "touch ran",
            workspace: &missing,
            access: Access::ReadWrite,
            time: LONG,
        };
        let ran = cell.sandbox.run(job, &CancellationToken::new()).await;
        assert!(matches!(&ran, Err(SandboxError::Unusable(_))), "{walls}: {ran:?}");
    }
    let folder = tempfile::tempdir().unwrap();
    let mut config = config("bubblewrap", folder.path());
    config.program = "/bin/true".into();
    let refused = Sandbox::prove(&config).await.unwrap_err();
    assert!(refused.starts_with("bubblewrap: "), "{refused}");
    config.walls = asynccoder::config::Walls::None;
    assert_eq!(Sandbox::prove(&config).await.unwrap_err(), "SANDBOX is off");
}

/// The program, but it leaves something out when it puts up walls: first what is replaced by what in
/// the arguments of the launcher.
const HALF_HEARTED: &str = r#"#!/usr/bin/python3
import json, os, subprocess, sys
if sys.argv[1:3] != ["jail", "watch"]:
    os.execv(REAL, [REAL, *sys.argv[1:]])
plan = json.loads(sys.stdin.readline())
args = [bytes(arg["Unix"]).decode() for arg in plan["args"]]
for old, new in CHANGES:
    args = [arg for part in args for arg in part.replace(old, new).split("\x00") if arg]
plan["args"] = [{"Unix": list(arg.encode())} for arg in args]
real = subprocess.Popen([REAL, "jail", "watch"], stdin=subprocess.PIPE)
real.stdin.write(json.dumps(plan).encode() + b"\n")
real.stdin.flush()
sys.exit(real.wait())
"#;

/// The walls, what is changed about them, and what the self-test says.
type Hole = (&'static str, &'static [(&'static str, &'static str)], &'static str);

#[tokio::test]
async fn walls_with_a_hole_are_not_used() {
    let folder = tempfile::tempdir().unwrap();
    let real = config("off", folder.path()).program;
    let holes: &[Hole] = &[
        ("bubblewrap", &[], ""),
        ("bubblewrap", &[("--unshare-net", "")], "a TCP port can be reached"),
        ("bubblewrap", &[("--unshare-pid", "")], "another process can be seen"),
        ("bubblewrap", &[("--ro-bind", "--bind")], "only to be read can be written"),
        ("bubblewrap", &[("--bind", "--ro-bind")], "the workspace cannot be written"),
        ("landlock", &[], ""),
        ("landlock", &[(r#""sockets":"None""#, r#""sockets":"Own""#)], "a UDP port was reached"),
        (
            "landlock",
            &[(r#""confine":{"#, r#""confine":null,"was":{"#)],
            "a file outside can be read",
        ),
        ("landlock", &[(r#""read":["/usr","#, r#""read":["/","#)], "another process can be seen"),
    ];
    for (walls, changes, fault) in holes {
        let script = folder.path().join("program");
        let text = HALF_HEARTED.replace("CHANGES", &format!("{changes:?}").replace('&', ""));
        fs::write(&script, text.replace("REAL", &format!("{real:?}"))).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        let mut config = config(walls, folder.path());
        config.program = script;
        config.toolchains = vec![real.parent().unwrap().to_owned()];
        let proved = Sandbox::prove(&config).await;
        match proved {
            Ok(_) => assert_eq!(*fault, "", "{walls} {changes:?}"),
            Err(said) => {
                assert!(!fault.is_empty() && said.contains(fault), "{walls} {changes:?}: {said}");
            }
        }
    }
}

/// What holds for the administrator holds for an ordinary user too.
#[test]
fn all_of_it_holds_for_an_ordinary_user() {
    if !rustix::process::getuid().is_root() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (bin, temporary) = (folder.path().join("bin"), folder.path().join("tmp"));
    for (made, mode) in [(folder.path(), 0o755), (&bin, 0o755), (&temporary, 0o777)] {
        fs::create_dir_all(made).unwrap();
        fs::set_permissions(made, fs::Permissions::from_mode(mode)).unwrap();
    }
    let copy = |from: &Path, name: &str| {
        let to = bin.join(name);
        fs::copy(from, &to).unwrap();
        to
    };
    let tests = copy(&std::env::current_exe().unwrap(), "tests");
    let program = copy(Path::new(env!("CARGO_BIN_EXE_asynccoder")), "asynccoder");
    let done = Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(tests)
        .arg("laws::sandbox")
        .env(PROGRAM, program)
        .env("TMPDIR", &temporary)
        .current_dir(&temporary)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success(), "{said}{}", String::from_utf8_lossy(&done.stderr));
    assert!(!said.contains("running 0 tests"), "{said}");
}

fn py(program: &str) -> String {
    format!("python3 -c \"{program}\"")
}

fn rand_digits() -> u32 {
    rand::random_range(10_000_000..100_000_000)
}
