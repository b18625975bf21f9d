//! What must hold always, for all inputs.

mod documents;
mod layers;
mod models;
mod store;
mod tools;
mod turn;
