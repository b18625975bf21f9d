//! No statement reads a table that grows for ever from end to end: with the first task it is as quick as
//! without, and with the millionth everybody waits for it.
//!
//! The statements are taken from the source as they stand there, so that none is forgotten, and SQLite
//! says how it would run each.

use super::layers::sources;
use asynccoder::store::Store;
use sqlx::{AssertSqlSafe, SqlitePool};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Every command, task and delivery leaves rows here for ever.
const GROWING: &[&str] = &[
    "acts",
    "commands",
    "credit_holds",
    "credit_transactions",
    "deliveries",
    "documents",
    "pull_requests",
    "rerequests",
    "task_events",
    "task_results",
    "task_steps",
    "tasks",
];
/// What a person starts who wants everything to be looked at.
const LOOKS_AT_EVERYTHING: &[&str] = &["unbalanced_accounts"];
/// They speak of no table of ours.
const WITHOUT_TABLES: &[&str] = &["store/engine.rs", "store/migrations.rs"];
/// Words that follow a table and are no other name of it.
const NOT_A_NAME: &[&str] = &["where", "set", "join", "left", "order", "group", "limit", "on"];

#[tokio::test]
async fn no_statement_reads_a_growing_table_from_end_to_end() {
    let tables = Tables::make().await;
    let mut seen = 0;
    let mut found = String::new();
    let rooms = sources()
        .into_iter()
        .filter(|(path, _)| path.starts_with("store") && !WITHOUT_TABLES.contains(&path.as_str()));
    for (path, text) in rooms {
        for statement in statements(&text) {
            seen += 1;
            for scan in tables.scans(&statement.sql).await {
                if !LOOKS_AT_EVERYTHING.contains(&statement.verb.as_str()) {
                    writeln!(found, "{path}, {}: {scan}\n    {}", statement.verb, statement.sql)
                        .unwrap();
                }
            }
        }
    }
    assert!(seen > 150, "only {seen} statements were found");
    assert!(found.is_empty(), "\n{found}");
}

#[tokio::test]
async fn a_table_is_found_under_its_other_name() {
    let tables = Tables::make().await;
    let by_error = "select o.id from tasks t join acts o on o.command_id = t.command_id where o.error = $1 and t.id = $2";
    let by_id =
        "select o.id from tasks t join acts o on o.command_id = t.command_id where t.id = $1";
    assert_eq!(tables.scans("select id from acts where error = $1").await, ["SCAN acts"]);
    assert_eq!(tables.scans("select o.id from acts as o where o.error = $1").await, ["SCAN o"]);
    assert_eq!(
        tables.scans("update tasks set parked = null where model = $1").await,
        ["SCAN tasks"]
    );
    assert_eq!(tables.scans("select count(*) from acts").await.len(), 1, "nor a whole index");
    for sql in [by_error, by_id, "select id from accounts where login = $1"] {
        assert_eq!(tables.scans(sql).await, [""; 0], "{sql}");
    }
    let pending = "select count(*) from deliveries where state = 'pending'";
    assert_eq!(tables.scans(pending).await, [""; 0], "an index of the few that it looks for");
}

#[test]
fn statements_are_read_as_they_stand() {
    let source = r#"
        fn first() { one(tx, "select a from acts where id = $1", args![id]); log("selected"); }
        const CLAIM: Sql = locking!("update acts set a = 1 where id = (select id from acts",
            " for update skip locked", ") returning id");
        async fn second<'c>() { exec(tx, "delete from acts\n where id = $1"); }
    "#;
    let read: Vec<_> = statements(source).map(|s| (s.verb, s.sql)).collect();
    let told = |verb: &str, sql: &str| (verb.to_owned(), sql.to_owned());
    assert_eq!(
        read,
        [
            told("first", "select a from acts where id = $1"),
            told("CLAIM", "update acts set a = 1 where id = (select id from acts) returning id"),
            told("second", "delete from acts\\n where id = $1"),
        ]
    );
}

struct Statement {
    /// The function or constant that it stands in.
    verb: String,
    sql: String,
}

/// Every statement of a source; where the dialects part, SQLite's.
fn statements(source: &str) -> impl Iterator<Item = Statement> {
    let mut verb = String::new();
    let mut literals = Vec::new();
    for (place, piece) in source.split('"').enumerate() {
        if place % 2 == 1 {
            literals.push((verb.clone(), piece));
        } else if let Some(name) = declared(piece) {
            verb = name;
        }
    }
    // What is inserted is not looked for, unless it is taken from somewhere.
    let begins = |text: &str| {
        let reads = ["select ", "update ", "delete "].iter().any(|word| text.starts_with(word));
        reads || (text.starts_with("insert ") && text.contains("select "))
    };
    (0..literals.len()).filter_map(move |at| {
        let (verb, head) = &literals[at];
        let after = |more: usize| literals.get(at + more).map_or("", |(_, text)| *text);
        let tail =
            if after(1).starts_with(" for ") && after(2).starts_with(')') { after(2) } else { "" };
        begins(head).then(|| Statement { verb: verb.clone(), sql: format!("{head}{tail}") })
    })
}

/// The last function or constant that is declared here.
fn declared(code: &str) -> Option<String> {
    let words: Vec<_> = code.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
    let pairs = words.windows(2).rev();
    let mut named = pairs.filter(|pair| ["fn", "const"].contains(&pair[0]) && !pair[1].is_empty());
    named.next().map(|pair| pair[1].to_owned())
}

/// The tables as the migrations make them.
struct Tables {
    pool: SqlitePool,
    /// Indexes of only some rows, which are few: those that something is still to be done about.
    partial: BTreeSet<String>,
    _folder: tempfile::TempDir,
}

impl Tables {
    async fn make() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/store.db", folder.path().display());
        Store::open(&url).await.unwrap().close().await;
        let pool = SqlitePool::connect(&url).await.unwrap();
        let partial =
            "select name from sqlite_master where type = 'index' and sql like '% where %'";
        let partial: Vec<String> = sqlx::query_scalar(partial).fetch_all(&pool).await.unwrap();
        Self { pool, partial: partial.into_iter().collect(), _folder: folder }
    }

    /// The steps of a statement that read all of a growing table.
    async fn scans(&self, sql: &str) -> Vec<String> {
        let asked = AssertSqlSafe(format!("explain query plan {sql}"));
        let steps: Vec<(i64, i64, i64, String)> =
            match sqlx::query_as(asked).fetch_all(&self.pool).await {
                Ok(steps) => steps,
                Err(error) => panic!("{error}: {sql}"),
            };
        let steps = steps.into_iter().map(|(_, _, _, step)| step);
        steps.filter(|step| self.reads_all(step, sql)).collect()
    }

    fn reads_all(&self, step: &str, sql: &str) -> bool {
        let Some(scanned) = step.strip_prefix("SCAN ") else { return false };
        let name = scanned.split(' ').next().unwrap_or_default();
        let index = scanned.split(" INDEX ").nth(1).unwrap_or_default();
        !self.partial.contains(index) && names(sql).contains(name)
    }
}

/// What a statement calls the growing tables that it reads.
fn names(sql: &str) -> BTreeSet<&str> {
    let words: Vec<_> = sql
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty() && *word != "as")
        .collect();
    let mut names = BTreeSet::new();
    for (at, table) in words.iter().enumerate().filter(|(_, word)| GROWING.contains(word)) {
        let other = words.get(at + 1).filter(|word| !NOT_A_NAME.contains(word));
        names.insert(*table);
        names.extend(other.copied());
    }
    names
}
