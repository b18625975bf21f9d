//! Which model works, and what is said when none can.

use crate::world::{Plan, repo, story};
use expect_test::expect;

story!(
    without_a_key_the_answer_names_it,
    Plan::default().with("ANTHROPIC_API_KEY", ""),
    async |world| {
        world.alice.comments(&world.issue, "/asynccoder debug");
        world.settle().await;
        world.alice.comments(&world.issue, "/asynccoder debug model=opus");
        world.settles_as(expect![[r#"
            alice        #1 /asynccoder debug
            asynccoder   #1 :confused:
            asynccoder   #1 I cannot use any model: this server has no key of a model service. Its operator can set ANTHROPIC_API_KEY, OPENAI_API_KEY or GEMINI_API_KEY.
            alice        #1 /asynccoder debug model=opus
            asynccoder   #1 :confused:
            asynccoder   #1 I cannot use `claude-opus-5-5`: this server has no ANTHROPIC_API_KEY. Its operator can set it; `/asynccoder models` lists what works now.
        "#]]).await;
        assert_eq!(world.balance().await, (100, 0));
    }
);

story!(models_says_what_is_missing, Plan::default().with("ANTHROPIC_API_KEY", ""), async |world| {
    world.alice.comments(&world.issue, "/asynccoder models");
    let answer = world.answer().await;
    assert!(answer.contains("no ANTHROPIC_API_KEY on this server"), "{answer}");
});

story!(a_misspelled_model_is_guessed, async |world| {
    world.alice.comments(&world.issue, "/asynccoder debug model=sonet");
    expect![[r#"
        There is no model `sonet`. Did you mean `sonnet`? `/asynccoder models` lists them.

        <!-- asynccoder:command=<uuid> -->"#]]
    .assert_eq(&world.answer().await);
});

story!(the_named_model_does_the_work, async |world| {
    world.model(repo::fixes_the_till());
    world.alice.comments(&world.issue, "/asynccoder debug model=haiku");
    let status = world.answer().await;
    assert!(status.contains("Receipt: Claude Haiku 5.5 · 4 steps"), "{status}");
    world.settle().await;
    let asked = world.models().requests();
    assert!(asked.iter().all(|request| request["model"] == "claude-haiku-5-5"));
});

story!(
    the_operator_chooses_the_default,
    Plan::default().with("DEFAULT_MODEL", "opus"),
    async |world| {
        world.model(repo::fixes_the_till());
        world.alice.comments(&world.issue, "/asynccoder debug");
        let status = world.answer().await;
        assert!(status.contains("Receipt: Claude Opus 5.5 · 4 steps"), "{status}");
    }
);
