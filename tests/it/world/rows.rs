//! Rows of the bot's database, for what nobody can see from outside; and what only time would change.

use super::World;
use super::impatient::PATIENCE;
use std::time::Duration;

/// Between two looks.
const LOOK: Duration = Duration::from_millis(20);

async fn database(world: &World) -> sqlx::SqlitePool {
    let url = format!("sqlite://{}/asynccoder.db", world.data_dir().display());
    sqlx::SqlitePool::connect(&url).await.unwrap()
}

/// The one number that a query comes to.
pub(crate) async fn number(world: &World, query: &'static str) -> i64 {
    let pool = database(world).await;
    let number = sqlx::query_scalar(query).fetch_one(&pool).await.unwrap();
    pool.close().await;
    number
}

/// The texts that a query comes to.
pub(crate) async fn texts(world: &World, query: &'static str) -> Vec<String> {
    let pool = database(world).await;
    let texts = sqlx::query_scalar(query).fetch_all(&pool).await.unwrap();
    pool.close().await;
    texts
}

/// Changes rows behind the bot's back, and says how many.
pub(crate) async fn change(world: &World, statement: &'static str) -> u64 {
    let pool = database(world).await;
    let done = sqlx::query(statement).execute(&pool).await.unwrap();
    pool.close().await;
    done.rows_affected()
}

/// Waits until the query comes to this number.
pub(crate) async fn until(world: &World, query: &'static str, wanted: i64) {
    let looks = async {
        while number(world, query).await != wanted {
            tokio::time::sleep(LOOK).await;
        }
    };
    let reached = tokio::time::timeout(PATIENCE, looks).await;
    assert!(reached.is_ok(), "{query} did not become {wanted}");
}

impl World {
    /// The bot is stopped, everything regular becomes due, and the bot is started again: as if it had been
    /// away for days.
    pub(crate) async fn days_later(&mut self) {
        self.stop().await;
        change(self, "update schedules set due_at = '2000-01-01T00:00:00+00:00'").await;
        change(self, "update accounts set plan_due_at = '2000-01-01T00:00:00+00:00'").await;
        self.start().await;
    }
}
