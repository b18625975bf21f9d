//! The schema's history: forward only, one text for both databases.

use super::engine::{Db, all, args};
use super::{Result, StoreError};
use sqlx::SqlSafeStr;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};

const MIGRATIONS: &[(i64, &str, &str)] = &[
    (1, "accounts", include_str!("../../migrations/0001_accounts.sql")),
    (2, "inbox", include_str!("../../migrations/0002_inbox.sql")),
    (3, "tasks", include_str!("../../migrations/0003_tasks.sql")),
    (4, "outbox", include_str!("../../migrations/0004_outbox.sql")),
    (5, "schedules", include_str!("../../migrations/0005_schedules.sql")),
    (6, "limits", include_str!("../../migrations/0006_limits.sql")),
    (7, "claims", include_str!("../../migrations/0007_claims.sql")),
    (8, "models", include_str!("../../migrations/0008_models.sql")),
    (9, "threads", include_str!("../../migrations/0009_threads.sql")),
    (10, "events", include_str!("../../migrations/0010_events.sql")),
    (11, "plans", include_str!("../../migrations/0011_plans.sql")),
    (14, "configuration", include_str!("../../migrations/0014_configuration.sql")),
    (15, "traffic", include_str!("../../migrations/0015_traffic.sql")),
    (16, "checks", include_str!("../../migrations/0016_checks.sql")),
    (17, "daily", include_str!("../../migrations/0017_daily.sql")),
    (18, "retention", include_str!("../../migrations/0018_retention.sql")),
    (19, "what grows", include_str!("../../migrations/0019_what_grows.sql")),
    (20, "labels", include_str!("../../migrations/0020_labels.sql")),
];

const FORGET_STATEMENTS: &str = "deallocate all";
/// Any number that nobody else locks in this database.
const MIGRATION_LOCK: i64 = 0x6173_796e_6363;

/// How many steps are missing. Nothing is changed.
pub(super) async fn missing(db: &Db) -> Result<usize> {
    let applied = all::<(i64,)>(db.reader(), "select version from _sqlx_migrations", args![]).await;
    let applied = match applied {
        Ok(applied) => applied,
        // The table is made with the first step.
        Err(sqlx::Error::Database(_)) => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    let is_known = |version: i64| MIGRATIONS.iter().any(|(known, _, _)| *known == version);
    if let Some((newer,)) = applied.iter().find(|(version,)| !is_known(*version)) {
        return Err(StoreError::NewerSchema(*newer));
    }
    Ok(MIGRATIONS.len() - applied.len())
}

/// Applies what is missing. A schema that is newer than this program is refused untouched.
pub(super) async fn run(db: &Db) -> Result<()> {
    let step = |(version, name, sql): &(i64, &'static str, &'static str)| {
        let kind = MigrationType::Simple;
        Migration::new(*version, (*name).into(), kind, (*sql).into_sql_str(), false)
    };
    let mut migrator = Migrator::with_migrations(MIGRATIONS.iter().map(step).collect());
    let outcome = match db {
        Db::Postgres { pool, prepares } => {
            // The migrator's own lock belongs to a session, which a pooler takes apart; this one
            // belongs to the transaction in which everything happens.
            let mut alone = pool.begin().await?;
            // The migrator names its statements, and behind a pooler others have had this connection.
            if !prepares {
                sqlx::query(FORGET_STATEMENTS).persistent(false).execute(&mut *alone).await?;
            }
            sqlx::query("select pg_advisory_xact_lock($1)")
                .persistent(*prepares)
                .bind(MIGRATION_LOCK)
                .execute(&mut *alone)
                .await?;
            migrator.set_locking(false);
            let outcome = migrator.run_direct(None, &mut *alone, false).await;
            if outcome.is_ok() {
                if !prepares {
                    sqlx::query(FORGET_STATEMENTS).persistent(false).execute(&mut *alone).await?;
                }
                alone.commit().await?;
            }
            outcome
        }
        Db::Sqlite { write, .. } => migrator.run(write).await,
    };
    outcome.map_err(|error| {
        if let MigrateError::VersionMissing(version) = error {
            return StoreError::NewerSchema(version);
        }
        StoreError::Migration(error.to_string())
    })
}
