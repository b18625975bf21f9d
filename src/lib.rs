//! Async Coder.
pub mod config;
pub mod delivery;
pub mod domain;
mod git;
mod github;
pub mod store;
mod telemetry;
