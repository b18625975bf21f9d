//! What must hold always, for all inputs.

mod catalog;
mod documents;
mod ends;
mod events;
mod fallback;
mod grammar;
mod hand_off;
mod layers;
mod ledger;
mod migrations;
mod models;
mod plans;
mod prefix;
mod review;
mod secrets;
mod store;
mod text;
mod tools;
mod turn;
