//! The configuration file: what it may say, everything that can be wrong with it, and which of two files
//! counts.

use asynccoder::domain::credit::Credits;
use asynccoder::domain::policy::Permission;
use asynccoder::domain::repo_config::{Layer, RepoConfig, read, read_bytes};
use asynccoder::domain::task::Kind;
use expect_test::{Expect, expect};
use proptest::prelude::*;

fn faults(text: &str, expected: Expect) {
    let faults = read(text).expect_err("it has faults");
    let lines: Vec<_> = faults.iter().map(|fault| format!("{fault}\n")).collect();
    expected.assert_eq(&lines.concat());
}

const ALL: &str = r#"
model = "sonnet"
models = ["sonnet", "haiku"]
kind = "debug"
kinds = ["ask", "debug"]
labels = false
base = "develop"
draft = true
delete_branch = true
protected = ["infra/**"]
instructions = "Write British English."
checks = ["cargo test"]
setup = "cargo fetch"
budget = 50

[permissions]
debug = "admin"

[review]
automatic = true
on_push = true
"#;

#[test]
fn everything_that_it_says_is_read() {
    let config = RepoConfig { repository: read(ALL).unwrap(), account: Layer::default() };
    assert_eq!(config.model(), Some("sonnet"));
    assert_eq!(config.models().unwrap(), ["sonnet", "haiku"]);
    assert_eq!((config.kind(), config.kinds()), (Kind::Debug, Some(&[Kind::Ask, Kind::Debug][..])));
    assert_eq!(
        (config.labels(), config.draft(), config.deletes_branch()),
        (false, Some(true), true)
    );
    assert_eq!((config.base(), config.budget()), (Some("develop"), Some(Credits(50))));
    assert_eq!(
        (config.protected(), config.checks().unwrap()),
        (vec!["infra/**".to_owned()], &["cargo test".to_owned()][..])
    );
    assert_eq!(config.setup().unwrap(), ["cargo fetch"]);
    assert_eq!(config.instructions().as_deref(), Some("Write British English."));
    assert_eq!(config.least_permission(Kind::Debug), Permission::Admin);
    assert_eq!(config.least_permission(Kind::Ask), Permission::Write);
    assert!(config.reviews_by_itself() && config.reviews_pushes());
    assert!(config.settings(None).iter().all(|setting| !setting.value.is_empty()));
}

#[test]
fn everything_that_is_wrong_is_told_with_its_line() {
    faults(
        "modle = \"opus\"\nbudget = \"much\"\n\n[permisions]\n",
        expect![[r#"
            line 1: there is no key `modle`. Did you mean `model`?
            line 2: `budget` takes a whole number of credits above 0
            line 4: there is no key `permisions`. Did you mean `permissions`?
        "#]],
    );
    faults(
        "kind = \"debgu\"\nkinds = [\"ask\", 7]\nlabels = \"yes\"\n",
        expect![[r#"
        line 1: `kind` takes one of `"ask"`, `"architect"`, `"pr_review"`, `"documentation"`, `"debug"`, `"async"`; did you mean `"debug"`?
        line 2: `kinds` takes one of `"ask"`, `"architect"`, `"pr_review"`, `"documentation"`, `"debug"`, `"async"`
        line 3: `labels` takes `true` or `false`
    "#]],
    );
    faults(
        "[permissions]\ndebug = \"read\"\nfixing = \"write\"\n[review]\nautomatc = true\n",
        expect![[r#"
        line 2: `debug` takes one of `"write"`, `"admin"`
        line 3: there is no key `fixing`.
        line 5: there is no key `automatc`. Did you mean `automatic`?
    "#]],
    );
    faults(
        "[review]\nautomatic = true\nchecks = [\"make check\"]\n[permissions]\nmodel = \"opus\"\n",
        expect![[r#"
            line 3: `[review]` has no key `checks`; it belongs above the first `[table]`.
            line 5: `[permissions]` has no key `model`; it belongs above the first `[table]`.
        "#]],
    );
    faults(
        "review = true\nprotected = [\"a{b\"]\nmodel = \"\"\nbudget = 0\n",
        expect![[r#"
        line 1: `review` takes a table, `[review]`
        line 2: `protected` has a pattern that is none: error parsing glob 'a{b': unclosed alternate group; missing '}' (maybe escape '{' with '[{]'?)
        line 3: `model` takes text of 1 to 1000 bytes in quotes
        line 4: `budget` takes a whole number of credits above 0
    "#]],
    );
    faults(
        "setpu = \"npm ci\"\nsetup = 7\n",
        expect![[r#"
        line 1: there is no key `setpu`. Did you mean `setup`?
        line 2: `setup` takes text in quotes, or a list of such texts, `["…"]`
    "#]],
    );
    faults(
        "setup = [\"npm ci\", \"\"]\n",
        expect![[r#"
        line 1: `setup` takes text of 1 to 1000 bytes in quotes
    "#]],
    );
    faults(
        "draft = true\ndraft = maybe\n",
        expect![[r#"
        line 2: string values must be quoted, expected literal string
    "#]],
    );
    faults(
        "labels = true\nlabels = false\n",
        expect![[r#"
        line 2: duplicate key
    "#]],
    );
    let told = read_bytes(&[0xff, 0xfe]).unwrap_err();
    expect!["the file is not UTF-8 text"].assert_eq(&told[0].to_string());
    let told = read_bytes("#".repeat(70_000).as_bytes()).unwrap_err();
    expect!["the file has more than 65536 bytes"].assert_eq(&told[0].to_string());
}

#[test]
fn the_repository_counts_before_its_account_but_for_bounds() {
    let account = read("model = \"opus\"\nbase = \"trunk\"\nbudget = 20\nprotected = [\"ops/**\"]\ninstructions = \"Be kind.\"").unwrap();
    let repository = read(
        "model = \"haiku\"\nbudget = 90\nprotected = [\"db/**\"]\ninstructions = \"Be brief.\"",
    )
    .unwrap();
    let config = RepoConfig { repository, account };
    assert_eq!((config.model(), config.base()), (Some("haiku"), Some("trunk")));
    assert_eq!(config.budget(), Some(Credits(20)), "the smaller one");
    assert_eq!(config.protected(), ["ops/**", "db/**"], "both");
    assert_eq!(config.instructions().as_deref(), Some("Be kind.\n\nBe brief."));
    assert_eq!(RepoConfig::default().kind(), Kind::Async);
}

#[test]
fn what_is_different_is_told_though_it_looks_the_same() {
    let says = |text: &str| RepoConfig { repository: read(text).unwrap(), ..RepoConfig::default() };
    let now = says("instructions = \"Be kind.\"\nmodel = \"haiku\"\nbudget = 5");
    let then = says("instructions = \"Be rude.\"\nmodel = \"haiku\"\ndraft = true");
    let changes = then.changes_from(&now, None);
    let keys: Vec<_> = changes.iter().map(|change| change.then.key).collect();
    assert_eq!(keys, ["draft", "instructions", "budget"]);
    assert_eq!(
        (changes[1].now.as_str(), changes[1].then.value.as_str()),
        ("8 characters", "8 characters")
    );
    assert!(now.changes_from(&now, Some("opus")).is_empty());
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "([a-z_]{1,9}|[=\"\\[\\]{}\n,.#0-9 ]|true|\u{e9}|\u{1f600}){0,60}") {
        let _ = read(&text);
    }
}
