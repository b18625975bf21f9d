//! What a comment is answered that is not understood, or not yet.

use crate::world::story;
use expect_test::expect;

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
    for verb in ["status", "cancel", "retry"] {
        world.alice.comments(&world.issue, &format!("/asynccoder {verb}"));
        world.settle().await;
    }
    world
        .settles_as(expect![[r#"
        alice        #1 /asynccoder status
        asynccoder   #1 There are no tasks in this thread. `/asynccoder help` says how to start one.
        alice        #1 /asynccoder cancel
        asynccoder   #1 There is no task in this thread for that. `/asynccoder status` lists them.
        alice        #1 /asynccoder retry
        asynccoder   #1 There is no task in this thread for that. `/asynccoder status` lists them.
    "#]])
        .await;
});
