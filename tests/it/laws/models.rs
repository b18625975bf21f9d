//! Models: what goes over the wire, what comes back, and what is asked again.

use asynccoder::domain::catalog::{Catalog, Model, Provider};
use asynccoder::llm::retry::{RetryPolicy, Retrying};
use asynccoder::llm::{
    Block, Endpoint, Llm, LlmError, Message, Prompt, Providers, Reply, Segment, Stop, ToolSpec,
    UserPart,
};
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use expect_test::{Expect, expect};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_mins(10);

/// A model service that answers what it was given and remembers what it was asked.
#[derive(Clone, Default)]
struct Service {
    answers: Arc<Mutex<VecDeque<Answer>>>,
    requests: Arc<Mutex<Vec<(HeaderMap, Bytes)>>>,
}

#[derive(Clone)]
struct Answer {
    status: u16,
    headers: Vec<(&'static str, &'static str)>,
    body: String,
}

impl Service {
    async fn start(answers: impl IntoIterator<Item = Answer>) -> (Self, Providers) {
        let service = Self::default();
        service.answers.lock().unwrap().extend(answers);
        let router = axum::Router::new()
            .route("/v1/messages", axum::routing::post(answer))
            .with_state(service.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let endpoint =
            Endpoint { provider: Provider::Anthropic, base_url, key: "canary-key".into() };
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        (service, Providers::new(http, vec![endpoint]))
    }

    /// The same for a model of another provider.
    async fn other(
        id: &str,
        answers: impl IntoIterator<Item = Answer>,
    ) -> (Self, Providers, Model) {
        let model = Catalog::embedded().unwrap().by_id(id).unwrap().clone();
        let service = Self::default();
        service.answers.lock().unwrap().extend(answers);
        let router = axum::Router::new().fallback(answer).with_state(service.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let endpoint = Endpoint { provider: model.provider, base_url, key: "canary-key".into() };
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        (service, Providers::new(http, vec![endpoint]), model)
    }

    fn bodies(&self) -> Vec<Value> {
        let requests = self.requests.lock().unwrap();
        requests.iter().map(|(_, body)| serde_json::from_slice(body).unwrap()).collect()
    }
}

async fn answer(
    State(service): State<Service>,
    headers: HeaderMap,
    body: Bytes,
) -> impl IntoResponse {
    service.requests.lock().unwrap().push((headers, body));
    let answer = service.answers.lock().unwrap().pop_front().expect("an answer is prepared");
    let mut headers = HeaderMap::new();
    for (name, value) in answer.headers {
        headers.insert(name, value.parse().unwrap());
    }
    (StatusCode::from_u16(answer.status).unwrap(), headers, answer.body)
}

fn ok(body: &Value) -> Answer {
    Answer { status: 200, headers: vec![("request-id", "req_1")], body: body.to_string() }
}

fn error(status: u16, kind: &str, message: &str) -> Answer {
    let error = json!({"type": "error", "error": {"type": kind, "message": message}});
    Answer { status, headers: vec![("request-id", "req_9")], body: error.to_string() }
}

fn says(text: &str) -> Value {
    json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-5-5",
        "content": [{"type": "text", "text": text}],
        "stop_reason": "end_turn", "stop_sequence": null,
        "usage": {"input_tokens": 12, "cache_creation_input_tokens": 100,
                  "cache_read_input_tokens": 2000, "output_tokens": 34}
    })
}

fn model() -> Model {
    Catalog::embedded().unwrap().by_id("claude-sonnet-5-5").unwrap().clone()
}

fn text(text: &str, cache_breakpoint: bool) -> UserPart {
    UserPart::Text { text: text.to_owned(), cache_breakpoint }
}

async fn ask(llm: &dyn Llm, messages: &[Message]) -> Result<Reply, LlmError> {
    let tools = [ToolSpec {
        name: "read_file",
        description: "Reads.",
        schema: json!({"type": "object", "properties": {"path": {"type": "string"}}}),
    }];
    let system = [Segment { text: "Be good.".to_owned(), cache: true }];
    let prompt = Prompt {
        model: &model(),
        system: &system,
        tools: &tools,
        messages,
        max_output: 4096,
        patience: PATIENCE,
    };
    llm.call(&prompt).await
}

fn first() -> Vec<Message> {
    vec![Message::User(vec![text("the repository", false), text("the task", true)])]
}

#[tokio::test]
async fn a_request_has_exactly_these_fields() {
    let (service, llm) = Service::start([ok(&says("hi"))]).await;
    ask(&llm, &first()).await.unwrap();
    expect![[r#"
        {
          "model": "claude-sonnet-5-5",
          "max_tokens": 4096,
          "system": [
            {
              "type": "text",
              "text": "Be good.",
              "cache_control": {
                "type": "ephemeral"
              }
            }
          ],
          "tools": [
            {
              "name": "read_file",
              "description": "Reads.",
              "input_schema": {
                "type": "object",
                "properties": {
                  "path": {
                    "type": "string"
                  }
                }
              }
            }
          ],
          "messages": [
            {
              "role": "user",
              "content": [
                {
                  "type": "text",
                  "text": "the repository"
                },
                {
                  "type": "text",
                  "text": "the task",
                  "cache_control": {
                    "type": "ephemeral"
                  }
                }
              ]
            }
          ]
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(&service.bodies()[0]).unwrap());
    let (headers, _) = service.requests.lock().unwrap()[0].clone();
    assert_eq!(headers["x-api-key"], "canary-key");
    assert_eq!(headers["anthropic-version"], "2023-06-01");
    assert!(headers["user-agent"].to_str().unwrap().starts_with("asynccoder/"));
}

#[tokio::test]
async fn a_reply_is_read_and_sent_back_verbatim() {
    let content = json!([
        {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
        {"type": "text", "text": "I look.", "citations": null},
        {"type": "tool_use", "id": "toolu_1", "name": "read_file", "input": {"path": "a.rs"}}
    ]);
    let mut body = says("");
    body["content"] = content.clone();
    body["stop_reason"] = json!("tool_use");
    let (service, llm) = Service::start([ok(&body), ok(&says("done"))]).await;

    let reply = ask(&llm, &first()).await.unwrap();
    assert_eq!(reply.stop, Stop::ToolUse);
    assert_eq!(reply.request_id.as_deref(), Some("req_1"));
    expect!["Usage { input: 12, cached: 2000, cache_write: 100, output: 34 }"]
        .assert_eq(&format!("{:?}", reply.usage));
    let Block::ToolCall { name, arguments, .. } = &reply.blocks[2] else { panic!("a call") };
    assert_eq!((name.as_str(), arguments), ("read_file", &Ok(json!({"path": "a.rs"}))));

    // Through the database and back.
    let reply: Reply =
        serde_json::from_str(&serde_json::to_string(&reply).unwrap()).expect("it was stored");
    let mut messages = first();
    messages.push(Message::Assistant(reply));
    messages.push(Message::User(vec![UserPart::ToolResult {
        call_id: "toolu_1".to_owned(),
        name: "read_file".to_owned(),
        text: "fn main() {}".to_owned(),
        is_error: false,
    }]));
    ask(&llm, &messages).await.unwrap();
    let sent = &service.bodies()[1]["messages"];
    assert_eq!(sent[1]["content"].to_string(), content.to_string());
    expect![[r#"{"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1","content":"fn main() {}","is_error":false,"cache_control":{"type":"ephemeral"}}]}"#]]
        .assert_eq(&sent[2].to_string());
}

fn without_marks(value: &mut Value) -> usize {
    match value {
        Value::Object(fields) => {
            let own = usize::from(fields.shift_remove("cache_control").is_some());
            own + fields.values_mut().map(without_marks).sum::<usize>()
        }
        Value::Array(items) => items.iter_mut().map(without_marks).sum(),
        _ => 0,
    }
}

#[tokio::test]
async fn each_request_begins_with_the_one_before_it() {
    let answers = (0..8).map(|n| ok(&says(&format!("answer {n}"))));
    let (service, llm) = Service::start(answers).await;
    let mut messages = first();
    for n in 0..8 {
        let reply = ask(&llm, &messages).await.unwrap();
        messages.push(Message::Assistant(reply));
        messages.push(Message::User(vec![text(&format!("result {n}"), false)]));
    }
    let mut bodies = service.bodies();
    for body in &mut bodies {
        let marks = without_marks(body);
        assert!((2..=4).contains(&marks), "{marks} marks");
    }
    for pair in bodies.windows(2) {
        let earlier = pair[0].to_string();
        let earlier = earlier.strip_suffix("]}").unwrap();
        assert!(pair[1].to_string().starts_with(earlier));
    }
}

#[tokio::test]
async fn the_same_prompt_is_the_same_bytes() {
    let (service, llm) = Service::start([ok(&says("a")), ok(&says("b"))]).await;
    ask(&llm, &first()).await.unwrap();
    ask(&llm, &first()).await.unwrap();
    let requests = service.requests.lock().unwrap();
    assert_eq!(requests[0].1, requests[1].1);
}

async fn check_error(answer: Answer, expect: Expect) {
    let (_, llm) = Service::start([answer]).await;
    let error = ask(&llm, &first()).await.unwrap_err();
    let again = if error.is_retryable() { "again" } else { "never" };
    let after = error.retry_after().map_or(String::new(), |w| format!(" after {}s", w.as_secs()));
    expect.assert_eq(&format!("{again}{after}: {error}"));
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains("canary") && !shown.contains("the task"), "{shown}");
}

#[tokio::test]
async fn errors_say_whether_to_ask_again_and_never_what_was_asked() {
    let with = |mut answer: Answer, headers: &[(&'static str, &'static str)]| {
        answer.headers.extend(headers);
        answer
    };
    let quoting = "canary-key is wrong in: the task";
    check_error(
        error(400, "invalid_request_error", quoting),
        expect![
            "never: the model service refused the request: status 400, invalid_request_error, req_9"
        ],
    )
    .await;
    check_error(
        error(400, "invalid_request_error", "prompt is too long: 250000 tokens > 200000 maximum"),
        expect!["never: the conversation does not fit the model's window"],
    )
    .await;
    check_error(
        error(400, "invalid_request_error", "You have reached your specified API usage limits."),
        expect!["never: the model service's account is out of budget: status 400, invalid_request_error, req_9"],
    )
    .await;
    check_error(
        error(401, "authentication_error", quoting),
        expect!["never: the model service does not accept the key: status 401, authentication_error, req_9"],
    )
    .await;
    check_error(
        error(402, "billing_error", quoting),
        expect![
            "never: the model service's account is out of budget: status 402, billing_error, req_9"
        ],
    )
    .await;
    check_error(
        error(404, "not_found_error", quoting),
        expect!["never: the model service refused the request: status 404, not_found_error, req_9"],
    )
    .await;
    check_error(
        with(error(429, "rate_limit_error", quoting), &[("retry-after", "7")]),
        expect!["again after 7s: the model service failed: status 429, rate_limit_error, req_9"],
    )
    .await;
    check_error(
        error(429, "rate_limit_error", "monthly spend limit of your tier"),
        expect!["never: the model service's account is out of budget: status 429, rate_limit_error, req_9"],
    )
    .await;
    check_error(
        with(
            error(503, "api_error", quoting),
            &[
                ("date", "Wed, 21 Oct 2026 07:28:00 GMT"),
                ("retry-after", "Wed, 21 Oct 2026 07:28:30 GMT"),
            ],
        ),
        expect!["again after 30s: the model service failed: status 503, api_error, req_9"],
    )
    .await;
    check_error(
        error(529, "overloaded_error", quoting),
        expect!["again: the model service is overloaded"],
    )
    .await;
    check_error(
        Answer { status: 200, headers: vec![], body: "<html>the task</html>".to_owned() },
        expect!["again: the model service failed: the answer is not JSON at line 1, column 1"],
    )
    .await;
    check_error(
        ok(&json!({"content": "the task"})),
        expect!["never: the model service's answer makes no sense: its content is not a list"],
    )
    .await;
}

#[tokio::test]
async fn missing_and_absurd_counts_are_replaced() {
    let mut missing = says("four tokens, about");
    missing["usage"] = Value::Null;
    let mut absurd = says("hi");
    absurd["usage"] = json!({"input_tokens": -5, "cache_read_input_tokens": null,
                             "output_tokens": 9_000_000_000_000_i64});
    let (_, llm) = Service::start([ok(&missing), ok(&absurd)]).await;
    let estimated = ask(&llm, &first()).await.unwrap().usage;
    assert!((50..500).contains(&estimated.input) && (10..100).contains(&estimated.output));
    let bounded = ask(&llm, &first()).await.unwrap().usage;
    assert!(bounded.input > 0 && bounded.cached == 0);
    assert_eq!(bounded.output, model().max_output);
}

#[tokio::test]
async fn what_may_pass_is_asked_again() {
    let answers = [
        error(529, "overloaded_error", ""),
        error(500, "api_error", ""),
        error(408, "timeout", ""),
        ok(&says("at last")),
    ];
    let (service, llm) = Service::start(answers).await;
    let reply = ask(&Retrying::new(llm, quick()), &first()).await.unwrap();
    assert_eq!(reply.blocks, [Block::Text("at last".to_owned())]);
    assert_eq!(service.bodies().len(), 4);
}

#[tokio::test]
async fn what_cannot_pass_is_asked_once() {
    let (service, llm) = Service::start([error(401, "authentication_error", "")]).await;
    let error = ask(&Retrying::new(llm, quick()), &first()).await.unwrap_err();
    assert!(matches!(error, LlmError::Auth { .. }));
    assert_eq!(service.bodies().len(), 1);
}

#[tokio::test]
async fn asking_again_has_an_end() {
    let (service, llm) = Service::start((0..3).map(|_| error(500, "api_error", ""))).await;
    let policy = RetryPolicy { tries: 3, ..quick() };
    ask(&Retrying::new(llm, policy), &first()).await.unwrap_err();
    assert_eq!(service.bodies().len(), 3);
}

#[tokio::test]
async fn a_provider_without_a_key_is_named() {
    let llm = Providers::new(reqwest::Client::new(), Vec::new());
    let error = ask(&llm, &first()).await.unwrap_err();
    expect!["no key is configured for anthropic"].assert_eq(&error.to_string());
}

#[tokio::test]
async fn nobody_listening_is_worth_another_try() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let endpoint = Endpoint { provider: Provider::Anthropic, base_url, key: "k".into() };
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let error = ask(&Providers::new(http, vec![endpoint]), &first()).await.unwrap_err();
    assert!(error.is_retryable());
    expect!["the model service failed: no connection"].assert_eq(&error.to_string());
}

fn quick() -> RetryPolicy {
    RetryPolicy {
        first_wait: Duration::from_millis(1),
        longest_wait: Duration::from_millis(2),
        ..RetryPolicy::default()
    }
}

/// Answers one request with these bytes and closes.
async fn raw(answer: Vec<u8>) -> LlmError {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.read(&mut [0; 8192]).await;
        let _ = stream.write_all(&answer).await;
    });
    let endpoint = Endpoint { provider: Provider::Anthropic, base_url, key: "k".into() };
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    ask(&Providers::new(http, vec![endpoint]), &first()).await.unwrap_err()
}

#[tokio::test]
async fn half_an_answer_is_asked_for_again_and_an_endless_one_is_not() {
    let half = raw(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{\"content\"".to_vec()).await;
    assert!(half.is_retryable());
    expect!["the model service failed: the answer was cut off"].assert_eq(&half.to_string());
    let mut endless = b"HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n".to_vec();
    endless.resize(40 << 20, b' ');
    let endless = raw(endless).await;
    assert!(!endless.is_retryable());
    expect!["the model service's answer makes no sense: it is too long"]
        .assert_eq(&endless.to_string());
}

#[tokio::test]
async fn the_other_wires_count_without_overlap_and_send_back_verbatim() {
    let responses = json!({"model": "gpt", "status": "completed", "output": [
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "x"},
        {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "read_file",
         "arguments": "{\"path\":\"a.rs\"}"}],
        "usage": {"input_tokens": 100, "output_tokens": 28,
                  "input_tokens_details": {"cached_tokens": 64, "cache_write_tokens": 6}}});
    let gemini = json!({"modelVersion": "g", "responseId": "r", "candidates": [{
        "content": {"role": "model", "parts": [{"thoughtSignature": "c2ln", "functionCall":
            {"id": "call_1", "name": "read_file", "args": {"path": "a.rs"}}}]},
        "finishReason": "STOP"}],
        "usageMetadata": {"promptTokenCount": 100, "cachedContentTokenCount": 64,
                          "candidatesTokenCount": 20, "thoughtsTokenCount": 8}});
    for (id, body, place, cache_write) in
        [("gpt-6.2-sol", &responses, "/input/2", 6), ("gemini-4-argon", &gemini, "/contents/1", 0)]
    {
        let (service, llm, model) = Service::other(id, [ok(body), ok(body)]).await;
        let prompt = |messages| Prompt {
            model: &model,
            system: &[],
            tools: &[],
            messages,
            max_output: 4096,
            patience: PATIENCE,
        };
        let asked = first();
        let reply = llm.call(&prompt(&asked)).await.unwrap();
        assert_eq!(reply.stop, Stop::ToolUse, "{id}");
        let counted = (reply.usage.input, reply.usage.cached, reply.usage.cache_write);
        assert_eq!((counted, reply.usage.output), ((36 - cache_write, 64, cache_write), 28));
        let mut messages = first();
        messages.push(Message::Assistant(reply));
        llm.call(&prompt(&messages)).await.unwrap();
        let sent = service.bodies()[1].pointer(place).unwrap().to_string();
        let own = if id.starts_with("gpt") { "/output/0" } else { "/candidates/0/content" };
        assert_eq!(sent, body.pointer(own).unwrap().to_string());
    }
}

#[tokio::test]
async fn the_other_wires_tell_waiting_from_never() {
    let quota = r#"{"error":{"message":"m","type":"t","param":null,"code":"insufficient_quota"}}"#;
    let key = r#"{"error":{"code":400,"status":"INVALID_ARGUMENT","details":[{"reason":"API_KEY_INVALID"}]}}"#;
    let wait =
        r#"{"error":{"code":429,"status":"RESOURCE_EXHAUSTED","details":[{"retryDelay":"17s"}]}}"#;
    for (id, status, body, wanted) in [
        (
            "gpt-6.2-sol",
            429,
            quota,
            "never None: the model service's account is out of budget: status 429, insufficient_quota",
        ),
        (
            "gemini-4-argon",
            400,
            key,
            "never None: the model service does not accept the key: status 400, INVALID_ARGUMENT",
        ),
        (
            "gemini-4-argon",
            429,
            wait,
            "again Some(17s): the model service failed: status 429, RESOURCE_EXHAUSTED",
        ),
    ] {
        let answer = Answer { status, headers: vec![], body: body.to_owned() };
        let (_, llm, model) = Service::other(id, [answer]).await;
        let messages = first();
        let prompt = Prompt {
            model: &model,
            system: &[],
            tools: &[],
            messages: &messages,
            max_output: 9,
            patience: PATIENCE,
        };
        let error = llm.call(&prompt).await.unwrap_err();
        let again = if error.is_retryable() { "again" } else { "never" };
        assert_eq!(format!("{again} {:?}: {error}", error.retry_after()), wanted);
    }
}
