//! A crash anywhere is a pause: a server is killed at every crossing of a wall, before and after the
//! effect, and the story ends as if nothing had happened. On SQLite the server is started again; on
//! PostgreSQL another one takes over, and nobody starts anything.

use crate::postgres;
use crate::world::impatient::{PATIENCE, Server, at_rest, regular, settled, the_end};
use crate::world::{Plan, REPOSITORY, WHOLE_MACHINE, World, laws, repo};
use asynccoder::simulator::{At, Gate, Moment, Simulator};
use expect_test::expect;
use futures::{StreamExt, stream};

/// Where somebody is killed: at which request, and when.
type Wall = (u32, Moment);

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_crash_at_any_wall_changes_nothing() {
    let _alone = WHOLE_MACHINE.lock().await;
    at_every_wall(4, alone, |_| true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn another_server_takes_over_at_any_wall() {
    let _alone = WHOLE_MACHINE.lock().await;
    // Each request is one of the walls, before or after its effect by turns: all of them take twice as
    // long, and the rows do not differ from those on the other engine.
    let by_turns = |(n, moment): &Wall| (n % 2 == 0) == (*moment == Moment::BeforeEffect);
    at_every_wall(6, with_another, by_turns).await;
}

/// An answer is looked for before it is given again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_is_given_once_though_the_server_dies() {
    let _alone = WHOLE_MACHINE.lock().await;
    for moment in [Moment::BeforeEffect, Moment::BeforeReply] {
        let mut world = World::without_the_bot(Plan::default()).await;
        let server = Server::start(&world).await;
        let at = At::api("POST", "/issues/1/comments");
        let gate = world.simulator.faults().hold(at, moment);
        world.alice.comments(&world.issue, "/asynccoder ping");
        gate.reached().await.unwrap();
        server.kill().await;
        drop(gate);
        let server = Server::start(&world).await;
        let answered = |now: &Simulator| now.comments(REPOSITORY, 1).len() > 1;
        world.simulator.wait_for(answered, PATIENCE).await.unwrap();
        at_rest(&format!("sqlite://{}/asynccoder.db", world.data_dir().display())).await;
        server.kill().await;
        laws::once(&world.simulator);
        expect![[r#"
            alice        #1 /asynccoder ping
            asynccoder   #1 I am here. `/asynccoder help` says what I can do.
        "#]]
        .assert_eq(&world.story());
    }
}

/// Tells the story undisturbed, then once for each wall that is meant, so many at once, and compares.
async fn at_every_wall<F>(
    at_once: usize,
    tell: fn(Option<Wall>) -> F,
    is_meant: impl Fn(&Wall) -> bool,
) where
    F: Future<Output = Told> + Send + 'static,
{
    let undisturbed = tell(None).await;
    assert!(undisturbed.crossings > 20, "only {} requests were made", undisturbed.crossings);
    let moments = [Moment::BeforeEffect, Moment::BeforeReply];
    let walls = (0..undisturbed.crossings).flat_map(|n| moments.map(|moment| (n, moment)));
    let told = stream::iter(walls.filter(is_meant))
        .map(|wall| async move { (wall, tokio::spawn(tell(Some(wall))).await.unwrap()) });
    let told: Vec<_> = told.buffer_unordered(at_once).collect().await;
    let kills = told.iter().filter(|(_, told)| told.killed).count();
    assert!(kills * 2 > told.len(), "only {kills} of {} were killed", told.len());
    for ((n, moment), told) in told {
        assert_eq!(told.story, undisturbed.story, "killed at request {n}, {moment:?}");
    }
}

/// One server on SQLite, which is started again.
async fn alone(wall: Option<Wall>) -> Told {
    let mut world = World::without_the_bot(Plan::default()).await;
    let server = Server::start(&world).await;
    let story = begin(&mut world, wall);
    let killed = story.dies(&world).await.is_some();
    let server = if killed {
        server.kill().await;
        drop(story.gate);
        Server::start(&world).await
    } else {
        server
    };
    the_end(&world).await;
    let url = format!("sqlite://{}/asynccoder.db", world.data_dir().display());
    settled(&url).await;
    server.kill().await;
    told(world, story.before, killed)
}

/// Two servers on one PostgreSQL; the one that stands at the wall dies, and the other goes on.
async fn with_another(wall: Option<Wall>) -> Told {
    let url = tokio::task::spawn_blocking(postgres::fresh_database).await.unwrap();
    let plan = Plan::default().with("DATABASE_URL", url.clone().leak());
    let mut world = World::without_the_bot(plan).await;
    let doors =
        [world.simulator.open_door().await.unwrap(), world.simulator.open_door().await.unwrap()];
    let first = Server::replica(&world, "first", &doors[0]).await;
    let second = Server::replica(&world, "second", &doors[1]).await;
    first.gets_webhooks();
    world.simulator.wait_for(|now| regular(now) >= 1, PATIENCE).await.unwrap();
    let story = begin(&mut world, wall);
    let mut left = vec![first, second];
    if let Some(door) = story.dies(&world).await {
        let dies = doors.iter().position(|one| one.number == door).expect("one of the two");
        left.remove(dies).kill().await;
        left[0].gets_webhooks();
        drop(story.gate);
    }
    the_end(&world).await;
    settled(&url).await;
    let killed = left.len() == 1;
    for server in left {
        server.kill().await;
    }
    told(world, story.before, killed)
}

struct Told {
    story: String,
    crossings: u32,
    killed: bool,
}

/// A story that has begun.
struct Begun {
    /// So many lines the journal had before.
    before: usize,
    gate: Option<Gate>,
}

fn begin(world: &mut World, wall: Option<Wall>) -> Begun {
    world.model(repo::fixes_the_till());
    let before = world.simulator.journal().len();
    let gate =
        wall.map(|(n, moment)| world.simulator.faults().hold(At::anything().after(n), moment));
    world.alice.comments(&world.issue, "/asynccoder debug");
    Begun { before, gate }
}

impl Begun {
    /// The door through which the request at the wall came, whose server has to die.
    async fn dies(&self, world: &World) -> Option<usize> {
        let gate = self.gate.as_ref()?;
        tokio::select! {
            reached = gate.reached() => reached.ok(),
            () = the_end(world) => None,
        }
    }
}

fn told(mut world: World, before: usize, killed: bool) -> Told {
    let journal = world.simulator.journal();
    let crossings = journal.iter().skip(before).filter(|e| e.request().is_some()).count();
    laws::once(&world.simulator);
    laws::no_secret(&world.simulator);
    Told { story: world.story(), crossings: u32::try_from(crossings).unwrap(), killed }
}
