//! Answers and refusals with GitHub's own words.
//!
//! A refusal carries a note for the journal. A plain "not there" is an answer, not a refusal of a
//! mistake: asking whether something exists is allowed.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse as _, Response},
};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::simulator::faults::Refusal;

/// A reply, or a refusal to be sent instead.
pub(crate) type Answer = Result<Reply, Reply>;

const DOCS: &str = "https://docs.github.com/rest";
const ABSENT: &str = "absent";

#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) note: String,
    is_fault_of_graphql: bool,
    content_type: &'static str,
    body: Vec<u8>,
    headers: Vec<(String, String)>,
}

impl Reply {
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self {
            status,
            note: String::new(),
            is_fault_of_graphql: false,
            content_type: "application/json; charset=utf-8",
            body: body.to_string().into_bytes(),
            headers: Vec::new(),
        }
    }

    #[expect(clippy::unnecessary_wraps, reason = "a route ends with it")]
    pub(crate) fn ok(body: &Value) -> Answer {
        Ok(Self::json(200, body))
    }

    #[expect(clippy::unnecessary_wraps, reason = "a route ends with it")]
    pub(crate) fn created(body: &Value) -> Answer {
        Ok(Self::json(201, body))
    }

    #[expect(clippy::unnecessary_wraps, reason = "a route ends with it")]
    pub(crate) fn nothing() -> Answer {
        let mut reply = Self::json(204, &Value::Null);
        reply.body.clear();
        Ok(reply)
    }

    #[expect(clippy::unnecessary_wraps, reason = "a route ends with it")]
    pub(crate) fn bytes(content_type: &'static str, body: Vec<u8>) -> Answer {
        Ok(Self { content_type, body, ..Self::json(200, &Value::Null) })
    }

    pub(crate) fn refuse(status: u16, message: &str) -> Self {
        let body = json!({
            "message": message, "documentation_url": DOCS, "status": status.to_string(),
        });
        let mut reply = Self::json(status, &body);
        message.clone_into(&mut reply.note);
        reply
    }

    /// A refusal in plain text, from before the API proper.
    pub(crate) fn refuse_plainly(status: u16, message: &str) -> Self {
        let mut reply = Self::refuse(status, message);
        reply.content_type = "text/html";
        message.as_bytes().clone_into(&mut reply.body);
        reply
    }

    /// 422 with the errors GitHub lists.
    pub(crate) fn invalid(errors: &Value) -> Self {
        let body = json!({
            "message": "Validation Failed", "errors": errors, "documentation_url": DOCS,
            "status": "422",
        });
        let mut reply = Self::json(422, &body);
        reply.note = format!("Validation Failed: {errors}");
        reply
    }

    /// 422 as the description of the API words it.
    pub(crate) fn invalid_request(what: &str) -> Self {
        Self::refuse(422, &format!("Invalid request.\n\n{what}"))
    }

    pub(crate) fn absent() -> Self {
        Self::absent_saying("Not Found")
    }

    /// GraphQL refuses with a status that says nothing of it.
    pub(crate) fn noted(mut self, why: &str) -> Self {
        why.clone_into(&mut self.note);
        self.is_fault_of_graphql = true;
        self
    }

    /// It is somewhere else now.
    pub(crate) fn sent_on(status: u16, message: &str, url: &str) -> Self {
        let body = json!({ "message": message, "url": url, "documentation_url": DOCS });
        Self::json(status, &body).with_header("location", url)
    }

    /// Plainly not there, in other words.
    pub(crate) fn absent_saying(message: &str) -> Self {
        let mut reply = Self::refuse(404, message);
        ABSENT.clone_into(&mut reply.note);
        reply
    }

    /// Something exists but is not visible with these credentials.
    pub(crate) fn hidden(why: &str) -> Self {
        let mut reply = Self::refuse(404, "Not Found");
        why.clone_into(&mut reply.note);
        reply
    }

    pub(crate) fn unknown_route() -> Self {
        Self::hidden("unknown route")
    }

    pub(crate) fn planned(refusal: Refusal) -> Self {
        let mut reply = Self::json(refusal.status, &refusal.body);
        reply.headers = refusal.headers;
        "planned fault".clone_into(&mut reply.note);
        reply
    }

    /// The simulator itself failed.
    pub(crate) fn broken(why: &str) -> Self {
        let mut reply = Self::json(500, &json!({"message": "Server Error"}));
        reply.note = format!("the simulator failed: {why}");
        reply
    }

    pub(crate) fn failed(error: &anyhow::Error) -> Self {
        Self::broken(&format!("{error:#}"))
    }

    pub(crate) fn with_header(mut self, name: &str, value: impl std::fmt::Display) -> Self {
        self.headers.push((name.to_owned(), value.to_string()));
        self
    }

    pub(crate) fn add_header(&mut self, name: &str, value: impl std::fmt::Display) {
        if self.headers.iter().all(|(have, _)| !have.eq_ignore_ascii_case(name)) {
            self.headers.push((name.to_owned(), value.to_string()));
        }
    }

    /// Until when it asks to wait, if it is a limit.
    pub(crate) fn asks_to_wait(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let number = |name: &str| {
            let found = self.headers.iter().find(|(have, _)| have.eq_ignore_ascii_case(name));
            found.and_then(|(_, value)| value.parse::<i64>().ok())
        };
        if !matches!(self.status, 403 | 429) {
            return None;
        }
        let reset =
            || number("x-ratelimit-reset").filter(|_| number("x-ratelimit-remaining") == Some(0));
        match number("retry-after") {
            Some(seconds) => Some(now + TimeDelta::seconds(seconds)),
            None => DateTime::from_timestamp(reset()?, 0),
        }
    }

    pub(crate) fn is_refusal(&self) -> bool {
        let is_fault = self.status >= 400 || self.is_fault_of_graphql;
        is_fault && self.note != ABSENT && self.note != "planned fault"
    }

    pub(crate) fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        for (name, value) in self.headers {
            let pair = (HeaderName::try_from(name), HeaderValue::try_from(value));
            if let (Ok(name), Ok(value)) = pair {
                headers.insert(name, value);
            }
        }
        (status, headers, Body::from(self.body)).into_response()
    }
}
