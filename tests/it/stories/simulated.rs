//! What a delivery would do, told without doing it; and a delivery sent by hand.

use crate::world::process::{program, run, told};
use crate::world::{Plan, World, story};
use expect_test::expect;
use serde_json::{Value, json};

const KEY: (&str, &str) = ("ANTHROPIC_API_KEY", "a key that nobody looks at");

/// A comment by alice on an issue, as GitHub sends it.
fn comment(text: &str) -> Value {
    let user = |id: u64, login: &str, kind: &str| json!({ "id": id, "login": login, "type": kind });
    json!({
        "action": "created",
        "issue": { "number": 1, "title": "The till", "body": null, "user": user(5, "carol", "User") },
        "comment": {
            "id": 70, "body": text, "html_url": "https://github.com/acme/till/issues/1",
            "created_at": "2026-11-01T12:00:00Z", "performed_via_github_app": null,
        },
        "repository": {
            "id": 7, "name": "till", "private": false, "archived": false,
            "owner": user(2, "acme", "Organization"),
            "default_branch": "main", "updated_at": "2026-11-01T12:00:00Z",
        },
        "sender": user(3, "alice", "User"),
        "installation": { "id": 9 },
    })
}

/// A file in the world's folder, where the program runs.
fn file(world: &World, name: &str, text: &str) {
    std::fs::write(world.data_dir().with_file_name(name), text).unwrap();
}

/// What `simulate` tells about a payload, with nothing set but the key of a model service.
async fn simulated(world: &World, event: &str, payload: &Value) -> String {
    file(world, "payload.json", &payload.to_string());
    let arguments = ["simulate", "--event", event, "--payload", "payload.json"];
    told(&program(world, &arguments, [KEY]).output().await.unwrap())
}

#[tokio::test]
async fn a_comment_is_told_command_by_command() {
    let world = World::without_the_bot(Plan::default()).await;
    let text = "/asynccoder debug model=opus budget=20 the total is wrong\n/asynccoder help\n/asynccoder debgu it";
    let told = simulated(&world, "issue_comment", &comment(text)).await;
    expect![[r#"
        event       issue_comment
        repository  acme/till (id 7), public, default branch main; installation 9

        sender      alice (id 3)
        thread      issue #1: The till
        source      comment 70
        key         comment:70:430953bd71e9651c482235723abe9b2c1667ade9f16d02caafd5ff431b889224:0
        verb        debug
                    model=opus
                    budget=20
        text        the total is wrong
        needs       write permission in the repository
        kind        debug: at most 50 model calls, 25 minutes and 200 credits; 10 credits to start
        model       claude-opus-5-5, named
        credits     20 credits held if they are available; 20 to 66 credits as an estimate without history
        decided     a task, if
                    - alice has write permission
                    - the repository has nothing against it in .github/asynccoder.toml
                    - the account has 10 credits available, and today's limits leave them
                    - the branch to start from is there

        sender      alice (id 3)
        thread      issue #1: The till
        source      comment 70
        key         comment:70:106a5842fc5fce6f663176285ed1516dbb1e3d15c05abab12fdca46d60b539b7:0
        verb        help
        needs       read permission in the repository
        decided     answered at once, without a model and without credits, if alice has read permission

        sender      alice (id 3)
        thread      issue #1: The till
        source      comment 70
        key         comment:70:eb0521ae814e4efae162a0d1e59a438d66f16637d000f759ad4953a0e51efcef:0
        mistake     line 3, character 13: `debgu` is no verb. Did you mean `debug`?
        decided     an answer that lists the mistakes, if alice has read permission; without a model and without credits
        exit code Some(0)
    "#]].assert_eq(&told);
    assert!(!world.data_dir().exists(), "nothing was made");
}

#[tokio::test]
async fn what_cannot_work_is_known_before_it_is_tried() {
    let world = World::without_the_bot(Plan::default()).await;
    let decided = async |what: &str, event: &str, payload: &Value| {
        let told = simulated(&world, event, payload).await;
        let lines = told
            .lines()
            .skip_while(|line| !line.starts_with("ignored") && !line.starts_with("decided"));
        format!("{what}: {}\n", lines.map(str::trim).collect::<Vec<_>>().join(" "))
    };
    let mut archived = comment("/asynccoder debug");
    archived["repository"]["archived"] = json!(true);
    let mut on_pull = comment("/asynccoder fix draft=true it");
    on_pull["issue"]["pull_request"] = json!({});
    let mut bot = comment("/asynccoder debug");
    bot["sender"]["type"] = json!("Bot");
    let mut reviewed = comment("/asynccoder review");
    reviewed["issue"]["pull_request"] = json!({});
    let task = "0198c0de-0000-7000-8000-00000000cafe";
    let mut pressed = comment("");
    pressed["action"] = json!("requested_action");
    pressed["requested_action"] = json!({ "identifier": "retry" });
    pressed["check_run"] = json!({ "id": 8, "external_id": task });
    let mut label = comment("");
    label["action"] = json!("unlabeled");
    label["label"] = json!({ "name": "asynccoder:fix" });
    label["issue"]["id"] = json!(4);
    label["issue"]["html_url"] = json!("https://github.com/acme/till/issues/1");
    label["issue"]["updated_at"] = json!("2026-11-01T12:00:00Z");
    let account = json!({ "id": 2, "login": "acme", "type": "Organization" });
    let installed = json!({ "action": "created", "installation": { "id": 9, "account": account } });
    let mut table = String::new();
    for (what, event, payload) in [
        ("a review of an issue", "issue_comment", &comment("/asynccoder review")),
        ("a review", "issue_comment", &reviewed),
        ("a key of issues", "issue_comment", &on_pull),
        ("archived", "issue_comment", &archived),
        ("no key", "issue_comment", &comment("/asynccoder ask model=gpt why?")),
        ("too little", "issue_comment", &comment("/asynccoder debug budget=3")),
        ("the configuration", "issue_comment", &comment("/asynccoder config")),
        ("again", "issue_comment", &comment("/asynccoder retry")),
        ("stop", "issue_comment", &comment("/asynccoder cancel")),
        ("a bot", "issue_comment", &bot),
        ("no command", "issue_comment", &comment("Thanks!")),
        ("a button", "check_run", &pressed),
        ("a label less", "issues", &label),
        ("installed", "installation", &installed),
        ("something else", "star", &json!({ "action": "created" })),
    ] {
        table.push_str(&decided(what, event, payload).await);
    }
    expect![[r#"
        a review of an issue: decided     refused: `pr_review` is for pull requests. Please comment on the one that I should review. exit code Some(0)
        a review: decided     a task, if - alice has write permission - the repository has nothing against it in .github/asynccoder.toml - the account has 5 credits available, and today's limits leave them exit code Some(0)
        a key of issues: decided     refused: `draft=` is for issues: a pull request has its branches, and I push to its own. exit code Some(0)
        archived: decided     refused: This repository is archived, so I cannot change it. Unarchive it to go on. exit code Some(0)
        no key: decided     refused: I cannot use `gpt-6.2-sol`: this server has no OPENAI_API_KEY. Its operator can set it; `/asynccoder models` lists what works now. exit code Some(0)
        too little: decided     refused: `budget=3` is less than the 10 credits that this needs to start. exit code Some(0)
        the configuration: decided     answered at once, without a model and without credits, if alice has write permission exit code Some(0)
        again: decided     the earlier task once more; which one, the database knows, if alice has write permission exit code Some(0)
        stop: decided     the task is stopped; which one, the database knows, if alice has write permission or asked for the task exit code Some(0)
        a bot: ignored     it is by alice, which is not a person decided     nothing: it is stored as ignored, for this reason exit code Some(0)
        no command: ignored     the text has no command decided     nothing: it is stored as ignored, for this reason exit code Some(0)
        a button: decided     that command in the thread of task t_0000cafe, if it is a task of this repository exit code Some(0)
        a label less: decided     what has a key that begins label:4:asynccoder:fix@, is older and has not begun is withdrawn exit code Some(0)
        installed: decided     the App is installed, as installation 9 exit code Some(0)
        something else: ignored     star.created is not used decided     nothing: it is stored as ignored, for this reason exit code Some(0)
    "#]].assert_eq(&table);
}

#[tokio::test]
async fn a_slip_is_named_with_its_remedy() {
    let world = World::without_the_bot(Plan::default()).await;
    file(&world, "text.json", "not JSON");
    file(&world, "empty.json", r#"{ "action": "created" }"#);
    let mut all = String::new();
    for (event, path) in [
        ("issue_coment", "text.json"),
        ("Issue-Comment", "text.json"),
        ("issue_comment", "nothing.json"),
        ("issue_comment", "text.json"),
        ("issue_comment", "empty.json"),
    ] {
        let arguments = ["simulate", "--event", event, "--payload", path];
        let output = program(&world, &arguments, [KEY]).output().await.unwrap();
        all.push_str(&told(&output));
    }
    let wrong = program(
        &world,
        &["simulate", "--event", "issue_comment", "--payload", "empty.json"],
        [("DAILY_CREDITS", "many")],
    );
    all.push_str(&told(&{ wrong }.output().await.unwrap()));
    expect![[r#"
        error: invalid value 'issue_coment' for '--event <NAME>': there is no such event; did you mean issue_comment?

        For more information, try '--help'.
        exit code Some(2)
        error: invalid value 'Issue-Comment' for '--event <NAME>': an event is named in small letters, digits and _, such as issue_comment

        For more information, try '--help'.
        exit code Some(2)
        asynccoder: nothing.json cannot be opened: No such file or directory (os error 2)
        exit code Some(1)
        asynccoder: text.json: the body is not a JSON object: expected ident at line 1 column 2. A server answers 400 and stores nothing
        exit code Some(1)
        asynccoder: empty.json: the body does not fit the event issue_comment: missing field `issue` at line 1 column 23. A server answers 400 and stores nothing
        exit code Some(1)
        asynccoder: DAILY_CREDITS must be a whole number from 1 to 1000000000
        exit code Some(2)
    "#]].assert_eq(&all);
}

story!(a_payload_is_sent_by_hand, async |world| {
    let mut payload = comment("/asynccoder ping");
    payload["repository"]["id"] = json!(world.ids.repository);
    payload["repository"]["owner"]["id"] = json!(world.ids.owner);
    payload["sender"]["id"] = json!(world.alice.id);
    payload["installation"]["id"] = json!(world.ids.installation);
    file(world, "payload.json", &payload.to_string());
    let url = world.app().url().to_owned();
    let send = ["replay", "payload.json", "--event", "issue_comment", "--url"];
    // Sent twice it is two deliveries of one comment, which is answered once.
    for _ in 0..2 {
        let sent = told(&run(world, &[&send[..], &[&url]].concat()).await);
        let delivery = sent.split(' ').nth(1).unwrap();
        let sent = sent.replace(delivery, "<delivery>").replace(&url, "<url>");
        expect![[r#"
            delivery <delivery> to <url>/api/webhooks/github
            202 {"delivery":"<delivery>"}
            exit code Some(0)
        "#]]
        .assert_eq(&sent);
    }
    world
        .settles_as(expect![[r#"
        asynccoder   #1 I am here. `/asynccoder help` says what I can do.
    "#]])
        .await;
    let secret =
        [("WEBHOOK_SECRET", "another secret, the next secret"), ("PUBLIC_URL", url.as_str())];
    let refused = told(&program(world, &send[..4], secret).output().await.unwrap());
    let delivery = refused.split(' ').nth(1).unwrap();
    let refused = refused.replace(delivery, "<delivery>").replace(&url, "<url>");
    let nobody = told(&run(world, &[&send[..], &["http://127.0.0.1:1"]].concat()).await);
    let without = told(&program(world, &send[..4], []).output().await.unwrap());
    expect![[r#"
        delivery <delivery> to <url>/api/webhooks/github
        401 {"error":"signature"}
        asynccoder: the server did not take it: 401 Unauthorized
        exit code Some(1)
        asynccoder: http://127.0.0.1:1/api/webhooks/github cannot be reached: does the server run? --url names another one: error sending request for url (http://127.0.0.1:1/api/webhooks/github): client error (Connect): tcp connect error: Connection refused (os error 111)
        exit code Some(1)
        asynccoder: WEBHOOK_SECRET is not set: the secret from the App's settings; without one anybody could send commands
        exit code Some(2)
    "#]].assert_eq(&format!("{refused}{nobody}{without}"));
});

#[tokio::test]
async fn what_only_tells_a_state_is_told_too() {
    let world = World::without_the_bot(Plan::default()).await;
    let account = json!({ "id": 3, "login": "acme", "type": "Organization" });
    let chosen = |added: Value, removed: Value| {
        json!({
            "action": "removed", "repositories_added": added, "repositories_removed": removed,
            "installation": { "id": 9, "account": account, "updated_at": 1_777_000_000 },
        })
    };
    let till = json!([{ "id": 2, "full_name": "acme/till", "private": false }]);
    let repository = json!({
        "id": 2, "name": "till", "owner": account, "default_branch": "main",
        "updated_at": "2026-05-01T10:00:00Z",
    });
    let pull = json!({
        "action": "closed", "repository": repository,
        "pull_request": {
            "id": 8, "number": 2, "title": "Fix it", "html_url": "u", "state": "closed",
            "merged_at": "2026-05-01T10:00:00Z", "updated_at": "2026-05-01T10:00:00Z",
            "user": { "id": 7, "login": "asynccoder[bot]", "type": "Bot" },
            "head": { "ref": "asynccoder/1-fix", "sha": "a".repeat(40), "repo": { "id": 2 } },
            "base": { "ref": "main", "sha": "b".repeat(40), "repo": { "id": 2 } },
        },
    });
    let bought = |action: &str| {
        json!({
            "action": action, "effective_date": "2026-05-01T00:00:00+00:00",
            "marketplace_purchase": {
                "account": account, "billing_cycle": "monthly", "plan": { "name": "Pro" },
                "next_billing_date": "2026-06-01T00:00:00+00:00",
            },
        })
    };
    let renamed = json!({
        "action": "renamed", "account": { "id": 3, "login": "initech" },
        "target_type": "Organization",
    });
    let deleted = json!({ "action": "deleted", "repository": repository });
    let mut offered = pull.clone();
    offered["action"] = json!("reopened");
    offered["sender"] = json!({ "id": 5, "login": "alice", "type": "User" });
    offered["pull_request"]["state"] = json!("open");
    offered["pull_request"]["head"]["ref"] = json!("settings");
    let again = json!({
        "action": "rerequested", "repository": repository, "sender": offered["sender"],
        "check_suite": {
            "id": 77, "head_sha": "a".repeat(40), "updated_at": "2026-05-01T10:00:00Z",
            "app": { "id": 4 },
        },
    });
    let mut table = String::new();
    for (what, event, payload) in [
        ("taken away", "installation_repositories", &chosen(json!([]), till.clone())),
        ("given", "installation_repositories", &chosen(till, json!([]))),
        ("renamed", "installation_target", &renamed),
        ("deleted", "repository", &deleted),
        ("merged", "pull_request", &pull),
        ("reopened", "pull_request", &offered),
        ("once more", "check_suite", &again),
        ("bought", "marketplace_purchase", &bought("purchased")),
        ("pending", "marketplace_purchase", &bought("pending_change")),
        ("over", "marketplace_purchase", &bought("cancelled")),
    ] {
        let told = simulated(&world, event, payload).await;
        table.push_str(&format!("{what}\n{told}"));
    }
    expect![[r#"
        taken away
        event       installation_repositories
        account     acme (id 3)
        removed     acme/till
        decided     what is open there ends, unpaid, unless a later choice is known
        exit code Some(0)
        given
        event       installation_repositories
        account     acme (id 3)
        added       acme/till
        decided     noted, unless a later choice is known
        exit code Some(0)
        renamed
        event       installation_target
        account     initech (id 3)
        decided     the account is called so from now on
        exit code Some(0)
        deleted
        event       repository
        repository  acme/till (id 2), public, default branch main; sent for no installation of the App
        decided     the repository is gone: what is open in it ends, unpaid
        exit code Some(0)
        merged
        event       pull_request
        repository  acme/till (id 2), public, default branch main; sent for no installation of the App
        proposal    pull request #2 from asynccoder/1-fix: Fix it
        state       merged, at aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
        decided     if a task of mine opened it, its status comment says so, and its branch goes if that was asked for; unless a later state is known
        exit code Some(0)
        reopened
        event       pull_request
        repository  acme/till (id 2), public, default branch main; sent for no installation of the App

        sender      alice (id 5)
        thread      pull request #2: Fix it
        source      offer 8
        key         config:8:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
        commits     bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb...aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
        decided     the check run Async Coder / config on the second, if .github/asynccoder.toml differs between them; without a model and without credits
        exit code Some(0)
        once more
        event       check_suite
        repository  acme/till (id 2), public, default branch main; sent for no installation of the App
        sender      alice (id 5)
        commit      aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
        key         suite:77:1777629600
        decided     if these are the checks of my App (id 4), each of mine on that commit that is completed runs again, as with its own button
        exit code Some(0)
        bought
        event       marketplace_purchase
        account     acme (id 3)
        plan        Pro, the tier pro
        decided     1000 credits for the period that ends on 2026-06-01, less what was given for it before
        exit code Some(0)
        pending
        event       marketplace_purchase
        ignored     it is not in force yet; GitHub tells when it is
        decided     nothing: it is stored as ignored, for this reason
        exit code Some(0)
        over
        event       marketplace_purchase
        account     acme (id 3)
        plan        Pro, the tier pro
        decided     the plan is over, unless a later change is known
        exit code Some(0)
    "#]].assert_eq(&table);
}
