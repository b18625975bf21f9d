//! What people can rely on, a file for each promise.


";
/// What people see when a comment becomes a pull request, whatever happened behind it.
alice        #1 /asynccoder debug
asynccoder   #1 :eyes:
asynccoder   #1 debug · done: I opened draft pull request #2. [3 steps, 1 credit]
asynccoder   check \"Async Coder / debug\" success on <sha>
asynccoder   opens #2 \"Give the discount at exactly 100.00\" for main as a draft
asynccoder   pushes asynccoder/1-no-discount-at-exactly-100-00-<short> (src/discount.rs +1 -1)
const UNDISTURBED: &str = "\
mod commands;
mod credits;
mod every_wall;
mod first_contact;
mod hostile_model;
mod hostile_text;
mod issue_to_pull_request;
mod lost_replies;
mod model_access;
mod permissions;
mod postgres;
mod repositories;
mod stopping;
mod webhook;
