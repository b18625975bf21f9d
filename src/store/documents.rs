//! Documents: what has to be shown, and what is shown.
//!
//! Others raise `wanted` in the transaction that changes what a document shows; the outbox renders
//! the rows as they are then and raises `shown` to what it had read before.

use super::commands::ClaimedCommand;
use super::engine::{Tx, args, exec, opt, row};
use super::writers::{self, Writer};
use super::{Result, Store, now};
use crate::domain::document::DocumentKind;
use crate::domain::ids::{AccountId, DocumentId, RepositoryId, TaskId};
use crate::domain::pace::HourlyWrites;
use chrono::{DateTime, Utc};
use std::time::Duration;
use uuid::Uuid;

row! {
    /// A document that shows less than is wanted.
    #[derive(Clone, Debug)]
    pub struct DueDocument {
        /// The document.
        pub id: DocumentId,
        /// The task it shows.
        pub task_id: TaskId,
        /// Where.
        pub repository_id: RepositoryId,
        /// The issue or pull request.
        pub number: i64,
        /// What it is.
        pub kind: DocumentKind,
        /// The commit of a check run.
        pub head_sha: String,
        /// The revision that is wanted.
        pub wanted: i64,
        /// GitHub's id, once it exists there.
        pub github_id: Option<i64>,
        /// Whether it may exist there without our knowing its id.
        pub unsure: bool,
        /// Look-ups since the last try to create it.
        pub lookups: i64,
        /// Errors in a row.
        pub attempts: i64,
        /// Whether this is the last thing it will ever show.
        pub is_final: bool,
        /// From when on progress is shown in it.
        pub progress_at: DateTime<Utc>,
        /// When its task was admitted.
        pub admitted_at: DateTime<Utc>,
        brief: sqlx::types::Json<serde_json::Value>,
    }
}

impl DueDocument {
    /// The comment at a line of a change that the status comment goes below, if it does.
    pub fn below(&self) -> Option<i64> {
        self.brief.0.pointer("/line/first")?.as_i64()
    }
}

/// The status comment of a new task.
pub(super) async fn insert_status_comment(
    tx: &mut Tx,
    command: &ClaimedCommand,
    task: TaskId,
) -> Result<()> {
    let place = (command.account, command.repository);
    insert(tx, place, task, DocumentKind::StatusComment, "").await
}

/// The check run of a new task on a commit that is there already.
pub(super) async fn insert_check_run(
    tx: &mut Tx,
    command: &ClaimedCommand,
    task: TaskId,
    head_sha: &str,
) -> Result<()> {
    let place = (command.account, command.repository);
    insert(tx, place, task, DocumentKind::CheckRun, head_sha).await
}

async fn insert(
    tx: &mut Tx,
    (account, repository): (AccountId, RepositoryId),
    task: TaskId,
    kind: DocumentKind,
    head_sha: &str,
) -> Result<()> {
    exec(
        tx,
        "insert into documents (id, account_id, repository_id, task_id, kind, head_sha, wanted, shown, unsure, dead,
             lookups, due_at, progress_at, attempts, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, 1, 0, $7, $7, 0, $8, $8, 0, $8, $8)
         on conflict (task_id, kind, head_sha) do nothing",
        args![Uuid::now_v7(), account, repository, task, kind, head_sha, false, now()],
    )
    .await?;
    Ok(())
}

/// Everything that shows this task has something new to show.
pub(super) async fn want_all(tx: &mut Tx, task: TaskId) -> Result<()> {
    exec(tx, "update documents set wanted = wanted + 1 where task_id = $1", args![task]).await?;
    Ok(())
}

/// The same, and it is not left for later as progress is: somebody has to do something.
pub(super) async fn want_all_now(tx: &mut Tx, task: TaskId) -> Result<()> {
    exec(
        tx,
        "update documents set wanted = wanted + 1, progress_at = $2 where task_id = $1",
        args![task, now()],
    )
    .await?;
    Ok(())
}

/// The status comment has something new to show; what was checked has not.
pub(super) async fn want_comment(tx: &mut Tx, task: TaskId) -> Result<()> {
    exec(
        tx,
        "update documents set wanted = wanted + 1 where task_id = $1 and kind = $2",
        args![task, DocumentKind::StatusComment],
    )
    .await?;
    Ok(())
}

/// Shows nothing more in a repository that the App does not reach.
pub(super) async fn leave(tx: &mut Tx, repository: RepositoryId) -> Result<()> {
    exec(
        tx,
        "update documents set dead = true, error = $2, updated_at = $3
         where repository_id = $1 and wanted > shown and not dead",
        args![repository, "the App does not reach the repository", now()],
    )
    .await?;
    Ok(())
}

/// Shows what was left or given up, for whoever has the repository now. GitHub may have refused it before
/// any webhook told why, so the reason says nothing; and what has no id may be there, because what is out
/// of reach looks as if somebody had removed it.
pub(super) async fn take_up_again(tx: &mut Tx, repository: RepositoryId) -> Result<()> {
    exec(
        tx,
        "update documents set dead = false, error = null, unsure = (github_id is null), due_at = $2, updated_at = $2,
             account_id = (select r.account_id from repositories r where r.id = $1)
         where repository_id = $1 and dead",
        args![repository, now()],
    )
    .await?;
    Ok(())
}

/// An ended task that pushed a commit gets a check run on it.
pub(super) async fn want_check_run(tx: &mut Tx, task: TaskId) -> Result<()> {
    let pushed: Option<(AccountId, RepositoryId, sqlx::types::Json<serde_json::Value>)> = opt(
        &mut *tx,
        "select account_id, repository_id, act from acts where task_id = $1 and kind = 'push' and state = 'done'",
        args![task],
    )
    .await?;
    let Some((account, repository, act)) = pushed else { return Ok(()) };
    let Some(commit) = act.0.get("commit").and_then(|c| c.as_str()) else { return Ok(()) };
    insert(tx, (account, repository), task, DocumentKind::CheckRun, commit).await
}

impl Store {
    /// Notes that a document is about to be created or edited. `false`: this writer's lease is lost.
    pub async fn document_begins(
        &self,
        due: &DueDocument,
        writer: &Writer,
        hourly: HourlyWrites,
    ) -> Result<bool> {
        let mut tx = self.db.begin().await?;
        if !writers::begin_write(&mut tx, writer, hourly).await? {
            return Ok(false);
        }
        let begun = exec(
            &mut tx,
            "update documents set unsure = (github_id is null), lookups = case when unsure then lookups else 0 end
             where id = $1 and not dead",
            args![due.id],
        )
        .await?;
        tx.commit().await?;
        Ok(begun == 1)
    }

    /// Notes what GitHub shows now, and not to show progress again for so long; but what somebody has to
    /// hear of, and what came meanwhile, is not put off.
    pub async fn document_shown(
        &self,
        due: &DueDocument,
        github_id: i64,
        spacing: Duration,
    ) -> Result<()> {
        let mut tx = self.db.begin().await?;
        let progress_at = tx.clock().await? + spacing;
        exec(
            &mut tx,
            "update documents set shown = $2, github_id = $3, unsure = false, attempts = 0, error = null,
                 progress_at = case when progress_at > $6 then progress_at else $4 end, updated_at = $5
             where id = $1 and shown < $2",
            args![due.id, due.wanted, github_id, progress_at, now(), due.progress_at],
        )
        .await?;
        tx.commit().await?;
        Ok(())
    }

    /// Notes what GitHub shows now, and that it may be there twice: it is shown once more after a
    /// while, or as soon as there is something new to show.
    pub async fn document_doubtful(
        &self,
        due: &DueDocument,
        github_id: i64,
        wait: Duration,
    ) -> Result<()> {
        let mut tx = self.db.begin().await?;
        let again_at = tx.clock().await? + wait;
        exec(
            &mut tx,
            "update documents set github_id = $2, unsure = false, attempts = 0, progress_at = $3,
                 due_at = case when $4 then $3 else due_at end, updated_at = $5
             where id = $1",
            args![due.id, github_id, again_at, due.is_final, now()],
        )
        .await?;
        tx.commit().await?;
        Ok(())
    }

    /// Tries again later.
    pub async fn document_later(
        &self,
        due: &DueDocument,
        wait: Duration,
        error: &str,
    ) -> Result<()> {
        let mut tx = self.db.begin().await?;
        let due_at = tx.clock().await? + wait;
        exec(
            &mut tx,
            "update documents set due_at = $2, attempts = attempts + 1, lookups = lookups + 1, error = $3, updated_at = $4 where id = $1",
            args![due.id, due_at, error, now()],
        )
        .await?;
        tx.commit().await?;
        Ok(())
    }

    /// It is no longer on GitHub; the next time it is created anew.
    pub async fn document_gone(&self, due: &DueDocument) -> Result<()> {
        self.change_document(
            "update documents set github_id = null, unsure = false, updated_at = $2 where id = $1",
            args![due.id, now()],
        )
        .await
    }

    /// Gives a document up: GitHub will never take it.
    pub async fn document_dead(&self, due: &DueDocument, error: &str) -> Result<()> {
        self.change_document(
            "update documents set dead = true, error = $2, updated_at = $3 where id = $1",
            args![due.id, error, now()],
        )
        .await
    }

    async fn change_document(
        &self,
        sql: &'static str,
        values: super::engine::Args<'_>,
    ) -> Result<()> {
        let mut tx = self.db.begin().await?;
        exec(&mut tx, sql, values).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// The best document of an account whose turn it is: final states before first comments before progress.
pub(super) async fn next(
    tx: &mut Tx,
    account: AccountId,
    now: DateTime<Utc>,
    with_progress: bool,
) -> Result<Option<DueDocument>> {
    let due = opt(
        tx,
        "select d.id, d.task_id, d.repository_id, t.number, d.kind, d.head_sha, d.wanted, d.github_id, d.unsure,
                d.lookups, d.attempts, d.progress_at, t.phase = 'ended' as is_final, t.created_at as admitted_at, t.brief
         from documents d join tasks t on t.id = d.task_id
         where d.account_id = $1 and d.wanted > d.shown and not d.dead and d.due_at <= $2
           and (t.phase = 'ended' or (d.progress_at <= $2 and ($3 or d.github_id is null)))
         order by (case when t.phase = 'ended' then 0 else 1 end), (case when d.github_id is null then 0 else 1 end), d.created_at
         limit 1",
        args![account, now, with_progress],
    );
    Ok(due.await?)
}
