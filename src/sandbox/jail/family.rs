//! A process and everything that came of it, found by who started whom. Orphans count too: a watcher
//! is made the parent of all below it that lose theirs.

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitOptions, kill_process, wait};
use std::collections::{HashMap, HashSet};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// What does not die within this is not ours to kill.
const KILL_LIMIT: Duration = Duration::from_secs(5);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(2);
/// So often it is looked whether somebody came from one that was not yet stopped.
const MOST_STOPS: usize = 50;

/// What a family uses.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Used {
    pub(super) processes: u64,
    pub(super) bytes: u64,
}

/// All below this process that live.
pub(super) fn below(ancestor: u32) -> Vec<u32> {
    let mut children: HashMap<u32, Vec<(u32, bool)>> = HashMap::new();
    for (pid, stat) in stats() {
        let Some((state, parent)) = state_and_parent(&stat) else { continue };
        children.entry(parent).or_default().push((pid, matches!(state, 'Z' | 'X')));
    }
    let (mut found, mut next) = (Vec::new(), vec![ancestor]);
    while let Some(parent) = next.pop() {
        for (pid, is_dead) in children.remove(&parent).unwrap_or_default() {
            next.push(pid);
            if !is_dead {
                found.push(pid);
            }
        }
    }
    found
}

/// What all below this process use together: threads count as processes, as they do for the kernel.
pub(super) fn used(ancestor: u32) -> Used {
    let page = rustix::param::page_size() as u64;
    let mut used = Used::default();
    for pid in below(ancestor) {
        let threads = std::fs::read_dir(format!("/proc/{pid}/task")).map_or(1, Iterator::count);
        used.processes = used.processes.saturating_add(threads as u64);
        let Ok(statm) = std::fs::read_to_string(format!("/proc/{pid}/statm")) else { continue };
        let mut pages = statm.split(' ').skip(1).filter_map(|word| word.parse::<u64>().ok());
        let (resident, shared) = (pages.next().unwrap_or(0), pages.next().unwrap_or(0));
        used.bytes = used.bytes.saturating_add(resident.saturating_sub(shared) * page);
    }
    used
}

/// Kills all below this process, and comes back when none of them is left. They are buried here, so
/// nobody else of this process may wait for one of them meanwhile.
pub(super) fn end() {
    let me = std::process::id();
    // Who is stopped starts nobody, so after a few rounds there are no new ones.
    let mut stopped = HashSet::new();
    for _ in 0..MOST_STOPS {
        let family = below(me);
        let new: Vec<_> = family.into_iter().filter(|pid| stopped.insert(*pid)).collect();
        if new.is_empty() {
            break;
        }
        send(&new, Signal::STOP);
    }
    let began = Instant::now();
    while some_are_left() && began.elapsed() <= KILL_LIMIT {
        send(&below(me), Signal::KILL);
        sleep(LOOK);
    }
}

/// Buries who is dead. Only the kernel knows whether that was the last one: who reads one process after
/// the other can miss one whose parent dies meanwhile.
fn some_are_left() -> bool {
    loop {
        match wait(WaitOptions::NOHANG) {
            Ok(Some(_)) | Err(Errno::INTR) => {}
            Ok(None) => return true,
            Err(_) => return false,
        }
    }
}

/// How many processes and threads the whole machine has: one short line, however many there are.
pub(super) fn on_this_machine() -> Option<u64> {
    let line = std::fs::read_to_string("/proc/loadavg").ok()?;
    let (_, all) = line.split(' ').nth(3)?.split_once('/')?;
    all.parse().ok()
}

fn send(family: &[u32], signal: Signal) {
    for pid in family.iter().filter_map(|pid| Pid::from_raw(pid.cast_signed())) {
        // It may be gone already.
        let _ = kill_process(pid, signal);
    }
}

fn stats() -> impl Iterator<Item = (u32, String)> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        Some((pid, std::fs::read_to_string(entry.path().join("stat")).ok()?))
    })
}

/// A name may hold anything, so only what stands after its last bracket counts.
fn state_and_parent(stat: &str) -> Option<(char, u32)> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}
