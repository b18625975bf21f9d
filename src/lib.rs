//! Async Coder.
pub mod domain;
