//! Shows a change to somebody who judges it: what is new with its line numbers, what was before it
//! apart, so that neither is taken for the other. The format is that of
//! <https://docs.pr-agent.ai/core-abilities/>.

use super::{Diff, FileDiff, Hunk, Line};
use crate::domain::review::Side;
use crate::domain::text::is_hidden;
use std::cmp::Reverse;
use std::collections::HashMap;
use std::fmt::Write as _;

/// Lines shown before a hunk, beyond those that belong to it, up to the head of what it is part of.
const MOST_BEFORE: usize = 10;
/// Lines shown before a hunk anyway.
const BEFORE: usize = 2;

/// A change as text, and what did not fit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// The files that fit.
    pub text: String,
    /// The paths of those that did not.
    pub left_out: Vec<String>,
}

/// Shows as many files as fit into so many bytes: first the code in the languages that the change is
/// mostly written in, then the rest, and at the end what programs write. `lines_of` gives the lines of
/// a file after the change.
pub fn show(diff: &Diff, most: usize, lines_of: impl Fn(&str) -> Option<Vec<String>>) -> Shown {
    let mut shown = Shown::default();
    for file in in_order(diff) {
        let left = most.saturating_sub(shown.text.len());
        // What cannot fit is not even looked up: there may be thousands.
        let fits = !file.is_unread && file.size() <= left;
        let text = fits.then(|| show_file(file, &lines_of));
        match text.filter(|text| text.len() <= left) {
            Some(text) => shown.text.push_str(&text),
            None => shown.left_out.push(file.path.clone()),
        }
    }
    shown
}

impl FileDiff {
    /// Bytes of its lines: it takes at least as much to show it.
    fn size(&self) -> usize {
        let lines = self.hunks.iter().flat_map(|hunk| &hunk.lines);
        lines.map(|line| line.text().len()).sum()
    }
}

/// The files as a reader would take them up.
fn in_order(diff: &Diff) -> Vec<&FileDiff> {
    let mut written: HashMap<&str, usize> = HashMap::new();
    for file in &diff.files {
        let lines: usize = file.hunks.iter().map(|hunk| hunk.lines.len()).sum();
        *written.entry(ending(&file.path)).or_default() += lines;
    }
    let mut files: Vec<&FileDiff> = diff.files.iter().collect();
    files.sort_by_key(|file| {
        let share = written.get(ending(&file.path)).copied().unwrap_or_default();
        (rank(&file.path), Reverse(share), &file.path)
    });
    files
}

/// What programs write is read last, whatever there is of it.
fn rank(path: &str) -> u8 {
    let name = path.rsplit('/').next().unwrap_or(path);
    let is_written = matches!(ending(path), "lock" | "sum" | "snap" | "map" | "svg" | "csv")
        || name.contains(".min.")
        || matches!(name, "package-lock.json" | "pnpm-lock.yaml")
        || path.split('/').any(|folder| matches!(folder, "vendor" | "node_modules" | "dist"));
    let is_text = matches!(ending(path), "md" | "txt" | "rst" | "json" | "yml" | "yaml" | "toml");
    match (is_written, is_text) {
        (true, _) => 2,
        (false, true) => 1,
        (false, false) => 0,
    }
}

fn ending(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.rsplit_once('.').map_or("", |(_, ending)| ending)
}

fn show_file(file: &FileDiff, lines_of: &impl Fn(&str) -> Option<Vec<String>>) -> String {
    let path = visible(&file.path);
    let mut text = match &file.moved_from {
        Some(from) => format!("## File: '{path}' (moved from '{}')\n", visible(from)),
        None => format!("## File: '{path}'\n"),
    };
    if file.is_removed {
        return format!("## File: '{path}' was removed\n\n");
    }
    if file.is_binary {
        text.push_str("(not text)\n");
    }
    let lines = lines_of(&file.path).unwrap_or_default();
    for hunk in &file.hunks {
        show_hunk(&mut text, hunk, &lines);
    }
    text.push('\n');
    text
}

fn show_hunk(text: &mut String, hunk: &Hunk, lines: &[String]) {
    let section = visible(&hunk.section);
    let _ = writeln!(text, "\n@@ line {} @@ {section}\n__new hunk__", hunk.new_start);
    for number in context(hunk, lines) {
        let line = lines.get(number - 1).map(String::as_str).unwrap_or_default();
        let _ = writeln!(text, "{number:>5}  {}", visible(line));
    }
    for (number, line) in hunk.numbered(Side::Right) {
        let sign = if matches!(line, Line::Added(_)) { '+' } else { ' ' };
        let _ = writeln!(text, "{number:>5} {sign}{}", visible(line.text()));
    }
    if !hunk.lines.iter().any(|line| matches!(line, Line::Removed(_))) {
        return;
    }
    text.push_str("__old hunk__\n");
    for (number, line) in hunk.numbered(Side::Left) {
        let sign = if matches!(line, Line::Removed(_)) { '-' } else { ' ' };
        let _ = writeln!(text, "{number:>5} {sign}{}", visible(line.text()));
    }
}

/// The lines in front of a hunk that help to understand it: back to the head of its function, if that
/// is near.
fn context(hunk: &Hunk, lines: &[String]) -> std::ops::Range<usize> {
    let first = hunk.new_start.max(1);
    let farthest = first.saturating_sub(MOST_BEFORE).max(1);
    let is_head = |number: &usize| {
        let line = lines.get(number - 1).map(|line| line.trim()).unwrap_or_default();
        !hunk.section.is_empty() && line.starts_with(hunk.section.trim())
    };
    let head = (farthest..first).rev().find(is_head);
    let from = head.unwrap_or_else(|| first.saturating_sub(BEFORE).max(1));
    from.min(lines.len() + 1)..first.min(lines.len() + 1)
}

/// Characters that nobody sees are shown by their numbers: what hides in code is what a review is for.
fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_hidden(c) {
            let _ = write!(shown, "\\u{{{:x}}}", u32::from(c));
        } else {
            shown.push(c);
        }
    }
    shown
}
