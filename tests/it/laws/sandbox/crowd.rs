//! The number of a command's processes is held by the kernel, not only by whoever watches: a watcher
//! that is kept from its work must not cost the machine.

use super::Cell;
use asynccoder::domain::verification::{Exit, Limit};
use asynccoder::sandbox::{Access, Limits};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_mins(1);
/// What is allowed, and what comes on top of it: room for the watcher to see that it is too much.
const ALLOWED: u64 = 64;
const MOST: u64 = ALLOWED + 100;

/// Starts processes when it is told to, up to the first that it is refused, and says how many.
const CROWD: &str = "
import os, time
open('begun', 'w').close()
while not os.path.exists('go'):
    time.sleep(0.01)
count = 0
try:
    for _ in range(2000):
        if os.fork() == 0:
            time.sleep(100)
            os._exit(0)
        count += 1
except OSError:
    pass
open('part', 'w').write(str(count))
os.rename('part', 'count')
time.sleep(100 if count > 64 else 0)
";

#[tokio::test]
async fn it_is_held_while_nobody_watches() {
    let cell =
        Cell::limited("bubblewrap", Limits { processes: ALLOWED, ..Limits::default() }).await;
    let tree = cell.tree();
    fs::write(tree.join("crowd.py"), CROWD).unwrap();
    let unwatched = async {
        is_there(&tree.join("begun")).await;
        let watcher = watcher_of(&tree);
        kill_process(watcher, Signal::STOP).unwrap();
        fs::write(tree.join("go"), "").unwrap();
        is_there(&tree.join("count")).await;
        kill_process(watcher, Signal::CONT).unwrap();
        fs::read_to_string(tree.join("count")).unwrap().parse::<u64>().unwrap()
    };
    let running = cell.tries("python3 crowd.py", Access::ReadWrite, LONG);
    let (ran, count) = tokio::join!(running, unwatched);
    assert!((ALLOWED / 2..=MOST).contains(&count), "{count}");
    let too_many = ran.exit == Exit::Limit(Limit::Processes);
    // An ordinary user is refused before it is too much. With the walls themselves it may be, and
    // then it is a race whether the watcher looks before the command has ended.
    let by_itself = count <= ALLOWED && ran.exit == Exit::Code(0);
    assert!(too_many || by_itself, "{count}: {:?}: {}", ran.exit, ran.output);
}

async fn is_there(file: &Path) {
    let began = Instant::now();
    while !file.exists() {
        assert!(began.elapsed() < LONG, "{} does not come", file.display());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Who started the walls around this workspace.
fn watcher_of(tree: &Path) -> Pid {
    let tree = tree.to_str().unwrap();
    let starts_walls = |process: &PathBuf| {
        let line = fs::read(process.join("cmdline")).unwrap_or_default();
        line.starts_with(b"bwrap\0") && String::from_utf8_lossy(&line).contains(tree)
    };
    let mut processes = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
    // Of the two that have this line, the other was started by the first.
    let parents = processes.by_ref().filter(starts_walls).map(|process| {
        let stat = fs::read_to_string(process.join("stat")).unwrap();
        let (_, fields) = stat.rsplit_once(") ").unwrap();
        fields.split(' ').nth(1).unwrap().parse::<i32>().unwrap()
    });
    let parent = parents.min().expect("walls around it");
    Pid::from_raw(parent).unwrap()
}
