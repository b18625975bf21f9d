//! Finding what the model quotes, from exact to forgiving: exact, with the file's own line ends,
//! without regard to white space at the ends of lines, and shifted as a whole. Each rung is tried
//! only if the one before found nothing. Bytes outside of what is replaced never change.

use std::ops::{Range, RangeInclusive};

/// A file after the replacement.
pub(super) struct Edited {
    /// The whole content.
    pub(super) content: String,
    /// The lines that were put in, counted from one.
    pub(super) places: Vec<RangeInclusive<usize>>,
    /// How it was found.
    pub(super) rung: Rung,
}

/// Why nothing was replaced.
pub(super) enum Miss {
    /// It is not there.
    None,
    /// It is there more than once: how often, and the first of the lines where it begins.
    Many(usize, Vec<usize>),
    /// It is there so often that replacing it cannot be meant.
    TooMany,
}

/// More replacements, or more bytes of them, are a mistake, and would take for ever.
const MOST_PATCHES: usize = 10_000;
const MOST_PATCHED_BYTES: usize = 8 * 1024 * 1024;
/// Lines to name when there is more than one.
const MOST_NAMED: usize = 20;

/// How forgiving the search had to be.
#[derive(Clone, Copy)]
pub(super) enum Rung {
    Exact,
    LineEnds,
    TrailingSpace,
    Indentation,
}

impl Rung {
    const ALL: [Rung; 4] = [Rung::Exact, Rung::LineEnds, Rung::TrailingSpace, Rung::Indentation];

    /// What the model is told about it.
    pub(super) const fn note(self) -> &'static str {
        match self {
            Rung::Exact | Rung::LineEnds => "",
            Rung::TrailingSpace => " (white space at line ends differed)",
            Rung::Indentation => " (the indentation differed and was adapted)",
        }
    }

    fn patches(self, content: &str, old: &str, new: &str) -> Vec<Patch> {
        match self {
            Rung::Exact => exact(content, old, new),
            Rung::LineEnds => with_other_line_ends(content, old, new),
            Rung::TrailingSpace => by_line(content, old, new, same_but_for_the_end),
            Rung::Indentation => by_line(content, old, new, shifted),
        }
    }
}

struct Patch {
    range: Range<usize>,
    text: String,
}

/// Replaces the one occurrence, or all of them.
pub(super) fn replace(content: &str, old: &str, new: &str, all: bool) -> Result<Edited, Miss> {
    for rung in Rung::ALL {
        let patches = rung.patches(content, old, new);
        if patches.len() > MOST_PATCHES || size(&patches) > MOST_PATCHED_BYTES {
            return Err(Miss::TooMany);
        }
        if patches.len() > 1 && !all {
            let first = patches.iter().take(MOST_NAMED);
            let lines = first.map(|patch| line_at(content, patch.range.start)).collect();
            return Err(Miss::Many(patches.len(), lines));
        }
        if !patches.is_empty() {
            return Ok(apply(content, &patches, rung));
        }
    }
    Err(Miss::None)
}

fn apply(content: &str, patches: &[Patch], rung: Rung) -> Edited {
    let (mut edited, mut places, mut done, mut line) = (String::new(), Vec::new(), 0, 1);
    for patch in patches {
        let before = content.get(done..patch.range.start).unwrap_or_default();
        line += before.matches('\n').count();
        let added = patch.text.lines().count().saturating_sub(1);
        places.push(line..=line + added);
        line += patch.text.matches('\n').count();
        edited.push_str(before);
        edited.push_str(&patch.text);
        done = patch.range.end;
    }
    edited.push_str(content.get(done..).unwrap_or_default());
    Edited { content: edited, places, rung }
}

fn size(patches: &[Patch]) -> usize {
    patches.iter().map(|patch| patch.text.len()).sum()
}

/// As many as are needed to see that there are too many.
fn bounded(patches: impl Iterator<Item = Patch>) -> Vec<Patch> {
    let (mut kept, mut bytes) = (Vec::new(), 0);
    for patch in patches {
        bytes += patch.text.len();
        kept.push(patch);
        if kept.len() > MOST_PATCHES || bytes > MOST_PATCHED_BYTES {
            break;
        }
    }
    kept
}

fn line_at(content: &str, offset: usize) -> usize {
    let before = content.get(..offset).unwrap_or(content);
    before.matches('\n').count() + 1
}

fn exact(content: &str, old: &str, new: &str) -> Vec<Patch> {
    let patch = |(start, found): (usize, &str)| {
        // A quote of one line does not say which line ends the file has; one of more lines does.
        let text = if old.contains('\n') || !new.contains('\n') {
            new.to_owned()
        } else {
            with_line_end(new, line_end(content, start))
        };
        Patch { range: start..start + found.len(), text }
    };
    bounded(content.match_indices(old).map(patch))
}

/// Models write line feeds, whatever the file has.
fn with_other_line_ends(content: &str, old: &str, new: &str) -> Vec<Patch> {
    let end = if old.contains("\r\n") { "\n" } else { "\r\n" };
    if !old.contains('\n') || !content.contains(end) {
        return Vec::new();
    }
    exact(content, &with_line_end(old, end), &with_line_end(new, end))
}

/// The end of the line at this place; of the line before if it is the last.
fn line_end(content: &str, offset: usize) -> &'static str {
    let (before, after) = content.split_at_checked(offset).unwrap_or((content, ""));
    let here = after.split_once('\n').map(|(line, _)| line);
    let here = here.or_else(|| before.rsplit_once('\n').map(|(line, _)| line));
    if here.is_some_and(|line| line.ends_with('\r')) { "\r\n" } else { "\n" }
}

fn with_line_end(text: &str, end: &str) -> String {
    let plain = text.replace("\r\n", "\n");
    if end == "\n" { plain } else { plain.replace('\n', end) }
}

/// Says whether lines of the file are those of the quote, and what to do to the indentation.
type Compare = fn(file: &[Line<'_>], old: &[&str]) -> Option<Shift>;

struct Line<'c> {
    start: usize,
    /// Without the line's end.
    text: &'c str,
    /// After the line's end.
    end: usize,
}

/// How the file's indentation differs from the quote's.
#[derive(Clone, PartialEq)]
enum Shift {
    None,
    Add(String),
    Remove(String),
}

fn by_line(content: &str, old: &str, new: &str, compare: Compare) -> Vec<Patch> {
    let is_whole = old.ends_with('\n');
    let old: Vec<_> =
        old.strip_suffix('\n').unwrap_or(old).split('\n').map(str::trim_end).collect();
    if old.iter().all(|line| line.is_empty()) {
        return Vec::new();
    }
    let lines = lines(content);
    let mut next = 0;
    bounded(std::iter::from_fn(|| {
        loop {
            let window = lines.get(next..next + old.len())?;
            next += 1;
            if let Some(shift) = compare(window, &old) {
                next += old.len() - 1;
                return patch(content, window, &shift.apply(new), is_whole);
            }
        }
    }))
}

fn lines<'c>(content: &'c str) -> Vec<Line<'c>> {
    let mut start = 0;
    let line = |full: &'c str| {
        let text = full.strip_suffix('\n').unwrap_or(full);
        let text = text.strip_suffix('\r').unwrap_or(text);
        let line = Line { start, text, end: start + full.len() };
        start = line.end;
        line
    };
    content.split_inclusive('\n').map(line).collect()
}

/// Whole lines are replaced by whole lines; the last line of a file keeps having no end.
fn patch(content: &str, window: &[Line<'_>], new: &str, is_whole: bool) -> Option<Patch> {
    let (first, last) = (window.first()?, window.last()?);
    let text_end = last.start + last.text.len();
    let mut text = with_line_end(new, line_end(content, first.start));
    if !is_whole {
        return Some(Patch { range: first.start..text_end, text });
    }
    if text_end == last.end {
        let bare = text.trim_end_matches(['\n', '\r']).len();
        text.truncate(bare);
    } else if !text.is_empty() && !text.ends_with('\n') {
        text.push_str(line_end(content, first.start));
    }
    Some(Patch { range: first.start..last.end, text })
}

fn same_but_for_the_end(file: &[Line<'_>], old: &[&str]) -> Option<Shift> {
    let is_same = file.iter().zip(old).all(|(line, old)| line.text.trim_end() == *old);
    is_same.then_some(Shift::None)
}

fn shifted(file: &[Line<'_>], old: &[&str]) -> Option<Shift> {
    let mut shift = None;
    for (line, old) in file.iter().zip(old) {
        let line = line.text.trim_end();
        if line.trim_start() != old.trim_start() {
            return None;
        }
        if old.is_empty() {
            continue;
        }
        let this = Shift::between(indentation(line), indentation(old))?;
        if *shift.get_or_insert_with(|| this.clone()) != this {
            return None;
        }
    }
    shift
}

fn indentation(line: &str) -> &str {
    line.strip_suffix(line.trim_start()).unwrap_or_default()
}

impl Shift {
    fn between(file: &str, old: &str) -> Option<Self> {
        if let Some(more) = file.strip_suffix(old) {
            return Some(Shift::Add(more.to_owned()));
        }
        old.strip_suffix(file).map(|less| Shift::Remove(less.to_owned()))
    }

    /// Blank lines stay blank.
    fn apply(&self, new: &str) -> String {
        let line = |line: &str| match self {
            Shift::Add(more) if !line.trim().is_empty() => format!("{more}{line}"),
            Shift::Remove(less) => line.strip_prefix(less.as_str()).unwrap_or(line).to_owned(),
            Shift::None | Shift::Add(_) => line.to_owned(),
        };
        new.split_inclusive('\n').map(line).collect()
    }
}
