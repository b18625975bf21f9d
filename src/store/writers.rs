//! Writers: who may write to GitHub for an account now, and what they do next.
//!
//! One at a time for each account, over all replicas: GitHub wants an installation's writes one after
//! the other, and acts of one task have an order.

use super::acts::{self, DueAct};
use super::documents::{self, DueDocument};
use super::engine::{Sql, Tx, args, exec, locking, opt};
use super::{Result, Store};
use crate::domain::document::DocumentKind;
use crate::domain::ids::{AccountId, InstallationId, Lease};
use crate::domain::pace::HourlyWrites;
use chrono::{DateTime, Utc};
use std::time::Duration;

/// What a writer takes upon itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Load {
    /// Everything.
    All,
    /// What a few requests do. Git may take minutes, and somebody has to be left for everything else.
    Light,
}

/// The right to write to GitHub for one account.
#[derive(Clone, Debug)]
pub struct Writer {
    /// For whom.
    pub account: AccountId,
    /// What proves that nobody else writes for it.
    pub lease: Lease,
    /// `None` once the App is uninstalled.
    pub installation: Option<InstallationId>,
    /// What it takes upon itself.
    pub load: Load,
}

/// What a writer finds when it looks for its next job.
#[derive(Clone, Debug)]
pub enum Next {
    /// There is something to do.
    Do(Job),
    /// The hour's writes are used up for so long.
    Paced(Duration),
    /// There is nothing to do, or somebody else is the writer now.
    Nothing,
}

/// Something that a writer has to do next.
#[derive(Clone, Debug)]
pub enum Job {
    /// Do this once.
    Act(Box<DueAct>),
    /// Show the latest state of this.
    Document(Box<DueDocument>),
}

/// An account has something to do if an act is due or a document shows less than is wanted: exactly what
/// [`Store::next_job`] finds, or a writer would begin and end for nothing, again and again.
const NEXT_WRITER: Sql = locking!(
    "select a.id from accounts a
     where (a.writer_until is null or a.writer_until <= $1) and (a.blocked_until is null or a.blocked_until <= $1)
       and a.suspended_at is null
       and (exists (
               select 1 from acts c where c.account_id = a.id and c.state in ('open', 'acting', 'unknown') and c.due_at <= $1
                 and ($3 or c.kind not in ('push', 'delete_branch'))
                 and not exists (
                     select 1 from acts b
                     where b.command_id = c.command_id and b.required and b.position < c.position and b.state <> 'done'))
            or exists (
               select 1 from documents d join tasks t on t.id = d.task_id
               where d.account_id = a.id and d.wanted > d.shown and not d.dead and d.due_at <= $1
                 and (t.phase = 'ended' or (d.progress_at <= $1
                     and (d.github_id is null or a.paced_until is null or a.paced_until <= $2)))))
     order by a.writer_until nulls first limit 1",
    " for update of a skip locked"
);

impl Store {
    /// Becomes the writer of an account that has something to do and the room for it, for so long.
    pub async fn claim_writer(
        &self,
        lease: Duration,
        hourly: HourlyWrites,
    ) -> Result<Option<Writer>> {
        self.claim_writer_of(Load::All, lease, hourly).await
    }

    /// The same, with what it takes upon itself.
    pub async fn claim_writer_of(
        &self,
        load: Load,
        lease: Duration,
        hourly: HourlyWrites,
    ) -> Result<Option<Writer>> {
        let mut tx = self.db.begin().await?;
        let now = tx.clock().await?;
        let terms = args![now, hourly.tight_after(now), load == Load::All];
        let next = opt(&mut tx, NEXT_WRITER, terms).await?;
        let Some((account,)): Option<(AccountId,)> = next else { return Ok(None) };
        let claimed: Option<(Lease, Option<InstallationId>)> = opt(
            &mut tx,
            "update accounts set writer_lease = writer_lease + 1, writer_until = $2 where id = $1
             returning writer_lease, installation_id",
            args![account, now + lease],
        )
        .await?;
        tx.commit().await?;
        Ok(claimed.map(|(lease, installation)| Writer { account, lease, installation, load }))
    }

    /// GitHub asked the whole installation to wait so long: no command of the account is decided, and
    /// nothing is written for it, by whichever server.
    pub async fn block(&self, account: AccountId, wait: Duration) -> Result<()> {
        let mut tx = self.db.begin().await?;
        let until = tx.clock().await? + wait;
        exec(
            &mut tx,
            "update accounts set blocked_until = $2 where id = $1 and (blocked_until is null or blocked_until < $2)",
            args![account, until],
        )
        .await?;
        tx.commit().await?;
        Ok(())
    }

    /// Stays the writer for so long from now. `false`: somebody else is.
    pub async fn renew_writer(&self, writer: &Writer, lease: Duration) -> Result<bool> {
        let mut tx = self.db.begin().await?;
        let until = tx.clock().await? + lease;
        let renewed = exec(
            &mut tx,
            "update accounts set writer_until = $3 where id = $1 and writer_lease = $2",
            args![writer.account, writer.lease, until],
        )
        .await?;
        tx.commit().await?;
        Ok(renewed == 1)
    }

    /// The next thing to do. Final states go first, then acts, then first comments, emojis, and
    /// progress; and progress not at all once the hour's writes run short.
    pub async fn next_job(&self, writer: &Writer, hourly: HourlyWrites) -> Result<Next> {
        let mut tx = self.db.begin().await?;
        let now = tx.clock().await?;
        let Some(paced_until) = holding(&mut tx, writer, now).await? else {
            return Ok(Next::Nothing);
        };
        let is_tight = hourly.is_tight(paced_until, now);
        let act = acts::next(&mut tx, writer, now).await?;
        let document = documents::next(&mut tx, writer.account, now, !is_tight).await?;
        tx.commit().await?;
        let Some(job) = more_urgent(act, document) else { return Ok(Next::Nothing) };
        Ok(hourly.wait(paced_until, now).map_or(Next::Do(job), Next::Paced))
    }

    /// Stops being the writer; whoever stopped longest ago is served next. `blocked`: GitHub asked the
    /// whole installation to wait so long, or longer if it was asked to before.
    pub async fn release_writer(&self, writer: &Writer, blocked: Option<Duration>) -> Result<()> {
        let mut tx = self.db.begin().await?;
        let now = tx.clock().await?;
        exec(
            &mut tx,
            "update accounts set writer_until = $4,
                 blocked_until = case when $3 is null or blocked_until > $3 then blocked_until else $3 end
             where id = $1 and writer_lease = $2",
            args![writer.account, writer.lease, blocked.map(|wait| now + wait), now],
        )
        .await?;
        tx.commit().await?;
        Ok(())
    }
}

/// Whether this is still the writer; if so, how far the account's writes run ahead of the clock.
async fn holding(
    tx: &mut Tx,
    writer: &Writer,
    now: DateTime<Utc>,
) -> Result<Option<Option<DateTime<Utc>>>> {
    let held: Option<(Option<DateTime<Utc>>,)> = opt(
        tx,
        "select paced_until from accounts
         where id = $1 and writer_lease = $2 and writer_until > $3 and suspended_at is null",
        args![writer.account, writer.lease, now],
    )
    .await?;
    Ok(held.map(|(paced_until,)| paced_until))
}

/// Notes that a write begins. `false`: somebody else is the writer now, and nothing changed.
pub(super) async fn begin_write(
    tx: &mut Tx,
    writer: &Writer,
    hourly: HourlyWrites,
) -> Result<bool> {
    let now = tx.clock().await?;
    let Some(paced_until) = holding(tx, writer, now).await? else { return Ok(false) };
    let counted = exec(
        tx,
        "update accounts set paced_until = $4
         where id = $1 and writer_lease = $2 and writer_until > $3 and suspended_at is null",
        args![writer.account, writer.lease, now, hourly.after_write(paced_until, now)],
    )
    .await?;
    Ok(counted == 1)
}

fn more_urgent(act: Option<DueAct>, document: Option<DueDocument>) -> Option<Job> {
    let (act, document) = match (act, document) {
        (None, document) => return document.map(Box::new).map(Job::Document),
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
    Some(if act_goes_first { Job::Act(Box::new(act)) } else { Job::Document(Box::new(document)) })
}
