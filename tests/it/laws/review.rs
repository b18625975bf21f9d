//! Changes and reviews as values: how git's patches are read, where a comment may stand, and which
//! findings people are told.

use asynccoder::domain::diff::{Diff, FileDiff, parse, show};
use asynccoder::domain::report::review as report;
use asynccoder::domain::review::{
    Finding, MOST_INLINE, Priority, Review, Scores, Side, check_place, sorted_out,
};
use expect_test::{Expect, expect};
use proptest::prelude::*;
use std::fs;
use std::path::Path;
use std::process::Command;

fn git(folder: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    command.env_clear().current_dir(folder).env("HOME", folder).env("GIT_CONFIG_NOSYSTEM", "1");
    command.env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    let done = command.args(["-c", "user.name=x", "-c", "user.email=x@x"]).args(arguments).output();
    let done = done.unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8_lossy(&done.stdout).into_owned()
}

/// What git says changed between two states of a folder.
fn change(before: &[(&str, &str)], after: &[(&str, &str)]) -> Diff {
    let folder = tempfile::tempdir().unwrap();
    git(folder.path(), &["init", "--quiet"]);
    for files in [before, after] {
        for entry in fs::read_dir(folder.path()).unwrap().map(Result::unwrap) {
            if entry.file_name() != ".git" {
                let path = entry.path();
                if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }
                    .unwrap();
            }
        }
        for (path, content) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        git(folder.path(), &["add", "-A"]);
        git(folder.path(), &["commit", "--quiet", "--allow-empty", "-m", "x"]);
    }
    parse(&git(folder.path(), &["diff-tree", "-p", "-r", "--text", "-U3", "-M", "HEAD~", "HEAD"]))
}

fn told(diff: &Diff) -> String {
    let mut text = String::new();
    for FileDiff { path, moved_from, is_removed, is_binary, hunks, .. } in &diff.files {
        let spans = |side| {
            let spans = hunks.iter().map(|h| h.span(side)).filter(|s| !s.is_empty());
            spans.map(|s| format!("{}-{}", s.start(), s.end())).collect::<Vec<_>>().join(",")
        };
        text.push_str(&format!("{path:?} from {moved_from:?} removed {is_removed} binary {is_binary} old [{}] new [{}]\n", spans(Side::Left), spans(Side::Right)));
    }
    text
}

#[test]
fn patches_of_every_sort_are_read() {
    let many: String = (1..=40).map(|n| format!("line {n}\n")).collect();
    let changed = many.replace("line 3\n", "line three\n").replace("line 30\n", "");
    let before = [
        ("a b.txt", "one\n"),
        ("gone.rs", "-- a/x\n++ b/y\n"),
        ("many.txt", &many),
        ("moved.rs", &many),
        ("picture", "a\0b"),
        ("ünï\t\"q\".md", "x\n"),
        ("end.txt", "no end"),
        ("crlf.txt", "a\r\nb\r\n"),
    ];
    let after = [
        ("a b.txt", "two\n"),
        ("many.txt", &changed),
        ("away/moved.rs", &many),
        ("picture", "a\0c"),
        ("ünï\t\"q\".md", "y\n"),
        ("end.txt", "no end\n"),
        ("new.rs", "fn f() {}\n"),
        ("crlf.txt", "a\r\nc\r\n"),
        ("empty", ""),
    ];
    expect![[r#"
        "a b.txt" from None removed false binary false old [1-1] new [1-1]
        "away/moved.rs" from Some("moved.rs") removed false binary false old [] new []
        "crlf.txt" from None removed false binary false old [1-2] new [1-2]
        "empty" from None removed false binary false old [] new []
        "end.txt" from None removed false binary false old [1-1] new [1-1]
        "gone.rs" from None removed true binary false old [1-2] new []
        "many.txt" from None removed false binary false old [1-6,27-33] new [1-6,27-32]
        "new.rs" from None removed false binary false old [] new [1-1]
        "picture" from None removed false binary true old [] new []
        "ünï\t\"q\".md" from None removed false binary false old [1-1] new [1-1]
    "#]]
    .assert_eq(&told(&change(&before, &after)));
}

fn finding(first: usize, last: usize, side: Side) -> Finding {
    Finding {
        path: "f".to_owned(),
        first,
        last,
        side,
        priority: Priority::P1,
        confidence: 90,
        body: format!("wrong at {first}"),
        suggestion: None,
    }
}

#[test]
fn a_comment_stands_only_where_github_takes_it() {
    let many: String = (1..=40).map(|n| format!("line {n}\n")).collect();
    let changed = many.replace("line 3\n", "line three\nand more\n").replace("line 30\n", "");
    let diff = change(&[("f", &many), ("g", "a\0")], &[("f", &changed), ("g", "b\0")]);
    let check = |finding: Finding, expected: Expect| {
        let placed = check_place(&diff, &finding);
        expected.assert_eq(&placed.map_or_else(|why| why.to_string(), |()| "there".to_owned()));
    };
    check(finding(4, 4, Side::Right), expect!["there"]);
    check(finding(1, 7, Side::Right), expect!["there"]);
    check(
        finding(8, 8, Side::Right),
        expect![
            "lines 8–8 of f (RIGHT) are not part of one hunk of this change; its hunks are 1–7, 28–33"
        ],
    );
    check(finding(7, 28, Side::Right), expect!["more than 10 lines; name the ones that matter"]);
    check(
        finding(7, 12, Side::Right),
        expect![
            "lines 7–12 of f (RIGHT) are not part of one hunk of this change; its hunks are 1–7, 28–33"
        ],
    );
    check(finding(30, 30, Side::Left), expect!["there"]);
    check(
        Finding { suggestion: Some(String::new()), ..finding(30, 30, Side::Left) },
        expect!["a suggestion can only replace lines that are there after the change (RIGHT)"],
    );
    check(
        Finding { path: "g".to_owned(), ..finding(1, 1, Side::Right) },
        expect!["g has no lines that can be commented on"],
    );
    check(
        Finding { path: "h".to_owned(), ..finding(1, 1, Side::Right) },
        expect!["h is not part of this change"],
    );
}

#[test]
fn what_is_told_is_sound_new_and_little() {
    let content: String = (1..=30).map(|n| format!("{n}\n")).collect();
    let diff = change(&[], &[("f", &content)]);
    let at = |line, priority, confidence| Finding {
        priority,
        confidence,
        ..finding(line, line, Side::Right)
    };
    let found: Vec<Finding> = (1..=12)
        .map(|line| at(line, if line == 12 { Priority::P0 } else { Priority::P2 }, 90))
        .chain([
            at(13, Priority::P0, 59),
            at(14, Priority::P0, 100),
            at(15, Priority::P0, 100),
            at(99, Priority::P0, 100),
            Finding { body: "*Wrong* at 1!".to_owned(), ..at(2, Priority::P3, 100) },
        ])
        .collect();
    let scores = Scores::from([(14, 5), (1, 6)]);
    let earlier = [Finding { first: 20, last: 20, ..at(15, Priority::P2, 60) }];
    let earlier = earlier.map(|f| Finding { body: "wrong at 15".to_owned(), ..f });
    let review = sorted_out(&diff, &found, &scores, &earlier);
    let lines = |findings: &[Finding]| findings.iter().map(|f| f.first).collect::<Vec<_>>();
    assert_eq!(lines(&review.inline), [12, 1, 2, 3, 4, 5, 6, 7], "the worst first");
    assert_eq!(review.inline.len(), MOST_INLINE);
    assert_eq!(lines(&review.more), [8, 9, 10, 11]);
    assert_eq!(lines(&review.elsewhere), [99], "sound, and nowhere in the change");
}

#[test]
fn a_credential_is_in_no_annotation_and_no_suggestion() {
    let key = "AKIAIOSFODNN7QXYZABC";
    let body = format!("let key = \"{key}\";");
    let found = Finding { suggestion: Some(body.clone()), body, ..finding(1, 1, Side::Right) };
    let review = Review { inline: vec![found.clone()], ..Review::default() };
    let shown = format!("{:?}{:?}", report::annotations(&review), report::comment(&found));
    assert!(!shown.contains(key), "{shown}");
}

#[test]
fn what_hides_is_seen_and_what_programs_wrote_comes_last() {
    let diff = change(
        &[(
            "a.rs",
            "fn f() {\n    one();\n    two();\n    three();\n    four();\n    five();\n}\n",
        )],
        &[
            (
                "a.rs",
                "fn f() {\n    one();\n    two();\n    three();\n    four();\n    // \u{202e}esle\n}\n",
            ),
            ("Cargo.lock", "[[package]]\n"),
            ("README.md", "# Hello\n"),
        ],
    );
    let lines =
        |path: &str| (path == "a.rs").then(|| (1..=7).map(|n| format!("line {n}")).collect());
    expect![[r#"
        ## File: 'a.rs'

        @@ line 3 @@ fn f() {
        __new hunk__
            1  line 1
            2  line 2
            3      two();
            4      three();
            5      four();
            6 +    // \u{202e}esle
            7  }
        __old hunk__
            3      two();
            4      three();
            5      four();
            6 -    five();
            7  }

        ## File: 'README.md'

        @@ line 1 @@ 
        __new hunk__
            1 +# Hello

        ## File: 'Cargo.lock'

        @@ line 1 @@ 
        __new hunk__
            1 +[[package]]

    "#]]
    .assert_eq(&show(&diff, 10_000, lines).text);
    let shown = show(&diff, 250, |_| None);
    assert_eq!(shown.left_out, ["README.md", "Cargo.lock"]);
}

#[test]
fn three_thousand_files_are_shown_as_far_as_they_fit() {
    let file = |n: usize| {
        format!(
            "diff --git a/src/{n}.rs b/src/{n}.rs\nnew file mode 100644\n--- /dev/null\n+++ b/src/{n}.rs\n@@ -0,0 +1,2 @@\n+fn f() {{\n+}}\n"
        )
    };
    let diff = parse(&(0..3_000).map(file).collect::<String>());
    assert_eq!(diff.files.len(), 3_000);
    let shown = show(&diff, 60_000, |_| None);
    assert!(shown.text.len() <= 60_000);
    let fit = shown.text.matches("## File: ").count();
    assert_eq!(fit + shown.left_out.len(), 3_000, "each is shown or named");
    assert!(fit > 500, "{fit}");
}

#[test]
fn what_was_too_much_to_be_read_is_named_and_never_shown() {
    let patch = "diff --git a/a b/a\n--- a/a\n+++ b/a\n@@ -1 +1 @@\n-x\n+y\n";
    let whole = parse(patch).with_unread(vec!["a".to_owned(), "b".to_owned()]);
    let shown = show(&whole, 10_000, |_| None);
    assert_eq!(
        (shown.text.matches("## File: ").count(), shown.left_out),
        (1, vec!["b".to_owned()])
    );
    // A newer part that was too much as well is not taken for one that changed nothing.
    let newer = parse("").with_unread(vec!["a".to_owned()]);
    assert_eq!(whole.touched_by(&newer).files.len(), 1);
}

proptest! {
    // Each case runs git some ten times.
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn every_line_that_changed_can_be_commented_on(
        before in proptest::collection::vec("[ab-]{0,3}", 0..40),
        after in proptest::collection::vec("[ab-]{0,3}", 0..40),
    ) {
        let text = |lines: &[String]| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
        let diff = change(&[("f", &text(&before))], &[("f", &text(&after))]);
        for file in &diff.files {
            for hunk in &file.hunks {
                for (side, lines) in [(Side::Left, &before), (Side::Right, &after)] {
                    for (number, line) in hunk.numbered(side) {
                        prop_assert_eq!(line.text(), &lines[number - 1]);
                        prop_assert!(check_place(&diff, &finding(number, number, side)).is_ok());
                    }
                }
            }
        }
    }

    #[test]
    fn no_patch_makes_the_reader_panic(text in "(diff --git |@@ -|\\+\\+\\+ |--- |rename to |[ab\\\\\"\n0-9, @+-]){0,60}") {
        let _ = parse(&text);
    }
}
