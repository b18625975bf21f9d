//! The house keeps its shape: rooms name only what lies below them, and what belongs into one room
//! is found in no other. The rules are functions of texts, so a text that breaks each proves that
//! it bites.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// A room, its rank, and the rooms that it may name besides `domain`, `telemetry` and `config`.
struct Room {
    rank: u8,
    name: &'static str,
    uses: &'static [&'static str],
}

const fn room(rank: u8, name: &'static str, uses: &'static [&'static str]) -> Room {
    Room { rank, name, uses }
}

/// The table of the crate's own page. `worker` names `llm` because it hands the models on to the
/// agent.
const ROOMS: &[Room] = &[
    room(0, "domain", &[]),
    room(1, "config", &[]),
    room(1, "telemetry", &[]),
    room(1, "disk", &[]),
    room(1, "delivery", &[]),
    room(2, "store", &[]),
    room(2, "github", &[]),
    room(2, "git", &["disk"]),
    room(2, "sandbox", &["disk"]),
    room(2, "llm", &[]),
    room(3, "agent", &["sandbox", "llm"]),
    room(3, "outbox", &["store", "github", "git"]),
    room(4, "intake", &["store", "delivery"]),
    room(4, "reconcile", &["store", "github"]),
    room(5, "admission", &["store", "github"]),
    room(5, "worker", &["disk", "store", "github", "git", "sandbox", "llm", "agent"]),
    room(6, "http", &["store", "delivery"]),
    room(6, "doctor", &["store", "github", "git", "sandbox", "delivery"]),
    room(6, "simulate", &["store", "github", "delivery", "intake"]),
    room(
        7,
        "app",
        &[
            "store",
            "github",
            "git",
            "sandbox",
            "llm",
            "outbox",
            "intake",
            "reconcile",
            "admission",
            "worker",
            "http",
        ],
    ),
    room(8, "demo", &["app", "simulator"]),
    room(9, "cli", &["store", "sandbox", "app", "doctor", "simulate", "demo"]),
    room(0, "simulator", &[]),
];

const ROOMS_WITH_SQL: &[&str] = &["store"];
const STARTS_PROGRAMS: &[&str] = &[
    "git/command.rs",
    "simulator/git.rs",
    "sandbox/running.rs",
    "sandbox/selftest.rs",
    "sandbox/jail/watch.rs",
    "sandbox/jail/enter.rs",
];
const READS_ENVIRONMENT: &[&str] = &["config.rs"];
const NAMES_THAT_SAY_NOTHING: &[&str] = &["mod", "utils", "helpers", "common", "types"];
/// What a pure value cannot need.
const NOT_IN_DOMAIN: &[&str] = &[
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "tokio",
    "sqlx",
    "reqwest",
    "SystemTime",
    "Instant",
    "Utc::now",
    "async",
];

#[test]
fn the_house_keeps_its_shape() {
    let mut found = String::new();
    for (path, text) in sources() {
        for breach in breaches(&path, &text) {
            writeln!(found, "src/{path}: {breach}").unwrap();
        }
    }
    assert!(found.is_empty(), "\n{found}");
}

#[test]
fn every_room_ranks_above_what_it_uses() {
    for room in ROOMS {
        for used in room.uses {
            let used = ROOMS.iter().find(|r| r.name == *used).expect("a room of the table");
            assert!(used.rank < room.rank, "{} uses {}", room.name, used.name);
        }
    }
}

#[test]
fn the_crates_page_shows_the_same_table() {
    let page = read("src/lib.rs");
    let declared: Vec<_> = page
        .lines()
        .filter_map(|l| l.trim_start_matches("pub ").strip_prefix("mod ")?.strip_suffix(';'))
        .collect();
    let mut shown: Vec<(String, String, String)> = Vec::new();
    for line in page.lines().filter(|l| l.starts_with("//! |")) {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        let rooms = quoted(cells[2]);
        shown.extend(rooms.map(|name| {
            (cells[1].to_owned(), name, quoted(cells[4]).collect::<Vec<_>>().join(" "))
        }));
    }
    let table = ROOMS.iter().map(|r| (r.rank.to_string(), r.name.to_owned(), r.uses.join(" ")));
    assert_eq!(shown, table.collect::<Vec<_>>());
    let mut rooms: Vec<_> = ROOMS.iter().map(|r| r.name).collect();
    rooms.sort_unstable();
    assert_eq!(declared, rooms);
}

#[test]
fn every_rule_bites() {
    let check = |path: &str, text: &str, breach: &str| {
        let found = breaches(path, &format!("//! A room.\n{text}"));
        assert_eq!(found, [breach], "{path}: {text}");
    };
    check("store/acts.rs", "use crate::github::GitHub;", "store may not use github");
    check("http.rs", "use crate::{config::Config, outbox};", "http may not use outbox");
    check("config.rs", "use crate::store::Store;", "config may not use store");
    check("simulator/hub.rs", "use crate::domain::ids;", "simulator may not use domain");
    check("git/push.rs", "use super::super::github::GitHub;", "super leads out of the room");
    check("domain/ids.rs", "fn now() { chrono::Utc::now(); }", "domain may not use Utc::now");
    check("domain/ids.rs", "async fn ask() {}", "domain may not use async");
    check("agent/utils.rs", "", "the name says nothing");
    check("agent/mod.rs", "", "the name says nothing");
    check("git.rs", "#[cfg(test)]\nmod tests {}", "test code");
    check("worker.rs", "const Q: &str = \"select id from tasks\";", "SQL outside the store");
    check(
        "worker.rs",
        "const Q: &str = r#\"\n  UPDATE tasks\n  set x = 1\"#;",
        "SQL outside the store",
    );
    check("agent/shell.rs", "fn f() { Command::new(\"sh\"); }", "starts a program");
    check("app.rs", "fn f() { std::env::var(\"HOME\"); }", "reads the environment");
    check("app.rs", "fn f() { maybe().unwrap(); }", "may panic without saying why");
    check("app.rs", "fn f() { maybe().expect(\"it\"); }", "may panic without saying why");
    check("lost.rs", "", "lost is not in the table");
    assert_eq!(breaches("git.rs", "use std::fs;"), ["does not begin with //!"]);
}

#[test]
fn comments_texts_and_reasons_are_no_breach() {
    let text = r##"//! Not crate::github, and never .unwrap() in here.
        /* crate::outbox /* nested */ Command::new( */
        const A: char = '"'; // crate::http
        const B: &str = "crate::worker \" .unwrap()";
        const C: &str = r#"use crate::admission, " and more"#;
        fn f<'a>(x: &'a str) -> String { format!("update your settings") }
        const SIX: NonZeroU32 = NonZeroU32::new(6).expect("six is not zero");
        #[expect(clippy::expect_used, reason = "it was checked above")]
        fn g() { checked().expect("it was checked above"); }
    "##;
    assert_eq!(breaches("store.rs", text), Vec::<String>::new());
}

fn breaches(path: &str, text: &str) -> Vec<String> {
    let name = path.split('/').next().unwrap().trim_end_matches(".rs");
    let (code, texts) = read_rust(text);
    let mut found = Vec::new();
    if !text.starts_with("//!") {
        found.push("does not begin with //!".to_owned());
    }
    let stem = path.rsplit('/').next().unwrap().trim_end_matches(".rs");
    if NAMES_THAT_SAY_NOTHING.contains(&stem) {
        found.push("the name says nothing".to_owned());
    }
    if !matches!(name, "main" | "lib") {
        found.extend(layers(name, path, &code));
    }
    if name == "domain" {
        let used = NOT_IN_DOMAIN.iter().filter(|word| has_word(&code, word));
        found.extend(used.map(|word| format!("domain may not use {word}")));
    }
    let mut rule = |broken: bool, breach: &str| {
        if broken {
            found.push(breach.to_owned());
        }
    };
    rule(code.contains("cfg(test)"), "test code");
    let sql = texts.iter().any(|t| is_sql(t));
    rule(sql && !ROOMS_WITH_SQL.contains(&name), "SQL outside the store");
    let starts = has_word(&code, "Command::new");
    rule(starts && !STARTS_PROGRAMS.contains(&path), "starts a program");
    let reads =
        has_word(&code, "std::env") || has_word(&code, "env::var") || has_word(&code, "dotenvy");
    let reads = reads && name != "domain";
    rule(reads && !READS_ENVIRONMENT.contains(&path), "reads the environment");
    rule(panics(&code), "may panic without saying why");
    found
}

fn layers(name: &str, path: &str, code: &str) -> Vec<String> {
    let Some(room) = ROOMS.iter().find(|r| r.name == name) else {
        return vec![format!("{name} is not in the table")];
    };
    let allowed = |used: &str| match used {
        _ if used == name => true,
        _ if name == "simulator" => false,
        "domain" => true,
        "config" | "telemetry" => room.rank > 1,
        _ => room.uses.contains(&used),
    };
    let mut found: Vec<_> = named_rooms(code)
        .into_iter()
        .filter(|used| !allowed(used))
        .map(|used| format!("{name} may not use {used}"))
        .collect();
    let depth = path.split('/').count();
    if code.contains(&"super::".repeat(depth)) {
        found.push("super leads out of the room".to_owned());
    }
    found
}

/// The rooms in `crate::room…` and `crate::{room…, room…}`.
fn named_rooms(code: &str) -> Vec<String> {
    let mut rooms = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        let Some(group) = rest.strip_prefix('{') else {
            rooms.push(word(rest));
            continue;
        };
        let (mut depth, mut begins) = (0, true);
        for (at, c) in group.char_indices() {
            if begins && !c.is_whitespace() {
                rooms.push(word(&group[at..]));
            }
            begins = (begins && c.is_whitespace()) || (c == ',' && depth == 0);
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                _ => {}
            }
        }
    }
    rooms.retain(|room| !room.is_empty());
    rooms
}

fn word(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '*')).collect()
}

fn has_word(code: &str, word: &str) -> bool {
    let part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    code.match_indices(word).any(|(at, _)| {
        !part(code[..at].chars().next_back()) && !part(code[at + word.len()..].chars().next())
    })
}

fn is_sql(text: &str) -> bool {
    let text = text.to_lowercase();
    let words: Vec<_> = text.split_whitespace().collect();
    match words.as_slice() {
        ["select", rest @ ..] => rest.contains(&"from"),
        ["update", _, third, ..] => *third == "set",
        [first, second, ..] => matches!(
            (*first, *second),
            ("insert", "into")
                | ("delete", "from")
                | ("create" | "alter" | "drop", "table" | "index")
        ),
        _ => false,
    }
}

/// A panic needs its reason beside it. In a constant it would stop the compiler, not the program.
fn panics(code: &str) -> bool {
    let lines: Vec<_> = code.lines().collect();
    lines.iter().enumerate().any(|(n, line)| {
        let before = &lines[n.saturating_sub(6)..=n];
        let reason =
            |l: &&str| l.contains("clippy::expect_used") || l.contains("clippy::unwrap_used");
        (line.contains(".unwrap()") || line.contains(".expect("))
            && !line.trim_start().starts_with("const ")
            && !before.iter().any(reason)
    })
}

/// Rust without its comments and with its texts emptied; and the texts.
fn read_rust(text: &str) -> (String, Vec<String>) {
    let (mut code, mut texts, mut rest) = (String::new(), Vec::new(), text);
    while let Some(c) = rest.chars().next() {
        let skip = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            comment_end(rest)
        } else if let Some((end, content)) = literal(rest, &code) {
            code.push_str("\"\"");
            texts.push(content);
            end
        } else {
            code.push(c);
            c.len_utf8()
        };
        rest = &rest[skip..];
    }
    (code, texts)
}

fn comment_end(rest: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest[at..].chars().next().unwrap().len_utf8();
        }
    }
    rest.len()
}

/// A text or a character at the beginning of `rest`: where it ends, and what it says.
fn literal(rest: &str, before: &str) -> Option<(usize, String)> {
    let in_word = before.chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '_');
    if let Some(raw) = rest.strip_prefix('r').filter(|_| !in_word || before.ends_with('b')) {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        if raw[hashes..].starts_with('"') {
            let content = &raw[hashes + 1..];
            let end = format!("\"{}", "#".repeat(hashes));
            let length = content.find(&end)?;
            return Some((1 + hashes + 1 + length + end.len(), content[..length].to_owned()));
        }
    }
    let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let mut characters = rest[1..].char_indices();
    let (mut content, mut count) = (String::new(), 0);
    while let Some((at, c)) = characters.next() {
        count += 1;
        match c {
            _ if c == quote => return Some((at + 2, content)),
            '\\' => {
                content.extend(characters.next().map(|(_, escaped)| escaped));
            }
            _ if quote == '\''
                && count == 2
                && !content.is_empty()
                && !rest[1..].starts_with('\\') =>
            {
                return None; // A lifetime.
            }
            _ => content.push(c),
        }
    }
    None
}

fn quoted(cell: &str) -> impl Iterator<Item = String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned)
}

/// Every file of the program, by its place below `src`.
pub(super) fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut folders, mut files) = (vec![root.clone()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let name = path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
                files.push((name, fs::read_to_string(path).unwrap()));
            }
        }
    }
    assert!(files.len() > 50, "the sources are not where they were looked for");
    files.sort();
    files
}

/// A file of the repository.
pub(super) fn read(path: &str) -> String {
    let whole = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&whole).unwrap_or_else(|error| panic!("{path}: {error}"))
}
