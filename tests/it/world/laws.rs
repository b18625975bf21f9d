//! What holds at the end of every story.

use super::{BOT, REPOSITORY, World, teller};
use asynccoder::simulator::{Effect, Entry, Simulator};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Once;

thread_local! {
    static PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// From now on the first panic inside the bot is kept, a thread each: a story has one thread.
pub(super) fn listen_for_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if info.location().is_some_and(|place| place.file().starts_with("src/")) {
                PANIC.with_borrow_mut(|kept| {
                    kept.get_or_insert_with(|| info.to_string());
                });
            }
            usual(info);
        }));
    });
    PANIC.take();
}

pub(super) fn panic_of_the_bot() -> Option<String> {
    PANIC.take()
}

/// Checks them all.
pub(super) async fn check(mut world: World) {
    if world.app.is_none() {
        world.start().await;
    }
    world.settle().await;
    let untold = teller::story(&world.simulator, world.told);
    assert_eq!(untold, "", "everything that happened is told, but this is not:\n{untold}");
    let store = world.app().store();
    assert!(store.is_settled().await.unwrap(), "nothing is left to be done");
    assert_eq!(store.unbalanced_accounts().await.unwrap(), [], "the ledger balances");
    let refusals = world.simulator.refusals();
    if world.wants_refusals {
        assert!(!refusals.is_empty(), "the story is about refusals");
    } else {
        assert!(refusals.is_empty(), "nothing was refused, but {refusals:#?}");
    }
    once(&world.simulator);
    no_secret(&world.simulator);
    world.stop().await;
    if let Some(panic) = panic_of_the_bot() {
        panic!("the bot panicked: {panic}");
    }
    no_worktree(&world.data_dir());
}

pub(crate) fn no_worktree(data_dir: &Path) {
    let worktrees = std::fs::read_dir(data_dir.join("worktrees")).unwrap();
    assert_eq!(worktrees.count(), 0, "no worktree is left");
}

/// A task has at most one branch, pull request, status comment and check run a commit; a command
/// one answer; no check run is left in progress.
pub(crate) fn once(simulator: &Simulator) {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for comment in all_comments(simulator).iter().filter(|comment| comment.0 == BOT) {
        let marker = comment.1.lines().last().unwrap_or_default();
        assert!(
            marker.starts_with("<!-- asynccoder:"),
            "a comment without a marker: {}",
            comment.1
        );
        *seen.entry(format!("comment {marker}")).or_default() += 1;
    }
    for repository in repositories(simulator) {
        for pull in simulator.pull_requests(&repository).iter().filter(|pull| pull.author == BOT) {
            let body = pull.body.clone().unwrap_or_default();
            *seen.entry(format!("pull request {:?}", body.lines().last())).or_default() += 1;
        }
        for check in simulator.check_runs(&repository) {
            assert_eq!(check.status, "completed", "{} is left in progress", check.name);
            // One that was there twice cannot be removed; it is neutral then.
            let counts = check.conclusion.as_deref() != Some("neutral");
            let check = format!("check run {} {}", check.external_id, check.head_sha);
            *seen.entry(check).or_default() += usize::from(counts);
        }
    }
    for entry in simulator.journal() {
        if let Some(Effect::Pushed { repository, reference, old, new, by }) = entry.effect()
            && by == BOT
        {
            let Some(new) = new.as_deref() else {
                let old = old.as_deref().expect("what is deleted was there");
                assert!(reference.starts_with("refs/heads/asynccoder/"), "deleted {reference}");
                task_of(simulator, repository, old);
                continue;
            };
            match old {
                None => {
                    assert!(reference.starts_with("refs/heads/asynccoder/"), "made {reference}");
                }
                Some(old) => on_top(simulator, repository, reference, old, new),
            }
            let task = task_of(simulator, repository, new);
            *seen.entry(format!("push for {task}")).or_default() += 1;
        }
    }
    let doubled: Vec<_> = seen.into_iter().filter(|(_, count)| *count > 1).collect();
    assert!(doubled.is_empty(), "there is more than one of {doubled:#?}");
}

/// The commit stands on what a pull request's own branch had.
fn on_top(simulator: &Simulator, repository: &str, reference: &str, old: &str, new: &str) {
    let branch = reference.trim_start_matches("refs/heads/");
    let pulls = simulator.pull_requests(repository);
    let is_head = pulls.iter().any(|pull| pull.fork.is_none() && pull.head == branch);
    assert!(is_head && branch != "main", "pushed to {branch}, where no pull request is");
    let commit = simulator.commit(repository, new).unwrap();
    assert_eq!(commit.parent.as_deref(), Some(old), "pushed over a commit of {branch}");
}

/// The task that a commit of the bot belongs to.
fn task_of(simulator: &Simulator, repository: &str, commit: &str) -> String {
    let message = simulator.commit(repository, commit).unwrap().message;
    let trailer = message.lines().find_map(|line| line.strip_prefix("Async-Coder-Task: "));
    trailer.expect("a commit of the bot names its task").to_owned()
}

/// Every repository in which something happened, and the usual one.
fn repositories(simulator: &Simulator) -> BTreeSet<String> {
    let journal = simulator.journal();
    let opened = journal.iter().filter_map(|entry| match entry.effect()? {
        Effect::IssueOpened { repository, .. } => Some(repository.clone()),
        _ => None,
    });
    opened.chain([REPOSITORY.to_owned()]).collect()
}

/// Author and text of every comment that is there.
fn all_comments(simulator: &Simulator) -> Vec<(String, String)> {
    let journal = simulator.journal();
    let threads: BTreeSet<(String, u64)> = journal
        .iter()
        .filter_map(|entry| match entry.effect()? {
            Effect::CommentCreated { repository, number, .. } => {
                Some((repository.clone(), *number))
            }
            _ => None,
        })
        .collect();
    let comments = threads.iter().flat_map(|(name, number)| simulator.comments(name, *number));
    // A repository that was renamed is found under both names.
    let by_id: BTreeMap<u64, _> =
        comments.map(|comment| (comment.id, (comment.author, comment.body))).collect();
    by_id.into_values().collect()
}

/// No key and no token is in anything that was published or sent to a model.
pub(crate) fn no_secret(simulator: &Simulator) {
    let journal = simulator.journal();
    let said = journal.iter().filter_map(said_by_the_bot);
    let requests = journal.iter().filter_map(|e| e.request().map(|r| r.body.to_string()));
    let commits = journal.iter().filter_map(|entry| match entry.effect()? {
        Effect::Pushed { repository, new: Some(new), by, .. } if by == BOT => {
            let commit = simulator.commit(repository, new).unwrap();
            let parent = commit.parent.clone().unwrap_or_default();
            let diff = simulator.diff(repository, &parent, new).unwrap();
            Some(format!("{}\n{diff}", commit.message))
        }
        _ => None,
    });
    let prompts = simulator.models().requests().into_iter().map(|prompt| prompt.to_string());
    for text in said.chain(requests).chain(commits).chain(prompts) {
        no_secret_in(simulator, &text);
    }
}

pub(super) fn no_secret_in(simulator: &Simulator, text: &str) {
    let app = simulator.credentials();
    let key = app.private_key_pem.lines().nth(3).expect("a key has lines");
    let models = simulator.models();
    let keys = [models.api_key(), models.openai_key(), models.gemini_key()];
    for secret in [key, &app.webhook_secret, "ghs_"].into_iter().chain(keys) {
        assert!(!text.contains(secret), "a secret is in {text}");
    }
}

fn said_by_the_bot(entry: &Entry) -> Option<String> {
    match entry.effect()? {
        Effect::CommentCreated { body, .. } | Effect::CommentEdited { body, .. } => {
            Some(body.clone())
        }
        Effect::PullOpened { title, .. } => Some(title.clone()),
        _ => None,
    }
}
