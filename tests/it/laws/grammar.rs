//! What a comment means: places, verbs, keys and mistakes as tables; and that no text is too odd.

mod places;
mod words;

use asynccoder::domain::command::parse::{Understood, understand};
use asynccoder::domain::command::{Command, Key, Mistake, Options, Verb};
use asynccoder::domain::credit::Credits;
use asynccoder::domain::task::Priority;
use expect_test::Expect;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

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

/// A command without a mistake.
fn sound() -> impl Strategy<Value = Command> {
    let name = "[a-z][a-z0-9]{0,8}";
    let options = (
        option::of("[a-z0-9][a-z0-9 .-]{0,12}[a-z0-9]"),
        option::of(select(vec![Priority::Low, Priority::Medium, Priority::High])),
        option::of(name),
        option::of(name.prop_map(|name| format!("asynccoder/{name}"))),
        option::of((1_i64..10_000).prop_map(Credits)),
        option::of(any::<bool>()),
        option::of(any::<bool>()),
    );
    let options = options.prop_map(|(model, priority, base, branch, budget, draft, full)| {
        Options { model, priority, base, branch, budget, draft, full }
    });
    let text = "([a-z=\"'.,?é-]{1,8}[ \n]){0,6}[a-z]{0,4}".prop_map(|text| text.trim().to_owned());
    (select(Verb::ALL.to_vec()), options, text).prop_map(|(verb, options, text)| {
        let takes = |key| verb.keys().contains(&key);
        let options = Options {
            model: options.model.filter(|_| takes(Key::Model)),
            priority: options.priority.filter(|_| takes(Key::Priority)),
            base: options.base.filter(|_| takes(Key::Base)),
            branch: options.branch.filter(|_| takes(Key::Branch)),
            budget: options.budget.filter(|_| takes(Key::Budget)),
            draft: options.draft.filter(|_| takes(Key::Draft)),
            full: options.full.filter(|_| takes(Key::Full)),
        };
        Command { verb, is_implied: false, options, text }
    })
}

/// The line that somebody types for it.
fn typed(command: &Command) -> String {
    let Options { model, priority, base, branch, budget, draft, full } = &command.options;
    let keys = [
        model.as_ref().map(|model| format!("model=\"{model}\"")),
        priority.map(|priority| format!("priority={priority}")),
        base.as_ref().map(|base| format!("base={base}")),
        branch.as_ref().map(|branch| format!("branch=\"{branch}\"")),
        budget.map(|budget| format!("budget={}", budget.0)),
        draft.map(|draft| format!("draft={draft}")),
        full.map(|full| format!("full={full}")),
    ];
    let keys: String = keys.into_iter().flatten().map(|key| format!(" {key}")).collect();
    format!("/asynccoder {}{keys} -- {}", command.verb, command.text)
}

proptest! {
    #[test]
    fn what_is_typed_is_what_is_understood(command in sound()) {
        let understood = understand(&typed(&command));
        prop_assert_eq!(understood.mistakes, vec![]);
        let commands: Vec<_> = understood.commands.into_iter().map(|c| c.command).collect();
        prop_assert_eq!(commands, vec![command]);
    }

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
