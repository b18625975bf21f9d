//! What a comment means.

use crate::world::story;
use asynccoder::domain::command::parse::understand;
use asynccoder::domain::command::{Command, Mistake, Options};
use expect_test::{Expect, expect};
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
    let Command { verb, options, text } = command;
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

#[test]
fn where_a_command_is_heard() {
    check(
        &[
            "/asynccoder debug",
            "   /asynccoder debug",
            "    /asynccoder debug",
            "\t/asynccoder debug",
            "Please do it:\n/asynccoder debug\n",
            "Please /asynccoder debug",
            "/ASYNCCODER Debug",
            "/asynccoderdebug",
            "/asynccoder-debug",
            "\\/asynccoder debug",
            "/asynccoder\tdebug",
            "/asynccoder\r\n",
            "/asynccoder",
            "`/asynccoder debug`",
            "``/asynccoder debug``",
            "```\n/asynccoder debug\n```",
            "~~~sh\n/asynccoder debug\n~~~",
            "```\n/asynccoder debug",
            "````\n```\n/asynccoder debug\n````",
            "> /asynccoder debug",
            "> they said\n/asynccoder debug",
            "> they said\n\n/asynccoder debug",
            "[/asynccoder debug](https://example.com)",
            "[\n/asynccoder debug\n](https://example.com)",
            "![\n/asynccoder debug\n](https://example.com/x.png)",
            "<!--\n/asynccoder debug\n-->",
            "<div>\n/asynccoder debug\n</div>",
            "<details>\n\n/asynccoder debug\n\n</details>",
            "- /asynccoder debug",
            "# /asynccoder debug",
            "**bold**\n/asynccoder debug",
            "| a |\n|---|\n| /asynccoder debug |",
            "",
            "\u{feff}/asynccoder debug",
        ],
        expect![[r##"
            "/asynccoder debug"
                debug
            "   /asynccoder debug"
                debug
            "    /asynccoder debug"
                nothing
            "\t/asynccoder debug"
                nothing
            "Please do it:\n/asynccoder debug\n"
                debug
            "Please /asynccoder debug"
                nothing
            "/ASYNCCODER Debug"
                debug
            "/asynccoderdebug"
                nothing
            "/asynccoder-debug"
                nothing
            "\\/asynccoder debug"
                nothing
            "/asynccoder\tdebug"
                debug
            "/asynccoder\r\n"
                help
            "/asynccoder"
                help
            "`/asynccoder debug`"
                nothing
            "``/asynccoder debug``"
                nothing
            "```\n/asynccoder debug\n```"
                nothing
            "~~~sh\n/asynccoder debug\n~~~"
                nothing
            "```\n/asynccoder debug"
                nothing
            "````\n```\n/asynccoder debug\n````"
                nothing
            "> /asynccoder debug"
                nothing
            "> they said\n/asynccoder debug"
                nothing
            "> they said\n\n/asynccoder debug"
                debug
            "[/asynccoder debug](https://example.com)"
                nothing
            "[\n/asynccoder debug\n](https://example.com)"
                nothing
            "![\n/asynccoder debug\n](https://example.com/x.png)"
                nothing
            "<!--\n/asynccoder debug\n-->"
                nothing
            "<div>\n/asynccoder debug\n</div>"
                nothing
            "<details>\n\n/asynccoder debug\n\n</details>"
                debug "</details>"
            "- /asynccoder debug"
                nothing
            "# /asynccoder debug"
                nothing
            "**bold**\n/asynccoder debug"
                debug
            "| a |\n|---|\n| /asynccoder debug |"
                nothing
            ""
                nothing
            "\u{feff}/asynccoder debug"
                nothing
        "##]],
    );
}

#[test]
fn what_is_asked_for() {
    check(
        &[
            "/asynccoder fix",
            "/asynccoder docs the parser",
            "/asynccoder documentation",
            "/asynccoder plan a cache",
            "/asynccoder architect",
            "/asynccoder ask why?",
            "/asynccoder review",
            "/asynccoder pr-review full=true",
            "/asynccoder do it",
            "/asynccoder code it",
            "/asynccoder async",
            "/asynccoder models",
            "/asynccoder credits",
            "/asynccoder status",
            "/asynccoder cancel t_0011aabb",
            "/asynccoder retry 0011aabb but faster",
            "/asynccoder make the total right",
            "/asynccoder bug here",
            "/asynccoder debug the total\nis wrong\n\nsince Monday  ",
            "/asynccoder debug one\n/asynccoder ask two\nand a half",
            "/asynccoder debug\n```\npanic!()\n```",
            "/asynccoder debug\n```\n/asynccoder ask\n```\nafter",
            "/asynccoder ping\n/asynccoder ping\n/asynccoder ping\n/asynccoder help me please now",
            "/asynccoder ping\n/asynccoder debgu\n/asynccoder help",
        ],
        expect![[r#"
            "/asynccoder fix"
                debug
            "/asynccoder docs the parser"
                documentation "the parser"
            "/asynccoder documentation"
                documentation
            "/asynccoder plan a cache"
                architect "a cache"
            "/asynccoder architect"
                architect
            "/asynccoder ask why?"
                ask "why?"
            "/asynccoder review"
                pr_review
            "/asynccoder pr-review full=true"
                pr_review full=true
            "/asynccoder do it"
                async "it"
            "/asynccoder code it"
                async "it"
            "/asynccoder async"
                async
            "/asynccoder models"
                models
            "/asynccoder credits"
                credits
            "/asynccoder status"
                status
            "/asynccoder cancel t_0011aabb"
                cancel "t_0011aabb"
            "/asynccoder retry 0011aabb but faster"
                retry "0011aabb but faster"
            "/asynccoder make the total right"
                async "make the total right"
            "/asynccoder bug here"
                async "bug here"
            "/asynccoder debug the total\nis wrong\n\nsince Monday  "
                debug "the total\nis wrong\n\nsince Monday"
            "/asynccoder debug one\n/asynccoder ask two\nand a half"
                debug "one" | ask "two\nand a half"
            "/asynccoder debug\n```\npanic!()\n```"
                debug "```\npanic!()\n```"
            "/asynccoder debug\n```\n/asynccoder ask\n```\nafter"
                debug "```\n/asynccoder ask\n```\nafter"
            "/asynccoder ping\n/asynccoder ping\n/asynccoder ping\n/asynccoder help me please now"
                ping | ping | ping | 4:12 "help me please" TooMany
            "/asynccoder ping\n/asynccoder debgu\n/asynccoder help"
                ping | help | 2:13 "debgu" LooksLikeVerb("debug")
        "#]],
    );
}

#[test]
fn what_is_set() {
    check(
        &[
            "/asynccoder debug model=opus budget=50 the total",
            "/asynccoder debug priority=HIGH draft=False",
            "/asynccoder debug branch=mine base=release/2",
            "/asynccoder debug branch=asynccoder/mine",
            "/asynccoder debug model=\"claude opus\" x",
            "/asynccoder debug model=\"\" x",
            "/asynccoder debug -- budget=5 is text",
            "/asynccoder debug text budget=5",
            "/asynccoder debug x==y",
            "/asynccoder debug\nbudget=5",
        ],
        expect![[r#"
            "/asynccoder debug model=opus budget=50 the total"
                debug model=opus budget=50 "the total"
            "/asynccoder debug priority=HIGH draft=False"
                debug priority=high draft=false
            "/asynccoder debug branch=mine base=release/2"
                debug base=release/2 branch=asynccoder/mine
            "/asynccoder debug branch=asynccoder/mine"
                debug branch=asynccoder/mine
            "/asynccoder debug model=\"claude opus\" x"
                debug model=claude opus "x"
            "/asynccoder debug model=\"\" x"
                1:19 "model=\"\"" BadValue(Model)
            "/asynccoder debug -- budget=5 is text"
                debug "budget=5 is text"
            "/asynccoder debug text budget=5"
                debug "text budget=5"
            "/asynccoder debug x==y"
                1:19 "x==y" UnknownKey(None)
            "/asynccoder debug\nbudget=5"
                debug "budget=5"
        "#]],
    );
}

#[test]
fn what_is_wrong() {
    check(
        &[
            "/asynccoder debgu",
            "/asynccoder   documentatoin",
            "text\n  /asynccoder debgu it",
            "/asynccoder budget=5 debug",
            "/asynccoder repair budget=5",
            "/asynccoder debug bugdet=5",
            "/asynccoder debug colour=red",
            "/asynccoder debug full=true",
            "/asynccoder ping model=opus",
            "/asynccoder debug budget=5 budget=6",
            "/asynccoder debug budget=0",
            "/asynccoder debug budget=-5",
            "/asynccoder debug budget=1e3",
            "/asynccoder debug draft=maybe",
            "/asynccoder debug priority=urgent",
            "/asynccoder debug base=",
            "/asynccoder debug base=a..b",
            "/asynccoder debug branch=x.lock",
            "/asynccoder debug branch=-x",
            "/asynccoder debug branch=refs/../main",
            "/asynccoder debug model=\"open",
            "/asynccoder debug budget=x draft=y colour=z",
        ],
        expect![[r#"
            "/asynccoder debgu"
                1:13 "debgu" LooksLikeVerb("debug")
            "/asynccoder   documentatoin"
                1:15 "documentatoin" LooksLikeVerb("documentation")
            "text\n  /asynccoder debgu it"
                2:15 "debgu" LooksLikeVerb("debug")
            "/asynccoder budget=5 debug"
                1:13 "budget=5" KeyBeforeVerb
            "/asynccoder repair budget=5"
                1:13 "repair" NotAVerb
            "/asynccoder debug bugdet=5"
                1:19 "bugdet=5" UnknownKey(Some("budget"))
            "/asynccoder debug colour=red"
                1:19 "colour=red" UnknownKey(None)
            "/asynccoder debug full=true"
                1:19 "full=true" ForeignKey(Debug)
            "/asynccoder ping model=opus"
                1:18 "model=opus" ForeignKey(Ping)
            "/asynccoder debug budget=5 budget=6"
                1:28 "budget=6" DoubledKey
            "/asynccoder debug budget=0"
                1:19 "budget=0" BadValue(Budget)
            "/asynccoder debug budget=-5"
                1:19 "budget=-5" BadValue(Budget)
            "/asynccoder debug budget=1e3"
                1:19 "budget=1e3" BadValue(Budget)
            "/asynccoder debug draft=maybe"
                1:19 "draft=maybe" BadValue(Draft)
            "/asynccoder debug priority=urgent"
                1:19 "priority=urgent" BadValue(Priority)
            "/asynccoder debug base="
                1:19 "base=" BadValue(Base)
            "/asynccoder debug base=a..b"
                1:19 "base=a..b" BadValue(Base)
            "/asynccoder debug branch=x.lock"
                1:19 "branch=x.lock" BadValue(Branch)
            "/asynccoder debug branch=-x"
                1:19 "branch=-x" BadValue(Branch)
            "/asynccoder debug branch=refs/../main"
                1:19 "branch=refs/../main" BadValue(Branch)
            "/asynccoder debug model=\"open"
                1:19 "model=\"open" OpenQuote
            "/asynccoder debug budget=x draft=y colour=z"
                1:19 "budget=x" BadValue(Budget) | 1:28 "draft=y" BadValue(Draft) | 1:36 "colour=z" UnknownKey(None)
        "#]],
    );
}

story!(all_mistakes_are_answered_at_once_beside_what_works, async |world| {
    let text = "/asynccoder debgu it\n/asynccoder ping\n/asynccoder debug colour=red budget=many\n/asynccoder help\n/asynccoder models";
    world.alice.comments(&world.issue, text);
    world.settles_as(expect![[r#"
        alice        #1 /asynccoder debgu it ⏎ /asynccoder ping ⏎ /asynccoder debug colour=red budget=many ⏎ /asynccoder help ⏎ /asynccoder models
        asynccoder   #1 :confused:
        asynccoder   #1 I am here. `/asynccoder help` says what I can do.
        asynccoder   #1 I did not understand this: ⏎ - line 1, character 13: `debgu` is no verb. Did you mean `debug`? ⏎ - line 3, character 19: `colour=red` is no key. Put `--` before text that looks like one. ⏎ - line 3, character 30: `budget=many` does not fit: `budget=` takes the most credits it may cost, a whole number above 0. ⏎ - line 4, character 12: `help` is one command too many: I carry out three a comment. ⏎ - line 5, character 12: `models` is one command too many: I carry out three a comment. ⏎ `/asynccoder help` lists what I understand.
    "#]]).await;
});

story!(verbs_that_are_not_built_yet_say_so, async |world| {
    for verb in [
        "ask why",
        "docs",
        "architect",
        "review",
        "write a parser",
        "status",
        "cancel",
        "retry",
        "config",
    ] {
        world.alice.comments(&world.issue, &format!("/asynccoder {verb}"));
        world.settle().await;
    }
    world.settles_as(expect![[r#"
        alice        #1 /asynccoder ask why
        asynccoder   #1 :confused:
        asynccoder   #1 `ask` is not available in this version. To have a fault fixed: `/asynccoder debug <text>`. `/asynccoder help` lists what else I can do.
        alice        #1 /asynccoder docs
        asynccoder   #1 :confused:
        asynccoder   #1 `documentation` is not available in this version. To have a fault fixed: `/asynccoder debug <text>`. `/asynccoder help` lists what else I can do.
        alice        #1 /asynccoder architect
        asynccoder   #1 :confused:
        asynccoder   #1 `architect` is not available in this version. To have a fault fixed: `/asynccoder debug <text>`. `/asynccoder help` lists what else I can do.
        alice        #1 /asynccoder review
        asynccoder   #1 :confused:
        asynccoder   #1 `pr_review` is not available in this version. To have a fault fixed: `/asynccoder debug <text>`. `/asynccoder help` lists what else I can do.
        alice        #1 /asynccoder write a parser
        asynccoder   #1 :confused:
        asynccoder   #1 `async` is not available in this version. To have a fault fixed: `/asynccoder debug <text>`. `/asynccoder help` lists what else I can do.
        alice        #1 /asynccoder status
        asynccoder   #1 There are no tasks in this thread. `/asynccoder help` says how to start one.
        alice        #1 /asynccoder cancel
        asynccoder   #1 There is no task in this thread for that. `/asynccoder status` lists them.
        alice        #1 /asynccoder retry
        asynccoder   #1 There is no task in this thread for that. `/asynccoder status` lists them.
        alice        #1 /asynccoder config
        asynccoder   #1 :confused:
        asynccoder   #1 `config` is not available in this version. To have a fault fixed: `/asynccoder debug <text>`. `/asynccoder help` lists what else I can do.
    "#]]).await;
});

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
        prop_assert_eq!(understood, Default::default());
    }

    #[test]
    fn nothing_in_a_quote_is_heard(text in likely_text()) {
        let quoted: String = text.lines().map(|line| format!("> {line}\n")).collect();
        prop_assert_eq!(understand(&quoted).commands, vec![]);
    }
}
