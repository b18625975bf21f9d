//! Presses of buttons of check runs, ours and GitHub's own: each becomes a command.
//!
//! A check run is run again once for ever, because what runs again has another one. So it does not matter
//! whether GitHub tells of one press with one delivery or with several, or in which order. Only what was
//! refused can be pressed again.

use super::commands::{NewCommand, told};
use super::engine::{Tx, all, args, exec, opt, row};
use super::{Result, from_json, now};
use crate::domain::act::NewCheck;
use crate::domain::command::button::Button;
use crate::domain::command::{Asked, Request};
use crate::domain::event::{Pressed, Rerequested, Source};
use crate::domain::ids::{CommandId, RepositoryId, TaskId};
use crate::domain::report::check;
use crate::domain::task::{Brief, Kind, Phase};
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::types::Json;
use std::collections::BTreeMap;
use uuid::Uuid;

/// So often a button is heard that was refused each time.
const MOST_REFUSED: u32 = 100;

/// Stores the command that a button stands for, if what it belongs to is of this repository. Pressed
/// again, it changes nothing, unless it was refused.
pub(super) async fn pressed(tx: &mut Tx, pressed: &Pressed) -> Result<()> {
    let asked = match asked_of_task(tx, pressed).await? {
        Some(asked) => Some(asked),
        None if pressed.button == Button::Rerun => asked_of_command(tx, pressed).await?,
        None => None,
    };
    let Some(asked) = asked else { return Ok(()) };
    // What nobody waits for counts for nobody.
    let of_nobody = if asked.source.is_automatic() { "config:" } else { "" };
    let key = format!("{of_nobody}{}:{}:{}", Source::CheckRun, pressed.check_run, pressed.button);
    let command = NewCommand {
        key: unless_refused(tx, key).await?,
        account: pressed.repository.owner.id,
        repository: pressed.repository.id,
        sender: pressed.sender.clone(),
        asked,
    };
    told(tx, &command).await
}

/// GitHub gives a press neither a number nor a time. What was refused may be asked again all the same: by
/// somebody who may, or when the reason is gone.
async fn unless_refused(tx: &mut Tx, first: String) -> Result<String> {
    let mut key = first.clone();
    for again in 1..=MOST_REFUSED {
        let refused: Option<(CommandId,)> = opt(
            &mut *tx,
            "select id from commands where key = $1 and state = 'refused'",
            args![&*key],
        )
        .await?;
        if refused.is_none() {
            break;
        }
        key = format!("{first}:{again}");
    }
    Ok(key)
}

async fn asked_of_task(tx: &mut Tx, pressed: &Pressed) -> Result<Option<Asked>> {
    let found: Option<(Json<Value>,)> = opt(
        tx,
        "select brief from tasks where id = $1 and repository_id = $2",
        args![pressed.shows, pressed.repository.id],
    )
    .await?;
    let Some((brief,)) = found else { return Ok(None) };
    let brief: Brief = from_json(brief)?;
    Ok(Some(Asked {
        request: Request::Command(pressed.button.command(TaskId(pressed.shows))),
        thread: brief.thread,
        source: Source::CheckRun,
        comment_id: pressed.check_run,
        at: None,
        url: pressed.url.clone(),
        line: None,
        head: None,
    }))
}

/// What a command without a task asked is asked once more: by whoever presses, unless it is nothing that
/// anybody asks.
async fn asked_of_command(tx: &mut Tx, pressed: &Pressed) -> Result<Option<Asked>> {
    let found: Option<(Json<Value>,)> = opt(
        tx,
        "select c.asked from commands c join acts a on a.command_id = c.id
         where c.id = $1 and c.repository_id = $2 and a.kind = 'check'",
        args![pressed.shows, pressed.repository.id],
    )
    .await?;
    let Some((asked,)) = found else { return Ok(None) };
    let asked: Asked = from_json(asked)?;
    let (check_run, url) = (pressed.check_run, pressed.url.clone());
    Ok(Some(match asked.request {
        Request::Configuring(_) => asked,
        Request::Command(_) | Request::Mistakes(_) | Request::Repeated(_) => {
            let source = Source::CheckRun;
            Asked { source, comment_id: check_run, at: None, url, head: None, ..asked }
        }
    }))
}

/// Presses the button of each of our check runs of a commit that is completed: of those with one name in
/// one thread, the newest. What has begun since then runs again already.
pub(super) async fn rerequested(tx: &mut Tx, suite: &Rerequested) -> Result<()> {
    let is_new = exec(
        &mut *tx,
        "insert into rerequests (key, created_at) values ($1, $2) on conflict (key) do nothing",
        args![suite.key(), now()],
    )
    .await?;
    if is_new == 0 {
        return Ok(());
    }
    for run in newest(tx, suite.repository.id, suite.head.as_str()).await? {
        if !run.is_over || run.since >= suite.at {
            continue;
        }
        let press = Pressed {
            installation: suite.installation,
            repository: suite.repository.clone(),
            check_run: run.github_id,
            shows: run.shows,
            button: Button::Rerun,
            url: String::new(),
            sender: suite.sender.clone(),
        };
        pressed(tx, &press).await?;
    }
    Ok(())
}

/// A check run of ours.
struct Run {
    github_id: i64,
    shows: Uuid,
    is_over: bool,
    since: DateTime<Utc>,
}

row! {
    struct OfTask {
        github_id: i64,
        task_id: TaskId,
        number: i64,
        kind: Kind,
        phase: Phase,
        created_at: DateTime<Utc>,
    }
}

row! {
    struct OfCommand {
        command_id: CommandId,
        number: i64,
        act: Json<Value>,
        result: Json<Value>,
        created_at: DateTime<Utc>,
    }
}

/// The newest check runs of ours on a commit, by thread and name.
async fn newest(tx: &mut Tx, repository: RepositoryId, head: &str) -> Result<Vec<Run>> {
    let of_tasks: Vec<OfTask> = all(
        &mut *tx,
        "select d.github_id, d.task_id, t.number, t.kind, t.phase, t.created_at
         from documents d join tasks t on t.id = d.task_id
         where d.repository_id = $1 and d.head_sha = $2 and d.kind = 'check_run' and d.github_id is not null",
        args![repository, head],
    )
    .await?;
    let of_commands: Vec<OfCommand> = all(
        tx,
        "select a.command_id, c.number, a.act, a.result, a.created_at
         from acts a join commands c on c.id = a.command_id
         where a.repository_id = $1 and a.act ->> 'head' = $2 and a.kind = 'check' and a.state = 'done'",
        args![repository, head],
    )
    .await?;
    let mut runs: Vec<_> = of_tasks.into_iter().map(OfTask::into_run).collect();
    for run in of_commands {
        runs.extend(run.into_run()?);
    }
    runs.sort_by_key(|(_, run)| run.since);
    let newest: BTreeMap<(i64, String), Run> = runs.into_iter().collect();
    Ok(newest.into_values().collect())
}

impl OfTask {
    fn into_run(self) -> ((i64, String), Run) {
        let run = Run {
            github_id: self.github_id,
            shows: self.task_id.0,
            is_over: self.phase == Phase::Ended,
            since: self.created_at,
        };
        ((self.number, check::name(self.kind)), run)
    }
}

impl OfCommand {
    fn into_run(self) -> Result<Option<((i64, String), Run)>> {
        let check: NewCheck = from_json(self.act)?;
        let Some(github_id) = self.result.0.get("id").and_then(Value::as_i64) else {
            return Ok(None);
        };
        let (shows, since) = (self.command_id.0, self.created_at);
        let run = Run { github_id, shows, is_over: true, since };
        Ok(Some(((self.number, check.name), run)))
    }
}
