//! Accounts: one row per GitHub account, for ever.

use super::engine::{Tx, all, args, exec, one, opt, row};
use super::{Result, Store, ledger, now, tasks};
use crate::domain::event::{Account, Installation};
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
        /// Whether a person has suspended it.
        pub is_suspended: bool,
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
             updated_at = excluded.updated_at",
        args![account.id, &*account.login, &*account.kind, installation, now()],
    )
    .await?;
    ledger::bonus(tx, account.id).await
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

/// Notes that a person suspended the installation, and drops what was still to be done for it.
pub(super) async fn suspended(tx: &mut Tx, installation: &Installation) -> Result<()> {
    seen(tx, &installation.account, Some(installation.id)).await?;
    suspend(tx, installation.account.id, installation.id).await
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

/// Notes that the App may work again, or may do more than before: whatever waited for a person is
/// tried at once.
pub(super) async fn allowed(tx: &mut Tx, installation: &Installation) -> Result<()> {
    seen(tx, &installation.account, Some(installation.id)).await?;
    resume(tx, installation.account.id, installation.id).await
}

async fn resume(tx: &mut Tx, account: AccountId, installation: InstallationId) -> Result<()> {
    exec(
        &mut *tx,
        "update accounts set suspended_at = null, updated_at = $3 where id = $1 and installation_id = $2",
        args![account, installation, now()],
    )
    .await?;
    tasks::wake_all(tx, account).await
}

impl Store {
    /// Every account that has the App, with its installation.
    pub async fn installations(&self) -> Result<Vec<Known>> {
        let known = all(
            self.db.reader(),
            "select id as account, installation_id as installation, suspended_at is not null as is_suspended
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

    /// Notes that GitHub calls an installation suspended.
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

    /// Notes that an installation may work again.
    pub async fn resume_installation(
        &self,
        account: AccountId,
        installation: InstallationId,
    ) -> Result<()> {
        let mut tx = self.db.begin().await?;
        resume(&mut tx, account, installation).await?;
        tx.commit().await?;
        self.bells.outbox.notify_one();
        Ok(())
    }

    /// What an account has.
    pub async fn balance(&self, account: AccountId) -> Result<Balance> {
        let money: Money = one(
            self.db.reader(),
            "select balance, held from accounts where id = $1",
            args![account],
        )
        .await?;
        Ok(Balance { balance: money.balance, held: money.held })
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
