//! What comes next for everything that can happen, and where it ends.

use super::{assignment, calls, garbled, reads, reply, results, says, show, table};
use asynccoder::agent::turn::{Effect, Event, Turn};
use asynccoder::agent::{self, StepResults};
use asynccoder::domain::credit::{Credits, Usage};
use asynccoder::llm::{LlmError, Message, Stop, UserPart};
use expect_test::expect;
use serde_json::json;

#[test]
fn a_quiet_run_goes_step_by_step() {
    let mut turn = Turn::new(&assignment(), 3000);
    turn.handle(Event::Started);
    let last = calls(&[("finish", json!({}))]);
    turn.handle(Event::Replied(last.clone()));
    let finish = agent::tools::Finish {
        summary: "Found it.".to_owned(),
        title: Some("Fix it".to_owned()),
        ..agent::tools::Finish::default()
    };
    let ran = StepResults {
        finish: Some(finish),
        changed: ["a.rs".to_owned()].into(),
        ..results(&last, "finished", 1)
    };
    let Effect::End(outcome) = turn.handle(Event::ToolsRan(ran)) else { panic!("the end") };
    expect![[r#"
        Outcome {
            end: Done,
            summary: "Found it.",
            title: Some(
                "Fix it",
            ),
            not_verified: [],
            questions: [],
            findings: [],
            scores: {},
            verdict: None,
            changed: {
                "a.rs",
            },
            verification: None,
            fell_back_to: None,
            usage: Usage {
                input: 1000,
                cached: 0,
                cache_write: 0,
                output: 100,
            },
            cost: NanoUsd(
                3000000,
            ),
            steps: 1,
            detail: None,
        }
    "#]]
    .assert_debug_eq(&outcome);
}

#[test]
fn silence_is_answered_twice_and_then_ends() {
    let steps = [(says("hm"), "", 1), (says("so"), "", 2), (says("well"), "", 3)];
    table(
        &assignment(),
        &steps,
        expect![[r"
        call 1, at most 16384 tokens and 17 credits
        tools 1: []
            says: You called no tool, so nothing happened. Go on with a tool, or call finish if the work is complete.
        call 2, at most 16384 tokens and 17 credits
        tools 2: []
            says: You called no tool, so nothing happened. Go on with a tool, or call finish if the work is complete.
        call 3, at most 16384 tokens and 17 credits
        tools 3: []
        END stuck after 3 steps: the model answered three times without doing anything
    "]],
    );
}

#[test]
fn unreadable_calls_end_at_the_third_in_a_row() {
    let steps = [
        (garbled(), "ERROR", 1),
        (garbled(), "ERROR", 1),
        (reads("a"), "fine", 1),
        (garbled(), "ERROR", 1),
        (garbled(), "ERROR", 1),
        (garbled(), "ERROR", 1),
    ];
    table(
        &assignment(),
        &steps,
        expect![[r"
        call 1, at most 16384 tokens and 17 credits
        tools 1: [read_file]
        call 2, at most 16384 tokens and 17 credits
        tools 2: [read_file]
        call 3, at most 16384 tokens and 17 credits
        tools 3: [read_file]
        call 4, at most 16384 tokens and 17 credits
        tools 4: [read_file]
        call 5, at most 16384 tokens and 17 credits
        tools 5: [read_file]
        call 6, at most 16384 tokens and 17 credits
        tools 6: [read_file]
        END format_error after 6 steps: the model sent tool calls that cannot be read, three times in a row
    "]],
    );
}

#[test]
fn repeating_is_answered_once_and_then_ends() {
    let steps = vec![(reads("a"), "same", 1); 8];
    table(
        &assignment(),
        &steps,
        expect![[r"
        call 1, at most 16384 tokens and 17 credits
        tools 1: [read_file]
        call 2, at most 16384 tokens and 17 credits
        tools 2: [read_file]
        call 3, at most 16384 tokens and 17 credits
        tools 3: [read_file]
        call 4, at most 16384 tokens and 17 credits
        tools 4: [read_file]
            says: You are repeating yourself and nothing changes. Step back: say what you know, and try something different, or call finish with what you found.
        call 5, at most 16384 tokens and 17 credits
        tools 5: [read_file]
        call 6, at most 16384 tokens and 17 credits
        tools 6: [read_file]
        call 7, at most 16384 tokens and 17 credits
        tools 7: [read_file]
        call 8, at most 16384 tokens and 17 credits
        tools 8: [read_file]
        END stuck after 8 steps: the model repeated itself without getting on
    "]],
    );
}

#[test]
fn failing_the_same_way_is_noticed_after_three() {
    let steps =
        [(reads("a"), "ERROR 1", 1), (reads("a"), "ERROR 2", 1), (reads("a"), "ERROR 3", 1)];
    table(
        &assignment(),
        &steps,
        expect![[r"
        call 1, at most 16384 tokens and 17 credits
        tools 1: [read_file]
        call 2, at most 16384 tokens and 17 credits
        tools 2: [read_file]
        call 3, at most 16384 tokens and 17 credits
        tools 3: [read_file]
            says: You are repeating yourself and nothing changes. Step back: say what you know, and try something different, or call finish with what you found.
        call 4, at most 16384 tokens and 17 credits
    "]],
    );
}

#[test]
fn two_calls_taking_turns_are_noticed() {
    let steps: Vec<_> =
        (0..6).map(|n| (reads(if n % 2 == 0 { "a" } else { "b" }), "same", 1)).collect();
    table(
        &assignment(),
        &steps,
        expect![[r"
        call 1, at most 16384 tokens and 17 credits
        tools 1: [read_file]
        call 2, at most 16384 tokens and 17 credits
        tools 2: [read_file]
        call 3, at most 16384 tokens and 17 credits
        tools 3: [read_file]
        call 4, at most 16384 tokens and 17 credits
        tools 4: [read_file]
        call 5, at most 16384 tokens and 17 credits
        tools 5: [read_file]
        call 6, at most 16384 tokens and 17 credits
        tools 6: [read_file]
            says: You are repeating yourself and nothing changes. Step back: say what you know, and try something different, or call finish with what you found.
        call 7, at most 16384 tokens and 17 credits
    "]],
    );
}

#[test]
fn a_cut_answer_runs_nothing() {
    let mut cut = calls(&[("edit_file", json!({}))]);
    cut.stop = Stop::MaxTokens;
    table(
        &assignment(),
        &[(cut, "not run", 1)],
        expect![[r"
        call 1, at most 16384 tokens and 17 credits
        tools 1: [edit_file (not run: the answer was cut off)]
            says: Your answer was cut off at the output limit, and none of its calls was run. Answer in smaller steps.
        call 2, at most 16384 tokens and 17 credits
    "]],
    );
}

#[test]
fn a_refusal_and_a_full_window_end() {
    let refusal = reply(vec![], Stop::Refusal { explanation: Some("canary".to_owned()) });
    table(
        &assignment(),
        &[(refusal, "", 1)],
        expect![[r"
        call 1, at most 16384 tokens and 17 credits
        END provider_error after 1 steps: the model service declined to answer
    "]],
    );
    table(
        &assignment(),
        &[(reply(vec![], Stop::ContextFull), "", 1)],
        expect![[r"
        call 1, at most 16384 tokens and 17 credits
        END limit_cost after 1 steps: the conversation no longer fits the model's window
    "]],
    );
}

#[test]
fn failed_calls_end_by_their_reason() {
    let end = |error: LlmError| show(&Turn::new(&assignment(), 0).handle(Event::CallFailed(error)));
    expect!["END limit_cost after 0 steps: the conversation no longer fits the model's window"]
        .assert_eq(&end(LlmError::ContextTooLong));
    expect!["END provider_error after 0 steps: the model service is overloaded"]
        .assert_eq(&end(LlmError::Overloaded { retry_after: None }));
    expect!["END provider_error after 0 steps: no key is configured for anthropic"]
        .assert_eq(&end(LlmError::NotConfigured { provider: assignment().model.provider }));
}

#[test]
fn the_answer_gets_shorter_with_the_money_and_then_it_ends() {
    let mut poor = assignment();
    poor.hold = Credits(5);
    let dear = |n: &str| {
        let mut reply = reads(n);
        reply.usage = Usage { input: 2000, cached: 0, cache_write: 0, output: 1000 };
        reply
    };
    let steps = [(dear("a"), "x", 1), (dear("b"), "x", 1), (dear("c"), "x", 1)];
    table(
        &poor,
        &steps,
        expect![[r#"
            call 1, at most 4719 tokens and 5 credits
            tools 1: [read_file]
            call 2, at most 2849 tokens and 4 credits
            tools 2: [read_file]
                says: Only 48 steps, $0.02, 24 minutes and 1599 KiB of tool output are left. Bring what you have to a sound state and call finish; name what you could not verify.
            call 3, at most 1436 tokens and 3 credits
            tools 3: [read_file]
            END limit_cost after 3 steps
        "#]],
    );
}

#[test]
fn steps_and_time_are_limited_and_warned_of_once() {
    let mut short = assignment();
    short.limits.steps = 5;
    let steps: Vec<_> = ["a", "b", "c", "d", "e"].map(|n| (reads(n), "x", 1)).into();
    table(
        &short,
        &steps,
        expect![[r#"
            call 1, at most 16384 tokens and 17 credits
            tools 1: [read_file]
            call 2, at most 16384 tokens and 17 credits
            tools 2: [read_file]
            call 3, at most 16384 tokens and 17 credits
            tools 3: [read_file]
            call 4, at most 16384 tokens and 17 credits
            tools 4: [read_file]
                says: Only 1 steps, $0.64, 24 minutes and 159 KiB of tool output are left. Bring what you have to a sound state and call finish; name what you could not verify.
            call 5, at most 16384 tokens and 17 credits
            tools 5: [read_file]
            END limit_steps after 5 steps
        "#]],
    );
    let steps = [(reads("a"), "x", 20 * 60), (reads("b"), "x", 25 * 60)];
    table(
        &assignment(),
        &steps,
        expect![[r#"
            call 1, at most 16384 tokens and 17 credits
            tools 1: [read_file]
                says: Only 49 steps, $0.65, 5 minutes and 1599 KiB of tool output are left. Bring what you have to a sound state and call finish; name what you could not verify.
            call 2, at most 16384 tokens and 17 credits
            tools 2: [read_file]
            END limit_time after 2 steps
        "#]],
    );
}

#[test]
fn old_answers_are_left_out_of_a_long_conversation() {
    let mut turn = Turn::new(&assignment(), 3000);
    turn.handle(Event::Started);
    for n in 0..25 {
        let mut reply = reads(&format!("f{n}"));
        reply.usage = Usage { input: 4000 * (n + 1), cached: 0, cache_write: 0, output: 10 };
        turn.handle(Event::Replied(reply.clone()));
        turn.handle(Event::ToolsRan(results(&reply, &format!("{n} {}", "x".repeat(900)), 1)));
    }
    let answers: String = turn
        .messages()
        .iter()
        .filter_map(|message| match message {
            Message::User(parts) => parts.iter().find_map(|part| match part {
                UserPart::ToolResult { text, .. } => Some(&text[..1]),
                UserPart::Text { .. } => None,
            }),
            Message::Assistant(_) => None,
        })
        .map(|first| if first == "[" { '-' } else { '#' })
        .collect();
    expect![["----------###############"]].assert_eq(&answers);
}
