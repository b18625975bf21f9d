//! What the model is told: who it is, what its kind of work demands, and the task with all foreign
//! text fenced as data.
//!
//! A fence is a tag with a random word that no text can know. Text that has it all the same, or that
//! imitates the tags, is changed so that it cannot end its fence. What people cannot see on a page
//! (comments in HTML, invisible and direction-changing characters) is not shown to the model either.

use super::{Assignment, TaskText, ThreadEntry};
use crate::domain::task::Kind;
use crate::llm::{Segment, UserPart};

const SYSTEM: &str = include_str!("prompt/system.md");
const DEBUG: &str = include_str!("prompt/debug.md");
const EDIT: &str = include_str!("prompt/edit.md");
const DOCUMENTATION: &str = include_str!("prompt/documentation.md");
const ANSWER: &str = include_str!("prompt/answer.md");
const PLAN: &str = include_str!("prompt/plan.md");

/// The bounds of foreign texts: about 4,000 tokens of guidance, 16 KiB for each other text.
const LONGEST_TEXT_BYTES: usize = 16 * 1024;
/// So much of a change is shown for the last look.
const LONGEST_REVIEW_BYTES: usize = 24 * 1024;
/// The newest comments are shown, up to this much in all.
const LONGEST_THREAD_BYTES: usize = 48 * 1024;

/// The system text: the same for all tasks of a kind, so that they share a cache.
pub fn system(kind: Kind) -> Vec<Segment> {
    let contract = match kind {
        Kind::Debug => DEBUG,
        Kind::Documentation => DOCUMENTATION,
        Kind::Async => EDIT,
        Kind::Ask | Kind::PrReview => ANSWER,
        Kind::Architect => PLAN,
    };
    vec![Segment { text: format!("{SYSTEM}\n{contract}"), cache: true }]
}

/// The first message: the repository, then the task.
pub fn task(assignment: &Assignment) -> Vec<UserPart> {
    let (fence, text) = (&assignment.fence, &assignment.task_text);
    let words = |text: String, cache_breakpoint| UserPart::Text { text, cache_breakpoint };
    vec![words(repository(fence, text), false), words(request(fence, text), true)]
}

fn repository(fence: &str, text: &TaskText) -> String {
    let mut said = format!("The repository is {}.\n", word(&text.repository));
    if let Some(guidance) = &text.guidance {
        said.push_str("What its maintainers say about working in it (AGENTS.md):\n");
        said.push_str(&data(fence, "repository", "guidance", guidance));
    }
    said
}

fn request(fence: &str, text: &TaskText) -> String {
    let sort = if text.is_pull_request { "pull request" } else { "issue" };
    let mut said = format!("The task comes from {sort} #{}:\n", text.number);
    said.push_str(&data(fence, "the reporter", "title", &text.title));
    said.push_str(&data(fence, "the reporter", "description", &text.body));
    for task in &text.earlier {
        said.push_str(&data(
            fence,
            "Async Coder",
            &format!("result of {}", word(&task.name)),
            &task.summary,
        ));
    }
    for entry in newest(&text.thread) {
        let author = format!("{} ({})", entry.author, entry.permission);
        said.push_str(&data(fence, &author, "comment", &entry.text));
    }
    said.push_str("\nThis is what you are asked to do:\n");
    said.push_str(&instruction(fence, text));
    said
}

fn instruction(fence: &str, text: &TaskText) -> String {
    let (requester, instruction) = (word(&text.requester), inert(fence, &text.instruction));
    format!(
        "<instruction fence={fence} from=\"{requester}\">\n{instruction}\n</instruction fence={fence}>\n"
    )
}

/// What is said after the conversation that a task continues.
pub fn goes_on(assignment: &Assignment) -> Vec<UserPart> {
    let text = format!(
        "That was an earlier task, and it has ended. This one goes on from it; files may have changed \
         since, so read again what you rely on. This is what you are asked to do now:\n{}",
        instruction(&assignment.fence, &assignment.task_text)
    );
    vec![UserPart::Text { text, cache_breakpoint: true }]
}

/// The whole change, for a last look before it is published.
pub fn review(diff: &str) -> String {
    format!(
        "Before this is published, look at your whole change once, as a reviewer would:\n\n{}\n\n\
         Remove what was only for trying things out, undo what the task does not need, and mend what you \
         find wrong. Then call finish again, with a summary of what the change really is.",
        cut(diff, LONGEST_REVIEW_BYTES)
    )
}

fn cut(text: &str, most: usize) -> String {
    let mut shown = text.to_owned();
    if shown.len() > most {
        shown.truncate(shown.floor_char_boundary(most));
        shown.push_str("\n[cut off here]");
    }
    shown
}

/// The last comments that fit, oldest first.
fn newest(thread: &[ThreadEntry]) -> &[ThreadEntry] {
    let mut left = LONGEST_THREAD_BYTES;
    let fits = |entry: &&ThreadEntry| {
        let length = entry.text.len().min(LONGEST_TEXT_BYTES);
        let fits = length <= left;
        left = left.saturating_sub(length);
        fits
    };
    let count = thread.iter().rev().take_while(fits).count();
    thread.get(thread.len() - count..).unwrap_or_default()
}

/// Foreign text within its fence.
pub fn data(fence: &str, author: &str, part: &str, text: &str) -> String {
    let (author, text) = (word(author), inert(fence, text));
    format!(
        "<data fence={fence} part=\"{part}\" author=\"{author}\">\n{text}\n</data fence={fence}>\n"
    )
}

/// Text that cannot end its fence, without what people cannot see.
fn inert(fence: &str, text: &str) -> String {
    let mut text: String = without_html_comments(text).chars().filter(|c| is_visible(*c)).collect();
    if !fence.is_empty() {
        text = text.replace(fence, "[removed]");
    }
    for tag in ["data", "instruction"] {
        text = without_tag(&text, tag);
    }
    cut(&text, LONGEST_TEXT_BYTES)
}

/// Makes `<data` and `</data` unlike our tags, in any case.
fn without_tag(text: &str, tag: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let (mut result, mut rest) = (String::new(), 0);
    for (at, _) in lower.match_indices('<') {
        let after = lower.get(at + 1..).unwrap_or_default().trim_start_matches(['/', ' ', '\t']);
        if after.starts_with(tag) {
            result.push_str(text.get(rest..at).unwrap_or_default());
            result.push_str("&lt;");
            rest = at + 1;
        }
    }
    result.push_str(text.get(rest..).unwrap_or_default());
    result
}

/// An open comment hides everything after it on a page, so that is left out as well.
fn without_html_comments(text: &str) -> String {
    let (mut shown, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once("<!--") {
        shown.push_str(before);
        rest = after.split_once("-->").map_or("", |(_, after)| after);
    }
    shown.push_str(rest);
    shown
}

fn is_visible(c: char) -> bool {
    let is_layout = matches!(c, '\n' | '\t');
    let is_invisible = matches!(
        c,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{e0000}'..='\u{e0fff}'
    );
    is_layout || (!c.is_control() && !is_invisible)
}

/// A name within a tag: only what logins and repository names are made of.
fn word(text: &str) -> String {
    let is_plain = |c: &char| c.is_ascii_alphanumeric() || "-_./[]() ".contains(*c);
    text.chars().filter(is_plain).take(100).collect()
}
