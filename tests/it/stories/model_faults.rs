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
}

/// What follows where the trouble passes. A question needs no push, which is another wall.
fn then_answers(script: Script) -> Script {
    script.calls(vec![repo::finish(json!({ "summary": "It is in `src/discount.rs`." }))])
}

fn cases() -> Vec<Case> {
    let fresh = || Script::new("a case");
    let never = |failure| fresh().fails(100, failure).says("-");
    let spoils =
        |name, spoiled| Case { name, script: then_answers(fresh()), spoiled: Some(spoiled) };
    let scripts = |name, script| Case { name, script, spoiled: None };
    let read = |path| ("read_file", json!({ "path": path }));
    let no_wait = Failure::new(429, "rate_limit_error", "Too many requests.");
    let absurd = Usage { output: 9_000_000_000_000, ..Usage::default() };
    vec![
        spoils("a reset in the middle", Spoiled::Broken),
        spoils("JSON that is cut", Spoiled::Cut),
        spoils("a gateway's page", Spoiled::Page),
        spoils("a stall", Spoiled::Stalled),
        scripts("429 with a wait", then_answers(fresh().fails(2, Failure::rate_limited(0)))),
        scripts("429 without one", then_answers(fresh().fails(2, no_wait))),
        scripts("overloaded twice", then_answers(fresh().fails(2, Failure::overloaded()))),
        scripts("unwell twice", then_answers(fresh().fails(2, Failure::unwell()))),
        scripts("an unknown tool", then_answers(fresh().calls(vec![("make_coffee", json!({}))]))),
        scripts("wrong types", then_answers(fresh().calls(vec![read(json!(7))]))),
        scripts("an answer that is cut", then_answers(fresh().cut("I was about to"))),
        scripts(
            "no usage",
            then_answers(fresh().calls(vec![read(json!("README.md"))]).without_usage()),
        ),
        scripts(
            "absurd usage",
            then_answers(fresh().calls(vec![read(json!("README.md"))]).with_usage(absurd)),
        ),
        scripts("empty answers", fresh().says("")),
        scripts("broken arguments", fresh().calls(vec![("read_file", json!("{\"path\":"))])),
        scripts(
            "doubled ids",
            fresh()
                .calls(vec![read(json!("README.md")), read(json!("Cargo.toml"))])
                .with_doubled_ids(),
        ),
        scripts("a refusal", fresh().refuses()),
        scripts("nonsense", fresh().raw(json!({ "id": 7, "content": "yes" }))),
        scripts("429 for an hour", never(Failure::rate_limited(3600))),
        scripts("overloaded for ever", never(Failure::overloaded())),
        scripts("unwell for ever", never(Failure::unwell())),
        scripts("an empty account", never(Failure::out_of_money())),
        scripts(
            "a wrong key",
            never(Failure::new(401, "authentication_error", "invalid x-api-key")),
        ),
    ]
}

#[tokio::test]
async fn on_anthropics_wire() {
    told("sonnet", expect![[r#"
        a reset in the middle: done · It is in `src/discount.rs`. [1 credit]
        JSON that is cut: done · It is in `src/discount.rs`. [1 credit]
        a gateway's page: done · It is in `src/discount.rs`. [1 credit]
        a stall: done · It is in `src/discount.rs`. [1 credit]
        429 with a wait: done · It is in `src/discount.rs`. [1 credit]
        429 without one: done · It is in `src/discount.rs`. [1 credit]
        overloaded twice: done · It is in `src/discount.rs`. [1 credit]
        unwell twice: done · It is in `src/discount.rs`. [1 credit]
        an unknown tool: done · It is in `src/discount.rs`. [1 credit]
        wrong types: done · It is in `src/discount.rs`. [1 credit]
        an answer that is cut: done · It is in `src/discount.rs`. [1 credit]
        no usage: done · It is in `src/discount.rs`. [1 credit]
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
        a reset in the middle: done · It is in `src/discount.rs`. [1 credit]
        JSON that is cut: done · It is in `src/discount.rs`. [1 credit]
        a gateway's page: done · It is in `src/discount.rs`. [1 credit]
        a stall: done · It is in `src/discount.rs`. [1 credit]
        429 with a wait: done · It is in `src/discount.rs`. [1 credit]
        429 without one: done · It is in `src/discount.rs`. [1 credit]
        overloaded twice: done · It is in `src/discount.rs`. [1 credit]
        unwell twice: done · It is in `src/discount.rs`. [1 credit]
        an unknown tool: done · It is in `src/discount.rs`. [1 credit]
        wrong types: done · It is in `src/discount.rs`. [1 credit]
        an answer that is cut: done · It is in `src/discount.rs`. [1 credit]
        no usage: done · It is in `src/discount.rs`. [1 credit]
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
        a reset in the middle: done · It is in `src/discount.rs`. [1 credit]
        JSON that is cut: done · It is in `src/discount.rs`. [1 credit]
        a gateway's page: done · It is in `src/discount.rs`. [1 credit]
        a stall: done · It is in `src/discount.rs`. [1 credit]
        429 with a wait: done · It is in `src/discount.rs`. [1 credit]
        429 without one: done · It is in `src/discount.rs`. [1 credit]
        overloaded twice: done · It is in `src/discount.rs`. [1 credit]
        unwell twice: done · It is in `src/discount.rs`. [1 credit]
        an unknown tool: done · It is in `src/discount.rs`. [1 credit]
        wrong types: done · It is in `src/discount.rs`. [1 credit]
        an answer that is cut: done · It is in `src/discount.rs`. [1 credit]
        no usage: done · It is in `src/discount.rs`. [1 credit]
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
        a reset in the middle: done · It is in `src/discount.rs`. [1 credit]
        JSON that is cut: done · It is in `src/discount.rs`. [1 credit]
        a gateway's page: done · It is in `src/discount.rs`. [1 credit]
        a stall: done · It is in `src/discount.rs`. [1 credit]
        429 with a wait: done · It is in `src/discount.rs`. [1 credit]
        429 without one: done · It is in `src/discount.rs`. [1 credit]
        overloaded twice: done · It is in `src/discount.rs`. [1 credit]
        unwell twice: done · It is in `src/discount.rs`. [1 credit]
        an unknown tool: done · It is in `src/discount.rs`. [1 credit]
        wrong types: done · It is in `src/discount.rs`. [1 credit]
        an answer that is cut: done · It is in `src/discount.rs`. [1 credit]
        no usage: done · It is in `src/discount.rs`. [1 credit]
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
        let mut asked = Vec::new();
        for Case { name, script, spoiled } in cases() {
            world.model(script.when(name));
            let issue = world.carol.quietly().opens(name, "");
            if let Some(spoiled) = &spoiled {
                world.simulator.faults().spoil(At::models(), 1, spoiled.clone());
            }
            world.alice.comments(&issue, &format!("/asynccoder ask budget=20 model={model}"));
            world.settle().await;
            asked.push((name, issue));
        }
        world.story();
        let told = asked.iter().map(|(name, issue)| {
            let comments = world.simulator.comments(&issue.repository, issue.number);
            let status = comments.iter().rev().find(|comment| comment.author == BOT).unwrap();
            format!("{name}: {}\n", in_a_line(&status.body))
        });
        expected.assert_eq(&told.collect::<String>());
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
