//! A change as values: files, hunks and lines, read from what git prints.
//!
//! It answers the two questions of a review: which lines are part of the change, because GitHub takes
//! comments on no others, and how the change is shown to somebody who judges it.

mod parse;
mod show;
mod suggestions;

pub use parse::parse;
pub use show::{Shown, show};
pub use suggestions::{Suggestion, is_more_than_lines, suggestions};

use super::review::Side;
use std::collections::BTreeSet;
use std::ops::RangeInclusive;

/// What changed between two commits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diff {
    /// The files, in git's order.
    pub files: Vec<FileDiff>,
}

/// What changed in one file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileDiff {
    /// Where it is now; for a removed file, where it was.
    pub path: String,
    /// Where it was, if it was moved.
    pub moved_from: Option<String>,
    /// Whether it is no longer there.
    pub is_removed: bool,
    /// Whether it has no lines.
    pub is_binary: bool,
    /// Whether nobody read what changed in it, because that was too much.
    pub is_unread: bool,
    /// The changed parts.
    pub hunks: Vec<Hunk>,
}

/// A part of a file in which lines changed, with the lines around them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hunk {
    /// The number of its first line before the change.
    pub old_start: usize,
    /// The number of its first line after the change.
    pub new_start: usize,
    /// What git believes it to be part of, such as the head of a function.
    pub section: String,
    /// Its lines, in order.
    pub lines: Vec<Line>,
}

/// A line of a hunk, without its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// In both.
    Kept(String),
    /// Only after the change.
    Added(String),
    /// Only before the change.
    Removed(String),
}

impl Diff {
    /// A file by its path.
    pub fn file(&self, path: &str) -> Option<&FileDiff> {
        self.files.iter().find(|file| file.path == path)
    }

    /// The same with all of these paths: what is not known of yet was not read.
    #[must_use]
    pub fn with_unread(mut self, paths: Vec<String>) -> Self {
        let known: BTreeSet<String> = self.files.iter().map(|file| file.path.clone()).collect();
        let unread = paths.into_iter().filter(|path| !known.contains(path));
        self.files.extend(unread.map(|path| FileDiff {
            path,
            is_unread: true,
            ..FileDiff::default()
        }));
        self
    }

    /// Only the hunks that a newer change touches, for a look at what is new.
    #[must_use]
    pub fn touched_by(&self, newer: &Diff) -> Self {
        let files = self.files.iter().filter_map(|file| file.touched_by(newer.file(&file.path)?));
        Self { files: files.collect() }
    }
}

impl FileDiff {
    /// The hunk that has all of these lines on one side, if there is one.
    pub fn hunk_with(&self, side: Side, lines: &RangeInclusive<usize>) -> Option<&Hunk> {
        self.hunks.iter().find(|hunk| {
            let span = hunk.span(side);
            span.contains(lines.start()) && span.contains(lines.end())
        })
    }

    fn touched_by(&self, newer: &FileDiff) -> Option<Self> {
        if self.hunks.is_empty() || newer.is_unread {
            return Some(self.clone());
        }
        let is_touched = |hunk: &&Hunk| {
            let span = hunk.span(Side::Right);
            let mut changed = newer.hunks.iter().flat_map(Hunk::changed_after);
            changed.any(|line| span.contains(&line))
        };
        let hunks: Vec<_> = self.hunks.iter().filter(is_touched).cloned().collect();
        (!hunks.is_empty()).then(|| Self { hunks, ..self.clone() })
    }
}

impl Hunk {
    /// The numbers of its lines on one side; empty if it has none there.
    pub fn span(&self, side: Side) -> RangeInclusive<usize> {
        let start = self.start(side);
        match self.lines.iter().filter(|line| line.is_on(side)).count() {
            0 => RangeInclusive::new(1, 0),
            count => start..=start + count - 1,
        }
    }

    /// The lines of one side with their numbers.
    pub fn numbered(&self, side: Side) -> impl Iterator<Item = (usize, &Line)> {
        let lines = self.lines.iter().filter(move |line| line.is_on(side));
        (self.start(side)..).zip(lines)
    }

    const fn start(&self, side: Side) -> usize {
        match side {
            Side::Left => self.old_start,
            Side::Right => self.new_start,
        }
    }

    /// Where something is new after the change, or something is gone from in front of it.
    fn changed_after(&self) -> Vec<usize> {
        let mut next = self.new_start;
        let mut changed = Vec::new();
        for line in &self.lines {
            if !matches!(line, Line::Kept(_)) {
                changed.push(next);
            }
            next += usize::from(line.is_on(Side::Right));
        }
        changed
    }
}

impl Line {
    /// What it says.
    pub fn text(&self) -> &str {
        match self {
            Line::Kept(text) | Line::Added(text) | Line::Removed(text) => text,
        }
    }

    /// Whether it is there before (left) or after (right) the change.
    pub const fn is_on(&self, side: Side) -> bool {
        match (self, side) {
            (Line::Kept(_), _) | (Line::Added(_), Side::Right) | (Line::Removed(_), Side::Left) => {
                true
            }
            (Line::Added(_), Side::Left) | (Line::Removed(_), Side::Right) => false,
        }
    }
}
