//! Faults, and webhooks on their way.

use std::time::Duration;

use asynccoder::simulator::{At, Effect, Moment, Refusal};
use axum::{Router, extract::State, http::HeaderMap, routing::post};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{REPOSITORY, Set};

#[tokio::test]
async fn replies_are_refused_lost_and_held() -> anyhow::Result<()> {
    let set = Set::start().await?;
    let issue = set.sim.open_issue(REPOSITORY, "alice", "A title", "text")?;
    let token = set.token(Value::Null).await?;
    let path = format!("/repos/{REPOSITORY}/issues/{issue}/comments");
    let at = || At::api("POST", "/comments");
    let refusal = Refusal { status: 502, body: json!({}), headers: Vec::new() };
    set.sim.faults().refuse(at(), 1, refusal);
    let write = |text: &str| set.call(Method::POST, &path, &token, json!({"body": text}));
    assert_eq!(write("refused").await?.0, StatusCode::BAD_GATEWAY);
    assert_eq!(set.sim.comments(REPOSITORY, issue).len(), 0);

    set.sim.faults().lose_reply(at(), 1);
    assert!(write("lost").await.is_err());
    assert_eq!(set.sim.comments(REPOSITORY, issue).len(), 1);

    let gate = set.sim.faults().hold(at(), Moment::BeforeReply);
    let held = write("held");
    let open = async {
        gate.reached().await?;
        assert_eq!(set.sim.comments(REPOSITORY, issue).len(), 2);
        gate.open();
        anyhow::Ok(())
    };
    let (answer, opened) = futures::join!(held, open);
    opened?;
    assert_eq!(answer?.0, StatusCode::CREATED);
    Ok(())
}

#[tokio::test]
async fn webhooks_arrive_signed_and_in_order() -> anyhow::Result<()> {
    let set = Set::start().await?;
    let (sender, mut seen) = mpsc::unbounded_channel();
    let hook = |State(sender): State<mpsc::UnboundedSender<(String, Value)>>,
                headers: HeaderMap,
                body: String| async move {
        let event = headers.get("x-github-event").and_then(|value| value.to_str().ok());
        let payload = serde_json::from_str(&body).unwrap_or_default();
        sender.send((event.unwrap_or_default().to_owned(), payload)).is_ok().to_string()
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/api/webhooks/github", listener.local_addr()?);
    let router = Router::new().route("/api/webhooks/github", post(hook)).with_state(sender);
    tokio::spawn(async move { axum::serve(listener, router).await });

    set.sim.deliveries_idle().await;
    set.sim.deliver_to(&url);
    let issue = set.sim.open_issue(REPOSITORY, "alice", "A title", "text")?;
    set.sim.quietly().comment(REPOSITORY, issue, "alice", "not heard")?;
    set.sim.comment(REPOSITORY, issue, "alice", "/asynccoder help")?;
    let delivered = |effect: &Effect| matches!(effect, Effect::Delivered { status: 200, .. });
    let two = |sim: &asynccoder::simulator::Simulator| {
        let journal = sim.journal();
        journal.iter().filter_map(|entry| entry.effect()).filter(|one| delivered(one)).count() == 2
    };
    set.sim.wait_for(two, Duration::from_mins(1)).await?;
    let first = seen.recv().await.map(|(event, _)| event);
    assert_eq!(first.as_deref(), Some("issues"));
    let (event, payload) = seen.recv().await.unwrap_or_default();
    assert_eq!(event, "issue_comment");
    assert_eq!(payload["comment"]["body"], "/asynccoder help");
    assert_eq!(payload["installation"]["id"], set.installation);
    let (status, _) = set.sim.deliver_raw("ping", "", b"{}", &[]).await?;
    assert_eq!(status, 200);

    let app = set.app_token(540)?;
    let path = "/app/hook/deliveries?status=failure";
    let (_, failed) = set.call(Method::GET, path, &app, Value::Null).await?;
    assert_eq!(failed[0]["event"], "installation");
    let path = format!("/app/hook/deliveries/{}/attempts", failed[0]["id"]);
    let (status, _) = set.call(Method::POST, &path, &app, Value::Null).await?;
    assert_eq!(status, StatusCode::ACCEPTED);
    set.sim.deliveries_idle().await;
    Ok(())
}
