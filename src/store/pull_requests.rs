//! Pull requests that we opened: known by the reply that opened them and by GitHub's webhooks, whichever
//! comes first; and by a question, where a webhook that never came would keep somebody from something.

use super::acts::NewAct;
use super::engine::{Tx, all, args, exec, opt, row};
use super::{Result, Store, acts, documents, json, now};
use crate::domain::act::{Act, DeleteBranch, PullRequest, Push, wants_branch_deleted};
use crate::domain::event::{AsOf, Proposal, ProposalState};
use crate::domain::ids::{AccountId, CommandId, RepositoryId, Sha, TaskId};
use serde_json::Value;
use uuid::Uuid;

row! {
    /// A pull request with the task that opened it.
    struct Ours {
        repository_id: RepositoryId,
        number: i64,
        head: String,
        state: ProposalState,
        delete_branch: bool,
        pushed_sha: Option<String>,
        task: TaskId,
        command: CommandId,
        account: AccountId,
    }
}

/// Notes the pull request that an act opened (or found).
pub(super) async fn opened(
    tx: &mut Tx,
    repository: RepositoryId,
    task: TaskId,
    wanted: &PullRequest,
    result: &Value,
) -> Result<()> {
    let number = |name: &str| result.get(name).and_then(Value::as_i64).unwrap_or_default();
    let text = |name: &str| result.get(name).and_then(Value::as_str);
    let draft = result.get("draft").and_then(Value::as_bool).unwrap_or(wanted.draft);
    let state = text("state").and_then(|state| state.parse().ok()).unwrap_or(ProposalState::Open);
    let pushed = pushed_by(tx, task).await?;
    exec(
        &mut *tx,
        "insert into pull_requests (id, repository_id, number, task_id, head, base, state, draft, url, title, pushed_sha,
             delete_branch, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13)
         on conflict (id) do update set
             task_id = excluded.task_id,
             pushed_sha = excluded.pushed_sha,
             delete_branch = excluded.delete_branch,
             updated_at = excluded.updated_at",
        args![
            number("id"),
            repository,
            number("number"),
            task,
            &*wanted.head,
            &*wanted.base,
            state,
            draft,
            text("url").unwrap_or_default(),
            &*wanted.title,
            pushed,
            wanted.delete_branch,
            now(),
        ],
    )
    .await?;
    exec(
        &mut *tx,
        "insert into task_results (id, task_id, type, payload, created_at) values ($1, $2, 'pr_created', $3, $4)
         on conflict (task_id, type) do nothing",
        args![Uuid::now_v7(), task, json(result)?, now()],
    )
    .await?;
    decided(tx, number("id")).await
}

/// The commit that the task's own push brought.
async fn pushed_by(tx: &mut Tx, task: TaskId) -> Result<Option<String>> {
    let pushed: Option<(sqlx::types::Json<Value>,)> = opt(
        tx,
        "select result from acts where task_id = $1 and kind = 'push' and state = 'done'",
        args![task],
    )
    .await?;
    Ok(pushed.and_then(|(result,)| Some(result.0.get("commit")?.as_str()?.to_owned())))
}

/// Notes that a branch has another commit of ours.
pub(super) async fn pushed(tx: &mut Tx, repository: RepositoryId, push: &Push) -> Result<()> {
    exec(
        tx,
        "update pull_requests set pushed_sha = $3, updated_at = $4 where repository_id = $1 and head = $2",
        args![repository, &*push.branch, push.commit.as_str(), now()],
    )
    .await?;
    Ok(())
}

/// Notes what GitHub tells of a pull request, unless what is known is newer. One that is not ours after
/// all has no task, and nothing follows from it.
pub(super) async fn told(tx: &mut Tx, now_is: &Proposal) -> Result<()> {
    let known: Option<(ProposalState,)> =
        opt(&mut *tx, "select state from pull_requests where id = $1", args![now_is.id]).await?;
    let changed = exec(
        &mut *tx,
        "insert into pull_requests (id, repository_id, number, head, base, state, draft, url, title, head_sha, as_of,
             delete_branch, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13)
         on conflict (id) do update set
             base = excluded.base,
             state = excluded.state,
             draft = excluded.draft,
             title = excluded.title,
             head_sha = excluded.head_sha,
             as_of = excluded.as_of,
             updated_at = excluded.updated_at
         where pull_requests.as_of is null or excluded.as_of >= pull_requests.as_of",
        args![
            now_is.id,
            now_is.repository.id,
            now_is.number,
            &*now_is.head,
            &*now_is.base,
            now_is.state,
            now_is.draft,
            &*now_is.url,
            &*now_is.title,
            now_is.head_sha.as_str(),
            now_is.as_of.time(),
            false,
            now(),
        ],
    )
    .await?;
    if changed == 1 && known.is_some_and(|(was,)| was != now_is.state) {
        decided(tx, now_is.id).await?;
    }
    Ok(())
}

impl Store {
    /// Pull requests of ours that are open as far as we were told, with GitHub's ids and numbers; at most
    /// so many, the oldest first.
    pub async fn open_pull_requests(
        &self,
        repository: RepositoryId,
        most: i64,
    ) -> Result<Vec<(i64, i64)>> {
        let open = all(
            self.db.reader(),
            "select id, number from pull_requests where repository_id = $1 and state = 'open' order by number limit $2",
            args![repository, most],
        );
        Ok(open.await?)
    }

    /// Notes what became of a pull request that GitHub was asked about, unless what is known is newer.
    pub async fn pull_request_became(
        &self,
        id: i64,
        state: ProposalState,
        as_of: AsOf,
    ) -> Result<()> {
        let mut tx = self.db.begin().await?;
        let changed = exec(
            &mut tx,
            "update pull_requests set state = $2, as_of = $3, updated_at = $4
             where id = $1 and state <> $2 and (as_of is null or as_of <= $3)",
            args![id, state, as_of.time(), now()],
        )
        .await?;
        if changed == 1 {
            decided(&mut tx, id).await?;
        }
        tx.commit().await?;
        self.bells.outbox.notify_one();
        Ok(())
    }
}

/// What follows once a pull request of a task is open, closed or merged: its comment says so, and its
/// branch goes if that is wanted.
async fn decided(tx: &mut Tx, id: i64) -> Result<()> {
    let ours: Option<Ours> = opt(
        &mut *tx,
        "select p.repository_id, p.number, p.head, p.state, p.delete_branch, p.pushed_sha,
                t.id as task, t.command_id as command, t.account_id as account
         from pull_requests p join tasks t on t.id = p.task_id where p.id = $1",
        args![id],
    )
    .await?;
    let Some(ours) = ours else { return Ok(()) };
    documents::want_comment(tx, ours.task).await?;
    let Some(commit) = ours.pushed_sha.as_deref().and_then(Sha::parse) else { return Ok(()) };
    if !wants_branch_deleted(ours.state, ours.delete_branch) {
        return Ok(());
    }
    let delete = DeleteBranch { number: ours.number, branch: ours.head, commit };
    let act = NewAct {
        account: ours.account,
        repository: ours.repository_id,
        command: ours.command,
        task: Some(ours.task),
        required: false,
        act: Act::DeleteBranch(delete),
        patch: None,
    };
    acts::insert_anew(tx, act).await
}
