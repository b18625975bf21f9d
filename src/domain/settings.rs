//! Files of settings in TOML, and where in one something cannot be meant: what all that is read from
//! such files shares. What may stand in a file is known by whoever reads it.

use serde::de::DeserializeOwned;

/// A file: its name for people, and what is in it.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) name: &'a str,
    pub(super) text: &'a str,
}

/// A file that cannot be used: which, where, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}, line {line}: {fault}")]
pub(super) struct Misread {
    file: String,
    line: usize,
    fault: String,
}

impl Source<'_> {
    /// Reads it as what it should be.
    pub(super) fn parse<T: DeserializeOwned>(&self) -> Result<T, Misread> {
        toml::from_str(self.text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            self.fault(at, error.message().trim().replace('\n', " "))
        })
    }

    /// Something at this byte is wrong.
    pub(super) fn fault(&self, at: usize, fault: String) -> Misread {
        Misread { file: self.name.to_owned(), line: line_at(self.text, at), fault }
    }
}

/// The line, from 1, in which a byte stands.
pub(super) fn line_at(text: &str, at: usize) -> usize {
    text.get(..at).unwrap_or(text).matches('\n').count() + 1
}
