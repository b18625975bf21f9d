//! Tests.
mod laws;
