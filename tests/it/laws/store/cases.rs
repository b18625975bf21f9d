//! The cases. Each gets a fresh store.

use super::desk::{
    Desk, LEASE, NO_LIMIT, account, at, command, installation, publishing, repository, stands, task,
};
use asynccoder::domain::act::ActKind;
use asynccoder::domain::credit::{Credits, Daily};
use asynccoder::domain::ids::AccountId;
use asynccoder::domain::pace::HourlyWrites;
use asynccoder::domain::repo_config::Kept;
use asynccoder::domain::report::Outcome;
use asynccoder::domain::report::answer::Stopping;
use asynccoder::domain::task::{End, Phase, Priority};
use asynccoder::store::acts::Changed;
use asynccoder::store::commands::Ending;
use asynccoder::store::deliveries::{Digest, Fact};
use asynccoder::store::schedules::Schedule;
use asynccoder::store::tasks::{NewTask, Release, Sealed};
use asynccoder::store::writers::{Job, Load, Next, Writer};
use std::time::Duration;

/// More than any case writes.
pub(super) const WRITES: HourlyWrites = HourlyWrites(1000);

pub async fn a_delivery_is_stored_once(desk: &Desk) {
    desk.delivered("one").await;
    desk.delivered("one").await;
    desk.delivered("two").await;
    let read = |_: &_| Digest::Ignored("test".to_owned());
    assert_eq!(desk.store.digest(100, read).await.unwrap(), 2);
    assert_eq!(desk.store.digest(100, read).await.unwrap(), 0);
    desk.delivered("one").await;
    assert_eq!(desk.store.digest(100, read).await.unwrap(), 0, "a redelivery is known for ever");
}

pub async fn a_command_is_known_for_ever(desk: &Desk) {
    let first = desk.asks(1, "key").await;
    assert!(desk.store.end_command(&first, Ending::Answered, Vec::new()).await.unwrap());
    desk.told(vec![Fact::Command(Box::new(command(1, "key")))]).await;
    assert!(desk.store.claim_command(LEASE).await.unwrap().is_none());
}

pub async fn a_poisonous_delivery_blocks_nobody(desk: &Desk) {
    desk.delivered("poison").await;
    desk.delivered("healthy").await;
    // The command's repository is not known, so its row cannot be written.
    let tries = std::cell::Cell::new(0);
    let read = |d: &asynccoder::store::deliveries::Delivery| match d.guid.as_str() {
        "poison" => {
            tries.set(tries.get() + 1);
            Digest::Facts(vec![Fact::Command(Box::new(command(9, "p")))])
        }
        _ => Digest::Facts(vec![Fact::Installed(installation(1, 1))]),
    };
    let mut done = Vec::new();
    for _ in 0..7 {
        done.push(desk.store.digest(100, read).await.unwrap());
    }
    assert_eq!(desk.balance(1).await, (100, 0), "the healthy one was processed");
    // What is not done with makes nobody look again at once.
    assert_eq!(done, [1, 0, 0, 0, 1, 0, 0], "it is set aside with its fifth failure");
    assert_eq!(tries.get(), 5);
}

pub async fn the_bonus_is_given_once(desk: &Desk) {
    for number in 1..=100 {
        desk.told(vec![Fact::Installed(installation(1, number))]).await;
        desk.told(vec![Fact::Uninstalled(installation(1, number))]).await;
    }
    assert_eq!(desk.balance(1).await, (100, 0));
}

pub async fn an_old_payload_changes_nothing(desk: &Desk) {
    let mut renamed = repository(1, at(10));
    renamed.name.name = "new".to_owned();
    desk.told(vec![Fact::Repository(Box::new(renamed), None)]).await;
    desk.told(vec![Fact::Repository(Box::new(repository(1, at(5))), None)]).await;
    let name = desk.store.repository_name(repository(1, at(0)).id).await.unwrap();
    assert_eq!(name.name, "new");
}

pub async fn a_removed_installation_does_not_come_back(desk: &Desk) {
    let installed = |c: &asynccoder::store::commands::ClaimedCommand| c.installation.map(|i| i.0);
    assert_eq!(installed(&desk.asks(1, "a").await), Some(1));
    desk.told(vec![Fact::Uninstalled(installation(1, 1))]).await;
    assert_eq!(installed(&desk.asks(1, "late delivery of the old one").await), None);
    desk.told(vec![Fact::Installed(installation(1, 5))]).await;
    desk.told(vec![Fact::Uninstalled(installation(1, 1))]).await;
    assert_eq!(installed(&desk.asks(1, "b").await), Some(5));
}

pub async fn a_command_is_decided_by_one(desk: &Desk) {
    let first = desk.asks(1, "key").await;
    assert!(desk.store.claim_command(LEASE).await.unwrap().is_none(), "it is leased");
    desk.store.postpone_command(&first, Duration::ZERO, Vec::new()).await.unwrap();
    let second = desk.store.claim_command(LEASE).await.unwrap().unwrap();
    assert!(second.lease > first.lease);
    assert!(!desk.store.end_command(&first, Ending::Answered, Vec::new()).await.unwrap());
    assert!(desk.store.admit(&first, task(10), Vec::new(), NO_LIMIT).await.unwrap().is_none());
    assert_eq!(desk.balance(1).await, (100, 0), "nothing is held for a lost lease");
    assert!(desk.store.end_command(&second, Ending::Answered, Vec::new()).await.unwrap());
}

pub async fn a_blocked_account_is_not_asked_about(desk: &Desk) {
    let first = desk.asks(1, "a").await;
    desk.store.postpone_command(&first, Duration::ZERO, Vec::new()).await.unwrap();
    desk.store.block(AccountId(1), LEASE).await.unwrap();
    desk.store.block(AccountId(1), Duration::ZERO).await.unwrap();
    assert!(desk.store.claim_command(LEASE).await.unwrap().is_none(), "the longer wait counts");
    let other = desk.asks(2, "b").await;
    assert_eq!(other.account, AccountId(2), "others need not wait");
}

pub async fn a_hold_needs_what_is_available(desk: &Desk) {
    assert!(desk.admits(1, "a", task(60)).await.is_some());
    assert_eq!(desk.balance(1).await, (100, 60));
    assert!(desk.admits(1, "b", task(41)).await.is_none());
    assert_eq!(desk.balance(1).await, (100, 60));
}

pub async fn many_at_once_never_overdraw(desk: &Desk) {
    let mut commands = Vec::new();
    for n in 0..64 {
        commands.push(desk.asks(1, &format!("key {n}")).await);
    }
    let admissions = commands.into_iter().map(|command| {
        let store = desk.store.clone();
        tokio::spawn(
            async move { store.admit(&command, task(30), Vec::new(), NO_LIMIT).await.unwrap() },
        )
    });
    let mut admitted = 0;
    for admission in admissions.collect::<Vec<_>>() {
        admitted += i64::from(admission.await.unwrap().is_some());
    }
    assert_eq!(admitted, 3, "a hundred credits are enough for three times thirty");
    assert_eq!(desk.balance(1).await, (100, 90));
}

pub async fn the_day_has_a_limit(desk: &Desk) {
    let daily = Daily { account: Credits(50), person: Credits(30) };
    let first = desk.asks(1, "a").await;
    assert!(desk.store.admit(&first, task(30), Vec::new(), daily).await.unwrap().is_some());
    let second = desk.asks(1, "b").await;
    assert!(desk.store.admit(&second, task(10), Vec::new(), daily).await.unwrap().is_none());
    let spent = desk.store.spent_today(AccountId(1), second.sender.id).await.unwrap();
    assert_eq!((spent.account.0, spent.person.0), (30, 30));
    assert_eq!(desk.store.spent_today(AccountId(1), 12345).await.unwrap().person.0, 0);
}

pub async fn a_stale_lease_writes_nothing(desk: &Desk) {
    desk.admits(1, "a", task(50)).await.unwrap();
    let old = desk.store.claim_task(Duration::ZERO, 100).await.unwrap().unwrap();
    let new = desk.claims().await.expect("the lease ran out, so it is taken over");
    assert!(new.lease > old.lease);
    assert!(!desk.uses(&old, 1, 5).await);
    let beat = desk.store.heartbeat(old.id, old.lease, LEASE, Duration::ZERO).await.unwrap();
    assert!(!beat.alive);
    assert!(!desk.ends(&old, End::Done).await);
    desk.store.release_task(old.id, old.lease, Release::default()).await.unwrap();
    assert!(desk.claims().await.is_none(), "a stale release gives nothing back");
    assert!(desk.uses(&new, 1, 5).await);
    assert!(desk.ends(&new, End::Done).await);
    assert_eq!(desk.balance(1).await, (95, 0));
}

pub async fn a_task_is_given_up_after_three_attempts(desk: &Desk) {
    desk.admits(1, "a", task(50)).await.unwrap();
    for attempt in 1..=3 {
        let task = desk.store.claim_task(Duration::ZERO, 100).await.unwrap().unwrap();
        assert_eq!(task.attempts, attempt);
    }
    assert!(desk.claims().await.is_none());
    let [only] = &desk.store.thread_tasks(repository(1, at(0)).id, 1).await.unwrap()[..] else {
        panic!()
    };
    assert_eq!((only.phase, only.ended_as), (Phase::Ended, Some(End::Internal)));
    assert_eq!(desk.balance(1).await, (100, 0), "our own fault is free");
}

pub async fn accounts_take_turns(desk: &Desk) {
    for n in 0..3 {
        desk.admits(1, &format!("many {n}"), task(10)).await.unwrap();
    }
    desk.admits(2, "one", task(10)).await.unwrap();
    let mut order = Vec::new();
    while let Some(task) = desk.claims().await {
        order.push(task.account.0);
    }
    assert_eq!(order.len(), 4);
    assert!(
        order[..2].contains(&2),
        "the account with one task does not wait behind the other: {order:?}"
    );
    assert!(desk.store.claim_task(LEASE, 1).await.unwrap().is_none(), "the cap per account holds");
}

pub async fn a_branch_is_worked_on_once(desk: &Desk) {
    for key in ["a", "b"] {
        let mut same = task(10);
        same.branch = "asynccoder/same".to_owned();
        desk.admits(1, key, same).await.unwrap();
    }
    let first = desk.claims().await.unwrap();
    assert!(desk.claims().await.is_none());
    desk.ends(&first, End::NoChange).await;
    assert!(desk.claims().await.is_some());
}

pub async fn priority_counts_within_an_account(desk: &Desk) {
    for (key, priority) in [("l", Priority::Low), ("m", Priority::Medium), ("h", Priority::High)] {
        let mut new = task(10);
        new.priority = priority;
        new.model = key.to_owned();
        desk.admits(1, key, new).await.unwrap();
    }
    let mut order = String::new();
    while let Some(task) = desk.claims().await {
        order.push_str(&task.model);
    }
    assert_eq!(order, "hml");
}

pub async fn a_step_is_paid_once(desk: &Desk) {
    desk.admits(1, "a", task(50)).await.unwrap();
    let task = desk.claims().await.unwrap();
    assert!(desk.uses(&task, 1, 5).await);
    assert!(desk.uses(&task, 1, 5).await, "the same step again after a lost reply");
    assert!(desk.uses(&task, 2, 3).await);
    desk.ends(&task, End::Done).await;
    assert_eq!(desk.balance(1).await, (92, 0));
    assert_eq!(desk.store.steps(task.id).await.unwrap().len(), 2);
}

pub async fn a_task_ends_once_and_pays_what_it_used(desk: &Desk) {
    desk.admits(1, "a", task(20)).await.unwrap();
    let task = desk.claims().await.unwrap();
    desk.uses(&task, 1, 30).await;
    assert!(desk.ends(&task, End::Done).await);
    assert!(!desk.ends(&task, End::Done).await);
    assert_eq!(desk.balance(1).await, (80, 0), "never more than was held");
    let receipts = desk.store.last_receipts(AccountId(1)).await.unwrap();
    assert_eq!(receipts.iter().map(|r| r.charged.0).collect::<Vec<_>>(), [20]);
}

pub async fn our_own_faults_are_free(desk: &Desk) {
    for (n, end) in End::ALL.iter().enumerate() {
        desk.admits(1, &format!("{n}"), task(10)).await.unwrap();
        let task = desk.claims().await.unwrap();
        desk.uses(&task, 1, 1).await;
        let (before, _) = desk.balance(1).await;
        desk.ends(&task, *end).await;
        let (after, held) = desk.balance(1).await;
        assert_eq!((before - after, held), (i64::from(end.is_charged()), 0), "{end}");
    }
}

pub async fn cancelling_depends_on_the_phase(desk: &Desk) {
    let waiting = desk.admits(1, "waiting", task(10)).await.unwrap();
    assert_eq!(desk.cancels(waiting).await, Stopping::Stopped);
    assert_eq!(desk.cancels(waiting).await, Stopping::Over);

    desk.admits(1, "working", task(10)).await.unwrap();
    let working = desk.claims().await.unwrap();
    assert_eq!(desk.cancels(working.id).await, Stopping::Stopping);
    let beat =
        desk.store.heartbeat(working.id, working.lease, LEASE, Duration::ZERO).await.unwrap();
    assert!(beat.alive && beat.cancel);
    desk.ends(&working, End::Cancelled).await;

    desk.admits(1, "given up", task(10)).await.unwrap();
    let dead = desk.store.claim_task(Duration::ZERO, 100).await.unwrap().unwrap();
    assert_eq!(desk.cancels(dead.id).await, Stopping::Stopped, "nobody is there to hear of it");
    assert!(!desk.uses(&dead, 1, 5).await, "who was thought dead writes nothing any more");

    desk.admits(1, "publishing", task(10)).await.unwrap();
    let publishing_task = desk.claims().await.unwrap();
    seal_with_acts(desk, &publishing_task).await;
    assert_eq!(desk.cancels(publishing_task.id).await, Stopping::Stopped);

    desk.admits(1, "too late", task(10)).await.unwrap();
    let late = desk.claims().await.unwrap();
    seal_with_acts(desk, &late).await;
    let writer = desk.store.claim_writer(LEASE, WRITES).await.unwrap().unwrap();
    begin_push(desk, &writer).await;
    assert_eq!(desk.cancels(late.id).await, Stopping::TooLate);
    assert_eq!(desk.balance(1).await, (100, 10), "it goes on and is paid at its end");
}

/// Whoever was told that it is too late is heard as soon as it is certain that nothing was published.
pub async fn a_push_that_is_open_again_after_it_was_to_stop_ends(desk: &Desk) {
    desk.admits(1, "a", task(10)).await.unwrap();
    let task = desk.claims().await.unwrap();
    seal_with_acts(desk, &task).await;
    let writer = desk.store.claim_writer(LEASE, WRITES).await.unwrap().unwrap();
    let push = begin_push(desk, &writer).await;
    assert_eq!(desk.cancels(task.id).await, Stopping::TooLate);
    let now = async || {
        let [only] = &desk.store.thread_tasks(task.repository, 1).await.unwrap()[..] else {
            panic!()
        };
        (only.phase, only.ended_as)
    };
    desk.store.act_later(&push, Duration::ZERO, true, "the reply was lost").await.unwrap();
    let Job::Act(push) = next_job(desk, &writer).await else { panic!() };
    desk.store.act_later(&push, Duration::ZERO, false, "not found yet").await.unwrap();
    desk.store.act_parked(&push, Duration::ZERO, "a permission").await.unwrap();
    assert_eq!(now().await, (Phase::Publishing, Some(End::Done)), "it may be there");

    assert!(desk.store.act_begins(push.id, &writer, WRITES).await.unwrap());
    let detail = "the branch has moved".to_owned();
    let changed = Changed { act: push.act.clone(), patch: None, detail };
    desk.store.act_changed(&push, &writer, changed).await.unwrap();
    assert_eq!(now().await, (Phase::Ended, Some(End::Cancelled)));
    assert_eq!(desk.balance(1).await, (100, 0));
}

pub async fn a_sealed_task_that_was_cancelled_publishes_nothing(desk: &Desk) {
    desk.admits(1, "a", task(10)).await.unwrap();
    let task = desk.claims().await.unwrap();
    desk.cancels(task.id).await;
    seal_with_acts(desk, &task).await;
    let [only] = &desk.store.thread_tasks(task.repository, 1).await.unwrap()[..] else { panic!() };
    assert_eq!((only.phase, only.ended_as), (Phase::Ended, Some(End::Cancelled)));
}

/// An attempt may break off before its heartbeat hears of it, and the next one too, and so on.
pub async fn a_task_that_is_given_back_after_it_was_cancelled_ends(desk: &Desk) {
    desk.admits(1, "a", task(10)).await.unwrap();
    let task = desk.claims().await.unwrap();
    assert_eq!(desk.cancels(task.id).await, Stopping::Stopping);
    desk.store.release_task(task.id, task.lease, Release::default()).await.unwrap();
    let [only] = &desk.store.thread_tasks(task.repository, 1).await.unwrap()[..] else { panic!() };
    assert_eq!((only.phase, only.ended_as), (Phase::Ended, Some(End::Cancelled)));
    assert_eq!(desk.balance(1).await, (100, 0));
}

/// The worker dies after it was asked to stop and before it heard of that.
pub async fn a_cancelled_task_without_a_worker_ends_as_cancelled(desk: &Desk) {
    desk.admits(1, "a", task(10)).await.unwrap();
    let first = desk.claims().await.unwrap();
    desk.cancels(first.id).await;
    desk.store.heartbeat(first.id, first.lease, Duration::ZERO, Duration::ZERO).await.unwrap();
    assert!(desk.claims().await.is_none(), "there is nothing left to work on");
    let [only] = &desk.store.thread_tasks(first.repository, 1).await.unwrap()[..] else { panic!() };
    assert_eq!((only.phase, only.ended_as), (Phase::Ended, Some(End::Cancelled)));
}

/// The answer to its COMMIT may be lost, and by then another task is the newest that goes on.
pub async fn a_cancel_that_is_decided_again_stops_nothing_more(desk: &Desk) {
    let first = desk.admits(1, "a", task(10)).await.unwrap();
    let second = desk.admits(1, "b", task(10)).await.unwrap();
    let command = desk.asks(1, "cancel").await;
    assert_eq!(desk.cancels_with(&command, second).await, Some(Stopping::Stopped));
    assert_eq!(desk.cancels_with(&command, first).await, None);
    let tasks = desk.store.thread_tasks(command.repository, 1).await.unwrap();
    let goes_on = |id| tasks.iter().any(|task| task.id == id && task.phase == Phase::Waiting);
    assert!(goes_on(first) && !goes_on(second));
}

pub async fn one_writer_at_a_time(desk: &Desk) {
    desk.admits(1, "a", task(10)).await.unwrap();
    let writer = desk.store.claim_writer(Duration::ZERO, WRITES).await.unwrap().unwrap();
    let taker =
        desk.store.claim_writer(LEASE, WRITES).await.unwrap().expect("the first lease ran out");
    assert!(desk.store.claim_writer(LEASE, WRITES).await.unwrap().is_none());
    assert!(!desk.store.renew_writer(&writer, LEASE).await.unwrap());
    let Job::Document(document) = next_job(desk, &taker).await else { panic!() };
    assert!(
        !desk.store.document_begins(&document, &writer, WRITES).await.unwrap(),
        "a stale writer begins nothing"
    );
    assert!(desk.store.document_begins(&document, &taker, WRITES).await.unwrap());
    desk.store.document_shown(&document, 11, LEASE).await.unwrap();
    let Job::Act(reaction) = next_job(desk, &taker).await else { panic!() };
    assert!(!desk.store.act_begins(reaction.id, &writer, WRITES).await.unwrap());
    desk.store.release_writer(&taker, Some(LEASE)).await.unwrap();
    assert!(
        desk.store.claim_writer(LEASE, WRITES).await.unwrap().is_none(),
        "GitHub asked the installation to wait"
    );
}

pub async fn the_longer_of_two_waits_counts(desk: &Desk) {
    desk.admits(1, "a", task(10)).await.unwrap();
    let writer = desk.store.claim_writer(LEASE, WRITES).await.unwrap().unwrap();
    // Whoever decides commands is asked to wait while something is written.
    desk.store.block(writer.account, LEASE).await.unwrap();
    desk.store.release_writer(&writer, Some(Duration::ZERO)).await.unwrap();
    let next = desk.store.claim_writer(LEASE, WRITES).await.unwrap();
    assert!(next.is_none(), "the shorter wait is over, the longer one is not");
}

pub async fn a_light_writer_leaves_pushes_to_others(desk: &Desk) {
    desk.admits(1, "a", task(10)).await.unwrap();
    let task = desk.claims().await.unwrap();
    seal_with_acts(desk, &task).await;
    let light = || desk.store.claim_writer_of(Load::Light, LEASE, WRITES);
    let writer = light().await.unwrap().expect("a comment and an emoji");
    loop {
        match desk.store.next_job(&writer, WRITES).await.unwrap() {
            Next::Do(Job::Document(document)) => {
                assert!(desk.store.document_begins(&document, &writer, WRITES).await.unwrap());
                desk.store.document_shown(&document, 11, LEASE).await.unwrap();
            }
            Next::Do(Job::Act(act)) => {
                assert_eq!(act.act.kind(), ActKind::Reaction);
                assert!(desk.store.act_begins(act.id, &writer, WRITES).await.unwrap());
                desk.store.act_done(&act, serde_json::json!({})).await.unwrap();
            }
            Next::Nothing => break,
            Next::Paced(wait) => panic!("there is room: {wait:?}"),
        }
    }
    desk.store.release_writer(&writer, None).await.unwrap();
    assert!(light().await.unwrap().is_none(), "only the push is left");
    let writer = desk.store.claim_writer(LEASE, WRITES).await.unwrap().unwrap();
    begin_push(desk, &writer).await;
}

pub async fn acts_of_a_task_go_in_order(desk: &Desk) {
    desk.admits(1, "a", task(10)).await.unwrap();
    let task = desk.claims().await.unwrap();
    seal_with_acts(desk, &task).await;
    let writer = desk.store.claim_writer(LEASE, WRITES).await.unwrap().unwrap();
    let push = begin_push(desk, &writer).await;
    desk.store.act_done(&push, serde_json::json!({})).await.unwrap();
    let Job::Act(pull_request) = next_job(desk, &writer).await else { panic!() };
    assert_eq!(pull_request.act.kind(), ActKind::PullRequest);
    let result = serde_json::json!({ "id": 1, "number": 2, "url": "u", "draft": true });
    desk.store.act_done(&pull_request, result.clone()).await.unwrap();
    desk.store.act_done(&pull_request, result).await.unwrap();
    let [only] = &desk.store.thread_tasks(task.repository, 1).await.unwrap()[..] else { panic!() };
    assert_eq!((only.phase, only.ended_as), (Phase::Ended, Some(End::Done)));
}

pub async fn an_impossible_act_ends_its_task_unpaid(desk: &Desk) {
    desk.admits(1, "a", task(10)).await.unwrap();
    let task = desk.claims().await.unwrap();
    desk.uses(&task, 1, 5).await;
    seal_with_acts(desk, &task).await;
    let writer = desk.store.claim_writer(LEASE, WRITES).await.unwrap().unwrap();
    let push = begin_push(desk, &writer).await;
    desk.store.act_impossible(&push, "protected branch").await.unwrap();
    let [only] = &desk.store.thread_tasks(task.repository, 1).await.unwrap()[..] else { panic!() };
    assert_eq!((only.phase, only.ended_as), (Phase::Ended, Some(End::PublishRefused)));
    assert_eq!(desk.balance(1).await, (100, 0));
}

pub async fn a_turn_is_taken_once(desk: &Desk) {
    assert!(desk.store.take_turn(Schedule::Retention, LEASE).await.unwrap());
    assert!(!desk.store.take_turn(Schedule::Retention, LEASE).await.unwrap());
    desk.store.end_turn(Schedule::Retention, None).await.unwrap();
    assert!(!desk.store.take_turn(Schedule::Retention, LEASE).await.unwrap());
    let soon = desk.store.take_turn(Schedule::Redeliver, Duration::ZERO).await.unwrap();
    assert!(soon, "each schedule has its own turn");
    desk.store.end_turn(Schedule::Redeliver, Some("down".to_owned())).await.unwrap();
    assert!(desk.store.take_turn(Schedule::Redeliver, LEASE).await.unwrap(), "it is due again");
}

pub async fn a_grant_adds_up(desk: &Desk) {
    desk.told(vec![Fact::Installed(installation(1, 1))]).await;
    let id = desk.store.account_by_login(&account(1).login.to_uppercase()).await.unwrap().unwrap();
    assert_eq!(desk.store.grant(id, Credits(50), "thanks").await.unwrap().balance, Credits(150));
    assert_eq!(desk.store.account_by_login("nobody").await.unwrap(), None);
}

pub async fn a_nul_in_a_text_is_no_obstacle(desk: &Desk) {
    let mut with_nul = command(1, "key");
    with_nul.asked.thread.title = "a\0b".to_owned();
    desk.told(vec![
        Fact::Repository(Box::new(repository(1, at(0))), None),
        Fact::Command(Box::new(with_nul)),
    ])
    .await;
    let claimed = desk.store.claim_command(LEASE).await.unwrap().expect("the command");
    assert_eq!(claimed.asked.thread.title, "a\u{fffd}b");
}

pub async fn an_hour_has_room_for_so_many_writes(desk: &Desk) {
    for n in 0..3 {
        desk.admits(1, &format!("key {n}"), task(10)).await.unwrap();
    }
    // Half of four writes may come at once.
    let few = HourlyWrites(4);
    let writer = desk.store.claim_writer(LEASE, few).await.unwrap().unwrap();
    for _ in 0..2 {
        let Next::Do(Job::Document(document)) = desk.store.next_job(&writer, few).await.unwrap()
        else {
            panic!("the status comments are next")
        };
        assert!(desk.store.document_begins(&document, &writer, few).await.unwrap());
        desk.store.document_shown(&document, 11, LEASE).await.unwrap();
    }
    let Next::Paced(wait) = desk.store.next_job(&writer, few).await.unwrap() else {
        panic!("the hour is used up")
    };
    assert!(wait <= Duration::from_mins(30), "{wait:?}");
    desk.store.release_writer(&writer, None).await.unwrap();
    let next = desk.store.claim_writer(LEASE, few).await.unwrap().unwrap();
    let seen = desk.store.next_job(&next, few).await.unwrap();
    assert!(matches!(seen, Next::Paced(_)), "the next writer knows it too: {seen:?}");
}

pub async fn progress_stops_before_the_hour_is_used_up(desk: &Desk) {
    desk.admits(1, "key", task(10)).await.unwrap();
    let mut task = desk.claims().await.unwrap();
    let few = HourlyWrites(20);
    let writer = desk.store.claim_writer(LEASE, few).await.unwrap().unwrap();
    let mut edits = 0;
    loop {
        // Claiming a task shows it as running: that is progress.
        match desk.store.next_job(&writer, few).await.unwrap() {
            Next::Do(Job::Document(document)) => {
                assert!(desk.store.document_begins(&document, &writer, few).await.unwrap());
                desk.store.document_shown(&document, 11, Duration::ZERO).await.unwrap();
                edits += 1;
                // There is more to show.
                desk.store.release_task(task.id, task.lease, Release::default()).await.unwrap();
                task = desk.claims().await.unwrap();
            }
            Next::Do(Job::Act(act)) => {
                assert!(desk.store.act_begins(act.id, &writer, few).await.unwrap());
                desk.store.act_done(&act, serde_json::json!({})).await.unwrap();
            }
            Next::Nothing => break,
            Next::Paced(wait) => panic!("there is room for final states: {wait:?}"),
        }
    }
    assert_eq!(edits, 7, "seven of ten, with the emoji");
    desk.store.release_writer(&writer, None).await.unwrap();
    let idle = desk.store.claim_writer(LEASE, few).await.unwrap();
    assert!(idle.is_none(), "nobody takes a turn in which there is nothing to do");
    assert!(desk.ends(&task, End::Done).await);
    let writer = desk.store.claim_writer(LEASE, few).await.unwrap().expect("an end to show");
    let last = desk.store.next_job(&writer, few).await.unwrap();
    assert!(matches!(last, Next::Do(Job::Document(d)) if d.is_final), "the end is shown");
}

/// A document is being written while its task finds out that it lacks something.
pub async fn what_somebody_has_to_hear_of_is_not_put_off(desk: &Desk) {
    desk.admits(1, "a", task(10)).await.unwrap();
    let task = desk.claims().await.unwrap();
    let writer = desk.store.claim_writer(LEASE, WRITES).await.unwrap().unwrap();
    let Job::Document(document) = next_job(desk, &writer).await else { panic!() };
    assert!(desk.store.document_begins(&document, &writer, WRITES).await.unwrap());
    let lacks = Release { lacks: Some("a permission".to_owned()), ..Release::default() };
    desk.store.release_task(task.id, task.lease, lacks).await.unwrap();
    desk.store.document_shown(&document, 11, LEASE).await.unwrap();
    let next = loop {
        match next_job(desk, &writer).await {
            Job::Act(act) => {
                assert!(desk.store.act_begins(act.id, &writer, WRITES).await.unwrap());
                desk.store.act_done(&act, serde_json::json!({})).await.unwrap();
            }
            Job::Document(document) => break document,
        }
    };
    assert_eq!(next.id, document.id);
}

pub async fn a_suspended_account_owes_and_gets_nothing(desk: &Desk) {
    desk.admits(1, "waiting", task(10)).await.unwrap();
    desk.admits(1, "running", task(10)).await.unwrap();
    let running = desk.claims().await.unwrap();
    desk.uses(&running, 1, 5).await;
    let late = desk.asks(1, "late").await;
    desk.told(vec![Fact::Suspended(stands(1, 1, true, 1))]).await;
    assert_eq!(desk.balance(1).await, (100, 0));
    assert!(!desk.uses(&running, 2, 5).await, "the attempt has lost its lease");
    assert!(desk.store.claim_writer(LEASE, WRITES).await.unwrap().is_none(), "nothing is written");
    assert!(desk.store.admit(&late, task(10), Vec::new(), NO_LIMIT).await.unwrap().is_none());
    desk.told(vec![Fact::Allowed(stands(1, 1, false, 2))]).await;
    assert!(desk.claims().await.is_none(), "what was dropped stays dropped");
    assert!(desk.admits(1, "again", task(10)).await.is_some());
}

pub async fn a_newer_installation_is_not_suspended_by_an_older_one(desk: &Desk) {
    desk.told(vec![Fact::Installed(installation(1, 1))]).await;
    desk.told(vec![Fact::Suspended(stands(1, 1, true, 1))]).await;
    desk.told(vec![Fact::Installed(installation(1, 5))]).await;
    desk.told(vec![Fact::Suspended(stands(1, 1, true, 1))]).await;
    let command = command(1, "key");
    let repository = Box::new(repository(1, at(0)));
    desk.told(vec![Fact::Repository(repository, None), Fact::Command(Box::new(command))]).await;
    let claimed = desk.store.claim_command(LEASE).await.unwrap().expect("a command");
    assert_eq!(claimed.installation.map(|i| i.0), Some(5));
}

pub async fn what_waits_for_a_permission_goes_on_when_it_is_given(desk: &Desk) {
    desk.admits(1, "a", task(10)).await.unwrap();
    let parked = desk.claims().await.unwrap();
    let release = Release { wait: LEASE, lacks: Some("it".to_owned()), ..Release::default() };
    desk.store.release_task(parked.id, parked.lease, release).await.unwrap();
    assert!(desk.claims().await.is_none(), "it waits");
    desk.told(vec![Fact::Allowed(stands(1, 1, false, 2))]).await;
    let again = desk.claims().await.expect("it is tried at once");
    assert_eq!(again.attempts, 1, "waiting uses no attempt up");
}

/// The writer's next job; there is one.
pub(super) async fn next_job(desk: &Desk, writer: &Writer) -> Job {
    match desk.store.next_job(writer, WRITES).await.unwrap() {
        Next::Do(job) => job,
        other => panic!("there is a job, not {other:?}"),
    }
}

async fn seal_with_acts(desk: &Desk, task: &asynccoder::store::claims::ClaimedTask) {
    let sealed = Sealed { end: End::Done, outcome: Outcome::default(), acts: publishing(task) };
    assert!(desk.store.seal(task.id, task.lease, sealed).await.unwrap());
}

/// Does everything that comes before the push, and begins it.
async fn begin_push(desk: &Desk, writer: &Writer) -> asynccoder::store::acts::DueAct {
    loop {
        match next_job(desk, writer).await {
            Job::Document(document) => {
                assert!(desk.store.document_begins(&document, writer, WRITES).await.unwrap());
                desk.store.document_shown(&document, 11, LEASE).await.unwrap();
            }
            Job::Act(act) if act.act.kind() == ActKind::Push => {
                assert!(desk.store.act_begins(act.id, writer, WRITES).await.unwrap());
                return *act;
            }
            Job::Act(act) => desk.store.act_done(&act, serde_json::json!({})).await.unwrap(),
        }
    }
}

pub async fn traffic_is_what_came_before(desk: &Desk) {
    desk.admits(1, "one", task(20)).await.expect("it is admitted");
    let refused = desk.asks(1, "two").await;
    let limited = Ending::Limited("limit_person");
    assert!(desk.store.end_command(&refused, limited, Vec::new()).await.unwrap());
    let by_itself = desk.asks(1, "auto_review:1:a").await;
    assert!(desk.store.end_command(&by_itself, Ending::Answered, Vec::new()).await.unwrap());
    let answered = desk.asks(1, "three").await;
    desk.admits(2, "elsewhere", task(20)).await.expect("it is admitted");
    let traffic = desk.store.traffic(&answered).await.unwrap();
    assert_eq!(
        traffic.of_person.count, 1,
        "not the refused one, not a push, not itself, not what came later"
    );
    assert_eq!((traffic.in_thread.count, traffic.own_comments.count), (1, 1));
    assert!(traffic.of_person.first.is_some() && traffic.own_comments.first.is_some());
    assert_eq!((traffic.open_in_thread, traffic.waiting, traffic.open_pull_requests), (1, 1, 0));
    assert_eq!(traffic.coming_pull_requests, 1, "the task will open one");
    let one_more = |most| NewTask { opens_one_of: Some(most), ..task(20) };
    let no_room = desk.store.admit(&answered, one_more(1), Vec::new(), NO_LIMIT).await.unwrap();
    assert_eq!(no_room, None, "nobody takes the room of another task");
    desk.admits(1, "four", one_more(2)).await.expect("there is room for two");
    desk.store.lift_silence(&answered).await.unwrap();
    assert_eq!(desk.store.traffic(&answered).await.unwrap().own_comments.count, 0);
}

pub async fn a_configuration_is_kept(desk: &Desk) {
    let command = desk.asks(1, "one").await;
    assert_eq!(desk.store.config_of_repository(command.repository).await.unwrap(), None);
    let good = Some("labels = true".to_owned());
    let kept = Kept { sha: None, looked_at: at(1), good, faults: Vec::new() };
    desk.store.keep_config_of_repository(command.repository, &kept).await.unwrap();
    desk.store.keep_config_of_account(command.account, &kept).await.unwrap();
    let found = desk.store.config_of_repository(command.repository).await.unwrap();
    assert_eq!(found.as_ref(), Some(&kept));
    assert_eq!(desk.store.config_of_account(command.account).await.unwrap(), found);
    // A newer payload about the repository leaves it alone.
    desk.told(vec![Fact::Repository(Box::new(repository(1, at(5))), None)]).await;
    assert_eq!(desk.store.config_of_repository(command.repository).await.unwrap(), found);
}
