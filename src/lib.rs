//! Async Coder.
mod admission;
pub mod config;
pub mod delivery;
pub mod domain;
mod git;
mod github;
mod intake;
mod outbox;
pub mod store;
mod telemetry;
