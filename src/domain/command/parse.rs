//! Understands the commands of a comment: `<verb> [key=value]… [--] [text]`.
//!
//! Keys stand directly after the verb, up to the first word that is not `key=value` or is `--`; a
//! value may be quoted. A first word that is no verb makes everything the text of an `async` task,
//! unless it is so much like a verb, or followed by a key, that a slip is likelier.

use super::scan::{Found, scan};
use super::{Command, Key, LONGEST_TEXT, MOST_PER_COMMENT, Mistake, Options, Problem, Verb};
use crate::domain::credit::Credits;
use crate::domain::task::OUR_BRANCHES;
use std::collections::HashMap;

/// Everything a comment asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Understood {
    /// The commands without a mistake.
    pub commands: Vec<Numbered>,
    /// All mistakes of the others, in order.
    pub mistakes: Vec<Mistake>,
}

/// A command with what tells it from all others of its comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbered {
    /// The command.
    pub command: Command,
    /// Its words with single spaces between them.
    pub normalised: String,
    /// The same, of its first line only.
    pub line: String,
    /// How many commands with the same words stand before it.
    pub occurrence: usize,
}

impl Understood {
    /// What an edit added to the text that it was before: the commands whose line is new. A task does
    /// not start again because somebody mends a word below its command.
    #[must_use]
    pub fn added_to(mut self, before: &Self) -> Self {
        let mut old: Vec<&str> = before.commands.iter().map(|c| c.line.as_str()).collect();
        self.commands.retain(|command| match old.iter().position(|line| *line == command.line) {
            Some(known) => {
                old.swap_remove(known);
                false
            }
            None => true,
        });
        self.mistakes.retain(|mistake| before.mistakes.iter().all(|m| m.word != mistake.word));
        self
    }
}

fn spaced(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Reads a whole comment.
pub fn understand(comment: &str) -> Understood {
    let mut understood = Understood::default();
    let mut seen: HashMap<String, usize> = HashMap::new();
    for (index, found) in scan(comment).iter().enumerate() {
        if index >= MOST_PER_COMMENT {
            let words: String = found.rest.split_whitespace().take(3).collect::<Vec<_>>().join(" ");
            let start = Word { text: &words, column: found.column };
            understood.mistakes.push(start.mistake(found.line, Problem::TooMany));
            continue;
        }
        match parse(found) {
            Ok(command) => {
                let normalised = spaced(found.rest);
                let line = spaced(found.rest.lines().next().unwrap_or_default());
                let count = seen.entry(normalised.clone()).or_default();
                let occurrence = *count;
                *count += 1;
                understood.commands.push(Numbered { command, normalised, line, occurrence });
            }
            Err(mistakes) => understood.mistakes.extend(mistakes),
        }
    }
    understood
}

/// Understands one command line, or says everything that is wrong with it.
pub fn parse(found: &Found<'_>) -> Result<Command, Vec<Mistake>> {
    let first_line = found.rest.lines().next().unwrap_or_default();
    let mut cursor = Cursor { line: first_line, at: 0, column: found.column };
    let Some(first) = cursor.next_word() else {
        return Ok(Command {
            verb: Verb::Help,
            is_implied: false,
            options: Options::default(),
            text: String::new(),
        });
    };
    let Some(verb) = Verb::from_word(first.text) else {
        return without_verb(found, &first, cursor);
    };
    let mut mistakes = Vec::new();
    let options = read_options(verb, &mut cursor, found.line, &mut mistakes);
    let text = text_from(found.rest, cursor.at);
    if text.len() > LONGEST_TEXT {
        mistakes.push(first.mistake(found.line, Problem::TooLong));
    }
    if mistakes.is_empty() {
        Ok(Command { verb, is_implied: false, options, text })
    } else {
        Err(mistakes)
    }
}

fn text_from(rest: &str, at: usize) -> String {
    rest.get(at..).unwrap_or_default().trim().to_owned()
}

/// A first word that is no verb: free text, or a slip.
fn without_verb(
    found: &Found<'_>,
    first: &Word<'_>,
    mut cursor: Cursor<'_>,
) -> Result<Command, Vec<Mistake>> {
    let problem = if is_key(first.text) {
        Some(Problem::KeyBeforeVerb)
    } else if let Some(verb) = like_a_verb(first.text, found.rest.trim() == first.text) {
        Some(Problem::LooksLikeVerb(verb))
    } else if cursor.next_word().is_some_and(|word| is_key(word.text)) {
        Some(Problem::NotAVerb)
    } else if found.rest.trim().len() > LONGEST_TEXT {
        Some(Problem::TooLong)
    } else {
        None
    };
    match problem {
        Some(problem) => Err(vec![first.mistake(found.line, problem)]),
        None => Ok(Command {
            verb: Verb::Async,
            is_implied: true,
            options: Options::default(),
            text: found.rest.trim().to_owned(),
        }),
    }
}

/// The verb that a word of five letters or more is one slip away from (two from eight letters on). Where
/// it stands alone three letters are enough: a single short word is hardly work that somebody pays for.
fn like_a_verb(word: &str, stands_alone: bool) -> Option<String> {
    let word = word.to_lowercase();
    let least = if stands_alone { 3 } else { 5 };
    let slips = match word.chars().count() {
        length if length < least => return None,
        0..8 => 1,
        _ => 2,
    };
    let names = Verb::ALL
        .iter()
        .flat_map(|v| std::iter::once(v.as_str()).chain(v.aliases().iter().copied()));
    let (distance, name) = names.map(|name| (strsim::osa_distance(&word, name), name)).min()?;
    (distance <= slips).then(|| name.to_owned())
}

fn is_key(word: &str) -> bool {
    word.split_once('=').is_some_and(|(key, _)| {
        !key.is_empty() && key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
    })
}

fn read_options(
    verb: Verb,
    cursor: &mut Cursor<'_>,
    line: usize,
    mistakes: &mut Vec<Mistake>,
) -> Options {
    let mut options = Options::default();
    let mut seen = Vec::new();
    loop {
        let before = (cursor.at, cursor.column);
        let Some(word) = cursor.next_word() else { return options };
        if word.text == "--" {
            return options;
        }
        if !is_key(word.text) {
            (cursor.at, cursor.column) = before;
            return options;
        }
        if let Err(problem) = read_option(verb, word.text, &mut seen, &mut options) {
            mistakes.push(word.mistake(line, problem));
        }
    }
}

fn read_option<'a>(
    verb: Verb,
    word: &'a str,
    seen: &mut Vec<&'a str>,
    options: &mut Options,
) -> Result<(), Problem> {
    let (name, value) = word.split_once('=').unwrap_or((word, ""));
    let Ok(key) = name.parse::<Key>() else {
        let nearest =
            Key::ALL.iter().map(|k| k.as_str()).min_by_key(|k| strsim::osa_distance(k, name));
        return Err(Problem::UnknownKey(
            nearest.filter(|k| strsim::osa_distance(k, name) <= 2).map(str::to_owned),
        ));
    };
    if !verb.keys().contains(&key) {
        return Err(Problem::ForeignKey(verb));
    }
    if seen.contains(&name) {
        return Err(Problem::DoubledKey);
    }
    seen.push(name);
    let value = unquote(value)?;
    set(options, key, value).ok_or(Problem::BadValue(key))
}

fn unquote(value: &str) -> Result<&str, Problem> {
    let Some(open) = value.strip_prefix('"') else { return Ok(value) };
    open.strip_suffix('"').ok_or(Problem::OpenQuote)
}

/// Sets a key, or says `None` if the value does not fit.
fn set(options: &mut Options, key: Key, value: &str) -> Option<()> {
    match key {
        Key::Model => options.model = Some(non_empty(value)?),
        Key::Priority => options.priority = Some(value.to_lowercase().parse().ok()?),
        Key::Base => options.base = Some(branch_name(value)?),
        Key::Branch => {
            let below = value.strip_prefix(OUR_BRANCHES).unwrap_or(value);
            options.branch = Some(format!("{OUR_BRANCHES}{}", branch_name(below)?));
        }
        Key::Budget => {
            let credits = value.parse::<i64>().ok().filter(|n| (1..=1_000_000).contains(n))?;
            options.budget = Some(Credits(credits));
        }
        Key::Draft => options.draft = Some(value.to_lowercase().parse().ok()?),
        Key::Full => options.full = Some(value.to_lowercase().parse().ok()?),
    }
    Some(())
}

fn non_empty(value: &str) -> Option<String> {
    (!value.is_empty() && value.len() <= 100).then(|| value.to_owned())
}

/// A name that git accepts for a branch and that needs no quoting anywhere.
fn branch_name(value: &str) -> Option<String> {
    let letters = value.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_./+#@".contains(&b));
    let part_is_fine = |part: &str| {
        let ends_well = !part.ends_with('.') && !part.to_ascii_lowercase().ends_with(".lock");
        !part.is_empty() && !part.starts_with('.') && !part.starts_with('-') && ends_well
    };
    let fine = (1..=100).contains(&value.len())
        && letters
        && !value.contains("..")
        && !value.contains("@{")
        && value != "@"
        && value.split('/').all(part_is_fine);
    fine.then(|| value.to_owned())
}

/// A word and where it stands.
struct Word<'a> {
    text: &'a str,
    column: usize,
}

impl Word<'_> {
    fn mistake(&self, line: usize, problem: Problem) -> Mistake {
        let word = self.text.chars().take(60).collect();
        Mistake { line, column: self.column, word, problem }
    }
}

/// Walks over the words of a line; a quoted value belongs to its word, spaces and all.
struct Cursor<'a> {
    line: &'a str,
    at: usize,
    column: usize,
}

impl<'a> Cursor<'a> {
    fn next_word(&mut self) -> Option<Word<'a>> {
        let left = self.line.get(self.at..)?;
        let word_start = left.find(|c: char| !c.is_whitespace())?;
        let word = left.get(word_start..)?;
        let mut quoted = false;
        let mut previous = ' ';
        let end = word
            .char_indices()
            .find(|(_, c)| {
                if *c == '"' && (quoted || previous == '=') {
                    quoted = !quoted;
                }
                previous = *c;
                c.is_whitespace() && !quoted
            })
            .map_or(word.len(), |(index, _)| index);
        let column = self.column + left.get(..word_start)?.chars().count();
        let text = word.get(..end)?;
        self.at += word_start + end;
        self.column = column + text.chars().count();
        Some(Word { text, column })
    }
}
