//! What owners and buyers do: the Marketplace answers the App alone, and a token does not reach what was
//! taken away.

use super::{REPOSITORY, Set};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

#[tokio::test]
async fn the_marketplace_answers_the_app_alone() -> anyhow::Result<()> {
    let set = Set::start().await?;
    let app = set.app_token(540)?;
    let get = async |path: &str, token: &str| set.call(Method::GET, path, token, Value::Null).await;
    let plans = "/marketplace_listing/plans";
    assert_eq!(get(plans, &app).await?.0, StatusCode::NOT_FOUND, "it is not listed");

    set.sim.list_on_marketplace(&[("Free", 0), ("Pro", 900)]);
    let token = set.token(json!({})).await?;
    assert_eq!(get(plans, &token).await?.0, StatusCode::UNAUTHORIZED);
    let (_, listed) = get(plans, &app).await?;
    assert_eq!(listed.pointer("/1/name"), Some(&json!("Pro")));
    let buyer = set.sim.add_organization("initech");
    let account = format!("/marketplace_listing/accounts/{buyer}");
    assert_eq!(get(&account, &app).await?.0, StatusCode::NOT_FOUND, "it has bought nothing");
    set.sim.buy("initech", "Pro")?;
    let (status, bought) = get(&account, &app).await?;
    assert_eq!((status, &bought["login"]), (StatusCode::OK, &json!("initech")));
    let purchase = &bought["marketplace_purchase"];
    assert_eq!(purchase["plan"]["monthly_price_in_cents"], 900);
    assert!(purchase["next_billing_date"].is_string(), "{purchase}");
    let of_plan = format!("{plans}/{}/accounts", listed[1]["id"]);
    assert_eq!(get(&of_plan, &app).await?.1[0]["id"], buyer);
    set.sim.cancel_plan("initech")?;
    assert_eq!(get(&account, &app).await?.0, StatusCode::NOT_FOUND);
    Ok(())
}

#[tokio::test]
async fn a_token_does_not_reach_a_repository_that_was_taken_away() -> anyhow::Result<()> {
    let set = Set::start().await?;
    let token = set.token(json!({})).await?;
    let path = format!("/repos/{REPOSITORY}");
    let status = async || anyhow::Ok(set.call(Method::GET, &path, &token, Value::Null).await?.0);
    assert_eq!(status().await?, StatusCode::OK);
    set.sim.choose_repository(REPOSITORY, false)?;
    assert_eq!(status().await?, StatusCode::NOT_FOUND);
    assert!(set.token(json!({"repositories": ["calculator"]})).await.is_err(), "none is minted");
    set.sim.choose_repository(REPOSITORY, true)?;
    assert_eq!(status().await?, StatusCode::OK);
    Ok(())
}

#[tokio::test]
async fn a_draft_is_not_merged_and_a_merged_one_not_opened_again() -> anyhow::Result<()> {
    let set = Set::start().await?;
    set.sim.commit_as(REPOSITORY, "alice", "better", &[("README.md", Some("better\n"))])?;
    let (title, head) = ("Better".to_owned(), "better".to_owned());
    let opening = asynccoder::simulator::Opening { title, head, draft: true, ..Default::default() };
    let number = set.sim.open_pull_request(REPOSITORY, "alice", &opening)?;
    assert!(set.sim.merge(REPOSITORY, number, "alice").is_err());
    set.sim.set_draft(REPOSITORY, number, "alice", false)?;
    set.sim.merge(REPOSITORY, number, "alice")?;
    assert!(set.sim.close(REPOSITORY, number, "alice", false).is_err());
    Ok(())
}
