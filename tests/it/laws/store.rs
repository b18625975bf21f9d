//! What the store promises, on both databases: keys are for ever, leases fence, money adds up.

mod cases;
pub(super) mod desk;
mod presses;
mod queues;
mod retention;
mod states;

use desk::Desk;
use std::sync::atomic::{AtomicBool, Ordering};

/// Every case as a test on each database.
macro_rules! on_both {
    ($($room:ident: $($case:ident),* $(,)?);* $(;)?) => { $($(
        mod $case {
            #[tokio::test]
            async fn sqlite() {
                let desk = super::Desk::sqlite().await;
                super::$room::$case(&desk).await;
                desk.adds_up().await;
            }

            #[tokio::test]
            async fn postgres() {
                let desk = super::Desk::postgres().await;
                super::$room::$case(&desk).await;
                desk.adds_up().await;
            }
        }
    )*)* };
}

on_both!(
    cases: a_delivery_is_stored_once,
    a_command_is_known_for_ever,
    a_poisonous_delivery_blocks_nobody,
    the_bonus_is_given_once,
    an_old_payload_changes_nothing,
    a_removed_installation_does_not_come_back,
    a_command_is_decided_by_one,
    a_hold_needs_what_is_available,
    many_at_once_never_overdraw,
    a_blocked_account_is_not_asked_about,
    the_day_has_a_limit,
    traffic_is_what_came_before,
    a_configuration_is_kept,
    a_stale_lease_writes_nothing,
    a_task_is_given_up_after_three_attempts,
    accounts_take_turns,
    a_branch_is_worked_on_once,
    priority_counts_within_an_account,
    a_step_is_paid_once,
    a_task_ends_once_and_pays_what_it_used,
    our_own_faults_are_free,
    cancelling_depends_on_the_phase,
    a_push_that_is_open_again_after_it_was_to_stop_ends,
    a_sealed_task_that_was_cancelled_publishes_nothing,
    a_task_that_is_given_back_after_it_was_cancelled_ends,
    a_cancelled_task_without_a_worker_ends_as_cancelled,
    a_cancel_that_is_decided_again_stops_nothing_more,
    what_somebody_has_to_hear_of_is_not_put_off,
    one_writer_at_a_time,
    the_longer_of_two_waits_counts,
    a_light_writer_leaves_pushes_to_others,
    acts_of_a_task_go_in_order,
    an_impossible_act_ends_its_task_unpaid,
    a_turn_is_taken_once,
    a_grant_adds_up,
    a_nul_in_a_text_is_no_obstacle,
    an_hour_has_room_for_so_many_writes,
    progress_stops_before_the_hour_is_used_up,
    a_suspended_account_owes_and_gets_nothing,
    a_newer_installation_is_not_suspended_by_an_older_one,
    what_waits_for_a_permission_goes_on_when_it_is_given;
    states: a_repository_stands_as_was_heard_last,
    a_plan_is_paid_once_however_many_hear_of_it,
    a_plan_says_how_many_tasks_run_at_once,
    a_lost_repository_owes_and_gets_nothing,
    a_question_that_a_webhook_overtook_is_asked_again,
    a_label_asks_for_what_was_not_taken_away_since,
    a_branch_goes_though_the_end_was_told_before_the_beginning;
    presses: a_check_is_run_again_once_for_a_press;
    queues: a_body_comes_back_as_it_was,
    a_group_is_stored_whole,
    what_is_not_used_is_not_looked_into,
    a_blocked_account_is_looked_past,
    what_becomes_free_is_claimed_at_once,
    a_lease_that_runs_out_is_noticed;
    retention: what_is_old_is_forgotten,
    nobody_waits_long_for_what_is_forgotten;
);

/// Before bodies were packed they were stored as they came.
#[tokio::test]
async fn an_old_body_is_read_as_it_was_stored() {
    let desk = Desk::sqlite().await;
    let pool = sqlx::SqlitePool::connect(&desk.url).await.unwrap();
    let old = "insert into deliveries (id, guid, event, body, state, failures, received_at)
               values (x'00000000000000000000000000000001', 'old', 'ping', cast('{\"zen\":1}' as blob), 'pending', 0, '2026-01-01T00:00:00+00:00')";
    sqlx::query(old).execute(&pool).await.unwrap();
    pool.close().await;
    assert_eq!(queues::bodies(&desk).await, ["{\"zen\":1}"]);
}

/// The log cannot be written for a moment, and the writer of deliveries breaks down over what it has to say.
#[tokio::test]
async fn deliveries_are_stored_though_their_writer_broke_down() {
    let desk = Desk::sqlite().await;
    let pool = sqlx::SqlitePool::connect(&desk.url).await.unwrap();
    sqlx::query("alter table deliveries rename to away").execute(&pool).await.unwrap();
    let is_well = AtomicBool::new(false);
    let writer = move || {
        assert!(is_well.swap(true, Ordering::SeqCst), "the log cannot be written");
        std::io::sink()
    };
    let log = tracing_subscriber::fmt().with_writer(writer).finish();
    let log = tracing::subscriber::set_default(log);
    assert!(desk.store.accept(queues::delivery("a", "{}")).await.is_err());
    drop(log);
    sqlx::query("alter table away rename to deliveries").execute(&pool).await.unwrap();
    pool.close().await;
    desk.store.accept(queues::delivery("b", "{}")).await.unwrap();
    assert_eq!(queues::bodies(&desk).await, ["{}"]);
}
