//! Labels that are taken away: what they asked for is not begun.
//!
//! Deliveries come in any order, so the times of GitHub decide and not the order: what was asked for before
//! the label was taken away is off, whichever is heard of first, and what was asked for after it stands.

use super::commands::NewCommand;
use super::engine::{Tx, all, args, exec, opt};
use super::{Result, claims, now, tasks};
use crate::domain::event::Source;
use crate::domain::ids::{CommandId, RepositoryId, TaskId};
use crate::domain::task::End;
use chrono::{DateTime, TimeDelta, Utc};

/// How long it is known that a label was taken away. GitHub delivers again what is three days old.
const KEEP: TimeDelta = TimeDelta::days(14);

/// Drops a command that a label asked for which was taken away since.
pub(super) async fn set(tx: &mut Tx, command: &NewCommand) -> Result<()> {
    let (Some((label, _)), Some(at)) = (command.key.rsplit_once('@'), command.asked.at) else {
        return Ok(());
    };
    if command.asked.source != Source::Label {
        return Ok(());
    }
    let taken: Option<(DateTime<Utc>,)> = opt(
        &mut *tx,
        "select taken_at from unlabelled where key = $1 and taken_at >= $2",
        args![format!("{label}@"), at],
    )
    .await?;
    if taken.is_none() {
        return Ok(());
    }
    refuse(tx, &command.key).await
}

/// Stops what a label asked for before it was taken away and what has not begun: commands that nobody
/// has decided, tasks that nobody works on. What has begun goes on.
pub(super) async fn taken_away(
    tx: &mut Tx,
    repository: RepositoryId,
    label: &str,
    at: DateTime<Utc>,
) -> Result<()> {
    remember(tx, label, at).await?;
    let length = i64::try_from(label.chars().count()).unwrap_or(i64::MAX);
    let asked: Vec<(CommandId, String)> = all(
        &mut *tx,
        "select id, key from commands c
         where repository_id = $1 and substr(key, 1, cast($3 as integer)) = $2
           and (state = 'pending'
                or exists (select 1 from tasks t where t.command_id = c.id and t.phase = 'waiting'))",
        args![repository, label, length],
    )
    .await?;
    for (command, key) in asked {
        let seconds = key.strip_prefix(label).and_then(|seconds| seconds.parse::<i64>().ok());
        if seconds.is_some_and(|seconds| seconds <= at.timestamp()) {
            refuse(tx, &key).await?;
            stop(tx, command).await?;
        }
    }
    Ok(())
}

async fn remember(tx: &mut Tx, label: &str, at: DateTime<Utc>) -> Result<()> {
    exec(&mut *tx, "delete from unlabelled where created_at < $1", args![now() - KEEP]).await?;
    exec(
        tx,
        "insert into unlabelled (key, taken_at, created_at) values ($1, $2, $3)
         on conflict (key) do update set taken_at = excluded.taken_at, created_at = excluded.created_at
         where unlabelled.taken_at < excluded.taken_at",
        args![label, at, now()],
    )
    .await?;
    Ok(())
}

async fn refuse(tx: &mut Tx, key: &str) -> Result<()> {
    exec(
        tx,
        "update commands set state = 'refused', refusal = 'unlabelled', lease_until = null, updated_at = $2
         where key = $1 and state = 'pending'",
        args![key, now()],
    )
    .await?;
    Ok(())
}

async fn stop(tx: &mut Tx, command: CommandId) -> Result<()> {
    let waiting: Vec<(TaskId,)> = all(
        &mut *tx,
        "select id from tasks where command_id = $1 and phase = 'waiting'",
        args![command],
    )
    .await?;
    for (task,) in waiting {
        claims::soon(&mut *tx, task).await?;
        let stopped = exec(
            &mut *tx,
            "update tasks set cancel_requested_at = $2, updated_at = $2 where id = $1 and phase = 'waiting'",
            args![task, now()],
        )
        .await?;
        if stopped == 1 {
            tasks::finish(&mut *tx, task, End::Cancelled).await?;
        }
    }
    Ok(())
}
