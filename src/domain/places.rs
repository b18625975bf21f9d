//! Places in code that a text names: `src/lib.rs:12` or `src/lib.rs:12-20`, in backticks.
//!
//! What a model writes is only believed to be a place when somebody has looked; then people get a link
//! to exactly the lines that were read, at the commit at which they were read.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use pulldown_cmark::{Event, Parser, Tag, TagEnd};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// More places than this nobody follows.
const MOST_PLACES: usize = 100;
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Some lines of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodePlace {
    /// The file, with `/` between folders.
    pub path: String,
    /// The first line, from 1.
    pub first: usize,
    /// The last line.
    pub last: usize,
}

impl CodePlace {
    /// Reads `path:12` or `path:12-20`.
    pub fn parse(text: &str) -> Option<Self> {
        let (path, lines) = text.rsplit_once(':')?;
        let (first, last) = lines.split_once('-').unwrap_or((lines, lines));
        let (first, last) = (number(first)?, number(last)?);
        let is_path =
            !path.is_empty() && !path.starts_with('/') && !path.contains(char::is_control);
        (is_path && first <= last).then(|| Self { path: path.to_owned(), first, last })
    }

    fn address(&self, source: &str) -> String {
        let segment = |part: &str| utf8_percent_encode(part, SEGMENT).to_string();
        let path = self.path.split('/').map(segment).collect::<Vec<_>>().join("/");
        let lines = if self.first == self.last {
            format!("L{}", self.first)
        } else {
            format!("L{}-L{}", self.first, self.last)
        };
        format!("{source}/{path}#{lines}")
    }
}

fn number(text: &str) -> Option<usize> {
    let text = text.strip_prefix('L').unwrap_or(text);
    text.parse().ok().filter(|n| *n > 0)
}

/// Every place that a Markdown text names, each once.
pub fn named(markdown: &str) -> Vec<CodePlace> {
    let mut places: Vec<CodePlace> = Vec::new();
    for (_, place) in spans(markdown) {
        if !places.contains(&place) {
            places.push(place);
        }
    }
    places.truncate(MOST_PLACES);
    places
}

/// The text with a link on each of these places. `source` is the address of the tree that was read.
pub fn linked(markdown: &str, known: &[CodePlace], source: &str) -> String {
    let mut text = markdown.to_owned();
    // From the end, so that the ranges before stay where they are.
    for (range, place) in spans(markdown).into_iter().rev() {
        if known.contains(&place)
            && let Some(code) = markdown.get(range.clone())
        {
            text.replace_range(range, &format!("[{code}]({})", place.address(source)));
        }
    }
    text
}

/// The places with where they stand: only whole code spans, and none that is part of a link already.
fn spans(markdown: &str) -> Vec<(Range<usize>, CodePlace)> {
    let mut found = Vec::new();
    let mut links = 0_usize;
    for (event, range) in Parser::new(markdown).into_offset_iter() {
        if let Event::Start(Tag::Link { .. } | Tag::Image { .. }) = event {
            links += 1;
        } else if let Event::End(TagEnd::Link | TagEnd::Image) = event {
            links = links.saturating_sub(1);
        } else if let Event::Code(code) = event
            && links == 0
        {
            found.extend(CodePlace::parse(&code).map(|place| (range, place)));
        }
    }
    found
}
