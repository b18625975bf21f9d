//! Every end of a task has its sentence, its status, its check run's conclusion and its price.

use asynccoder::domain::credit::{Credits, Quote, Usage};
use asynccoder::domain::ids::TaskId;
use asynccoder::domain::report::{Outcome, TaskView, check, status};
use asynccoder::domain::task::{End, Kind, Phase};
use expect_test::expect;
use std::collections::BTreeSet;
use std::fmt::Write as _;

fn ended(end: End) -> TaskView {
    TaskView {
        id: TaskId(uuid::Uuid::nil()),
        kind: Kind::Debug,
        phase: Phase::Ended,
        lacks: None,
        waits_for: None,
        end: Some(end),
        model: "Claude Sonnet 5.5".to_owned(),
        quote: Quote::from_cap(Credits(200)),
        hold: Credits(200),
        plan: Vec::new(),
        steps: 50,
        usage: Usage::default(),
        charged: Some(Credits(if end.is_charged() { 7 } else { 0 })),
        outcome: Outcome::default(),
        pull_request: None,
        pushed: None,
        review_url: None,
        config_has_mistakes: false,
        private: false,
        available: Credits(100),
        source: String::new(),
        url: String::new(),
    }
}

/// More credits would not help where the conversation is too long.
#[test]
fn a_task_that_is_too_large_is_not_offered_more_credits() {
    let detail = Some("the conversation no longer fits the model's window".to_owned());
    let outcome = Outcome { detail, ..Outcome::default() };
    let view = TaskView { hold: Credits(20), outcome, ..ended(End::LimitCost) };
    let comment = status::status_comment(&view);
    expect![[r#"
        ### Async Coder · debug · failed

        I stopped because this task is too large to be done at once.

        the conversation no longer fits the model's window

        Receipt: Claude Sonnet 5.5 · 50 steps · 0/0/0 tokens · 7 credits

        A smaller task often works: `/asynccoder debug <one part of it>`

        <!-- asynccoder:task=00000000-0000-0000-0000-000000000000 -->"#]]
    .assert_eq(&comment);
}

#[test]
fn every_end_is_told_shown_and_settled() {
    let mut told = String::new();
    let mut sentences = BTreeSet::new();
    for end in End::ALL {
        let view = ended(*end);
        let comment = status::status_comment(&view);
        let sentence = comment.split("\n\n").nth(1).unwrap_or_default().to_owned();
        writeln!(
            told,
            "{end}: {}, check {} {:?}, {}: {sentence}",
            end.status(),
            end.conclusion(),
            check::title(&view),
            if end.is_charged() { "used" } else { "free" },
        )
        .unwrap();
        // Whoever pays nothing is told so, and nobody else.
        assert_eq!(comment.contains("You pay nothing"), !end.is_charged(), "{end}");
        assert!(sentences.insert(sentence), "{end} has a sentence of its own");
    }
    expect![[r#"
        done: completed, check success "done", used: Receipt: Claude Sonnet 5.5 · 50 steps · 0/0/0 tokens · 7 credits
        no_change: completed, check neutral "no change", used: I changed nothing.
        needs_info: completed, check neutral "needs info", used: I need to know this before I can go on:
        limit_steps: failed, check neutral "failed", used: I stopped after 50 steps, the limit for debug.
        limit_cost: failed, check neutral "failed", used: I stopped because the 200 credits held for this task do not cover the next step.
        limit_time: failed, check timed_out "failed", used: I stopped after 25 minutes, the limit for debug.
        stuck: failed, check failure "failed", used: I stopped because I was going round in circles.
        cancelled: cancelled, check cancelled "cancelled", used: Stopped, as asked.
        provider_error: failed, check failure "failed", free: The model service did not answer usefully. You pay nothing for this task.
        format_error: failed, check failure "failed", free: The model did not keep to the protocol. You pay nothing for this task.
        policy_block: failed, check failure "failed", free: The result touches something that I may not change, so I did not push it. You pay nothing for this task.
        publish_refused: failed, check failure "failed", free: GitHub did not accept the result. You pay nothing for this task.
        internal: failed, check failure "failed", free: Something on my side went wrong. You pay nothing for this task.
    "#]].assert_eq(&told);
}
