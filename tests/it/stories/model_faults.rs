//! Whatever goes wrong with a model or on the way to it, on any wire: a named end, a fair bill, and a
//! sentence that says what happened.

use crate::world::{BOT, Plan, World, repo, tell};
use asynccoder::domain::credit::Credits;
use asynccoder::simulator::{At, Failure, Script, Spoiled, Usage};
use expect_test::{Expect, expect};
use serde_json::json;
use std::time::Duration;

/// One thing that goes wrong: in the script, or with the first answer on its way.
struct Case {
    name: &'static str,
    script: Script,
    spoiled: Option<Spoiled>,
    /// Whether it ends on every wire as if nothing had happened.
    passes: bool,
}

/// How a case ends that passes.
const PASSED: &str = "done · It is in `src/discount.rs`. [1 credit]";

impl Case {
    /// After the trouble the question is answered. It needs no push, which is another wall.
    fn passes(name: &'static str, trouble: Script) -> Self {
        let answer = repo::finish(json!({ "summary": "It is in `src/discount.rs`." }));
        Self { name, script: trouble.calls(vec![answer]), spoiled: None, passes: true }
    }

    /// The first answer does not arrive as it was.
    fn spoils(name: &'static str, spoiled: Spoiled) -> Self {
        Self { spoiled: Some(spoiled), ..Self::passes(name, fresh()) }
    }

    /// It has an end of its own.
    fn ends(name: &'static str, script: Script) -> Self {
        Self { name, script, spoiled: None, passes: false }
    }

    /// The service never answers.
    fn never(name: &'static str, failure: Failure) -> Self {
        Self::ends(name, fresh().fails(100, failure).says("-"))
    }
}

fn fresh() -> Script {
    Script::new("a case")
}

fn cases() -> Vec<Case> {
    let read = |path| ("read_file", json!({ "path": path }));
    let reads = || fresh().calls(vec![read(json!("README.md"))]);
    let twice = vec![read(json!("README.md")), read(json!("Cargo.toml"))];
    let no_wait = Failure::new(429, "rate_limit_error", "Too many requests.");
    let absurd = Usage { output: 9_000_000_000_000, ..Usage::default() };
    let wrong_key = Failure::new(401, "authentication_error", "invalid x-api-key");
    vec![
        Case::spoils("a reset in the middle", Spoiled::Broken),
        Case::spoils("JSON that is cut", Spoiled::Cut),
        Case::spoils("a gateway's page", Spoiled::Page),
        Case::spoils("a stall", Spoiled::Stalled),
        Case::passes("429 with a wait", fresh().fails(2, Failure::rate_limited(0))),
        Case::passes("429 without one", fresh().fails(2, no_wait)),
        Case::passes("overloaded twice", fresh().fails(2, Failure::overloaded())),
        Case::passes("unwell twice", fresh().fails(2, Failure::unwell())),
        Case::passes("an unknown tool", fresh().calls(vec![("make_coffee", json!({}))])),
        Case::passes("wrong types", fresh().calls(vec![read(json!(7))])),
        Case::passes("an answer that is cut", fresh().cut("I was about to")),
        Case::passes("no usage", reads().without_usage()),
        Case::ends("absurd usage", reads().with_usage(absurd)),
        Case::ends("empty answers", fresh().says("")),
        Case::ends("broken arguments", fresh().calls(vec![("read_file", json!("{\"path\":"))])),
        Case::ends("doubled ids", fresh().calls(twice).with_doubled_ids()),
        Case::ends("a refusal", fresh().refuses()),
        Case::ends("nonsense", fresh().raw(json!({ "id": 7, "content": "yes" }))),
        Case::never("429 for an hour", Failure::rate_limited(3600)),
        Case::never("overloaded for ever", Failure::overloaded()),
        Case::never("unwell for ever", Failure::unwell()),
        Case::never("an empty account", Failure::out_of_money()),
        Case::never("a wrong key", wrong_key),
    ]
}

#[tokio::test]
async fn on_anthropics_wire() {
    told("sonnet", expect![[r#"
        absurd usage: failed · I stopped because the 20 credits held for this task do not cover the next step. [20 credits]
        empty answers: failed · I stopped because I was going round in circles. (the model answered three times without doing anything) [1 credit]
        broken arguments: failed · The model service did not answer usefully. You pay nothing for this task. (the model service refused the request: status 400, invalid_request_error) [0 credits]
        doubled ids: failed · The model service did not answer usefully. You pay nothing for this task. (the model service refused the request: status 400, invalid_request_error) [0 credits]
        a refusal: failed · The model service did not answer usefully. You pay nothing for this task. (the model service declined to answer) [0 credits]
        nonsense: failed · The model service did not answer usefully. You pay nothing for this task. (the model service's answer makes no sense: its content is not a list) [0 credits]
        429 for an hour: failed · The model service did not answer usefully. You pay nothing for this task. (the model service failed: status 429, rate_limit_error) [0 credits]
        overloaded for ever: failed · The model service did not answer usefully. You pay nothing for this task. (the model service is overloaded) [0 credits]
        unwell for ever: failed · The model service did not answer usefully. You pay nothing for this task. (the model service failed: status 500, api_error) [0 credits]
        an empty account: failed · The model service did not answer usefully. You pay nothing for this task. (the model service's account is out of budget: status 402, billing_error) [0 credits]
        a wrong key: failed · The model service did not answer usefully. You pay nothing for this task. (the model service does not accept the key: status 401, authentication_error) [0 credits]
    "#]]).await;
}

#[tokio::test]
async fn on_openais_wire() {
    told("gpt", expect![[r#"
        absurd usage: failed · I stopped because the 20 credits held for this task do not cover the next step. [20 credits]
        empty answers: failed · I stopped because I was going round in circles. (the model answered three times without doing anything) [1 credit]
        broken arguments: failed · The model did not keep to the protocol. You pay nothing for this task. (the model sent tool calls that cannot be read, three times in a row) [0 credits]
        doubled ids: failed · The model service did not answer usefully. You pay nothing for this task. (the model service refused the request: status 400, invalid_request_error) [0 credits]
        a refusal: failed · The model service did not answer usefully. You pay nothing for this task. (the model service declined to answer) [0 credits]
        nonsense: failed · The model service did not answer usefully. You pay nothing for this task. (the model service's answer makes no sense: its output is not a list) [0 credits]
        429 for an hour: failed · The model service did not answer usefully. You pay nothing for this task. (the model service failed: status 429, rate_limit_exceeded) [0 credits]
        overloaded for ever: failed · The model service did not answer usefully. You pay nothing for this task. (the model service is overloaded) [0 credits]
        unwell for ever: failed · The model service did not answer usefully. You pay nothing for this task. (the model service failed: status 500, server_error) [0 credits]
        an empty account: failed · The model service did not answer usefully. You pay nothing for this task. (the model service's account is out of budget: status 429, insufficient_quota) [0 credits]
        a wrong key: failed · The model service did not answer usefully. You pay nothing for this task. (the model service does not accept the key: status 401, invalid_api_key) [0 credits]
    "#]]).await;
}

#[tokio::test]
async fn on_geminis_wire() {
    told("gemini", expect![[r#"
        absurd usage: failed · I stopped because the 20 credits held for this task do not cover the next step. [20 credits]
        empty answers: failed · I stopped because I was going round in circles. (the model answered three times without doing anything) [1 credit]
        broken arguments: failed · I stopped because I was going round in circles. (the model answered three times without doing anything) [1 credit]
        doubled ids: failed · I stopped because I was going round in circles. (the model repeated itself without getting on) [2 credits]
        a refusal: failed · The model service did not answer usefully. You pay nothing for this task. (the model service declined to answer) [0 credits]
        nonsense: failed · The model service did not answer usefully. You pay nothing for this task. (the model service's answer makes no sense: it has no candidate) [0 credits]
        429 for an hour: failed · The model service did not answer usefully. You pay nothing for this task. (the model service failed: status 429, RESOURCE_EXHAUSTED) [0 credits]
        overloaded for ever: failed · The model service did not answer usefully. You pay nothing for this task. (the model service is overloaded) [0 credits]
        unwell for ever: failed · The model service did not answer usefully. You pay nothing for this task. (the model service failed: status 500, INTERNAL) [0 credits]
        an empty account: failed · The model service did not answer usefully. You pay nothing for this task. (the model service's account is out of budget: status 429, RESOURCE_EXHAUSTED) [0 credits]
        a wrong key: failed · The model service did not answer usefully. You pay nothing for this task. (the model service does not accept the key: status 400, INVALID_ARGUMENT) [0 credits]
    "#]]).await;
}

#[tokio::test]
async fn on_a_compatible_servers_wire() {
    told("qwen", expect![[r#"
        absurd usage: failed · I stopped because the 20 credits held for this task do not cover the next step. [20 credits]
        empty answers: failed · I stopped because I was going round in circles. (the model answered three times without doing anything) [1 credit]
        broken arguments: failed · The model did not keep to the protocol. You pay nothing for this task. (the model sent tool calls that cannot be read, three times in a row) [0 credits]
        doubled ids: failed · The model service did not answer usefully. You pay nothing for this task. (the model service refused the request: status 400, invalid_request_error) [0 credits]
        a refusal: failed · The model service did not answer usefully. You pay nothing for this task. (the model service declined to answer) [0 credits]
        nonsense: failed · The model service did not answer usefully. You pay nothing for this task. (the model service's answer makes no sense: it has no message) [0 credits]
        429 for an hour: failed · The model service did not answer usefully. You pay nothing for this task. (the model service failed: status 429, rate_limit_exceeded) [0 credits]
        overloaded for ever: failed · The model service did not answer usefully. You pay nothing for this task. (the model service is overloaded) [0 credits]
        unwell for ever: failed · The model service did not answer usefully. You pay nothing for this task. (the model service failed: status 500, server_error) [0 credits]
        an empty account: failed · The model service did not answer usefully. You pay nothing for this task. (the model service's account is out of budget: status 429, insufficient_quota) [0 credits]
        a wrong key: failed · The model service did not answer usefully. You pay nothing for this task. (the model service does not accept the key: status 401, invalid_api_key) [0 credits]
    "#]]).await;
}

/// How each case ends with this model.
async fn told(model: &str, expected: Expect) {
    let plan = Plan::default()
        .with_every_provider()
        .models(super::kinds_and_models::QWEN)
        .with("DAILY_CREDITS_PER_PERSON", "1000")
        .timing(|timing| {
            timing.model_patience = Duration::from_secs(2);
            // Each case is told as if it were the first one.
            timing.failures_to_open = u32::MAX;
        });
    tell(plan, async |world: &mut World| {
        // What the model garbles is refused when it comes back, where calls are known by their ids.
        if model != "gemini" {
            world.expects_refusals();
        }
        world.alice.comments(&world.issue, "/asynccoder ping");
        world.settle().await;
        let store = world.app().store();
        let acme = store.account_by_login("acme").await.unwrap().unwrap();
        store.grant(acme, Credits(1000), "for every case").await.unwrap();
        let mut told = String::new();
        for Case { name, script, spoiled, passes } in cases() {
            world.model(script.when(name));
            let issue = world.carol.quietly().opens(name, "");
            if let Some(spoiled) = &spoiled {
                world.simulator.faults().spoil(At::models(), 1, spoiled.clone());
            }
            world.alice.comments(&issue, &format!("/asynccoder ask budget=20 model={model}"));
            world.settle().await;
            world.story();
            let comments = world.simulator.comments(&issue.repository, issue.number);
            let status = comments.iter().rev().find(|comment| comment.author == BOT).unwrap();
            let line = in_a_line(&status.body);
            if passes {
                assert_eq!(line, PASSED, "{name}");
            } else {
                told.push_str(&format!("{name}: {line}\n"));
            }
        }
        assert_eq!(world.simulator.faults().left(), 0, "every fault was met");
        expected.assert_eq(&told);
    })
    .await;
}

/// State, fact, detail and what was paid.
fn in_a_line(body: &str) -> String {
    let parts: Vec<&str> = body.split("\n\n").collect();
    let state = parts[0].rsplit(" · ").next().unwrap();
    let fact = parts[1].split(" #").next().unwrap();
    let detail = Some(parts[2]).filter(|part| state == "failed" && !part.starts_with("Receipt"));
    let detail = detail.map(|part| format!(" ({})", part.split(", req_").next().unwrap()));
    let receipt = parts.iter().find(|part| part.starts_with("Receipt: ")).unwrap();
    let paid = receipt.rsplit(" · ").next().unwrap();
    format!("{state} · {fact}{} [{paid}]", detail.unwrap_or_default())
}
