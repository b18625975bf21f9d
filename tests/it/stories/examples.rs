//! GitHub's own examples of everything it sends: none of them is an error of ours, and none counts
//! twice. They are those that Octokit collects, in the version that `scripts/test` fetches.

use crate::world::{World, story};
use asynccoder::delivery::payload::parse;
use asynccoder::domain::event::Event;
use expect_test::expect;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const FILE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/target/webhook-examples/package/api.github.com/index.json"
);

/// One payload, and the event that it is an example of.
struct Example {
    event: String,
    payload: Value,
}

fn examples() -> Vec<Example> {
    let text = std::fs::read(FILE);
    let text = text.expect("the examples are missing: run scripts/test, which fetches them");
    let events: Vec<Value> = serde_json::from_slice(&text).unwrap();
    let all = events.iter().flat_map(|event| {
        let name = event["name"].as_str().unwrap();
        let payloads = event["examples"].as_array().unwrap().iter();
        payloads.map(move |payload| Example { event: name.to_owned(), payload: payload.clone() })
    });
    let all: Vec<_> = all.collect();
    assert_eq!(all.len(), 329, "this version has so many examples");
    all
}

async fn database(world: &World) -> sqlx::SqlitePool {
    let url = format!("sqlite://{}/asynccoder.db", world.data_dir().display());
    sqlx::SqlitePool::connect(&url).await.unwrap()
}

/// Sends them all, one after the other, and says how each was answered.
async fn send(world: &World, examples: &[Example], batch: &str) -> Vec<u16> {
    let mut answers = Vec::new();
    for (n, example) in examples.iter().enumerate() {
        let guid = format!("{batch}-{n}");
        let body = example.payload.to_string();
        let (status, answer) =
            world.simulator.deliver_raw(&example.event, &guid, body.as_bytes(), &[]).await.unwrap();
        assert!(matches!(status, 200 | 202), "{} {n}: {status} {answer}", example.event);
        answers.push(status);
    }
    world.settle().await;
    answers
}

/// What became of each example of a batch: its event and action, and the state with its reason.
async fn became(world: &World, batch: &str) -> Vec<(usize, String)> {
    let pool = database(world).await;
    let rows: Vec<(String, String, Option<String>)> =
        sqlx::query_as("select guid, state, reason from deliveries where guid like $1 || '-%'")
            .bind(batch)
            .fetch_all(&pool)
            .await
            .unwrap();
    pool.close().await;
    let number = |guid: &str| guid.rsplit('-').next().unwrap().parse().unwrap();
    let said = |reason: Option<String>| reason.map(|r| format!(": {r}")).unwrap_or_default();
    rows.into_iter().map(|(guid, state, reason)| (number(&guid), state + &said(reason))).collect()
}

/// Every row but those of deliveries, without what only says when.
async fn rows(world: &World) -> String {
    let pool = database(world).await;
    let columns: Vec<(String, String)> = sqlx::query_as(
        "select m.name, group_concat('quote(' || c.name || ')', ' || '', '' || ')
         from sqlite_master m, pragma_table_info(m.name) c
         where m.type = 'table' and m.name not like 'sqlite%' and m.name not like '\\_sqlx%' escape '\\'
           and m.name not in ('deliveries', 'schedules')
           and c.name not in ('updated_at', 'plan_due_at') group by m.name order by m.name",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    let mut all = String::new();
    for (table, columns) in columns {
        let select = format!("select {columns} from {table} order by 1");
        let rows: Vec<(String,)> =
            sqlx::query_as(sqlx::AssertSqlSafe(select)).fetch_all(&pool).await.unwrap();
        for (row,) in rows {
            all.push_str(&format!("{table}: {row}\n"));
        }
    }
    pool.close().await;
    all
}

story!(every_example_of_github_has_an_end_and_counts_once, async |world| {
    let examples = examples();
    let answers = send(world, &examples, "first").await;
    let became_of = became(world, "first").await;
    // A ping is answered and not kept.
    let pings = answers.iter().filter(|status| **status == 200).count();
    assert_eq!((pings, pings + became_of.len()), (4, 329));
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for (n, end) in became_of {
        let Example { event, payload } = &examples[n];
        let action = payload["action"].as_str().unwrap_or_default();
        let end = match end.strip_prefix("ignored: ") {
            Some(reason) if reason.ends_with("is not used") => "ignored: it is not used".to_owned(),
            Some(_) | None => format!("{event}.{action} {end}"),
        };
        *counts.entry(end).or_default() += 1;
    }
    let told = counts.iter().map(|(end, count)| format!("{count:>3} {end}\n")).collect::<String>();
    expect![[r#"
          1 check_run.requested_action ignored: the button is none of ours
          2 check_run.rerequested ignored: the button is none of ours
          2 check_suite.rerequested ignored: it is by octocoders-linter[bot], which is not a person
          2 github_app_authorization.revoked ignored: no token of a person is kept
        254 ignored: it is not used
          2 installation.created processed
          2 installation.deleted processed
          1 installation.new_permissions_accepted processed
          1 installation.suspend processed
          1 installation.unsuspend processed
          2 installation_repositories.added processed
          1 installation_repositories.removed processed
          5 issue_comment.created ignored: the text has no command
          2 issue_comment.edited ignored: the text has no command
          2 issues.labeled ignored: the label asks for nothing
          4 issues.opened ignored: the text has no command
          2 issues.unlabeled ignored: the label asks for nothing
          1 marketplace_purchase.cancelled processed
          1 marketplace_purchase.changed processed
          2 marketplace_purchase.purchased processed
          2 pull_request.closed ignored: the pull request is none of ours
          3 pull_request.converted_to_draft ignored: the pull request is none of ours
          2 pull_request.labeled ignored: the label asks for nothing
          4 pull_request.opened processed
          3 pull_request.ready_for_review processed
          2 pull_request.reopened processed
          1 pull_request.synchronize processed
          2 pull_request.unlabeled ignored: the label asks for nothing
          3 pull_request_review.submitted ignored: the text has no command
          3 pull_request_review_comment.created ignored: the text has no command
          1 pull_request_review_comment.edited ignored: the text has no command
          2 repository.privatized processed
          3 repository.publicized processed
          1 repository.renamed processed
          3 repository.transferred processed
    "#]]
    .assert_eq(&told);
    let once = rows(world).await;
    assert!(once.contains("accounts: "), "something was acted on:\n{once}");
    send(world, &examples, "first").await;
    assert_eq!(rows(world).await, once, "delivered twice");
    assert_eq!(became(world, "first").await.len(), 325);
    send(world, &examples, "second").await;
    assert_eq!(rows(world).await, once, "delivered under a new id");
    world.story();
});

/// The same payload with a command in what somebody wrote, if that is what it is about.
fn asking(example: &Example) -> Value {
    let mut payload = example.payload.clone();
    let action = payload["action"].as_str().unwrap_or_default().to_owned();
    let holder = match (example.event.as_str(), action.as_str()) {
        ("issue_comment" | "pull_request_review_comment", "created" | "edited") => "comment",
        ("pull_request_review", "submitted" | "edited") => "review",
        ("issues", "opened") => "issue",
        ("pull_request", "opened") => "pull_request",
        ("issues" | "pull_request", "labeled" | "unlabeled") => "label",
        ("check_run", "requested_action" | "rerequested") => "check_run",
        _ => return payload,
    };
    if payload[holder].is_object() {
        payload[holder]["body"] = json!("/asynccoder ping");
        payload[holder]["name"] = json!("asynccoder:debug");
        payload[holder]["external_id"] = json!("0198c0de-0000-7000-8000-00000000cafe");
    }
    if payload["requested_action"].is_object() {
        payload["requested_action"]["identifier"] = json!("retry");
    }
    payload
}

#[test]
fn a_command_is_found_in_every_shape_that_github_sends() {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for example in examples() {
        let payload = asking(&example);
        let found = match parse(&example.event, payload.to_string().as_bytes()).unwrap() {
            Event::Commented(commented) => {
                let pull = if commented.thread.is_pull_request { "pull request" } else { "issue" };
                format!("{} on a {pull}", commented.source).replace("a issue", "an issue")
            }
            Event::Labelled(labelled) if labelled.is_removed => "label taken away".to_owned(),
            Event::Labelled(_) => "label".to_owned(),
            Event::Pressed(pressed) => format!("button {}", pressed.button),
            Event::Installed(..) | Event::Uninstalled(_) => "installed, or gone".to_owned(),
            Event::Suspended(_) | Event::Allowed(_) => "suspended, or allowed".to_owned(),
            Event::Changed(_, Some(_)) => "a repository changed".to_owned(),
            Event::Changed(_, None) => "a repository changed, for no installation".to_owned(),
            Event::Deleted(..) => "a repository is gone".to_owned(),
            Event::Chosen(_) => "other repositories are chosen".to_owned(),
            Event::Renamed(_) => "an account is renamed".to_owned(),
            Event::Proposed(_) => "a pull request of ours changed".to_owned(),
            Event::Subscribed(_) => "a plan is bought, or over".to_owned(),
            Event::Ping => "ping".to_owned(),
            Event::Ignored(reason) if reason.ends_with("is not used") => "not used".to_owned(),
            Event::Rerequested(_) => "checks".to_owned(),
            Event::Ignored(reason) => format!("ignored: {reason}"),
        };
        *counts.entry(found).or_default() += 1;
    }
    let told = counts.iter().map(|(end, count)| format!("{count:>3} {end}\n")).collect::<String>();
    expect![[r#"
          4 a plan is bought, or over
          1 a repository changed
          8 a repository changed, for no installation
          2 button rerequested
          1 button retry
          7 comment on an issue
          2 ignored: it is by octocoders-linter[bot], which is not a person
          2 ignored: no token of a person is kept
         11 ignored: the pull request is none of ours
          4 installed, or gone
          4 issue_body on an issue
          4 label
          4 label taken away
        254 not used
          3 other repositories are chosen
          4 ping
          4 pr_body on a pull request
          3 review on a pull request
          4 review_comment on a pull request
          3 suspended, or allowed
    "#]]
    .assert_eq(&told);
}
