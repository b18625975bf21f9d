//! What takes hours or days in real life: the rows are made older, and then the bot looks again.

use crate::world::{BOT, PATIENCE, Plan, REPOSITORY, World, repo, story};
use asynccoder::simulator::{At, Refusal, RepositoryOptions, Simulator};
use expect_test::expect;
use serde_json::json;

impl World {
    /// Changes rows behind the bot's back, as time does. Returns how many.
    pub(crate) async fn ages(&self, sql: &'static str) -> u64 {
        let path = self.data_dir().join("asynccoder.db");
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
        let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
        let changed = sqlx::query(sql).execute(&pool).await.unwrap().rows_affected();
        pool.close().await;
        changed
    }

    pub(crate) async fn counts(&self, sql: &'static str) -> i64 {
        let path = self.data_dir().join("asynccoder.db");
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
        let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
        let count = sqlx::query_scalar(sql).fetch_one(&pool).await.unwrap();
        pool.close().await;
        count
    }

    /// Restarts the bot with everything regular due.
    async fn an_hour_passes(&mut self) {
        self.stop().await;
        self.ages("update schedules set due_at = '2020-01-01T00:00:00+00:00'").await;
        self.start().await;
    }

    /// Waits until this query counts so many.
    pub(crate) async fn becomes(&self, sql: &'static str, wanted: i64) {
        let look = async {
            while self.counts(sql).await != wanted {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, look).await.expect("it becomes so");
    }
}

const INSTALLED: &str = "select count(*) from accounts where installation_id is not null";
const SUSPENDED: &str = "select count(*) from accounts where suspended_at is not null";

fn unwell() -> Refusal {
    Refusal { status: 502, body: json!({ "message": "Server Error" }), headers: Vec::new() }
}

story!(an_installation_that_vanished_without_a_word_is_noticed, async |world| {
    world.alice.comments(&world.issue, "/asynccoder ping");
    world.settle().await;
    assert_eq!(world.counts(INSTALLED).await, 1);
    world.simulator.quietly().uninstall("acme").unwrap();
    world.an_hour_passes().await;
    world.becomes(INSTALLED, 0).await;
    world
        .settles_as(expect![[r#"
        alice        #1 /asynccoder ping
        asynccoder   #1 I am here. `/asynccoder help` says what I can do.
    "#]])
        .await;
});

story!(a_suspension_is_noticed_and_so_is_its_end, async |world| {
    world.alice.comments(&world.issue, "/asynccoder ping");
    world.settle().await;
    world.story();
    world.simulator.quietly().suspend("acme", true).unwrap();
    world.an_hour_passes().await;
    world.becomes(SUSPENDED, 1).await;
    world.simulator.quietly().suspend("acme", false).unwrap();
    world.an_hour_passes().await;
    world.becomes(SUSPENDED, 0).await;
});

story!(what_is_old_is_forgotten_but_never_the_keys_and_the_books, async |world| {
    world.model(repo::fixes_the_till());
    world.alice.comments(&world.issue, "/asynccoder debug");
    world.settle().await;
    world.story();
    assert!(world.counts("select count(*) from task_steps").await > 0);
    for sql in [
        "update deliveries set received_at = '2020-01-01T00:00:00+00:00'",
        "update tasks set ended_at = '2020-01-01T00:00:00+00:00'",
        "update task_events set created_at = '2020-01-01T00:00:00+00:00'",
    ] {
        world.ages(sql).await;
    }
    world.an_hour_passes().await;
    world.becomes("select count(*) from task_steps", 0).await;
    world.becomes("select count(*) from acts where patch is not null", 0).await;
    world.becomes("select count(*) from deliveries where length(body) > 0", 0).await;
    assert!(world.counts("select count(*) from deliveries").await > 0, "their keys stay");
    assert_eq!(world.counts("select count(*) from credit_transactions").await, 2);
    assert_eq!(world.balance().await, (99, 0));
});

story!(after_three_days_a_push_is_given_up_and_costs_nothing, async |world| {
    world.model(repo::fixes_the_till());
    world.simulator.faults().refuse(At::git("", "git-receive-pack"), u32::MAX, unwell());
    world.alice.comments(&world.issue, "/asynccoder debug");
    let tried = |now: &Simulator| {
        let journal = now.journal();
        let pushes = journal.iter().filter_map(|e| e.request());
        pushes.filter(|r| r.path.contains("git-receive-pack")).count() >= 2
    };
    world.simulator.wait_for(tried, PATIENCE).await.unwrap();
    assert_eq!(world.balance().await.1, 66, "it is tried again and again");
    world.ages("update acts set created_at = '2020-01-01T00:00:00+00:00'").await;
    world.settle().await;
    world.simulator.faults().clear();
    let comments = world.simulator.comments(REPOSITORY, 1);
    let last = comments.iter().rfind(|c| c.author == BOT).unwrap();
    assert!(last.body.contains("It did not work for three days, so I gave up"), "{}", last.body);
    world.settles_as(expect![[r#"
        alice        #1 /asynccoder debug
        asynccoder   #1 :eyes:
        asynccoder   #1 debug · failed: GitHub did not accept the result. You pay nothing for this task. [4 steps, 0 credits]
    "#]]).await;
    assert_eq!(world.balance().await, (100, 0));
});

story!(
    a_mirror_that_is_over_the_quota_makes_room,
    Plan::default().with("DISK_QUOTA", "1 KB"),
    async |world| {
        world.model(repo::fixes_the_till());
        let files = repo::files(include_str!("../../../fixtures/repos/till.txt"));
        let other = RepositoryOptions { files, ..RepositoryOptions::default() };
        world.simulator.add_repository("acme/other", other).unwrap();
        world.simulator.set_permission("acme/other", "alice", "write").unwrap();
        let elsewhere = world.carol.quietly().opens_in("acme/other", "The same there", "");
        let mut mirrors = Vec::new();
        for issue in [&world.issue, &elsewhere, &world.issue] {
            world.alice.comments(issue, "/asynccoder debug budget=15");
            world.settle().await;
            mirrors.push(mirrors_of(world));
        }
        assert_eq!(world.story().matches("debug · done").count(), 3, "all is there again");
        let together: Vec<_> = mirrors.iter().filter(|mirrors| mirrors.len() > 1).collect();
        assert!(together.is_empty(), "there is room for one at most: {mirrors:?}");
    }
);

fn mirrors_of(world: &World) -> Vec<String> {
    let entries = std::fs::read_dir(world.data_dir().join("mirrors")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mirrors = paths.filter(|path| path.extension().is_some_and(|end| end == "git"));
    mirrors.map(|path| path.display().to_string()).collect()
}
