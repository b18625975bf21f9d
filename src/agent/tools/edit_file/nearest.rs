//! The places of a file that look most like what the model quoted in vain.

use std::collections::HashSet;
use std::ops::RangeInclusive;

const MOST_WINDOWS: usize = 3;
/// Windows with less in common than this are not worth a comparison.
const LEAST_ROUGH_SCORE: f64 = 0.3;
/// Below this a place is not worth naming.
const LEAST_SCORE: f64 = 0.5;
/// How many of the roughly best are compared line by line.
const MOST_COMPARED: usize = 50;
/// Longer lines are compared by their beginnings.
const COMPARED_CHARS: usize = 120;
/// Bounds for the comparisons, whatever the file and the quote.
const MOST_LINES: usize = 50_000;
const MOST_QUOTED_LINES: usize = 60;

/// Up to three windows of lines, best first, counted from one.
pub(super) fn windows(content: &str, old: &str) -> Vec<RangeInclusive<usize>> {
    let lines: Vec<_> = content.lines().take(MOST_LINES).map(str::trim).collect();
    let old: Vec<_> = old.lines().take(MOST_QUOTED_LINES).map(str::trim).collect();
    let length = old.len().min(lines.len()).max(1);
    let windows = || lines.windows(length).zip(1..);
    let rough = best(windows().map(|(w, start)| (rough_score(w, &old), start)), LEAST_ROUGH_SCORE);
    let compared = rough.into_iter().take(MOST_COMPARED).filter_map(|start| {
        let window = lines.get(start - 1..start - 1 + length)?;
        Some((score(window, &old), start))
    });
    apart(best(compared, LEAST_SCORE), length)
}

/// The starts with at least this score, best first and then topmost.
fn best(scored: impl Iterator<Item = (f64, usize)>, least: f64) -> Vec<usize> {
    let mut scored: Vec<_> = scored.filter(|(score, _)| *score >= least).collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    scored.into_iter().map(|(_, start)| start).collect()
}

/// Only windows that do not overlap a better one.
fn apart(starts: Vec<usize>, length: usize) -> Vec<RangeInclusive<usize>> {
    let mut chosen: Vec<usize> = Vec::new();
    for start in starts {
        if chosen.len() < MOST_WINDOWS && chosen.iter().all(|c| c.abs_diff(start) >= length) {
            chosen.push(start);
        }
    }
    chosen.into_iter().map(|start| start..=start + length - 1).collect()
}

/// The share of quoted lines that are somewhere in the window, or how alike the first lines are.
fn rough_score(window: &[&str], old: &[&str]) -> f64 {
    let there: HashSet<_> = window.iter().filter(|line| !line.is_empty()).collect();
    let quoted: Vec<_> = old.iter().filter(|line| !line.is_empty()).collect();
    let hits = quoted.iter().filter(|line| there.contains(**line)).count();
    let first = quoted.first().map_or("", |line| **line);
    let alike = window.iter().find(|line| !line.is_empty()).map_or(0.0, |line| like(line, first));
    mean(std::iter::once(count(hits)), quoted.len()).max(alike)
}

/// How alike the lines are, each with the one in its place.
fn score(window: &[&str], old: &[&str]) -> f64 {
    mean(window.iter().zip(old).map(|(line, old)| like(line, old)), old.len())
}

/// From 0 to 1.
fn like(one: &str, other: &str) -> f64 {
    let short = |line: &str| line.chars().take(COMPARED_CHARS).collect::<String>();
    strsim::sorensen_dice(&short(one), &short(other))
}

fn mean(values: impl Iterator<Item = f64>, number: usize) -> f64 {
    if number == 0 { 0.0 } else { values.sum::<f64>() / count(number) }
}

#[expect(clippy::cast_precision_loss, reason = "line counts are far below 2^52")]
const fn count(number: usize) -> f64 {
    number as f64
}
