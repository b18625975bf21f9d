//! Talking with language models: one vocabulary for all providers, one attempt per call.
//!
//! A conversation is a system text, tools and messages; an answer is a [`Reply`]. A reply keeps the
//! provider's own content untouched, because it is stored, replayed after a crash and sent back
//! exactly as it came (signed reasoning would be refused otherwise).
//!
//! Nothing here decides what to say, runs a tool, knows what a task may spend, or puts a prompt or a
//! key into an error or a log line.

pub mod anthropic;
pub mod breaker;
pub mod gemini;
pub mod openai;
pub mod retry;
mod wire;

use crate::domain::catalog::{Model, Provider};
use crate::domain::credit::Usage;
use async_trait::async_trait;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::Duration;

/// A long answer of a slow model takes minutes; beyond this nothing comes any more.
const PATIENCE: Duration = Duration::from_mins(10);

/// Something that answers a prompt.
#[async_trait]
pub trait Llm: Send + Sync {
    /// Asks once. Dropping the future stops the request.
    async fn call(&self, prompt: &Prompt<'_>) -> Result<Reply, LlmError>;
}

/// All that a model is asked with. Nothing in it depends on the time or on chance, so that the same
/// prompt is the same bytes and a provider's cache is hit.
#[derive(Clone, Copy, Debug)]
pub struct Prompt<'a> {
    /// Which model.
    pub model: &'a Model,
    /// The system text.
    pub system: &'a [Segment],
    /// What the model may call.
    pub tools: &'a [ToolSpec],
    /// The conversation: begins with the user and alternates.
    pub messages: &'a [Message],
    /// The most tokens that the answer may have.
    pub max_output: i64,
    /// How long a service may say nothing before it counts as one that does not answer.
    pub patience: Duration,
}

/// A piece of the system text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// What it says.
    pub text: String,
    /// Whether everything up to here is worth keeping in the provider's cache.
    pub cache: bool,
}

/// A tool as the model sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolSpec {
    /// Its name.
    pub name: &'static str,
    /// When and how to use it.
    pub description: &'static str,
    /// The JSON schema of its arguments.
    pub schema: Value,
}

/// One turn of the conversation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Message {
    /// From us.
    User(Vec<UserPart>),
    /// From the model.
    Assistant(Reply),
}

/// A part of what we say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserPart {
    /// Words.
    Text {
        /// The words.
        text: String,
        /// Whether everything up to here is worth keeping in the provider's cache.
        cache_breakpoint: bool,
    },
    /// What a tool answered.
    ToolResult {
        /// The id that the model gave the call.
        call_id: String,
        /// The tool; some providers match by name.
        name: String,
        /// What it answered.
        text: String,
        /// Whether it failed.
        is_error: bool,
    },
}

/// What a model answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    /// The answer in our words, in its order.
    pub blocks: Vec<Block>,
    /// Why the answer ends.
    pub stop: Stop,
    /// What it used up.
    pub usage: Usage,
    /// The model that answered, as the provider names it.
    pub model: String,
    /// The provider's name for this exchange.
    pub request_id: Option<String>,
    /// The answer in the provider's words, sent back verbatim with the next prompt. Null if it was said
    /// by another model than the one that is asked; then the blocks say it.
    pub raw: Value,
    /// The time that went by in failures before this answer, and in waiting after them.
    #[serde(skip)]
    pub lost: Duration,
}

/// What another model said that said nothing.
const NO_ANSWER: &str = "(no answer)";

impl Reply {
    /// The same for a model that did not say it: without what only its provider understands. Each call
    /// gets a name that every provider takes, from `name` and its number.
    #[must_use]
    pub fn told_to_another(&self, name: impl Fn(usize) -> String) -> Self {
        let mut calls = 0;
        let mut rename = |block: &Block| match block {
            Block::Text(text) if text.trim().is_empty() => None,
            Block::Text(text) => Some(Block::Text(text.trim_end().to_owned())),
            Block::ToolCall { id: _, name: tool, arguments } => {
                calls += 1;
                let (id, tool) = (name(calls - 1), tool.clone());
                Some(Block::ToolCall { id, name: tool, arguments: arguments.clone() })
            }
            Block::Opaque(_) => None,
        };
        let mut blocks: Vec<_> = self.blocks.iter().filter_map(&mut rename).collect();
        if blocks.is_empty() {
            blocks.push(Block::Text(NO_ANSWER.to_owned()));
        }
        Self { blocks, raw: Value::Null, ..self.clone() }
    }
}

/// The arguments of a call as an object, also where the model wrote none.
fn object(arguments: &Result<Value, String>) -> Value {
    let object = arguments.as_ref().ok().filter(|arguments| arguments.is_object());
    object.cloned().unwrap_or_else(|| Value::Object(serde_json::Map::new()))
}

/// A part of what a model answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Block {
    /// Words.
    Text(String),
    /// A wish to have a tool run.
    ToolCall {
        /// The model's name for the call.
        id: String,
        /// The tool.
        name: String,
        /// The arguments, or the text that should have been some.
        arguments: Result<Value, String>,
    },
    /// What only the provider understands, such as signed reasoning.
    Opaque(Value),
}

/// Why an answer ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    /// The model said all that it wanted.
    EndTurn,
    /// It waits for tools.
    ToolUse,
    /// It was cut off at `max_output`.
    MaxTokens,
    /// It was cut off because the conversation fills the model's window.
    ContextFull,
    /// The provider's rules forbid an answer.
    Refusal {
        /// The provider's reason, if it gave one.
        explanation: Option<String>,
    },
    /// The provider paused and wants to be asked again.
    Pause,
    /// A reason that we do not know.
    Other(String),
}

/// Why there is no answer. No variant holds anything that was sent, and of what the provider said
/// only the name of the error: providers quote prompts and parts of keys.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LlmError {
    /// No key for the provider.
    #[error("no key is configured for {provider}")]
    NotConfigured {
        /// Who was to be asked.
        provider: Provider,
    },
    /// It may work in a moment.
    #[error("the model service failed: {message}")]
    Transient {
        /// The HTTP status, if an answer came at all.
        status: Option<u16>,
        /// When the service wants to be asked again.
        retry_after: Option<Duration>,
        /// What happened.
        message: String,
    },
    /// The service has too much to do.
    #[error("the model service is overloaded")]
    Overloaded {
        /// When the service wants to be asked again.
        retry_after: Option<Duration>,
    },
    /// It failed so often that it is left alone; nothing was sent.
    #[error("the model service of {provider} does not answer at the moment")]
    Away {
        /// Who.
        provider: Provider,
        /// When it may be asked again.
        retry_in: Duration,
    },
    /// No complete answer in time.
    #[error("the model service did not answer in time")]
    Timeout,
    /// The prompt does not fit the model's window.
    #[error("the conversation does not fit the model's window")]
    ContextTooLong,
    /// The key is wrong or may not use this model.
    #[error("the model service does not accept the key: {message}")]
    Auth {
        /// What happened.
        message: String,
    },
    /// Our account with the provider is out of money or over its own limit.
    #[error("the model service's account is out of budget: {message}")]
    Billing {
        /// What happened.
        message: String,
    },
    /// The service will never accept this request.
    #[error("the model service refused the request: {message}")]
    Refused {
        /// What happened.
        message: String,
    },
    /// The answer is none.
    #[error("the model service's answer makes no sense: {message}")]
    Malformed {
        /// What is wrong with it.
        message: String,
    },
}

impl LlmError {
    /// Whether asking again may help.
    pub const fn is_retryable(&self) -> bool {
        match self {
            LlmError::Transient { .. } | LlmError::Overloaded { .. } | LlmError::Timeout => true,
            LlmError::NotConfigured { .. }
            | LlmError::Away { .. }
            | LlmError::ContextTooLong
            | LlmError::Auth { .. }
            | LlmError::Billing { .. }
            | LlmError::Refused { .. }
            | LlmError::Malformed { .. } => false,
        }
    }

    /// Whether another model may do better: the failure is about the service, not about what it was asked.
    pub const fn is_about_the_service(&self) -> bool {
        match self {
            LlmError::NotConfigured { .. }
            | LlmError::Away { .. }
            | LlmError::Transient { .. }
            | LlmError::Overloaded { .. }
            | LlmError::Timeout
            | LlmError::Auth { .. }
            | LlmError::Billing { .. }
            | LlmError::Malformed { .. } => true,
            LlmError::ContextTooLong | LlmError::Refused { .. } => false,
        }
    }

    /// How long the service wants to be left alone.
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            LlmError::Transient { retry_after, .. } | LlmError::Overloaded { retry_after } => {
                *retry_after
            }
            LlmError::NotConfigured { .. }
            | LlmError::Away { .. }
            | LlmError::Timeout
            | LlmError::ContextTooLong
            | LlmError::Auth { .. }
            | LlmError::Billing { .. }
            | LlmError::Refused { .. }
            | LlmError::Malformed { .. } => None,
        }
    }
}

/// Where a provider is reached, and with which key.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Who.
    pub provider: Provider,
    /// The address as the provider's SDK takes it: with the version for OpenAI, else without.
    pub base_url: String,
    /// The key. An empty one is not sent.
    pub key: SecretString,
}

/// The providers that have a key: asks the one that serves the prompt's model.
#[derive(Clone, Debug)]
pub struct Providers {
    http: wire::Http,
    endpoints: Vec<Endpoint>,
}

impl Providers {
    /// Uses these endpoints, all through one client. The client must not follow redirects, or a key
    /// could leave with one.
    pub fn new(client: reqwest::Client, endpoints: Vec<Endpoint>) -> Self {
        Self { http: wire::Http { client, patience: PATIENCE }, endpoints }
    }

    /// Gives up on an answer that takes longer than this.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.http.patience = patience;
        self
    }

    fn endpoint(&self, provider: Provider) -> Option<&Endpoint> {
        self.endpoints.iter().find(|endpoint| endpoint.provider == provider)
    }
}

#[async_trait]
impl Llm for Providers {
    async fn call(&self, prompt: &Prompt<'_>) -> Result<Reply, LlmError> {
        let provider = prompt.model.provider;
        let Some(endpoint) = self.endpoint(provider) else {
            return Err(LlmError::NotConfigured { provider });
        };
        match provider {
            Provider::Anthropic => anthropic::call(&self.http, endpoint, prompt).await,
            Provider::OpenAi => openai::call(&self.http, endpoint, prompt).await,
            Provider::Gemini => gemini::call(&self.http, endpoint, prompt).await,
        }
    }
}
