//! What is old is forgotten, and nobody has to wait for it.

use super::desk::{Desk, publishing, task};
use asynccoder::domain::report::{Outcome, PlanItem};
use asynccoder::domain::task::End;
use asynccoder::store::claims::ClaimedTask;
use asynccoder::store::deliveries::{Digest, NewDelivery};
use asynccoder::store::steps::{Holder, Ran};
use asynccoder::store::tasks::Sealed;
use sqlx::{PgPool, SqlitePool};

/// Rows that may be changed while others wait.
const MOST_AT_ONCE: i64 = 500;
const OLD: &[&str] = &[
    "update deliveries set received_at = '2020-01-01T00:00:00+00:00' where guid like 'old%'",
    "update tasks set ended_at = '2020-01-01T00:00:00+00:00' where ended_at is not null",
    "update task_events set created_at = '2020-01-01T00:00:00+00:00'
     where task_id in (select id from tasks where ended_at is not null)",
];

/// Changes rows as time does.
async fn changes(desk: &Desk, statement: &'static str) {
    if desk.url.starts_with("postgres") {
        let pool = PgPool::connect(&desk.url).await.unwrap();
        sqlx::query(statement).execute(&pool).await.unwrap();
        pool.close().await;
    } else {
        let pool = SqlitePool::connect(&desk.url).await.unwrap();
        sqlx::query(statement).execute(&pool).await.unwrap();
        pool.close().await;
    }
}

async fn count(desk: &Desk, query: &'static str) -> i64 {
    if desk.url.starts_with("postgres") {
        let pool = PgPool::connect(&desk.url).await.unwrap();
        sqlx::query_scalar(query).fetch_one(&pool).await.unwrap()
    } else {
        let pool = SqlitePool::connect(&desk.url).await.unwrap();
        sqlx::query_scalar(query).fetch_one(&pool).await.unwrap()
    }
}

/// A step with a change, and a plan.
async fn works(desk: &Desk, task: &ClaimedTask) {
    desk.uses(task, 1, 1).await;
    let holder = Holder { task: task.id, lease: task.lease };
    let plan = Some(Vec::<PlanItem>::new());
    let ran = Ran { results: serde_json::json!([]), plan, patch: Some(b"+".to_vec()) };
    assert!(desk.store.step_done(holder, 1, ran).await.unwrap());
}

pub async fn what_is_old_is_forgotten(desk: &Desk) {
    for key in ["ended", "publishing"] {
        desk.admits(1, key, task(10)).await.unwrap();
    }
    let ended = desk.claims().await.unwrap();
    works(desk, &ended).await;
    let mut acts = publishing(&ended);
    acts[1].patch = Some(b"+".to_vec());
    let sealed = Sealed { end: End::Done, outcome: Outcome::default(), acts };
    assert!(desk.store.seal(ended.id, ended.lease, sealed).await.unwrap());
    desk.cancels(ended.id).await;
    let other = desk.claims().await.unwrap();
    works(desk, &other).await;
    for statement in OLD {
        changes(desk, statement).await;
    }
    // Once more finds nothing.
    for _ in 0..2 {
        desk.store.forget_old().await.unwrap();
        for (left, query) in [
            (1, "select count(*) from task_steps"),
            (1, "select count(*) from task_events"),
            (0, "select count(*) from acts where patch is not null"),
            (2, "select count(*) from tasks"),
        ] {
            assert_eq!(count(desk, query).await, left, "{query}");
        }
    }
}

/// PostgreSQL says of each row which transaction wrote it.
const LARGEST: &str =
    "select coalesce(max(written.n), 0) from (select count(*) as n from deliveries
     where guid like 'old%' group by xmin::text) as written";

pub async fn nobody_waits_long_for_what_is_forgotten(desk: &Desk) {
    let accepted = (0..3 * MOST_AT_ONCE / 2).map(|number| {
        let store = desk.store.clone();
        let (guid, event) = (format!("old {number}"), "ping".to_owned());
        let delivery = NewDelivery { guid, event, body: "{}".into() };
        tokio::spawn(async move { store.accept(delivery).await.unwrap() })
    });
    for one in accepted.collect::<Vec<_>>() {
        one.await.unwrap();
    }
    desk.delivered("new").await;
    let read = |_: &_| Digest::Ignored("test".to_owned());
    desk.store.digest(i64::MAX, read).await.unwrap();
    changes(desk, OLD[0]).await;
    desk.store.forget_old().await.unwrap();
    let kept = "select count(*) from deliveries where length(body) > 0";
    assert_eq!(count(desk, kept).await, 1);
    if desk.url.starts_with("postgres") {
        assert!((1..=MOST_AT_ONCE).contains(&count(desk, LARGEST).await));
    }
}
