//! Reads the configuration file. Every fault of it is told, with its line and what was probably meant.

use super::Layer;
use crate::domain::credit::Credits;
use crate::domain::policy::Permission;
use crate::domain::settings::line_at;
use crate::domain::task::Kind;
use globset::Glob;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

/// Where it is.
pub const PATH: &str = ".github/asynccoder.toml";

const LONGEST_FILE: usize = 64 * 1024;
const LONGEST_TEXT: usize = 16 * 1024;
const LONGEST_WORD: usize = 1000;
const MOST_ITEMS: usize = 100;

/// Something in the file that cannot be meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// The line, from 1, if it is known.
    pub line: Option<usize>,
    /// What is wrong with it, and what to write.
    pub what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.what),
            None => f.write_str(&self.what),
        }
    }
}

/// The same for a file whose bytes may be anything.
pub fn read_bytes(bytes: &[u8]) -> Result<Layer, Vec<Fault>> {
    let whole = |what: String| vec![Fault { line: None, what }];
    if bytes.len() > LONGEST_FILE {
        return Err(whole(format!("the file has more than {LONGEST_FILE} bytes")));
    }
    let text = std::str::from_utf8(bytes);
    read(text.map_err(|_| whole("the file is not UTF-8 text".to_owned()))?)
}

/// Reads the whole file, or says everything that is wrong with it.
pub fn read(text: &str) -> Result<Layer, Vec<Fault>> {
    let mut reader = Reader { text, layer: Layer::default(), faults: Vec::new() };
    match DeTable::parse(text) {
        Ok(table) => {
            for (key, value) in table.get_ref() {
                reader.top(key, value);
            }
        }
        Err(error) => {
            let at = error.span().map_or(0, |span| span.start);
            reader.fault(at, error.message().trim().replace('\n', " "));
        }
    }
    let Reader { layer, mut faults, .. } = reader;
    faults.sort_by_key(|fault| fault.line);
    if faults.is_empty() { Ok(layer) } else { Err(faults) }
}

/// The names of models in a file that can be read, each with its line.
pub(super) fn models_in(text: &str) -> Vec<(usize, String)> {
    let Ok(table) = DeTable::parse(text) else { return Vec::new() };
    let values = table.get_ref().iter().flat_map(|(key, value)| {
        let name: &str = key.get_ref();
        match (name, value.get_ref().as_array()) {
            ("model", _) => vec![value],
            ("models", Some(items)) => items.iter().collect(),
            _ => Vec::new(),
        }
    });
    let named = |value: &Value<'_>| {
        let name = value.get_ref().as_str()?.trim().to_owned();
        Some((line_at(text, value.span().start), name))
    };
    values.filter_map(named).collect()
}

type Key<'i> = Spanned<DeString<'i>>;
type Value<'i> = Spanned<DeValue<'i>>;

const KEYS: [&str; 15] = [
    "model",
    "models",
    "kind",
    "kinds",
    "labels",
    "base",
    "draft",
    "delete_branch",
    "protected",
    "instructions",
    "checks",
    "setup",
    "budget",
    "permissions",
    "review",
];
const REVIEW_KEYS: [&str; 2] = ["automatic", "on_push"];

struct Reader<'t> {
    text: &'t str,
    layer: Layer,
    faults: Vec<Fault>,
}

impl Reader<'_> {
    fn top(&mut self, key: &Key<'_>, value: &Value<'_>) {
        let name: &str = key.get_ref();
        match name {
            "model" => self.layer.model = self.word(name, value),
            "models" => self.layer.models = self.words(name, value),
            "kind" => self.layer.kind = self.one_of(name, value, Kind::ALL),
            "kinds" => self.layer.kinds = self.kinds(name, value),
            "labels" => self.layer.labels = self.yes(name, value),
            "base" => self.layer.base = self.word(name, value),
            "draft" => self.layer.draft = self.yes(name, value),
            "delete_branch" => self.layer.delete_branch = self.yes(name, value),
            "protected" => self.layer.protected = self.patterns(name, value),
            "instructions" => self.layer.instructions = self.string(name, value, LONGEST_TEXT),
            "checks" => self.layer.checks = self.words(name, value),
            "setup" => self.layer.setup = self.word_or_words(name, value),
            "budget" => self.layer.budget = self.credits(name, value),
            "permissions" => self.table(name, value, Self::permission),
            "review" => self.table(name, value, Self::review),
            _ => self.unknown(key, None, KEYS),
        }
    }

    fn permission(&mut self, key: &Key<'_>, value: &Value<'_>) {
        let name: &str = key.get_ref();
        let Ok(kind) = Kind::from_str(name) else {
            let kinds = Kind::ALL.iter().map(|kind| kind.as_str());
            return self.unknown(key, Some("permissions"), kinds);
        };
        let allowed = [Permission::Write, Permission::Admin];
        let permission = self.one_of(name, value, &allowed);
        self.layer.permissions.extend(permission.map(|permission| (kind, permission)));
    }

    fn review(&mut self, key: &Key<'_>, value: &Value<'_>) {
        let name: &str = key.get_ref();
        match name {
            "automatic" => self.layer.review_automatic = self.yes(name, value),
            "on_push" => self.layer.review_on_push = self.yes(name, value),
            _ => self.unknown(key, Some("review"), REVIEW_KEYS),
        }
    }

    fn table(
        &mut self,
        name: &str,
        value: &Value<'_>,
        mut entry: impl FnMut(&mut Self, &Key<'_>, &Value<'_>),
    ) {
        let Some(table) = value.get_ref().as_table() else {
            return self.misfit(name, value, &format!("a table, `[{name}]`"));
        };
        for (key, value) in table {
            entry(self, key, value);
        }
    }

    fn word(&mut self, name: &str, value: &Value<'_>) -> Option<String> {
        self.string(name, value, LONGEST_WORD)
    }

    fn string(&mut self, name: &str, value: &Value<'_>, longest: usize) -> Option<String> {
        let text = value.get_ref().as_str().map(str::trim);
        let fits = |text: &&str| !text.is_empty() && text.len() <= longest;
        let Some(text) = text.filter(fits) else {
            self.misfit(name, value, &format!("text of 1 to {longest} bytes in quotes"));
            return None;
        };
        Some(text.to_owned())
    }

    fn yes(&mut self, name: &str, value: &Value<'_>) -> Option<bool> {
        let yes = value.get_ref().as_bool();
        if yes.is_none() {
            self.misfit(name, value, "`true` or `false`");
        }
        yes
    }

    fn credits(&mut self, name: &str, value: &Value<'_>) -> Option<Credits> {
        let number = value.get_ref().as_integer();
        let number =
            number.and_then(|number| i64::from_str_radix(number.as_str(), number.radix()).ok());
        let Some(number) = number.filter(|number| (1..=1_000_000).contains(number)) else {
            self.misfit(name, value, "a whole number of credits above 0");
            return None;
        };
        Some(Credits(number))
    }

    fn words(&mut self, name: &str, value: &Value<'_>) -> Option<Vec<String>> {
        let Some(items) = value.get_ref().as_array().filter(|items| items.len() <= MOST_ITEMS)
        else {
            self.misfit(name, value, &format!("a list of at most {MOST_ITEMS} texts, `[\"…\"]`"));
            return None;
        };
        items.iter().map(|item| self.word(name, item)).collect()
    }

    /// A single one may stand without a list around it.
    fn word_or_words(&mut self, name: &str, value: &Value<'_>) -> Option<Vec<String>> {
        match value.get_ref() {
            DeValue::String(_) => self.word(name, value).map(|word| vec![word]),
            DeValue::Array(items) if items.len() <= MOST_ITEMS => {
                items.iter().map(|item| self.word(name, item)).collect()
            }
            DeValue::Array(_)
            | DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Table(_) => {
                self.misfit(name, value, "text in quotes, or a list of such texts, `[\"…\"]`");
                None
            }
        }
    }

    fn kinds(&mut self, name: &str, value: &Value<'_>) -> Option<Vec<Kind>> {
        let Some(items) = value.get_ref().as_array().filter(|items| items.len() <= MOST_ITEMS)
        else {
            self.misfit(name, value, "a list of kinds, `[\"ask\", \"pr_review\"]`");
            return None;
        };
        items.iter().map(|item| self.one_of(name, item, Kind::ALL)).collect()
    }

    fn patterns(&mut self, name: &str, value: &Value<'_>) -> Option<Vec<String>> {
        let patterns = self.words(name, value)?;
        for pattern in &patterns {
            if let Err(error) = Glob::new(pattern) {
                let at = value.span().start;
                self.fault(at, format!("`{name}` has a pattern that is none: {error}"));
            }
        }
        Some(patterns)
    }

    fn one_of<T>(&mut self, name: &str, value: &Value<'_>, all: &[T]) -> Option<T>
    where
        T: Copy + PartialEq + FromStr + fmt::Display,
    {
        let found = value.get_ref().as_str().and_then(|word| word.parse::<T>().ok());
        let found = found.filter(|found| all.contains(found));
        if found.is_none() {
            let names: Vec<String> = all.iter().map(|one| format!("`\"{one}\"`")).collect();
            let meant = value
                .get_ref()
                .as_str()
                .and_then(|word| nearest(word, all.iter().map(T::to_string)));
            let meant =
                meant.map(|meant| format!("; did you mean `\"{meant}\"`?")).unwrap_or_default();
            self.misfit(name, value, &format!("one of {}{meant}", names.join(", ")));
        }
        found
    }

    /// In TOML all that follows the heading of a table belongs to it, which is easily forgotten.
    fn unknown<'n>(
        &mut self,
        key: &Key<'_>,
        table: Option<&str>,
        known: impl IntoIterator<Item = &'n str>,
    ) {
        let name: &str = key.get_ref();
        if let Some(table) = table.filter(|_| KEYS.contains(&name)) {
            let what =
                format!("`[{table}]` has no key `{name}`; it belongs above the first `[table]`.");
            return self.fault(key.span().start, what);
        }
        let meant = nearest(name, known.into_iter().map(str::to_owned));
        let meant = meant.map(|meant| format!(" Did you mean `{meant}`?")).unwrap_or_default();
        let name: String = name.chars().filter(|c| !c.is_control() && *c != '`').take(60).collect();
        self.fault(key.span().start, format!("there is no key `{name}`.{meant}"));
    }

    fn misfit(&mut self, name: &str, value: &Value<'_>, takes: &str) {
        self.fault(value.span().start, format!("`{name}` takes {takes}"));
    }

    fn fault(&mut self, at: usize, what: String) {
        self.faults.push(Fault { line: Some(line_at(self.text, at)), what });
    }
}

/// The name that a typed one is at most two slips away from.
fn nearest(typed: &str, known: impl Iterator<Item = String>) -> Option<String> {
    let (slips, name) =
        known.map(|name| (strsim::osa_distance(&typed.to_lowercase(), &name), name)).min()?;
    (slips <= 2).then_some(name)
}
