//! Repositories as text, and what a model does in them.

use asynccoder::simulator::{Script, Usage};
use serde_json::{Value, json};

/// The files of a fixture: `//- path` begins each.
pub(crate) fn files(fixture: &str) -> Vec<(String, Vec<u8>)> {
    let parts = fixture.split("//- ").filter(|part| !part.is_empty());
    let file = |part: &str| {
        let (path, content) = part.split_once('\n')?;
        Some((path.trim().to_owned(), format!("{}\n", content.trim_end()).into_bytes()))
    };
    parts.filter_map(file).collect()
}

/// What a turn of the model uses; fixed, so that receipts do not depend on the length of a prompt.
pub(crate) const USAGE: Usage =
    Usage { input: 120, cache_read: 1500, cache_write: 400, output: 90 };

/// Reads the place, repairs the comparison and says so.
pub(crate) fn fixes_the_till() -> Script {
    Script::new("the till")
        .calls(vec![read("src/discount.rs")])
        .with_text("I look at the place where the discount is decided.")
        .with_usage(USAGE)
        .calls(vec![the_fix()])
        .with_usage(USAGE)
        .calls(vec![finish(json!({
            "title": "Give the discount at exactly 100.00",
            "summary": "The comparison left out the threshold itself; it is in now.",
            "not_verified": ["The tests were not run."],
        }))])
        .with_usage(USAGE)
}

pub(crate) fn read(path: &str) -> (&'static str, Value) {
    ("read_file", json!({ "path": path }))
}

pub(crate) fn write(path: &str, content: &str) -> (&'static str, Value) {
    ("write_file", json!({ "path": path, "content": content }))
}

pub(crate) fn the_fix() -> (&'static str, Value) {
    let (old, new) = ("cents > THRESHOLD", "cents >= THRESHOLD");
    ("edit_file", json!({ "path": "src/discount.rs", "old": old, "new": new }))
}

pub(crate) fn finish(arguments: Value) -> (&'static str, Value) {
    ("finish", arguments)
}

/// Lines added and removed in each file of a patch, as `path +a -r`.
pub(crate) fn changed_files(patch: &str) -> String {
    let mut files: Vec<(String, usize, usize)> = Vec::new();
    for line in patch.lines() {
        if let Some(paths) = line.strip_prefix("diff --git a/") {
            let name = paths.split(" b/").next().unwrap_or(paths);
            files.push((name.to_owned(), 0, 0));
        } else if let Some(file) = files.last_mut() {
            let is_name = line.starts_with("+++ ") || line.starts_with("--- ");
            file.1 += usize::from(!is_name && line.starts_with('+'));
            file.2 += usize::from(!is_name && line.starts_with('-'));
        }
    }
    let lines = files.iter().map(|(path, added, removed)| format!("{path} +{added} -{removed}"));
    lines.collect::<Vec<_>>().join(", ")
}
