//! The App's listing on the Marketplace: its plans, and who has which.

use chrono::{DateTime, Months, Utc};
use serde_json::{Value, json};

use super::{
    call::Call,
    number,
    reply::{Answer, Reply},
};
use crate::simulator::world::{Account, Bought, Listed, World};

pub(crate) fn route(call: &Call<'_>, method: &str, rest: &[&str]) -> Answer {
    call.app()?;
    // An App without a listing has none of this.
    if call.world.listing.is_empty() {
        return Err(Reply::absent());
    }
    match (method, rest) {
        ("GET", ["plans"]) => call.list(call.world.listing.iter().map(plan).collect()),
        ("GET", ["plans", id, "accounts"]) => {
            let id = number(id)?;
            call.world.listing.iter().find(|one| one.id == id).ok_or_else(Reply::absent)?;
            let has = |account: &&Account| {
                call.world.purchases.get(&account.id).is_some_and(|bought| bought.plan.id == id)
            };
            let all = call.world.accounts.iter().filter(has);
            call.list(all.filter_map(|account| account_with_plan(call.world, account)).collect())
        }
        ("GET", ["accounts", id]) => {
            let id = number(id)?;
            let found = call.world.accounts.iter().find(|account| account.id == id);
            let found = found.and_then(|account| account_with_plan(call.world, account));
            Reply::ok(&found.ok_or_else(Reply::absent)?)
        }
        _ => Err(Reply::unknown_route()),
    }
}

fn account_with_plan(world: &World, account: &Account) -> Option<Value> {
    let bought = world.purchases.get(&account.id)?;
    Some(json!({
        "url": "", "type": account.kind.name(), "id": account.id, "login": account.login,
        "organization_billing_email": null, "email": null, "marketplace_pending_change": null,
        "marketplace_purchase": purchase(world, bought),
    }))
}

/// What was bought. The next payment is always to come.
pub(crate) fn purchase(world: &World, bought: &Bought) -> Value {
    let is_free = bought.plan.cents == 0;
    let (cycle, months) = if bought.yearly { ("yearly", 12) } else { ("monthly", 1) };
    let next = next_payment(bought.since, months, world.now());
    json!({
        "billing_cycle": (!is_free).then_some(cycle), "unit_count": null, "is_installed": true,
        "next_billing_date": (!is_free).then(|| next.to_rfc3339()), "on_free_trial": false,
        "free_trial_ends_on": null, "updated_at": bought.changed.to_rfc3339(),
        "plan": plan(&bought.plan),
    })
}

fn next_payment(since: DateTime<Utc>, months: u32, now: DateTime<Utc>) -> DateTime<Utc> {
    let after = |periods: u32| since.checked_add_months(Months::new(months * periods));
    (1..1200).filter_map(after).find(|payment| *payment > now).unwrap_or(since)
}

pub(crate) fn plan(plan: &Listed) -> Value {
    let model = if plan.cents == 0 { "FREE" } else { "FLAT_RATE" };
    json!({
        "id": plan.id, "number": 1, "name": plan.name, "description": plan.name,
        "url": "", "accounts_url": "", "monthly_price_in_cents": plan.cents,
        "yearly_price_in_cents": plan.cents * 10, "price_model": model, "has_free_trial": false,
        "unit_name": null, "state": "published", "bullets": [],
    })
}
