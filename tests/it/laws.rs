//! What must hold always, for all inputs.

mod bash;
mod catalog;
mod documents;
mod edits;
mod ends;
mod events;
mod fallback;
mod grammar;
mod hand_off;
mod layers;
mod ledger;
mod limits;
mod migrations;
mod models;
mod plans;
mod prefix;
mod repo_config;
mod review;
mod sandbox;
mod secrets;
mod setup;
mod store;
mod text;
mod tools;
mod turn;
mod verification;
