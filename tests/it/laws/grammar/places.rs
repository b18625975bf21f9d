//! Where in a comment a command is heard.

use super::check;
use expect_test::expect;

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
            "1. first\n   /asynccoder debug",
            "- item\n  - nested\n\n/asynccoder debug",
            "> - a\n> /asynccoder debug",
            "~~/asynccoder debug~~",
            "---\n/asynccoder debug\n---",
            "/asynccoder debug\n===",
            "[ref]:\n/asynccoder debug",
            "[ref]:\n/asynccoder 'debug it'",
            "`a\n/asynccoder debug\nb`",
            "<pre>\n\n/asynccoder debug\n</pre>",
            "<!-- a -->\n\n/asynccoder debug",
            "a\r\n/asynccoder debug now\r\n",
            "/asynccoder\u{a0}debug",
            "/asynccoder\u{200b} debug",
            "&#47;asynccoder debug",
            "\\\n/asynccoder debug",
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
            "1. first\n   /asynccoder debug"
                debug
            "- item\n  - nested\n\n/asynccoder debug"
                debug
            "> - a\n> /asynccoder debug"
                nothing
            "~~/asynccoder debug~~"
                nothing
            "---\n/asynccoder debug\n---"
                debug "---"
            "/asynccoder debug\n==="
                debug "==="
            "[ref]:\n/asynccoder debug"
                debug
            "[ref]:\n/asynccoder 'debug it'"
                nothing
            "`a\n/asynccoder debug\nb`"
                nothing
            "<pre>\n\n/asynccoder debug\n</pre>"
                nothing
            "<!-- a -->\n\n/asynccoder debug"
                debug
            "a\r\n/asynccoder debug now\r\n"
                debug "now"
            "/asynccoder\u{a0}debug"
                debug
            "/asynccoder\u{200b} debug"
                nothing
            "&#47;asynccoder debug"
                nothing
            "\\\n/asynccoder debug"
                debug
        "##]],
    );
}
