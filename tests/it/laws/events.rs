//! Which events are acted on: what the README says, and nothing else of all that GitHub sends.

use super::layers::read;
use asynccoder::delivery::payload::{PayloadError, parse};
use asynccoder::delivery::{SUBSCRIBED_EVENTS, UNASKED_EVENTS};
use asynccoder::domain::event::Event;
use std::collections::{BTreeMap, BTreeSet};

/// Actions that GitHub sends with one event or another, and that would be easily mistaken.
const ACTIONS: &[&str] = &[
    "added",
    "archived",
    "assigned",
    "auto_merge_enabled",
    "cancelled",
    "changed",
    "closed",
    "completed",
    "converted_to_draft",
    "created",
    "deleted",
    "demilestoned",
    "dequeued",
    "dismissed",
    "edited",
    "enqueued",
    "labeled",
    "locked",
    "member_added",
    "milestoned",
    "new_permissions_accepted",
    "opened",
    "pending_change",
    "pending_change_cancelled",
    "pinned",
    "privatized",
    "publicized",
    "purchased",
    "ready_for_review",
    "removed",
    "renamed",
    "reopened",
    "requested",
    "requested_action",
    "rerequested",
    "resolved",
    "review_requested",
    "revoked",
    "submitted",
    "suspend",
    "synchronize",
    "transferred",
    "typed",
    "unarchived",
    "unassigned",
    "unlabeled",
    "unlocked",
    "unsuspend",
];
/// Events that are none of ours.
const OTHERS: &[&str] = &[
    "create",
    "delete",
    "deployment",
    "discussion",
    "discussion_comment",
    "fork",
    "label",
    "member",
    "membership",
    "meta",
    "milestone",
    "organization",
    "package",
    "public",
    "push",
    "release",
    "star",
    "status",
    "sub_issues",
    "team",
    "watch",
    "workflow_run",
];

/// Whether a body is looked into further than its action.
fn is_used(event: &str, action: &str) -> bool {
    let body = format!(r#"{{"action":"{action}"}}"#);
    match parse(event, body.as_bytes()) {
        Err(PayloadError::Misfit { .. }) => true,
        Ok(Event::Ignored(reason)) => !reason.ends_with("is not used"),
        other => panic!("{event}.{action} without anything else is {other:?}"),
    }
}

#[test]
fn the_events_that_are_acted_on_are_those_of_the_readme() {
    let mut written: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let readme = read("README.md");
    let (_, table) = readme.split_once("| event | actions | what follows |\n").expect("the table");
    for line in table.lines().skip(1).take_while(|line| line.starts_with('|')) {
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        let actions = cells[1].split(", ").map(str::to_owned).collect();
        written.insert(cells[0].trim_matches('`').to_owned(), actions);
    }
    let ours = UNASKED_EVENTS.iter().chain(SUBSCRIBED_EVENTS);
    let used = ours.chain(OTHERS).map(|event| {
        let actions = ACTIONS.iter().filter(|action| is_used(event, action));
        ((*event).to_owned(), actions.map(|action| (*action).to_owned()).collect::<BTreeSet<_>>())
    });
    let used: BTreeMap<_, _> = used.filter(|(_, actions)| !actions.is_empty()).collect();
    assert_eq!(used, written);
}

#[test]
fn what_is_asked_for_is_used_and_nothing_is_asked_for_twice() {
    let all: BTreeSet<_> = UNASKED_EVENTS.iter().chain(SUBSCRIBED_EVENTS).collect();
    assert_eq!(all.len(), UNASKED_EVENTS.len() + SUBSCRIBED_EVENTS.len());
    for event in all {
        assert!(ACTIONS.iter().any(|action| is_used(event, action)), "{event} is not used");
    }
}
