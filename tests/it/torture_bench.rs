//! The long form of `stories/torture.rs`: seed after seed, until something is not right.
//!
//! `cargo bench --bench torture -- <first seed> <seeds> <commands> <kills> <servers> <each>`; what is
//! left out has the value of a short run. Each run prints its seed first, and the same arguments
//! throw the same dice again.
#![allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    unused_macros,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    clippy::too_many_lines,
    reason = "the world of the tests, of which a part is used here; it panics where it cannot go on"
)]

mod postgres;
mod world;

use world::torture::{Torture, run};

fn main() {
    // cargo adds a flag of its own.
    let arguments = std::env::args().skip(1).filter(|argument| !argument.starts_with("--"));
    let numbers: Vec<u64> = arguments
        .map(|argument| argument.parse().unwrap_or_else(|_| panic!("{argument} is not a number")))
        .collect();
    let number = |place: usize, default: u64| numbers.get(place).copied().unwrap_or(default);
    let size = |place, default| usize::try_from(number(place, default)).unwrap();
    let first = number(0, 1);
    for seed in first..first + number(1, 3) {
        let torture = Torture {
            seed,
            commands: size(2, 20),
            kills: size(3, 8),
            servers: size(4, 1 + seed % 2),
            each: u32::try_from(number(5, 20)).unwrap(),
        };
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        println!("{:?}", runtime.block_on(run(torture)));
    }
}
