//! Who may, wherever they ask: every role, every place to ask in, everybody who could.
//!
//! GitHub itself lets nobody below triage set a label; here they do it all the same, so that the bot
//! is seen to rely on nobody else.

use crate::world::people::Issue;
use crate::world::{BOT, Plan, REPOSITORY, World, repo, tell};
use asynccoder::simulator::{AtLine, Opening, Script};
use expect_test::expect;
use serde_json::json;
use std::fmt::Write as _;
use std::time::Duration;

const ROLES: [&str; 6] = ["none", "read", "triage", "write", "maintain", "admin"];

const TRIGGERS: [(&str, Trigger); 8] = [
    ("a comment on an issue", Trigger::IssueComment),
    ("a comment on a pull request", Trigger::PullComment),
    ("a comment at a line", Trigger::Line),
    ("a review", Trigger::Review),
    ("the body of an issue", Trigger::IssueBody),
    ("the body of a pull request", Trigger::PullBody),
    ("a label", Trigger::Label),
    ("a button of a check run", Trigger::Button),
];

const ACTORS: [(&str, Actor); 4] = [
    ("a person", Actor::Person),
    ("a deleted account", Actor::Deleted),
    ("a bot", Actor::Bot),
    ("the App itself", Actor::App),
];

#[derive(Clone, Copy)]
enum Trigger {
    IssueComment,
    PullComment,
    Line,
    Review,
    IssueBody,
    PullBody,
    Label,
    Button,
}

#[derive(Clone, Copy, PartialEq)]
enum Actor {
    Person,
    /// Deleted after it asked and before anybody looked.
    Deleted,
    Bot,
    App,
}

/// One way to ask, once.
struct Asking<'a> {
    n: usize,
    login: &'a str,
    pull: &'a Issue,
    trigger: Trigger,
}

#[tokio::test]
async fn nobody_acts_below_write_permission_and_no_program_does() {
    let mut table = format!("{:<29}", "");
    for role in ROLES {
        write!(table, "{role:<9}").unwrap();
    }
    for (what, trigger) in TRIGGERS {
        tell(plan(), async |world| {
            table = format!("{}\n{what}\n", table.trim_end());
            table.push_str(&rows(world, trigger).await);
        })
        .await;
    }
    expect![[r#"
                                     none     read     triage   write    maintain admin
        a comment on an issue
          a person                   refused  refused  refused  acts     acts     acts
          a deleted account          refused  refused  refused  refused  refused  refused
          a bot                      –        –        –        –        –        –
          the App itself             –        –        –        –        –        –
        a comment on a pull request
          a person                   refused  refused  refused  acts     acts     acts
          a deleted account          refused  refused  refused  refused  refused  refused
          a bot                      –        –        –        –        –        –
          the App itself             –        –        –        –        –        –
        a comment at a line
          a person                   refused  refused  refused  acts     acts     acts
          a deleted account          refused  refused  refused  refused  refused  refused
          a bot                      –        –        –        –        –        –
          the App itself             –        –        –        –        –        –
        a review
          a person                   refused  refused  refused  acts     acts     acts
          a deleted account          refused  refused  refused  refused  refused  refused
          a bot                      –        –        –        –        –        –
          the App itself             –        –        –        –        –        –
        the body of an issue
          a person                   refused  refused  refused  acts     acts     acts
          a deleted account          refused  refused  refused  refused  refused  refused
          a bot                      –        –        –        –        –        –
          the App itself             –        –        –        –        –        –
        the body of a pull request
          a person                   refused  refused  refused  acts     acts     acts
          a deleted account          refused  refused  refused  refused  refused  refused
          a bot                      –        –        –        –        –        –
          the App itself             –        –        –        –        –        –
        a label
          a person                   refused  refused  refused  acts     acts     acts
          a deleted account          refused  refused  refused  refused  refused  refused
          a bot                      –        –        –        –        –        –
          the App itself             –        –        –        –        –        –
        a button of a check run
          a person                   refused  refused  refused  acts     acts     acts
          a deleted account          refused  refused  refused  refused  refused  refused
          a bot                      –        –        –        –        –        –
          the App itself             –        –        –        –        –        –
    "#]]
    .assert_eq(&table);
}

/// Here who has no role sees nothing.
fn plan() -> Plan {
    Plan::default().repository(|repository| repository.private = true)
}

/// A line for each actor, with a word for each role.
async fn rows(world: &mut World, trigger: Trigger) -> String {
    let answers = vec![repo::finish(json!({ "summary": "It is fine." }))];
    world.model(Script::new("answers").calls(answers).with_usage(repo::USAGE));
    let file = world.simulator.file(REPOSITORY, "main", "src/discount.rs").unwrap();
    let text = String::from_utf8(file).unwrap().replace("//! Discounts.", "//! All discounts.");
    world.carol.quietly().commits("words", "src/discount.rs", &text);
    let pull = world.carol.quietly().proposes("words", "Say which discounts");
    let mut rows = String::new();
    let mut n = 0;
    for (who, actor) in ACTORS {
        let mut row = format!("  {who:<27}");
        for role in ROLES {
            n += 1;
            let login = account(world, actor, n);
            world.simulator.set_permission(REPOSITORY, &login, role).unwrap();
            let asking = Asking { n, login: &login, pull: &pull, trigger };
            write!(row, "{:<9}", outcome(world, actor, &asking).await).unwrap();
        }
        writeln!(rows, "{}", row.trim_end()).unwrap();
    }
    rows
}

/// A new account: what is refused is explained once a person and thread.
fn account(world: &World, actor: Actor, n: usize) -> String {
    let login = match actor {
        Actor::Person | Actor::Deleted => format!("person-{n}"),
        Actor::Bot => format!("bot-{n}[bot]"),
        Actor::App => return BOT.to_owned(),
    };
    match actor {
        Actor::Bot => world.simulator.add_bot(&login),
        Actor::Person | Actor::Deleted | Actor::App => world.simulator.add_user(&login),
    };
    login
}

/// What comes of it, in a word: the model is asked, the person is told why not, or nothing.
async fn outcome(world: &mut World, actor: Actor, asking: &Asking<'_>) -> &'static str {
    // GitHub's limit of writes a minute is another story.
    world.simulator.advance(Duration::from_mins(1));
    if matches!(asking.trigger, Trigger::Button) {
        world.alice.comments(asking.pull, "/asynccoder ask why?");
        world.settle().await;
    }
    world.story();
    let before = world.models().requests().len();
    if actor == Actor::Deleted {
        world.simulator.pause_deliveries();
        ask(world, asking);
        world.simulator.delete_account(asking.login);
        world.simulator.resume_deliveries();
    } else {
        ask(world, asking);
    }
    world.settle().await;
    let acted = world.models().requests().len() > before;
    let told = world.story().contains("needs write permission in this repository; you have");
    match (acted, told) {
        (true, false) => "acts",
        (false, true) => "refused",
        (false, false) => "–",
        (true, true) => "both?",
    }
}

fn ask(world: &World, asking: &Asking<'_>) {
    let Asking { n, login, pull, trigger } = asking;
    let simulator = &world.simulator;
    // The last line tells what the App wrote here from what it wrote by itself.
    let text = format!("/asynccoder ask why?\n\n<!-- asynccoder:test={n} -->");
    match trigger {
        Trigger::IssueComment => {
            simulator.comment(REPOSITORY, world.issue.number, login, &text).unwrap();
        }
        Trigger::PullComment => {
            simulator.comment(REPOSITORY, pull.number, login, &text).unwrap();
        }
        Trigger::Line => {
            let at = AtLine::New { path: "src/discount.rs", line: 1 };
            simulator.comment_at_line((REPOSITORY, pull.number), login, &at, &text).unwrap();
        }
        Trigger::Review => {
            simulator.submit_review(REPOSITORY, pull.number, login, &text).unwrap();
        }
        Trigger::IssueBody => {
            simulator.open_issue(REPOSITORY, login, "A question", &text).unwrap();
        }
        Trigger::PullBody => {
            let head = format!("notes-{n}");
            world.carol.quietly().commits(&head, "NOTES.md", "A note.\n");
            let title = "A question".to_owned();
            let opening = Opening { title, head, body: text, ..Opening::default() };
            simulator.open_pull_request(REPOSITORY, login, &opening).unwrap();
        }
        Trigger::Label => {
            let issue = world.carol.quietly().opens("A question", "Why?");
            simulator.label(REPOSITORY, issue.number, login, "asynccoder:ask").unwrap();
        }
        Trigger::Button => {
            let check = simulator.check_runs(REPOSITORY).last().expect("a check run").id;
            simulator.press(REPOSITORY, check, login, "retry").unwrap();
        }
    }
}
