//! States that GitHub tells of: plans, choices of repositories, pull requests.

use super::cases::{WRITES, next_job};
use super::desk::{
    Desk, LEASE, NO_LIMIT, account, act, at, command, installation, publishing, repository, sha,
    stands, task, the_eyes,
};
use asynccoder::domain::act::{Act, ActKind};
use asynccoder::domain::credit::Credits;
use asynccoder::domain::event::{
    AsOf, Choice, Named, Proposal, ProposalState, Purchase, Repository, Source,
};
use asynccoder::domain::ids::{AccountId, RepositoryId};
use asynccoder::domain::plan::{Given, Subscription};
use asynccoder::domain::report::Outcome;
use asynccoder::domain::task::{End, Phase};
use asynccoder::store::deliveries::Fact;
use asynccoder::store::repositories::Standing;
use asynccoder::store::tasks::Sealed;
use asynccoder::store::writers::Job;
use serde_json::json;
use std::time::Duration;

/// What an account buys at some minute, and what that gives.
fn bought(minute: i64, is_over: bool, running: Option<i64>) -> Fact {
    let plan = "Pro".to_owned();
    let subscription = Subscription { plan: plan.clone(), is_yearly: false, renews_at: None };
    let as_of = AsOf::new(at(minute), 0);
    let until = at(0).date_naive();
    let tier = "pro".to_owned();
    let given =
        Given { tier, name: plan, credits: Credits(50), running, daily_credits: None, until };
    let purchase = Purchase { account: account(1), subscription, is_over, as_of };
    Fact::Bought(Box::new(purchase), Box::new(given))
}

pub async fn a_repository_stands_as_was_heard_last(desk: &Desk) {
    let id = repository(1, at(0)).id;
    let stands = async || desk.store.repository_standing(id).await.unwrap();
    assert_eq!(stands().await, None);
    desk.told(vec![Fact::Installed(installation(1, 1))]).await;
    desk.told(vec![Fact::Repository(Box::new(repository(1, at(1))), None)]).await;
    let public = Standing { account_id: AccountId(1), private: false, is_reached: true };
    assert_eq!(stands().await, Some(public));
    let private = Repository { private: true, ..repository(1, at(2)) };
    desk.told(vec![Fact::Repository(Box::new(private), None)]).await;
    assert_eq!(stands().await, Some(Standing { private: true, ..public }));
    desk.told(vec![Fact::Uninstalled(installation(1, 1))]).await;
    assert_eq!(stands().await, Some(Standing { private: true, is_reached: false, ..public }));
    desk.told(vec![Fact::Installed(installation(1, 2))]).await;
    assert_eq!(stands().await, Some(Standing { private: true, ..public }));
    desk.told(vec![Fact::Deleted(id)]).await;
    assert_eq!(stands().await, Some(Standing { private: true, is_reached: false, ..public }));
}

pub async fn a_plan_is_paid_once_however_many_hear_of_it(desk: &Desk) {
    desk.told(vec![bought(1, false, None)]).await;
    let due = desk.store.plans_due(10).await.unwrap();
    let asked = due.first().copied().expect("a webhook is checked");
    let Fact::Bought(_, given) = bought(1, false, None) else { unreachable!() };
    let answers = (0..4).map(|_| desk.store.plan_is(asked, Some(&given), LEASE));
    for answer in futures::future::join_all(answers).await {
        answer.unwrap();
    }
    desk.told(vec![bought(1, false, None)]).await;
    desk.told(vec![Fact::Installed(installation(1, 1))]).await;
    assert_eq!(desk.balance(1).await, (150, 0), "the plan once, and the bonus");
}

pub async fn a_plan_says_how_many_tasks_run_at_once(desk: &Desk) {
    for key in ["a", "b", "c"] {
        desk.admits(1, key, task(10)).await.unwrap();
    }
    desk.told(vec![bought(1, false, Some(2))]).await;
    let claim = async || desk.store.claim_task(LEASE, 1).await.unwrap().is_some();
    assert_eq!([claim().await, claim().await, claim().await], [true, true, false]);
    desk.told(vec![bought(2, true, Some(2))]).await;
    desk.admits(1, "d", task(10)).await.unwrap();
    assert!(!claim().await, "without the plan it has what everybody has");
}

pub async fn a_lost_repository_owes_and_gets_nothing(desk: &Desk) {
    desk.admits(1, "waiting", task(10)).await.unwrap();
    desk.admits(1, "running", task(10)).await.unwrap();
    let running = desk.claims().await.unwrap();
    let late = desk.asks(1, "late").await;
    let choice = |minute, is_reached: bool| {
        let this = Named { id: running.repository, name: running.name.clone(), private: false };
        let (added, removed) = if is_reached { (vec![this], vec![]) } else { (vec![], vec![this]) };
        let installation = stands(1, 1, false, minute);
        Fact::Chosen(Box::new(Choice { installation, added, removed }))
    };
    desk.told(vec![choice(2, false)]).await;
    assert_eq!(desk.balance(1).await, (100, 0));
    assert!(!desk.uses(&running, 1, 5).await, "the attempt has lost its lease");
    assert!(desk.claims().await.is_none());
    assert!(desk.store.claim_writer(LEASE, WRITES).await.unwrap().is_none(), "nothing is written");
    assert!(desk.store.admit(&late, task(10), Vec::new(), NO_LIMIT).await.unwrap().is_none());
    desk.store.postpone_command(&late, LEASE, vec![act(&late, None, the_eyes())]).await.unwrap();
    assert!(desk.store.claim_writer(LEASE, WRITES).await.unwrap().is_none(), "not even an emoji");
    desk.told(vec![choice(1, true)]).await;
    assert!(desk.store.claim_writer(LEASE, WRITES).await.unwrap().is_none(), "that was before");
    desk.told(vec![choice(3, true)]).await;
    let writer =
        desk.store.claim_writer(LEASE, WRITES).await.unwrap().expect("their ends are shown now");
    assert!(matches!(next_job(desk, &writer).await, Job::Document(d) if d.is_final));
}

pub async fn a_question_that_a_webhook_overtook_is_asked_again(desk: &Desk) {
    desk.told(vec![bought(1, false, None)]).await;
    let asked = desk.store.plans_due(10).await.unwrap()[0];
    desk.told(vec![bought(2, true, None)]).await;
    let Fact::Bought(_, given) = bought(1, false, Some(7)) else { unreachable!() };
    desk.store.plan_is(asked, Some(&given), LEASE).await.unwrap();
    let again = desk.store.plans_due(10).await.unwrap();
    assert_eq!(again.len(), 1, "the answer was from before");
    assert!(desk.store.balance(AccountId(1)).await.unwrap().plan.is_none());
    desk.store.plan_is(again[0], None, LEASE).await.unwrap();
    assert!(desk.store.plans_due(10).await.unwrap().is_empty());
    desk.told(vec![Fact::Installed(installation(1, 1))]).await;
}

pub async fn a_branch_goes_though_the_end_was_told_before_the_beginning(desk: &Desk) {
    desk.admits(1, "a", task(10)).await.unwrap();
    let task = desk.claims().await.unwrap();
    let mut acts = publishing(&task);
    for new in &mut acts {
        if let Act::PullRequest(wanted) = &mut new.act {
            wanted.delete_branch = true;
        }
    }
    let sealed = Sealed { end: End::Done, outcome: Outcome::default(), acts };
    assert!(desk.store.seal(task.id, task.lease, sealed).await.unwrap());
    let writer = desk.store.claim_writer(LEASE, WRITES).await.unwrap().unwrap();
    let mut kinds = Vec::new();
    // Somebody closes it before the reply that opened it is known.
    desk.told(vec![Fact::Proposed(Box::new(closed(&task.branch)))]).await;
    for _ in 0..8 {
        match next_job(desk, &writer).await {
            Job::Document(document) => {
                desk.store.document_shown(&document, 1, Duration::ZERO).await.unwrap();
            }
            Job::Act(act) => {
                kinds.push(act.act.kind());
                let result = match &act.act {
                    Act::Push(push) => json!({ "commit": push.commit, "branch": push.branch }),
                    Act::DeleteBranch(delete) => {
                        assert_eq!((&delete.branch, &delete.commit), (&task.branch, &sha('c')));
                        return;
                    }
                    _ => json!({ "id": 77, "number": 2, "url": "u", "draft": true }),
                };
                desk.store.act_done(&act, result).await.unwrap();
            }
        }
    }
    panic!("the branch stays after {kinds:?} and {:?}", ActKind::DeleteBranch);
}

fn closed(branch: &str) -> Proposal {
    Proposal {
        installation: None,
        repository: repository(1, at(0)),
        id: 77,
        number: 2,
        url: "u".to_owned(),
        title: "t".to_owned(),
        state: ProposalState::Closed,
        draft: true,
        head: branch.to_owned(),
        head_sha: sha('c'),
        base: "main".to_owned(),
        as_of: AsOf::new(at(1), 1),
    }
}

pub async fn a_label_asks_for_what_was_not_taken_away_since(desk: &Desk) {
    let key = |minute| format!("label:1:fix@{}", at(minute).timestamp());
    let set = |minute| {
        let mut command = command(1, &key(minute));
        command.asked.source = Source::Label;
        command.asked.at = Some(at(minute));
        Fact::Command(Box::new(command))
    };
    let taken = |minute| {
        let key = "label:1:fix@".to_owned();
        Fact::Unlabelled { repository: RepositoryId(10), key, at: at(minute) }
    };
    let phase = async || desk.store.thread_tasks(RepositoryId(10), 1).await.unwrap()[0].phase;
    let next = async || desk.store.claim_command(LEASE).await.unwrap();
    desk.admits(1, &key(3), task(10)).await.unwrap();
    desk.told(vec![taken(2), set(1)]).await;
    assert_eq!(phase().await, Phase::Waiting, "it was set again since");
    assert!(next().await.is_none(), "it was taken away since");
    desk.told(vec![taken(4), taken(2), set(4)]).await;
    assert_eq!(phase().await, Phase::Ended);
    assert!(next().await.is_none(), "what is older changes nothing");
    desk.told(vec![set(5)]).await;
    assert!(next().await.is_some());
}
