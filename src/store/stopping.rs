//! What a `cancel` stops. It is stopped and answered in one transaction: a `cancel` that is decided again
//! after a lost reply would otherwise find, and stop, whatever is next.

use super::acts::{self, NewAct};
use super::commands::{ClaimedCommand, close};
use super::engine::{Tx, all, args, exec, locking, one};
use super::{Result, Store, claims, documents, from_json, now, tasks};
use crate::domain::command::{Asked, Request, Verb};
use crate::domain::ids::{ActId, CommandId, TaskId};
use crate::domain::report::answer::Stopping;
use crate::domain::task::{End, Phase};
use serde_json::Value;
use sqlx::types::Json;

/// So many commands of a thread that wait to be decided are looked at.
const MOST_LOOKED_AT: i64 = 50;

/// Work that somebody asked for and that is no task yet.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// The command.
    pub id: CommandId,
    /// Who asked.
    pub sender_id: i64,
    /// What was asked.
    pub asked: Asked,
}

impl Store {
    /// Stops a task, and answers the command that wants it to end. What waits ends now; what runs ends at
    /// its next heartbeat; what is being published ends now unless the push may be on its way, or as soon as
    /// it turns out that it is not. `false`: the command is not ours to answer any more, and nothing changed.
    pub async fn cancel_task(
        &self,
        command: &ClaimedCommand,
        task: TaskId,
        answer: impl FnOnce(Stopping) -> NewAct,
    ) -> Result<bool> {
        let mut tx = self.db.begin().await?;
        let stopping = stop(&mut tx, task).await?;
        if !close(&mut tx, command, "answered", None).await? {
            return Ok(false);
        }
        acts::insert(&mut tx, answer(stopping)).await?;
        tx.commit().await?;
        self.bells.outbox.notify_one();
        Ok(true)
    }

    /// Lets nothing begin of what was asked for, and answers the command that wants that. `false`: either
    /// of the two was decided meanwhile, and nothing changed.
    pub async fn cancel_waiting(
        &self,
        command: &ClaimedCommand,
        waiting: CommandId,
        answer: NewAct,
    ) -> Result<bool> {
        let mut tx = self.db.begin().await?;
        let stopped = exec(
            &mut tx,
            "update commands set state = 'refused', refusal = 'cancelled', lease_until = null, updated_at = $2
             where id = $1 and state = 'pending'",
            args![waiting, now()],
        )
        .await?;
        if stopped == 0 || !close(&mut tx, command, "answered", None).await? {
            return Ok(false);
        }
        acts::insert(&mut tx, answer).await?;
        tx.commit().await?;
        self.bells.outbox.notify_one();
        Ok(true)
    }

    /// The newest work that was asked for in the thread before this command, and that nobody has decided
    /// yet: GitHub may have been away, or somebody decides it at this moment.
    pub async fn asked_before(&self, command: &ClaimedCommand) -> Result<Option<Waiting>> {
        let pending: Vec<(CommandId, i64, Json<Value>)> = all(
            self.db.reader(),
            "select id, sender_id, asked from commands
             where repository_id = $1 and number = $2 and state = 'pending' and id <> $3
             order by created_at desc limit $4",
            args![command.repository, command.asked.thread.number, command.id, MOST_LOOKED_AT],
        )
        .await?;
        for (id, sender_id, asked) in pending {
            // Who decides it says what is wrong with one that cannot be read.
            let Ok(asked) = from_json::<Asked>(asked) else { continue };
            let is_older = if asked.at.is_some() && command.asked.at.is_some() {
                (asked.at, id.0) < (command.asked.at, command.id.0)
            } else {
                id.0 < command.id.0
            };
            if is_older && is_work(&asked.request) {
                return Ok(Some(Waiting { id, sender_id, asked }));
            }
        }
        Ok(None)
    }
}

const fn is_work(request: &Request) -> bool {
    match request {
        Request::Command(command) => {
            command.verb.kind().is_some() || matches!(command.verb, Verb::Retry)
        }
        Request::Mistakes(_) | Request::Repeated(_) | Request::Configuring(_) => false,
    }
}

async fn stop(tx: &mut Tx, task: TaskId) -> Result<Stopping> {
    claims::soon(&mut *tx, task).await?;
    exec(
        &mut *tx,
        "update tasks set cancel_requested_at = coalesce(cancel_requested_at, $2), updated_at = $2
         where id = $1 and phase <> 'ended'",
        args![task, now()],
    )
    .await?;
    lock_acts(&mut *tx, task).await?;
    let (phase,): (Phase,) =
        one(&mut *tx, "select phase from tasks where id = $1", args![task]).await?;
    let stopping = match phase {
        Phase::Ended => Stopping::Over,
        Phase::Working if !is_abandoned(&mut *tx, task).await? => Stopping::Stopping,
        Phase::Publishing if acts::result_may_be_there(&mut *tx, task).await? => Stopping::TooLate,
        Phase::Waiting | Phase::Working | Phase::Publishing => {
            tasks::finish(&mut *tx, task, End::Cancelled).await?;
            Stopping::Stopped
        }
    };
    documents::want_all(&mut *tx, task).await?;
    Ok(stopping)
}

/// Takes a task from a worker that has not been heard of for a lease, if that is so.
async fn is_abandoned(tx: &mut Tx, task: TaskId) -> Result<bool> {
    let now = tx.clock().await?;
    let taken = exec(
        tx,
        "update tasks set lease = lease + 1 where id = $1 and phase = 'working' and lease_until <= $2",
        args![task, now],
    )
    .await?;
    Ok(taken == 1)
}

/// An act that is just being begun is waited for, so that nobody is told "stopped" meanwhile.
async fn lock_acts(tx: &mut Tx, task: TaskId) -> Result<()> {
    let statement = locking!("select id from acts where task_id = $1", " for update");
    let _: Vec<(ActId,)> = all(tx, statement, args![task]).await?;
    Ok(())
}
