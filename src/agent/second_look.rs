//! The findings of a review with the code that each is about, for the look that scores them.

use super::workspace::Workspace;
use crate::domain::diff::Diff;
use crate::domain::review::{Finding, Side};
use std::fmt::Write as _;

/// Lines of code shown around a finding.
const AROUND: usize = 4;
/// So much is shown in all; a finding without its code can still be looked up.
const LONGEST: usize = 32 * 1024;

/// All findings by number, or nothing if there are none.
pub(super) fn listing(findings: &[Finding], diff: &Diff, workspace: &Workspace) -> Option<String> {
    let mut text = String::new();
    for (number, finding) in (1..).zip(findings) {
        let Finding { path, first, last, side, priority, confidence, body, suggestion } = finding;
        let _ = writeln!(
            text,
            "## Finding {number}: {priority}, {confidence} % sure, {path} lines {first}–{last} ({side})\n{body}"
        );
        if let Some(suggestion) = suggestion {
            let _ = writeln!(text, "to be replaced by:\n{suggestion}");
        }
        if text.len() < LONGEST {
            let _ = writeln!(text, "the code:\n{}", code(finding, diff, workspace));
        }
    }
    (!text.is_empty()).then_some(text)
}

fn code(finding: &Finding, diff: &Diff, workspace: &Workspace) -> String {
    let shown = finding.first.saturating_sub(AROUND).max(1)..=finding.last.saturating_add(AROUND);
    let mut text = String::new();
    let mut add = |number: usize, line: &str| {
        if shown.contains(&number) {
            let _ = writeln!(text, "{number:>5}  {}", line.chars().take(240).collect::<String>());
        }
    };
    match finding.side {
        Side::Right => {
            let lines = lines_of(workspace, &finding.path).unwrap_or_default();
            (1..).zip(&lines).for_each(|(number, line)| add(number, line));
        }
        Side::Left => {
            let hunks = diff.file(&finding.path).into_iter().flat_map(|file| &file.hunks);
            let lines = hunks.flat_map(|hunk| hunk.numbered(Side::Left));
            lines.for_each(|(number, line)| add(number, line.text()));
        }
    }
    text
}

/// The lines of a file of the workspace, if it is one with text.
pub fn lines_of(workspace: &Workspace, path: &str) -> Option<Vec<String>> {
    let bytes = workspace.read(&workspace.path(path).ok()?).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    Some(text.lines().map(str::to_owned).collect())
}
