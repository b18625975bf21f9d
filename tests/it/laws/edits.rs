//! The editing tools make of one published version of a package the next one, byte for byte, and leave
//! everything else alone. What they cannot express is refused by name.
//!
//! The packages are those of `tests/packages/versions.txt`, which `scripts/test` fetches.

use asynccoder::agent::tools::{self, Standing, ToolCall};
use asynccoder::agent::workspace::Workspace;
use asynccoder::domain::diff::Diff;
use asynccoder::domain::task::Kind;
use expect_test::expect;
use serde_json::{Value, json};
use similar::{ChangeTag, TextDiff};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const VERSIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/package-versions");
/// The packages stand below a name as people on other systems give them.
const FOLDER: &str = "Größe & Maß (日本)";
/// Lines that are quoted around a change, before more are needed to make it unique.
const CONTEXT: usize = 2;

#[derive(Clone, PartialEq, Eq)]
struct File {
    bytes: Vec<u8>,
    is_executable: bool,
}

type Tree = BTreeMap<String, File>;

#[test]
fn each_version_becomes_the_next_one() {
    let mut told = String::new();
    for (before, after) in pairs() {
        let (old, new) = (package(&before), package(&after));
        let run = Run::from(&old, &new);
        let Run { edited, written, removed, refused, .. } = &run;
        let _ = writeln!(
            told,
            "{after}: {} files, {edited} changed by {} edits, {written} new, {removed} removed; refused: {}",
            new.len(),
            run.edits,
            in_words(refused)
        );
    }
    expect![[r#"
        tslib-2.6.0: 14 files, 7 changed by 15 edits, 0 new, 0 removed; refused: nothing
        reflect-metadata-0.1.14: 15 files, 5 changed by 71 edits, 0 new, 0 removed; refused: nothing
        bootstrap-3.4.0: 120 files, 89 changed by 364 edits, 4 new, 2 removed; refused: 1 × a mode
        express-4.18.2: 16 files, 4 changed by 9 edits, 0 new, 0 removed; refused: nothing
        lodash-4.17.21: 1054 files, 12 changed by 28 edits, 5 new, 0 removed; refused: nothing
        pdfkit-0.15.0: 29 files, 10 changed by 60 edits, 2 new, 0 removed; refused: 1 × is larger than 2 MiB
        highlight.js-11.9.0: 1535 files, 554 changed by 1080 edits, 248 new, 0 removed; refused: nothing
        iconv-lite-0.6.3: 33 files, 3 changed by 3 edits, 6 new, 0 removed; refused: nothing
    "#]].assert_eq(&told);
}

/// One version on its way to the next, in a workspace.
struct Run {
    folder: TempDir,
    edits: usize,
    edited: usize,
    written: usize,
    removed: usize,
    refused: BTreeMap<String, usize>,
}

impl Run {
    fn from(old: &Tree, new: &Tree) -> Self {
        let folder = tempfile::tempdir().unwrap();
        store(folder.path(), old);
        let mut run =
            Self { folder, edits: 0, edited: 0, written: 0, removed: 0, refused: BTreeMap::new() };
        let paths: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        let mut wanted = new.clone();
        for path in paths {
            if run.lead(path, old.get(path), new.get(path)).is_err() {
                match old.get(path) {
                    Some(file) => wanted.insert(path.clone(), file.clone()),
                    None => wanted.remove(path),
                };
            }
        }
        let found = load(run.folder.path());
        for (path, file) in &wanted {
            assert!(found.get(path) == Some(file), "{path} is not as it should be");
        }
        assert_eq!(found.len(), wanted.len(), "and there is nothing else");
        run
    }

    /// Leads one file from its old to its new state. An error is a refusal, which changed nothing.
    fn lead(&mut self, path: &str, old: Option<&File>, new: Option<&File>) -> Result<(), ()> {
        match (old, new) {
            (Some(old), Some(new)) if old == new => Ok(()),
            (Some(old), Some(new)) if old.is_executable != new.is_executable => {
                // There is no tool for it, and so it is not even tried.
                self.refuse("a mode")
            }
            (Some(old), Some(new)) => {
                self.change(path, &old.bytes, &new.bytes)?;
                self.edited += 1;
                Ok(())
            }
            (None, Some(new)) => {
                let Ok(content) = std::str::from_utf8(&new.bytes) else {
                    // JSON has no way to say these bytes.
                    return self.refuse("not text");
                };
                self.call("write_file", json!({ "path": path, "content": content }))?;
                self.written += 1;
                Ok(())
            }
            (Some(_), None) => {
                self.call("delete_file", json!({ "path": path }))?;
                self.removed += 1;
                Ok(())
            }
            (None, None) => Ok(()),
        }
    }

    fn change(&mut self, path: &str, old: &[u8], new: &[u8]) -> Result<(), ()> {
        let Ok(new) = std::str::from_utf8(new) else { return self.refuse("not text") };
        let Ok(old) = std::str::from_utf8(old) else {
            // What is not text is not edited either; its new text may be written.
            return self.call("edit_file", json!({ "path": path, "old": "a", "new": "b" }));
        };
        for (old, new) in edits(old, new) {
            let edit = json!({ "path": path, "old": old, "new": new });
            if old.is_empty() {
                self.call("write_file", json!({ "path": path, "content": new }))?;
            } else {
                self.call("edit_file", edit)?;
            }
            self.edits += 1;
        }
        Ok(())
    }

    fn call(&mut self, name: &str, arguments: Value) -> Result<(), ()> {
        static NOTHING: Diff = Diff { files: Vec::new() };
        let standing = Standing {
            kind: Kind::Async,
            diff: &NOTHING,
            findings: 0,
            is_second_look: false,
            runner: None,
        };
        let call = ToolCall {
            id: "1".to_owned(),
            name: name.to_owned(),
            arguments: Ok(arguments),
            refused: None,
        };
        let workspace = Workspace::open(self.folder.path()).unwrap();
        let result = tools::run(&workspace, standing, &[call]).unwrap().results.remove(0);
        if !result.is_error {
            return Ok(());
        }
        let why = result.text.rsplit_once(FOLDER).map_or(&*result.text, |(_, rest)| rest);
        let why = why.split_once(' ').map_or(why, |(_, why)| why);
        self.refuse(why)
    }

    fn refuse(&mut self, why: &str) -> Result<(), ()> {
        *self.refused.entry(why.to_owned()).or_default() += 1;
        Err(())
    }
}

/// The edits that make one text of the other, each with enough around it to be unique when its turn
/// comes. An empty old text stands for the whole file.
fn edits(old: &str, new: &str) -> Vec<(String, String)> {
    let diff = TextDiff::from_lines(old, new);
    let mut edits = Vec::new();
    let mut now = old.to_owned();
    for group in diff.grouped_ops(CONTEXT) {
        let side = |skipped: ChangeTag| -> String {
            let changes = group.iter().flat_map(|op| diff.iter_changes(op));
            changes.filter(|change| change.tag() != skipped).map(|change| change.value()).collect()
        };
        let (from, to) = (side(ChangeTag::Insert), side(ChangeTag::Delete));
        if from.is_empty() || now.matches(&from).count() != 1 {
            // A person would quote more lines; the whole file is the most there is.
            return vec![(
                if old.is_empty() { String::new() } else { old.to_owned() },
                new.to_owned(),
            )];
        }
        now = now.replacen(&from, &to, 1);
        edits.push((from, to));
    }
    assert!(now == new, "the edits themselves are right");
    edits
}

/// Each version with the one after it.
fn pairs() -> Vec<(String, String)> {
    let list = fs::read_to_string(format!("{VERSIONS}/versions.txt"));
    let list = list.expect("the packages are missing: run scripts/test, which fetches them");
    let names: Vec<String> = list
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split_once(' ').unwrap().1.replace('@', "-"))
        .collect();
    names.chunks(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect()
}

fn package(name: &str) -> Tree {
    load(&Path::new(VERSIONS).join(name))
        .into_iter()
        .map(|(path, file)| (format!("{FOLDER}/{path}"), file))
        .collect()
}

fn load(root: &Path) -> Tree {
    let (mut tree, mut folders) = (Tree::new(), vec![PathBuf::new()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root.join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let path = folder.join(entry.file_name());
            if entry.file_type().unwrap().is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = fs::read(entry.path()).unwrap();
            let is_executable = entry.metadata().unwrap().permissions().mode() & 0o111 != 0;
            tree.insert(path.to_str().unwrap().to_owned(), File { bytes, is_executable });
        }
    }
    tree
}

fn store(root: &Path, tree: &Tree) {
    for (path, file) in tree {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &file.bytes).unwrap();
        let mode = if file.is_executable { 0o755 } else { 0o644 };
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }
}

fn in_words(refused: &BTreeMap<String, usize>) -> String {
    if refused.is_empty() {
        return "nothing".to_owned();
    }
    let words: Vec<_> = refused.iter().map(|(why, times)| format!("{times} × {why}")).collect();
    words.join(", ")
}
