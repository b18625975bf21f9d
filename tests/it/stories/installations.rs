//! Where the App is, whether it may work there, and which repositories it reaches: people choose, and
//! from then on nothing is asked of GitHub where it may not be.

use crate::world::impatient::PATIENCE;
use crate::world::people::Issue;
use crate::world::{REPOSITORY, World, repo, rows, story};
use asynccoder::simulator::{
    At, Effect, Entry, Gate, Moment, Refusal, RepositoryOptions, Simulator,
};
use expect_test::expect;
use serde_json::json;
use std::time::Duration;

/// Another repository of the same owner.
const OTHER: &str = "acme/kiosk";

/// A task that is at work, and everybody knows.
async fn at_work(world: &mut World) -> Gate {
    world.model(repo::fixes_the_till());
    let gate = world.simulator.faults().hold(At::models(), Moment::BeforeReply);
    world.alice.comments(&world.issue, "/asynccoder debug");
    gate.reached().await.unwrap();
    let said = |now: &Simulator| {
        let running = now.comments(REPOSITORY, 1).iter().any(|c| c.body.contains("· running"));
        running && now.journal().iter().any(is_reaction)
    };
    world.simulator.wait_for(said, PATIENCE).await.unwrap();
    gate
}

fn is_reaction(entry: &Entry) -> bool {
    matches!(entry.effect(), Some(Effect::ReactionAdded { .. }))
}

/// What was asked of GitHub after this line of the journal, but for the App's own questions about itself.
fn asked_after(world: &World, line: usize) -> Vec<String> {
    let journal = world.simulator.journal().into_iter().skip(line);
    let requests = journal.filter_map(|entry| entry.request().cloned());
    let of_github =
        requests.filter(|r| !r.path.starts_with("/v1/") && !r.path.starts_with("/app/hook"));
    of_github.map(|r| format!("{} {}", r.method, r.path)).collect()
}

story!(a_repository_that_is_taken_away_is_left_at_once, async |world| {
    let gate = at_work(world).await;
    world.simulator.choose_repository(REPOSITORY, false).unwrap();
    world.simulator.deliveries_idle().await;
    world.app().settled(PATIENCE).await.unwrap();
    let line = world.simulator.journal().len();
    gate.open();
    world.settle().await;
    assert_eq!(asked_after(world, line), [""; 0]);
    assert_eq!(world.balance().await, (100, 0), "nobody pays");
    world.settles_as(expect![[r#"
        alice        #1 /asynccoder debug
        asynccoder   #1 :eyes:
        asynccoder   #1 debug · running: Claude Sonnet 5.5 · estimate 20–66 credits, at most 66 credits
    "#]]).await;

    world.simulator.choose_repository(REPOSITORY, true).unwrap();
    world
        .settles_as(expect![[r#"
        asynccoder   #1 debug · cancelled: Stopped, as asked. [0 steps, 0 credits]
    "#]])
        .await;
});

/// Begins a task, and takes the repository away before any webhook tells of it: GitHub refuses whatever
/// the bot still wants to show. Then the webhook comes, and the repository is given back.
async fn is_lost_and_found(world: &mut World, tokens_die: bool) {
    world.expects_refusals();
    let gate = at_work(world).await;
    world.simulator.quietly().choose_repository(REPOSITORY, false).unwrap();
    if tokens_die {
        world.simulator.revoke_tokens();
    }
    gate.open();
    world.settle().await;
    let removed = removal(world);
    let (event, body) = ("installation_repositories", removed.as_bytes());
    world.simulator.deliver_raw(event, "removed", body, &[]).await.unwrap();
    world.settle().await;
    world.simulator.advance(Duration::from_secs(5));
    world.simulator.choose_repository(REPOSITORY, true).unwrap();
    world.settles_as(expect![[r#"
        alice        #1 /asynccoder debug
        asynccoder   #1 :eyes:
        asynccoder   #1 debug · failed: GitHub did not accept the result. You pay nothing for this task. [4 steps, 0 credits]
    "#]]).await;
}

story!(what_github_refused_before_it_told_why_is_shown_once_it_can_be, async |world| {
    is_lost_and_found(world, true).await;
});

story!(a_comment_that_was_out_of_reach_is_found_and_not_written_anew, async |world| {
    is_lost_and_found(world, false).await;
});

story!(what_was_not_shown_before_the_app_left_is_shown_when_it_is_back, async |world| {
    let gate = at_work(world).await;
    world.simulator.uninstall("acme").unwrap();
    world.simulator.deliveries_idle().await;
    world.app().settled(PATIENCE).await.unwrap();
    gate.open();
    world.settles_as(expect![[r#"
        alice        #1 /asynccoder debug
        asynccoder   #1 :eyes:
        asynccoder   #1 debug · running: Claude Sonnet 5.5 · estimate 20–66 credits, at most 66 credits
    "#]]).await;
    world.simulator.advance(Duration::from_secs(5));
    world.simulator.install("acme").unwrap();
    world
        .settles_as(expect![[r#"
        asynccoder   #1 debug · cancelled: Stopped, as asked. [0 steps, 0 credits]
    "#]])
        .await;
});

story!(what_was_not_shown_is_shown_where_the_repository_is_now, async |world| {
    let gate = at_work(world).await;
    world.simulator.choose_repository(REPOSITORY, false).unwrap();
    world.simulator.deliveries_idle().await;
    world.app().settled(PATIENCE).await.unwrap();
    gate.open();
    world.settle().await;
    world.story();
    let owner = world.simulator.add_organization("initech");
    let installation = world.simulator.install("initech").unwrap();
    world.simulator.move_repository(REPOSITORY, "initech/till").unwrap();
    world.settle().await;
    let given = json!({
        "action": "added", "repositories_removed": [],
        "repositories_added": [
            { "id": world.ids.repository, "full_name": "initech/till", "private": false },
        ],
        "installation": {
            "id": installation, "updated_at": chrono::Utc::now().timestamp() + 5, "suspended_at": null,
            "account": { "id": owner, "login": "initech", "type": "Organization" },
        },
    });
    let (event, body) = ("installation_repositories", given.to_string());
    world.simulator.deliver_raw(event, "added", body.as_bytes(), &[]).await.unwrap();
    world
        .settles_as(expect![[r#"
        asynccoder   #1 debug · cancelled: Stopped, as asked. [0 steps, 0 credits]
    "#]])
        .await;
});

story!(another_repository_of_the_account_goes_on, async |world| {
    let files = repo::files(include_str!("../../../fixtures/repos/till.txt"));
    let options = RepositoryOptions { files, ..RepositoryOptions::default() };
    world.simulator.add_repository(OTHER, options).unwrap();
    world.simulator.set_permission(OTHER, "alice", "write").unwrap();
    let gate = at_work(world).await;
    world.simulator.choose_repository(OTHER, false).unwrap();
    world.simulator.deliveries_idle().await;
    gate.open();
    world.settles_as(expect![[r#"
        alice        #1 /asynccoder debug
        asynccoder   #1 :eyes:
        asynccoder   pushes asynccoder/1-no-discount-at-exactly-100-00-<short> (src/discount.rs +1 -1)
        asynccoder   opens #2 "Give the discount at exactly 100.00" for main as a draft
        asynccoder   check "Async Coder / debug" success on <sha>
        asynccoder   #1 debug · done: I opened draft pull request #2. [4 steps, 1 credit]
    "#]]).await;
});

story!(what_was_asked_before_a_repository_was_taken_away_is_not_answered_after_it, async |world| {
    world.alice.comments(&world.issue, "/asynccoder ping");
    world.settle().await;
    world.story();
    world.simulator.pause_deliveries();
    world.alice.comments(&world.issue, "/asynccoder ping");
    let line = world.simulator.journal().len();
    let removed = removal(world);
    let (status, _) = world
        .simulator
        .deliver_raw("installation_repositories", "removed", removed.as_bytes(), &[])
        .await
        .unwrap();
    assert_eq!(status, 202);
    world.app().settled(PATIENCE).await.unwrap();
    world.simulator.resume_deliveries();
    world
        .settles_as(expect![[r#"
        alice        #1 /asynccoder ping
    "#]])
        .await;
    assert_eq!(asked_after(world, line), [""; 0], "GitHub is not even asked who alice is");
    // GitHub tells of what people say only where the App is: it has the repository back.
    world.simulator.advance(Duration::from_secs(5));
    world.alice.comments(&world.issue, "/asynccoder ping");
    world
        .settles_as(expect![[r#"
            alice        #1 /asynccoder ping
            asynccoder   #1 I am here. `/asynccoder help` says what I can do.
        "#]])
        .await;
});

/// The webhook of a choice that the simulated GitHub does not know of yet.
fn removal(world: &World) -> String {
    let ids = world.ids;
    json!({
        "action": "removed", "repositories_added": [],
        "repositories_removed": [{ "id": ids.repository, "full_name": REPOSITORY, "private": false }],
        "installation": {
            "id": ids.installation, "updated_at": chrono::Utc::now().timestamp(),
            "suspended_at": null,
            "account": { "id": ids.owner, "login": "acme", "type": "Organization" },
        },
    })
    .to_string()
}

story!(a_deleted_repository_is_left_at_once, async |world| {
    let gate = at_work(world).await;
    world.story();
    world.simulator.delete_repository(REPOSITORY).unwrap();
    world.simulator.deliveries_idle().await;
    world.app().settled(PATIENCE).await.unwrap();
    let line = world.simulator.journal().len();
    gate.open();
    world.settle().await;
    assert_eq!(asked_after(world, line), [""; 0]);
    assert_eq!(world.balance().await, (100, 0));
});

story!(after_the_app_is_gone_nothing_is_asked, async |world| {
    let gate = at_work(world).await;
    world.simulator.pause_deliveries();
    world.alice.comments(&world.issue, "/asynccoder ping");
    let (status, _) = gone(world, "deleted").await;
    assert_eq!(status, 202);
    world.app().settled(PATIENCE).await.unwrap();
    let line = world.simulator.journal().len();
    gate.open();
    // What was said before comes late.
    world.simulator.resume_deliveries();
    world.settle().await;
    assert_eq!(asked_after(world, line), [""; 0]);
    assert_eq!(world.balance().await, (100, 0), "nobody pays");
    world.story();
});

story!(after_a_suspension_nothing_is_asked, async |world| {
    let gate = at_work(world).await;
    world.simulator.pause_deliveries();
    world.alice.comments(&world.issue, "/asynccoder ping");
    let (status, _) = gone(world, "suspend").await;
    assert_eq!(status, 202);
    world.app().settled(PATIENCE).await.unwrap();
    let line = world.simulator.journal().len();
    gate.open();
    world.simulator.resume_deliveries();
    world.settle().await;
    assert_eq!(asked_after(world, line), [""; 0]);
    assert_eq!(world.balance().await, (100, 0), "nobody pays");
    world.story();
});

/// The webhook of an installation that comes before an earlier one.
async fn gone(world: &World, action: &str) -> (u16, String) {
    let ids = world.ids;
    let body = json!({
        "action": action,
        "installation": {
            "id": ids.installation, "updated_at": chrono::Utc::now(), "suspended_at": chrono::Utc::now(),
            "account": { "id": ids.owner, "login": "acme", "type": "Organization" },
        },
    });
    let body = body.to_string();
    world.simulator.deliver_raw("installation", "late", body.as_bytes(), &[]).await.unwrap()
}

story!(an_account_that_is_renamed_is_known_by_its_new_login, async |world| {
    world.alice.comments(&world.issue, "/asynccoder ping");
    world.settle().await;
    world.story();
    world.simulator.rename_account("acme", "initech").unwrap();
    world.settle().await;
    let store = world.app().store();
    let (old, new) =
        (store.account_by_login("acme").await, store.account_by_login("initech").await);
    assert_eq!(new.unwrap().map(|id| id.0), i64::try_from(world.ids.owner).ok());
    assert_eq!(old.unwrap(), None);
    assert_eq!(
        store.repository_name(world.repository_id()).await.unwrap().to_string(),
        "initech/till"
    );
    let issue = Issue { repository: "initech/till".to_owned(), number: 1 };
    let line = world.simulator.journal().len();
    world.alice.comments(&issue, "/asynccoder credits");
    let answer = world.answer().await;
    assert!(answer.contains("`initech` has 100 credits"), "{answer}");
    assert!(
        asked_after(world, line).iter().all(|path| !path.contains("/acme/")),
        "nobody is sent on"
    );
});

story!(a_person_who_takes_their_authorization_back_is_noted, async |world| {
    world.simulator.revoke_authorization("alice").unwrap();
    world.settle().await;
    let noted =
        "select state || ': ' || reason from deliveries where event = 'github_app_authorization'";
    assert_eq!(rows::texts(world, noted).await, ["ignored: no token of a person is kept"]);
});

story!(a_suspension_that_nobody_told_of_is_found_out, async |world| {
    let suspended = "select count(*) from accounts where suspended_at is not null";
    world.alice.comments(&world.issue, "/asynccoder ping");
    world.settle().await;
    world.story();
    world.simulator.quietly().suspend("acme", true).unwrap();
    world.days_later().await;
    rows::until(world, suspended, 1).await;
    world.simulator.quietly().suspend("acme", false).unwrap();
    world.days_later().await;
    rows::until(world, suspended, 0).await;
});

story!(a_login_that_nobody_told_of_is_found_out, async |world| {
    world.alice.comments(&world.issue, "/asynccoder ping");
    world.settle().await;
    world.story();
    world.simulator.quietly().rename_account("acme", "initech").unwrap();
    world.days_later().await;
    rows::until(world, "select count(*) from accounts where login = 'initech'", 1).await;
});

/// Somebody else installs the App, later than acme.
async fn globex_comes(world: &World) {
    world.alice.comments(&world.issue, "/asynccoder ping");
    world.simulator.add_organization("globex");
    world.simulator.install("globex").unwrap();
    rows::until(world, INSTALLED, 2).await;
    world.simulator.quietly().uninstall("globex").unwrap();
}

const INSTALLED: &str = "select count(*) from accounts where installation_id is not null";

story!(an_installation_that_cannot_be_asked_for_keeps_nobody_from_the_others, async |world| {
    globex_comes(world).await;
    let first = At::api("GET", &format!("/app/installations/{}", world.ids.installation));
    world.simulator.faults().refuse(first, u32::MAX, Refusal::unwell(502));
    world.days_later().await;
    rows::until(world, INSTALLED, 1).await;
    world.simulator.faults().clear();
    world.settle().await;
    world.story();
});

story!(no_other_installation_is_asked_for_while_github_wants_a_pause, async |world| {
    globex_comes(world).await;
    let any = At::api("GET", "/app/installations/");
    world.simulator.faults().refuse(any, 1, Refusal::secondary_limit(Some(60)));
    let line = world.simulator.journal().len();
    world.days_later().await;
    let failed =
        "select count(*) from schedules where name = 'installations' and error is not null";
    rows::until(world, failed, 1).await;
    let asked = asked_after(world, line);
    let asked = asked.iter().filter(|asked| asked.contains("/app/installations/")).count();
    assert_eq!(asked, 1);
    world.days_later().await;
    rows::until(world, INSTALLED, 1).await;
    world.settle().await;
    world.story();
});
