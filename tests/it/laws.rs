//! What must hold always, for all inputs.

mod models;
mod tools;
mod turn;
