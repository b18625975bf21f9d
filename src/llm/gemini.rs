//! Google's Gemini API: `POST {base}/v1beta/models/{model}:generateContent`, not streamed.
//!
//! The model's content goes back verbatim, because its thought signatures are checked. Nothing of
//! the request, and of an error only the name that the provider gives it, leaves here.

mod request;
mod response;

use super::wire::{self, Http, Sizes};
use super::{Endpoint, LlmError, Prompt, Reply};
use secrecy::ExposeSecret;

/// Begins the id of a call to which the service gave none.
const UNNAMED: &str = "unnamed-";

/// Asks once.
pub(super) async fn call(
    http: &Http,
    endpoint: &Endpoint,
    prompt: &Prompt<'_>,
) -> Result<Reply, LlmError> {
    let body = request::body(prompt).to_string().into_bytes();
    let prompt_bytes = body.len();
    let base = endpoint.base_url.trim_end_matches('/');
    let url = format!("{base}/v1beta/models/{}:generateContent", prompt.model.id);
    let headers = wire::key_header("x-goog-api-key", "", endpoint.key.expose_secret())?;
    let answer = wire::post(http, url, headers, body).await?;
    if !answer.is_success() {
        return Err(response::error(&answer));
    }
    let sizes = Sizes { prompt_bytes, body_bytes: answer.body.len() };
    response::reply(&answer.body, prompt.model, sizes)
}
