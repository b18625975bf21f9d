//! One test binary: stories of people and the laws that hold always.

mod laws;
mod simulator;
