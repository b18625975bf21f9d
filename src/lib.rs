//! Async Coder.
