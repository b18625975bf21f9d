//! What the machine and SQLite can do at best: the same rows, in groups of the same size, into a
//! file with the same settings, by a loop that does nothing else.

use asynccoder::store::Store;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, Executor};
use std::path::Path;
use std::str::FromStr;
use std::time::{Duration, Instant};

/// Rows of a group, as in the store.
const GROUP: usize = 256;
/// Rows of a statement, as in the store.
const STATEMENT: usize = 32;
/// Rows that are taken for it.
const ROWS: i64 = 65_536;

/// Id, guid, event, body, state, reason, received, processed.
pub(crate) type Row =
    (Vec<u8>, String, String, Vec<u8>, String, Option<String>, String, Option<String>);

/// How many deliveries of a database are in which state.
pub(crate) async fn states(database: &Path) -> anyhow::Result<Vec<(String, i64)>> {
    let mut connection = open(database).await?;
    let states = "select state, count(*) from deliveries group by state order by state";
    Ok(sqlx::query_as(states).fetch_all(&mut connection).await?)
}

/// How many deliveries wait to be looked into.
pub(crate) async fn pending(connection: &mut SqliteConnection) -> anyhow::Result<i64> {
    let pending = "select count(*) from deliveries where state = 'pending'";
    Ok(sqlx::query_scalar(pending).fetch_one(connection).await?)
}

/// The first rows of a database.
pub(crate) async fn rows(database: &Path) -> anyhow::Result<Vec<Row>> {
    let mut connection = open(database).await?;
    let rows = "select id, guid, event, body, state, reason, received_at, processed_at from deliveries order by id limit $1";
    Ok(sqlx::query_as(rows).bind(ROWS).fetch_all(&mut connection).await?)
}

/// Rows a second, for so long; over and over the same rows under new ids.
pub(crate) async fn rate(folder: &Path, rows: &[Row], time: Duration) -> anyhow::Result<f64> {
    let database = folder.join("bare.db");
    Store::open(&format!("sqlite://{}", database.display())).await?.close().await;
    let mut connection = open(&database).await?;
    let values = "(?, ?, ?, ?, ?, ?, ?, ?, 0)";
    let text: &'static str = format!(
        "insert into deliveries (id, guid, event, body, state, reason, received_at, processed_at, failures)
         values {} on conflict (guid) do nothing",
        [values; STATEMENT].join(", ")
    )
    .leak();
    let (began, mut written) = (Instant::now(), 0_u32);
    let mut rows = rows.iter().cycle();
    while began.elapsed() < time {
        connection.execute("begin immediate").await?;
        for _ in 0..GROUP / STATEMENT {
            let mut insert = sqlx::query(text);
            for (_, guid, event, body, state, reason, received, processed) in
                rows.by_ref().take(STATEMENT)
            {
                written += 1;
                let guid = format!("{written:08x}{}", guid.get(8..).unwrap_or_default());
                insert = insert.bind(uuid::Uuid::now_v7()).bind(guid).bind(event).bind(body);
                insert = insert.bind(state).bind(reason).bind(received).bind(processed);
            }
            insert.execute(&mut connection).await?;
        }
        connection.execute("commit").await?;
    }
    let rate = f64::from(written) / began.elapsed().as_secs_f64();
    connection.close().await?;
    Ok(rate)
}

pub(crate) async fn open(database: &Path) -> anyhow::Result<SqliteConnection> {
    let options = SqliteConnectOptions::from_str(&format!("sqlite://{}", database.display()))?
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_secs(30))
        .pragma("wal_autocheckpoint", "4000")
        .foreign_keys(true);
    Ok(options.connect().await?)
}
