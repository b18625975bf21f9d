//! Nobody waits for ever for a database that says nothing more, as after the death of its host; and
//! whoever asks next does not get the connection on which it was silent.

use crate::postgres::fresh_database;
use crate::world::commits::{Break, Side, Wall};
use asynccoder::store::Store;
use asynccoder::store::schedules::Schedule;
use std::time::Duration;

/// Longer than anybody waits.
const FOR_EVER: Duration = Duration::from_hours(1);
const AGAIN: Duration = Duration::ZERO;
const COMMIT: &str = "insert schedules, update schedules.due_at";

async fn takes_a_turn(store: Store) -> bool {
    store.take_turn(Schedule::Retention, AGAIN).await.unwrap_or(false)
}

async fn is_reachable(store: Store) -> bool {
    store.is_reachable().await
}

/// What comes of a verb when the database falls silent in the middle of it. Once it is silent nothing can
/// happen any more but that somebody's patience ends, so the clock may run ahead.
async fn in_silence(silent: &Break, verb: impl Future<Output = bool> + Send + 'static) -> bool {
    let verb = tokio::spawn(verb);
    silent.reached().await;
    tokio::time::pause();
    let came = tokio::time::timeout(FOR_EVER, verb).await;
    tokio::time::resume();
    came.expect("somebody waits for ever").unwrap()
}

/// The address of a database behind a wall; with or without names for statements.
fn behind(wall: &mut Wall, prepares: bool) -> String {
    let url = wall.door();
    if prepares { url } else { format!("{url}&statement-cache-capacity=0") }
}

async fn is_given_up(plan: impl Fn(&Wall) -> Break, prepares: bool, is_read: bool) {
    let mut wall = Wall::before(&fresh_database());
    let store = Store::open(&behind(&mut wall, prepares)).await.unwrap();
    let silent = plan(&wall);
    let came = if is_read {
        in_silence(&silent, is_reachable(store.clone())).await
    } else {
        in_silence(&silent, takes_a_turn(store.clone())).await
    };
    assert!(!came, "nothing came of it");
    for _ in 0..3 {
        assert!(store.is_reachable().await);
        assert!(takes_a_turn(store.clone()).await);
    }
}

#[tokio::test]
async fn a_statement_without_an_answer_is_given_up() {
    is_given_up(|wall| wall.stands_at("update schedules"), true, false).await;
    is_given_up(|wall| wall.stands_at("update schedules"), false, false).await;
}

#[tokio::test]
async fn a_commit_without_an_answer_is_given_up() {
    is_given_up(|wall| wall.breaks_at(COMMIT, 0, Side::Before), true, false).await;
    is_given_up(|wall| wall.breaks_at(COMMIT, 0, Side::After), true, false).await;
}

#[tokio::test]
async fn a_question_without_an_answer_is_given_up() {
    is_given_up(|wall| wall.stands_at("select cast(1"), true, true).await;
    is_given_up(|wall| wall.stands_at("select cast(1"), false, true).await;
}
