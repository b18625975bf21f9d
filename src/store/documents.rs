//! Documents and the writer lease: what has to be shown, and who may write for an account now.

use super::acts::{self, DueAct};
use super::commands::ClaimedCommand;
use super::engine::{Sql, Tx, args, exec, opt, row};
use super::{Result, Store, now};
use crate::domain::document::DocumentKind;
use crate::domain::ids::{
    AccountId, CommandId, DocumentId, InstallationId, Lease, RepoName, RepositoryId, TaskId,
};
use std::time::Duration;
use uuid::Uuid;

/// The right to write to GitHub for one account.
#[derive(Clone, Debug)]
pub struct Writer {
    /// For whom.
    pub account: AccountId,
    /// What proves that nobody else writes for it.
    pub lease: Lease,
    /// `None` once the App is uninstalled.
    pub installation: Option<InstallationId>,
}

/// Something that a writer has to do next.
#[derive(Clone, Debug)]
pub enum Job {
    /// Do this once.
    Act(Box<DueAct>),
    /// Show the latest state of this.
    Document(DueDocument),
}

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
    }
}

row! {
    struct Target {
        owner: String,
        name: String,
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

/// An account has something to do if an act is due or a document shows less than is wanted.
const NEXT_WRITER: Sql = Sql {
    lite: "select a.id from accounts a
           where (a.writer_until is null or a.writer_until <= $1) and (a.blocked_until is null or a.blocked_until <= $1)
             and (exists (
                     select 1 from acts c where c.account_id = a.id and c.state in ('open', 'acting', 'unknown') and c.due_at <= $1
                       and not exists (
                           select 1 from acts b
                           where b.command_id = c.command_id and b.required and b.position < c.position and b.state <> 'done'))
                  or exists (
                     select 1 from documents d join tasks t on t.id = d.task_id
                     where d.account_id = a.id and d.wanted > d.shown and not d.dead and d.due_at <= $1
                       and (d.progress_at <= $1 or t.phase = 'ended')))
           order by a.writer_until nulls first limit 1",
    pg: "select a.id from accounts a
         where (a.writer_until is null or a.writer_until <= $1) and (a.blocked_until is null or a.blocked_until <= $1)
           and (exists (
                   select 1 from acts c where c.account_id = a.id and c.state in ('open', 'acting', 'unknown') and c.due_at <= $1
                     and not exists (
                         select 1 from acts b
                         where b.command_id = c.command_id and b.required and b.position < c.position and b.state <> 'done'))
                or exists (
                   select 1 from documents d join tasks t on t.id = d.task_id
                   where d.account_id = a.id and d.wanted > d.shown and not d.dead and d.due_at <= $1
                     and (d.progress_at <= $1 or t.phase = 'ended')))
         order by a.writer_until nulls first limit 1 for update of a skip locked",
};

impl Store {
    /// Becomes the writer of an account that has something to do, for so long.
    pub async fn claim_writer(&self, lease: Duration) -> Result<Option<Writer>> {
        let now = now();
        let mut tx = self.db.begin().await?;
        let Some((account,)) = opt::<(AccountId,)>(&mut tx, NEXT_WRITER, args![now]).await? else {
            return Ok(None);
        };
        let claimed: Option<(Lease, Option<InstallationId>)> = opt(
            &mut tx,
            "update accounts set writer_lease = writer_lease + 1, writer_until = $2 where id = $1
             returning writer_lease, installation_id",
            args![account, now + lease],
        )
        .await?;
        tx.commit().await?;
        Ok(claimed.map(|(lease, installation)| Writer { account, lease, installation }))
    }

    /// Stays the writer for so long from now. `false`: somebody else is.
    pub async fn renew_writer(&self, writer: &Writer, lease: Duration) -> Result<bool> {
        let mut tx = self.db.begin().await?;
        let renewed = exec(
            &mut tx,
            "update accounts set writer_until = $3 where id = $1 and writer_lease = $2",
            args![writer.account, writer.lease, now() + lease],
        )
        .await?;
        tx.commit().await?;
        Ok(renewed == 1)
    }

    /// The next thing to do. Final states go first, then acts, then first comments, emojis, and progress.
    pub async fn next_job(&self, writer: &Writer) -> Result<Option<Job>> {
        let mut tx = self.db.begin().await?;
        let act = acts::next(&mut tx, writer.account).await?;
        let document = next_document(&mut tx, writer.account).await?;
        tx.commit().await?;
        Ok(more_urgent(act, document))
    }

    /// Stops being the writer. `blocked`: GitHub asked the whole installation to wait so long.
    pub async fn release_writer(&self, writer: &Writer, blocked: Option<Duration>) -> Result<()> {
        let mut tx = self.db.begin().await?;
        exec(
            &mut tx,
            "update accounts set writer_until = null, blocked_until = coalesce($3, blocked_until)
             where id = $1 and writer_lease = $2",
            args![writer.account, writer.lease, blocked.map(|wait| now() + wait)],
        )
        .await?;
        tx.commit().await?;
        Ok(())
    }

    /// Notes that a document is about to be created or edited. `false`: this writer's lease is lost.
    pub async fn document_begins(&self, due: &DueDocument, writer: &Writer) -> Result<bool> {
        let mut tx = self.db.begin().await?;
        let begun = exec(
            &mut tx,
            "update documents set unsure = (github_id is null), lookups = case when unsure then lookups else 0 end
             where id = $1
               and exists (select 1 from accounts where id = $2 and writer_lease = $3 and writer_until > $4)",
            args![due.id, writer.account, writer.lease, now()],
        )
        .await?;
        tx.commit().await?;
        Ok(begun == 1)
    }

    /// Notes what GitHub shows now, and not to show progress again for so long.
    pub async fn document_shown(
        &self,
        due: &DueDocument,
        github_id: i64,
        spacing: Duration,
    ) -> Result<()> {
        self.change_document(
            "update documents set shown = $2, github_id = $3, unsure = false, attempts = 0, error = null,
                 progress_at = $4, updated_at = $5 where id = $1 and shown < $2",
            args![due.id, due.wanted, github_id, now() + spacing, now()],
        )
        .await
    }

    /// Tries again later.
    pub async fn document_later(
        &self,
        due: &DueDocument,
        wait: Duration,
        error: &str,
    ) -> Result<()> {
        self.change_document(
            "update documents set due_at = $2, attempts = attempts + 1, lookups = lookups + 1, error = $3, updated_at = $4 where id = $1",
            args![due.id, now() + wait, error, now()],
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

    /// The name of a repository today.
    pub async fn repository_name(&self, repository: RepositoryId) -> Result<RepoName> {
        let target: Target = super::engine::one(
            self.db.reader(),
            "select owner, name from repositories where id = $1",
            args![repository],
        )
        .await?;
        Ok(RepoName { owner: target.owner, name: target.name })
    }

    /// Whether everything accepted so far is done and shown: no delivery, command, task, act or
    /// document is left that somebody still has to do something about.
    pub async fn is_settled(&self) -> Result<bool> {
        let (open,): (i64,) = super::engine::one(
            self.db.reader(),
            "select cast(
                 (select count(*) from deliveries where state = 'pending')
               + (select count(*) from commands where state = 'pending')
               + (select count(*) from tasks where phase <> 'ended')
               + (select count(*) from acts where state in ('open', 'acting', 'unknown'))
               + (select count(*) from documents where wanted > shown and not dead) as bigint)",
            args![],
        )
        .await?;
        Ok(open == 0)
    }

    /// The newest task of a command, if it became one.
    pub async fn task_of_command(&self, command: CommandId) -> Result<Option<TaskId>> {
        let found: Option<(TaskId,)> =
            opt(self.db.reader(), "select id from tasks where command_id = $1", args![command])
                .await?;
        Ok(found.map(|(id,)| id))
    }
}

async fn next_document(tx: &mut Tx, account: AccountId) -> Result<Option<DueDocument>> {
    let due = opt(
        tx,
        "select d.id, d.task_id, d.repository_id, t.number, d.kind, d.head_sha, d.wanted, d.github_id, d.unsure,
                d.lookups, d.attempts, t.phase = 'ended' as is_final
         from documents d join tasks t on t.id = d.task_id
         where d.account_id = $1 and d.wanted > d.shown and not d.dead and d.due_at <= $2
           and (d.progress_at <= $2 or t.phase = 'ended')
         order by (case when t.phase = 'ended' then 0 else 1 end), (case when d.github_id is null then 0 else 1 end), d.created_at
         limit 1",
        args![account, now()],
    );
    Ok(due.await?)
}

fn more_urgent(act: Option<DueAct>, document: Option<DueDocument>) -> Option<Job> {
    let (act, document) = match (act, document) {
        (None, document) => return document.map(Job::Document),
        (act, None) => return act.map(|act| Job::Act(Box::new(act))),
        (Some(act), Some(document)) => (act, document),
    };
    let is_first_comment =
        document.github_id.is_none() && document.kind == DocumentKind::StatusComment;
    let act_goes_first = if document.is_final {
        false
    } else if is_first_comment {
        act.required
    } else {
        true
    };
    Some(if act_goes_first { Job::Act(Box::new(act)) } else { Job::Document(document) })
}
