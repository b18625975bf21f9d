//! Async Coder.
mod admission;
pub mod agent;
pub mod config;
pub mod delivery;
pub mod domain;
mod git;
mod github;
mod intake;
pub mod llm;
mod outbox;
pub mod simulator;
pub mod store;
mod telemetry;
mod worker;
