//! What came before a command: counted from the rows, so that a restart or another replica forgets
//! nothing.

use super::commands::ClaimedCommand;
use super::engine::{Args, Conn, Tx, all, args, exec, one};
use super::{Result, Store, now};
use crate::domain::ids::RepositoryId;
use crate::domain::limits::{IN_THREAD, Lately, OF_PERSON, OWN_COMMENTS, Traffic};
use crate::domain::task::Kind;
use chrono::{DateTime, Utc};

type Counted = (i64, Option<DateTime<Utc>>);

impl Store {
    /// What was asked for before this command. Commands that were refused for a limit do not count, or
    /// whoever asks on would wait for ever; nor does what nobody typed, such as a push. What strangers
    /// ask in vain counts for them and not for the thread, which they would shut to others.
    pub async fn traffic(&self, command: &ClaimedCommand) -> Result<Traffic> {
        let (repository, number) = (command.repository, command.asked.thread.number);
        let of_person = self.counted(
            "select count(*), min(created_at) from commands
             where sender_id = $1 and created_at > $2 and id < $3 and (refusal is null or refusal not like 'limit%')
               and (key is null or (key not like 'auto_review:%' and key not like 'config:%'))",
            args![command.sender.id, now() - OF_PERSON, command.id],
        );
        let in_thread = self.counted(
            "select count(*), min(created_at) from commands
             where repository_id = $1 and number = $2 and created_at > $3 and id < $4
               and (refusal is null or (refusal not like 'limit%' and refusal not in ('not_allowed', 'mistyped')))
               and (key is null or (key not like 'auto_review:%' and key not like 'config:%'))",
            args![repository, number, now() - IN_THREAD, command.id],
        );
        let own_comments = self.counted(
            "select count(*), min(said.created_at) from (
                 select a.created_at, a.command_id from acts a where a.kind = 'answer'
                 union all
                 select d.created_at, t.command_id from documents d join tasks t on t.id = d.task_id
                 where d.kind = 'status_comment'
             ) said join commands c on c.id = said.command_id
             where c.repository_id = $1 and c.number = $2 and said.created_at > $3
               and said.created_at > coalesce(
                   (select max(l.updated_at) from commands l
                    where l.repository_id = $1 and l.number = $2 and l.lifts), $4)",
            args![repository, number, now() - OWN_COMMENTS, DateTime::<Utc>::UNIX_EPOCH],
        );
        let (of_person, in_thread, own_comments) =
            (of_person.await?, in_thread.await?, own_comments.await?);
        let open_in_thread = self.count(
            "select count(*) from tasks where repository_id = $1 and number = $2 and phase <> 'ended'",
            args![repository, number],
        );
        let open_in_thread = open_in_thread.await?;
        let waiting = self.count(
            "select count(*) from tasks where account_id = $1 and phase = 'waiting'",
            args![command.account],
        );
        let waiting = waiting.await?;
        let open_pull_requests = open_pull_requests(self.db.reader(), command.repository).await?;
        let coming_pull_requests =
            coming_pull_requests(self.db.reader(), command.repository).await?;
        Ok(Traffic {
            of_person,
            in_thread,
            own_comments,
            open_in_thread,
            waiting,
            open_pull_requests,
            coming_pull_requests,
        })
    }

    /// How often pushes to this command's thread were looked at for what they make of the configuration.
    pub async fn looks_at_configuration(&self, command: &ClaimedCommand) -> Result<i64> {
        let looks = self.count(
            "select count(*) from commands
             where repository_id = $1 and number = $2 and created_at > $3 and id < $4 and key like 'config:%'",
            args![command.repository, command.asked.thread.number, now() - IN_THREAD, command.id],
        );
        looks.await
    }

    async fn counted(&self, statement: &'static str, values: Args<'_>) -> Result<Lately> {
        let (count, first): Counted = one(self.db.reader(), statement, values).await?;
        Ok(Lately { count, first })
    }

    async fn count(&self, statement: &'static str, values: Args<'_>) -> Result<i64> {
        let (count,): (i64,) = one(self.db.reader(), statement, values).await?;
        Ok(count)
    }

    /// Notes that this command sets the count of our own comments in its thread back.
    pub async fn lift_silence(&self, command: &ClaimedCommand) -> Result<()> {
        let mut tx = self.db.begin().await?;
        exec(
            &mut tx,
            "update commands set lifts = $3, updated_at = $4 where id = $1 and lease = $2",
            args![command.id, command.lease, true, now()],
        )
        .await?;
        tx.commit().await?;
        Ok(())
    }
}

/// Pull requests of ours that are open, as far as we were told.
async fn open_pull_requests(conn: impl Into<Conn<'_>>, repository: RepositoryId) -> Result<i64> {
    let (count,): (i64,) = one(
        conn,
        "select count(*) from pull_requests where repository_id = $1 and state = 'open'",
        args![repository],
    )
    .await?;
    Ok(count)
}

/// Tasks that will open a pull request. What is done on one goes to the branch it comes from.
async fn coming_pull_requests(conn: impl Into<Conn<'_>>, repository: RepositoryId) -> Result<i64> {
    let tasks: Vec<(Kind, i64)> = all(
        conn,
        "select t.kind, count(*) from tasks t
         where t.repository_id = $1 and t.phase <> 'ended' and t.branch <> t.base_branch
           and not exists (select 1 from pull_requests p where p.task_id = t.id)
         group by t.kind",
        args![repository],
    )
    .await?;
    Ok(tasks.iter().filter(|(kind, _)| kind.limits().may_edit).map(|(_, count)| count).sum())
}

/// Whether a repository has no more pull requests of ours than this, with those that are on their way.
pub(super) async fn fits(tx: &mut Tx, repository: RepositoryId, most: i64) -> Result<bool> {
    let open = open_pull_requests(&mut *tx, repository).await?;
    Ok(open + coming_pull_requests(tx, repository).await? <= most)
}
