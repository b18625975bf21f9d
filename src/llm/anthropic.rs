//! Anthropic's Messages API: `POST {base}/v1/messages`, one answer, not streamed.
//!
//! Two requests of one conversation share their first bytes: the fields have a fixed order and
//! earlier messages never change, so that the provider's cache is hit. No `temperature` and no
//! `thinking` is sent: the newer models refuse the one and decide on the other themselves.
//!
//! Nothing of the request, and of an error only the name that the provider gives it, leaves here.

mod request;
mod response;

use super::{Endpoint, LlmError, Prompt, Reply};
use reqwest::header::{CONTENT_TYPE, DATE, HeaderMap, RETRY_AFTER, USER_AGENT};
use response::Sizes;
use secrecy::ExposeSecret;
use std::time::Duration;

/// The version of the API whose shapes these are.
const VERSION: &str = "2023-06-01";
/// A long answer of a slow model takes minutes; beyond this nothing comes any more.
const CALL_TIMEOUT: Duration = Duration::from_mins(10);
/// No answer is nearly so long; a broken or hostile server must not fill the memory.
const LARGEST_BODY_BYTES: usize = 32 * 1024 * 1024;
const AGENT: &str = concat!("asynccoder/", env!("CARGO_PKG_VERSION"));

/// Asks once.
pub(super) async fn call(
    http: &reqwest::Client,
    endpoint: &Endpoint,
    prompt: &Prompt<'_>,
) -> Result<Reply, LlmError> {
    let body = request::body(prompt);
    let prompt_bytes = body.len();
    let answer = send(http, endpoint, body).await?;
    let request_id = header(&answer.headers, "request-id");
    if !answer.status.is_success() {
        return Err(response::error(&answer, request_id.as_deref()));
    }
    let sizes = Sizes { prompt_bytes, body_bytes: answer.body.len() };
    response::reply(&answer.body, request_id, prompt.model, sizes)
}

/// A complete answer, whatever its status.
struct Answer {
    status: reqwest::StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    /// The wait that the service asks for: seconds, or a date that counts from the answer's own
    /// date, so that our clock does not matter.
    fn retry_after(&self) -> Option<Duration> {
        let asked = header(&self.headers, RETRY_AFTER.as_str())?;
        if let Ok(seconds) = asked.parse::<f64>() {
            return Duration::try_from_secs_f64(seconds).ok();
        }
        let until = chrono::DateTime::parse_from_rfc2822(&asked).ok()?;
        let sent = header(&self.headers, DATE.as_str())?;
        let sent = chrono::DateTime::parse_from_rfc2822(&sent).ok()?;
        Some((until - sent).to_std().unwrap_or_default())
    }
}

async fn send(
    http: &reqwest::Client,
    endpoint: &Endpoint,
    body: Vec<u8>,
) -> Result<Answer, LlmError> {
    let url = format!("{}/v1/messages", endpoint.base_url.trim_end_matches('/'));
    let mut request = http
        .post(url)
        .timeout(CALL_TIMEOUT)
        .header(CONTENT_TYPE, "application/json")
        .header(USER_AGENT, AGENT)
        .header("anthropic-version", VERSION)
        .body(body);
    let key = endpoint.key.expose_secret();
    if !key.is_empty() {
        let mut value = reqwest::header::HeaderValue::from_str(key).map_err(|_| bad_key())?;
        value.set_sensitive(true);
        request = request.header("x-api-key", value);
    }
    let response = request.send().await.map_err(|e| failed(&e))?;
    let (status, headers) = (response.status(), response.headers().clone());
    let body = read(response).await?;
    Ok(Answer { status, headers, body })
}

async fn read(mut response: reqwest::Response) -> Result<Vec<u8>, LlmError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|e| failed(&e))? {
        if body.len() + chunk.len() > LARGEST_BODY_BYTES {
            return Err(LlmError::Malformed { message: "it is too long".to_owned() });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn bad_key() -> LlmError {
    LlmError::Auth { message: "the key has characters that no key has".to_owned() }
}

/// No complete answer came. The error's own text names the address only, but not even that is ours
/// to show.
fn failed(error: &reqwest::Error) -> LlmError {
    if error.is_timeout() {
        return LlmError::Timeout;
    }
    let what = if error.is_connect() {
        "no connection"
    } else if error.is_body() || error.is_decode() {
        "the answer was cut off"
    } else {
        "the connection broke"
    };
    LlmError::Transient { status: None, retry_after: None, message: what.to_owned() }
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}
