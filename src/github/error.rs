//! What GitHub's refusals mean for whoever called.

use http::StatusCode;
use std::time::Duration;

/// A secondary limit without a time means at least a minute.
/// <https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api>
const UNSPOKEN_WAIT: Duration = Duration::from_mins(1);
/// Which permissions would have been enough.
/// <https://docs.github.com/rest/using-the-rest-api/troubleshooting-the-rest-api#insufficient-permissions>
const ACCEPTED: &str = "x-accepted-github-permissions";
/// Nobody waits longer than a primary limit's window.
const LONGEST_WAIT: u64 = 3600;

/// Why a call did not work. Messages are GitHub's own and are fit for a log.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum GitHubError {
    /// Not there, or not for this token.
    #[error("not found: {0}")]
    NotFound(String),
    /// The token is wrong, expired or revoked.
    #[error("GitHub did not accept the token: {0}")]
    Unauthorized(String),
    /// GitHub will not allow it to anybody, for example because the repository is archived.
    #[error("not allowed: {0}")]
    Forbidden(String),
    /// The App lacks a permission that an owner can grant.
    #[error("the App lacks {0}")]
    Lacks(String),
    /// A person suspended the installation.
    #[error("the installation is suspended")]
    Suspended,
    /// The repository has another name or owner now.
    #[error("the repository has moved")]
    Moved,
    /// Too many requests; nothing was done.
    #[error("GitHub asks to wait {0:?}")]
    Limited(Duration),
    /// GitHub will not do this, now or later.
    #[error("GitHub refused ({status}): {message}")]
    Refused {
        /// 409, 410 or 422, mostly.
        status: u16,
        /// GitHub's words, with each error it lists.
        message: String,
    },
    /// No answer, or one that tells nothing: it may have been done or not.
    #[error("GitHub is unwell: {0}")]
    Unwell(String),
}

impl GitHubError {
    /// Whether the request may have had its effect all the same.
    pub(crate) fn leaves_unsure(&self) -> bool {
        matches!(self, Self::Unwell(_))
    }

    /// Whether trying again later can help.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::Limited(_) | Self::Unwell(_) | Self::Unauthorized(_) => true,
            Self::NotFound(_)
            | Self::Forbidden(_)
            | Self::Lacks(_)
            | Self::Suspended
            | Self::Moved
            | Self::Refused { .. } => false,
        }
    }
}

impl From<octocrab::Error> for GitHubError {
    fn from(error: octocrab::Error) -> Self {
        let octocrab::Error::GitHub { source, .. } = &error else {
            return Self::Unwell(chain(&error));
        };
        let details =
            source.errors.iter().flatten().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let message = if details.is_empty() {
            source.message.clone()
        } else {
            format!("{}: {details}", source.message)
        };
        let header = |name: &str| {
            source.headers.as_ref().and_then(|h| h.get(name)?.to_str().ok()?.parse::<i64>().ok())
        };
        let status = source.status_code;
        if let Some(wait) = wait(status, &source.message, header) {
            return Self::Limited(wait);
        }
        if source.message.contains("not accessible by integration")
            || source.message.contains("permissions requested are not granted")
        {
            let accepted = source.headers.as_ref().and_then(|h| h.get(ACCEPTED)?.to_str().ok());
            return Self::Lacks(permission(accepted));
        }
        match status.as_u16() {
            301 | 302 | 307 | 308 => Self::Moved,
            401 => Self::Unauthorized(message),
            403 if message.contains("suspended") => Self::Suspended,
            403 => Self::Forbidden(message),
            404 => Self::NotFound(message),
            500.. => Self::Unwell(format!("{status}: {message}")),
            status => Self::Refused { status, message },
        }
    }
}

/// `the permission contents: write`, from `contents=write; metadata=read`: the first set is enough.
fn permission(accepted: Option<&str>) -> String {
    let set = accepted.and_then(|sets| sets.split(';').next()).map(str::trim).unwrap_or_default();
    if set.is_empty() {
        return "a permission".to_owned();
    }
    format!("the permission `{}`", set.replace('=', ": "))
}

/// How long to wait, if this is a limit and not a refusal.
fn wait(
    status: StatusCode,
    message: &str,
    header: impl Fn(&str) -> Option<i64>,
) -> Option<Duration> {
    if status != StatusCode::FORBIDDEN && status != StatusCode::TOO_MANY_REQUESTS {
        return None;
    }
    let until_reset = || {
        let reset =
            header("x-ratelimit-reset").filter(|_| header("x-ratelimit-remaining") == Some(0))?;
        Some((reset - chrono::Utc::now().timestamp()).max(1))
    };
    let seconds = header("retry-after").or_else(until_reset).and_then(|s| u64::try_from(s).ok());
    let is_limit = status == StatusCode::TOO_MANY_REQUESTS || message.contains("rate limit");
    match seconds {
        Some(seconds) => Some(Duration::from_secs(seconds.clamp(1, LONGEST_WAIT))),
        None => is_limit.then_some(UNSPOKEN_WAIT),
    }
}

/// The whole chain of causes, because the outermost one says next to nothing.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        // Many causes repeat the one below them.
        if !text.contains(&inner_text) {
            text.push_str(": ");
            text.push_str(&inner_text);
        }
        cause = inner.source();
    }
    text
}
