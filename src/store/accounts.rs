//! Accounts: one row per GitHub account, for ever.

use super::engine::{Tx, all, args, exec, one, opt, row};
use super::{Result, Store, ledger, now, tasks};
use crate::domain::event::{Account, AsOf, Installation};
use crate::domain::ids::{AccountId, InstallationId};
use crate::domain::report::answer::Balance;

row! {
    /// An account that has the App.
    #[derive(Clone, Copy, Debug)]
    pub struct Known {
        /// The account.
        pub account: AccountId,
        /// Its installation.
        pub installation: InstallationId,
    }
}

row! {
    struct Money {
        balance: crate::domain::credit::Credits,
        held: crate::domain::credit::Credits,
    }
}

/// Notes an account and, if it is newer than what is known, its installation. A new account gets
/// its bonus, once for ever.
pub(super) async fn seen(
    tx: &mut Tx,
    account: &Account,
    installation: Option<InstallationId>,
) -> Result<()> {
    exec(
        &mut *tx,
        "insert into accounts (id, login, kind, installation_id, removed_installation_id, tier, balance, held, writer_lease, created_at, updated_at)
         values ($1, $2, $3, $4, 0, 'free', 0, 0, 0, $5, $5)
         on conflict (id) do update set
             login = excluded.login,
             kind = excluded.kind,
             installation_id = case
                 when excluded.installation_id > accounts.removed_installation_id
                     and (accounts.installation_id is null or excluded.installation_id > accounts.installation_id)
                 then excluded.installation_id
                 else accounts.installation_id
             end,
             suspended_at = case
                 when excluded.installation_id > accounts.removed_installation_id
                     and (accounts.installation_id is null or excluded.installation_id > accounts.installation_id)
                 then null
                 else accounts.suspended_at
             end,
             installation_as_of = case
                 when excluded.installation_id > accounts.removed_installation_id
                     and (accounts.installation_id is null or excluded.installation_id > accounts.installation_id)
                 then null
                 else accounts.installation_as_of
             end,
             updated_at = excluded.updated_at",
        args![account.id, &*account.login, &*account.kind, installation, now()],
    )
    .await?;
    ledger::bonus(tx, account.id).await
}

/// Notes an account that may not have the App yet; the bonus waits until it has.
pub(super) async fn mentioned(tx: &mut Tx, account: &Account) -> Result<()> {
    exec(
        tx,
        "insert into accounts (id, login, kind, removed_installation_id, tier, balance, held, writer_lease, created_at, updated_at)
         values ($1, $2, $3, 0, 'free', 0, 0, 0, $4, $4)
         on conflict (id) do nothing",
        args![account.id, &*account.login, &*account.kind, now()],
    )
    .await?;
    Ok(())
}

/// Notes that an installation is gone, and drops what was still to be done for it; an older one than
/// the account has now changes nothing.
pub(super) async fn removed(tx: &mut Tx, gone: &Installation) -> Result<()> {
    seen(tx, &gone.account, None).await?;
    forget(tx, gone.account.id, gone.id).await?;
    Ok(())
}

async fn forget(tx: &mut Tx, account: AccountId, installation: InstallationId) -> Result<()> {
    exec(
        &mut *tx,
        "update accounts set
             installation_id = case when installation_id = $2 then null else installation_id end,
             suspended_at = case when installation_id = $2 then null else suspended_at end,
             installation_as_of = case when installation_id = $2 then null else installation_as_of end,
             removed_installation_id = case when removed_installation_id < $2 then $2 else removed_installation_id end,
             updated_at = $3
         where id = $1",
        args![account, installation, now()],
    )
    .await?;
    let left: Option<(AccountId,)> = opt(
        &mut *tx,
        "select id from accounts where id = $1 and installation_id is null",
        args![account],
    )
    .await?;
    if left.is_some() { tasks::drop_all(tx, account).await } else { Ok(()) }
}

/// Notes whether an installation may work, unless what is known is newer: if not, what was still to be
/// done for it is dropped; if it may again, what waited is tried at once. Says whether it may now and
/// might not before, or the other way round.
pub(super) async fn stands(tx: &mut Tx, installation: &Installation) -> Result<bool> {
    stands_unless(tx, installation, installation.as_of).await
}

async fn stands_unless(
    tx: &mut Tx,
    installation: &Installation,
    known_after: AsOf,
) -> Result<bool> {
    let Installation { id, account, is_suspended, as_of } = installation;
    seen(tx, account, Some(*id)).await?;
    let known: Option<(bool,)> = opt(
        &mut *tx,
        "select suspended_at is not null from accounts
         where id = $1 and installation_id = $2 and (installation_as_of is null or installation_as_of <= $3)",
        args![account.id, *id, known_after.time()],
    )
    .await?;
    let Some((was_suspended,)) = known else { return Ok(false) };
    exec(
        &mut *tx,
        "update accounts set installation_as_of = $2, updated_at = $4,
             suspended_at = case when $3 then coalesce(suspended_at, $2) end
         where id = $1",
        args![account.id, as_of.time(), *is_suspended, now()],
    )
    .await?;
    if *is_suspended {
        tasks::drop_all(tx, account.id).await?;
    } else if was_suspended {
        tasks::wake_all(tx, account.id).await?;
    }
    Ok(was_suspended != *is_suspended)
}

/// Notes that the App may work again, or may do more than before: whatever waited for a person is
/// tried at once.
pub(super) async fn allowed(tx: &mut Tx, installation: &Installation) -> Result<()> {
    stands(tx, installation).await?;
    tasks::wake_all(tx, installation.account.id).await
}

/// Notes how an account is called today. No payload says since when, so the one that is heard last
/// counts, and the next look at GitHub sets it right.
pub(super) async fn renamed(tx: &mut Tx, account: &Account) -> Result<()> {
    seen(tx, account, None).await?;
    exec(
        tx,
        "update repositories set owner = $2, updated_at = $3 where account_id = $1 and owner <> $2",
        args![account.id, &*account.login, now()],
    )
    .await?;
    Ok(())
}

async fn suspend(tx: &mut Tx, account: AccountId, installation: InstallationId) -> Result<()> {
    let changed = exec(
        &mut *tx,
        "update accounts set suspended_at = $3, updated_at = $3
         where id = $1 and installation_id = $2 and suspended_at is null",
        args![account, installation, now()],
    )
    .await?;
    if changed == 1 { tasks::drop_all(tx, account).await } else { Ok(()) }
}

impl Store {
    /// Every account that has the App, with its installation.
    pub async fn installations(&self) -> Result<Vec<Known>> {
        let known = all(
            self.db.reader(),
            "select id as account, installation_id as installation
             from accounts where installation_id is not null order by id",
            args![],
        );
        Ok(known.await?)
    }

    /// Notes that an installation is gone, unless the account has another one by now.
    pub async fn forget_installation(
        &self,
        account: AccountId,
        installation: InstallationId,
    ) -> Result<()> {
        let mut tx = self.db.begin().await?;
        forget(&mut tx, account, installation).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Notes that GitHub refused a call because an installation is suspended.
    pub async fn suspend_installation(
        &self,
        account: AccountId,
        installation: InstallationId,
    ) -> Result<()> {
        let mut tx = self.db.begin().await?;
        suspend(&mut tx, account, installation).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Notes how an installation stands, as GitHub says when it is asked. Says whether that is news.
    pub async fn installation_stands(&self, installation: &Installation) -> Result<bool> {
        let mut tx = self.db.begin().await?;
        // What was told of the same second was told before.
        let this_second = AsOf::new(installation.as_of.time(), u8::MAX);
        let is_news = stands_unless(&mut tx, installation, this_second).await?;
        tx.commit().await?;
        self.bells.outbox.notify_one();
        Ok(is_news)
    }

    /// What an account has.
    pub async fn balance(&self, account: AccountId) -> Result<Balance> {
        let money: Money = one(
            self.db.reader(),
            "select balance, held from accounts where id = $1",
            args![account],
        )
        .await?;
        let plan = self.paying(account).await?;
        Ok(Balance { balance: money.balance, held: money.held, plan })
    }

    /// The account with this login, whatever its case. Logins may be taken over by others, so the one
    /// that was seen last counts.
    pub async fn account_by_login(&self, login: &str) -> Result<Option<AccountId>> {
        let found: Option<(AccountId,)> = opt(
            self.db.reader(),
            "select id from accounts where lower(login) = lower($1) order by updated_at desc limit 1",
            args![login],
        )
        .await?;
        Ok(found.map(|(id,)| id))
    }
}
