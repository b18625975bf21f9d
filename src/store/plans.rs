//! Plans of the Marketplace: what an account has, and the credits that it gets for it once in each period.
//!
//! A webhook is believed at once and checked soon: GitHub does not send it again, so what GitHub answers
//! when it is asked decides.

use super::engine::{Tx, all, args, exec, locking, one, opt, row};
use super::{Result, Store, accounts, ledger, now};
use crate::domain::credit::Credits;
use crate::domain::event::Purchase;
use crate::domain::ids::AccountId;
use crate::domain::plan::{FREE, Given};
use crate::domain::report::answer::Paying;
use chrono::{DateTime, Utc};
use std::time::Duration;

row! {
    /// An account whose plan is to be asked for.
    #[derive(Clone, Copy, Debug)]
    pub struct Unsure {
        /// The account.
        pub account: AccountId,
        /// Since when; a webhook meanwhile makes it another time.
        pub due_at: Option<DateTime<Utc>>,
    }
}

row! {
    struct Shown {
        name: Option<String>,
        credits: Option<Credits>,
        renews_on: Option<String>,
        daily: Option<Credits>,
    }
}

/// Notes what an account bought, or has no longer, unless what is known is newer. What was bought was
/// paid, so its credits are given even if it is over by now.
pub(super) async fn bought(tx: &mut Tx, purchase: &Purchase, given: &Given) -> Result<()> {
    let account = purchase.account.id;
    accounts::mentioned(tx, &purchase.account).await?;
    if !purchase.is_over {
        give(tx, account, given).await?;
    }
    let is_newer: Option<(AccountId,)> = opt(
        &mut *tx,
        "select id from accounts where id = $1 and (plan_as_of is null or plan_as_of <= $2)",
        args![account, purchase.as_of.time()],
    )
    .await?;
    if is_newer.is_some() {
        put(tx, account, (!purchase.is_over).then_some(given)).await?;
        exec(
            &mut *tx,
            "update accounts set plan_as_of = $2 where id = $1",
            args![account, purchase.as_of.time()],
        )
        .await?;
    }
    exec(tx, "update accounts set plan_due_at = $2 where id = $1", args![account, now()]).await?;
    Ok(())
}

/// What an account has from now on.
async fn put(tx: &mut Tx, account: AccountId, given: Option<&Given>) -> Result<()> {
    exec(
        tx,
        "update accounts set tier = $2, plan_name = $3, plan_credits = $4, plan_running = $5, plan_renews_on = $6, plan_daily = $7, updated_at = $8
         where id = $1",
        args![
            account,
            given.map_or(FREE, |given| &given.tier),
            given.map(|given| &*given.name),
            given.map(|given| given.credits),
            given.and_then(|given| given.running),
            given.map(|given| given.until.to_string()),
            given.and_then(|given| given.daily_credits),
            now(),
        ],
    )
    .await?;
    Ok(())
}

/// Gives what a plan gives for a period, less what was given for the same period before: a larger plan in
/// the middle of one adds the difference, a smaller one nothing.
async fn give(tx: &mut Tx, account: AccountId, given: &Given) -> Result<()> {
    let period = given.until.to_string();
    // Alone with the account: another server may hear of the same period.
    let alone = locking!("select id from accounts where id = $1", " for no key update");
    let _: (AccountId,) = one(&mut *tx, alone, args![account]).await?;
    let (had,): (Credits,) = one(
        &mut *tx,
        "select cast(coalesce(sum(amount), 0) as bigint) from credit_transactions
         where account_id = $1 and period = $2",
        args![account, &*period],
    )
    .await?;
    let more = Credits(given.credits.0.saturating_sub(had.0));
    if more <= Credits(0) {
        return Ok(());
    }
    ledger::give_for(tx, account, more, ledger::Period { plan: &given.tier, until: &period }).await
}

impl Store {
    /// Accounts whose plan is to be asked for now: those that have the App or a plan.
    pub async fn plans_due(&self, most: i64) -> Result<Vec<Unsure>> {
        let due = all(
            self.db.reader(),
            "select id as account, plan_due_at as due_at from accounts
             where (plan_due_at is null or plan_due_at <= $1)
               and (installation_id is not null or plan_due_at is not null)
             order by plan_due_at nulls first, id limit $2",
            args![now(), most],
        );
        Ok(due.await?)
    }

    /// Notes the plan that GitHub names, gives what it gives, and says when to ask again. If a webhook came
    /// meanwhile, GitHub is asked once more instead.
    pub async fn plan_is(
        &self,
        asked: Unsure,
        given: Option<&Given>,
        again: Duration,
    ) -> Result<()> {
        let mut tx = self.db.begin().await?;
        let now = tx.clock().await?;
        let unchanged = exec(
            &mut tx,
            "update accounts set plan_due_at = $3
             where id = $1 and (plan_due_at = $2 or (plan_due_at is null and $2 is null))",
            args![asked.account, asked.due_at, now + again],
        )
        .await?;
        if unchanged == 0 {
            return Ok(());
        }
        put(&mut tx, asked.account, given).await?;
        if let Some(given) = given {
            give(&mut tx, asked.account, given).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// The App is not on the Marketplace: nobody's plan is asked for before then.
    pub async fn no_plans(&self, again: Duration) -> Result<()> {
        let mut tx = self.db.begin().await?;
        let now = tx.clock().await?;
        exec(
            &mut tx,
            "update accounts set plan_due_at = $2 where plan_due_at is null or plan_due_at <= $1",
            args![now, now + again],
        )
        .await?;
        tx.commit().await?;
        Ok(())
    }

    /// The plan that an account pays for, if it does.
    pub(super) async fn paying(&self, account: AccountId) -> Result<Option<Paying>> {
        let shown: Shown = one(
            self.db.reader(),
            "select plan_name as name, plan_credits as credits, plan_renews_on as renews_on, plan_daily as daily from accounts where id = $1",
            args![account],
        )
        .await?;
        let credits = shown.credits.unwrap_or_default();
        let plan = shown.name.zip(shown.renews_on);
        let daily = shown.daily;
        Ok(plan.map(|(name, renews_on)| Paying { name, credits, renews_on, daily }))
    }
}
