//! What must hold always, for all inputs.

mod models;
mod store;
mod tools;
mod turn;
