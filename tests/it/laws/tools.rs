//! Tools: what each answers, and that none of them leaves the workspace.

use asynccoder::agent::tools::{self, Standing, ToolCall};
use asynccoder::agent::workspace::Workspace;
use asynccoder::domain::diff::Diff;
use asynccoder::domain::task::Kind;
use expect_test::{Expect, expect};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use tempfile::TempDir;

/// A tree, written as (path, content).
fn tree(files: &[(&str, &str)]) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    for (path, content) in files {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    root
}

fn call(name: &str, arguments: Value) -> ToolCall {
    ToolCall { id: "1".to_owned(), name: name.to_owned(), arguments: Ok(arguments), refused: None }
}

/// Work of a kind at its beginning.
fn standing(kind: Kind) -> Standing<'static> {
    static NOTHING: Diff = Diff { files: Vec::new() };
    Standing { kind, diff: &NOTHING, findings: 0, is_second_look: false, runner: None }
}

fn run(root: &Path, name: &str, arguments: Value) -> (String, bool) {
    let workspace = Workspace::open(root).unwrap();
    let mut done = tools::run(&workspace, standing(Kind::Debug), &[call(name, arguments)]).unwrap();
    let result = done.results.remove(0);
    (result.text, result.is_error)
}

fn check(files: &[(&str, &str)], name: &str, arguments: Value, expect: Expect) {
    let root = tree(files);
    let (text, is_error) = run(root.path(), name, arguments);
    expect.assert_eq(&format!("{}{text}", if is_error { "ERROR " } else { "" }));
}

/// Edits one file and gives its bytes, or the tool's error.
fn edit(content: &str, old: &str, new: &str) -> String {
    let root = tree(&[("f", content)]);
    let (text, is_error) =
        run(root.path(), "edit_file", json!({"path": "f", "old": old, "new": new}));
    if is_error {
        assert_eq!(fs::read_to_string(root.path().join("f")).unwrap(), content);
        return text;
    }
    fs::read_to_string(root.path().join("f")).unwrap()
}

#[test]
fn no_path_leads_out_or_into_git() {
    let outside = tree(&[("secret", "canary")]);
    let root = tree(&[("a/b", "fine"), (".git/config", "canary"), ("src/.git/config", "canary")]);
    symlink(outside.path().join("secret"), root.path().join("link")).unwrap();
    symlink(outside.path(), root.path().join("linked")).unwrap();
    symlink("a", root.path().join("inside")).unwrap();
    symlink("../a/b", root.path().join("a/self")).unwrap();
    symlink("/proc/self/environ", root.path().join("environ")).unwrap();
    symlink("/dev/zero", root.path().join(".gitignore")).unwrap();
    let absolute = outside.path().join("secret");
    let beside = format!("{}-beside/x", root.path().display());
    let hostile = [
        "../secret",
        "a/../../secret",
        "a/../b",
        "./..",
        "/etc/passwd",
        "//etc/passwd",
        "~/../../etc/passwd",
        absolute.to_str().unwrap(),
        &beside,
        "link",
        "linked/secret",
        "inside/b",
        "a/self",
        "environ",
        ".git/config",
        ".GIT/config",
        ".Git",
        "src/.git/config",
        "git~1/config",
        "GIT~2/config",
        ".git./config",
        ".git /config",
        ".git.../config",
        ".git\u{200c}/config",
        ".g\u{feff}it/config",
        "\u{202e}.git/config",
        ".git::$INDEX_ALLOCATION/config",
        ".git:stream",
        "\u{ff0e}git/config",
        ".git\\config",
        "a\\..\\..\\secret",
        "a/\u{0}b",
        "a/b\n",
        "a/ . /b",
        "",
        ".",
        "a",
        "a/b/c",
    ];
    for path in hostile {
        for (tool, arguments) in [
            ("read_file", json!({"path": path})),
            ("write_file", json!({"path": path, "content": "owned"})),
            ("edit_file", json!({"path": path, "old": "canary", "new": "owned"})),
            ("delete_file", json!({"path": path})),
        ] {
            let (text, is_error) = run(root.path(), tool, arguments);
            assert!(is_error, "{tool} {path:?} answered {text}");
            assert!(!text.contains("canary"), "{tool} {path:?} answered {text}");
        }
    }
    assert_eq!(fs::read_to_string(&absolute).unwrap(), "canary");
    assert_eq!(fs::read_to_string(root.path().join(".git/config")).unwrap(), "canary");
    assert_eq!(fs::read_to_string(root.path().join("a/b")).unwrap(), "fine");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1);

    let (found, _) = run(root.path(), "search", json!({"pattern": "canary|root:"}));
    assert_eq!(found, "no matches\n");
    let (listed, _) = run(root.path(), "list_dir", json!({"path": ".", "depth": 5}));
    expect![[r"
        .gitignore  (not a regular file)
        a/
        a/b  4 bytes
        a/self  (not a regular file)
        environ  (not a regular file)
        inside  (not a regular file)
        link  (not a regular file)
        linked  (not a regular file)
        src/
    "]]
    .assert_eq(&listed);
}

#[test]
fn a_pipe_is_not_waited_for() {
    let root = tree(&[]);
    let made = std::process::Command::new("mkfifo").arg(root.path().join("pipe")).status();
    assert!(made.unwrap().success());
    let (text, is_error) = run(root.path(), "read_file", json!({"path": "pipe"}));
    assert!(is_error);
    expect!["pipe is not a regular file"].assert_eq(&text);
}

#[test]
fn a_path_that_begins_with_the_root_is_understood() {
    let root = tree(&[("a/b", "fine\n")]);
    let absolute = root.path().canonicalize().unwrap().join("a/b");
    let (text, _) = run(root.path(), "read_file", json!({"path": absolute}));
    expect![[r"
        a/b, lines 1–1 of 1
             1	fine
    "]]
    .assert_eq(&text);
}

#[test]
fn writing_keeps_the_mode_and_is_remembered() {
    let root = tree(&[("run.sh", "old\n"), ("gone", "x")]);
    let script = root.path().join("run.sh");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    fs::hard_link(&script, root.path().join("other")).unwrap();
    let workspace = Workspace::open(root.path()).unwrap();
    let calls = [
        call("write_file", json!({"path": "./run.sh", "content": "new\n"})),
        call("write_file", json!({"path": "deep/er/file", "content": "no end"})),
        call("delete_file", json!({"path": "gone"})),
        call("read_file", json!({"path": "other"})),
    ];
    let done = tools::run(&workspace, standing(Kind::Debug), &calls).unwrap();
    let texts: Vec<_> = done.results.iter().map(|r| r.text.as_str()).collect();
    expect![[r"
        replaced run.sh, 1 lines
        created deep/er/file, 1 lines
        deleted gone
        other, lines 1–1 of 1
             1	old
    "]]
    .assert_eq(&texts.join("\n"));
    expect![[r#"{"deep/er/file", "gone", "run.sh"}"#]].assert_eq(&format!("{:?}", done.changed));
    assert_eq!(fs::metadata(&script).unwrap().permissions().mode() & 0o777, 0o755);
    assert_eq!(fs::read(root.path().join("deep/er/file")).unwrap(), b"no end");
    let left: Vec<_> = fs::read_dir(root.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().ends_with(".tmp")), "{left:?}");
}

#[test]
fn what_must_not_edit_has_no_editing_tool() {
    let names: Vec<_> = tools::offered(Kind::Ask, false).iter().map(|spec| spec.name).collect();
    assert_eq!(names, ["list_dir", "read_file", "search", "plan", "finish"]);
    let root = tree(&[("f", "x")]);
    let workspace = Workspace::open(root.path()).unwrap();
    let calls = [call("delete_file", json!({"path": "f"}))];
    let done = tools::run(&workspace, standing(Kind::Ask), &calls).unwrap();
    expect!["there is no tool `delete_file`; there are list_dir, read_file, search, plan, finish"]
        .assert_eq(&done.results[0].text);
    assert!(root.path().join("f").exists());
}

#[test]
fn wrong_arguments_name_the_field() {
    let wrong = |name, arguments, expect| check(&[("f", "x")], name, arguments, expect);
    wrong("read_file", json!({}), expect!["ERROR read_file: `path` is missing"]);
    wrong("read_file", json!({"path": 7}), expect!["ERROR read_file: `path` must be a string"]);
    wrong(
        "read_file",
        json!({"path": "f", "start": "1"}),
        expect!["ERROR read_file: `start` must be a whole number, not negative"],
    );
    wrong(
        "read_file",
        json!({"path": "f", "line": 1}),
        expect!["ERROR read_file: unknown field `line`; it takes `path`, `start`, `lines`"],
    );
    wrong(
        "read_file",
        json!(["f"]),
        expect!["ERROR read_file: the arguments are not a JSON object"],
    );
    wrong(
        "plan",
        json!({"items": [{"text": "a", "status": "soon"}]}),
        expect![
            "ERROR plan: unknown variant `soon`, expected one of `pending`, `in_progress`, `done`"
        ],
    );
    wrong(
        "run_it",
        json!({}),
        expect![
            "ERROR there is no tool `run_it`; there are list_dir, read_file, search, edit_file, write_file, delete_file, plan, finish"
        ],
    );
}

#[test]
fn reading_is_paged() {
    let long: String = (1..=1000).map(|n| format!("line {n}\n")).collect();
    let files = [("f", long.as_str()), ("empty", ""), ("binary", "a\0b")];
    check(
        &files,
        "read_file",
        json!({"path": "f", "start": 999, "lines": null}),
        expect![[r"
            f, lines 999–1000 of 1000
               999	line 999
              1000	line 1000
        "]],
    );
    check(
        &files,
        "read_file",
        json!({"path": "f", "start": 1001}),
        expect!["ERROR f has 1000 lines, none at 1001"],
    );
    check(&files, "read_file", json!({"path": "empty"}), expect!["empty is empty"]);
    check(&files, "read_file", json!({"path": "binary"}), expect!["ERROR binary is a binary file"]);
    check(&files, "read_file", json!({"path": "none"}), expect!["ERROR none does not exist"]);

    let root = tree(&files);
    let first = |arguments| {
        run(root.path(), "read_file", arguments).0.lines().next().unwrap_or_default().to_owned()
    };
    assert_eq!(first(json!({"path": "f"})), "f, lines 1–250 of 1000");
    assert_eq!(first(json!({"path": "f", "lines": 9999})), "f, lines 1–400 of 1000");
    fs::write(root.path().join("wide"), "é".repeat(100_000)).unwrap();
    let (wide, _) = run(root.path(), "read_file", json!({"path": "wide"}));
    assert!(wide.len() <= 16 * 1024 && wide.ends_with("[line cut off]\n"));
    fs::write(root.path().join("huge"), vec![b'x'; 3 << 20]).unwrap();
    let (huge, is_error) = run(root.path(), "read_file", json!({"path": "huge"}));
    assert!(is_error);
    assert_eq!(huge, "huge is larger than 2 MiB");
}

#[test]
fn listing_marks_what_git_ignores() {
    let files = [
        (".gitignore", "target/\n*.log\n!keep.log\n"),
        ("src/main.rs", "fn main() {}\n"),
        ("src/.gitignore", "secret*\n"),
        ("src/secrets.rs", ""),
        ("target/debug/out", "x"),
        ("a.log", "xx"),
        ("keep.log", "xxx"),
    ];
    check(
        &files,
        "list_dir",
        json!({"path": ".", "depth": 3}),
        expect![[r"
            .gitignore  24 bytes
            a.log  2 bytes  (ignored)
            keep.log  3 bytes
            src/
            src/.gitignore  8 bytes
            src/main.rs  13 bytes
            src/secrets.rs  0 bytes  (ignored)
            target/  (ignored)
        "]],
    );
    check(
        &files,
        "list_dir",
        json!({"path": "target"}),
        expect![[r"
        target/debug/
    "]],
    );
    check(
        &files,
        "list_dir",
        json!({"path": "a.log"}),
        expect!["ERROR a.log: a.log is not a folder"],
    );
}

#[test]
fn a_listing_has_an_end() {
    let names: Vec<String> = (0..250).map(|n| format!("f{n:03}")).collect();
    let files: Vec<_> = names.iter().map(|name| (name.as_str(), "")).collect();
    let root = tree(&files);
    let (text, _) = run(root.path(), "list_dir", json!({"path": "."}));
    assert_eq!(text.lines().count(), 201);
    assert!(text.ends_with("[more than 200 entries; list a folder below, or search]\n"));
}

#[test]
fn searching_finds_what_git_keeps() {
    let files = [
        (".gitignore", "out\n"),
        ("out", "needle\n"),
        ("a.rs", "one\ntwo needle\nthree\r\n"),
        ("b/c.md", "Needle\n"),
        ("b/d.rs", "needle"),
        ("bin", "needle\0"),
    ];
    check(
        &files,
        "search",
        json!({"pattern": "needle"}),
        expect![[r"
            a.rs:2:two needle
            b/d.rs:1:needle
        "]],
    );
    check(
        &files,
        "search",
        json!({"pattern": "(?i)needle", "glob": "*.md"}),
        expect![[r"
            b/c.md:1:Needle
        "]],
    );
    check(
        &files,
        "search",
        json!({"pattern": "needle", "glob": "*.rs", "context": 1}),
        expect![[r"
            a.rs-1-one
            a.rs:2:two needle
            a.rs-3-three
            b/d.rs:1:needle
        "]],
    );
    check(
        &files,
        "search",
        json!({"pattern": "nothing"}),
        expect![[r"
        no matches
    "]],
    );
    let root = tree(&files);
    let (text, is_error) = run(root.path(), "search", json!({"pattern": "("}));
    assert!(is_error && text.starts_with("search: `pattern`: "), "{text}");
    let (text, is_error) = run(root.path(), "search", json!({"pattern": "x", "glob": "["}));
    assert!(is_error && text.starts_with("search: `glob`: "), "{text}");
}

#[test]
fn a_search_counts_what_it_does_not_show() {
    let many = "hit\n".repeat(40);
    let wide = format!("hit{}\n", "é".repeat(500));
    let root = tree(&[("a", &many), ("b", &many), ("c", &wide)]);
    let (text, _) = run(root.path(), "search", json!({"pattern": "hit"}));
    assert!(text.ends_with("[31 more in 2 files]\n"), "{text}");
    let (text, _) = run(root.path(), "search", json!({"pattern": "hit", "glob": "c"}));
    assert_eq!(text.chars().count(), "c:1:".len() + 240 + "…\n".chars().count());
}

#[test]
fn an_edit_shows_what_it_did() {
    let numbers: String = (1..=20).map(|n| format!("{n}\n")).collect();
    check(
        &[("f", &numbers)],
        "edit_file",
        json!({"path": "f", "old": "10\n", "new": "ten\nten and a half\n"}),
        expect![[r"
            edited f
                 5	5
                 6	6
                 7	7
                 8	8
                 9	9
                10	ten
                11	ten and a half
                12	11
                13	12
                14	13
                15	14
                16	15
                  	…
        "]],
    );
}

#[test]
fn an_edit_must_be_unambiguous() {
    assert_eq!(
        edit("a\nb\na\n", "a", "c"),
        "`old` occurs 2 times in f, at lines 1, 3; quote more lines, or set replace_all"
    );
    let root = tree(&[("f", "a\nb\na\n")]);
    let (text, _) = run(
        root.path(),
        "edit_file",
        json!({"path": "f", "old": "a", "new": "c", "replace_all": true}),
    );
    assert!(text.starts_with("edited f in 2 places\n"), "{text}");
    assert_eq!(fs::read_to_string(root.path().join("f")).unwrap(), "c\nb\nc\n");
    assert_eq!(edit("a", "", "c"), "edit_file: `old` is empty; to create a file use write_file");
    assert_eq!(edit("a", "a", "a"), "edit_file: `old` and `new` are the same");
}

#[test]
fn an_edit_that_finds_nothing_says_where_it_may_be() {
    let file = "fn one() {\n    first();\n}\n\nfn two() {\n    second(1);\n    third();\n}\n";
    expect!["`old` does not occur in f; did you mean lines 5–7?"].assert_eq(&edit(
        file,
        "fn two() {\n    second(2);\n    third();\n",
        "x",
    ));
    expect!["`old` does not occur in f; the replacement is already present"].assert_eq(&edit(
        file,
        "zzz",
        "    first();",
    ));
    expect!["`old` does not occur in f"].assert_eq(&edit(file, "qqqq wwww", "x"));
}

#[test]
fn line_ends_and_the_missing_last_one_stay() {
    // One line, in a file with CRLF: new lines get CRLF too.
    assert_eq!(edit("a\r\nb\r\nc\r\n", "b", "x\ny"), "a\r\nx\r\ny\r\nc\r\n");
    // The model writes line feeds.
    assert_eq!(edit("a\r\nb\r\nc", "a\nb\n", "x\ny\n"), "x\r\ny\r\nc");
    // And carriage returns where the file has none.
    assert_eq!(edit("a\nb\nc\n", "a\r\nb", "x\r\ny"), "x\ny\nc\n");
    // In the middle of lines.
    assert_eq!(edit("left a\r\nb right\r\n", "a\nb", "A\nB"), "left A\r\nB right\r\n");
    // No last line end, and none comes.
    assert_eq!(edit("a\nb", "a\nb\n", "x\ny\n"), "x\ny");
    assert_eq!(edit("a\nb", "b", "c"), "a\nc");
    // Mixed ends elsewhere are not touched.
    assert_eq!(edit("a\r\nb\nc\r\nd\n", "b\n", "x\n"), "a\r\nx\nc\r\nd\n");
}

#[test]
fn white_space_at_line_ends_does_not_matter() {
    assert_eq!(edit("a  \nb\t\nc\n", "a\nb\n", "x\n"), "x\nc\n");
    assert_eq!(edit("a\nb\nc\n", "a \nb ", "x"), "x\nc\n");
    assert_eq!(edit("a  \r\nb\r\nc\r\n", "a\nb\n", "x\ny\n"), "x\r\ny\r\nc\r\n");
}

#[test]
fn a_shifted_quote_is_shifted_back() {
    let file = "class A:\n    def f(self):\n        one()\n\n        two()\n";
    assert_eq!(
        edit(
            file,
            "def f(self):\n    one()\n\n    two()\n",
            "def f(self):\n    one()\n\n    three()\n"
        ),
        "class A:\n    def f(self):\n        one()\n\n        three()\n"
    );
    assert_eq!(
        edit("if x:\n\ty()\n", "\tif x:\n\t\ty()\n", "\tif x:\n\t\tz()\n"),
        "if x:\n\tz()\n"
    );
    // Not shifted as a whole: this is other code.
    assert!(edit("  a\n   b\n", "a\nb\n", "c\n").starts_with("`old` does not occur"));
}

#[test]
fn long_files_are_edited_and_not_written() {
    let long = "line\n".repeat(401);
    let fits = "line\n".repeat(400);
    let write = json!({"path": "f", "content": "short\n"});
    check(
        &[("f", &long)],
        "write_file",
        write.clone(),
        expect!["ERROR f has 401 lines; change it with edit_file"],
    );
    check(&[("f", &fits)], "write_file", write, expect!["replaced f, 1 lines"]);
}

#[test]
fn finishing_is_checked() {
    let finish = |calls: &[ToolCall]| {
        let root = tree(&[("f", "x")]);
        let workspace = Workspace::open(root.path()).unwrap();
        let done = tools::run(&workspace, standing(Kind::Debug), calls).unwrap();
        let last = done.results.last().unwrap().text.clone();
        (last, done.finish.is_some())
    };
    let edit = call("write_file", json!({"path": "f", "content": "y"}));
    let untitled = call("finish", json!({"summary": "done"}));
    let titled = call("finish", json!({"summary": "done", "title": "Fix f"}));
    let broken = call("read_file", json!({"path": "none"}));
    assert_eq!(finish(std::slice::from_ref(&untitled)), ("finished".to_owned(), true));
    assert_eq!(
        finish(&[edit.clone(), untitled]),
        ("finish: `title` is missing, and files were changed".to_owned(), false)
    );
    assert_eq!(finish(&[edit, titled.clone()]), ("finished".to_owned(), true));
    assert!(!finish(&[broken, titled]).1);
    assert!(!finish(&[call("finish", json!({"summary": " "}))]).1);
}

#[test]
fn line_numbers_in_a_quote_are_noticed() {
    expect!["`old` does not occur in f; quote without the line numbers"].assert_eq(&edit(
        "a\nb\n",
        "     1\ta\n     2\tb\n",
        "x",
    ));
}

#[test]
fn replacing_everything_in_a_large_file_has_an_end() {
    let root = tree(&[("f", &"a".repeat(1_000_000)), ("g", &"a\n".repeat(9_000))]);
    let all = |path: &str| json!({"path": path, "old": "a", "new": "b\nc", "replace_all": true});
    let (text, is_error) = run(root.path(), "edit_file", all("f"));
    assert_eq!((text.as_str(), is_error), ("`old` occurs too often in f; quote more", true));
    let (text, _) = run(root.path(), "edit_file", all("g"));
    assert!(text.starts_with("edited g in 9000 places\n"), "{text}");
    let edited = fs::read_to_string(root.path().join("g")).unwrap();
    assert_eq!(edited, "b\nc\n".repeat(9_000));
}

/// Somebody swaps a folder for a link to the outside, all the time.
#[test]
fn a_race_does_not_lead_out() {
    let outside = tree(&[("f", "canary")]);
    let root = tree(&[("d/f", "fine\n")]);
    let (dir, away) = (root.path().join("d"), root.path().join("away"));
    let calls = [
        call("read_file", json!({"path": "d/f"})),
        call("edit_file", json!({"path": "d/f", "old": "fine", "new": "fine "})),
    ];
    let workspace = Workspace::open(root.path()).unwrap();
    std::thread::scope(|threads| {
        threads.spawn(|| {
            for _ in 0..2000 {
                // Any of these may fail when an edit makes the folder anew in between.
                let _ = fs::rename(&dir, &away);
                let _ = symlink(outside.path(), &dir);
                let _ = fs::remove_file(&dir).or_else(|_| fs::remove_dir_all(&dir));
                let _ = fs::rename(&away, &dir);
            }
        });
        for _ in 0..1000 {
            let done = tools::run(&workspace, standing(Kind::Debug), &calls);
            let results = done.map(|done| done.results).unwrap_or_default();
            assert!(results.iter().all(|result| !result.text.contains("canary")));
        }
    });
    assert_eq!(fs::read_to_string(outside.path().join("f")).unwrap(), "canary");
}

proptest! {
    /// What is quoted exactly and once is replaced exactly, and no other byte changes.
    #[test]
    fn an_exact_edit_changes_nothing_else(
        parts in prop::collection::vec(prop::sample::select(vec!["a", "b ", "é", "\t", "\n", "\r\n"]), 1..20),
        from in 0_usize..20, length in 1_usize..6,
        new in "[xy ]{0,5}",
    ) {
        let content: String = parts.concat();
        let old: String = parts.iter().skip(from).take(length).copied().collect();
        prop_assume!(content.matches(&old).count() == 1 && !old.is_empty() && old != new);
        prop_assert_eq!(edit(&content, &old, &new), content.replacen(&old, &new, 1));
    }

    /// No path makes the workspace panic, and what is accepted is below the root.
    #[test]
    fn any_text_may_be_a_path(path in "(\\.|/|g|i|t|~|1|\\PC|\\.git|\u{200c}| |:){0,12}") {
        let root = tree(&[]);
        let workspace = Workspace::open(root.path()).unwrap();
        if let Ok(path) = workspace.path(&path) {
            let plain = |name: &String| !matches!(name.to_lowercase().as_str(), "" | "." | ".." | ".git");
            prop_assert!(path.names().iter().all(plain), "{}", path);
        }
    }
}
