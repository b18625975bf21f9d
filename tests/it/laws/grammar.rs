//! What a comment means: places, verbs, keys and mistakes as tables; and that no text is too odd.

mod places;
mod words;

use asynccoder::domain::command::parse::{Understood, understand};
use asynccoder::domain::command::{Command, Mistake, Options};
use expect_test::Expect;
use proptest::prelude::*;

/// What is understood, a line for each command and each mistake.
fn heard(comment: &str) -> String {
    let understood = understand(comment);
    let commands = understood.commands.iter().map(|numbered| command(&numbered.command));
    let mistakes = understood.mistakes.iter().map(mistake);
    let heard: Vec<String> = commands.chain(mistakes).collect();
    if heard.is_empty() { "nothing".to_owned() } else { heard.join(" | ") }
}

fn command(command: &Command) -> String {
    let Command { verb, is_implied: _, options, text } = command;
    let Options { model, priority, base, branch, budget, draft, full } = options;
    let mut words = vec![verb.to_string()];
    let mut key =
        |name: &str, value: Option<String>| words.extend(value.map(|v| format!("{name}={v}")));
    key("model", model.clone());
    key("priority", priority.map(|p| p.to_string()));
    key("base", base.clone());
    key("branch", branch.clone());
    key("budget", budget.map(|b| b.0.to_string()));
    key("draft", draft.map(|d| d.to_string()));
    key("full", full.map(|f| f.to_string()));
    if !text.is_empty() {
        words.push(format!("{text:?}"));
    }
    words.join(" ")
}

fn mistake(mistake: &Mistake) -> String {
    format!("{}:{} {:?} {:?}", mistake.line, mistake.column, mistake.word, mistake.problem)
}

#[track_caller]
fn check(comments: &[&str], expected: Expect) {
    let rows = comments.iter().map(|comment| format!("{comment:?}\n    {}\n", heard(comment)));
    expected.assert_eq(&rows.collect::<String>());
}

/// Text in which everything that matters to the grammar is likely.
fn likely_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("/asynccoder".to_owned()),
        Just("\n".to_owned()),
        Just(" ".to_owned()),
        Just("debug".to_owned()),
        Just("budget=".to_owned()),
        Just("\"".to_owned()),
        Just("```".to_owned()),
        Just("> ".to_owned()),
        Just("<!--".to_owned()),
        Just("](x)".to_owned()),
        Just("é\u{200b}".to_owned()),
        "\\PC{0,3}",
        any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_text_makes_it_stumble(text in likely_text()) {
        let understood = understand(&text);
        for mistake in &understood.mistakes {
            let line = text.split('\n').nth(mistake.line - 1);
            prop_assert!(line.is_some_and(|line| mistake.column <= line.chars().count() + 1));
        }
        prop_assert!(understood.commands.len() <= 3);
    }

    #[test]
    fn nothing_in_a_fence_is_heard(text in likely_text()) {
        let inside = text.replace(['`', '~'], "");
        let understood = understand(&format!("````\n{inside}\n/asynccoder debug\n````\n"));
        prop_assert_eq!(understood, Understood::default());
    }

    #[test]
    fn nothing_in_a_quote_is_heard(text in likely_text()) {
        let quoted: String = text.lines().map(|line| format!("> {line}\n")).collect();
        prop_assert_eq!(understand(&quoted).commands, vec![]);
    }
}
