//! What people can rely on, a file for each promise.

mod answers;
mod any_order;
mod buttons;
mod checked_work;
mod commands;
mod configuration;
mod conversations;
mod crashes;
mod credits;
mod every_commit;
mod every_wall;
mod examples;
mod final_answers;
mod first_contact;
mod frozen;
mod hostile_model;
mod hostile_text;
mod in_reviews;
mod installations;
mod issue_to_pull_request;
mod kinds_and_models;
mod labels;
mod limits;
mod lost_replies;
mod marketplace;
mod missed_webhooks;
mod model_access;
mod model_faults;
mod model_outages;
mod on_pull_requests;
mod passing_time;
mod permissions;
mod postgres;
mod program;
mod proposed_configuration;
mod pull_request_states;
mod rate_limits;
mod readme;
mod repositories;
mod reviews;
mod run_again;
mod setups;
mod simulated;
mod slow_pushes;
mod stopped_servers;
mod stopping;
mod torture;
mod unasked_reviews;
mod waiting_for_people;
mod webhook;
mod where_people_type;
mod who_may;

/// What people see when a comment becomes a pull request, whatever happened behind it.
const UNDISTURBED: &str = "\
alice        #1 /asynccoder debug
asynccoder   #1 :eyes:
asynccoder   pushes asynccoder/1-no-discount-at-exactly-100-00-<short> (src/discount.rs +1 -1)
asynccoder   opens #2 \"Give the discount at exactly 100.00\" for main as a draft
asynccoder   check \"Async Coder / debug\" success on <sha>
asynccoder   #1 debug · done: I opened draft pull request #2. [4 steps, 1 credit]
";
