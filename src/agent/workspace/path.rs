//! What the model calls a path, as names below the root.
//!
//! A name that git on any system would take for its own folder is refused: a tree with `.GIT`,
//! `git~1`, `.git.` or a `.git` with an invisible character in it is harmless here and an attack
//! on whoever checks it out elsewhere.

use std::fmt;
use std::path::Path;

/// Longer than any path that a checkout can have.
const LONGEST_PATH_BYTES: usize = 4096;
/// The limit of the usual file systems.
const LONGEST_NAME_BYTES: usize = 255;

/// A path below the root of a workspace: names without `.`, `..`, separators or anything that git
/// takes for its own. The root itself has no names.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct WorkspacePath {
    names: Vec<String>,
}

impl WorkspacePath {
    /// Reads a path relative to the root, or one that begins with the root.
    pub(super) fn parse(root: &Path, text: &str) -> Result<Self, String> {
        let shown = || text.chars().filter(|c| !c.is_control()).take(200).collect::<String>();
        if text.len() > LONGEST_PATH_BYTES {
            return Err("the path is too long".to_owned());
        }
        let relative = below(root, text)
            .ok_or_else(|| format!("{} is not a path relative to the repository root", shown()))?;
        let mut names = Vec::new();
        for name in relative.split('/').filter(|name| !matches!(*name, "" | ".")) {
            check_name(name).map_err(|why| format!("{}: {why}", shown()))?;
            names.push(name.to_owned());
        }
        Ok(Self { names })
    }

    /// The names from the root down.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The path of an entry of this folder. The name must have been checked.
    pub(super) fn join(&self, name: &str) -> Self {
        let mut names = self.names.clone();
        names.push(name.to_owned());
        Self { names }
    }
}

impl fmt::Display for WorkspacePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.names.is_empty() { f.pad(".") } else { f.pad(&self.names.join("/")) }
    }
}

/// The part below the root; `None` for an absolute path to somewhere else.
fn below<'t>(root: &Path, text: &'t str) -> Option<&'t str> {
    if !text.starts_with('/') {
        return Some(text);
    }
    let rest = text.strip_prefix(root.to_str()?)?;
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}

/// Whether a single name may be used, or why not.
pub(super) fn check_name(name: &str) -> Result<(), &'static str> {
    if name == ".." {
        return Err("`..` is not allowed");
    }
    if name.len() > LONGEST_NAME_BYTES {
        return Err("a name is too long");
    }
    if name.contains('\\') {
        return Err("`/` stands between folders, `\\` is not allowed");
    }
    if name.chars().any(char::is_control) {
        return Err("control characters are not allowed");
    }
    let plain = plain(name);
    if plain.is_empty() {
        return Err("a name of only dots, spaces or invisible characters is not allowed");
    }
    if plain == ".git" || is_short_git(&plain) {
        return Err("this belongs to git, not to the workspace");
    }
    Ok(())
}

/// The name as the most forgiving file systems see it: HFS+ ignores invisible characters and case,
/// NTFS ignores trailing dots and spaces and reads what follows a colon as a stream.
fn plain(name: &str) -> String {
    let visible: String = name.chars().filter(|c| !is_ignorable(*c)).map(ascii).collect();
    let file = visible.split(':').next().unwrap_or_default();
    file.trim_matches(' ').trim_end_matches(['.', ' ']).to_lowercase()
}

/// NTFS short names of `.git`: `git~1` and its successors.
fn is_short_git(plain: &str) -> bool {
    let number = plain.strip_prefix("git~");
    number.is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

/// Full-width forms fold to ASCII on some systems.
fn ascii(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
        _ => c,
    }
}

fn is_ignorable(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}
