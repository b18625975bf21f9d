//! What must hold always, for all inputs.

mod bash;
mod catalog;
mod documents;
mod ends;
mod fallback;
mod grammar;
mod hand_off;
mod layers;
mod ledger;
mod migrations;
mod models;
mod prefix;
mod review;
mod sandbox;
mod secrets;
mod store;
mod text;
mod tools;
mod turn;
mod verification;
