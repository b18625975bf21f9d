//! What reaches the bot through its only door, and what it answers.

use crate::world::{Plan, World, repo, story};
use aws_lc_rs::hmac;
use expect_test::expect;
use reqwest::{Client, Method};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const SECRET: &str = "a webhook secret for the simulator only";

fn sign(secret: &str, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    format!("sha256={}", hex::encode(hmac::sign(&key, body)))
}

/// The payload of a comment by alice.
fn comment(world: &World, id: u64, text: &str) -> Value {
    let user = |id: u64, login: &str, kind: &str| json!({ "id": id, "login": login, "type": kind });
    json!({
        "action": "created",
        "issue": { "number": 1, "title": "T", "body": null, "user": user(5, "carol", "User") },
        "comment": {
            "id": id, "body": text, "html_url": "https://github.com/acme/till/issues/1",
            "created_at": "2026-11-01T12:00:00Z", "performed_via_github_app": null,
        },
        "repository": {
            "id": world.ids.repository, "name": "till", "private": false, "archived": false,
            "owner": user(world.ids.owner, "acme", "Organization"),
            "default_branch": "main", "updated_at": "2026-11-01T12:00:00Z",
        },
        "sender": user(world.alice.id, "alice", "User"),
        "installation": { "id": world.ids.installation },
    })
}

/// A request with exactly these headers.
async fn send(world: &World, body: &[u8], headers: &[(&str, &str)]) -> String {
    let url = format!("{}/api/webhooks/github", world.app().url());
    let client = Client::builder().no_proxy().build().unwrap();
    let mut request = client.request(Method::POST, url).body(body.to_vec());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.send().await.unwrap();
    format!("{} {}", response.status().as_u16(), response.text().await.unwrap())
}

/// How many deliveries of a test's own are stored.
async fn stored(world: &World) -> i64 {
    let url = format!("sqlite://{}/asynccoder.db", world.data_dir().display());
    let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
    let (count,): (i64,) = sqlx::query_as("select count(*) from deliveries where guid like 'g-%'")
        .fetch_one(&pool)
        .await
        .unwrap();
    pool.close().await;
    count
}

story!(only_what_is_signed_gets_in, async |world| {
    let body = comment(world, 70, "/asynccoder ping").to_string().into_bytes();
    let (good, bad) = (sign(SECRET, &body), sign("another secret", &body));
    let sha1 = "sha1=0123456789012345678901234567890123456789";
    let truncated = &good[..good.len() - 2];
    let usual = [
        ("content-type", "application/json"),
        ("x-github-event", "issue_comment"),
        ("x-github-delivery", "g-1"),
    ];
    let rows: [(&str, Vec<(&str, &str)>); 7] = [
        ("none", vec![]),
        ("wrong", vec![("x-hub-signature-256", &bad)]),
        ("two", vec![("x-hub-signature-256", &good), ("x-hub-signature-256", &good)]),
        ("SHA-1 only", vec![("x-hub-signature", sha1)]),
        ("SHA-1 in place of SHA-256", vec![("x-hub-signature-256", sha1)]),
        ("cut", vec![("x-hub-signature-256", truncated)]),
        ("right", vec![("x-hub-signature-256", &good)]),
    ];
    let mut table = String::new();
    for (what, signature) in rows {
        let answer = send(world, &body, &[&usual[..], &signature[..]].concat()).await;
        table.push_str(&format!("{what}: {answer}\n"));
    }
    expect![[r#"
        none: 401 {"error":"signature"}
        wrong: 401 {"error":"signature"}
        two: 401 {"error":"signature"}
        SHA-1 only: 401 {"error":"signature"}
        SHA-1 in place of SHA-256: 401 {"error":"signature"}
        cut: 401 {"error":"signature"}
        right: 202 {"delivery":"g-1"}
    "#]]
    .assert_eq(&table);
    assert_eq!(stored(world).await, 1);
    world.settle().await;
    world.story();
});

/// What is wrong, the event, the body and headers that replace the usual ones.
type Row<'a> = (&'a str, &'a str, &'a str, Vec<(&'a str, &'a str)>);

story!(every_fault_has_its_status_and_nothing_of_it_is_stored, async |world| {
    let body = comment(world, 71, "/asynccoder ping").to_string();
    let no_issue = json!({ "action": "created", "comment": {} }).to_string();
    let json = ("Content-Type", "application/json");
    let rows: [Row<'_>; 12] = [
        ("plain text", "issue_comment", &body, vec![("Content-Type", "text/plain")]),
        ("no content type", "issue_comment", &body, vec![("Content-Type", "")]),
        (
            "a form without payload",
            "issue_comment",
            "a=b",
            vec![("Content-Type", "application/x-www-form-urlencoded")],
        ),
        ("no delivery id", "issue_comment", &body, vec![("X-GitHub-Delivery", "")]),
        ("an odd delivery id", "issue_comment", &body, vec![("X-GitHub-Delivery", "a b")]),
        ("no event", "", &body, vec![("X-GitHub-Event", "")]),
        ("an odd event", "../../etc", &body, vec![]),
        ("no JSON", "issue_comment", "{\"action\":", vec![]),
        ("a list", "issue_comment", "[1, 2]", vec![]),
        ("no body", "issue_comment", "", vec![]),
        ("an event that does not fit", "issue_comment", &no_issue, vec![]),
        ("no action", "issue_comment", "{}", vec![json]),
    ];
    let mut table = String::new();
    for (what, event, body, headers) in rows {
        let (status, answer) =
            world.simulator.deliver_raw(event, "g-1", body.as_bytes(), &headers).await.unwrap();
        table.push_str(&format!("{what}: {status} {answer}\n"));
    }
    expect![[r#"
        plain text: 415 {"error":"content_type"}
        no content type: 415 {"error":"content_type"}
        a form without payload: 415 {"error":"content_type"}
        no delivery id: 400 {"error":"bad_request","reason":"the header x-github-delivery is missing or malformed"}
        an odd delivery id: 400 {"error":"bad_request","reason":"the header x-github-delivery is missing or malformed"}
        no event: 400 {"error":"bad_request","reason":"the header x-github-event is missing or malformed"}
        an odd event: 400 {"error":"bad_request","reason":"the header x-github-event is missing or malformed"}
        no JSON: 400 {"error":"bad_request","reason":"the body is not a JSON object: EOF while parsing a value at line 1 column 10"}
        a list: 400 {"error":"bad_request","reason":"the body is not a JSON object: invalid type: integer `1`, expected a string at line 1 column 2"}
        no body: 400 {"error":"bad_request","reason":"the body is not a JSON object: EOF while parsing a value at line 1 column 0"}
        an event that does not fit: 400 {"error":"bad_request","reason":"the body does not fit the event issue_comment: missing field `id` at line 1 column 32"}
        no action: 400 {"error":"bad_request","reason":"the body does not fit the event issue_comment: no action"}
    "#]].assert_eq(&table);
    assert_eq!(stored(world).await, 0);
});

story!(other_methods_and_large_bodies_are_turned_away, async |world| {
    let url = format!("{}/api/webhooks/github", world.app().url());
    let client = Client::builder().no_proxy().build().unwrap();
    for method in [Method::GET, Method::PUT, Method::DELETE, Method::HEAD] {
        let response = client.request(method, &url).send().await.unwrap();
        assert_eq!(response.status(), 405);
        assert_eq!(response.headers()["allow"], "POST");
    }
    let address = world.app().url().trim_start_matches("http://").to_owned();
    let mut stream = tokio::net::TcpStream::connect(&address).await.unwrap();
    let head = format!(
        "POST /api/webhooks/github HTTP/1.1\r\nHost: {address}\r\nContent-Length: {}\r\n\r\n",
        25 * 1024 * 1024 + 1
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 40];
    stream.read_exact(&mut answer).await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 413 Payload Too Large"), "{}", answer.escape_ascii());
});

story!(what_is_accepted_is_answered_at_once_and_counts_once, async |world| {
    let body = comment(world, 72, "/asynccoder ping").to_string().into_bytes();
    let mut table = String::new();
    for (event, guid, body) in [
        ("ping", "g-0", &b"{\"zen\":\"Keep it simple.\"}"[..]),
        ("issue_comment", "g-1", &body),
        ("issue_comment", "g-1", &body),
        ("issue_comment", "g-2", &body),
        ("issue_comment", "g-3", &b"{\"action\":\"pinned\"}"[..]),
        ("deployment_status", "g-4", &b"{\"action\":\"created\"}"[..]),
        ("issues", "g-5", &b"{}"[..]),
    ] {
        let (status, answer) = world.simulator.deliver_raw(event, guid, body, &[]).await.unwrap();
        table.push_str(&format!("{event} {guid}: {status} {answer}\n"));
    }
    expect![[r#"
        ping g-0: 200 {"pong":true}
        issue_comment g-1: 202 {"delivery":"g-1"}
        issue_comment g-1: 202 {"delivery":"g-1"}
        issue_comment g-2: 202 {"delivery":"g-2"}
        issue_comment g-3: 202 {"delivery":"g-3"}
        deployment_status g-4: 202 {"delivery":"g-4"}
        issues g-5: 400 {"error":"bad_request","reason":"the body does not fit the event issues: no action"}
    "#]]
    .assert_eq(&table);
    world
        .settles_as(expect![[r#"
        asynccoder   #1 I am here. `/asynccoder help` says what I can do.
    "#]])
        .await;
    assert_eq!(stored(world).await, 4);
});

story!(the_same_comment_delivered_many_times_becomes_one_task, async |world| {
    world.model(repo::fixes_the_till());
    let id = world.alice.quietly().comments(&world.issue, "/asynccoder debug");
    let body = comment(world, id, "/asynccoder debug").to_string().into_bytes();
    let deliveries =
        (0..6).map(|n| {
            let (simulator, body) = (world.simulator.clone(), body.clone());
            async move {
                simulator.deliver_raw("issue_comment", &format!("g-{}", n / 2), &body, &[]).await
            }
        });
    for answer in futures::future::join_all(deliveries).await {
        assert_eq!(answer.unwrap().0, 202);
    }
    world
        .settles_as(expect![[r#"
            alice        #1 /asynccoder debug
            asynccoder   #1 :eyes:
            asynccoder   pushes asynccoder/1-t-<short> (src/discount.rs +1 -1)
            asynccoder   opens #2 "Give the discount at exactly 100.00" for main as a draft
            asynccoder   check "Async Coder / debug" success on <sha>
            asynccoder   #1 debug · done: I opened draft pull request #2. [4 steps, 1 credit]
        "#]])
        .await;
});

story!(a_form_is_read_like_json, async |world| {
    let payload = comment(world, 73, "/asynccoder ping").to_string();
    let body: String = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("payload", &payload)
        .finish();
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    let (status, _) =
        world.simulator.deliver_raw("issue_comment", "", body.as_bytes(), &form).await.unwrap();
    assert_eq!(status, 202);
    world
        .settles_as(expect![[r#"
        asynccoder   #1 I am here. `/asynccoder help` says what I can do.
    "#]])
        .await;
});

story!(
    an_old_secret_stays_good_while_it_is_listed,
    Plan::default()
        .with("WEBHOOK_SECRET", "the next webhook secret, a webhook secret for the simulator only"),
    async |world| {
        for secret in ["the next webhook secret", SECRET] {
            let usual = [
                ("content-type", "application/json"),
                ("x-github-event", "star"),
                ("x-github-delivery", secret.split(' ').next().unwrap()),
            ];
            let signature = sign(secret, b"{}");
            let headers = [&usual[..], &[("x-hub-signature-256", signature.as_str())]].concat();
            assert!(send(world, b"{}", &headers).await.starts_with("202 "));
        }
    }
);

story!(programs_do_not_wake_the_bot, async |world| {
    let mut bot = comment(world, 74, "/asynccoder ping");
    bot["sender"]["type"] = json!("Bot");
    let mut through_an_app = comment(world, 75, "/asynccoder ping");
    through_an_app["comment"]["performed_via_github_app"] = json!({ "id": 1 });
    for payload in [bot, through_an_app] {
        let body = payload.to_string().into_bytes();
        let (status, _) =
            world.simulator.deliver_raw("issue_comment", "", &body, &[]).await.unwrap();
        assert_eq!(status, 202);
    }
    world.settles_as(expect![[r#""#]]).await;
});

story!(a_server_that_stops_takes_nothing_new, async |world| {
    let body = comment(world, 76, "/asynccoder ping").to_string().into_bytes();
    let address = world.app().url().trim_start_matches("http://").to_owned();
    let mut stream = tokio::net::TcpStream::connect(&address).await.unwrap();
    let head = format!(
        "POST /api/webhooks/github HTTP/1.1\r\nHost: {address}\r\nContent-Length: {}\r\n\
         Content-Type: application/json\r\nX-GitHub-Event: issue_comment\r\nX-GitHub-Delivery: g-1\r\n\
         X-Hub-Signature-256: {}\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n",
        body.len(),
        sign(SECRET, &body)
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut go_on = [0; 25];
    stream.read_exact(&mut go_on).await.unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    let goes_on = async {
        stream.write_all(&body).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    };
    let ((), answer) = futures::join!(world.stop(), goes_on);
    assert!(answer.starts_with("HTTP/1.1 503 Service Unavailable"), "{answer}");
    assert!(answer.to_lowercase().contains("\r\nretry-after: 10\r\n"), "{answer}");
});
