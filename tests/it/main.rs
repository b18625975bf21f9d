//! Tests.
#![allow(
    unreachable_pub,
    clippy::assigning_clones,
    clippy::cognitive_complexity,
    clippy::needless_raw_string_hashes,
    clippy::similar_names,
    clippy::default_trait_access,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    clippy::too_many_lines,
    clippy::needless_pass_by_value,
    clippy::format_collect,
    reason = "a test that cannot go on panics, and a table is as long as it is, and expected texts are written by a program"
)]

mod laws;
mod pooler;
mod postgres;
mod simulator;
mod stories;
mod world;
