//! The model service.

use asynccoder::simulator::{Failure, Script};
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::Set;

#[tokio::test]
async fn a_script_is_played_and_the_protocol_is_checked() -> anyhow::Result<()> {
    let set = Set::start().await?;
    set.sim.models().script(
        Script::new("fix")
            .fails(1, Failure::overloaded())
            .calls(vec![("read_file", json!({"path": "src/lib.rs"}))])
            .with_text("I look.")
            .with_thinking("Where is the sign?")
            .says("Fixed."),
    );
    let mut body = json!({
        "model": "claude-sonnet-5-5", "max_tokens": 1000,
        "system": [{"type": "text", "text": "You fix code.", "cache_control": {"type": "ephemeral"}}],
        "tools": [{"name": "read_file", "input_schema": {"type": "object"}}],
        "messages": [{"role": "user", "content": "add() subtracts"}],
    });
    assert_eq!(ask(&set, &body).await?.0, StatusCode::from_u16(529)?);
    let (status, first) = ask(&set, &body).await?;
    assert_eq!((status, &first["stop_reason"]), (StatusCode::OK, &json!("tool_use")), "{first}");
    let (_, repeated) = ask(&set, &body).await?;
    assert_eq!(first["content"], repeated["content"]);
    assert!(repeated["usage"]["cache_read_input_tokens"].as_u64() > Some(0));

    let messages = body["messages"].as_array_mut().into_iter().flatten();
    let mut messages: Vec<Value> = messages.map(|message| message.clone()).collect();
    messages.push(json!({"role": "assistant", "content": first["content"]}));
    body["messages"] = json!(messages);
    let (status, wrong) = ask(&set, &body).await?;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(wrong["error"]["message"].to_string().contains("without `tool_result` blocks"));
    let id = &first["content"][2]["id"];
    let result = json!({"type": "tool_result", "tool_use_id": id, "content": "a - b"});
    messages.push(json!({"role": "user", "content": [result]}));
    body["messages"] = json!(messages);
    let (status, last) = ask(&set, &body).await?;
    assert_eq!((status, &last["content"][0]["text"]), (StatusCode::OK, &json!("Fixed.")), "{last}");
    body["messages"][1]["content"][1]["text"] = json!("I never said that.");
    assert_eq!(ask(&set, &body).await?.0, StatusCode::BAD_REQUEST);
    body["temperature"] = json!(1);
    assert_eq!(ask(&set, &body).await?.0, StatusCode::BAD_REQUEST);
    Ok(())
}

#[tokio::test]
async fn scripts_are_chosen_streamed_and_end() -> anyhow::Result<()> {
    let set = Set::start().await?;
    set.sim.models().script(Script::new("other").says("Something else."));
    let chosen = Script::new("chosen").when("say \"hello\"").says("Hello, world.").then_error();
    set.sim.models().script(chosen);
    let mut body = json!({
        "model": "claude-haiku-5-5", "max_tokens": 100, "stream": true,
        "messages": [{"role": "user", "content": "please say \"hello\""}],
    });
    let url = format!("{}/v1/messages", set.sim.models_url());
    let request = set.client.post(&url).bearer_auth(set.sim.models().api_key());
    let response = request.header("anthropic-version", "2023-06-01").json(&body).send().await?;
    let events = response.text().await?;
    let deltas = events.matches("event: content_block_delta").count();
    assert!(events.contains("event: message_stop") && deltas == 2, "{events}");
    body["stream"] = json!(false);
    assert_eq!(ask(&set, &body).await?.1["content"][0]["text"], "Hello, world.");
    body["messages"] = json!([
        {"role": "user", "content": "say \"hello\""}, {"role": "assistant", "content": "Hello."},
        {"role": "user", "content": "again"},
    ]);
    assert_eq!(ask(&set, &body).await?.0, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(set.sim.refusals().len(), 1);
    assert_eq!(set.sim.models().requests().len(), 3);
    Ok(())
}

async fn ask(set: &Set, body: &Value) -> anyhow::Result<(StatusCode, Value)> {
    let url = format!("{}/v1/messages", set.sim.models_url());
    let request = set.client.post(url).header("x-api-key", set.sim.models().api_key());
    let response = request.header("anthropic-version", "2026-10-21").json(body).send().await?;
    Ok((response.status(), response.json().await?))
}
