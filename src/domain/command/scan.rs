//! Finds the command lines of a comment.
//!
//! A command begins a line (after at most three spaces) and stands outside code, quotes, links and
//! HTML, so that nobody starts work by quoting or by explaining how it is started. Markdown decides
//! what is code and what is a quote, and `pulldown-cmark` reads it as GitHub does.

use super::TRIGGER;
use pulldown_cmark::{Event, Options, Parser, Tag};
use std::ops::Range;

/// One command as it stands in the comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found<'a> {
    /// The line, from 1.
    pub line: usize,
    /// The character of that line at which `rest` begins, from 1.
    pub column: usize,
    /// Everything after the trigger up to the next command or the end.
    pub rest: &'a str,
}

/// All commands of a comment, in order.
pub fn scan(comment: &str) -> Vec<Found<'_>> {
    let silent = silent_ranges(comment);
    let mut starts = Vec::new();
    let mut offset = 0;
    for (index, line) in comment.split_inclusive('\n').enumerate() {
        if let Some(indent) = trigger_indent(line)
            && !silent.iter().any(|range| range.contains(&(offset + indent)))
        {
            starts.push((index + 1, offset, indent));
        }
        offset += line.len();
    }
    let ends = starts.iter().skip(1).map(|(_, start, _)| *start).chain([comment.len()]);
    let found = |((line, start, indent), end): (&(usize, usize, usize), usize)| {
        let begin = start + indent + TRIGGER.len();
        let rest = comment.get(begin..end)?;
        Some(Found { line: *line, column: indent + TRIGGER.len() + 1, rest })
    };
    starts.iter().zip(ends).filter_map(found).collect()
}

/// Whether a comment could hold a command at all: asked of every comment there is, so it is cheap.
pub fn may_ask(comment: &str) -> bool {
    comment
        .as_bytes()
        .windows(TRIGGER.len())
        .any(|word| word.eq_ignore_ascii_case(TRIGGER.as_bytes()))
}

/// How many spaces stand before the trigger, if the line is a command line at all.
fn trigger_indent(line: &str) -> Option<usize> {
    let rest = line.trim_start_matches(' ');
    let indent = line.len() - rest.len();
    let word = rest.get(..TRIGGER.len())?;
    let ended = rest.get(TRIGGER.len()..)?.chars().next().is_none_or(char::is_whitespace);
    (indent <= 3 && word.eq_ignore_ascii_case(TRIGGER) && ended).then_some(indent)
}

/// Where commands are not heard.
fn silent_ranges(comment: &str) -> Vec<Range<usize>> {
    let is_silent = |event: &Event<'_>| match event {
        Event::Start(tag) => matches!(
            tag,
            Tag::BlockQuote(_)
                | Tag::CodeBlock(_)
                | Tag::HtmlBlock
                | Tag::Link { .. }
                | Tag::Image { .. }
        ),
        Event::Code(_) | Event::Html(_) | Event::InlineHtml(_) => true,
        Event::End(_)
        | Event::Text(_)
        | Event::InlineMath(_)
        | Event::DisplayMath(_)
        | Event::FootnoteReference(_)
        | Event::SoftBreak
        | Event::HardBreak
        | Event::Rule
        | Event::TaskListMarker(_) => false,
    };
    let parser = Parser::new_ext(comment, Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TABLES);
    // Where links lead to is shown to nobody.
    let mut silent: Vec<Range<usize>> = parser
        .reference_definitions()
        .iter()
        .map(|(_, definition)| definition.span.clone())
        .collect();
    let events = parser.into_offset_iter().filter(|(event, _)| is_silent(event));
    silent.extend(events.map(|(_, range)| range));
    silent
}
