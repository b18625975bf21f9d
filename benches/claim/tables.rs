//! Fills the tables of a store with many rows at once, which the store itself has no verb for.

use sqlx::{AssertSqlSafe, PgPool, SqlitePool};

/// Accounts that the tasks belong to, one after the other.
pub(crate) const ACCOUNTS: i64 = 500;
/// Any time in the past, as both databases write it.
const PAST: &str = "'2026-01-01T00:00:00+00:00'";
/// What a task was told; of a usual size.
const BRIEF: &str = r#"'{"thread":{"number":1,"title":"The total is wrong","body":"A bill of exactly 100.00 is charged in full, and the price list says from 100.00 on there are ten percent off.","author":"dana","is_pull_request":false},"instruction":"Resolve issue #1","requester":{"id":7,"login":"dana","is_bot":false},"comment_id":1,"url":"https://github.com/acme/till/issues/1#issuecomment-1","draft":null}'"#;

pub(crate) struct Tables {
    pool: Pool,
    /// Tasks so far.
    tasks: i64,
}

enum Pool {
    Postgres(PgPool),
    Sqlite(SqlitePool),
}

impl Tables {
    pub(crate) async fn open(url: &str) -> anyhow::Result<Self> {
        let pool = if url.starts_with("postgres") {
            Pool::Postgres(PgPool::connect(url).await?)
        } else {
            Pool::Sqlite(SqlitePool::connect(url).await?)
        };
        Ok(Self { pool, tasks: 0 })
    }

    pub(crate) async fn close(&self) {
        match &self.pool {
            Pool::Postgres(pool) => pool.close().await,
            Pool::Sqlite(pool) => pool.close().await,
        }
    }

    /// Accounts with a repository and enough credits each.
    pub(crate) async fn accounts(&self) -> anyhow::Result<()> {
        let rows = series(1, ACCOUNTS);
        self.run(format!(
            "insert into accounts (id, login, kind, installation_id, removed_installation_id, tier, balance, held, writer_lease, created_at, updated_at)
             {rows} select i, 'account', 'User', i, 0, 'free', 1000000000, 100000000, 0, {PAST}, {PAST} from n"
        ))
        .await?;
        self.run(format!(
            "insert into repositories (id, account_id, owner, name, private, archived, default_branch, github_updated_at, created_at, updated_at)
             {rows} select i, i, 'account', 'till', false, false, 'main', {PAST}, {PAST}, {PAST} from n"
        ))
        .await
    }

    /// Tasks that are over.
    pub(crate) async fn finished(&mut self, count: i64) -> anyhow::Result<()> {
        let account = format!("1 + i % {ACCOUNTS}");
        self.tasks(count, &account, ("completed", "ended", "'done'")).await
    }

    /// Tasks that wait, with what is held for them.
    pub(crate) async fn waiting(&mut self, count: i64) -> anyhow::Result<()> {
        let account = format!("1 + i % {ACCOUNTS}");
        self.tasks(count, &account, ("pending", "waiting", "null")).await
    }

    pub(crate) async fn one_more_waits(&mut self, account: i64) -> anyhow::Result<()> {
        self.tasks(1, &account.to_string(), ("pending", "waiting", "null")).await?;
        self.run(format!("update accounts set look_at = {PAST} where id = {account}")).await
    }

    /// Everybody's turn comes, and PostgreSQL knows how large its tables are.
    pub(crate) async fn settle(&self) -> anyhow::Result<()> {
        self.run(format!("update accounts set look_at = {PAST}, served_at = {PAST}")).await?;
        match &self.pool {
            Pool::Postgres(_) => self.run("vacuum analyze".to_owned()).await,
            Pool::Sqlite(_) => self.run("pragma wal_checkpoint(truncate)".to_owned()).await,
        }
    }

    async fn tasks(
        &mut self,
        count: i64,
        account: &str,
        (status, phase, ended_as): (&str, &str, &str),
    ) -> anyhow::Result<()> {
        if count == 0 {
            return Ok(());
        }
        let rows = series(self.tasks + 1, self.tasks + count);
        self.tasks += count;
        let id = match &self.pool {
            Pool::Postgres(_) => "cast(lpad(to_hex(i), 32, '0') as uuid)",
            Pool::Sqlite(_) => "cast(printf('%016d', i) as blob)",
        };
        self.run(format!(
            "insert into commands (id, account_id, repository_id, number, sender_id, sender_login, asked, state, lease, due_at, attempts, created_at, updated_at)
             {rows} select {id}, {account}, {account}, 1, 7, 'dana', '{{}}', 'admitted', 0, {PAST}, 1, {PAST}, {PAST} from n"
        ))
        .await?;
        self.run(format!(
            "insert into tasks (id, command_id, account_id, repository_id, number, kind, model, priority, status, phase, ended_as,
                 brief, requester_id, base_branch, base_sha, branch, quote_low, quote_high, hold, lease, due_at, ranked_at,
                 attempts, active_ms, steps, input_tokens, cached_tokens, cache_write_tokens, output_tokens,
                 cost_nano_usd, outcome, created_at, updated_at)
             {rows} select {id}, {id}, {account}, {account}, 1, 'debug', 'claude-sonnet-5-5', 'medium', '{status}', '{phase}', {ended_as},
                 {BRIEF}, 7, 'main', '{sha}', 'asynccoder/' || i, 10, 66, 66, 0, {PAST}, {PAST},
                 0, 0, 0, 0, 0, 0, 0, 0, '{{}}', {PAST}, {PAST} from n",
            sha = "a".repeat(40)
        ))
        .await?;
        if phase != "waiting" {
            return Ok(());
        }
        self.run(format!(
            "insert into credit_holds (id, account_id, task_id, amount, created_at)
             {rows} select {id}, {account}, {id}, 66, {PAST} from n"
        ))
        .await
    }

    async fn run(&self, sql: String) -> anyhow::Result<()> {
        let query = sqlx::raw_sql(AssertSqlSafe(sql));
        match &self.pool {
            Pool::Postgres(pool) => query.execute(pool).await.map(drop)?,
            Pool::Sqlite(pool) => query.execute(pool).await.map(drop)?,
        }
        Ok(())
    }
}

/// The numbers from one to the other, as `n(i)`.
fn series(from: i64, to: i64) -> String {
    format!(
        "with recursive n(i) as (select cast({from} as bigint) union all select i + 1 from n where i < {to})"
    )
}
