//! The places of a file that look most like what the model quoted in vain.

use std::collections::HashSet;
use std::ops::RangeInclusive;

const MOST_WINDOWS: usize = 3;
/// Below this a place is not worth naming: half of the lines are there, or one nearly is.
const LEAST_SCORE: f64 = 0.5;
/// Longer lines are compared by their beginnings.
const COMPARED_CHARS: usize = 120;
/// A bound for the comparisons, whatever the file.
const MOST_LINES: usize = 50_000;

/// Up to three windows of lines, best first, counted from one.
pub(super) fn windows(content: &str, old: &str) -> Vec<RangeInclusive<usize>> {
    let lines: Vec<_> = content.lines().take(MOST_LINES).map(str::trim).collect();
    let old: Vec<_> = old.lines().map(str::trim).collect();
    let length = old.len().min(lines.len()).max(1);
    let mut scored: Vec<_> = lines
        .windows(length)
        .enumerate()
        .map(|(start, window)| (score(window, &old), start + 1))
        .filter(|(score, _)| *score >= LEAST_SCORE)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    apart(scored.into_iter().map(|(_, start)| start), length)
}

/// Only windows that do not overlap a better one.
fn apart(starts: impl Iterator<Item = usize>, length: usize) -> Vec<RangeInclusive<usize>> {
    let mut chosen: Vec<usize> = Vec::new();
    for start in starts {
        if chosen.len() < MOST_WINDOWS && chosen.iter().all(|c| c.abs_diff(start) >= length) {
            chosen.push(start);
        }
    }
    chosen.into_iter().map(|start| start..=start + length - 1).collect()
}

/// From 0 to 1: the share of quoted lines that are in the window, or how alike the first lines are.
fn score(window: &[&str], old: &[&str]) -> f64 {
    let there: HashSet<_> = window.iter().filter(|line| !line.is_empty()).collect();
    let quoted: Vec<_> = old.iter().filter(|line| !line.is_empty()).collect();
    let hits = quoted.iter().filter(|line| there.contains(**line)).count();
    let share = ratio(hits, quoted.len());
    let first = quoted.first().map_or("", |line| **line);
    let alike = window.iter().find(|line| !line.is_empty()).map_or(0.0, |line| like(line, first));
    if quoted.len() == 1 { alike } else { share.max(alike * 0.8) }
}

fn like(one: &str, other: &str) -> f64 {
    let short = |line: &str| line.chars().take(COMPARED_CHARS).collect::<String>();
    strsim::sorensen_dice(&short(one), &short(other))
}

#[expect(clippy::cast_precision_loss, reason = "line counts are far below 2^52")]
fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
