//! GitHub promises no order and may deliver twice: whatever comes first, and however often, the end is
//! the same. Each order of each set of events is sent to the real inbox for an account of its own, and
//! then once more, backwards and under new delivery ids; all accounts have to look alike.
//!
//! Every payload carries GitHub's own time of its state. Where two states have one time nobody can know
//! their order by it, but of some only one is possible: what is taken back was there before. Of the rest
//! (two logins, two choices or two plans of one moment) the one that is heard last counts, until GitHub is
//! asked the next time.

use crate::world::impatient::{PATIENCE, regular};
use crate::world::{World, rows, story};
use asynccoder::simulator::{At, Moment};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Between the numbers of two accounts; below it are those of what belongs to one.
const APART: i64 = 1000;
const HEAD: &str = "asynccoder/1-fix-0badcafe";

/// So many commands are decided at a time.
const ADMISSION_LOOPS: usize = 4;

/// An event with its payload for an account.
struct Told {
    name: &'static str,
    payload: fn(i64) -> Value,
}

const fn told(name: &'static str, payload: fn(i64) -> Value) -> Told {
    Told { name, payload }
}

fn at(minute: u32) -> String {
    format!("2026-05-01T10:{minute:02}:00Z")
}

fn account(base: i64) -> Value {
    json!({ "id": base, "login": "initech", "type": "Organization" })
}

fn installation(base: i64, number: i64, updated_at: &Value, suspended_at: &Value) -> Value {
    json!({
        "id": base + number, "account": account(base), "updated_at": updated_at,
        "suspended_at": suspended_at,
    })
}

fn installed(base: i64, action: &str, minute: u32, suspended: bool) -> Value {
    let suspended_at = if suspended { json!(at(minute)) } else { Value::Null };
    json!({
        "action": action,
        "installation": installation(base, 1, &json!(at(minute)), &suspended_at),
    })
}

fn repository(base: i64, name: &str, minute: u32, flags: (bool, bool)) -> Value {
    let (private, archived) = flags;
    json!({
        "id": base + 10, "name": name, "owner": account(base), "private": private,
        "archived": archived, "default_branch": "main", "updated_at": at(minute),
    })
}

fn changed(base: i64, action: &str, name: &str, minute: u32, flags: (bool, bool)) -> Value {
    json!({
        "action": action, "repository": repository(base, name, minute, flags),
        "installation": { "id": base + 1 },
    })
}

fn chosen(base: i64, action: &str, minute: u32) -> Value {
    let this = json!([{
        "id": base + 10, "full_name": "initech/till", "name": "till", "private": false,
    }]);
    let (added, removed) = if action == "added" { (this, json!([])) } else { (json!([]), this) };
    // Real deliveries have numbers here.
    let seconds = chrono::DateTime::parse_from_rfc3339(&at(minute)).unwrap().timestamp();
    json!({
        "action": action, "installation": installation(base, 1, &json!(seconds), &Value::Null),
        "repositories_added": added, "repositories_removed": removed,
    })
}

/// A pull request in a state: its title, whether it is open, a draft, merged.
fn pull(
    base: i64,
    action: &str,
    minute: u32,
    title: &str,
    (open, draft, merged): (bool, bool, bool),
) -> Value {
    json!({
        "action": action,
        "pull_request": {
            "id": base + 20, "number": 2, "title": title, "html_url": "https://github.com/2",
            "state": if open { "open" } else { "closed" }, "draft": draft,
            "merged_at": merged.then(|| at(minute)), "updated_at": at(minute),
            "user": { "id": 7, "login": "asynccoder[bot]", "type": "Bot" },
            "head": { "ref": HEAD, "sha": "a".repeat(40), "repo": { "id": base + 10 } },
            "base": { "ref": "main", "sha": "b".repeat(40), "repo": { "id": base + 10 } },
        },
        "repository": repository(base, "till", 0, (false, false)),
        "installation": { "id": base + 1 },
    })
}

fn bought(base: i64, action: &str, minute: u32, plan: &str) -> Value {
    json!({
        "action": action, "effective_date": at(minute),
        "marketplace_purchase": {
            "account": account(base), "billing_cycle": "monthly",
            "next_billing_date": "2026-06-01T00:00:00Z", "plan": { "name": plan },
        },
    })
}

/// A label of an issue is set or taken away.
fn label(base: i64, action: &str, minute: u32) -> Value {
    json!({
        "action": action, "label": { "name": "asynccoder:debug" },
        "issue": {
            "id": base + 30, "number": 3, "title": "one", "body": "", "html_url": "https://github.com/3",
            "user": { "id": 8, "login": "alice", "type": "User" }, "labels": [], "updated_at": at(minute),
        },
        "repository": repository(base, "till", 0, (false, false)),
        "sender": { "id": 8, "login": "alice", "type": "User" },
        "installation": { "id": base + 1 },
    })
}

/// Every order of so many things.
fn orders(count: usize) -> Vec<Vec<usize>> {
    let mut all = vec![Vec::new()];
    for _ in 0..count {
        let longer = |order: &Vec<usize>| {
            let rest: BTreeSet<usize> = (0..count).filter(|n| !order.contains(n)).collect();
            rest.into_iter().map(|n| [&order[..], &[n]].concat()).collect::<Vec<_>>()
        };
        all = all.iter().flat_map(longer).collect();
    }
    all
}

/// What is known of an account in the end, without its numbers and without our own times.
async fn known(pool: &sqlx::SqlitePool, base: i64) -> String {
    let mut all = String::new();
    for query in [
        "select 'account ' || login || ' installation ' || coalesce(installation_id - id, 'none')
             || ' removed ' || case when removed_installation_id = 0 then 'none' else removed_installation_id - id end
             || ' suspended ' || (suspended_at is not null) || ' tier ' || tier || ' balance ' || balance
             || ' plan ' || coalesce(plan_name || ' until ' || plan_renews_on, 'none')
         from accounts where id = $1",
        "select 'repository ' || owner || '/' || name || ' private ' || private || ' archived ' || archived
             || ' reached ' || (withdrawn_at is null) from repositories where account_id = $1",
        "select 'pull request ' || number || ' ' || state || ' draft ' || draft || ' ' || title || ' ' || head
         from pull_requests where repository_id = $1 + 10",
        "select 'command' || substr(key, instr(key, '@')) || ' ' || refusal from commands
         where account_id = $1 order by key",
        "select type || ' ' || sum(amount) from credit_transactions where account_id = $1 group by type order by type",
    ] {
        let rows: Vec<(String,)> = sqlx::query_as(query).bind(base).fetch_all(pool).await.unwrap();
        all.extend(rows.into_iter().map(|(row,)| row + "\n"));
    }
    all
}

/// Sends the events in every order, and says what all accounts then look like.
async fn end_of(world: &World, first: i64, events: &[Told]) -> String {
    // Whoever is asked about these accounts says that there are none: that look is over then.
    world.simulator.wait_for(|now| regular(now) >= 1, PATIENCE).await.unwrap();
    let mut ends: BTreeSet<String> = BTreeSet::new();
    let orders = orders(events.len());
    // Commands are decided when everything is told: how soon they are is another story.
    let minting = || world.simulator.faults().hold(At::api("POST", "tokens"), Moment::BeforeEffect);
    let gates: Vec<_> = (0..ADMISSION_LOOPS).map(|_| minting()).collect();
    for (base, order) in (0..).map(|n| first + n * APART).zip(&orders) {
        for n in order {
            send(world, &events[*n], base, &format!("{base}-{n}")).await;
        }
        for n in order.iter().rev() {
            send(world, &events[*n], base, &format!("{base}-{n}")).await;
            send(world, &events[*n], base, &format!("{base}-{n}-again")).await;
        }
    }
    rows::until(world, "select count(*) from deliveries where state = 'pending'", 0).await;
    world.simulator.faults().clear();
    drop(gates);
    world.settle().await;
    let url = format!("sqlite://{}/asynccoder.db", world.data_dir().display());
    let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
    for base in (0..).map(|n| first + n * APART).take(orders.len()) {
        ends.insert(known(&pool, base).await);
    }
    let failed: i64 = sqlx::query_scalar("select count(*) from deliveries where state = 'failed'")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(failed, 0, "every delivery is understood");
    pool.close().await;
    assert_eq!(ends.len(), 1, "the order matters: {ends:#?}");
    ends.pop_first().unwrap()
}

async fn send(world: &World, event: &Told, base: i64, guid: &str) {
    let body = (event.payload)(base).to_string();
    let (status, answer) =
        world.simulator.deliver_raw(event.name, guid, body.as_bytes(), &[]).await.unwrap();
    assert_eq!(status, 202, "{answer}");
}

story!(an_installation_stands_as_it_was_left, async |world| {
    let suspended = [
        told("installation", |base| installed(base, "created", 1, false)),
        told("installation", |base| installed(base, "suspend", 2, true)),
        told("installation", |base| installed(base, "unsuspend", 3, false)),
        told("installation", |base| installed(base, "suspend", 4, true)),
    ];
    let end = end_of(world, 1_000_000, &suspended).await;
    assert_eq!(
        end,
        "account initech installation 1 removed none suspended 1 tier free balance 100 plan none\nbonus 100\n"
    );
    let taken_back = [
        told("installation", |base| installed(base, "created", 1, false)),
        told("installation", |base| installed(base, "suspend", 1, true)),
        told("installation", |base| installed(base, "unsuspend", 1, false)),
    ];
    let end = end_of(world, 2_000_000, &taken_back).await;
    assert_eq!(
        end,
        "account initech installation 1 removed none suspended 0 tier free balance 100 plan none\nbonus 100\n",
        "all in one second"
    );
    let removed = [
        told("installation", |base| installed(base, "created", 1, false)),
        told("installation", |base| installed(base, "suspend", 2, true)),
        told("installation", |base| installed(base, "unsuspend", 3, false)),
        told("installation", |base| installed(base, "deleted", 4, false)),
    ];
    let end = end_of(world, 3_000_000, &removed).await;
    assert_eq!(
        end,
        "account initech installation none removed 1 suspended 0 tier free balance 100 plan none\nbonus 100\n"
    );
});

story!(a_repository_is_what_it_was_last, async |world| {
    let changes = [
        told("repository", |base| changed(base, "renamed", "register", 1, (false, false))),
        told("repository", |base| changed(base, "archived", "register", 2, (false, true))),
        told("repository", |base| changed(base, "privatized", "register", 3, (true, true))),
        told("installation_repositories", |base| chosen(base, "removed", 4)),
        told("installation_repositories", |base| chosen(base, "added", 5)),
    ];
    let end = end_of(world, 1_000_000, &changes).await;
    assert_eq!(
        end,
        "account initech installation 1 removed none suspended 0 tier free balance 100 plan none\nrepository initech/register private 1 archived 1 reached 1\nbonus 100\n"
    );
    let taken = [
        told("repository", |base| changed(base, "renamed", "register", 1, (false, false))),
        told("installation_repositories", |base| chosen(base, "added", 4)),
        told("installation_repositories", |base| chosen(base, "removed", 5)),
    ];
    let end = end_of(world, 2_000_000, &taken).await;
    assert!(end.contains("repository initech/register private 0 archived 0 reached 0\n"), "{end}");
    let gone = [
        told("installation_repositories", |base| chosen(base, "removed", 2)),
        told("installation_repositories", |base| chosen(base, "added", 3)),
        told("repository", |base| changed(base, "deleted", "till", 4, (false, false))),
    ];
    let end = end_of(world, 3_000_000, &gone).await;
    assert!(end.contains("repository initech/till private 0 archived 0 reached 0\n"), "{end}");
});

story!(a_pull_request_is_what_it_was_last, async |world| {
    let decided = [
        told("pull_request", |base| pull(base, "edited", 1, "one", (true, true, false))),
        told("pull_request", |base| pull(base, "ready_for_review", 2, "one", (true, false, false))),
        told("pull_request", |base| pull(base, "closed", 3, "one", (false, false, false))),
        told("pull_request", |base| pull(base, "reopened", 4, "two", (true, false, false))),
        told("pull_request", |base| pull(base, "closed", 5, "two", (false, false, true))),
    ];
    let end = end_of(world, 1_000_000, &decided).await;
    assert!(end.contains(&format!("pull request 2 merged draft 0 two {HEAD}\n")), "{end}");
    let in_one_second = [
        told("pull_request", |base| pull(base, "synchronize", 1, "one", (true, false, false))),
        told("pull_request", |base| pull(base, "closed", 1, "one", (false, false, false))),
        told("pull_request", |base| pull(base, "reopened", 1, "one", (true, false, false))),
    ];
    let end = end_of(world, 2_000_000, &in_one_second).await;
    assert!(end.contains("pull request 2 open draft 0 one"), "{end}");
});

story!(a_plan_is_what_was_bought_last, async |world| {
    let raised = [
        told("installation", |base| installed(base, "created", 1, false)),
        told("marketplace_purchase", |base| bought(base, "purchased", 2, "Pro")),
        told("marketplace_purchase", |base| bought(base, "changed", 3, "Enterprise")),
    ];
    let end = end_of(world, 1_000_000, &raised).await;
    assert_eq!(
        end,
        "account initech installation 1 removed none suspended 0 tier enterprise balance 5100 plan Enterprise until 2026-06-01\nbonus 100\ncredit 5000\n"
    );
    let over = [
        told("marketplace_purchase", |base| bought(base, "purchased", 2, "Enterprise")),
        told("marketplace_purchase", |base| bought(base, "changed", 3, "Pro")),
        told("marketplace_purchase", |base| bought(base, "cancelled", 4, "Pro")),
    ];
    let end = end_of(world, 2_000_000, &over).await;
    assert_eq!(
        end,
        "account initech installation none removed none suspended 0 tier free balance 5000 plan none\ncredit 5000\n"
    );
    let in_one_moment = [
        told("marketplace_purchase", |base| bought(base, "purchased", 0, "Pro")),
        told("marketplace_purchase", |base| bought(base, "changed", 0, "Enterprise")),
        told("marketplace_purchase", |base| bought(base, "cancelled", 0, "Enterprise")),
    ];
    let end = end_of(world, 3_000_000, &in_one_moment).await;
    assert!(end.contains("tier free balance 5000 plan none"), "{end}");
});

story!(a_label_asks_for_what_was_not_taken_away_since, async |world| {
    let set_again = [
        told("issues", |base| label(base, "labeled", 1)),
        told("issues", |base| label(base, "unlabeled", 2)),
        told("issues", |base| label(base, "labeled", 3)),
    ];
    let end = end_of(world, 1_000_000, &set_again).await;
    assert!(end.contains("command@1777629660 unlabelled\ncommand@1777629780 github\n"), "{end}");
    let taken_away = [
        told("issues", |base| label(base, "labeled", 1)),
        told("issues", |base| label(base, "labeled", 2)),
        told("issues", |base| label(base, "unlabeled", 3)),
    ];
    let end = end_of(world, 2_000_000, &taken_away).await;
    assert!(
        end.contains("command@1777629660 unlabelled\ncommand@1777629720 unlabelled\n"),
        "{end}"
    );
});
