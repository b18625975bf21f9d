//! Steps: what an attempt did, stored before it goes on.
//!
//! A step passes through `calling` (with the most it can cost), `replied` (with what it did cost)
//! and `done` (with the tools' results), each in a transaction fenced by the task's lease.

use super::engine::{Tx, all, args, exec, one, row};
use super::{Result, Store, documents, json, now};
use crate::domain::credit::{NanoUsd, Usage};
use crate::domain::ids::{Lease, TaskId};
use crate::domain::report::PlanItem;
use serde_json::Value;

row! {
    /// A step as it is stored. JSON is verbatim what the agent gave.
    #[derive(Clone, Debug)]
    pub struct StoredStep {
        /// From 1.
        pub step: i64,
        /// The id of the model that replied; null in old steps.
        pub model: Option<String>,
        /// The model's reply, once it came.
        pub reply: Option<sqlx::types::Json<Value>>,
        /// The tools' results, once they ran.
        pub results: Option<sqlx::types::Json<Value>>,
        /// The workspace's whole change after this step, if it changed.
        pub patch: Option<Vec<u8>>,
    }
}

/// What a model call came to.
#[derive(Clone, Debug)]
pub struct Replied {
    /// The reply, verbatim.
    pub reply: Value,
    /// Its tokens.
    pub usage: Usage,
    /// Its price.
    pub cost: NanoUsd,
    /// The model that gave it.
    pub model: Answering,
}

/// The model that gave a reply, by its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answering {
    /// The one that the task was given to.
    Own(String),
    /// The one that went on for it.
    Fallback(String),
}

impl Answering {
    fn id(&self) -> &str {
        match self {
            Answering::Own(id) | Answering::Fallback(id) => id,
        }
    }

    fn fallback(&self) -> Option<&str> {
        match self {
            Answering::Own(_) => None,
            Answering::Fallback(id) => Some(id),
        }
    }
}

/// What the tools of a step came to.
#[derive(Clone, Debug)]
pub struct Ran {
    /// Their results, verbatim.
    pub results: Value,
    /// The checklist, if this step changed it.
    pub plan: Option<Vec<PlanItem>>,
    /// The workspace's whole change, if this step changed it.
    pub patch: Option<Vec<u8>>,
}

/// An attempt's own key to its task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The task.
    pub task: TaskId,
    /// The lease under which it was claimed.
    pub lease: Lease,
}

impl Store {
    /// Notes that a model call is about to be made. `false`: the lease is lost.
    pub async fn step_calling(&self, holder: Holder, step: i64, at_most: NanoUsd) -> Result<bool> {
        let mut tx = self.db.begin().await?;
        if !holds(&mut tx, holder).await? {
            return Ok(false);
        }
        exec(
            &mut tx,
            "insert into task_steps (task_id, step, lease, state, at_most_nano_usd, input_tokens, cached_tokens,
                 cache_write_tokens, output_tokens, cost_nano_usd, created_at, updated_at)
             values ($1, $2, $3, 'calling', $4, 0, 0, 0, 0, 0, $5, $5)
             on conflict (task_id, step) do update set lease = excluded.lease, updated_at = excluded.updated_at",
            args![holder.task, step, holder.lease, at_most, now()],
        )
        .await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Stores the reply and adds its price to the task. The same step again adds nothing.
    pub async fn step_replied(&self, holder: Holder, step: i64, replied: Replied) -> Result<bool> {
        let mut tx = self.db.begin().await?;
        if !holds(&mut tx, holder).await? {
            return Ok(false);
        }
        let Usage { input, cached, cache_write, output } = replied.usage;
        let changed = exec(
            &mut tx,
            "update task_steps set state = 'replied', reply = $3, input_tokens = $4, cached_tokens = $5,
                 cache_write_tokens = $6, output_tokens = $7, cost_nano_usd = $8, model = $10, updated_at = $9
             where task_id = $1 and step = $2 and state = 'calling'",
            args![holder.task, step, json(&replied.reply)?, input, cached, cache_write, output, replied.cost, now(), replied.model.id()],
        )
        .await?;
        if changed == 1 {
            exec(
                &mut tx,
                "update tasks set steps = steps + 1, input_tokens = input_tokens + $2, cached_tokens = cached_tokens + $3,
                     cache_write_tokens = cache_write_tokens + $4, output_tokens = output_tokens + $5,
                     cost_nano_usd = cost_nano_usd + $6, fell_back_to = coalesce($8, fell_back_to), updated_at = $7
                 where id = $1",
                args![holder.task, input, cached, cache_write, output, replied.cost, now(), replied.model.fallback()],
            )
            .await?;
            waits_no_more(&mut tx, holder.task).await?;
        }
        tx.commit().await?;
        Ok(true)
    }

    /// Stores the tools' results.
    pub async fn step_done(&self, holder: Holder, step: i64, ran: Ran) -> Result<bool> {
        let mut tx = self.db.begin().await?;
        if !holds(&mut tx, holder).await? {
            return Ok(false);
        }
        exec(
            &mut tx,
            "update task_steps set state = 'done', results = $3, patch = $4, updated_at = $5
             where task_id = $1 and step = $2 and state = 'replied'",
            args![holder.task, step, json(&ran.results)?, ran.patch, now()],
        )
        .await?;
        if let Some(plan) = ran.plan {
            insert_plan(&mut tx, holder.task, &plan).await?;
            documents::want_all(&mut tx, holder.task).await?;
        }
        tx.commit().await?;
        self.bells.outbox.notify_one();
        Ok(true)
    }

    /// All steps of a task in order, to go on after a crash.
    pub async fn steps(&self, task: TaskId) -> Result<Vec<StoredStep>> {
        let steps = all(
            self.db.reader(),
            "select step, model, reply, results, patch from task_steps where task_id = $1 order by step",
            args![task],
        );
        Ok(steps.await?)
    }
}

/// A model has answered: whoever was told that its service does not is told otherwise.
async fn waits_no_more(tx: &mut Tx, task: TaskId) -> Result<()> {
    let waited = exec(
        &mut *tx,
        "update tasks set waits_for = null where id = $1 and waits_for is not null",
        args![task],
    )
    .await?;
    if waited == 1 { documents::want_all(tx, task).await } else { Ok(()) }
}

async fn insert_plan(tx: &mut Tx, task: TaskId, plan: &[PlanItem]) -> Result<()> {
    let (seq,): (i64,) = one(
        &mut *tx,
        "select cast(coalesce(max(seq), 0) + 1 as bigint) from task_events where task_id = $1",
        args![task],
    )
    .await?;
    let payload = serde_json::json!({ "items": plan });
    exec(
        tx,
        "insert into task_events (task_id, seq, kind, payload, created_at) values ($1, $2, 'plan', $3, $4)",
        args![task, seq, sqlx::types::Json(payload), now()],
    )
    .await?;
    Ok(())
}

async fn holds(tx: &mut Tx, holder: Holder) -> Result<bool> {
    let touched = exec(
        tx,
        "update tasks set updated_at = $3 where id = $1 and lease = $2 and phase = 'working'",
        args![holder.task, holder.lease, now()],
    )
    .await?;
    Ok(touched == 1)
}
