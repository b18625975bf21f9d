//! Deliveries: from bytes to a verified and understood event. No IO; what is not signed by one of
//! our secrets never gets past this room.

pub mod payload;
pub mod signature;

/// The events that GitHub sends without being asked to, and that have actions: those of every App, and
/// those of its listing on the Marketplace, which has a webhook of its own.
pub const UNASKED_EVENTS: &[&str] = &[
    "github_app_authorization",
    "installation",
    "installation_repositories",
    "installation_target",
    "marketplace_purchase",
];

/// The events that GitHub has to send us, in the words of the App's settings.
pub const SUBSCRIBED_EVENTS: &[&str] = &[
    "check_run",
    "check_suite",
    "issue_comment",
    "issues",
    "pull_request",
    "pull_request_review",
    "pull_request_review_comment",
    "repository",
];

/// Whether an event's name may have this in it. `projects_v2_item` has a digit.
pub const fn is_in_event_name(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'
}
