//! The processes of this machine: is one that a command started still there?

use rustix::process::Pid;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// After this nothing of a command may be left, on a machine that has much else to do.
pub(crate) const GONE: Duration = Duration::from_secs(20);
/// Within this it is started.
const LONG: Duration = Duration::from_mins(2);

/// The processes of this machine that were started with this word.
fn alive(word: &str) -> Vec<String> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let line = |path: PathBuf| {
        let bytes = fs::read(path.join("cmdline")).ok()?;
        let is_test =
            path.join("exe").read_link().is_ok_and(|exe| exe == std::env::current_exe().unwrap());
        let text = String::from_utf8_lossy(&bytes).replace('\0', " ");
        (!is_test && text.contains(word)).then(|| format!("{} {text}", path.display()))
    };
    processes.filter_map(|entry| line(entry.path())).collect()
}

/// The process that this one started with this word.
pub(crate) fn started_by(parent: Pid, word: &str) -> Pid {
    let parent = format!(" {} ", Pid::as_raw(Some(parent)));
    let is_its = |folder: &str| {
        let stat = fs::read_to_string(format!("{folder}/stat")).unwrap_or_default();
        // After the name come the state, one letter, and the parent.
        stat.rsplit_once(')').is_some_and(|(_, rest)| rest[2..].starts_with(&parent))
    };
    let found = alive(word).into_iter().find_map(|process| {
        let folder = process.split(' ').next().filter(|folder| is_its(folder))?;
        folder.strip_prefix("/proc/")?.parse().ok().and_then(Pid::from_raw)
    });
    found.unwrap_or_else(|| panic!("none of {:?}", alive(word)))
}

/// Waits until none is left.
pub(crate) async fn gone(word: &str) {
    let began = Instant::now();
    while !alive(word).is_empty() {
        assert!(began.elapsed() < GONE, "still there: {:?}", alive(word));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Waits until there is one.
pub(crate) async fn there(word: &str) {
    let began = Instant::now();
    while alive(word).is_empty() {
        assert!(began.elapsed() < LONG, "{word} was not started");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
