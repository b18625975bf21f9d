//! The REST API.

use asynccoder::simulator::{Limits, Opening, RepositoryOptions};
use reqwest::{Method, StatusCode};
use serde::Deserialize as _;
use serde_json::{Value, json};

use super::{REPOSITORY, Set};

#[tokio::test]
async fn an_app_token_is_checked_before_a_token_is_minted() -> anyhow::Result<()> {
    let set = Set::start().await?;
    let path = format!("/app/installations/{}/access_tokens", set.installation);
    let (status, body) = set.call(Method::POST, &path, &set.app_token(700)?, json!({})).await?;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert_eq!(body["message"], "'Expiration time' claim ('exp') is too far in the future");
    let wish = json!({"permissions": {"administration": "write"}});
    let (status, _) = set.call(Method::POST, &path, &set.app_token(540)?, wish).await?;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let token = set.token(json!({"repositories": ["calculator"]})).await?;
    assert!(token.starts_with("ghs_"));
    let (status, app) = set.call(Method::GET, "/app", &set.app_token(540)?, Value::Null).await?;
    assert_eq!((status, &app["slug"]), (StatusCode::OK, &json!("asynccoder")));
    Ok(())
}

#[tokio::test]
async fn a_comment_is_written_edited_and_reacted_to() -> anyhow::Result<()> {
    let set = Set::start().await?;
    let issue = set.sim.open_issue(REPOSITORY, "alice", "add() subtracts", "See title.")?;
    let asked = set.sim.comment(REPOSITORY, issue, "alice", "/asynccoder fix this")?;
    let token = set.token(json!({"permissions": {"issues": "write"}})).await?;
    let base = format!("/repos/{REPOSITORY}/issues");

    let path = format!("{base}/comments/{asked}/reactions");
    let eyes = json!({"content": "eyes"});
    let (first, _) = set.call(Method::POST, &path, &token, eyes.clone()).await?;
    let (again, _) = set.call(Method::POST, &path, &token, eyes).await?;
    assert_eq!((first, again), (StatusCode::CREATED, StatusCode::OK));
    assert_eq!(set.sim.reactions(asked), [("asynccoder[bot]".to_owned(), "eyes".to_owned())]);

    let path = format!("{base}/{issue}/comments");
    let (status, comment) = set.call(Method::POST, &path, &token, json!({"body": "On it"})).await?;
    assert_eq!(status, StatusCode::CREATED);
    octocrab::models::issues::Comment::deserialize(&comment)?;
    let edit = format!("{base}/comments/{}", comment["id"]);
    set.call(Method::PATCH, &edit, &token, json!({"body": "Done"})).await?;
    let bodies: Vec<String> =
        set.sim.comments(REPOSITORY, issue).into_iter().map(|comment| comment.body).collect();
    assert_eq!(bodies, ["/asynccoder fix this", "Done"]);

    let (status, body) =
        set.call(Method::POST, &path, &token, json!({"body": "x", "typo": 1})).await?;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(body["message"], "Invalid request.\n\n\"typo\" is not a permitted key.");
    Ok(())
}

#[tokio::test]
async fn a_token_reaches_only_what_it_was_given() -> anyhow::Result<()> {
    let set = Set::start().await?;
    let token = set.token(json!({"permissions": {"contents": "read"}})).await?;
    let runs = format!("/repos/{REPOSITORY}/check-runs");
    let (status, body) = set.call(Method::POST, &runs, &token, json!({})).await?;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert_eq!(body["message"], "Resource not accessible by integration");
    let path = format!("/repos/{REPOSITORY}/contents/src/lib.rs");
    let (status, file) = set.call(Method::GET, &path, &token, Value::Null).await?;
    assert_eq!((status, &file["type"]), (StatusCode::OK, &json!("file")));
    let path = format!("/repos/{REPOSITORY}/collaborators/alice/permission");
    let (_, body) = set.call(Method::GET, &path, &token, Value::Null).await?;
    assert_eq!((&body["permission"], &body["role_name"]), (&json!("write"), &json!("maintain")));
    set.sim.advance(std::time::Duration::from_secs(3601));
    let (status, _) = set.call(Method::GET, &path, &token, Value::Null).await?;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    Ok(())
}

#[tokio::test]
async fn a_check_run_obeys_its_limits() -> anyhow::Result<()> {
    let set = Set::start().await?;
    let token = set.token(Value::Null).await?;
    let sha = set.sim.branches(REPOSITORY).remove("main");
    let runs = format!("/repos/{REPOSITORY}/check-runs");
    let new = json!({"name": "Async Coder / debug", "head_sha": sha, "status": "in_progress"});
    let (status, run) = set.call(Method::POST, &runs, &token, new).await?;
    assert_eq!(status, StatusCode::CREATED, "{run}");
    octocrab::models::checks::CheckRun::deserialize(&run)?;
    let path = format!("{runs}/{}", run["id"]);
    let (status, _) =
        set.call(Method::PATCH, &path, &token, json!({"status": "completed"})).await?;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let done = json!({"conclusion": "success", "output": {"title": "t", "summary": "s",
        "annotations": [{"path": "src/lib.rs", "start_line": 1, "end_line": 1,
            "annotation_level": "notice", "message": "m"}]}});
    let (status, run) = set.call(Method::PATCH, &path, &token, done).await?;
    assert_eq!((status, &run["status"]), (StatusCode::OK, &json!("completed")), "{run}");
    let path = format!(
        "/repos/{REPOSITORY}/commits/main/check-runs?check_name=Async%20Coder%20%2F%20debug"
    );
    let (_, list) = set.call(Method::GET, &path, &token, Value::Null).await?;
    assert_eq!(list["total_count"], 1);
    Ok(())
}

#[tokio::test]
async fn octocrab_understands_every_object() -> anyhow::Result<()> {
    let set = Set::start().await?;
    let number = set.sim.open_issue(REPOSITORY, "alice", "A title", "")?;
    let token = set.token(Value::Null).await?;
    let base = format!("/repos/{REPOSITORY}");
    let get = async |path: String| {
        let (status, body) = set.call(Method::GET, &path, &token, Value::Null).await?;
        anyhow::ensure!(status == StatusCode::OK, "{path}: {status}");
        Ok(body)
    };
    let issue = octocrab::models::issues::Issue::deserialize(
        get(format!("{base}/issues/{number}")).await?,
    )?;
    assert_eq!((issue.number, issue.body), (number, None));
    let repository = octocrab::models::Repository::deserialize(get(base.clone()).await?)?;
    assert_eq!(repository.default_branch.as_deref(), Some("main"));
    octocrab::models::repos::Branch::deserialize(get(format!("{base}/branches/main")).await?)?;
    octocrab::models::repos::Ref::deserialize(get(format!("{base}/git/ref/heads/main")).await?)?;
    octocrab::models::repos::RepoCommit::deserialize(get(format!("{base}/commits/main")).await?)?;
    octocrab::models::repos::Content::deserialize(
        get(format!("{base}/contents/src/lib.rs")).await?,
    )?;
    octocrab::models::InstallationRepositories::deserialize(
        get("/installation/repositories".into()).await?,
    )?;
    octocrab::models::Author::deserialize(get("/users/asynccoder%5Bbot%5D".into()).await?)?;
    octocrab::models::RateLimit::deserialize(get("/rate_limit".into()).await?)?;
    let app = set.app_token(540)?;
    let (_, body) = set.call(Method::GET, "/app", &app, Value::Null).await?;
    octocrab::models::App::deserialize(body)?;
    let (_, body) = set.call(Method::GET, "/app/installations", &app, Value::Null).await?;
    Vec::<octocrab::models::Installation>::deserialize(body)?;
    let path = format!("/app/installations/{}/access_tokens", set.installation);
    let wish = json!({"repositories": ["calculator"], "permissions": {"checks": "write"}});
    let (_, body) = set.call(Method::POST, &path, &app, wish).await?;
    octocrab::models::InstallationToken::deserialize(body)?;
    set.sim.deliveries_idle().await;
    let (_, body) = set.call(Method::GET, "/app/hook/deliveries", &app, Value::Null).await?;
    Vec::<octocrab::models::hooks::Delivery>::deserialize(body)?;
    Ok(())
}

#[tokio::test]
async fn limits_routes_and_stopping() -> anyhow::Result<()> {
    let set = Set::start().await?;
    let issue = set.sim.open_issue(REPOSITORY, "alice", "A title", "")?;
    let token = set.token(Value::Null).await?;
    let (status, _) = set.call(Method::GET, "/no/such/route", &token, Value::Null).await?;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let journal = set.sim.journal();
    let last = journal.iter().filter_map(|entry| entry.request()).next_back();
    assert!(last.is_some_and(|request| request.note.starts_with("unknown route")));
    let old = RepositoryOptions { archived: true, ..RepositoryOptions::default() };
    set.sim.add_repository("acme/old", old)?;
    let path = "/repos/acme/old/issues/1/comments";
    let (status, body) = set.call(Method::POST, path, &token, json!({"body": "c"})).await?;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert_eq!(body["message"], "Repository was archived so is read-only.");
    assert_eq!(set.sim.refusals().len(), 2);
    // The write that was refused counts too.
    set.sim.set_limits(Limits { writes_a_minute: 2, ..Limits::default() });
    let path = format!("/repos/{REPOSITORY}/issues/{issue}/comments");
    let (first, _) = set.call(Method::POST, &path, &token, json!({"body": "a"})).await?;
    let (second, body) = set.call(Method::POST, &path, &token, json!({"body": "b"})).await?;
    assert_eq!((first, second), (StatusCode::CREATED, StatusCode::FORBIDDEN), "{body}");
    let (inside, _) = set.call(Method::GET, &path, &token, Value::Null).await?;
    assert_eq!(
        inside,
        StatusCode::FORBIDDEN,
        "whoever was told to wait has to wait with everything"
    );
    set.sim.stop().await;
    assert!(set.call(Method::GET, "/rate_limit", &token, Value::Null).await.is_err());
    Ok(())
}

#[tokio::test]
async fn a_pull_request_from_a_fork_names_the_fork() -> anyhow::Result<()> {
    let set = Set::start().await?;
    set.sim.add_user("bob");
    let fork = set.sim.fork(REPOSITORY, "bob")?;
    set.sim.commit_as(&fork, "bob", "better", &[("src/lib.rs", Some("// better\n"))])?;
    let (title, head) = ("Better".to_owned(), "bob:better".to_owned());
    let opening = Opening { title, head, ..Opening::default() };
    let number = set.sim.open_pull_request(REPOSITORY, "bob", &opening)?;
    let token = set.token(Value::Null).await?;
    let path = format!("/repos/{REPOSITORY}/pulls/{number}");
    let (_, pull) = set.call(Method::GET, &path, &token, Value::Null).await?;
    assert_eq!(pull["head"]["repo"]["full_name"], "bob/calculator");
    assert_eq!(pull["base"]["repo"]["full_name"], "acme/calculator");
    set.sim.merge(REPOSITORY, number, "alice")?;
    let merged: Vec<bool> =
        set.sim.pull_requests(REPOSITORY).iter().map(|pull| pull.merged).collect();
    assert_eq!(merged, [true]);
    Ok(())
}
