//! Reviews: findings, where they may stand, and which of them people are told.
//!
//! A model finds much; people read little. So a finding is told only if its finder is sure enough and a
//! second look agrees, never twice, and only a handful stands at the lines. What is sound but has no
//! line in the change is told in the summary instead, so that nothing sound is lost.

use super::diff::Diff;
use super::ids::Sha;
use super::text_enum;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// Comments at lines; people stop reading after a few.
pub const MOST_INLINE: usize = 8;
/// Lines of one finding.
pub const MOST_LINES: usize = 10;
/// Findings that one review may come to.
pub const MOST_FINDINGS: usize = 200;
/// A finder less sure than this is not heard, in percent.
const LEAST_CONFIDENCE: u8 = 60;
/// A second look that gives less than this is a no.
const LEAST_SCORE: u8 = 6;

text_enum!(
    /// How bad it is.
    Priority {
        /// Must not be merged.
        P0 = "P0",
        /// Should be mended before it is merged.
        P1 = "P1",
        /// Should be mended some day.
        P2 = "P2",
        /// A matter of taste, or nearly.
        P3 = "P3",
    }
);

text_enum!(
    /// A side of a change, in GitHub's words.
    Side {
        /// Before.
        Left = "LEFT",
        /// After.
        Right = "RIGHT",
    }
);

text_enum!(
    /// What a reviewer would do with the pull request.
    Verdict {
        /// Merge it.
        Approve = "approve",
        /// Neither.
        Comment = "comment",
        /// Have it changed first.
        RequestChanges = "request_changes",
    }
);

/// Something wrong with some lines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The file.
    pub path: String,
    /// The first line, from 1.
    pub first: usize,
    /// The last line.
    pub last: usize,
    /// Whether the lines are those before or after the change.
    pub side: Side,
    /// How bad it is.
    pub priority: Priority,
    /// How sure its finder is, in percent.
    pub confidence: u8,
    /// What is wrong, and why.
    pub body: String,
    /// What the lines should be instead.
    pub suggestion: Option<String>,
}

impl Finding {
    /// Its lines.
    pub const fn lines(&self) -> RangeInclusive<usize> {
        self.first..=self.last
    }

    /// What is wrong, without what differs between two ways to write the same.
    fn gist(&self) -> (String, String) {
        let letters = self.body.chars().filter(|c| c.is_alphanumeric());
        (self.path.clone(), letters.flat_map(char::to_lowercase).take(200).collect())
    }
}

/// Where a finding cannot stand, in words for its finder.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misplaced {
    /// Another file.
    #[error("{0} is not part of this change")]
    NoSuchFile(String),
    /// A file without lines.
    #[error("{0} has no lines that can be commented on")]
    NoLines(String),
    /// Lines that did not change.
    #[error("lines {}–{} of {path} ({side}) are not part of one hunk of this change; its hunks are {spans}", lines.start(), lines.end())]
    OutsideTheChange {
        /// The file.
        path: String,
        /// The side.
        side: Side,
        /// The lines.
        lines: RangeInclusive<usize>,
        /// The lines that there are.
        spans: String,
    },
    /// Too many lines at once.
    #[error("more than {MOST_LINES} lines; name the ones that matter")]
    TooManyLines,
    /// What is gone cannot be replaced.
    #[error("a suggestion can only replace lines that are there after the change (RIGHT)")]
    SuggestsThePast,
}

/// Whether GitHub would take a comment there.
/// <https://docs.github.com/rest/pulls/reviews#create-a-review-for-a-pull-request>
pub fn check_place(diff: &Diff, finding: &Finding) -> Result<(), Misplaced> {
    let path = || finding.path.clone();
    let file = diff.file(&finding.path).ok_or_else(|| Misplaced::NoSuchFile(path()))?;
    if file.hunks.is_empty() {
        return Err(Misplaced::NoLines(path()));
    }
    if finding.suggestion.is_some() && finding.side == Side::Left {
        return Err(Misplaced::SuggestsThePast);
    }
    if finding.lines().count() > MOST_LINES {
        return Err(Misplaced::TooManyLines);
    }
    if file.hunk_with(finding.side, &finding.lines()).is_some() {
        return Ok(());
    }
    let spans = file.hunks.iter().map(|hunk| hunk.span(finding.side)).filter(|s| !s.is_empty());
    let spans: Vec<_> = spans.take(20).map(|s| format!("{}–{}", s.start(), s.end())).collect();
    let (side, lines) = (finding.side, finding.lines());
    Err(Misplaced::OutsideTheChange { path: path(), side, lines, spans: spans.join(", ") })
}

/// What a review came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Review {
    /// The commit up to which an earlier review had looked, if only the rest was looked at.
    pub since: Option<Sha>,
    /// What the reviewer would do.
    pub verdict: Option<Verdict>,
    /// Findings that stand at their lines.
    pub inline: Vec<Finding>,
    /// Sound findings beyond those, also at lines of the change.
    pub more: Vec<Finding>,
    /// Sound findings without a line in the change.
    pub elsewhere: Vec<Finding>,
    /// Whether there was no second look at what was found.
    pub is_unscored: bool,
    /// What earlier reviews of the pull request had told.
    pub told_before: usize,
    /// Files that changed.
    pub files: usize,
    /// Files whose change was not shown to the reviewer.
    pub not_read: usize,
    /// Some of them by name.
    pub not_read_names: Vec<String>,
}

impl Review {
    /// Whether nothing stands against the change, as far as all reviews of it say.
    pub fn is_clean(&self) -> bool {
        let has_seen_all = self.not_read == 0 && self.since.is_none();
        has_seen_all && self.told_before == 0 && !self.has_findings()
    }

    /// Whether there is anything to tell.
    pub fn has_findings(&self) -> bool {
        self.findings().next().is_some()
    }

    /// Everything that people are told, the worst first.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.inline.iter().chain(&self.more).chain(&self.elsewhere)
    }

    /// Findings that are at lines of the change.
    pub fn at_lines(&self) -> impl Iterator<Item = &Finding> {
        self.inline.iter().chain(&self.more)
    }
}

/// Scores of a second look, by the number of the finding, from 1.
pub type Scores = BTreeMap<usize, u8>;

/// Sorts out which findings people are told, and where. `told` are those of earlier reviews.
#[must_use]
pub fn sorted_out(diff: &Diff, found: &[Finding], scores: &Scores, told: &[Finding]) -> Review {
    let is_sound = |(number, finding): &(usize, &Finding)| {
        finding.confidence >= LEAST_CONFIDENCE
            && scores.get(number).is_none_or(|score| *score >= LEAST_SCORE)
    };
    let sound = (1..).zip(found).filter(is_sound).map(|(_, finding)| finding);
    let mut sound: Vec<&Finding> = sound.collect();
    let is_placed = |finding: &Finding| check_place(diff, finding).is_ok();
    // Of two that say the same, the one at a line stays.
    sound.sort_by_key(|f| (!is_placed(f), f.priority, std::cmp::Reverse(f.confidence)));
    let mut known: Vec<_> = told.iter().map(Finding::gist).collect();
    let mut review = Review {
        is_unscored: !found.is_empty() && scores.is_empty(),
        told_before: told.len(),
        ..Review::default()
    };
    for finding in sound {
        let gist = finding.gist();
        if known.contains(&gist) {
            continue;
        }
        known.push(gist);
        let place = if !is_placed(finding) {
            &mut review.elsewhere
        } else if review.inline.len() < MOST_INLINE {
            &mut review.inline
        } else {
            &mut review.more
        };
        place.push(finding.clone());
    }
    review
}
