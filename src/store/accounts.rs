//! Accounts: one row per GitHub account, for ever.

use super::engine::{Tx, all, args, exec, one, opt, row};
use super::{Result, Store, ledger, now};
use crate::domain::event::{Account, Installation};
use crate::domain::ids::{AccountId, InstallationId};
use crate::domain::report::answer::Balance;

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
             updated_at = excluded.updated_at",
        args![account.id, &*account.login, &*account.kind, installation, now()],
    )
    .await?;
    ledger::bonus(tx, account.id).await
}

/// Notes that an installation is gone; an older one than the account has now changes nothing.
pub(super) async fn removed(tx: &mut Tx, gone: &Installation) -> Result<()> {
    seen(tx, &gone.account, None).await?;
    forget(tx, gone.account.id, gone.id).await?;
    Ok(())
}

async fn forget(tx: &mut Tx, account: AccountId, installation: InstallationId) -> Result<()> {
    exec(
        tx,
        "update accounts set
             installation_id = case when installation_id = $2 then null else installation_id end,
             removed_installation_id = case when removed_installation_id < $2 then $2 else removed_installation_id end,
             updated_at = $3
         where id = $1",
        args![account, installation, now()],
    )
    .await?;
    Ok(())
}

impl Store {
    /// Every account that has the App, with its installation.
    pub async fn installations(&self) -> Result<Vec<(AccountId, InstallationId)>> {
        let known = all(
            self.db.reader(),
            "select id, installation_id from accounts where installation_id is not null order by id",
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
