//! A server stands still for longer than its leases, as a machine that swaps or a laptop that is closed
//! does, and goes on as if nothing had happened. Meanwhile another one has done the work; what the
//! first one still had in hand is neither written nor done a second time.

use super::UNDISTURBED;
use crate::postgres;
use crate::world::commits::{Break, Side, Wall};
use crate::world::impatient::{self, PATIENCE, Server, regular, settled, the_end};
use crate::world::{Plan, REPOSITORY, WHOLE_MACHINE, World, laws, repo};
use asynccoder::simulator::{At, Gate, Moment, Simulator};

/// Where the server stood when it froze.
enum Place {
    /// Its request was answered, and it has not read the answer.
    Request(At),
    /// What it wrote into the database is there, and it has not been told.
    Commit(&'static str),
}

enum Standing {
    Request(Gate),
    Commit(Break),
}

impl Standing {
    async fn reached(&self) {
        match self {
            Self::Request(gate) => gate.reached().await.map(drop).unwrap(),
            Self::Commit(broken) => drop(broken.reached().await),
        }
    }

    /// What the server waits for arrives, and lies there until it looks.
    fn goes_on(&self) {
        match self {
            Self::Request(gate) => gate.open(),
            Self::Commit(broken) => broken.pass(),
        }
    }
}

/// Freezes the server there until another has ended the story, and lets it go on.
async fn frozen_at(place: Place, notices: &str) {
    let url = tokio::task::spawn_blocking(postgres::fresh_database).await.unwrap();
    let mut wall = Wall::before(&url);
    let mut world = World::without_the_bot(Plan::default()).await;
    let mut frozen = a_server(&world, "first", &wall.door()).await;
    world.simulator.wait_for(|now| regular(now) >= 1, PATIENCE).await.unwrap();
    // From now on it has a token to write with, and nothing that it has to wait for before it writes.
    world.alice.comments(&world.issue, "/asynccoder ping");
    let answered = |now: &Simulator| now.comments(REPOSITORY, 1).len() == 2;
    world.simulator.wait_for(answered, PATIENCE).await.unwrap();
    world.simulator.deliveries_idle().await;
    let _ping = world.story();
    world.model(repo::fixes_the_till());
    let standing = match place {
        Place::Request(at) => {
            Standing::Request(world.simulator.faults().hold(at, Moment::BeforeReply))
        }
        Place::Commit(wrote) => Standing::Commit(wall.breaks_at(wrote, 0, Side::After)),
    };
    world.alice.comments(&world.issue, "/asynccoder debug");
    standing.reached().await;
    frozen.freeze();
    standing.goes_on();
    let mut other = a_server(&world, "second", &wall.door()).await;
    the_end(&world).await;
    settled(&url).await;
    frozen.thaw();
    impatient::logs(&world, notices).await;
    // What it was about to do it has done or left by the time it ends; what was sent to it while it
    // stood still it may have accepted in its last moment, and leaves to the other one.
    for server in [&mut frozen, &mut other] {
        server.asks_to_end();
        assert_eq!(server.ended().await, Some(0));
        settled(&url).await;
    }
    laws::once(&world.simulator);
    assert_eq!(world.story(), UNDISTURBED);
}

/// A server that gets the webhooks from now on.
async fn a_server(world: &World, name: &str, database: &str) -> Server {
    let door = world.simulator.open_door().await.unwrap();
    let server = Server::replica_of(world, name, &door, &[("DATABASE_URL", database)]).await;
    server.gets_webhooks();
    server
}

const ATTEMPT: &str = "an attempt broke off";
const WRITER: &str = "a writer lease was lost";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_model_thinks() {
    let _alone = WHOLE_MACHINE.lock().await;
    frozen_at(Place::Request(At::models().after(1)), ATTEMPT).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_pull_request_is_opened() {
    let _alone = WHOLE_MACHINE.lock().await;
    frozen_at(Place::Request(At::api("POST", "/pulls")), WRITER).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_it_was_about_to_write_the_first_comment() {
    let _alone = WHOLE_MACHINE.lock().await;
    frozen_at(Place::Commit("update accounts.paced_until, update documents.unsure"), WRITER).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_it_was_about_to_do_an_act() {
    let _alone = WHOLE_MACHINE.lock().await;
    frozen_at(Place::Commit("update accounts.paced_until, update acts.state"), WRITER).await;
}
