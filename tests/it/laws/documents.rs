//! What is written beside the code is true of the code: the README's tables, the App's manifest, the
//! images and where they run, and every link.

use super::layers::read;
use asynccoder::config::VARIABLES;
use asynccoder::delivery::SUBSCRIBED_EVENTS;
use asynccoder::domain::command::Verb;
use asynccoder::domain::credit::BONUS;
use asynccoder::domain::policy::Permission;
use asynccoder::domain::report::answer;
use asynccoder::domain::task::{End, Kind};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// What each permission lets an App subscribe to, of the events that may come to matter here.
/// <https://docs.github.com/webhooks/webhook-events-and-payloads>
const UNLOCKED: &[(&str, &[&str])] = &[
    ("metadata", &["label", "public", "repository", "star"]),
    ("issues", &["issue_comment", "issues"]),
    ("pull_requests", &["pull_request", "pull_request_review", "pull_request_review_comment"]),
    ("contents", &["create", "delete", "push"]),
    ("checks", &["check_run", "check_suite"]),
];
/// GitHub's limit for an App's name.
/// <https://docs.github.com/apps/sharing-github-apps/registering-a-github-app-from-a-manifest>
const LONGEST_APP_NAME: usize = 34;

#[test]
fn the_configuration_table_is_the_configuration() {
    let written = table("### Configuration");
    let real: Vec<_> = VARIABLES
        .iter()
        .map(|v| vec![format!("`{}`", v.name), v.default.to_owned(), v.meaning.to_owned()])
        .collect();
    assert_eq!(written, real);
}

#[test]
fn the_command_table_is_what_help_says() {
    let help = answer::help();
    for row in table("## Commands") {
        let line = format!("| {} | {} |", row[0], row[1]);
        assert!(help.contains(&line), "help does not say {line}\n\n{help}");
    }
    let written: Vec<_> =
        table("## Commands").into_iter().map(|row| (inside(&row[0]), row[2].clone())).collect();
    let least = |verb: &Verb| match verb.least_permission() {
        Permission::Read => "read",
        Permission::Write => "write",
        other => panic!("{other} is not in the README's words"),
    };
    let real: Vec<_> =
        Verb::ALL.iter().map(|verb| (verb.as_str().to_owned(), least(verb).to_owned())).collect();
    assert_eq!(written, real);
    let keys: Vec<_> = table("### Keys").into_iter().map(|row| row.join(" | ")).collect();
    let offered: Vec<_> = help
        .lines()
        .skip_while(|line| !line.starts_with("| key |"))
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.trim_matches(['|', ' ']).to_owned())
        .collect();
    assert_eq!(keys, offered);
}

#[test]
fn the_bill_is_what_the_code_charges() {
    let readme = read("README.md");
    assert!(readme.contains(&format!("{BONUS} once")), "the README does not say what is given");
    let written: BTreeSet<_> = table("## What it costs").iter().map(|row| row.join(" ")).collect();
    let bounds = |kind: &Kind| {
        let limits = kind.limits();
        let (least, cap, minutes) = (limits.least.0, limits.cap.0, limits.time.as_secs() / 60);
        format!("`{kind}` {least} {cap} {} {minutes}", limits.steps)
    };
    assert_eq!(written, Kind::ALL.iter().map(bounds).collect::<BTreeSet<_>>());
    let free: BTreeSet<_> = End::ALL.iter().filter(|e| !e.is_charged()).copied().collect();
    let written: BTreeSet<_> = table("### When nothing is charged")
        .iter()
        .map(|row| inside(&row[0]).parse::<End>().unwrap())
        .collect();
    assert_eq!(written, free);
}

#[test]
fn the_manifest_asks_for_what_the_code_needs() {
    let manifest: Value = serde_json::from_str(&read("app-manifest.json")).unwrap();
    let asked: BTreeMap<String, String> =
        serde_json::from_value(manifest["default_permissions"].clone()).unwrap();
    let events: Vec<String> = serde_json::from_value(manifest["default_events"].clone()).unwrap();
    assert_eq!(asked, checked_permissions(), "doctor checks other permissions");
    assert_eq!(asked, used_permissions(), "tokens are minted with other permissions");
    assert_eq!(events, SUBSCRIBED_EVENTS);
    assert!(manifest["name"].as_str().unwrap().len() <= LONGEST_APP_NAME);
    assert!(manifest["url"].as_str().unwrap().starts_with("https://"));
    assert!(manifest["hook_attributes"]["url"].as_str().unwrap().ends_with("/api/webhooks/github"));
    for event in &events {
        assert!(!event.starts_with("installation"), "GitHub sends {event} unasked");
        let unlocked = |(permission, events): &(&str, &[&str])| {
            asked.contains_key(*permission) && events.contains(&event.as_str())
        };
        assert!(UNLOCKED.iter().any(unlocked), "no permission unlocks {event}");
    }
}

#[test]
fn the_link_that_registers_the_app_asks_for_the_same() {
    let readme = read("README.md");
    let begins = readme.find("https://github.com/settings/apps/new?").expect("the link");
    let link = readme[begins..].split([')', '\n', ' ', '>']).next().unwrap();
    let manifest: Value = serde_json::from_str(&read("app-manifest.json")).unwrap();
    let mut asked: BTreeSet<(String, String)> = BTreeSet::new();
    let mut add = |name: &str, value: &Value| {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        asked.insert((name.to_owned(), value));
    };
    for name in ["name", "description", "url", "public"] {
        add(name, &manifest[name]);
    }
    add("webhook_url", &manifest["hook_attributes"]["url"]);
    add("webhook_active", &manifest["hook_attributes"]["active"]);
    for (permission, level) in manifest["default_permissions"].as_object().unwrap() {
        add(permission, level);
    }
    for event in manifest["default_events"].as_array().unwrap() {
        add("events[]", event);
    }
    let linked: BTreeSet<_> = url::Url::parse(link).unwrap().query_pairs().into_owned().collect();
    assert_eq!(linked, asked);
}

#[test]
fn fly_runs_what_the_program_is() {
    let fly: toml::Table = read("fly.toml").parse().unwrap();
    let env: BTreeMap<String, String> = fly["env"].clone().try_into().unwrap();
    known(env.keys());
    let http = &fly["http_service"];
    assert_eq!(fly["processes"]["app"].as_str(), Some("serve"));
    assert_eq!(http["internal_port"].as_integer(), env["PORT"].parse().ok());
    assert_eq!(env["HOST"], "0.0.0.0");
    assert_eq!(http["auto_stop_machines"].as_str(), Some("off"));
    assert_eq!(http["min_machines_running"].as_integer(), Some(1));
    assert_eq!(http["checks"][0]["path"].as_str(), Some("/readyz"));
    assert_eq!(fly["kill_signal"].as_str(), Some("SIGTERM"));
    let mounts = fly["mounts"].as_array().unwrap();
    assert_eq!(mounts.len(), 1);
    assert_eq!(mounts[0]["destination"].as_str(), Some(env["DATA_DIR"].as_str()));
    let dockerfile = fly["build"]["dockerfile"].as_str().unwrap();
    assert!(root(dockerfile).exists(), "{dockerfile}");
}

#[test]
fn the_image_has_what_the_program_needs() {
    let dockerfile = read("Dockerfile");
    let runtime = dockerfile.rsplit("\nFROM ").next().unwrap();
    let line = |word: &str| {
        let mut lines = runtime.lines().filter_map(|l| l.strip_prefix(word)?.strip_prefix(' '));
        let found = lines.next().unwrap_or_else(|| panic!("no {word}"));
        assert_eq!(lines.next(), None, "{word} twice");
        found
    };
    let env: BTreeMap<_, _> =
        line("ENV").split(' ').map(|pair| pair.split_once('=').unwrap()).collect();
    known(env.keys());
    assert_eq!(line("EXPOSE"), env["PORT"]);
    assert_eq!(line("VOLUME"), env["DATA_DIR"]);
    assert_eq!(env["HOST"], "0.0.0.0");
    assert_eq!(line("ENTRYPOINT"), r#"["asynccoder"]"#);
    assert_eq!(line("CMD"), r#"["serve"]"#);
    let user = line("USER");
    assert!(user != "root" && runtime.contains(&format!("chown {user}: {}", env["DATA_DIR"])));
    for package in ["ca-certificates", "git"] {
        assert!(runtime.split_whitespace().any(|word| word == package), "{package} is missing");
    }
    let fly: toml::Table = read("fly.toml").parse().unwrap();
    for (name, value) in env {
        assert_eq!(fly["env"][name].as_str(), Some(value), "{name}");
    }
    let toolchain: toml::Table = read("Cargo.toml").parse().unwrap();
    let version = toolchain["package"]["rust-version"].as_str().unwrap();
    assert!(dockerfile.contains(&format!("FROM rust:{version}-")), "another Rust");
}

#[test]
fn every_link_leads_somewhere() {
    let readme = read("README.md");
    let anchors: BTreeSet<_> = readme
        .lines()
        .filter(|line| line.starts_with('#'))
        .map(|line| {
            let title = line.trim_start_matches('#').trim().to_lowercase();
            title
                .replace(|c: char| !c.is_alphanumeric() && c != ' ' && c != '-', "")
                .replace(' ', "-")
        })
        .collect();
    for link in readme.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
        match link.split_once('#') {
            _ if link.starts_with("https://") => {}
            Some(("", anchor)) => assert!(anchors.contains(anchor), "{link}"),
            _ => assert!(root(link).exists(), "{link}"),
        }
    }
}

#[test]
fn every_promise_has_its_story() {
    let readme = read("README.md");
    let promises = table("## Safety promises");
    assert!(promises.len() > 8);
    let mut missing = BTreeSet::new();
    for text in [section(&readme, "## Safety promises"), read("src/lib.rs")] {
        let named = text.split('`').filter(|word| {
            word.rsplit_once('.').is_some_and(|(path, end)| {
                end == "rs" && (path.starts_with("stories/") || path.starts_with("laws/"))
            })
        });
        missing
            .extend(named.filter(|file| !root("tests/it").join(file).exists()).map(str::to_owned));
    }
    for promise in promises {
        let proof = inside(&promise[1]);
        assert!(proof.starts_with("stories/") || proof.starts_with("laws/"), "{promise:?}");
    }
    assert!(missing.is_empty(), "promised and not proved: {missing:?}");
}

/// `PERMISSIONS`, which `doctor` compares with what the App was given.
fn checked_permissions() -> BTreeMap<String, String> {
    let source = read("src/github/account.rs");
    let list = source.split("const PERMISSIONS").nth(1).unwrap().split("];").next().unwrap();
    let words: Vec<_> = list.split('"').skip(1).step_by(2).collect();
    words.chunks(2).map(|pair| (pair[0].to_owned(), pair[1].to_owned())).collect()
}

/// The permissions with which tokens are minted, the stronger of each.
fn used_permissions() -> BTreeMap<String, String> {
    let source = read("src/github/token.rs");
    let mut used = BTreeMap::new();
    for object in source.split("json!(").skip(1).filter_map(|rest| rest.split(')').next()) {
        let words: Vec<_> = object.split('"').skip(1).step_by(2).collect();
        for pair in words.chunks(2).filter(|pair| matches!(pair, [_, "read" | "write"])) {
            let level = used.entry(pair[0].to_owned()).or_insert_with(|| pair[1].to_owned());
            if pair[1] == "write" {
                "write".clone_into(level);
            }
        }
    }
    used
}

fn known<S: AsRef<str>>(names: impl Iterator<Item = S>) {
    for name in names {
        let name = name.as_ref();
        assert!(VARIABLES.iter().any(|v| v.name == name), "{name} is no variable of the program");
    }
}

/// The rows of the README's first table below a heading.
fn table(heading: &str) -> Vec<Vec<String>> {
    let readme = read("README.md");
    let section = section(&readme, heading);
    let rows = section.lines().skip_while(|line| !line.starts_with('|'));
    let rows: Vec<_> = rows
        .take_while(|line| line.starts_with('|'))
        .skip(2)
        .map(|line| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect())
        .collect();
    assert!(!rows.is_empty(), "no table below {heading}");
    rows
}

/// What follows a heading, up to the next of its rank.
fn section(text: &str, heading: &str) -> String {
    let rank = heading.split(' ').next().unwrap();
    let (_, rest) = text.split_once(&format!("\n{heading}\n")).expect(heading);
    rest.split(&format!("\n{rank} ")).next().unwrap().to_owned()
}

/// What stands in the first backticks.
fn inside(cell: &str) -> String {
    cell.split('`').nth(1).unwrap_or_else(|| panic!("no backticks in {cell:?}")).to_owned()
}

fn root(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
