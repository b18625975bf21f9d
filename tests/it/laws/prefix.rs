//! Each request of a task begins, byte for byte, with the one before it, on every wire: only so much can
//! come from a provider's cache.

use super::turn::{free, results, show};
use asynccoder::agent::prompt;
use asynccoder::agent::tools;
use asynccoder::agent::turn::{Effect, Event, Turn};
use asynccoder::domain::catalog::{Api, Catalog, Model, Provider};
use asynccoder::domain::task::Kind;
use asynccoder::llm::{Endpoint, Llm, Prompt, Providers};
use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const STEPS: usize = 20;

/// What the service answers to its n-th request: some thoughts, and a file to be read.
fn answer(model: &Model, n: usize) -> Value {
    let (id, path) = (format!("call_{n}"), json!({ "path": format!("src/{n}.rs") }));
    let thought = format!("thought {n}");
    match (model.provider, model.api) {
        (Provider::Anthropic, _) => json!({
            "id": "msg", "type": "message", "role": "assistant", "model": model.id,
            "content": [
                {"type": "thinking", "thinking": thought, "signature": "c2ln"},
                {"type": "tool_use", "id": id, "name": "read_file", "input": path},
            ],
            "stop_reason": "tool_use",
            "usage": {"input_tokens": 10, "output_tokens": 10},
        }),
        (Provider::OpenAi, Api::Responses) => json!({
            "status": "completed", "model": model.id,
            "output": [
                {"type": "reasoning", "id": "rs", "summary": [], "encrypted_content": thought},
                {"type": "function_call", "call_id": id, "name": "read_file", "arguments": path.to_string()},
            ],
            "usage": {"input_tokens": 10, "output_tokens": 10},
        }),
        (Provider::OpenAi, Api::Chat) => json!({
            "model": model.id,
            "choices": [{"finish_reason": "tool_calls", "message": {
                "role": "assistant", "content": thought,
                "tool_calls": [{"id": id, "type": "function",
                                "function": {"name": "read_file", "arguments": path.to_string()}}],
            }}],
            "usage": {"prompt_tokens": 10, "completion_tokens": 10},
        }),
        (Provider::Gemini, _) => json!({
            "candidates": [{"finishReason": "STOP", "content": {"role": "model", "parts": [
                {"functionCall": {"id": id, "name": "read_file", "args": path}, "thoughtSignature": thought},
            ]}}],
            "usageMetadata": {"promptTokenCount": 10, "candidatesTokenCount": 10},
        }),
    }
}

type Asked = Arc<Mutex<Vec<Value>>>;

async fn serve(
    State((model, asked)): State<(Model, Asked)>,
    Json(body): Json<Value>,
) -> Json<Value> {
    let mut asked = asked.lock().unwrap();
    asked.push(body);
    Json(answer(&model, asked.len()))
}

/// The bodies of all requests of a task that reads one file after the other.
async fn requests(model: &Model) -> Vec<Value> {
    let asked = Asked::default();
    let state = (model.clone(), Arc::clone(&asked));
    let router = axum::Router::new().fallback(serve).with_state(state);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let endpoint = Endpoint { provider: model.provider, base_url, key: "key".into() };
    let llm =
        Providers::new(reqwest::Client::builder().no_proxy().build().unwrap(), vec![endpoint]);
    let mut assignment = free();
    assignment.model = Model { prices: assignment.model.prices, ..model.clone() };
    let (system, tools) = (prompt::system(Kind::Debug, false), tools::offered(Kind::Debug, false));
    let mut turn = Turn::new(&assignment, 0);
    let mut effect = turn.handle(Event::Started);
    for _ in 0..STEPS {
        let Effect::Call { max_output, .. } = effect else { panic!("{}", show(&effect)) };
        let (system, tools, messages) = (&system, &tools, turn.messages());
        let prompt =
            Prompt { model, system, tools, messages, max_output, patience: Duration::from_mins(1) };
        let reply = llm.call(&prompt).await.unwrap();
        turn.handle(Event::Replied(reply.clone()));
        effect = turn.handle(Event::ToolsRan(results(&reply, &"line\n".repeat(200), 1)));
    }
    let asked = asked.lock().unwrap();
    asked.clone()
}

/// What the model reads, in its order, without the marks of what is to be kept.
fn read(request: &Value) -> String {
    let mut request = request.clone();
    without_marks(&mut request);
    let fixed = ["tools", "system", "systemInstruction", "instructions"];
    let fixed = fixed.iter().filter_map(|name| request.get(name)).map(Value::to_string);
    let said =
        ["messages", "input", "contents"].iter().filter_map(|name| request.get(name)?.as_array());
    fixed.chain(said.flatten().map(Value::to_string)).collect()
}

fn without_marks(value: &mut Value) {
    if let Some(fields) = value.as_object_mut() {
        fields.remove("cache_control");
        fields.values_mut().for_each(without_marks);
    } else if let Some(items) = value.as_array_mut() {
        items.iter_mut().for_each(without_marks);
    }
}

#[tokio::test]
async fn a_request_begins_with_the_whole_one_before_it() {
    let catalog = Catalog::embedded().unwrap();
    let model = |id: &str| catalog.by_id(id).unwrap().clone();
    let chat = Model { api: Api::Chat, ..model("gpt-6.2-sol") };
    for model in [model("claude-sonnet-5-5"), model("gpt-6.2-sol"), chat, model("gemini-4-argon")] {
        let requests: Vec<_> = requests(&model).await.iter().map(read).collect();
        assert_eq!(requests.len(), STEPS);
        for (number, pair) in requests.windows(2).enumerate() {
            assert!(pair[1].len() > pair[0].len() + 1000, "{} {number}", model.id);
            assert!(
                pair[1].starts_with(&pair[0]),
                "{} {:?}: request {number}",
                model.id,
                model.api
            );
        }
    }
}
