//! The first words between people and the bot.

use crate::world::{BOT, REPOSITORY, story};
use expect_test::expect;

story!(help_lists_what_this_version_can_do, async |world| {
    world.bob.comments(&world.issue, "/asynccoder help");
    expect![[r#"
        ### Async Coder · help

        `/asynccoder <verb> [key=value]… [text]` on a line of its own; text without a verb is work for `async`, unless this repository is configured otherwise.

        | verb | what I do |
        |---|---|
        | `debug`, `fix` | find and fix a fault, as a pull request |
        | `ask` | answer a question about the code, with links to the lines |
        | `documentation`, `docs` | write documentation, as a pull request |
        | `architect`, `plan` | write a plan, and the command that builds it |
        | `pr_review`, `pr-review`, `review` | review this pull request, at the lines of its change |
        | `async`, `do`, `code` | do what the text says, as a pull request |
        | `help` | show this list |
        | `status` | show the tasks of this thread |
        | `cancel`, `stop` | stop the newest task of this thread, or `cancel t_…` |
        | `retry` | go on from the newest ended task of this thread, with what you add |
        | `models` | list the models and their prices |
        | `credits` | show what this account has left |
        | `config` | show how this repository is configured |
        | `ping` | check that I am here |

        | key | value | of |
        |---|---|---|
        | `model=` | a model's name, see `/asynccoder models` | everything that is work, `retry` |
        | `priority=` | `low`, `medium` or `high` | everything that is work |
        | `base=` | the branch to start from and to target | `debug`, `ask`, `documentation`, `architect`, `async` |
        | `branch=` | the name of a new branch below `asynccoder/` | `debug`, `documentation`, `async` |
        | `budget=` | the most credits it may cost, a whole number above 0 | everything that is work, `retry` |
        | `draft=` | `true` or `false` | `debug`, `documentation`, `async` |
        | `full=` | `true` or `false` | `pr_review` |

        For example: `/asynccoder debug budget=50 the total is wrong for empty carts`

        <!-- asynccoder:command=<uuid> -->"#]]
    .assert_eq(&world.answer().await);
});

story!(the_trigger_alone_asks_for_help, async |world| {
    world.bob.comments(&world.issue, "/asynccoder");
    assert!(world.answer().await.starts_with("### Async Coder · help\n"));
});

story!(ping_says_that_the_bot_is_there, async |world| {
    world.bob.comments(&world.issue, "/asynccoder ping");
    expect![[r#"
        I am here. `/asynccoder help` says what I can do.

        <!-- asynccoder:command=<uuid> -->"#]]
    .assert_eq(&world.answer().await);
});

story!(models_lists_names_and_prices, async |world| {
    world.bob.comments(&world.issue, "/asynccoder models");
    expect![[r#"
        ### Async Coder · models

        Prices in US dollars per million tokens; one credit is one cent.

        | `model=` | also | input | cached | output | |
        |---|---|---|---|---|---|
        | `claude-sonnet-5-5` | `sonnet`, `claude` | 2.00 | 0.10 | 10.00 | default |
        | `claude-opus-5-5` | `opus` | 4.00 | 0.20 | 20.00 |  |
        | `claude-haiku-5-5` | `haiku` | 0.10 | 0.01 | 0.50 |  |
        | | prompts above 100,000 tokens | 0.50 | 0.05 | 2.50 | |
        | `claude-haiku-4-5` |  | 1.00 | 0.10 | 5.00 |  |
        | `claude-fable-5-1` | `fable` | 10.00 | 0.25 | 50.00 |  |
        | `gpt-6.2-sol` | `gpt`, `sol` | 2.00 | 0.10 | 10.00 | no OPENAI_API_KEY on this server |
        | | prompts above 272,000 tokens | 4.00 | 0.20 | 15.00 | |
        | `gpt-6.1-terra` | `terra` | 1.00 | 0.05 | 5.00 | no OPENAI_API_KEY on this server |
        | | prompts above 272,000 tokens | 2.00 | 0.10 | 7.50 | |
        | `gpt-6-luna` | `luna` | 0.10 | 0.01 | 0.50 | no OPENAI_API_KEY on this server |
        | | prompts above 272,000 tokens | 0.20 | 0.02 | 0.75 | |
        | `gpt-6-astra` | `astra` | 10.00 | 1.00 | 50.00 | no OPENAI_API_KEY on this server |
        | | prompts above 272,000 tokens | 20.00 | 2.00 | 75.00 | |
        | `gemini-4-argon` | `gemini`, `argon` | 2.00 | 0.10 | 10.00 | no GEMINI_API_KEY on this server |
        | `gemini-3.8-flash` | `flash` | 0.75 | 0.075 | 3.75 | no GEMINI_API_KEY on this server |
        | `gemini-3.1-pro-preview` | `gemini-pro` | 2.00 | 0.20 | 12.00 | no GEMINI_API_KEY on this server |
        | | prompts above 200,000 tokens | 4.00 | 0.40 | 18.00 | |

        <!-- asynccoder:command=<uuid> -->"#]]
    .assert_eq(&world.answer().await);
});

story!(credits_says_what_the_account_has, async |world| {
    world.alice.comments(&world.issue, "/asynccoder credits");
    expect![[r#"
        ### Async Coder · credits

        Available: 100 credits

        `acme` has 100 credits, of which 0 are held for tasks that are not finished. Held or spent today: 0 credits.

        <!-- asynccoder:command=<uuid> -->"#]]
    .assert_eq(&world.answer().await);
});

story!(free_verbs_also_answer_on_a_pull_request, async |world| {
    world.alice.quietly().commits("better", "README.md", "# till\n\nBetter.\n");
    let pull = world.alice.quietly().proposes("better", "Better");
    world.story();
    world.alice.comments(&pull, "/asynccoder ping");
    world
        .settles_as(expect![[r#"
            alice        #2 /asynccoder ping
            asynccoder   #2 I am here. `/asynccoder help` says what I can do.
        "#]])
        .await;
});

story!(talk_between_people_stays_between_people, async |world| {
    world.alice.comments(&world.issue, "Have you tried turning it off and on again?");
    world.bob.comments(&world.issue, "What would `/asynccoder debug` do here?");
    world.alice.comments(&world.issue, "> /asynccoder debug\n\nNo, not yet.");
    world
        .settles_as(expect![[r#"
        alice        #1 Have you tried turning it off and on again?
        bob          #1 What would `/asynccoder debug` do here?
        alice        #1 > /asynccoder debug ⏎  ⏎ No, not yet.
    "#]])
        .await;
    assert_eq!(world.models().requests().len(), 0);
});

story!(the_bot_does_not_listen_to_itself, async |world| {
    let marker = "<!-- asynccoder:command=018f0000-0000-7000-8000-000000000000 -->";
    let text = format!("/asynccoder ping\n\n{marker}");
    world.simulator.comment(REPOSITORY, world.issue.number, BOT, &text).unwrap();
    world
        .settles_as(expect![[r#"
        asynccoder   #1 /asynccoder ping
    "#]])
        .await;
});
