//! Reads what `git diff-tree -p -M` prints. What it does not understand it leaves out: a review of less
//! is better than none.

use super::{Diff, FileDiff, Hunk, Line};

/// Reads a whole patch.
pub fn parse(printed: &str) -> Diff {
    let mut lines = printed.split('\n').peekable();
    let mut diff = Diff::default();
    while let Some(line) = lines.next() {
        if let Some(names) = line.strip_prefix("diff --git ") {
            let path = second_name(names).unwrap_or_default();
            diff.files.push(FileDiff { path, ..FileDiff::default() });
            continue;
        }
        let Some(file) = diff.files.last_mut() else { continue };
        if let Some(header) = line.strip_prefix("@@ -") {
            file.hunks.extend(hunk(header, &mut lines));
        } else {
            note(file, line);
        }
    }
    for file in &mut diff.files {
        let has_nul = |hunk: &Hunk| hunk.lines.iter().any(|line| line.text().contains('\0'));
        if file.hunks.iter().any(has_nul) {
            file.is_binary = true;
        }
        if file.is_binary {
            file.hunks.clear();
        }
    }
    diff
}

/// A line between the names and the first hunk.
fn note(file: &mut FileDiff, line: &str) {
    if let Some(name) = line.strip_prefix("rename from ") {
        file.moved_from = Some(unquoted(name));
    } else if let Some(name) = line.strip_prefix("rename to ") {
        file.path = unquoted(name);
    } else if line.starts_with("deleted file mode ") {
        file.is_removed = true;
    } else if line.starts_with("Binary files ") {
        file.is_binary = true;
    } else if let Some(name) = line.strip_prefix("+++ ").and_then(|name| without_end(name, "b/")) {
        file.path = name;
    } else if let Some(name) = line.strip_prefix("--- ").and_then(|name| without_end(name, "a/"))
        && file.is_removed
    {
        file.path = name;
    }
}

/// The hunk after `@@ -`: as many lines as its header counts, whatever they look like.
fn hunk<'l>(
    header: &str,
    lines: &mut std::iter::Peekable<impl Iterator<Item = &'l str>>,
) -> Option<Hunk> {
    let (ranges, section) = header.split_once(" @@")?;
    let (old, new) = ranges.split_once(" +")?;
    let (old_start, mut old_left) = range(old)?;
    let (new_start, mut new_left) = range(new)?;
    let mut found = Vec::new();
    while old_left + new_left > 0 {
        let line = lines.next()?;
        let text = line.get(1..).unwrap_or_default().to_owned();
        match line.as_bytes().first() {
            Some(b'+') => found.push(Line::Added(text)),
            Some(b'-') => found.push(Line::Removed(text)),
            Some(b'\\') => continue,
            Some(_) | None => found.push(Line::Kept(text)),
        }
        let taken = found.last()?;
        old_left = old_left.saturating_sub(usize::from(taken.is_on(super::Side::Left)));
        new_left = new_left.saturating_sub(usize::from(taken.is_on(super::Side::Right)));
    }
    Some(Hunk { old_start, new_start, section: section.trim().to_owned(), lines: found })
}

/// `12,5`, or `12` for one line.
fn range(text: &str) -> Option<(usize, usize)> {
    let (start, count) = text.split_once(',').unwrap_or((text, "1"));
    Some((start.parse().ok()?, count.parse().ok()?))
}

/// The second of the two names of a file that was not moved: both are the same but for their first
/// letter.
fn second_name(names: &str) -> Option<String> {
    let (_, second) = names.split_at_checked(names.len() / 2 + 1)?;
    without_end(second, "b/")
}

/// A name without its side, and without the tab that follows names with spaces.
fn without_end(name: &str, side: &str) -> Option<String> {
    let name = unquoted(name.strip_suffix('\t').unwrap_or(name));
    name.strip_prefix(side).map(str::to_owned)
}

/// Undoes git's quotes around names with unusual characters.
fn unquoted(name: &str) -> String {
    let Some(inner) = name.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return name.to_owned();
    };
    let mut bytes = Vec::new();
    let mut rest = inner.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        match rest.next() {
            Some(b'n') => bytes.push(b'\n'),
            Some(b't') => bytes.push(b'\t'),
            Some(b'r') => bytes.push(b'\r'),
            Some(b'a') => bytes.push(7),
            Some(b'b') => bytes.push(8),
            Some(b'v') => bytes.push(11),
            Some(b'f') => bytes.push(12),
            Some(high @ b'0'..=b'3') => {
                let mut digit = || rest.next().map_or(0, |d| d.wrapping_sub(b'0') & 7);
                let (middle, low) = (digit(), digit());
                bytes.push(((high - b'0') << 6) | (middle << 3) | low);
            }
            Some(other) => bytes.push(other),
            None => {}
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
