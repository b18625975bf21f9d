//! A change that people apply themselves, because nothing is pushed to where it belongs: as a value,
//! file by file, so that what is too much for a comment can be left out by name.

use super::ids::Sha;
use serde::{Deserialize, Serialize};

/// More is in no comment, so more is not kept.
const MOST_BYTES: usize = 48 * 1024;

/// Why nothing is pushed to a pull request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotPushed {
    /// Its branch is in another repository. A branch in this one would have this one's workflows run
    /// what a stranger wrote.
    Fork,
    /// Its branch is the default branch, or protected.
    Protected(String),
}

/// A change and what it is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandedOver {
    /// Why it is not pushed.
    pub why: NotPushed,
    /// The commit that it was made on.
    pub base: Sha,
    /// Every file that changed, in git's order.
    pub files: Vec<FilePatch>,
}

/// What changed in one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilePatch {
    /// Its path, as git writes it.
    pub path: String,
    /// What `git apply` takes, ending with a line's end; `None`: it is no text, or too much.
    pub patch: Option<String>,
}

impl HandedOver {
    /// Reads what git prints, without moved files. A file whose patch fits no more is only named.
    pub fn read(why: NotPushed, base: Sha, printed: &[u8]) -> Self {
        let mut room = MOST_BYTES;
        let mut files = Vec::new();
        for part in parts(printed) {
            let text = std::str::from_utf8(part).ok().filter(|text| is_plain(text));
            let patch = text.filter(|text| text.len() <= room).map(str::to_owned);
            room -= patch.as_ref().map_or(0, String::len);
            files.push(FilePatch { path: path(part), patch });
        }
        Self { why, base, files }
    }
}

/// What stands for each file. No line of a file's own text begins like this: it has a sign before it.
fn parts(printed: &[u8]) -> Vec<&[u8]> {
    const HEAD: &[u8] = b"diff --git ";
    let mut parts: Vec<&[u8]> = Vec::new();
    let mut rest = printed;
    while !rest.is_empty() {
        let next = rest.windows(HEAD.len() + 1).position(|at| at.strip_prefix(b"\n") == Some(HEAD));
        let (part, after) = rest.split_at(next.map_or(rest.len(), |newline| newline + 1));
        parts.push(part);
        rest = after;
    }
    parts
}

/// The path from `diff --git a/<path> b/<path>`: the same twice, so half of what follows.
fn path(part: &[u8]) -> String {
    let line = part.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    let both = line.strip_prefix("diff --git ").unwrap_or_default();
    let half = both.get(..both.len() / 2).unwrap_or_default();
    half.trim_matches('"').strip_prefix("a/").unwrap_or(half).to_owned()
}

/// Whether it survives being copied out of a comment.
fn is_plain(text: &str) -> bool {
    !text.contains(|c: char| c.is_control() && !matches!(c, '\n' | '\t'))
}
