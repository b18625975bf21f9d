//! Text that others wrote, made fit to be shown or to be part of a name.

use super::command::TRIGGER;
use super::secrets;
use pulldown_cmark::{Event, Parser, Tag};
use std::ops::Range;

/// Foreign Markdown that does nothing: no mention notifies, no image is fetched, no HTML is
/// rendered, no issue is closed, no command is given, and no credential is shown. Code stays as it is, because there none of
/// these lives; a code block that was left open is closed, so that it cannot swallow what follows.
pub fn inert(markdown: &str) -> String {
    let markdown = &without_secrets(markdown);
    let mut text = without_effect(markdown);
    // What is escaped may change what is code: look again, until nothing is left to be done.
    for _ in 0..MOST_LOOKS {
        let again = without_effect(&text);
        if again == text {
            close_fence(&mut text);
            return text;
        }
        text = again;
    }
    as_code(markdown)
}

/// Lines that look like a credential are left out, and it is said that they are.
pub fn without_secrets(text: &str) -> String {
    let line = |line: &str| match secrets::in_line(line) {
        Some(sort) => format!("[a line that looks like {sort} is left out]"),
        None => line.to_owned(),
    };
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

/// Escaping can uncover something new only so often in a text that was not made to do so.
const MOST_LOOKS: usize = 8;

/// The last resort: a block in which nothing lives.
fn as_code(text: &str) -> String {
    code_block("", text)
}

/// A block of code that nothing in it can end.
pub fn code_block(language: &str, text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}{language}\n{text}\n{fence}")
}

/// Foreign words as code, whatever they contain.
pub fn code(text: &str) -> String {
    let safe: String =
        text.chars().filter(|c| !c.is_control()).map(|c| if c == '`' { '\'' } else { c }).collect();
    if safe.trim().is_empty() { "(nothing)".to_owned() } else { format!("`{safe}`") }
}

fn without_effect(markdown: &str) -> String {
    let mut code = code_ranges(markdown).into_iter().peekable();
    let mut out = String::with_capacity(markdown.len() + 16);
    // What stands before a reference, without code: `fixes` closes an issue over a code span too.
    let mut prose = String::with_capacity(markdown.len());
    let mut line_is_blank_so_far = true;
    for (index, c) in markdown.char_indices() {
        let rest = markdown.get(index..).unwrap_or_default();
        while code.next_if(|range| range.end <= index).is_some() {}
        let in_code = code.peek().is_some_and(|range| range.contains(&index));
        if !in_code {
            out.push_str(guard(c, rest, line_is_blank_so_far));
        }
        line_is_blank_so_far = c == '\n' || (line_is_blank_so_far && c == ' ');
        match c {
            '<' if !in_code && opens_html(rest) => out.push_str("&lt;"),
            '&' if !in_code && hides_a_character(rest) => out.push_str("&amp;"),
            '!' if !in_code && rest.starts_with("![") => {}
            _ if !in_code && acts(&prose, c, rest) => out.extend([c, '\u{200b}']),
            _ => out.push(c),
        }
        if !in_code {
            prose.push(c);
        }
    }
    out
}

/// What has to stand before this character so that the line is no command.
fn guard(c: char, rest: &str, line_is_blank_so_far: bool) -> &'static str {
    let is_command = c == '/'
        && line_is_blank_so_far
        && rest.get(..TRIGGER.len()).is_some_and(|word| word.eq_ignore_ascii_case(TRIGGER));
    if is_command { "\\" } else { "" }
}

fn opens_html(rest: &str) -> bool {
    rest.chars().nth(1).is_some_and(|c| c.is_ascii_alphabetic() || "/!?".contains(c))
}

/// Whether `&#64;` or the like begins here: it is shown as a character that may do something. What is
/// escaped already stays as it is.
fn hides_a_character(rest: &str) -> bool {
    let escaped = ["&lt;", "&gt;", "&amp;", "&quot;"].iter().any(|e| rest.starts_with(e));
    !escaped && rest.chars().nth(1).is_some_and(|c| c == '#' || c.is_ascii_alphabetic())
}

/// Whether a mention, or a reference that would close an issue, begins with this character: it is
/// broken up behind it.
fn acts(before: &str, c: char, rest: &str) -> bool {
    match c {
        '@' => rest.chars().nth(1).is_some_and(char::is_alphanumeric),
        '#' | 'g' | 'G' | 'h' | 'H' => closes_an_issue(before, rest),
        _ => false,
    }
}

/// Whether a closing keyword stands before a reference: `#1`, `owner/name#1`, `GH-1` or an address.
/// <https://docs.github.com/issues/tracking-your-work-with-issues/using-issues/linking-a-pull-request-to-an-issue>
fn closes_an_issue(before: &str, rest: &str) -> bool {
    let begins = |prefix: &str| {
        rest.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    };
    let digit_follows = |at: usize| rest.chars().nth(at).is_some_and(|c| c.is_ascii_digit());
    if rest.starts_with('#') {
        let name = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
        let before_name = before.trim_end_matches(name);
        return digit_follows(1) && (follows_keyword(before) || follows_keyword(before_name));
    }
    let address = begins("https://") || begins("http://");
    (address || (begins("gh-") && digit_follows(3))) && follows_keyword(before)
}

/// What may stand there without being seen: space, emphasis, an escape.
const BETWEEN_KEYWORD_AND_REFERENCE: &[char] =
    &[' ', ':', '\t', '\n', '\\', '*', '_', '~', '[', '('];

fn follows_keyword(before: &str) -> bool {
    const KEYWORDS: [&str; 9] =
        ["close", "closes", "closed", "fix", "fixes", "fixed", "resolve", "resolves", "resolved"];
    let word = before
        .trim_end_matches(BETWEEN_KEYWORD_AND_REFERENCE)
        .rsplit(|c: char| !c.is_alphanumeric())
        .next();
    word.is_some_and(|w| KEYWORDS.contains(&w.to_ascii_lowercase().as_str()))
}

fn code_ranges(markdown: &str) -> Vec<Range<usize>> {
    let is_code =
        |event: &Event<'_>| matches!(event, Event::Code(_) | Event::Start(Tag::CodeBlock(_)));
    Parser::new(markdown)
        .into_offset_iter()
        .filter(|(event, _)| is_code(event))
        .map(|(_, range)| range)
        .collect()
}

fn close_fence(text: &mut String) {
    let mut open: Option<(char, usize)> = None;
    for line in text.lines() {
        let line = line.trim_start();
        let Some(mark) = line.chars().next().filter(|c| "`~".contains(*c)) else { continue };
        let length = line.chars().take_while(|c| *c == mark).count();
        match open {
            None if length >= 3 => open = Some((mark, length)),
            Some((c, n)) if c == mark && length >= n && line.trim().chars().all(|x| x == mark) => {
                open = None;
            }
            Some(_) | None => {}
        }
    }
    if let Some((mark, length)) = open {
        text.push('\n');
        text.extend(std::iter::repeat_n(mark, length));
    }
}

/// A title of at most about so many characters that mentions nobody and closes nothing. Titles and
/// commit messages are no Markdown: nothing else in them has an effect.
pub fn title(text: &str, most: usize) -> String {
    let line = one_line(&without_secrets(text), most);
    let mut out = String::with_capacity(line.len());
    for (index, c) in line.char_indices() {
        let acts = acts(&out, c, line.get(index..).unwrap_or_default());
        out.push(c);
        if acts {
            out.push('\u{200b}');
        }
    }
    out
}

/// At most this many characters on one line; what is cut is shown as `…`.
pub fn one_line(text: &str, most: usize) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if words.chars().count() <= most {
        return words;
    }
    let mut cut: String = words.chars().take(most.saturating_sub(1)).collect();
    cut.truncate(cut.trim_end().len());
    cut.push('…');
    cut
}

/// At most this many bytes, cut at a character; says so at the end when something was cut.
pub fn at_most(text: &str, bytes: usize) -> String {
    const CUT: &str = "\n\n… (cut)";
    if text.len() <= bytes {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(bytes.saturating_sub(CUT.len()));
    format!("{}{CUT}", text.get(..end).unwrap_or_default())
}

/// A title as part of a branch name: lower case, runs of anything but a–z and 0–9 as one `-`, at
/// most 40 bytes, `task` if nothing is left.
pub fn slug(title: &str) -> String {
    let mut slug = String::new();
    for c in title.to_lowercase().chars() {
        if c.is_ascii_lowercase() || c.is_ascii_digit() {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.truncate(40);
    let slug = slug.trim_matches('-');
    if slug.is_empty() { "task".to_owned() } else { slug.to_owned() }
}

/// Whether nobody sees this character on a page: it controls, joins, turns round or tags others.
/// A line break and a tab are layout and not hidden.
pub fn is_hidden(c: char) -> bool {
    if matches!(c, '\n' | '\t') {
        return false;
    }
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}
