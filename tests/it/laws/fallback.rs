//! When a model service fails: another model goes on with the same conversation, in words that it takes;
//! a service that fails for everybody is left alone.

use super::turn::{
    Memory, Script, assignment, check_form, free, long, reads, reply, results, says, show, stage,
    step, story,
};
use async_trait::async_trait;
use asynccoder::agent::turn::{Effect, Event, Turn};
use asynccoder::agent::{Assignment, StepResults, StoredStep};
use asynccoder::domain::catalog::{Api, Catalog, Model, Provider};
use asynccoder::domain::credit::{NanoUsd, Usage};
use asynccoder::llm::breaker::{Breaker, Guarded};
use asynccoder::llm::retry::{RetryPolicy, Retrying};
use asynccoder::llm::{
    Block, Endpoint, Llm, LlmError, Message, Prompt, Providers, Reply, Stop, UserPart,
};
use axum::extract::State;
use expect_test::{Expect, expect};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

fn model(id: &str) -> Model {
    Catalog::embedded().unwrap().by_id(id).unwrap().clone()
}

fn with_fallback() -> Assignment {
    Assignment { fallback: Some(model("gpt-6.2-sol")), ..assignment() }
}

fn overloaded() -> LlmError {
    LlmError::Overloaded { retry_after: None }
}

fn away(provider: Provider) -> LlmError {
    LlmError::Away { provider, retry_in: Duration::from_secs(7) }
}

#[test]
fn failures_of_a_service_lead_to_the_fallback_once() {
    let auth = LlmError::Auth { message: "no".to_owned() };
    let billing = LlmError::Billing { message: "no".to_owned() };
    for first in [overloaded(), LlmError::Timeout, auth, billing, away(Provider::Anthropic)] {
        let mut turn = Turn::new(&with_fallback(), 0);
        turn.handle(Event::Started);
        let effect = turn.handle(Event::CallFailed(first));
        assert!(matches!(effect, Effect::Call { step: 1, .. }), "{}", show(&effect));
        assert_eq!(turn.model().id, "gpt-6.2-sol");
        let effect = turn.handle(Event::CallFailed(overloaded()));
        assert_eq!(
            show(&effect),
            "END provider_error after 0 steps: the model service is overloaded"
        );
    }
}

#[test]
fn what_no_other_model_mends_ends_at_once() {
    for (error, end) in [
        (LlmError::ContextTooLong, "END limit_cost after 0 steps"),
        (LlmError::Refused { message: "no".to_owned() }, "END provider_error after 0 steps"),
    ] {
        let mut turn = Turn::new(&with_fallback(), 0);
        turn.handle(Event::Started);
        let effect = show(&turn.handle(Event::CallFailed(error)));
        assert!(effect.starts_with(end), "{effect}");
    }
}

#[test]
fn a_service_that_is_left_alone_is_waited_for() {
    let effect = Turn::new(&assignment(), 0).handle(Event::CallFailed(away(Provider::Anthropic)));
    assert_eq!(show(&effect), "wait 7s for anthropic");
    let mut turn = Turn::new(&with_fallback(), 0);
    turn.handle(Event::CallFailed(overloaded()));
    let effect = turn.handle(Event::CallFailed(away(Provider::OpenAi)));
    assert_eq!(show(&effect), "wait 7s for openai");
}

#[test]
fn each_step_is_paid_at_the_prices_of_the_model_that_answered() {
    let usage = Usage { input: 1000, cached: 2000, cache_write: 3000, output: 4000 };
    let (first, then) = (model("claude-sonnet-5-5"), model("gpt-6-astra"));
    let mut turn = Turn::new(&Assignment { fallback: Some(then.clone()), ..assignment() }, 0);
    turn.handle(Event::Started);
    let read = Reply { usage, ..reads("a") };
    turn.handle(Event::Replied(read.clone()));
    turn.handle(Event::ToolsRan(results(&read, "x", 1)));
    turn.handle(Event::CallFailed(overloaded()));
    turn.handle(Event::Replied(read));
    let end = turn.handle(Event::CallFailed(overloaded()));
    let Effect::End(outcome) = end else { panic!("the end") };
    assert_eq!(outcome.cost, NanoUsd(first.prices.cost(usage).0 + then.prices.cost(usage).0));
    assert_eq!(outcome.fell_back_to.as_deref(), Some("gpt-6-astra"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// A machine that is led to where the stored steps end is the machine that was there, whenever the
    /// other model came in; and what it is asked with is well formed.
    #[test]
    fn going_on_after_a_fallback_is_as_if_nothing_had_happened(
        steps in prop::collection::vec(step(), 0..20),
        fails_before in 0_usize..20,
    ) {
        let fallback = Model { id: "other".to_owned(), ..free().model };
        let assignment = Assignment { fallback: Some(fallback), ..free() };
        let mut live = Turn::new(&assignment, 3000);
        let mut effect = live.handle(Event::Started);
        let mut stored = Vec::new();
        for (number, (reply, results)) in steps.into_iter().enumerate() {
            if !matches!(effect, Effect::Call { .. }) {
                break;
            }
            if number == fails_before {
                live.handle(Event::CallFailed(overloaded()));
                check_form(live.messages());
                let raws = live.messages().iter().filter_map(|m| match m {
                    Message::Assistant(reply) => Some(&reply.raw),
                    Message::User(_) => None,
                });
                prop_assert!(raws.into_iter().all(Value::is_null));
            }
            let model = Some(live.model().id.clone());
            live.handle(Event::Replied(reply.clone()));
            effect = live.handle(Event::ToolsRan(results.clone()));
            stored.push(StoredStep { model, reply, results: Some(results) });
        }
        let stored: Vec<StoredStep> =
            serde_json::from_str(&serde_json::to_string(&stored).unwrap()).unwrap();
        let mut again = Turn::new(&assignment, 3000);
        let mut last = again.handle(Event::Started);
        for step in stored {
            if again.would_fall_back_to(step.model.as_deref()) {
                again.handle(Event::FellBack);
            }
            again.handle(Event::Replied(step.reply));
            last = again.handle(Event::ToolsRan(step.results.unwrap()));
        }
        prop_assert_eq!(format!("{again:?}"), format!("{live:?}"));
        prop_assert_eq!(last, effect);
    }
}

/// The second call fails for good; whatever is stopped and taken up again, it ends the same.
#[tokio::test]
async fn a_run_that_fell_back_goes_on_from_wherever_it_stopped() {
    let script = |from: usize, fails: bool| {
        let script = Script::new(story().split_off(from));
        if fails {
            let at = usize::from(from == 0);
            script.replies.lock().unwrap().insert(at, Err(overloaded()));
        }
        script
    };
    let plain = stage().run(&with_fallback(), &script(0, true), &Memory::default()).await.unwrap();
    assert_eq!(plain.fell_back_to.as_deref(), Some("gpt-6.2-sol"));
    assert_eq!(plain.end.as_str(), "done");
    for stop_at in ["calling 2", "replied 2", "ran 2", "calling 3", "replied 3", "ran 3", "ran 4"] {
        let stopped = asynccoder::agent::Stopped::LeaseLost;
        let journal = Memory { stop_at: Some((stop_at, stopped)), ..Memory::default() };
        let first = stage();
        first.run(&with_fallback(), &script(0, true), &journal).await.unwrap_err();
        let already = journal.steps.into_inner().unwrap();
        let fell_back = already.iter().any(|step| step.model.as_deref() == Some("gpt-6.2-sol"));
        let left = script(already.len(), !fell_back);
        let second = if stop_at == "ran 2" { stage() } else { first };
        let journal = Memory::default();
        *journal.steps.lock().unwrap() = already.clone();
        let outcome =
            second.run(&Assignment { already, ..with_fallback() }, &left, &journal).await.unwrap();
        assert_eq!(outcome, plain, "stopped at {stop_at}");
    }
}

/// What a service is asked, whatever it would answer.
async fn request(model: &Model, messages: &[Message]) -> Value {
    let asked: Arc<Mutex<Option<Value>>> = Arc::default();
    let take = async |State(asked): State<Arc<Mutex<Option<Value>>>>, body: axum::body::Bytes| {
        *asked.lock().unwrap() = serde_json::from_slice(&body).unwrap();
        axum::http::StatusCode::BAD_REQUEST
    };
    let router = axum::Router::new().fallback(take).with_state(Arc::clone(&asked));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let endpoint = Endpoint { provider: model.provider, base_url, key: "key".into() };
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let prompt =
        Prompt { model, system: &[], tools: &[], messages, max_output: 2000, patience: LONG };
    Providers::new(http, vec![endpoint]).call(&prompt).await.unwrap_err();
    let mut body = asked.lock().unwrap().take().expect("it was asked");
    for name in ["messages", "contents", "input"] {
        if let Some(said) = body.get_mut(name) {
            return said.take();
        }
    }
    body
}

/// Two calls with odd names, one of them unreadable; an answer of thoughts only; and words.
fn told() -> Turn {
    let odd = |id: &str, arguments| Block::ToolCall {
        id: id.to_owned(),
        name: "read_file".to_owned(),
        arguments,
    };
    let answers = [
        reply(
            vec![
                Block::Opaque(json!({"secret": "signed"})),
                Block::Text("I look. ".to_owned()),
                odd("fc|1/ä", Ok(json!({"path": "a"}))),
                odd("fc|1/ä", Err("{\"path\": ".to_owned())),
            ],
            Stop::ToolUse,
        ),
        reply(vec![Block::Opaque(json!({"secret": "signed"}))], Stop::EndTurn),
        says("Hm."),
    ];
    let mut turn = Turn::new(&with_fallback(), 0);
    turn.handle(Event::Started);
    for answer in answers {
        turn.handle(Event::Replied(answer.clone()));
        turn.handle(Event::ToolsRan(StepResults { active_ms: 1, ..results(&answer, "x", 0) }));
    }
    turn.handle(Event::CallFailed(overloaded()));
    turn
}

async fn another_is_told(model: Model, expect: Expect) {
    let said = request(&model, &told().messages()[1..]).await;
    let said: Vec<_> =
        said.as_array().unwrap().iter().map(|message| format!("{message}\n")).collect();
    let said = said.concat();
    assert!(!said.contains("signed") && !said.contains('ä'), "{said}");
    expect.assert_eq(&said.replace("You called no tool, so nothing happened. Go on with a tool, or call finish if the work is complete.", "…"));
}

#[tokio::test]
async fn each_service_is_told_what_another_model_said() {
    another_is_told(model("claude-opus-5-5"), expect![[r#"
        {"role":"assistant","content":[{"type":"text","text":"I look."},{"type":"tool_use","id":"call_1_0","name":"read_file","input":{"path":"a"}},{"type":"tool_use","id":"call_1_1","name":"read_file","input":{}}]}
        {"role":"user","content":[{"type":"tool_result","tool_use_id":"call_1_0","content":"x","is_error":false},{"type":"tool_result","tool_use_id":"call_1_1","content":"x","is_error":false}]}
        {"role":"assistant","content":[{"type":"text","text":"(no answer)"}]}
        {"role":"user","content":[{"type":"text","text":"…","cache_control":{"type":"ephemeral"}}]}
        {"role":"assistant","content":[{"type":"text","text":"Hm."}]}
        {"role":"user","content":[{"type":"text","text":"…","cache_control":{"type":"ephemeral"}}]}
    "#]]).await;
    another_is_told(model("gpt-6.2-sol"), expect![[r#"
        {"role":"assistant","content":"I look."}
        {"type":"function_call","call_id":"call_1_0","name":"read_file","arguments":"{\"path\":\"a\"}"}
        {"type":"function_call","call_id":"call_1_1","name":"read_file","arguments":"{}"}
        {"type":"function_call_output","call_id":"call_1_0","output":"x"}
        {"type":"function_call_output","call_id":"call_1_1","output":"x"}
        {"role":"assistant","content":"(no answer)"}
        {"role":"user","content":"…"}
        {"role":"assistant","content":"Hm."}
        {"role":"user","content":"…"}
    "#]]).await;
    let chat = Model { api: Api::Chat, ..model("gpt-6.2-sol") };
    another_is_told(chat, expect![[r#"
        {"role":"system","content":""}
        {"role":"assistant","content":"I look.","tool_calls":[{"type":"function","id":"call_1_0","function":{"name":"read_file","arguments":"{\"path\":\"a\"}"}},{"type":"function","id":"call_1_1","function":{"name":"read_file","arguments":"{}"}}]}
        {"role":"tool","tool_call_id":"call_1_0","content":"x"}
        {"role":"tool","tool_call_id":"call_1_1","content":"x"}
        {"role":"assistant","content":"(no answer)"}
        {"role":"user","content":"…"}
        {"role":"assistant","content":"Hm."}
        {"role":"user","content":"…"}
    "#]]).await;
    another_is_told(model("gemini-4-argon"), expect![[r#"
        {"role":"model","parts":[{"text":"I look."},{"functionCall":{"id":"call_1_0","name":"read_file","args":{"path":"a"}},"thoughtSignature":"skip_thought_signature_validator"},{"functionCall":{"id":"call_1_1","name":"read_file","args":{}}}]}
        {"role":"user","parts":[{"functionResponse":{"name":"read_file","response":{"result":"x"},"id":"call_1_0"}},{"functionResponse":{"name":"read_file","response":{"result":"x"},"id":"call_1_1"}}]}
        {"role":"model","parts":[{"text":"(no answer)"}]}
        {"role":"user","parts":[{"text":"…"}]}
        {"role":"model","parts":[{"text":"Hm."}]}
        {"role":"user","parts":[{"text":"…"}]}
    "#]]).await;
}

/// A service that fails while it is told to, and counts how often it is asked.
#[derive(Clone, Default)]
struct Flaky {
    failures: Arc<AtomicU32>,
    asked: Arc<AtomicU32>,
}

#[async_trait]
impl Llm for Flaky {
    async fn call(&self, _: &Prompt<'_>) -> Result<Reply, LlmError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let left =
            self.failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
        if left.is_ok() { Err(overloaded()) } else { Ok(says("hm")) }
    }
}

const LONG: Duration = Duration::from_hours(1);
const SHORT: Duration = Duration::from_secs(2);

async fn ask(llm: &impl Llm, model: &Model) -> &'static str {
    let prompt =
        Prompt { model, system: &[], tools: &[], messages: &[], max_output: 2000, patience: LONG };
    match llm.call(&prompt).await {
        Ok(_) => "answered",
        Err(LlmError::Away { .. }) => "away",
        Err(_) => "failed",
    }
}

#[tokio::test]
async fn a_service_is_left_alone_after_failures_in_a_row() {
    let (service, breaker) = (Flaky::default(), Breaker::new(3, LONG));
    let llm = Guarded::new(service.clone(), breaker.clone());
    let (claude, gpt) = (model("claude-sonnet-5-5"), model("gpt-6.2-sol"));
    let mut told = Vec::new();
    for failures in [2, 3] {
        service.failures.store(failures, Ordering::SeqCst);
        for _ in 0..4 {
            told.push(ask(&llm, &claude).await);
        }
    }
    // Two failures are forgiven by an answer; the third in a row is not.
    assert_eq!(
        told,
        ["failed", "failed", "answered", "answered", "failed", "failed", "failed", "away"]
    );
    assert_eq!(service.asked.load(Ordering::SeqCst), 7, "nothing is sent while it is left alone");
    assert_eq!(ask(&llm, &gpt).await, "answered");
    assert!(!breaker.works(Provider::Anthropic) && breaker.works(Provider::OpenAi));
}

/// A service that says nothing to the first of so many calls.
struct Silent(AtomicU32);

#[async_trait]
impl Llm for Silent {
    async fn call(&self, _: &Prompt<'_>) -> Result<Reply, LlmError> {
        let left = self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
        if left.is_ok() { std::future::pending().await } else { Ok(says("hm")) }
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_without_an_answer_is_a_failure_that_is_made_good() {
    let breaker = Breaker::new(2, LONG * 10);
    let claude = model("claude-sonnet-5-5");
    for (silent, told, works) in [(1, "answered", true), (2, "failed", false)] {
        let guarded = Guarded::new(Silent(silent.into()), breaker.clone());
        let llm = Retrying::new(guarded, RetryPolicy { tries: 2, ..RetryPolicy::default() });
        assert_eq!(ask(&llm, &claude).await, told);
        assert_eq!(breaker.works(Provider::Anthropic), works, "{silent}");
    }
}

#[tokio::test]
async fn one_call_at_a_time_tries_whether_it_works_again() {
    let (service, breaker) = (Flaky::default(), Breaker::new(1, SHORT));
    service.failures.store(2, Ordering::SeqCst);
    let llm = Guarded::new(service.clone(), breaker.clone());
    let claude = model("claude-sonnet-5-5");
    let mut told = vec![ask(&llm, &claude).await];
    for _ in 0..2 {
        while breaker.left_alone(Provider::Anthropic).is_some() {
            tokio::task::yield_now().await;
        }
        let (first, second) = tokio::join!(ask(&llm, &claude), ask(&llm, &claude));
        told.extend([first, second]);
    }
    assert_eq!(told[..3], ["failed", "failed", "away"]);
    assert_eq!(told[3], "answered");
    assert!(breaker.works(Provider::Anthropic));
    tokio::time::timeout(LONG, breaker.works_again()).await.expect("whoever waits is told");
}

#[tokio::test]
async fn whoever_asks_again_stops_when_the_service_is_left_alone() {
    let service = Flaky::default();
    service.failures.store(1000, Ordering::SeqCst);
    let guarded = Guarded::new(service.clone(), Breaker::new(3, LONG));
    let quick = Duration::from_millis(1);
    let policy = RetryPolicy { first_wait: quick, longest_wait: quick, ..RetryPolicy::default() };
    let llm = Retrying::new(guarded, policy);
    assert_eq!(ask(&llm, &model("claude-sonnet-5-5")).await, "away");
    assert_eq!(service.asked.load(Ordering::SeqCst), 3);
}

/// A long conversation is no reason to give up on the other model.
#[test]
fn notes_can_be_written_by_the_other_model() {
    let fallback = Some(Model { id: "other".to_owned(), ..free().model });
    let mut turn = Turn::new(&Assignment { fallback, ..free() }, 0);
    turn.handle(Event::Started);
    let reply = long("a");
    turn.handle(Event::Replied(reply.clone()));
    turn.handle(Event::ToolsRan(results(&reply, "x", 1)));
    turn.handle(Event::CallFailed(overloaded()));
    let asked = turn.messages().last().unwrap();
    let Message::User(parts) = asked else { panic!("we speak last") };
    assert!(
        matches!(parts.last(), Some(UserPart::Text { text, .. }) if text.contains("too long to go on with"))
    );
    turn.handle(Event::Replied(says("notes")));
    turn.handle(Event::ToolsRan(StepResults::default()));
    assert_eq!(turn.messages().len(), 1);
}
