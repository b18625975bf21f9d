//! OpenAI's APIs, one answer, not streamed: Responses, or Chat Completions where the catalog says so.
//!
//! Nothing is stored at the provider: reasoning comes back encrypted and is sent again verbatim.
//! Nothing of the request, and of an error only the name that the provider gives it, leaves here.

mod chat;
mod error;
mod responses;

use super::wire::{self, Http, Sizes};
use super::{Endpoint, LlmError, Prompt, Reply};
use crate::domain::catalog::Api;
use secrecy::ExposeSecret;
use serde_json::Value;

/// Asks once.
pub(super) async fn call(
    http: &Http,
    endpoint: &Endpoint,
    prompt: &Prompt<'_>,
) -> Result<Reply, LlmError> {
    let (path, body) = match prompt.model.api {
        Api::Responses => ("responses", responses::body(prompt)),
        Api::Chat => ("chat/completions", chat::body(prompt)),
    };
    let body = body.to_string().into_bytes();
    let prompt_bytes = body.len();
    let url = format!("{}/{path}", endpoint.base_url.trim_end_matches('/'));
    let headers = wire::key_header("authorization", "Bearer ", endpoint.key.expose_secret())?;
    let answer = wire::post(http, url, headers, body).await?;
    let request_id = answer.header("x-request-id");
    if !answer.is_success() {
        return Err(error::of(&answer, request_id.as_deref()));
    }
    let sizes = Sizes { prompt_bytes, body_bytes: answer.body.len() };
    let body: Value = serde_json::from_slice(&answer.body).map_err(|e| wire::malformed(&e))?;
    let reply = match prompt.model.api {
        Api::Responses => responses::reply(&body, prompt.model, sizes)?,
        Api::Chat => chat::reply(&body, prompt.model, sizes)?,
    };
    Ok(Reply { request_id, ..reply })
}

/// Arguments are JSON inside a string, and a model can write broken ones.
fn arguments(call: &Value) -> Result<Value, String> {
    let text = call.get("arguments").and_then(Value::as_str).unwrap_or_default();
    match serde_json::from_str(text) {
        Ok(object @ Value::Object(_)) => Ok(object),
        _ => Err(text.to_owned()),
    }
}

/// What a tool answered. There is no field for a failure, so the words say it.
fn output(text: &str, is_error: bool) -> String {
    if is_error { format!("The tool failed: {text}") } else { text.to_owned() }
}

fn field<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}
