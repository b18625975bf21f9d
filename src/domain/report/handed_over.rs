//! A change as a patch, for people to apply themselves where I push nothing.

use super::task_marker;
use crate::domain::act::InlineComment;
use crate::domain::diff::Suggestion;
use crate::domain::handed_over::{FilePatch, HandedOver, NotPushed};
use crate::domain::ids::TaskId;
use crate::domain::review::Side;
use crate::domain::task::Kind;
use crate::domain::text::{code, code_block};

/// A patch of more lines is folded.
const MOST_OPEN_LINES: usize = 60;
/// So many files that are left out are named.
const MOST_NAMED: usize = 20;

/// How it is applied; the patch, as far as there is room for it; what is not in it.
pub(super) fn handed_over(task: TaskId, change: &HandedOver, room: usize) -> String {
    let (shown, left_out) = fitting(change, room);
    let mut parts = Vec::new();
    if !shown.is_empty() {
        let file = format!("t_{}.patch", task.short());
        parts
            .push(format!("Save this as `{file}`; `git apply {file}` puts it on {}:", change.base));
        let patch: String = shown.iter().filter_map(|file| file.patch.as_deref()).collect();
        parts.push(block(&patch, shown.len()));
    }
    if !left_out.is_empty() {
        parts.push(format!(
            "**Left out**, because it is no plain text or too much for a comment: {}",
            named(&left_out)
        ));
    }
    parts.join("\n\n")
}

/// The text of the review that has the same change at its lines.
pub fn suggestions_body(task: TaskId, kind: Kind) -> String {
    format!(
        "### Async Coder · {kind} · suggestions\n\nMy change at its lines; they belong together. All of it is also a patch in my comment.\n\n{}",
        task_marker(task)
    )
}

/// The same if GitHub does not take them at these lines.
pub fn no_suggestions_body(task: TaskId, kind: Kind) -> String {
    format!(
        "### Async Coder · {kind} · suggestions\n\nThe lines that I worked on have changed meanwhile, so there is nothing to be taken over here. The patch in my comment is for the commit that it names.\n\n{}",
        task_marker(task)
    )
}

/// One of its comments.
pub fn suggestion(suggestion: &Suggestion) -> InlineComment {
    // With an empty line in the block, that line would stand there in the end.
    let body = match suggestion.lines.as_slice() {
        [] => "```suggestion\n```".to_owned(),
        lines => code_block("suggestion", &lines.join("\n")),
    };
    let Suggestion { path, first, last, .. } = suggestion;
    InlineComment { path: path.clone(), first: *first, last: *last, side: Side::Right, body }
}

/// Why there is a patch.
pub(super) fn not_pushed(why: &NotPushed, suggestions: Option<&str>) -> String {
    let from = match why {
        NotPushed::Fork => "a fork".to_owned(),
        NotPushed::Protected(branch) => {
            format!("{}, which is protected or the default branch", code(branch))
        }
    };
    let also = suggestions.map(|url| format!(", and [suggestions at its lines]({url})"));
    format!(
        "This pull request comes from {from}, where I push nothing. My change is the patch below{}.",
        also.unwrap_or_default()
    )
}

/// The files whose patches fit together, and the others.
fn fitting(change: &HandedOver, room: usize) -> (Vec<&FilePatch>, Vec<&FilePatch>) {
    let mut room = room;
    change.files.iter().partition(|file| {
        let Some(length) = file.patch.as_ref().map(String::len).filter(|l| *l <= room) else {
            return false;
        };
        room -= length;
        true
    })
}

fn block(patch: &str, files: usize) -> String {
    let block = code_block("diff", patch.trim_end_matches('\n'));
    let lines = patch.lines().count();
    if lines <= MOST_OPEN_LINES {
        return block;
    }
    let files = if files == 1 { "1 file".to_owned() } else { format!("{files} files") };
    format!(
        "<details><summary>The patch: {files}, {lines} lines</summary>\n\n{block}\n\n</details>"
    )
}

fn named(files: &[&FilePatch]) -> String {
    let names: Vec<String> = files.iter().take(MOST_NAMED).map(|file| code(&file.path)).collect();
    let more = files.len().saturating_sub(MOST_NAMED);
    let more = if more == 0 { String::new() } else { format!(", and {more} more") };
    format!("{}{more}", names.join(", "))
}
