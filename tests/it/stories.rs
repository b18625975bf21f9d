//! What people can rely on, a file for each promise.

mod issue_to_pull_request;
