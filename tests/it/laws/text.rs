//! Foreign text that we show does nothing, whatever it is: GitHub's own reading of what comes out has
//! no HTML, no image, no mention, no closing keyword and no command.

use asynccoder::domain::command::parse::understand;
use asynccoder::domain::text::inert;
use proptest::prelude::*;
use pulldown_cmark::{Event, Parser, Tag, TagEnd};

#[test]
fn escaping_does_not_turn_code_into_text() {
    // The first backtick stands in a tag; once that is escaped, it pairs with the second one.
    harmless("<a title=\"`\">`@team fixes #1 <img src=x>`");
    harmless("`<a title=\"`\">`@team` ![x](https://example.com/x.png)");
}

#[test]
fn what_lives_is_broken_up() {
    for text in [
        "@team look",
        "Fixes #1",
        "fixes \\#1",
        "fixes **#1**",
        "fixes ```@a```#1",
        "fixes ```fixes ```\n\n#1",
        "fixes &#35;1 says &#64;team",
        "closes owner/name#1 and resolves GH-1",
        "![x](https://example.com/x.png)",
        "<img src=x onerror=y>",
        "<!-- asynccoder:task=x -->",
        "  /asynccoder debug",
        "```\nopen",
        "~~~~\n/asynccoder debug\n```\n@team",
    ] {
        harmless(text);
    }
}

#[test]
fn code_and_plain_words_stay_as_they_are() {
    for text in
        ["a < b and c > d", "`@team <b>`", "```\n@team <b>\n```", "see #1, mail me at 5 @ noon"]
    {
        assert_eq!(inert(text), text);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn nothing_lives_in_any_text(text in "(@a|#1|&#64;a|&#35;1|&amp;|\\\\|\\*\\*|fixes |<b>|</b>|<!--|-->|<a t=\"|\"|`|``|```|~~~|!\\[|\\]|\\(u\\)|\n|\n\n| |    |> |- |\\\\|/asynccoder debug|x|<|&lt;){0,24}") {
        harmless(&text);
    }
}

#[track_caller]
fn harmless(text: &str) {
    let shown = inert(text);
    assert!(understand(&shown).commands.is_empty(), "a command in {shown:?} from {text:?}");
    let mut in_code = false;
    let mut words = String::new();
    for event in Parser::new(&shown) {
        match event {
            Event::Start(Tag::CodeBlock(_)) => in_code = true,
            Event::End(TagEnd::CodeBlock) => in_code = false,
            Event::Html(html) | Event::InlineHtml(html) => {
                panic!("HTML {html:?} in {shown:?} from {text:?}")
            }
            Event::Start(Tag::Image { .. }) => panic!("an image in {shown:?} from {text:?}"),
            Event::Text(part) if !in_code => words.push_str(&part),
            Event::SoftBreak | Event::HardBreak => words.push('\n'),
            _ => words.push('\u{fffc}'),
        }
    }
    assert!(
        !words.contains("@a") && !words.contains("@team"),
        "a mention in {shown:?} from {text:?}"
    );
    let words = words.to_lowercase().replace('\u{fffc}', "");
    let at_a_word = |at: usize| !words[..at].ends_with(char::is_alphanumeric);
    let closes = words.match_indices("fixes #1").any(|(at, _)| at_a_word(at));
    assert!(!closes, "a closing keyword in {shown:?} from {text:?}");
}
