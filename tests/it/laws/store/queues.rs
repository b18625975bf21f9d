//! More cases: what is stored comes out as it went in, and nobody who could be served is overlooked.

use super::desk::{Desk, LEASE, task};
use asynccoder::domain::task::{End, Phase};
use asynccoder::store::deliveries::{Delivery, Digest, NewDelivery};
use asynccoder::store::tasks::Release;
use std::cell::RefCell;
use std::time::Duration;

pub fn delivery(guid: &str, body: &str) -> NewDelivery {
    let (guid, event) = (guid.to_owned(), "issue_comment".to_owned());
    NewDelivery { guid, event, body: body.to_owned().into() }
}

/// Digests everything; the bodies that were looked into.
pub async fn bodies(desk: &Desk) -> Vec<String> {
    let seen = RefCell::new(Vec::new());
    let read = |delivery: &Delivery| {
        seen.borrow_mut().push(String::from_utf8(delivery.body.clone()).unwrap());
        Digest::Ignored("read".to_owned())
    };
    while desk.store.digest(100, read).await.unwrap() > 0 {}
    seen.into_inner()
}

pub async fn a_body_comes_back_as_it_was(desk: &Desk) {
    let large = "[\"word\",1]".repeat(100_000);
    for (guid, body) in [("a", "{}"), ("b", ""), ("c", &large)] {
        desk.store.accept(delivery(guid, body)).await.unwrap();
    }
    assert_eq!(bodies(desk).await, ["{}", "", &*large]);
}

pub async fn a_group_is_stored_whole(desk: &Desk) {
    let accepted = (0..300).map(|number| {
        let store = desk.store.clone();
        let body = format!("{{\"number\":{number}}}");
        // Every tenth is the one before again.
        let guid = (number - i32::from(number % 10 == 9)).to_string();
        tokio::spawn(async move { store.accept(delivery(&guid, &body)).await.unwrap() })
    });
    for one in accepted.collect::<Vec<_>>() {
        one.await.unwrap();
    }
    assert_eq!(bodies(desk).await.len(), 270);
}

pub async fn what_is_not_used_is_not_looked_into(desk: &Desk) {
    desk.store.accept_unused(delivery("a", "{}"), "star.created\0 is not used").await.unwrap();
    desk.store.accept(delivery("a", "{}")).await.unwrap();
    assert_eq!(bodies(desk).await, [""; 0]);
    assert!(desk.store.has_delivery("a").await.unwrap());
    assert!(desk.store.is_settled().await.unwrap());
}

pub async fn a_blocked_account_is_looked_past(desk: &Desk) {
    for key in ["a", "b"] {
        let mut same = task(10);
        same.branch = "asynccoder/same".to_owned();
        desk.admits(1, key, same).await.unwrap();
    }
    let first = desk.claims().await.unwrap();
    desk.admits(2, "c", task(10)).await.unwrap();
    let other = desk.claims().await.expect("the other account's task");
    assert_eq!(other.account.0, 2);
    assert!(desk.claims().await.is_none());
    desk.ends(&first, End::NoChange).await;
    assert_eq!(desk.claims().await.expect("the branch is free").account.0, 1);
}

pub async fn what_becomes_free_is_claimed_at_once(desk: &Desk) {
    desk.admits(1, "a", task(10)).await.unwrap();
    desk.admits(1, "b", task(10)).await.unwrap();
    let first = desk.store.claim_task(LEASE, 1).await.unwrap().unwrap();
    assert!(desk.store.claim_task(LEASE, 1).await.unwrap().is_none(), "the account has one slot");
    let release = Release { uses_attempt: true, ..Release::default() };
    desk.store.release_task(first.id, first.lease, release).await.unwrap();
    let again = desk.store.claim_task(LEASE, 1).await.unwrap().expect("it was given back");
    assert_eq!(again.id, first.id);
    assert!(desk.store.claim_task(LEASE, 1).await.unwrap().is_none());
    desk.ends(&again, End::NoChange).await;
    let second = desk.store.claim_task(LEASE, 1).await.unwrap().expect("the slot is free");
    assert_ne!(second.id, first.id);
    assert!(desk.store.claim_task(LEASE, 1).await.unwrap().is_none());
    desk.admits(1, "c", task(10)).await.unwrap();
    assert!(desk.store.claim_task(LEASE, 2).await.unwrap().is_some(), "a new one is seen");
}

pub async fn a_lease_that_runs_out_is_noticed(desk: &Desk) {
    desk.admits(1, "a", task(10)).await.unwrap();
    let lost = desk.store.claim_task(Duration::ZERO, 100).await.unwrap().unwrap();
    desk.store.heartbeat(lost.id, lost.lease, LEASE, Duration::ZERO).await.unwrap();
    assert!(desk.claims().await.is_none(), "its worker was heard of");
    desk.store.heartbeat(lost.id, lost.lease, Duration::ZERO, Duration::ZERO).await.unwrap();
    desk.admits(1, "b", task(10)).await.unwrap();
    let claimed = [desk.claims().await.unwrap().id, desk.claims().await.unwrap().id];
    assert!(claimed.contains(&lost.id));
    let tasks = desk.store.thread_tasks(lost.repository, 1).await.unwrap();
    assert!(tasks.iter().all(|task| task.phase == Phase::Working));
}
