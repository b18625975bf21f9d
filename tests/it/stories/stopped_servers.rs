//! A server that is asked to end gives its work back, and whoever goes on with it asks the model for
//! nothing that is known: the server that is started next, or another one on another machine.

use super::UNDISTURBED;
use crate::postgres;
use crate::world::impatient::{self, Server, settled, the_end};
use crate::world::{Plan, World, laws, repo};
use asynccoder::simulator::{At, Moment, Wall};

/// The model's answers that somebody waited for to the end.
fn calls(world: &World) -> usize {
    let journal = world.simulator.journal();
    let requests = journal.iter().filter_map(|entry| entry.request());
    requests.filter(|request| request.wall == Wall::Models).count()
}

/// Asks the server to end while the model thinks about its third answer; another one goes on with that
/// call and nothing else.
async fn ends_while_the_model_thinks(world: &mut World, server: &mut Server) {
    world.model(repo::fixes_the_till());
    let third = At::models().after(2);
    let gate = world.simulator.faults().hold(third, Moment::BeforeReply);
    world.alice.comments(&world.issue, "/asynccoder debug");
    gate.reached().await.unwrap();
    server.asks_to_end();
    assert_eq!(server.ended().await, Some(0), "it stops in peace");
    assert!(!impatient::log(world).contains("did not stop in time"));
    assert_eq!(calls(world), 3, "it takes up nothing new, not even what it has just given back");
    laws::no_worktree(&server.data_dir());
}

async fn goes_on(mut world: World, url: &str) {
    the_end(&world).await;
    settled(url).await;
    laws::once(&world.simulator);
    let story = world.story();
    assert_eq!(story, UNDISTURBED);
    let steps = story.split(" steps").next().and_then(|before| before.split('[').next_back());
    let steps: usize = steps.unwrap().parse().unwrap();
    assert_eq!(calls(&world), steps + 1, "only the answer that nobody heard is asked for again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_server_goes_on() {
    let mut world = World::without_the_bot(Plan::default()).await;
    let mut server = Server::start(&world).await;
    ends_while_the_model_thinks(&mut world, &mut server).await;
    let url = format!("sqlite://{}/asynccoder.db", world.data_dir().display());
    let _next = Server::start(&world).await;
    goes_on(world, &url).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_machine_goes_on() {
    let url = tokio::task::spawn_blocking(postgres::fresh_database).await.unwrap();
    let plan = Plan::default().with("DATABASE_URL", url.clone().leak());
    let mut world = World::without_the_bot(plan).await;
    let doors =
        [world.simulator.open_door().await.unwrap(), world.simulator.open_door().await.unwrap()];
    let mut server = Server::replica(&world, "first", &doors[0]).await;
    server.gets_webhooks();
    ends_while_the_model_thinks(&mut world, &mut server).await;
    // Its folder is empty: the workspace is made anew from the commit and the stored patch.
    let other = Server::replica(&world, "second", &doors[1]).await;
    other.gets_webhooks();
    goes_on(world, &url).await;
}
