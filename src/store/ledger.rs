//! The ledger: bonus, grants, holds and settlements.
//!
//! A hold is one conditional update in the transaction that creates its task; it is resolved exactly
//! once, in the transaction that ends the task. Balance and held amount stand on the account for
//! speed and can be recomputed from the rows here at any time.

use super::engine::{Tx, args, exec, locking, one, opt};
use super::{Result, Store, StoreError, now};
use crate::domain::credit::{BONUS, Credits, Daily};
use crate::domain::ids::{AccountId, TaskId};
use crate::domain::report::answer::Paid;
use crate::domain::task::Kind;
use chrono::{DateTime, NaiveTime, Utc};
use uuid::Uuid;

/// What became of a grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Granted {
    /// The balance afterwards.
    pub balance: Credits,
}

/// Gives the bonus to an account that never had it.
pub(super) async fn bonus(tx: &mut Tx, account: AccountId) -> Result<()> {
    let given = exec(
        &mut *tx,
        "insert into credit_transactions (id, account_id, type, amount, reason, created_at)
         values ($1, $2, 'bonus', $3, 'welcome', $4)
         on conflict (account_id) where type = 'bonus' do nothing",
        args![Uuid::now_v7(), account, BONUS, now()],
    )
    .await?;
    if given == 1 {
        add(tx, account, BONUS).await?;
    }
    Ok(())
}

async fn add(tx: &mut Tx, account: AccountId, amount: Credits) -> Result<()> {
    exec(
        tx,
        "update accounts set balance = balance + $2, updated_at = $3 where id = $1",
        args![account, amount, now()],
    )
    .await?;
    Ok(())
}

/// What credits of a plan are given for.
pub(super) struct Period<'a> {
    pub(super) plan: &'a str,
    /// Its last day.
    pub(super) until: &'a str,
}

/// Gives credits of a plan for a period; twice for one plan and period is impossible.
pub(super) async fn give_for(
    tx: &mut Tx,
    account: AccountId,
    amount: Credits,
    period: Period<'_>,
) -> Result<()> {
    let given = exec(
        &mut *tx,
        "insert into credit_transactions (id, account_id, type, amount, reason, period, plan, created_at)
         values ($1, $2, 'credit', $3, 'plan', $4, $5, $6)
         on conflict (account_id, period, plan) where period is not null do nothing",
        args![Uuid::now_v7(), account, amount, period.until, period.plan, now()],
    )
    .await?;
    if given == 1 {
        add(tx, account, amount).await?;
    }
    Ok(())
}

/// Credits to be held.
pub(super) struct Holding {
    pub(super) account: AccountId,
    /// Who asked for the task.
    pub(super) person: i64,
    pub(super) task: TaskId,
    pub(super) amount: Credits,
}

/// Holds credits for a stored task, if that much is available, the day's limits allow it, and the App
/// is still there.
/// `false`: they do not, and nothing changed.
pub(super) async fn hold(tx: &mut Tx, holding: Holding, daily: Daily) -> Result<bool> {
    let Holding { account, person, task, amount } = holding;
    // Alone with the account from here on: the sums below must see what others have just held.
    let alone = locking!("select id from accounts where id = $1", " for no key update");
    let _: (AccountId,) = one(&mut *tx, alone, args![account]).await?;
    let held = exec(
        &mut *tx,
        "update accounts set held = held + $2, updated_at = $3
         where id = $1 and balance - held >= $2 and installation_id is not null and suspended_at is null
           and $2 + (select coalesce(sum(coalesce(h.charged, h.amount)), 0) from credit_holds h
                     where h.account_id = $1 and h.created_at >= $4) <= $5
           and $2 + (select coalesce(sum(coalesce(h.charged, h.amount)), 0) from credit_holds h
                     join tasks t on t.id = h.task_id
                     where h.account_id = $1 and t.requester_id = $6 and h.created_at >= $4) <= $7",
        args![account, amount, now(), today(), daily.account, person, daily.person],
    )
    .await?;
    if held == 0 {
        return Ok(false);
    }
    exec(
        tx,
        "insert into credit_holds (id, account_id, task_id, amount, created_at) values ($1, $2, $3, $4, $5)",
        args![Uuid::now_v7(), account, task, amount, now()],
    )
    .await?;
    Ok(true)
}

/// The beginning of the day (UTC).
fn today() -> DateTime<Utc> {
    now().date_naive().and_time(NaiveTime::MIN).and_utc()
}

/// Takes what a task used from its hold and gives back the rest. A hold that is resolved already
/// stays as it is. Returns what was charged.
pub(super) async fn settle(tx: &mut Tx, task: TaskId, used: Credits) -> Result<Credits> {
    let open: Option<(AccountId, Credits)> = opt(
        &mut *tx,
        "select account_id, amount from credit_holds where task_id = $1 and resolved_at is null",
        args![task],
    )
    .await?;
    let Some((account, held)) = open else {
        return Err(StoreError::Unreadable(format!("task {task} has no open hold")));
    };
    let charged = used.max(Credits(0)).min(held);
    let resolved = exec(
        &mut *tx,
        "update credit_holds set charged = $2, resolved_at = $3 where task_id = $1 and resolved_at is null",
        args![task, charged, now()],
    )
    .await?;
    if resolved != 1 {
        return Err(StoreError::Unreadable(format!(
            "the hold of task {task} was resolved meanwhile"
        )));
    }
    exec(
        &mut *tx,
        "update accounts set held = held - $2, balance = balance - $3, updated_at = $4 where id = $1",
        args![account, held, charged, now()],
    )
    .await?;
    if charged > Credits(0) {
        exec(
            tx,
            "insert into credit_transactions (id, account_id, type, amount, task_id, reason, created_at)
             values ($1, $2, 'debit', $3, $4, 'task', $5)",
            args![Uuid::now_v7(), account, Credits(-charged.0), task, now()],
        )
        .await?;
    }
    Ok(charged)
}

impl Store {
    /// What was held or spent today by an account, and by one person in it.
    pub async fn spent_today(&self, account: AccountId, person: i64) -> Result<Daily> {
        let (account, person): (Credits, Credits) = one(
            self.db.reader(),
            "select cast(coalesce(sum(coalesce(h.charged, h.amount)), 0) as bigint),
                    cast(coalesce(sum(case when t.requester_id = $2 then coalesce(h.charged, h.amount) else 0 end), 0) as bigint)
             from credit_holds h join tasks t on t.id = h.task_id
             where h.account_id = $1 and h.created_at >= $3",
            args![account, person, today()],
        )
        .await?;
        Ok(Daily { account, person })
    }

    /// The last tasks that an account paid for, newest first.
    pub async fn last_receipts(&self, account: AccountId) -> Result<Vec<Paid>> {
        let rows: Vec<(TaskId, Kind, Credits)> = super::engine::all(
            self.db.reader(),
            "select t.id, t.kind, t.charged from credit_transactions c join tasks t on t.id = c.task_id
             where c.account_id = $1 and c.type = 'debit' order by c.created_at desc limit 5",
            args![account],
        )
        .await?;
        Ok(rows.into_iter().map(|(id, kind, charged)| Paid { id, kind, charged }).collect())
    }

    /// What the last tasks of a kind on a model cost, newest first.
    pub async fn recent_costs(&self, kind: Kind, model: &str) -> Result<Vec<Credits>> {
        let rows: Vec<(Credits,)> = super::engine::all(
            self.db.reader(),
            "select coalesce(charged, 0) from tasks where kind = $1 and model = $2 and status = 'completed'
             order by ended_at desc limit 50",
            args![kind, model],
        )
        .await?;
        Ok(rows.into_iter().map(|(cost,)| cost).collect())
    }

    /// Gives credits to an account, with the reason for the books.
    pub async fn grant(
        &self,
        account: AccountId,
        amount: Credits,
        reason: &str,
    ) -> Result<Granted> {
        let mut tx = self.db.begin().await?;
        exec(
            &mut tx,
            "insert into credit_transactions (id, account_id, type, amount, reason, created_at)
             values ($1, $2, 'credit', $3, $4, $5)",
            args![Uuid::now_v7(), account, amount, reason, now()],
        )
        .await?;
        add(&mut tx, account, amount).await?;
        tx.commit().await?;
        Ok(Granted { balance: self.balance(account).await?.balance })
    }

    /// Accounts whose stored balance or held amount is not what their rows add up to; always empty.
    pub async fn unbalanced_accounts(&self) -> Result<Vec<AccountId>> {
        let rows: Vec<(AccountId,)> = super::engine::all(
            self.db.reader(),
            "select a.id from accounts a
             where a.balance <> (select cast(coalesce(sum(t.amount), 0) as bigint) from credit_transactions t where t.account_id = a.id)
                or a.held <> (select cast(coalesce(sum(h.amount), 0) as bigint) from credit_holds h where h.account_id = a.id and h.resolved_at is null)
                or a.id in (
                    select t.account_id from tasks t left join credit_holds h on h.task_id = t.id
                    where (t.phase = 'ended') <> (h.resolved_at is not null)
                )",
            args![],
        )
        .await?;
        Ok(rows.into_iter().map(|(id,)| id).collect())
    }
}
