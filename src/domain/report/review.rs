//! The review: its text, the comments at its lines, and what the check run shows of it.

use super::{LONGEST_BODY, task_marker};
use crate::domain::act::{Annotation, InlineComment, Level};
use crate::domain::ids::TaskId;
use crate::domain::review::{Finding, Priority, Review, Verdict};
use crate::domain::task::End;
use crate::domain::text::{at_most, code_block, inert, one_line, without_secrets};
use std::fmt::Write as _;

/// A comment at a line is read beside code: it has to be short.
const LONGEST_COMMENT: usize = 8_000;
/// Findings that the summary spells out; more than this nobody reads.
const MOST_LISTED: usize = 50;

/// The text of a review whose inline findings stand at their lines.
pub fn body(task: TaskId, end: End, summary: &str, review: &Review) -> String {
    let listed: Vec<&Finding> = review.more.iter().chain(&review.elsewhere).collect();
    written(task, end, summary, review, &listed)
}

/// The same for a review that GitHub does not take with comments at lines: everything is in it.
pub fn body_of_all(task: TaskId, end: End, summary: &str, review: &Review) -> String {
    written(task, end, summary, review, &review.findings().collect::<Vec<_>>())
}

fn written(task: TaskId, end: End, summary: &str, review: &Review, listed: &[&Finding]) -> String {
    let mut parts = vec![format!("### Async Coder · pr_review · {}", verdict(review))];
    if end != End::Done {
        parts.push("**This review is unfinished**: I stopped before the end.".to_owned());
    }
    parts.push(inert(&at_most(summary, LONGEST_BODY / 3)));
    if !listed.is_empty() {
        parts.push(listing(listed));
    }
    if review.is_unscored {
        parts.push(
            "**Without a second look**: I had to stop before I could check the findings once more."
                .to_owned(),
        );
    }
    parts.extend(not_read(review));
    parts.extend(scope(review));
    parts.retain(|part| !part.is_empty());
    format!("{}\n\n{}", at_most(&parts.join("\n\n"), LONGEST_BODY), task_marker(task))
}

/// What the reviewer would do, in words; a review never approves or blocks on GitHub, because that is
/// for people.
fn verdict(review: &Review) -> &'static str {
    match review.verdict {
        Some(Verdict::Approve) => "nothing stands against it",
        Some(Verdict::RequestChanges) => "needs changes",
        Some(Verdict::Comment) | None => "comments",
    }
}

fn listing(findings: &[&Finding]) -> String {
    let mut text = "Findings that do not stand at their lines:\n".to_owned();
    for finding in findings.iter().take(MOST_LISTED) {
        let body = inert(&one_line(&finding.body, 500));
        let _ = write!(text, "\n- **{}** {} {body}", finding.priority, place(finding));
    }
    if findings.len() > MOST_LISTED {
        let _ = write!(text, "\n- and {} more", findings.len() - MOST_LISTED);
    }
    text
}

fn place(finding: &Finding) -> String {
    let lines = if finding.first == finding.last {
        finding.first.to_string()
    } else {
        format!("{}-{}", finding.first, finding.last)
    };
    format!("`{}:{lines}`", one_line(&finding.path, 200).replace('`', "'"))
}

fn not_read(review: &Review) -> Option<String> {
    if review.not_read == 0 {
        return None;
    }
    let names: Vec<_> = review
        .not_read_names
        .iter()
        .map(|name| format!("`{}`", one_line(name, 200).replace('`', "'")))
        .collect();
    let more = review.not_read.saturating_sub(names.len());
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Some(format!(
        "**Not read**: {} of {} files, because the change is too large for one review: {}{more}.",
        review.not_read,
        review.files,
        names.join(", ")
    ))
}

fn scope(review: &Review) -> Option<String> {
    let since = review.since.as_ref()?;
    Some(format!(
        "I looked only at what is new since my review of {since}. `/asynccoder pr_review full=true` looks at everything again."
    ))
}

/// A comment at some lines.
pub fn comment(finding: &Finding) -> InlineComment {
    let mut body =
        format!("**{}** {}", finding.priority, inert(&at_most(&finding.body, LONGEST_COMMENT)));
    let is_harmless = |suggestion: &&String| without_secrets(suggestion) == **suggestion;
    if let Some(suggestion) = finding.suggestion.as_ref().filter(is_harmless) {
        body.push_str("\n\n");
        body.push_str(&code_block(
            "suggestion",
            suggestion.strip_suffix('\n').unwrap_or(suggestion),
        ));
    }
    InlineComment {
        path: finding.path.clone(),
        first: finding.first,
        last: finding.last,
        side: finding.side,
        body,
    }
}

/// `3 findings: 1 P0, 2 P2`.
pub fn count(review: &Review) -> String {
    let all: Vec<Priority> = review.findings().map(|finding| finding.priority).collect();
    let each = Priority::ALL.iter().filter_map(|priority| {
        let count = all.iter().filter(|p| *p == priority).count();
        (count > 0).then(|| format!("{count} {priority}"))
    });
    match all.len() {
        0 => "no findings".to_owned(),
        1 => format!("1 finding: {}", each.collect::<String>()),
        n => format!("{n} findings: {}", each.collect::<Vec<_>>().join(", ")),
    }
}

/// One for each finding at a line that is there after the change, always in the same order.
pub fn annotations(review: &Review) -> Vec<Annotation> {
    let is_there = |finding: &&Finding| finding.side == crate::domain::review::Side::Right;
    let annotation = |finding: &Finding| Annotation {
        path: finding.path.clone(),
        first: finding.first,
        last: finding.last,
        level: match finding.priority {
            Priority::P0 => Level::Failure,
            Priority::P1 | Priority::P2 => Level::Warning,
            Priority::P3 => Level::Notice,
        },
        title: format!("{} {}", finding.priority, one_line(&without_secrets(&finding.body), 80)),
        message: at_most(&without_secrets(&finding.body), LONGEST_COMMENT),
    };
    review.at_lines().filter(is_there).map(annotation).collect()
}
