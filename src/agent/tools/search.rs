//! `search`: a regular expression over the files that git would keep.

use super::{ToolError, respond};
use crate::agent::workspace::{Sort, Workspace, WorkspacePath};
use crate::llm::ToolSpec;
use globset::{GlobBuilder, GlobMatcher};
use grep_regex::{RegexMatcher, RegexMatcherBuilder};
use grep_searcher::{BinaryDetection, Searcher, SearcherBuilder, Sink, SinkContext, SinkMatch};
use serde::Deserialize;
use serde_json::json;
use std::fmt::Write;
use std::io;
use std::ops::ControlFlow;

const MOST_MATCHES: usize = 50;
const MOST_CONTEXT: usize = 5;
const LONGEST_LINE_CHARS: usize = 240;
/// Leaves room for the last line within the cap of every answer.
const MOST_BYTES: usize = 15 * 1024;
/// Bounds for a tree of any size: a search takes seconds at most.
const MOST_FILES: usize = 50_000;
const MOST_SEARCHED_BYTES: u64 = 256 * 1024 * 1024;
const DEEPEST: usize = 64;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {
    pattern: String,
    #[serde(default)]
    glob: Option<String>,
    #[serde(default)]
    context: usize,
}

pub(super) fn spec() -> ToolSpec {
    ToolSpec {
        name: "search",
        description: "Searches the lines of all files for a regular expression (Rust syntax, case \
                      matters; begin with (?i) otherwise). Ignored files are left out. Shows at most \
                      50 matches.",
        schema: json!({
            "type": "object",
            "properties": {
                "pattern": {"type": "string"},
                "glob": {"type": "string", "description": "Only these paths, e.g. `src/**/*.rs` or `*.md`."},
                "context": {"type": "integer", "description": "Lines to show around a match, 0 to 5."}
            },
            "required": ["pattern"],
            "additionalProperties": false
        }),
    }
}

pub(super) fn run(workspace: &Workspace, arguments: &Arguments) -> Result<String, ToolError> {
    let matcher = RegexMatcherBuilder::new()
        .line_terminator(Some(b'\n'))
        .build(&arguments.pattern)
        .or_else(|error| respond(format!("search: `pattern`: {error}")))?;
    let glob = arguments.glob.as_deref().map(glob).transpose()?;
    let context = arguments.context.min(MOST_CONTEXT);
    let mut search =
        Search { workspace, matcher, glob, searcher: searcher(context), found: Hits::default() };
    search.everything()?;
    Ok(search.found.render())
}

/// As ripgrep reads it: without a slash it is about the name in any folder.
fn glob(pattern: &str) -> Result<GlobMatcher, ToolError> {
    let anywhere = if pattern.contains('/') { String::new() } else { "**/".to_owned() };
    let pattern = format!("{anywhere}{}", pattern.trim_start_matches('/'));
    match GlobBuilder::new(&pattern).literal_separator(true).build() {
        Ok(glob) => Ok(glob.compile_matcher()),
        Err(error) => respond(format!("search: `glob`: {}", error.kind())),
    }
}

fn searcher(context: usize) -> Searcher {
    SearcherBuilder::new()
        .line_number(true)
        .before_context(context)
        .after_context(context)
        .binary_detection(BinaryDetection::quit(0))
        .build()
}

struct Search<'w> {
    workspace: &'w Workspace,
    matcher: RegexMatcher,
    glob: Option<GlobMatcher>,
    searcher: Searcher,
    found: Hits,
}

impl Search<'_> {
    fn everything(&mut self) -> Result<(), ToolError> {
        let workspace = self.workspace;
        let (mut files, mut bytes) = (0, 0);
        workspace.walk(&WorkspacePath::default(), DEEPEST, &mut |entry| {
            let is_wanted = entry.sort == Sort::File && !entry.is_ignored;
            if !is_wanted || !self.is_asked_for(&entry.path) {
                return ControlFlow::Continue(());
            }
            files += 1;
            bytes += entry.size_bytes;
            if files > MOST_FILES || bytes > MOST_SEARCHED_BYTES {
                self.found.is_partial = true;
                return ControlFlow::Break(());
            }
            self.file(&entry.path);
            ControlFlow::Continue(())
        })?;
        Ok(())
    }

    fn is_asked_for(&self, path: &WorkspacePath) -> bool {
        self.glob.as_ref().is_none_or(|glob| glob.is_match(path.to_string()))
    }

    /// A file that cannot be read (too large, gone) has no matches.
    fn file(&mut self, path: &WorkspacePath) {
        let Ok(bytes) = self.workspace.read(path) else { return };
        let mut file = HitsInFile { path: path.to_string(), hits: &mut self.found, is_new: true };
        // The sink never fails, and a slice cannot.
        let _ = self.searcher.search_slice(&self.matcher, &bytes, &mut file);
    }
}

#[derive(Default)]
struct Hits {
    text: String,
    shown: usize,
    more: usize,
    more_files: usize,
    is_partial: bool,
}

impl Hits {
    fn is_full(&self) -> bool {
        self.shown >= MOST_MATCHES || self.text.len() >= MOST_BYTES
    }

    fn line(&mut self, path: &str, sign: char, number: u64, bytes: &[u8]) {
        let line = String::from_utf8_lossy(bytes);
        let line = line.trim_end_matches(['\n', '\r']);
        let kept: String = line.chars().take(LONGEST_LINE_CHARS).collect();
        let cut = if kept.len() < line.len() { "…" } else { "" };
        let _ = writeln!(self.text, "{path}{sign}{number}{sign}{kept}{cut}");
    }

    fn render(self) -> String {
        let mut text = self.text;
        if self.shown == 0 {
            text.push_str("no matches\n");
        }
        if self.more > 0 {
            let _ = writeln!(text, "[{} more in {} files]", self.more, self.more_files);
        }
        if self.is_partial {
            text.push_str("[the tree is too large to be searched whole; narrow it with `glob`]\n");
        }
        text
    }
}

struct HitsInFile<'h> {
    path: String,
    hits: &'h mut Hits,
    /// Whether no further match of this file was counted yet.
    is_new: bool,
}

impl Sink for HitsInFile<'_> {
    type Error = io::Error;

    fn matched(&mut self, _: &Searcher, found: &SinkMatch<'_>) -> Result<bool, io::Error> {
        if self.hits.is_full() {
            self.hits.more += 1;
            self.hits.more_files += usize::from(std::mem::take(&mut self.is_new));
            return Ok(true);
        }
        self.hits.shown += 1;
        self.hits.line(&self.path, ':', found.line_number().unwrap_or(0), found.bytes());
        Ok(true)
    }

    fn context(&mut self, _: &Searcher, line: &SinkContext<'_>) -> Result<bool, io::Error> {
        if !self.hits.is_full() {
            self.hits.line(&self.path, '-', line.line_number().unwrap_or(0), line.bytes());
        }
        Ok(true)
    }
}
