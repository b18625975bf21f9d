//! What a setup is known by: whatever could make it come to something else.

use crate::domain::setup::{Setup, telling};
use crate::git::TreeFile;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;

/// To be changed when what is kept changes its form.
const FORM: u32 = 1;

/// For a branch, or for everybody. git knows a file's content by its name.
pub(super) fn of(setup: &Setup, branch: Option<&str>, tools: &str, files: &[TreeFile]) -> String {
    let contents: BTreeMap<&str, &str> =
        files.iter().map(|file| (file.path.as_str(), file.content.as_str())).collect();
    let telling = telling(contents.keys().copied());
    let telling: Vec<_> = telling.iter().map(|path| (path, contents.get(path))).collect();
    let all = serde_json::json!([FORM, branch, setup.commands, tools, telling]);
    hex::encode(Sha256::digest(all.to_string()))
}
