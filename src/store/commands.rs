//! Commands: what people asked for, until it is answered, refused or has become a task.

use super::acts::NewAct;
use super::engine::{Sql, Tx, args, exec, locking, one, opt, row};
use super::tasks::NewTask;
use super::{Result, Store, acts, from_json, json, ledger, now, repositories, tasks, traffic};
use crate::domain::command::{Asked, Request};
use crate::domain::credit::Daily;
use crate::domain::event::Person;
use crate::domain::ids::{
    AccountId, CommandId, InstallationId, Lease, RepoName, RepositoryId, TaskId,
};
use chrono::{DateTime, TimeDelta, Utc};
use std::time::Duration;
use uuid::Uuid;

/// Something that somebody asked for.
#[derive(Clone, Debug)]
pub struct NewCommand {
    /// What tells it from everything else that was ever asked.
    pub key: String,
    /// Whose credits it may cost.
    pub account: AccountId,
    /// Where.
    pub repository: RepositoryId,
    /// Who.
    pub sender: Person,
    /// What.
    pub asked: Asked,
}

/// A command that this process decides now.
#[derive(Clone, Debug)]
pub struct ClaimedCommand {
    /// The command.
    pub id: CommandId,
    /// What proves that nobody else decides it.
    pub lease: Lease,
    /// Claims so far, this one included.
    pub attempts: i64,
    /// Whose credits it may cost.
    pub account: AccountId,
    /// The account's login.
    pub account_login: String,
    /// `None` once the App is uninstalled or suspended.
    pub installation: Option<InstallationId>,
    /// Where.
    pub repository: RepositoryId,
    /// The repository's name today.
    pub name: RepoName,
    /// Who.
    pub sender: Person,
    /// What.
    pub asked: Asked,
    /// Since when it waits.
    pub created_at: DateTime<Utc>,
}

/// How a command ends that does not become a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// A free verb was answered, or mistakes were explained.
    Answered,
    /// It was refused, for this reason.
    Refused(&'static str),
    /// It was refused, and the same refusal is shown only once a person, thread and day.
    RefusedQuietly(&'static str),
    /// A limit is reached, which is shown only once a person, thread and hour.
    Limited(&'static str),
}

row! {
    struct Claimed {
        id: CommandId,
        lease: Lease,
        attempts: i64,
        account_id: AccountId,
        account_login: String,
        installation_id: Option<InstallationId>,
        repository_id: RepositoryId,
        owner: String,
        name: String,
        sender_id: i64,
        sender_login: String,
        asked: sqlx::types::Json<serde_json::Value>,
        created_at: DateTime<Utc>,
    }
}

/// Stores what somebody asked, unless its key is known. What was asked before the App lost the repository
/// is not answered any more.
pub(super) async fn told(tx: &mut Tx, command: &NewCommand) -> Result<()> {
    insert(tx, command).await?;
    if repositories::is_reached(tx, command.repository, command.asked.at).await? {
        return Ok(());
    }
    drop_repository(tx, command.repository).await
}

/// Nothing that waits in this repository is decided any more.
pub(super) async fn drop_repository(tx: &mut Tx, repository: RepositoryId) -> Result<()> {
    exec(
        tx,
        "update commands set state = 'refused', refusal = 'not_installed', lease_until = null, updated_at = $2
         where repository_id = $1 and state = 'pending'",
        args![repository, now()],
    )
    .await?;
    Ok(())
}

/// Stores a command, unless its key is known. Whoever puts in by an edit what was asked before is told so.
async fn insert(tx: &mut Tx, command: &NewCommand) -> Result<()> {
    if insert_once(tx, command).await? {
        return Ok(());
    }
    let earlier: Option<(CommandId, sqlx::types::Json<serde_json::Value>)> =
        opt(&mut *tx, "select id, asked from commands where key = $1", args![&*command.key])
            .await?;
    let Some((id, asked)) = earlier else { return Ok(()) };
    let asked: Asked = from_json(asked)?;
    // The same edit, delivered again, has the same time; and what comes by itself is no edit.
    if asked.at >= command.asked.at || command.asked.source.is_automatic() {
        return Ok(());
    }
    let asked = Asked { request: Request::Repeated(id), ..command.asked.clone() };
    let again = NewCommand { key: format!("{}:again", command.key), asked, ..command.clone() };
    insert_once(tx, &again).await?;
    Ok(())
}

async fn insert_once(tx: &mut Tx, command: &NewCommand) -> Result<bool> {
    let stored = exec(
        tx,
        "insert into commands (id, key, account_id, repository_id, number, sender_id, sender_login, asked, state, lease, due_at, attempts, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, 'pending', 0, $9, 0, $9, $9)
         on conflict (key) do nothing",
        args![
            Uuid::now_v7(),
            &*command.key,
            command.account,
            command.repository,
            command.asked.thread.number,
            command.sender.id,
            &*command.sender.login,
            json(&command.asked)?,
            now(),
        ],
    )
    .await?;
    Ok(stored == 1)
}

const CLAIM: Sql = locking!(
    "update commands set lease = lease + 1, lease_until = $2, attempts = attempts + 1, updated_at = $1
     where id = (
         select id from commands
         where state = 'pending' and due_at <= $1 and (lease_until is null or lease_until <= $1)
           and not exists (select 1 from accounts a where a.id = commands.account_id and a.blocked_until > $1)
         order by due_at limit 1",
    " for update skip locked",
    ") returning id"
);

impl Store {
    /// Takes the command that is due longest, for so long.
    pub async fn claim_command(&self, lease: Duration) -> Result<Option<ClaimedCommand>> {
        let mut tx = self.db.begin().await?;
        let now = tx.clock().await?;
        let Some((id,)) = opt::<(CommandId,)>(&mut tx, CLAIM, args![now, now + lease]).await?
        else {
            return Ok(None);
        };
        let row: Claimed = one(
            &mut tx,
            "select c.id, c.lease, c.attempts, c.account_id, a.login as account_login,
                    case when a.suspended_at is null then a.installation_id end as installation_id,
                    c.repository_id, r.owner, r.name, c.sender_id, c.sender_login, c.asked, c.created_at
             from commands c
             join accounts a on a.id = c.account_id
             join repositories r on r.id = c.repository_id
             where c.id = $1",
            args![id],
        )
        .await?;
        let command = match row.into_command() {
            Ok(command) => command,
            Err(unreadable) => {
                // Nobody will ever be able to read it, so nobody has to try.
                exec(
                    &mut tx,
                    "update commands set state = 'refused', refusal = 'unreadable', lease_until = null, updated_at = $2
                     where id = $1",
                    args![id, now],
                )
                .await?;
                tx.commit().await?;
                return Err(unreadable);
            }
        };
        tx.commit().await?;
        Ok(Some(command))
    }

    /// Stays the one who decides a command for so long from now. `false`: somebody else does, or it
    /// is decided.
    pub async fn renew_command(&self, command: &ClaimedCommand, lease: Duration) -> Result<bool> {
        let mut tx = self.db.begin().await?;
        let until = tx.clock().await? + lease;
        let renewed = exec(
            &mut tx,
            "update commands set lease_until = $3 where id = $1 and lease = $2 and state = 'pending'",
            args![command.id, command.lease, until],
        )
        .await?;
        tx.commit().await?;
        Ok(renewed == 1)
    }

    /// Leaves a command for later. The acts tell the person that it was seen; they are stored once.
    pub async fn postpone_command(
        &self,
        command: &ClaimedCommand,
        wait: Duration,
        acts: Vec<NewAct>,
    ) -> Result<()> {
        let mut tx = self.db.begin().await?;
        let due_at = tx.clock().await? + wait;
        let postponed = exec(
            &mut tx,
            "update commands set due_at = $3, lease_until = null, updated_at = $4
             where id = $1 and lease = $2 and state = 'pending'",
            args![command.id, command.lease, due_at, now()],
        )
        .await?;
        for act in acts.into_iter().filter(|_| postponed == 1) {
            acts::insert(&mut tx, act).await?;
        }
        tx.commit().await?;
        self.bells.outbox.notify_one();
        Ok(())
    }

    /// Ends a command without a task: its acts are stored with it. `false`: the lease was lost.
    pub async fn end_command(
        &self,
        command: &ClaimedCommand,
        ending: Ending,
        acts: Vec<NewAct>,
    ) -> Result<bool> {
        let mut tx = self.db.begin().await?;
        let (state, refusal, once_in) = match ending {
            Ending::Answered => ("answered", None, None),
            Ending::Refused(reason) => ("refused", Some(reason), None),
            Ending::RefusedQuietly(reason) => ("refused", Some(reason), Some(TimeDelta::days(1))),
            Ending::Limited(reason) => ("refused", Some(reason), Some(TimeDelta::hours(1))),
        };
        let explained = match once_in {
            Some(window) => explained_within(&mut tx, command, refusal, window).await?,
            None => false,
        };
        if !close(&mut tx, command, state, refusal).await? {
            return Ok(false);
        }
        for act in acts.into_iter().filter(|_| !explained) {
            acts::insert(&mut tx, act).await?;
        }
        tx.commit().await?;
        self.bells.outbox.notify_one();
        Ok(true)
    }

    /// Makes a command a task: hold, task, first document and first act in one transaction. `None`:
    /// the credits, the day's limits or the room for pull requests are used up by now, or the lease was
    /// lost; nothing changed.
    pub async fn admit(
        &self,
        command: &ClaimedCommand,
        task: NewTask,
        acts: Vec<NewAct>,
        daily: Daily,
    ) -> Result<Option<TaskId>> {
        let mut tx = self.db.begin().await?;
        let (id, check_on) = (task.id, task.check_on.clone());
        tasks::insert(&mut tx, command, &task).await?;
        let person = command.sender.id;
        let held = ledger::hold(
            &mut tx,
            ledger::Holding { account: command.account, person, task: id, amount: task.hold },
            daily,
        )
        .await?;
        if !held || !close(&mut tx, command, "admitted", None).await? {
            return Ok(None);
        }
        // Whoever holds credits of the account is alone with it here, so that no two take the last room.
        if let Some(most) = task.opens_one_of
            && !traffic::fits(&mut tx, command.repository, most).await?
        {
            return Ok(None);
        }
        // What nobody asked for is shown in its check run and in what it came to.
        if !command.asked.source.is_automatic() {
            super::documents::insert_status_comment(&mut tx, command, id).await?;
        }
        if let Some(sha) = check_on {
            super::documents::insert_check_run(&mut tx, command, id, sha.as_str()).await?;
        }
        for act in acts {
            acts::insert(&mut tx, act).await?;
        }
        tx.commit().await?;
        self.bells.tasks.notify_one();
        self.bells.outbox.notify_one();
        Ok(Some(id))
    }
}

pub(super) async fn close(
    tx: &mut Tx,
    command: &ClaimedCommand,
    state: &'static str,
    refusal: Option<&'static str>,
) -> Result<bool> {
    let changed = exec(
        tx,
        "update commands set state = $3, refusal = $4, lease_until = null, updated_at = $5
         where id = $1 and lease = $2 and state = 'pending'",
        args![command.id, command.lease, state, refusal, now()],
    )
    .await?;
    Ok(changed == 1)
}

/// Whether the person was told of this. What was refused in silence does not count, or whoever keeps
/// trying would never be told again.
async fn explained_within(
    tx: &mut Tx,
    command: &ClaimedCommand,
    refusal: Option<&'static str>,
    window: TimeDelta,
) -> Result<bool> {
    let (count,): (i64,) = one(
        tx,
        "select count(*) from commands
         where state = 'refused' and repository_id = $1 and number = $2 and sender_id = $3
           and refusal = $4 and updated_at > $5
           and exists (select 1 from acts a where a.command_id = commands.id and a.kind = 'answer')",
        args![
            command.repository,
            command.asked.thread.number,
            command.sender.id,
            refusal,
            now() - window,
        ],
    )
    .await?;
    Ok(count > 0)
}

impl Claimed {
    fn into_command(self) -> Result<ClaimedCommand> {
        Ok(ClaimedCommand {
            id: self.id,
            lease: self.lease,
            attempts: self.attempts,
            account: self.account_id,
            account_login: self.account_login,
            installation: self.installation_id,
            repository: self.repository_id,
            name: RepoName { owner: self.owner, name: self.name },
            sender: Person { id: self.sender_id, login: self.sender_login, is_bot: false },
            asked: from_json(self.asked)?,
            created_at: self.created_at,
        })
    }
}
