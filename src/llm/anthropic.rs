//! Anthropic's Messages API: `POST {base}/v1/messages`, one answer, not streamed.
//!
//! Two requests of one conversation share their first bytes: the fields have a fixed order and
//! earlier messages never change, so that the provider's cache is hit. No `temperature` and no
//! `thinking` is sent: the newer models refuse the one and decide on the other themselves.
//!
//! Nothing of the request, and of an error only the name that the provider gives it, leaves here.

mod request;
mod response;

use super::wire::{self, Http, Sizes};
use super::{Endpoint, LlmError, Prompt, Reply};
use reqwest::header::HeaderValue;
use secrecy::ExposeSecret;

/// The version of the API whose shapes these are.
const VERSION: &str = "2023-06-01";

/// Asks once.
pub(super) async fn call(
    http: &Http,
    endpoint: &Endpoint,
    prompt: &Prompt<'_>,
) -> Result<Reply, LlmError> {
    let body = request::body(prompt);
    let prompt_bytes = body.len();
    let url = format!("{}/v1/messages", endpoint.base_url.trim_end_matches('/'));
    let mut headers = wire::key_header("x-api-key", "", endpoint.key.expose_secret())?;
    headers.insert("anthropic-version", HeaderValue::from_static(VERSION));
    let answer = wire::post(http, url, headers, body).await?;
    let request_id = answer.header("request-id");
    if !answer.is_success() {
        return Err(response::error(&answer, request_id.as_deref()));
    }
    let sizes = Sizes { prompt_bytes, body_bytes: answer.body.len() };
    response::reply(&answer.body, request_id, prompt.model, sizes)
}
