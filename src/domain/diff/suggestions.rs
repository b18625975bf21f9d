//! A change said as replacements of lines of a pull request: its author takes them over with a press.

use super::{Diff, FileDiff, Line};
use crate::domain::review::Side;
use std::ops::Range;

/// Whoever has to press more often takes the patch.
const MOST: usize = 20;

/// Lines of a file, and what is to stand there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suggestion {
    /// The file.
    pub path: String,
    /// The first line that is replaced, from 1.
    pub first: usize,
    /// The last one.
    pub last: usize,
    /// The lines instead of them; there may be none.
    pub lines: Vec<String>,
}

/// The whole of a change on top of a pull request, if all of it is at lines that the pull request
/// shows: a part of a change would be no change that anybody has looked at.
pub fn suggestions(change: &Diff, pull_request: &Diff) -> Option<Vec<Suggestion>> {
    let mut all = Vec::new();
    for file in &change.files {
        let shown = pull_request.file(&file.path)?;
        all.extend(of_file(file, shown)?);
    }
    (!all.is_empty() && all.len() <= MOST).then_some(all)
}

/// Whether a printed change has something to it that no lines can say: a mode, or the end of a last line.
pub fn is_more_than_lines(printed: &[u8]) -> bool {
    let marks: [&[u8]; 2] = [b"old mode ", b"\\ No newline"];
    printed.split(|byte| *byte == b'\n').any(|line| marks.iter().any(|m| line.starts_with(m)))
}

fn of_file(file: &FileDiff, shown: &FileDiff) -> Option<Vec<Suggestion>> {
    if file.is_removed || file.is_binary || file.hunks.is_empty() {
        return None;
    }
    let mut found = Vec::new();
    for hunk in &file.hunks {
        for part in changed_parts(&hunk.lines) {
            let was_there = |line: &&Line| line.is_on(Side::Left);
            let before = hunk.lines.iter().take(part.start).filter(was_there).count();
            let lines = hunk.lines.get(part)?;
            let first = hunk.old_start + before;
            let last = (first + lines.iter().filter(was_there).count()).checked_sub(1)?;
            shown.hunk_with(Side::Right, &(first..=last))?;
            let after = lines.iter().filter(|line| line.is_on(Side::Right));
            let lines: Vec<String> = after.map(|line| line.text().to_owned()).collect();
            // A line's end of another sort does not survive a comment.
            if lines.iter().any(|line| line.contains('\r')) {
                return None;
            }
            found.push(Suggestion { path: file.path.clone(), first, last, lines });
        }
    }
    Some(found)
}

/// Which lines of a hunk belong together. Where lines are only added, one beside them comes along to be
/// replaced.
fn changed_parts(lines: &[Line]) -> Vec<Range<usize>> {
    let is_kept = |line: &Line| matches!(line, Line::Kept(_));
    let mut parts: Vec<Range<usize>> = Vec::new();
    let mut at = 0;
    for run in lines.chunk_by(|a, b| is_kept(a) == is_kept(b)) {
        let mut part = at..at + run.len();
        at = part.end;
        if run.iter().any(is_kept) {
            continue;
        }
        if run.iter().all(|line| matches!(line, Line::Added(_))) {
            match part.start.checked_sub(1) {
                Some(before) => part.start = before,
                None => part.end += 1,
            }
        }
        match parts.last_mut() {
            Some(last) if last.end > part.start => last.end = part.end,
            Some(_) | None => parts.push(part),
        }
    }
    parts
}
