//! A change that people apply themselves: what git prints comes out file by file, byte for byte, and
//! what does not survive a comment is named.

use asynccoder::domain::diff::{Diff, is_more_than_lines, parse, suggestions};
use asynccoder::domain::handed_over::{HandedOver, NotPushed};
use asynccoder::domain::ids::Sha;
use proptest::prelude::*;
use similar::TextDiff;

fn read(printed: &[u8]) -> HandedOver {
    let base = Sha::parse(&"a".repeat(40)).unwrap();
    HandedOver::read(NotPushed::Fork, base, printed)
}

/// What git prints for a file with these lines.
fn part(path: &str, lines: &str) -> String {
    let added: String = lines.split('\n').map(|line| format!("+{line}\n")).collect();
    let count = added.lines().count();
    format!(
        "diff --git a/{path} b/{path}\n--- /dev/null\n+++ b/{path}\n@@ -0,0 +1,{count} @@\n{added}"
    )
}

#[test]
fn what_survives_no_comment_is_named() {
    let (plain, ends) = (part("a.txt", "one"), part("b.txt", "one\r"));
    let large = part("c.txt", &"x".repeat(100_000));
    let binary = part("d.bin", "\0");
    let mut printed = [plain.as_str(), &ends, &large, &binary].concat().into_bytes();
    printed.extend(part("e b/e.txt", "").bytes().chain(*b"+\xff\n"));
    let change = read(&printed);
    let told: Vec<_> = change.files.iter().map(|f| (f.path.as_str(), f.patch.clone())).collect();
    let none = |path| (path, None);
    let left_out = [none("b.txt"), none("c.txt"), none("d.bin"), none("e b/e.txt")];
    assert_eq!(told[0], ("a.txt", Some(plain)));
    assert_eq!(told[1..], left_out);
}

/// The change of one file from these lines to those.
fn change(before: &[String], after: &[String]) -> Diff {
    let text = |lines: &[String]| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
    let (before, after) = (text(before), text(after));
    let change = TextDiff::from_lines(&before, &after);
    parse(&format!("diff --git a/f b/f\n{}", change.unified_diff().header("a/f", "b/f")))
}

fn lines() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec("[abc]", 1..24)
}

/// Lines much like these: some are gone, some are new.
fn much_like(lines: Vec<String>) -> impl Strategy<Value = Vec<String>> {
    let edits = prop::collection::vec((0..6_u8, "[abc]"), lines.len());
    edits.prop_map(move |edits| {
        let edited = lines.iter().zip(edits).flat_map(|(line, (edit, new))| match edit {
            0 => vec![],
            1 => vec![line.clone(), new],
            2 => vec![new],
            _ => vec![line.clone()],
        });
        edited.collect()
    })
}

fn head_and_after() -> impl Strategy<Value = (Vec<String>, Vec<String>)> {
    lines().prop_flat_map(|head| (Just(head.clone()), much_like(head)))
}

#[test]
fn what_no_lines_can_say_is_not_suggested() {
    let lines = part("a", "old mode 1\n\\ No newline");
    assert!(!is_more_than_lines(lines.as_bytes()), "it stands in the file itself");
    for more in ["\\ No newline at end of file\n", "old mode 100644\nnew mode 100755\n"] {
        assert!(is_more_than_lines(format!("{lines}{more}").as_bytes()), "{more}");
    }
}

proptest! {
    #[test]
    fn suggestions_are_all_of_the_change_or_none(
        base in lines(), (head, after) in head_and_after(),
    ) {
        let wanted = change(&head, &after);
        let Some(suggested) = suggestions(&wanted, &change(&base, &head)) else { return Ok(()) };
        let mut lines = head;
        for suggestion in suggested.into_iter().rev() {
            lines.splice(suggestion.first - 1..suggestion.last, suggestion.lines);
        }
        prop_assert_eq!(lines, after);
    }

    #[test]
    fn a_change_to_lines_that_are_all_shown_can_be_suggested((head, after) in head_and_after()) {
        let is_changed = head != after;
        let suggested = suggestions(&change(&head, &after), &change(&[], &head));
        prop_assert_eq!(suggested.is_some(), is_changed);
    }

    #[test]
    fn every_file_comes_out_as_git_printed_it(
        files in prop::collection::vec(("[a-zäß /]{1,9}[a-z]", "[a-z \ndiff\\-g@+]{0,40}"), 0..6),
    ) {
        let parts: Vec<String> = files.iter().map(|(path, lines)| part(path, lines)).collect();
        let change = read(parts.concat().as_bytes());
        let out: Vec<String> = change.files.iter().map(|f| f.patch.clone().unwrap()).collect();
        prop_assert_eq!(out, parts);
        let paths: Vec<&str> = change.files.iter().map(|f| f.path.as_str()).collect();
        let expected: Vec<&str> = files.iter().map(|(path, _)| path.as_str()).collect();
        prop_assert_eq!(paths, expected);
    }
}
