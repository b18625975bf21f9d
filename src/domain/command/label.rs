//! Labels that are commands: `asynccoder` for work as it comes, `asynccoder:<kind>` for work of a kind.
//! `asynccoder:model:<name>` asks for nothing; it is read when one of the others is set.

use super::{Command, Options, Verb};

const NAME: &str = "asynccoder";
const MODEL: &str = "asynccoder:model:";

/// The work that a label asks for, if it is such a label.
pub fn asked_by(label: &str) -> Option<Verb> {
    let label = label.trim().to_lowercase();
    if label == NAME {
        return Some(Verb::Async);
    }
    let kind = label.strip_prefix(NAME)?.strip_prefix(':')?;
    Verb::from_word(kind.trim()).filter(|verb| verb.kind().is_some())
}

/// The command that a label stands for among the labels of its thread. It has no words: what is to be
/// done is what the thread says.
pub fn command<'l>(label: &str, verb: Verb, labels: impl IntoIterator<Item = &'l str>) -> Command {
    let is_implied = label.trim().eq_ignore_ascii_case(NAME);
    let mut names = labels.into_iter().filter_map(model);
    let options = Options { model: names.next(), ..Options::default() };
    Command { verb, is_implied, options, text: String::new() }
}

fn model(label: &str) -> Option<String> {
    let label = label.trim().to_lowercase();
    label.strip_prefix(MODEL).map(|name| name.trim().to_owned()).filter(|name| !name.is_empty())
}
