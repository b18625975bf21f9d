//! Trouble by dice is the same trouble for the same seed, and every kind of it looks as it should.

use std::time::Duration;

use asynccoder::simulator::{At, Effect, Mishaps, Rates, Refusal, Spoiled, Storm};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{REPOSITORY, Set};

/// What happens to forty requests under a storm with this seed.
async fn struck(seed: u64) -> anyhow::Result<Vec<String>> {
    let set = Set::start().await?;
    let token = set.token(Value::Null).await?;
    // A limit lasts for a second of the clock: how many requests meet it is no matter of the seed.
    let rates = Rates { delayed: 0, limited: 0, ..Rates::all(80) };
    set.sim.faults().begin_storm(Storm::new(seed, rates));
    let (mut seen, path) = (Vec::new(), format!("/repos/{REPOSITORY}"));
    for _ in 0..40 {
        let answer = set.call(Method::GET, &path, &token, Value::Null);
        seen.push(match answer.await {
            Ok((status, _)) => status.to_string(),
            Err(_) => "broken".to_owned(),
        });
    }
    Ok(seen)
}

#[tokio::test]
async fn a_storm_is_the_same_for_the_same_seed() -> anyhow::Result<()> {
    let (first, again, other) = (struck(1).await?, struck(1).await?, struck(2).await?);
    assert_eq!(first, again);
    assert_ne!(first, other);
    for answer in ["200 OK", "401 Unauthorized", "broken"] {
        assert!(first.iter().chain(&other).any(|seen| seen == answer), "no {answer}: {first:?}");
    }
    assert!(first.iter().any(|seen| seen.starts_with("50")), "{first:?}");
    Ok(())
}

#[tokio::test]
async fn an_effect_can_happen_behind_a_wrong_answer() -> anyhow::Result<()> {
    let set = Set::start().await?;
    let issue = set.sim.open_issue(REPOSITORY, "alice", "A title", "text")?;
    let token = set.token(Value::Null).await?;
    let path = format!("/repos/{REPOSITORY}/issues/{issue}/comments");
    let write = || set.call(Method::POST, &path, &token, json!({"body": "hello"}));
    let at = || At::api("POST", "/comments");
    let faults = set.sim.faults();

    faults.answer_instead(at(), 1, Refusal::unwell(500));
    assert_eq!(write().await?.0, StatusCode::INTERNAL_SERVER_ERROR);
    faults.spoil(at(), 1, Spoiled::Page);
    assert_eq!(write().await?.0, StatusCode::BAD_GATEWAY);
    faults.spoil(at(), 1, Spoiled::Cut);
    assert_eq!(write().await?, (StatusCode::CREATED, Value::Null), "half of it is no JSON");
    faults.spoil(at(), 1, Spoiled::Broken);
    assert!(write().await.is_err(), "the connection broke");
    assert_eq!(set.sim.comments(REPOSITORY, issue).len(), 4, "all of them are there");
    Ok(())
}

#[tokio::test]
async fn a_list_can_lag_and_tokens_can_die() -> anyhow::Result<()> {
    let set = Set::start().await?;
    let issue = set.sim.open_issue(REPOSITORY, "alice", "A title", "text")?;
    let token = set.token(Value::Null).await?;
    let path = format!("/repos/{REPOSITORY}/issues/{issue}/comments");
    let listed = async || {
        let (_, list) = set.call(Method::GET, &path, &token, Value::Null).await?;
        anyhow::Ok(list.as_array().map_or(0, Vec::len))
    };
    set.sim.set_read_lag(Duration::from_hours(1));
    set.sim.comment(REPOSITORY, issue, "alice", "hello")?;
    assert_eq!(listed().await?, 0);
    set.sim.advance(Duration::from_mins(61));
    let token = set.token(Value::Null).await?;
    let (_, list) = set.call(Method::GET, &path, &token, Value::Null).await?;
    assert_eq!(list.as_array().map_or(0, Vec::len), 1);
    set.sim.revoke_tokens();
    let (status, _) = set.call(Method::GET, &path, &token, Value::Null).await?;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    Ok(())
}

#[tokio::test]
async fn webhooks_meet_mishaps() -> anyhow::Result<()> {
    let set = Set::start().await?;
    set.sim.deliver_to(set.sim.models_url());
    set.sim.deliveries_idle().await;
    let issue = set.sim.quietly().open_issue(REPOSITORY, "alice", "A title", "text")?;
    let told = async |mishaps: Mishaps| {
        let before = set.sim.journal().len();
        set.sim.deliver_badly(mishaps);
        set.sim.comment(REPOSITORY, issue, "alice", "one")?;
        set.sim.edit_comment(
            REPOSITORY,
            set.sim.comments(REPOSITORY, issue)[0].id,
            "alice",
            "1",
        )?;
        set.sim.deliveries_idle().await;
        let journal = set.sim.journal();
        let told = journal.iter().skip(before).filter_map(|entry| match entry.effect()? {
            Effect::Delivered { action, guid, status, .. } => {
                Some((action.clone().unwrap_or_default(), guid.clone(), *status))
            }
            _ => None,
        });
        anyhow::Ok(told.collect::<Vec<_>>())
    };
    let actions = |told: &[(String, String, u16)]| {
        told.iter().map(|(action, _, _)| action.clone()).collect::<Vec<_>>().join(" ")
    };
    let (plain, always) = (Mishaps::default(), 1000);
    assert_eq!(actions(&told(plain).await?), "created edited");
    let doubled = told(Mishaps { doubled: always, ..plain }).await?;
    assert_eq!(actions(&doubled), "created created edited edited");
    assert_eq!(doubled[0].1, doubled[1].1, "the same number");
    let replayed = told(Mishaps { replayed: always, ..plain }).await?;
    assert_eq!(actions(&replayed), "created created edited edited");
    assert_ne!(replayed[0].1, replayed[1].1, "another number");
    assert_eq!(actions(&told(Mishaps { overtaken: always, ..plain }).await?), "edited created");
    let missed = told(Mishaps { missed: always, ..plain }).await?;
    assert_eq!(missed.iter().map(|(_, _, status)| *status).collect::<Vec<_>>(), [502, 502]);
    Ok(())
}
