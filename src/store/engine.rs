//! One set of SQL for two databases.
//!
//! A statement is one text for both, or two where the dialects part; a value is bound through a
//! trait object, so a query is compiled once and callers never see which database there is. SQLite
//! has one writing connection whose transactions begin immediately (a transaction that reads first
//! and writes later would fail under load), and read-only ones beside it.

use chrono::{DateTime, SubsecRound, Utc};
use sqlx::postgres::{PgArguments, PgConnectOptions, PgPool, PgPoolOptions, PgRow};
use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteRow, SqliteSynchronous,
};
use sqlx::{
    Arguments, Connection, Encode, FromRow, PgConnection, Postgres, Sqlite, SqliteConnection,
    Transaction, Type,
};
use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What a statement comes to.
pub(crate) type Result<T, E = sqlx::Error> = std::result::Result<T, E>;

/// How long a statement waits for a connection or for SQLite's writer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Pages of the write-ahead log (16 MB) after which they are moved to where they belong: each move
/// waits for the disk twice, and a start reads at most so much again.
const CHECKPOINT_PAGES: &str = "4000";

/// A server that stands still in the middle of a transaction keeps its rows locked, and everybody else
/// out: after this it has lost the transaction. A statement waits for such rows and not much longer, even
/// if nobody waits for its answer any more. Set with each transaction, because a pooler may give every one
/// of them another connection.
const BEGIN_ON_POSTGRESQL: &str = "begin; set local idle_in_transaction_session_timeout = '10s'; \
     set local statement_timeout = '15s'";

/// How long PostgreSQL may take for an answer. A host that dies says nothing, not even that it is gone;
/// one that lives has refused a statement before.
const ANSWER_PATIENCE: Duration = Duration::from_secs(20);

/// The database.
#[derive(Clone, Debug)]
pub(crate) enum Db {
    /// `prepares`: statements are prepared once a connection and kept. Off, each is prepared without a
    /// name and inside of a transaction, because a pooler may give the next one another connection.
    Postgres { pool: PgPool, prepares: bool },
    Sqlite {
        write: SqlitePool,
        read: SqlitePool,
        /// Only one transaction at a time waits for the writer besides the inbox.
        turn: Arc<Semaphore>,
    },
}

/// A transaction. Dropped, it is rolled back.
pub(crate) enum Tx {
    Postgres { tx: Transaction<'static, Postgres>, prepares: bool },
    Sqlite(Transaction<'static, Sqlite>, Option<OwnedSemaphorePermit>),
}

/// Whether the file of this database is still to be made; a server is asked later.
pub(crate) fn is_missing(url: &str) -> Result<bool> {
    if url.starts_with("postgres") {
        return Ok(false);
    }
    Ok(!SqliteConnectOptions::from_str(url)?.get_filename().exists())
}

/// The file of a new database, which is nobody else's to read; what SQLite makes beside it becomes like it.
fn make_private(file: &Path) -> Result<()> {
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
    match made {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error.into()),
        Ok(_) | Err(_) => Ok(()),
    }
}

impl Db {
    pub(crate) async fn open(url: &str) -> Result<Self> {
        if url.starts_with("postgres") {
            let pool = PgPoolOptions::new().max_connections(16).acquire_timeout(PATIENCE);
            // One that was given up in the middle of an answer has to show that it still has one.
            let pool = pool.after_release(|connection, _| {
                Box::pin(async move { within(PATIENCE, connection.ping()).await.map(|()| true) })
            });
            // There are no floating point numbers here, and poolers do not know the setting.
            let options = PgConnectOptions::from_str(url)?.extra_float_digits(None);
            let prepares = !url.contains("statement-cache-capacity=0");
            return Ok(Self::Postgres { pool: pool.connect_with(options).await?, prepares });
        }
        // `FULL` because a delivery that was answered with a 2xx must survive a power cut.
        let options = SqliteConnectOptions::from_str(url)?
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(PATIENCE)
            .pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
            .foreign_keys(true);
        make_private(options.get_filename())?;
        let pool = || SqlitePoolOptions::new().acquire_timeout(PATIENCE);
        let write = pool().max_connections(1).connect_with(options.clone()).await?;
        let (level,): (i64,) = sqlx::query_as("pragma synchronous").fetch_one(&write).await?;
        if level != 2 {
            return Err(sqlx::Error::Configuration("SQLite did not take synchronous=FULL".into()));
        }
        let read = pool().max_connections(4).connect_with(options.read_only(true)).await?;
        Ok(Self::Sqlite { write, read, turn: Arc::new(Semaphore::new(1)) })
    }

    pub(crate) async fn begin(&self) -> Result<Tx> {
        let Self::Sqlite { turn, .. } = self else { return self.begin_first().await };
        let turn = tokio::time::timeout(PATIENCE, Arc::clone(turn).acquire_owned()).await;
        let turn = turn.map_err(|_| sqlx::Error::PoolTimedOut)?;
        Ok(match self.begin_first().await? {
            Tx::Sqlite(tx, _) => Tx::Sqlite(tx, turn.ok()),
            other @ Tx::Postgres { .. } => other,
        })
    }

    /// The same for the inbox, which GitHub waits for: it has every second turn at SQLite's writer,
    /// however many others want one.
    pub(crate) async fn begin_first(&self) -> Result<Tx> {
        Ok(match self {
            Self::Postgres { pool, prepares } => Tx::Postgres {
                tx: within(ANSWER_PATIENCE, pool.begin_with(BEGIN_ON_POSTGRESQL)).await?,
                prepares: *prepares,
            },
            Self::Sqlite { write, .. } => {
                Tx::Sqlite(write.begin_with("begin immediate").await?, None)
            }
        })
    }

    /// For reads that need not see a transaction of their own.
    pub(crate) fn reader(&self) -> Conn<'_> {
        match self {
            Self::Postgres { pool, prepares } => Conn::PgPool(pool, *prepares),
            Self::Sqlite { read, .. } => Conn::LitePool(read),
        }
    }

    pub(crate) async fn close(&self) {
        match self {
            Self::Postgres { pool, .. } => pool.close().await,
            Self::Sqlite { write, read, .. } => {
                read.close().await;
                write.close().await;
            }
        }
    }
}

impl Tx {
    /// The time by which leases run out and things are due: the database's own where several servers
    /// share it, because their clocks differ; this process's own where it is alone.
    pub(crate) async fn clock(&mut self) -> Result<DateTime<Utc>> {
        let now = match self {
            Self::Postgres { tx, prepares } => {
                let asked = sqlx::query_scalar("select clock_timestamp()").persistent(*prepares);
                within(ANSWER_PATIENCE, asked.fetch_one(&mut **tx)).await?
            }
            Self::Sqlite(..) => Utc::now(),
        };
        Ok(now.trunc_subsecs(6))
    }

    pub(crate) async fn commit(self) -> Result<()> {
        match self {
            Self::Postgres { tx, .. } => within(ANSWER_PATIENCE, tx.commit()).await,
            // The turn is over when the transaction is.
            Self::Sqlite(tx, _turn) => tx.commit().await,
        }
    }
}

/// What comes of it, unless nothing does for so long: then its connection is of no use any more.
async fn within<T>(patience: Duration, asked: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::time::timeout(patience, asked).await.unwrap_or_else(|_| {
        let silent = "the database did not answer in time";
        Err(sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, silent)))
    })
}

/// Anything a statement runs on: the database itself or a transaction.
pub(crate) enum Conn<'c> {
    Pg(&'c mut PgConnection, bool),
    Lite(&'c mut SqliteConnection),
    PgPool(&'c PgPool, bool),
    LitePool(&'c SqlitePool),
}

impl<'c> From<&'c mut Tx> for Conn<'c> {
    fn from(tx: &'c mut Tx) -> Self {
        match tx {
            Tx::Postgres { tx, prepares } => Conn::Pg(tx, *prepares),
            Tx::Sqlite(tx, _) => Conn::Lite(tx),
        }
    }
}

/// A row that both drivers can decode.
pub(crate) trait Row:
    for<'r> FromRow<'r, PgRow> + for<'r> FromRow<'r, SqliteRow> + Send + Unpin
{
}
impl<T: for<'r> FromRow<'r, PgRow> + for<'r> FromRow<'r, SqliteRow> + Send + Unpin> Row for T {}

/// A value that both drivers can bind.
pub(crate) trait Arg: Send {
    fn pg(self: Box<Self>, into: &mut PgArguments) -> Result<(), sqlx::error::BoxDynError>;
    fn lite(self: Box<Self>, into: &mut SqliteArguments) -> Result<(), sqlx::error::BoxDynError>;
}

impl<'a, T> Arg for T
where
    T: Send + 'a + Encode<'a, Postgres> + Type<Postgres> + Encode<'a, Sqlite> + Type<Sqlite>,
{
    fn pg(self: Box<Self>, into: &mut PgArguments) -> Result<(), sqlx::error::BoxDynError> {
        into.add(*self)
    }
    fn lite(self: Box<Self>, into: &mut SqliteArguments) -> Result<(), sqlx::error::BoxDynError> {
        Arguments::add(into, *self)
    }
}

pub(crate) type Args<'a> = Vec<Box<dyn Arg + 'a>>;

/// `args![a, b]`: the values for `$1`, `$2` …
macro_rules! args {
    ($($value:expr),* $(,)?) => {
        vec![$(Box::new($value) as Box<dyn $crate::store::engine::Arg + '_>),*]
    };
}
pub(crate) use args;

/// A statement: one text, or two where the dialects part (row locks).
#[derive(Clone, Copy)]
pub(crate) struct Sql {
    pub(crate) pg: &'static str,
    pub(crate) lite: &'static str,
}

impl From<&'static str> for Sql {
    fn from(text: &'static str) -> Self {
        Self { pg: text, lite: text }
    }
}

/// `locking!("select …", " for update skip locked", " …")`: a statement that locks rows where several
/// processes may write, and needs no lock where only one can.
macro_rules! locking {
    ($head:literal, $lock:literal $(, $tail:literal)?) => {
        $crate::store::engine::Sql {
            pg: concat!($head, $lock $(, $tail)?),
            lite: concat!($head $(, $tail)?),
        }
    };
}
pub(crate) use locking;

fn pg(values: Args<'_>) -> Result<PgArguments> {
    let mut arguments = PgArguments::default();
    for value in values {
        value.pg(&mut arguments).map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

/// PostgreSQL refuses a statement with too few values; SQLite would take null for them in silence.
fn lite(sql: &str, values: Args<'_>) -> Result<SqliteArguments> {
    let number = |part: &str| {
        let digits = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
        part.get(..digits).and_then(|digits| digits.parse::<usize>().ok())
    };
    let wanted = sql.split('$').skip(1).filter_map(number).max().unwrap_or(0);
    if wanted != values.len() {
        let given = values.len();
        return Err(sqlx::Error::Protocol(format!("{wanted} values wanted, {given} given: {sql}")));
    }
    let mut arguments = SqliteArguments::default();
    for value in values {
        value.lite(&mut arguments).map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

macro_rules! on {
    ($conn:expr, $sql:ident, $values:ident, |$e:ident, $text:ident, $args:ident, $kept:ident| $body:expr) => {
        match $conn.into() {
            Conn::PgPool($e, $kept @ true) => {
                let ($text, $args) = ($sql.pg, pg($values)?);
                within(ANSWER_PATIENCE, $body).await
            }
            Conn::PgPool(pool, $kept @ false) => {
                let ($text, $args) = ($sql.pg, pg($values)?);
                let in_transaction = async {
                    let mut tx = pool.begin().await?;
                    let $e = &mut *tx;
                    let done = $body.await;
                    tx.commit().await?;
                    done
                };
                within(ANSWER_PATIENCE, in_transaction).await
            }
            Conn::Pg($e, $kept) => {
                let ($text, $args) = ($sql.pg, pg($values)?);
                within(ANSWER_PATIENCE, $body).await
            }
            Conn::LitePool($e) => {
                let ($text, $args, $kept) = ($sql.lite, lite($sql.lite, $values)?, true);
                $body.await
            }
            Conn::Lite($e) => {
                let ($text, $args, $kept) = ($sql.lite, lite($sql.lite, $values)?, true);
                $body.await
            }
        }
    };
}

/// Runs a statement; how many rows it touched.
pub(crate) async fn exec<'c>(
    conn: impl Into<Conn<'c>>,
    sql: impl Into<Sql>,
    values: Args<'_>,
) -> Result<u64> {
    let sql = sql.into();
    on!(conn, sql, values, |e, text, args, kept| async {
        Ok(sqlx::query_with(text, args).persistent(kept).execute(e).await?.rows_affected())
    })
}

/// All rows.
pub(crate) async fn all<'c, R: Row>(
    conn: impl Into<Conn<'c>>,
    sql: impl Into<Sql>,
    values: Args<'_>,
) -> Result<Vec<R>> {
    let sql = sql.into();
    on!(conn, sql, values, |e, text, args, kept| {
        sqlx::query_as_with::<_, R, _>(text, args).persistent(kept).fetch_all(e)
    })
}

/// The first row, if there is one.
pub(crate) async fn opt<'c, R: Row>(
    conn: impl Into<Conn<'c>>,
    sql: impl Into<Sql>,
    values: Args<'_>,
) -> Result<Option<R>> {
    let sql = sql.into();
    on!(conn, sql, values, |e, text, args, kept| {
        sqlx::query_as_with::<_, R, _>(text, args).persistent(kept).fetch_optional(e)
    })
}

/// The first row, which must be there.
pub(crate) async fn one<'c, R: Row>(
    conn: impl Into<Conn<'c>>,
    sql: impl Into<Sql>,
    values: Args<'_>,
) -> Result<R> {
    opt(conn, sql, values).await?.ok_or(sqlx::Error::RowNotFound)
}

/// Declares a struct that is read from a row by the names of its fields.
macro_rules! row {
    ($(#[$meta:meta])* $vis:vis struct $name:ident { $($(#[$fmeta:meta])* $fvis:vis $field:ident : $type:ty),* $(,)? }) => {
        $(#[$meta])* $vis struct $name { $($(#[$fmeta])* $fvis $field: $type),* }

        impl<'r, R: sqlx::Row> sqlx::FromRow<'r, R> for $name
        where
            &'static str: sqlx::ColumnIndex<R>,
            $($type: sqlx::Decode<'r, R::Database> + sqlx::Type<R::Database>),*
        {
            fn from_row(row: &'r R) -> sqlx::Result<Self> {
                Ok(Self { $($field: row.try_get(stringify!($field))?),* })
            }
        }
    };
}
pub(crate) use row;
