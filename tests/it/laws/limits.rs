//! Limits: which comes first, what each is about, and when it ends.

use asynccoder::domain::ids::Sha;
use asynccoder::domain::limits::{Bounds, Lately, Limit, Traffic, Weight};
use asynccoder::domain::policy::{Permission, Refusal};
use asynccoder::domain::report::refusal::refusal;
use asynccoder::domain::report::unasked::not_reviewed;
use chrono::{DateTime, Utc};
use expect_test::expect;

fn at() -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000, 0).unwrap()
}

fn lately(count: i64) -> Lately {
    Lately { count, first: Some(at()) }
}

#[test]
fn each_limit_holds_from_its_number_on_and_is_told_with_its_end() {
    let quiet = Traffic::default();
    let cases = [
        (Traffic { of_person: lately(10), ..quiet }, Traffic { of_person: lately(9), ..quiet }),
        (Traffic { in_thread: lately(30), ..quiet }, Traffic { in_thread: lately(29), ..quiet }),
        (
            Traffic { own_comments: lately(10), ..quiet },
            Traffic { own_comments: lately(9), ..quiet },
        ),
        (Traffic { open_in_thread: 20, ..quiet }, Traffic { open_in_thread: 19, ..quiet }),
        (Traffic { waiting: 200, ..quiet }, Traffic { waiting: 199, ..quiet }),
        (Traffic { open_pull_requests: 10, ..quiet }, Traffic { open_pull_requests: 9, ..quiet }),
        (
            Traffic { open_pull_requests: 6, coming_pull_requests: 4, ..quiet },
            Traffic { open_pull_requests: 6, coming_pull_requests: 3, ..quiet },
        ),
    ];
    let mut told = String::new();
    for (over, within) in cases {
        assert_eq!(within.limit(Bounds::default(), Weight::PullRequest, Permission::Write), None);
        let limit = over
            .limit(Bounds::default(), Weight::PullRequest, Permission::Write)
            .expect("it is reached");
        told.push_str(&refusal(&Refusal::Limited(limit)));
        told.push('\n');
    }
    expect![[r#"
        You have given 10 commands within a minute, which is as many as I take. Please give this one again after 14:14:20 UTC.
        There were 30 commands in this thread within an hour, which is as many as I take. Please give this one again after 15:13 UTC.
        I have written 10 comments in this thread within an hour and stop here, in case something goes round in circles. I go on after 15:13 UTC, or at once when somebody with admin permission gives a command here. `/asynccoder cancel` works all the time.
        There are 20 tasks of this thread that have not ended, which is as many as I take. Please wait for one of them, or stop one with `/asynccoder cancel`.
        200 tasks of this account wait already, which is as many as I take. Please ask again when some of them are done.
        10 pull requests of mine are open in this repository, which is as many as I open. Merge or close one, then please ask again.
        10 pull requests of mine are open in this repository or will come from tasks that have not ended, which is as many as I open. Merge or close one, or stop a task with `/asynccoder cancel`, then please ask again.
    "#]].assert_eq(&told);
}

#[test]
fn answers_do_not_wait_for_tasks_and_admins_lift_the_silence() {
    let busy =
        Traffic { open_in_thread: 20, waiting: 200, open_pull_requests: 10, ..Traffic::default() };
    assert_eq!(busy.limit(Bounds::default(), Weight::Answer, Permission::Read), None);
    assert_eq!(
        busy.limit(Bounds::default(), Weight::Task, Permission::Write),
        Some(Limit::OpenInThread(20))
    );
    let silent = Traffic { own_comments: lately(10), ..Traffic::default() };
    assert!(silent.is_silent(Bounds::default()));
    assert!(silent.limit(Bounds::default(), Weight::Answer, Permission::Write).is_some());
    assert_eq!(silent.limit(Bounds::default(), Weight::Answer, Permission::Admin), None);
    let hasty = Traffic { of_person: lately(10), ..silent };
    assert!(
        hasty.limit(Bounds::default(), Weight::Answer, Permission::Admin).is_some(),
        "that holds for admins too"
    );
}

#[test]
fn a_review_that_a_limit_keeps_away_says_which_and_until_when() {
    let until = at();
    let head = Sha::parse(&"a".repeat(40)).unwrap();
    let limits = [
        Limit::OfPerson(10, until),
        Limit::InThread(30, until),
        Limit::OwnComments(10, until),
        Limit::OpenInThread(20),
        Limit::Waiting(200),
        Limit::OpenPullRequests(10),
        Limit::ComingPullRequests(10),
    ];
    let told = |limit: &Limit| {
        let check = not_reviewed(&Refusal::Limited(*limit), &head).expect("it is told");
        let said = check.summary.split_once("this commit. ").unwrap().1.replace("\n\n", " ");
        format!("{}: {said}\n", check.title)
    };
    expect![[r#"
        not reviewed: too many commands: Its author gave 10 commands within a minute, which is as many as I take. `/asynccoder review` reviews it after 14:13:20 UTC.
        not reviewed: too many commands: There were 30 commands in this thread within an hour, which is as many as I take. `/asynccoder review` reviews it after 14:13:20 UTC.
        not reviewed: too many comments: I have written 10 comments in this thread within an hour and stop here, in case something goes round in circles. `/asynccoder review` reviews it after 14:13:20 UTC, or at once for somebody with admin permission.
        not reviewed: too many tasks: There are 20 tasks of this thread that have not ended, which is as many as I take. `/asynccoder review` reviews it once one of them has ended.
        not reviewed: too many tasks: 200 tasks of this account wait already, which is as many as I take. `/asynccoder review` reviews it once some of them are done.
        not reviewed: too many pull requests: 10 pull requests of mine are open in this repository, which is as many as I open. `/asynccoder review` reviews it once one of them is merged or closed.
        not reviewed: too many pull requests: 10 pull requests of mine are open in this repository or will come from tasks that have not ended, which is as many as I open. `/asynccoder review` reviews it once one of them is merged or closed.
    "#]].assert_eq(&limits.iter().map(told).collect::<String>());
    assert_eq!(not_reviewed(&Refusal::NotWanted, &head), None, "where none is wanted, nothing is");
}
