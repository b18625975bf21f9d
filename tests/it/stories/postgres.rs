//! The same stories on PostgreSQL, also with several servers on one database.

use super::UNDISTURBED;
use crate::world::{Plan, World, repo, story};
use crate::{pooler, postgres};
use asynccoder::app::App;
use asynccoder::config::Config;
use expect_test::expect;

fn on_postgres() -> Plan {
    Plan::default().with("DATABASE_URL", postgres::fresh_database().leak())
}

story!(a_comment_becomes_a_pull_request, on_postgres(), async |world| {
    world.model(repo::fixes_the_till());
    world.alice.comments(&world.issue, "/asynccoder debug");
    world.settle().await;
    assert_eq!(world.story(), UNDISTURBED);
    assert_eq!(world.balance().await, (99, 0));
});

story!(free_verbs_are_answered, on_postgres(), async |world| {
    world.alice.comments(&world.issue, "/asynccoder credits");
    expect![[r#"
        ### Async Coder · credits

        Available: 100 credits

        `acme` has 100 credits, of which 0 are held for tasks that are not finished. Held or spent today: 0 credits.

        <!-- asynccoder:command=<uuid> -->"#]].assert_eq(&world.answer().await);
});

#[tokio::test]
async fn a_pooler_may_stand_in_between() {
    let (url, _pooler) = pooler::fresh_database_behind_a_pooler();
    let plan = Plan::default().with("DATABASE_URL", url.leak());
    crate::world::tell(plan, async |world| {
        world.model(repo::fixes_the_till());
        let replicas = [replica(world, "second").await, replica(world, "third").await];
        for _ in 0..4 {
            world.alice.comments(&world.issue, "/asynccoder debug budget=15");
        }
        world.settle().await;
        let story = world.story();
        let done = story.lines().filter(|line| line.contains("debug · done")).count();
        assert_eq!(done, 4, "{story}");
        assert_eq!(world.balance().await, (96, 0));
        for replica in replicas {
            replica.stop().await;
        }
    })
    .await;
}

story!(three_servers_share_the_work_and_double_nothing, on_postgres(), async |world| {
    world.model(repo::fixes_the_till());
    let replicas = [replica(world, "second").await, replica(world, "third").await];
    for _ in 0..6 {
        world.alice.comments(&world.issue, "/asynccoder debug budget=15");
    }
    world.settle().await;
    let story = world.story();
    let done = story.lines().filter(|line| line.contains("debug · done")).count();
    assert_eq!(done, 6, "{story}");
    assert_eq!(world.balance().await, (94, 0));
    for replica in replicas {
        replica.stop().await;
    }
});

async fn replica(world: &World, name: &str) -> App {
    let mut variables = world.variables();
    variables
        .insert("DATA_DIR".to_owned(), world.data_dir().with_file_name(name).display().to_string());
    let mut config = Config::from_vars(variables).unwrap();
    config.timing = world.timing();
    App::start(config).await.unwrap()
}
