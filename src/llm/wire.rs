//! What all providers share: sending one request, reading one bounded answer, and words for what
//! went wrong.
//!
//! No word of the request and none of the provider's sentences leaves here: of an error only the
//! name that the provider gives it, because providers quote prompts and parts of keys.

use super::LlmError;
use crate::domain::catalog::Model;
use crate::domain::credit::Usage;
use reqwest::header::{
    CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER, USER_AGENT,
};
use serde_json::Value;
use std::time::Duration;

/// No answer is nearly so long; a broken or hostile server must not fill the memory.
const LARGEST_BODY_BYTES: usize = 32 * 1024 * 1024;
const AGENT: &str = concat!("asynccoder/", env!("CARGO_PKG_VERSION"));
/// A token is about four bytes of text or code.
const BYTES_PER_TOKEN: usize = 4;

/// A complete answer, whatever its status.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// The wait that the service asks for: seconds, or a date that counts from the answer's own
    /// date, so that our clock does not matter.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        let asked = self.header(RETRY_AFTER.as_str())?;
        if let Ok(seconds) = asked.parse::<f64>() {
            return Duration::try_from_secs_f64(seconds).ok();
        }
        let until = chrono::DateTime::parse_from_rfc2822(&asked).ok()?;
        let sent = self.header(DATE.as_str())?;
        let sent = chrono::DateTime::parse_from_rfc2822(&sent).ok()?;
        Some((until - sent).to_std().unwrap_or_default())
    }

    pub(super) fn header(&self, name: &str) -> Option<String> {
        self.headers.get(name)?.to_str().ok().map(str::to_owned)
    }

    pub(super) const fn is_success(&self) -> bool {
        matches!(self.status, 200..=299)
    }
}

/// How requests are sent.
#[derive(Clone, Debug)]
pub(super) struct Http {
    pub(super) client: reqwest::Client,
    /// How long a whole exchange may take.
    pub(super) patience: Duration,
}

/// Sends a body of JSON and reads the whole answer.
pub(super) async fn post(
    http: &Http,
    url: String,
    headers: HeaderMap,
    body: Vec<u8>,
) -> Result<Answer, LlmError> {
    let request = http
        .client
        .post(url)
        .timeout(http.patience)
        .header(CONTENT_TYPE, "application/json")
        .header(USER_AGENT, AGENT)
        .headers(headers)
        .body(body);
    let response = request.send().await.map_err(|e| failed(&e))?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = read(response).await?;
    Ok(Answer { status, headers, body })
}

/// The header that carries a key, or none at all for an empty key.
pub(super) fn key_header(
    name: &'static str,
    prefix: &str,
    key: &str,
) -> Result<HeaderMap, LlmError> {
    let mut headers = HeaderMap::new();
    if !key.is_empty() {
        let value = HeaderValue::from_str(&format!("{prefix}{key}"));
        let mut value = value.map_err(|_| LlmError::Auth {
            message: "the key has characters that no key has".to_owned(),
        })?;
        value.set_sensitive(true);
        headers.insert(HeaderName::from_static(name), value);
    }
    Ok(headers)
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

/// Where parsing stopped, without the text at that place.
pub(super) fn malformed(error: &serde_json::Error) -> LlmError {
    let place = format!("line {}, column {}", error.line(), error.column());
    if error.is_eof() || error.is_syntax() {
        // A proxy's error page or half an answer: the next try may be whole.
        let message = format!("the answer is not JSON at {place}");
        return LlmError::Transient { status: None, retry_after: None, message };
    }
    LlmError::Malformed { message: format!("it lacks a field or has a wrong one at {place}") }
}

/// Status, the provider's name of the error and the exchange: enough to look it up.
pub(super) fn describe(status: u16, kind: &str, request_id: Option<&str>) -> String {
    let mut message = format!("status {status}");
    for extra in [word(kind), word(request_id.unwrap_or_default())] {
        if !extra.is_empty() {
            message.push_str(", ");
            message.push_str(&extra);
        }
    }
    message
}

/// What may be a name, and nothing that could be a sentence.
pub(super) fn word(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(60).collect()
}

/// How long the request and its answer were, for an estimate.
#[derive(Clone, Copy)]
pub(super) struct Sizes {
    pub(super) prompt_bytes: usize,
    pub(super) body_bytes: usize,
}

/// The counts of a provider whose prompt count includes what the cache did.
#[derive(Clone, Copy)]
pub(super) struct Counts {
    pub(super) prompt: Option<i64>,
    pub(super) cached: Option<i64>,
    pub(super) cache_write: Option<i64>,
    pub(super) output: Option<i64>,
}

impl Counts {
    /// The same counts without overlap. What is missing is estimated; no count is above what the
    /// model can take.
    pub(super) fn usage(self, model: &Model, sizes: Sizes) -> Usage {
        let prompt = self.prompt.unwrap_or_else(|| tokens(sizes.prompt_bytes)).min(model.context);
        let cached = self.cached.unwrap_or(0).min(prompt);
        let cache_write = self.cache_write.unwrap_or(0).min(prompt - cached);
        let output = self.output.unwrap_or_else(|| tokens(sizes.body_bytes));
        Usage {
            input: prompt - cached - cache_write,
            cached,
            cache_write,
            output: output.min(model.max_output),
        }
    }
}

/// A count that can be true: a number, not below zero.
pub(super) fn count(counts: &Value, pointer: &str) -> Option<i64> {
    counts.pointer(pointer)?.as_i64().filter(|n| *n >= 0)
}

pub(super) fn tokens(bytes: usize) -> i64 {
    i64::try_from(bytes.div_ceil(BYTES_PER_TOKEN)).unwrap_or(i64::MAX)
}
