//! A comment on an issue becomes a pull request.

use crate::world::{repo, story};
use expect_test::expect;

story!(a_comment_becomes_a_pull_request, async |world| {
    world.model(repo::fixes_the_till());
    world.alice.comments(&world.issue, "/asynccoder debug");
    world.settles_as(expect![[r#"
        alice        #1 /asynccoder debug
        asynccoder   #1 :eyes:
        asynccoder   pushes asynccoder/1-no-discount-at-exactly-100-00-<short> (src/discount.rs +1 -1)
        asynccoder   opens #2 "Give the discount at exactly 100.00" for main as a draft
        asynccoder   check "Async Coder / debug" success on <sha>
        asynccoder   #1 debug · done: I opened draft pull request #2. [3 steps, 1 credit]
    "#]]).await;
});
