//! Why git did not do what it was asked, read from its exit code and its words.

use std::time::Duration;

/// Why git did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GitError {
    /// The program is missing, too old or cannot be started.
    #[error("git cannot be used: {0}. Install git 2.31 or newer")]
    Unusable(String),
    /// It took too long.
    #[error("git {0} took longer than {1:?}")]
    TimedOut(String, Duration),
    /// The server did not accept the token.
    #[error("GitHub did not accept the token for git {0}")]
    Unauthorized(String),
    /// The server does not know the repository, or not for this token.
    #[error("GitHub has no such repository for this token")]
    NotFound,
    /// The server could not be reached or broke off.
    #[error("git {0} did not reach GitHub: {1}")]
    Unreachable(String, String),
    /// The server will not take the push, now or later.
    #[error("{0}")]
    Refused(String),
    /// The repository has another name or owner now.
    #[error("the repository has moved")]
    Renamed,
    /// The branch is not where it was expected.
    #[error("the branch has moved on GitHub")]
    Moved,
    /// git said no.
    #[error("git {0} failed: {1}")]
    Failed(String, String),
    /// What came out is not what went in.
    #[error("{0}")]
    Mismatch(String),
    /// Reading or writing a file failed.
    #[error("{0}: {1}")]
    Io(String, std::io::Error),
}

/// Which of the known faults git's words describe.
pub(super) fn explain(verb: &str, stderr: &str) -> GitError {
    let has = |words: &[&str]| words.iter().any(|word| stderr.contains(word));
    if has(&[
        "Authentication failed",
        "could not read Username",
        "HTTP Basic: Access denied",
        "error: 401",
    ]) {
        return GitError::Unauthorized(verb.to_owned());
    }
    if has(&["not found", "error: 404"]) && stderr.contains("repository") {
        return GitError::NotFound;
    }
    match http_status(stderr) {
        Some(404 | 410) => return GitError::NotFound,
        Some(301 | 302 | 307 | 308) => {
            return GitError::Renamed;
        }
        Some(status @ (400..=499)) if !matches!(status, 401 | 408 | 429) => {
            return GitError::Refused(format!("GitHub refused git {verb} with status {status}."));
        }
        Some(_) | None => {}
    }
    if stderr.contains("fsck error") {
        return GitError::Refused(format!(
            "The repository has an object that git finds unsafe: {}",
            last_line(stderr)
        ));
    }
    let unreachable = [
        "Could not resolve host",
        "Failed to connect",
        "Couldn't connect",
        "Connection reset",
        "unable to access",
        "early EOF",
        "RPC failed",
        "the remote end hung up",
        "Empty reply",
        "unexpected disconnect",
    ];
    if has(&unreachable) {
        return GitError::Unreachable(verb.to_owned(), last_line(stderr));
    }
    GitError::Failed(verb.to_owned(), last_line(stderr))
}

/// The status in `The requested URL returned error: 403`.
fn http_status(stderr: &str) -> Option<u16> {
    let (_, rest) = stderr.split_once("returned error: ")?;
    rest.get(..3)?.parse().ok()
}

fn last_line(text: &str) -> String {
    let line =
        text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("it said nothing");
    line.chars().take(300).collect()
}
