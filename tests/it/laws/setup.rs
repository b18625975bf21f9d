//! What a setup may reach, by name, and which files tell what it fetches.

use asynccoder::config::{Config, ConfigError};
use asynccoder::domain::report::setup::{not_begun, told_to_the_model};
use asynccoder::domain::setup::{Hosts, NoSetup, SetupEnd, SetupRun, telling};
use asynccoder::domain::verification::Exit;
use expect_test::expect;
use proptest::prelude::*;
use std::collections::BTreeMap;

#[test]
fn a_host_is_allowed_by_its_whole_name() {
    let hosts = Hosts::parse(" registry.example.org ,*.Example.com,, a-b.io").unwrap();
    assert_eq!(hosts.to_string(), "registry.example.org, *.example.com, a-b.io");
    for host in [
        "registry.example.org",
        "Registry.Example.ORG",
        "a.example.com",
        "a.b.example.com.",
        "a-b.io",
    ] {
        assert!(hosts.allow(host), "{host}");
    }
    let others = [
        "example.org",
        "xregistry.example.org",
        "registry.example.org.evil.com",
        "example.com",
        ".example.com",
        "evilexample.com",
        "a.example.com.evil.org",
        "io",
        "",
        ".",
        "10.0.0.1",
        "[::1]",
    ];
    for host in others {
        assert!(!hosts.allow(host), "{host}");
    }
    assert!(
        !Hosts::default().allow("registry.example.org") && Hosts::parse(" , ").unwrap().is_empty()
    );
}

#[test]
fn what_is_no_host_is_refused_at_the_start_by_name() {
    let wrong = [
        "localhost",
        "*",
        "*.org",
        "*.*.example.org",
        "a.*.org",
        "127.0.0.1",
        "10.0.0.1",
        "[::1]",
        "::1",
        "https://example.org",
        "example.org:443",
        "example.org/x",
        "-a.org",
        "a-.org",
        "a..org",
        "exa mple.org",
        "ex\u{e4}mple.org",
        "a.1",
    ];
    for name in wrong {
        assert_eq!(Hosts::parse(&format!("example.org, {name}")), Err(name.to_owned()));
    }
    let vars = [("SETUP_HOSTS", "pypi.org,10.0.0.1")];
    let vars = vars.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let Err(ConfigError(faults)) = Config::from_vars(BTreeMap::from(vars)) else {
        panic!("refused")
    };
    let said = faults.iter().find(|fault| fault.starts_with("SETUP_HOSTS")).unwrap();
    expect![[r#"SETUP_HOSTS names "10.0.0.1", which is no host: give names of hosts such as registry.npmjs.org or *.crates.io, with commas between"#]].assert_eq(said);
}

#[test]
fn lock_files_tell_what_is_fetched_and_manifests_where_there_are_none() {
    let of = |paths: &[&str]| telling(paths.iter().copied()).join(" ");
    let all = [
        "Cargo.lock",
        "Cargo.toml",
        "README.md",
        "a/package-lock.json",
        "a/package.json",
        "b/pnpm-lock.yaml",
        "build.gradle.kts",
        "go.sum",
        "requirements-dev.txt",
        "requirements.txt",
        "src/requirements.rs",
        "uv.lock",
        "x/Cargo.lock.bak",
    ];
    expect!["Cargo.lock a/package-lock.json b/pnpm-lock.yaml build.gradle.kts go.sum requirements-dev.txt requirements.txt uv.lock"].assert_eq(&of(&all));
    assert_eq!(of(&["Cargo.toml", "README.md", "a/package.json"]), "Cargo.toml a/package.json");
    assert_eq!(of(&["README.md"]), "");
}

#[test]
fn whatever_became_of_it_is_told() {
    let ends = [
        SetupEnd::Done,
        SetupEnd::FromCache,
        SetupEnd::Failed(Exit::Code(1)),
        SetupEnd::TooLarge,
        SetupEnd::NotRun(NoSetup::NotAllowed),
        SetupEnd::NotRun(NoSetup::NoDoor),
        SetupEnd::NotRun(NoSetup::Broken),
    ];
    let run = |came_to: SetupEnd| SetupRun {
        command: "npm ci".to_owned(),
        came_to,
        millis: 1,
        output: "no such package".to_owned(),
    };
    let told = |end: SetupEnd| {
        let run = run(end);
        format!("{} {}", run.is_red(), told_to_the_model(&run))
    };
    expect![[r#"
        false [the repository's setup was run before this: npm ci]
        false [the repository's setup was run before this: npm ci]
        true [the repository's setup failed, so what it fetches is missing: npm ci, exit 1. It printed at its end:
        no such package
        ]
        true [the repository's setup came to too much, so what it fetches is missing: npm ci]
        false [the repository's setup was not run: npm ci; the operator of this server names no hosts for it (SETUP_HOSTS)]
        false [the repository's setup was not run: npm ci; the sandbox here has no network of its own; it takes bubblewrap]
        true [the repository's setup was not run: npm ci; something on this server did not work; its operator finds it in the log]
    "#]].assert_eq(&ends.map(told).concat());
    assert!(not_begun(&NoSetup::Broken).contains("finds it in the log"));
}

proptest! {
    #[test]
    fn only_what_is_below_a_pattern_is_allowed(host in "[a-z.-]{0,30}") {
        let hosts = Hosts::parse("*.example.org").unwrap();
        prop_assert_eq!(hosts.allow(&host), false);
        let below = format!("{host}.example.org");
        prop_assert_eq!(hosts.allow(&below), !host.is_empty());
    }
}
