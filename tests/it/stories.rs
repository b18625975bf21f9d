//! What people can rely on, a file for each promise.

mod every_wall;
mod issue_to_pull_request;
mod postgres;
mod stopping;
