//! What the words of a command mean.

use super::check;
use expect_test::expect;

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
            "/asynccoder stop",
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
            "/asynccoder stop"
                cancel
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
            "/asynccoder hlep",
            "/asynccoder hlep me with the total",
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
            "/asynccoder hlep"
                1:13 "hlep" LooksLikeVerb("help")
            "/asynccoder hlep me with the total"
                async "hlep me with the total"
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
