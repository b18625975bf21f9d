//! What the model is told: who it is, what its kind of work demands, and the task with all foreign
//! text fenced as data.
//!
//! A fence is a tag with a random word that no text can know. Text that has it all the same, or that
//! imitates the tags, is changed so that it cannot end its fence. What people cannot see on a page
//! (comments in HTML, invisible and direction-changing characters) is not shown to the model either.

use super::{Assignment, ReviewInput, TaskText, ThreadEntry};
use crate::domain::report::PlanItem;
use crate::domain::task::Kind;
use crate::domain::text::is_hidden;
use crate::domain::verification::Verification;
use crate::llm::{Segment, UserPart};
use std::collections::BTreeSet;
use std::fmt::Write as _;

const SYSTEM: &str = include_str!("prompt/system.md");
const DEBUG: &str = include_str!("prompt/debug.md");
const EDIT: &str = include_str!("prompt/edit.md");
const DOCUMENTATION: &str = include_str!("prompt/documentation.md");
const ANSWER: &str = include_str!("prompt/answer.md");
const PLAN: &str = include_str!("prompt/plan.md");
const REVIEW: &str = include_str!("prompt/review.md");
const HAND_OFF: &str = include_str!("prompt/hand_off.md");

/// What the system text says about running things, where it can be done and where it cannot.
const RUNS: &str = "\
- With `bash` you can run what the repository has: its tests, its linters, a small program that shows the fault. There is no network, so nothing can be installed. Run the tests that matter before you finish; the repository's checks are run once more after you, on exactly your change, and people are told what came out. Never claim a result yourself; put what you could not make sure of into `not_verified`.";
const RUNS_NOTHING: &str = "\
- You cannot run anything here. Never say that something was tested, compiled or run; put what you could not make sure of into `not_verified`.";

/// The bounds of foreign texts: about 4,000 tokens of guidance, 16 KiB for each other text.
const LONGEST_TEXT_BYTES: usize = 16 * 1024;
/// So much of a change is shown for the last look.
const LONGEST_REVIEW_BYTES: usize = 24 * 1024;
/// So many earlier findings are named.
const MOST_TOLD: usize = 50;
/// Of the task's own words so much is told again when a conversation is handed off: 20,000 tokens.
const LONGEST_TOLD_AGAIN: usize = 60_000;
/// So much of the notes is kept, and so many changed paths are named.
const LONGEST_NOTES: usize = 32 * 1024;
const MOST_PATHS: usize = 200;
/// The newest comments are shown, up to this much in all.
const LONGEST_THREAD_BYTES: usize = 48 * 1024;

/// The system text: the same for all tasks of a kind, so that they share a cache.
pub fn system(kind: Kind, runs: bool) -> Vec<Segment> {
    let contract = match kind {
        Kind::Debug => DEBUG,
        Kind::Documentation => DOCUMENTATION,
        Kind::Async => EDIT,
        Kind::Ask => ANSWER,
        Kind::Architect => PLAN,
        Kind::PrReview => REVIEW,
    };
    let running = if runs { RUNS } else { RUNS_NOTHING };
    let system = SYSTEM.replace("{running}", running);
    vec![Segment { text: format!("{system}\n{contract}"), cache: true }]
}

/// The first message: the repository, then the task.
pub fn task(assignment: &Assignment) -> Vec<UserPart> {
    let (fence, text) = (&assignment.fence, &assignment.task_text);
    let words = |text: String, cache_breakpoint| UserPart::Text { text, cache_breakpoint };
    let mut request = request(fence, text);
    if let Some(review) = &assignment.review {
        request.push_str(&change(fence, review));
    }
    request.push_str("\nThis is what you are asked to do:\n");
    request.push_str(&instruction(fence, text));
    vec![words(repository(fence, text), false), words(request, true)]
}

fn repository(fence: &str, text: &TaskText) -> String {
    let mut said = format!("The repository is {}.\n", word(&text.repository));
    if let Some(guidance) = &text.guidance {
        said.push_str("What its maintainers say about working in it:\n");
        said.push_str(&data(fence, "repository", "guidance", guidance));
    }
    if let Some(rules) = &text.rules {
        said.push_str("What they have configured for you (.github/asynccoder.toml):\n");
        said.push_str(&data(fence, "repository", "rules", rules));
    }
    said.push_str(&form(fence, text));
    said
}

/// The form that people want filled in, where a pull request will be opened.
fn form(fence: &str, text: &TaskText) -> String {
    let Some(template) = &text.template else { return String::new() };
    format!(
        "Pull requests of this repository have this form; write `summary` in it, leave out what does not \
         apply, and tick nothing that you did not do:\n{}",
        data(fence, "repository", "template", template)
    )
}

fn request(fence: &str, text: &TaskText) -> String {
    let sort = if text.is_pull_request { "pull request" } else { "issue" };
    let mut said = format!("The task comes from {sort} #{}:\n", text.number);
    said.push_str(&data(fence, "the reporter", "title", &text.title));
    said.push_str(&data(fence, "the reporter", "description", &text.body));
    said.push_str(&at_line(fence, text));
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
    said
}

/// Where in the change the comment that asked stands.
fn at_line(fence: &str, text: &TaskText) -> String {
    let Some(at) = &text.line else { return String::new() };
    let line = at.line.map(|line| format!(" line {line}")).unwrap_or_default();
    format!(
        "What is asked was written at{line} of {}, below this part of the change:\n{}",
        word(&at.path),
        fenced(fence, "the author", "hunk", &cut(&harmless(fence, &at.hunk), LONGEST_TEXT_BYTES))
    )
}

/// The change that is reviewed, and what was said about it before.
fn change(fence: &str, review: &ReviewInput) -> String {
    let mut said = "\nThis is the change:\n".to_owned();
    said.push_str(&fenced(fence, "the author", "change", &harmless(fence, &review.text)));
    if !review.left_out.is_empty() {
        let _ = writeln!(
            said,
            "{} more changed files are not shown, because there are too many; people are told so.",
            review.left_out.len()
        );
    }
    if !review.told.is_empty() {
        let told = review.told.iter().take(MOST_TOLD);
        let told: String = told.map(|f| format!("{}:{} {}\n", f.path, f.last, f.body)).collect();
        said.push_str("Earlier reviews told this already; do not tell it again:\n");
        said.push_str(&data(fence, "Async Coder", "told", &told));
    }
    said
}

/// What was added by the newest `retry` stands at the end, so of a long one both ends are told.
fn instruction(fence: &str, text: &TaskText) -> String {
    let (requester, words) = (word(&text.requester), harmless(fence, &visible(&text.instruction)));
    let all = words.len();
    let instruction = if all <= 2 * LONGEST_TEXT_BYTES {
        words
    } else {
        let (head, tail) = (
            words.floor_char_boundary(LONGEST_TEXT_BYTES),
            words.ceil_char_boundary(all - LONGEST_TEXT_BYTES),
        );
        let (head, tail) = (words.get(..head), words.get(tail..));
        format!("{}\n[cut off here]\n{}", head.unwrap_or_default(), tail.unwrap_or_default())
    };
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

/// The task once more, for a conversation that begins anew: verbatim, or without the words around the
/// instruction if it is too long.
pub fn told_again(assignment: &Assignment) -> Vec<UserPart> {
    let mut parts = task(assignment);
    if !assignment.before.steps.is_empty() {
        parts.extend(goes_on(assignment));
    }
    let length: usize = parts.iter().map(text_of).map(str::len).sum();
    if length <= LONGEST_TOLD_AGAIN {
        return parts;
    }
    let (fence, words) = (&assignment.fence, &assignment.task_text);
    let all = parts.iter().map(text_of).collect::<Vec<_>>().join("\n");
    let text = format!(
        "The task was told in many words; this is how they began:\n{}\nThis is what you are asked to do:\n{}",
        data(fence, "people and files", "task", &all),
        instruction(fence, words)
    );
    vec![UserPart::Text { text, cache_breakpoint: true }]
}

fn text_of(part: &UserPart) -> &str {
    match part {
        UserPart::Text { text, .. } | UserPart::ToolResult { text, .. } => text,
    }
}

/// Asks for notes in place of the conversation.
pub fn hand_off() -> Vec<UserPart> {
    vec![UserPart::Text { text: HAND_OFF.to_owned(), cache_breakpoint: false }]
}

/// What stands for the conversation up to here.
pub fn handed_off(notes: &str, plan: &[PlanItem], changed: &BTreeSet<String>) -> UserPart {
    let mut text =
        "The conversation up to here was too long and is gone. These are your own notes:\n\n"
            .to_owned();
    text.push_str(match notes.trim() {
        "" => "(you wrote none)",
        notes => notes.get(..notes.floor_char_boundary(LONGEST_NOTES)).unwrap_or(notes),
    });
    if !plan.is_empty() {
        text.push_str("\n\nYour plan:\n");
        let line = |item: &PlanItem| format!("- {}: {}\n", item.status, item.text);
        text.extend(plan.iter().map(line));
    }
    if !changed.is_empty() {
        text.push_str("\n\nFiles that you have changed; the changes are there:\n");
        text.extend(changed.iter().take(MOST_PATHS).map(|path| format!("- {path:?}\n")));
    }
    if changed.len() > MOST_PATHS {
        let _ = writeln!(text, "- and {} more", changed.len() - MOST_PATHS);
    }
    text.push_str("\n\nGo on from there. Read again what you rely on.");
    UserPart::Text { text, cache_breakpoint: true }
}

/// What is shown of a change.
pub fn shown(diff: &str) -> String {
    cut(diff, LONGEST_REVIEW_BYTES)
}

/// The change, as far as it is shown, for a last look before it is published.
pub fn review(fence: &str, shown: &str) -> String {
    format!(
        "Before this is published, look at your whole change once, as a reviewer would:\n\n{}\n\n\
         Remove what was only for trying things out, undo what the task does not need, and mend what you \
         find wrong. Then call finish again, with a summary of what the change really is.",
        fenced(fence, "you", "change", &harmless(fence, shown))
    )
}

/// Checks that were green before the change and are red with it.
pub fn red_checks(fence: &str, verification: &Verification, more: u32) -> String {
    let mut text = String::from(
        "The repository's checks were run on exactly your change. These fail, and did not before it:\n",
    );
    for check in verification.checks.iter().filter(|check| check.is_red()) {
        let printed = harmless(fence, &check.output);
        let command = word(&check.command);
        let _ = write!(text, "\n`{command}`:\n{}\n", fenced(fence, "a check", "output", &printed));
    }
    let again = match more {
        0 => "They are run once more when you call finish, for the last time".to_owned(),
        1 => "They are run again when you call finish; after that you have one more try".to_owned(),
        more => format!("They are run again when you call finish; you have {more} more tries"),
    };
    text.push_str(&format!(
        "\nMend the cause; do not weaken a check to please it. {again}. What stays red is published as a \
         draft that says so. If it has nothing to do with your change, call finish as it is."
    ));
    text
}

/// All findings with their code, to be scored.
pub fn second_look(fence: &str, findings: &str) -> String {
    let findings = fenced(fence, "you and the author", "findings", &harmless(fence, findings));
    format!(
        "Before this is published, look at each finding once more, against the code, as somebody who \
         has to answer for it:\n\n{findings}\n\
         Then call finish again, with `scores` for every finding: 0 if it is wrong or was not checked in \
         the code, up to 10 if it is certain and worth the author's time. What gets less than 6 is not \
         told. Note what you have missed before that."
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
    fenced(fence, author, part, &inert(fence, text))
}

fn fenced(fence: &str, author: &str, part: &str, text: &str) -> String {
    let author = word(author);
    format!(
        "<data fence={fence} part=\"{part}\" author=\"{author}\">\n{text}\n</data fence={fence}>\n"
    )
}

/// Text that cannot end its fence, without what people cannot see.
fn inert(fence: &str, text: &str) -> String {
    cut(&harmless(fence, &visible(text)), LONGEST_TEXT_BYTES)
}

/// Without what people cannot see.
fn visible(text: &str) -> String {
    without_html_comments(text).chars().filter(|c| !is_hidden(*c)).collect()
}

/// Text that cannot end its fence.
fn harmless(fence: &str, text: &str) -> String {
    let mut text = text.to_owned();
    if !fence.is_empty() {
        text = text.replace(fence, "[removed]");
    }
    for tag in ["data", "instruction"] {
        text = without_tag(&text, tag);
    }
    text
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

/// A name within a tag: only what logins and repository names are made of.
fn word(text: &str) -> String {
    let is_plain = |c: &char| c.is_ascii_alphanumeric() || "-_./[]() ".contains(*c);
    text.chars().filter(is_plain).take(100).collect()
}
