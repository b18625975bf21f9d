//! The services and the ways to ask them: which one a request is meant for, and who reads and
//! answers it.

use axum::http::{HeaderMap, header::AUTHORIZATION};
use serde_json::Value;

use super::{
    Ending, Wrong, anthropic,
    cache::{Cache, Counted},
    gemini, openai,
    play::{Asked, Said, Spoken},
};
use crate::simulator::{script::Failure, wire::Arrived};

/// Who is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    Anthropic,
    OpenAi,
    Gemini,
}

/// What is asked for.
pub(crate) enum Wanted<'a> {
    /// Which models there are.
    Models,
    /// How long a prompt is.
    Count,
    /// The next turn of a conversation.
    Turn(Wire<'a>),
    /// What is not there.
    Nothing,
}

/// A way to ask for a turn.
pub(crate) enum Wire<'a> {
    /// Anthropic's Messages, in this version.
    Messages { version: &'a str },
    /// OpenAI's Responses.
    Responses,
    /// OpenAI's Chat Completions.
    Chat,
    /// Gemini's `generateContent` of this model.
    Content { model: &'a str },
}

impl Service {
    /// By the address, and where two services share one, by the headers.
    pub(crate) fn of(path: &str, headers: &HeaderMap) -> Self {
        let has = |name: &str| headers.contains_key(name);
        Self::by_path(path).unwrap_or_else(|| {
            if has("x-goog-api-key") {
                Self::Gemini
            } else if has("x-api-key") || has("anthropic-version") {
                Self::Anthropic
            } else {
                Self::OpenAi
            }
        })
    }

    /// By the address alone.
    pub(crate) fn by_path(path: &str) -> Option<Self> {
        if path.starts_with("/v1/messages") {
            Some(Self::Anthropic)
        } else if path == "/v1/responses" || path == "/v1/chat/completions" {
            Some(Self::OpenAi)
        } else if path.starts_with("/v1beta/")
            || path.starts_with("/v1/models/") && path.contains(':')
        {
            Some(Self::Gemini)
        } else {
            None
        }
    }

    /// The key that is accepted.
    pub(crate) const fn key(self) -> &'static str {
        match self {
            Self::Anthropic => "sk-ant-simulated-0123456789abcdef",
            Self::OpenAi => "sk-simulated-0123456789abcdef",
            Self::Gemini => "AIza-simulated-0123456789abcdef",
        }
    }

    /// The key that was sent.
    pub(crate) fn sent_key(self, arrived: &Arrived) -> Option<&str> {
        let bearer = header(&arrived.headers, AUTHORIZATION.as_str())
            .and_then(|value| value.strip_prefix("Bearer "));
        match self {
            Self::Anthropic => header(&arrived.headers, "x-api-key").or(bearer),
            Self::OpenAi => bearer,
            Self::Gemini => header(&arrived.headers, "x-goog-api-key").or_else(|| {
                let query = arrived.uri.query()?;
                query.split('&').find_map(|part| part.strip_prefix("key="))
            }),
        }
    }

    /// Checks who asks, and in which version.
    pub(crate) fn admit(self, arrived: &Arrived) -> Result<(), Wrong> {
        let key = self.sent_key(arrived).filter(|key| !key.is_empty());
        match self {
            Self::Anthropic => anthropic::admit(arrived, key),
            Self::OpenAi => openai::admit(arrived, key),
            Self::Gemini => gemini::admit(arrived, key),
        }
    }

    /// The list of models.
    pub(crate) fn models(self) -> Value {
        match self {
            Self::Anthropic => anthropic::models(),
            Self::OpenAi => openai::models(),
            Self::Gemini => gemini::models(),
        }
    }

    /// A planned failure in this service's words.
    pub(crate) fn failure(self, failure: &Failure) -> Wrong {
        match self {
            Self::Anthropic => anthropic::failure(failure),
            Self::OpenAi => openai::failure(failure),
            Self::Gemini => gemini::failure(failure),
        }
    }

    /// The service's own fault.
    pub(crate) fn unwell(self, message: &str) -> Wrong {
        self.failure(&Failure::new(500, "api_error", message))
    }

    /// There is nothing at this address.
    pub(crate) fn not_found(self) -> Wrong {
        match self {
            Self::Anthropic => Wrong::new(404, "not_found_error", "Not found"),
            Self::OpenAi => Wrong::new(404, "invalid_request_error", "Invalid URL"),
            Self::Gemini => Wrong::new(404, "NOT_FOUND", "Requested entity was not found."),
        }
    }

    /// The body is no JSON.
    pub(crate) fn no_json(self, error: &serde_json::Error) -> Wrong {
        match self {
            Self::Anthropic => {
                Wrong::invalid(format!("The request body is not valid JSON: {error}"))
            }
            Self::OpenAi => Wrong::invalid(
                "We could not parse the JSON body of your request. The OpenAI API expects a JSON \
                 payload, but what was sent was not valid JSON.",
            ),
            Self::Gemini => gemini::invalid(format!("Invalid JSON payload received. {error}")),
        }
    }

    /// A refusal as a body.
    pub(crate) fn error(self, wrong: &Wrong, id: &str) -> Value {
        match self {
            Self::Anthropic => anthropic::error(wrong, id),
            Self::OpenAi => openai::error(wrong),
            Self::Gemini => gemini::error(wrong),
        }
    }

    /// The header that names an exchange.
    pub(crate) const fn id_header(self) -> Option<&'static str> {
        match self {
            Self::Anthropic => Some("request-id"),
            Self::OpenAi => Some("x-request-id"),
            Self::Gemini => None,
        }
    }

    /// What is asked for.
    pub(crate) fn wanted(self, arrived: &Arrived) -> Wanted<'_> {
        match (self, arrived.method.as_str(), arrived.uri.path()) {
            (_, "GET", "/v1/models") | (Self::Gemini, "GET", "/v1beta/models") => Wanted::Models,
            (Self::Anthropic, "POST", "/v1/messages/count_tokens") => Wanted::Count,
            (Self::Anthropic, "POST", "/v1/messages") => {
                let version = header(&arrived.headers, "anthropic-version").unwrap_or_default();
                Wanted::Turn(Wire::Messages { version })
            }
            (Self::OpenAi, "POST", "/v1/responses") => Wanted::Turn(Wire::Responses),
            (Self::OpenAi, "POST", "/v1/chat/completions") => Wanted::Turn(Wire::Chat),
            (Self::Gemini, "POST", path) => match content_model(path) {
                Some(model) => Wanted::Turn(Wire::Content { model }),
                None => Wanted::Nothing,
            },
            _ => Wanted::Nothing,
        }
    }
}

/// The model in `/v1beta/models/{model}:generateContent`.
fn content_model(path: &str) -> Option<&str> {
    let rest = path.strip_prefix("/v1beta/").or_else(|| path.strip_prefix("/v1/"))?;
    rest.strip_prefix("models/")?.strip_suffix(":generateContent")
}

pub(crate) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

impl Wire<'_> {
    pub(crate) const fn service(&self) -> Service {
        match self {
            Wire::Messages { .. } => Service::Anthropic,
            Wire::Responses | Wire::Chat => Service::OpenAi,
            Wire::Content { .. } => Service::Gemini,
        }
    }

    /// Reads a request by all rules of its service.
    pub(super) fn check(&self, body: &Value, said: &Said) -> Result<Asked, Wrong> {
        match self {
            Wire::Messages { version } => anthropic::check::request(body, version, said),
            Wire::Responses => openai::responses::check(body, said),
            Wire::Chat => openai::chat::check(body, said),
            Wire::Content { model } => gemini::check::request(body, model, said),
        }
    }

    /// Counts a prompt, and remembers it as this service's cache does.
    pub(super) fn count(&self, cache: &mut Cache, asked: &Asked) -> Counted {
        match self {
            Wire::Messages { .. } => cache.count_marked(&asked.model, &asked.prompt),
            Wire::Responses | Wire::Chat => cache.count_all(&asked.model, &asked.prompt),
            // Keeping a prompt costs nothing there, and is not counted.
            Wire::Content { .. } => {
                let counted = cache.count_all(&asked.model, &asked.prompt);
                Counted { input: counted.input + counted.written, written: 0, ..counted }
            }
        }
    }

    /// A turn as an answer, and what has to come back unchanged.
    pub(super) fn say(&self, spoken: &Spoken, asked: &Asked) -> (Ending, Said) {
        match self {
            Wire::Messages { .. } => anthropic::say(spoken, asked),
            Wire::Responses => openai::responses::say(spoken, asked),
            Wire::Chat => openai::chat::say(spoken, asked),
            Wire::Content { .. } => gemini::say(spoken, asked),
        }
    }
}
