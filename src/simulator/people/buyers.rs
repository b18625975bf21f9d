//! What buyers do on the Marketplace. Its webhooks are sent once, to the same address.

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::simulator::{
    Simulator,
    events::Unasked,
    github::marketplace::{plan, purchase},
    world::{Bought, Listed, World},
};

impl Simulator {
    /// Puts the App on the Marketplace, with these plans and what each costs a month, in cents.
    pub fn list_on_marketplace(&self, plans: &[(&str, u64)]) {
        let mut world = self.hub.world();
        for (name, cents) in plans {
            let id = world.next_id();
            let (name, cents) = ((*name).to_owned(), *cents);
            world.listing.push(Listed { id, name, cents });
        }
    }

    /// An account buys a plan, paid each month.
    pub fn buy(&self, login: &str, plan: &str) -> anyhow::Result<()> {
        self.take(login, plan, "purchased", false)
    }

    /// The same, paid each year.
    pub fn buy_for_a_year(&self, login: &str, plan: &str) -> anyhow::Result<()> {
        self.take(login, plan, "purchased", true)
    }

    /// An account has another plan from now on.
    pub fn change_plan(&self, login: &str, plan: &str) -> anyhow::Result<()> {
        let yearly = self.bought(login)?.yearly;
        self.take(login, plan, "changed", yearly)
    }

    /// An account wants another plan, from the next period on.
    pub fn plan_to_change(&self, login: &str, plan: &str) -> anyhow::Result<()> {
        let bought = self.bought(login)?;
        let mut world = self.arrange();
        let wanted = Bought { plan: named(&world, plan)?, ..bought };
        self.tell(&mut world, login, "pending_change", &wanted)
    }

    /// An account has no plan any more: the period that it had cancelled in is over.
    pub fn cancel_plan(&self, login: &str) -> anyhow::Result<()> {
        let bought = self.bought(login)?;
        let mut world = self.arrange();
        let id = world.account(login).context("nobody is called so")?.id;
        world.purchases.remove(&id);
        self.tell(&mut world, login, "cancelled", &bought)
    }

    fn bought(&self, login: &str) -> anyhow::Result<Bought> {
        let world = self.hub.world();
        let id = world.account(login).context("nobody is called so")?.id;
        world.purchases.get(&id).cloned().context("it has no plan")
    }

    fn take(&self, login: &str, plan: &str, action: &str, yearly: bool) -> anyhow::Result<()> {
        let mut world = self.arrange();
        let id = world.account(login).context("nobody is called so")?.id;
        let since = world.purchases.get(&id).map_or_else(|| world.now(), |had| had.since);
        let bought = Bought { plan: named(&world, plan)?, since, changed: world.now(), yearly };
        world.purchases.insert(id, bought.clone());
        self.tell(&mut world, login, action, &bought)
    }

    fn tell(
        &self,
        world: &mut World,
        login: &str,
        action: &str,
        bought: &Bought,
    ) -> anyhow::Result<()> {
        let account = world.account(login).context("nobody is called so")?;
        let mut bought_as_json = purchase(world, bought);
        if let Value::Object(fields) = &mut bought_as_json {
            fields.remove("is_installed");
            fields.remove("updated_at");
            fields.insert("plan".to_owned(), plan(&bought.plan));
            let (id, kind) = (account.id, account.kind.name());
            let account = json!({
                "type": kind, "id": id, "node_id": "", "login": account.login,
                "organization_billing_email": "billing@example.com",
            });
            fields.insert("account".to_owned(), account);
        }
        let effective = world.now().to_rfc3339();
        let fields = json!({"effective_date": effective, "marketplace_purchase": bought_as_json});
        Unasked { name: "marketplace_purchase", action, sender: login, fields }
            .send(&self.hub, world);
        Ok(())
    }
}

fn named(world: &World, plan: &str) -> anyhow::Result<Listed> {
    world.listing.iter().find(|one| one.name == plan).cloned().context("there is no such plan")
}
