//! Anthropic's Messages API.

use super::{Endpoint, LlmError, Prompt, Reply};

/// Asks once.
pub(super) async fn call(
    _http: &reqwest::Client,
    _endpoint: &Endpoint,
    _prompt: &Prompt<'_>,
) -> Result<Reply, LlmError> {
    std::future::ready(Err(LlmError::Timeout)).await
}
