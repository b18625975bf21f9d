//! A COMMIT whose answer is lost may have happened or not: whichever it was, at whichever
//! transaction, with the server alive or dead, the story ends as if nothing had happened.

use super::UNDISTURBED;
use crate::postgres;
use crate::world::commits::{Break, Side, Wall};
use crate::world::impatient::{PATIENCE, Server, regular, settled, the_end};
use crate::world::{Plan, WHOLE_MACHINE, World, laws, repo};
use futures::{StreamExt, stream};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// The `n`-th COMMIT of a transaction that wrote this.
type Commit = (String, usize);

/// Stories that are told at once.
const AT_ONCE: usize = 4;

#[test]
fn a_lost_answer_to_any_commit_changes_nothing() {
    let _alone = WHOLE_MACHINE.blocking_lock();
    let commits = alone(None);
    assert!(commits.len() > 15, "only {commits:#?} were seen");
    // The first of each kind stands for all of its kind.
    let kinds = commits.iter().filter(|(_, number)| *number == 0);
    let walls: Vec<_> =
        kinds.flat_map(|commit| [Side::Before, Side::After].map(|side| (commit, side))).collect();
    let (next, broken) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(wall) = walls.get(next.fetch_add(1, Ordering::SeqCst)) {
                    broken.fetch_add(alone(Some(*wall)).len(), Ordering::SeqCst);
                }
            });
        }
    });
    let broken = broken.into_inner();
    assert!(broken * 4 > walls.len() * 3, "only {broken} of {} were broken", walls.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_server_that_dies_at_a_commit_changes_nothing() {
    let _alone = WHOLE_MACHINE.lock().await;
    let (_, kinds) = killed_at(None).await;
    assert!(kinds.len() > 15, "only {kinds:#?} were seen");
    // By turns, because each of the two sides is told in full by the test above.
    let walls = kinds.into_iter().zip([Side::Before, Side::After].into_iter().cycle());
    let told = stream::iter(walls).map(|wall| tokio::spawn(killed_at(Some(wall))));
    let told: Vec<_> = told.buffer_unordered(AT_ONCE).map(Result::unwrap).collect().await;
    let killed = told.iter().filter(|(killed, _)| *killed).count();
    assert!(killed * 4 > told.len() * 3, "only {killed} of {} were killed", told.len());
}

/// Two servers share a database; one is killed at this COMMIT, and the other goes on. Says whether one
/// was killed, and which kinds of COMMIT there were.
async fn killed_at(at: Option<(String, Side)>) -> (bool, Vec<String>) {
    let url = tokio::task::spawn_blocking(postgres::fresh_database).await.unwrap();
    let mut wall = Wall::before(&url);
    let mut world = World::without_the_bot(Plan::default()).await;
    let mut servers = Vec::new();
    for name in ["first", "second"] {
        let folder = world.data_dir().with_file_name(name).display().to_string();
        let own = [("DATA_DIR", folder.as_str()), ("DATABASE_URL", &wall.door())];
        servers.push(Server::spawn(&world, &own).await);
    }
    servers[0].gets_webhooks();
    world.simulator.wait_for(|now| regular(now) >= 1, PATIENCE).await.unwrap();
    world.model(repo::fixes_the_till());
    let before = wall.seen().len();
    let broken = at.as_ref().map(|(wrote, side)| wall.breaks_at(wrote, 0, *side));
    world.alice.comments(&world.issue, "/asynccoder debug");
    if let Some(broken) = &broken {
        tokio::select! {
            dies = broken.reached() => {
                servers.remove(dies).kill().await;
                servers[0].gets_webhooks();
                broken.cut();
                world.simulator.deliveries_idle().await;
                world.simulator.redeliver_failed();
            }
            () = the_end(&world) => {}
        }
    }
    the_end(&world).await;
    settled(&url).await;
    let killed = servers.len() == 1;
    for server in servers {
        server.kill().await;
    }
    laws::once(&world.simulator);
    assert_eq!(world.story(), UNDISTURBED, "killed at {at:?}");
    let commits = numbered(wall.seen().split_off(before));
    let kinds = commits.into_iter().filter(|(_, number)| *number == 0);
    (killed, kinds.map(|(wrote, _)| wrote).collect())
}

/// A story has a thread of its own.
fn alone(lost: Option<(&Commit, Side)>) -> Vec<Commit> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(tell(lost))
}

/// Tells the story, with one COMMIT lost. Returns the commits that there were; or, of a story in which
/// one was to be lost, that one if it was.
async fn tell(lost: Option<(&Commit, Side)>) -> Vec<Commit> {
    let mut wall = Wall::before(&postgres::fresh_database());
    // Whoever does not know whether it still has a lease waits for its end.
    let plan = Plan::default().with("DATABASE_URL", wall.door().leak()).timing(|timing| {
        timing.lease = Duration::from_secs(4);
        timing.poll = Duration::from_millis(100);
    });
    let mut commits = Vec::new();
    crate::world::tell(plan, async |world: &mut World| {
        world.model(repo::fixes_the_till());
        let before = wall.seen().len();
        let at = lost.map(|((wrote, after), side)| wall.breaks_at(wrote, *after, side));
        world.alice.comments(&world.issue, "/asynccoder debug");
        let happened = match &at {
            Some(at) => is_lost(world, at).await,
            None => false,
        };
        world.settle().await;
        assert_eq!(world.story(), UNDISTURBED, "when the answer was lost to {lost:?}");
        assert_eq!(world.balance().await, (99, 0), "when the answer was lost to {lost:?}");
        commits = match lost {
            Some((commit, _)) => happened.then(|| commit.clone()).into_iter().collect(),
            None => numbered(wall.seen().split_off(before)),
        };
    })
    .await;
    commits
}

/// Waits until the answer is lost; `false`: the story came to its end without.
async fn is_lost(world: &World, at: &Break) -> bool {
    at.cut();
    tokio::select! {
        _ = at.reached() => {}
        () = world.settle() => return false,
    }
    // GitHub does not deliver again by itself; somebody asks it to.
    world.simulator.deliveries_idle().await;
    world.simulator.redeliver_failed();
    true
}

/// Each of a kind with its number. What is written regularly is no part of the story.
fn numbered(seen: Vec<String>) -> Vec<Commit> {
    let regular = ["update accounts.writer_until", "update tasks.lease_until", "insert schedules"];
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let number = |wrote: String| {
        let count = counts.entry(wrote.clone()).or_default();
        *count += 1;
        (wrote, *count - 1)
    };
    let part = |wrote: &String| !regular.iter().any(|regular| wrote.starts_with(regular));
    seen.into_iter().filter(part).map(number).collect()
}
