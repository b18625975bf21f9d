//! The conversation in the README is one that really happens.

use crate::world::{BOT, REPOSITORY, World, repo, story, teller};
use expect_test::expect_file;

const BEGIN: &str = "<!-- conversation -->";
const END: &str = "<!-- /conversation -->";

/// The issue, everything said about it, the pull request and its check run, as people read them.
fn conversation(world: &World) -> String {
    let simulator = &world.simulator;
    let issue = simulator.issue(REPOSITORY, world.issue.number).unwrap();
    let mut text = format!("{} opens #{}: {}\n", issue.author, issue.number, issue.title);
    text.push_str(&quoted(issue.body.as_deref().unwrap_or_default()));
    for comment in simulator.comments(REPOSITORY, issue.number) {
        text.push_str(&format!("\n{}:\n{}", comment.author, quoted(&comment.body)));
        for (who, emoji) in &comment.reactions {
            text.push_str(&format!("    ({who} reacts with :{emoji}:)\n"));
        }
    }
    for pull in simulator.pull_requests(REPOSITORY) {
        let draft = if pull.draft { " as a draft" } else { "" };
        text.push_str(&format!(
            "\n{} opens #{}{draft}: {}\n",
            pull.author, pull.number, pull.title
        ));
        text.push_str(&quoted(pull.body.as_deref().unwrap_or_default()));
        let diff = simulator.diff(REPOSITORY, &pull.base, &pull.head).unwrap();
        let hunk = diff.lines().skip_while(|line| !line.starts_with("@@"));
        text.push('\n');
        text.extend(hunk.map(|line| format!("    {line}").trim_end().to_owned() + "\n"));
    }
    for check in simulator.check_runs(REPOSITORY) {
        let conclusion = check.conclusion.unwrap_or_default();
        text.push_str(&format!("\n{BOT} checks: {} · {conclusion}\n", check.name));
    }
    teller::stable(&simulator.journal(), &text)
}

/// What people see of a text: everything but its hidden last line.
fn quoted(text: &str) -> String {
    let shown =
        text.lines().filter(|line| !line.starts_with("<!--")).collect::<Vec<_>>().join("\n");
    shown
        .trim_end()
        .lines()
        .map(|line| format!("    {line}").trim_end().to_owned() + "\n")
        .collect()
}

story!(the_readme_shows_a_real_conversation, async |world| {
    world.model(repo::fixes_the_till());
    world.alice.comments(&world.issue, "/asynccoder debug");
    world.settle().await;
    world.story();
    let readme =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let (before, rest) = readme.split_once(BEGIN).expect("the README has a conversation");
    let (_, after) = rest.split_once(END).expect("the conversation has an end");
    let block = format!("{BEGIN}\n```text\n{}```\n{END}", conversation(world));
    expect_file!["../../../README.md"].assert_eq(&format!("{before}{block}{after}"));
});
