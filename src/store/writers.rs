//! Writers: who may write to GitHub for an account now, and what they do next.
//!
//! One at a time for each account, over all replicas: GitHub wants an installation's writes one after
//! the other, and acts of one task have an order.

use super::acts::{self, DueAct};
use super::documents::{self, DueDocument};
use super::engine::{Sql, args, exec, locking, opt};
use super::{Result, Store, now};
use crate::domain::document::DocumentKind;
use crate::domain::ids::{AccountId, InstallationId, Lease};
use std::time::Duration;

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

/// An account has something to do if an act is due or a document shows less than is wanted.
const NEXT_WRITER: Sql = locking!(
    "select a.id from accounts a
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
    " for update of a skip locked"
);

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
        let document = documents::next(&mut tx, writer.account).await?;
        tx.commit().await?;
        Ok(more_urgent(act, document))
    }

    /// Stops being the writer; whoever stopped longest ago is served next. `blocked`: GitHub asked the whole installation to wait so long.
    pub async fn release_writer(&self, writer: &Writer, blocked: Option<Duration>) -> Result<()> {
        let mut tx = self.db.begin().await?;
        exec(
            &mut tx,
            "update accounts set writer_until = $4, blocked_until = coalesce($3, blocked_until)
             where id = $1 and writer_lease = $2",
            args![writer.account, writer.lease, blocked.map(|wait| now() + wait), now()],
        )
        .await?;
        tx.commit().await?;
        Ok(())
    }
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
