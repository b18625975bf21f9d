//! Pull requests that we opened.

use super::engine::{Tx, args, exec};
use super::{Result, json, now};
use crate::domain::act::PullRequest;
use crate::domain::ids::{RepositoryId, TaskId};
use serde_json::Value;
use uuid::Uuid;

/// Notes the pull request that an act opened (or found open).
pub(super) async fn opened(
    tx: &mut Tx,
    repository: RepositoryId,
    task: TaskId,
    wanted: &PullRequest,
    result: &Value,
) -> Result<()> {
    let number = |name: &str| result.get(name).and_then(Value::as_i64).unwrap_or_default();
    let url = result.get("url").and_then(Value::as_str).unwrap_or_default();
    let draft = result.get("draft").and_then(Value::as_bool).unwrap_or(wanted.draft);
    exec(
        &mut *tx,
        "insert into pull_requests (id, repository_id, number, task_id, head, base, state, draft, url, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, 'open', $7, $8, $9, $9)
         on conflict (id) do nothing",
        args![number("id"), repository, number("number"), task, &*wanted.head, &*wanted.base, draft, url, now()],
    )
    .await?;
    exec(
        tx,
        "insert into task_results (id, task_id, type, payload, created_at) values ($1, $2, 'pr_created', $3, $4)
         on conflict (task_id, type) do nothing",
        args![Uuid::now_v7(), task, json(result)?, now()],
    )
    .await?;
    Ok(())
}
