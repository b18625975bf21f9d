//! Async Coder.
pub mod config;
pub mod delivery;
pub mod domain;
pub mod store;
mod telemetry;
