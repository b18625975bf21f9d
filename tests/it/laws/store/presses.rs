//! What a press of GitHub's own buttons comes to.

use super::cases::{WRITES, next_job};
use super::desk::{Desk, LEASE, act, at, person, repository, sha, task};
use asynccoder::domain::act::{Act, NewCheck};
use asynccoder::domain::event::{Rerequested, Source};
use asynccoder::domain::ids::InstallationId;
use asynccoder::domain::task::{Conclusion, Kind};
use asynccoder::store::commands::{ClaimedCommand, Ending};
use asynccoder::store::deliveries::Fact;
use asynccoder::store::writers::{Job, Next};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

fn press(when: DateTime<Utc>, head: char) -> Fact {
    Fact::Rerequested(Box::new(Rerequested {
        installation: Some(InstallationId(1)),
        repository: repository(1, at(0)),
        app: 1,
        suite: 9,
        head: sha(head),
        at: when,
        sender: person(),
    }))
}

/// Says in a check run on `b` what came of a command.
async fn says(desk: &Desk, command: &ClaimedCommand, check_run: i64) {
    let check = NewCheck {
        name: "Async Coder / pr_review".to_owned(),
        head: sha('b'),
        conclusion: Conclusion::Neutral,
        title: "not reviewed".to_owned(),
        summary: "There is a reason.".to_owned(),
        annotations: Vec::new(),
    };
    let acts = vec![act(command, None, Act::Check(check))];
    desk.store.end_command(command, Ending::Refused("not_reviewed"), acts).await.unwrap();
    let writer =
        desk.store.claim_writer(LEASE, WRITES).await.unwrap().expect("a check run to write");
    let Job::Act(due) = next_job(desk, &writer).await else { panic!("no act") };
    desk.store.act_done(&due, json!({ "id": check_run })).await.unwrap();
    desk.store.release_writer(&writer, None).await.unwrap();
}

pub async fn a_check_is_run_again_once_for_a_press(desk: &Desk) {
    let command = desk.asks(1, "auto_review:1:b").await;
    says(desk, &command, 5).await;
    let next = async || desk.store.claim_command(LEASE).await.unwrap();
    // The check run was made after this press, or is on another commit.
    desk.told(vec![press(at(0), 'b')]).await;
    let later = Utc::now() + TimeDelta::hours(1);
    desk.told(vec![press(later, 'c')]).await;
    assert!(next().await.is_none());
    // Even if GitHub's clock is far ahead, one press is one press.
    let later = later + TimeDelta::hours(1);
    desk.told(vec![press(later, 'b')]).await;
    let again = next().await.expect("it is run again");
    assert_eq!((again.asked.source, again.asked.comment_id), (Source::CheckRun, 5));
    says(desk, &again, 6).await;
    desk.told(vec![press(later, 'b')]).await;
    assert!(next().await.is_none(), "the same press");
    desk.told(vec![press(later + TimeDelta::seconds(1), 'b')]).await;
    let third = next().await.expect("another press");
    assert_eq!(third.asked.comment_id, 6, "the newest of its name");
    says(desk, &third, 7).await;
    // A task that has not ended is not run again, and stands before what came before it.
    let mut wanted = task(10);
    wanted.check_on = Some(sha('b'));
    wanted.kind = Kind::PrReview;
    desk.admits(1, "review", wanted).await.unwrap();
    let writer = desk.store.claim_writer(LEASE, WRITES).await.unwrap().expect("the task is shown");
    while let Next::Do(job) = desk.store.next_job(&writer, WRITES).await.unwrap() {
        match job {
            Job::Act(due) => desk.store.act_done(&due, json!({ "id": 1 })).await.unwrap(),
            Job::Document(due) => {
                desk.store.document_shown(&due, 8, LEASE).await.unwrap();
            }
        }
    }
    desk.told(vec![press(later + TimeDelta::seconds(2), 'b')]).await;
    assert!(next().await.is_none(), "it still runs");
}
