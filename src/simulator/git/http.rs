//! git over HTTP: the three requests of the smart protocol, for real repositories.
//!
//! The git program does the work; this file decides who may fetch or push and what is refused.
//! git's first try without credentials is answered with 401 and not recorded.

mod admission;
mod packets;

use std::{process::Stdio, sync::Arc};

use anyhow::Context as _;
use axum::{
    Router,
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, State},
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tower_http::decompression::RequestDecompressionLayer;

use self::admission::{admit, identify};
use crate::simulator::{
    acts::{Stage, push::Move},
    faults::Crossing,
    github::Identity,
    hub::Hub,
    journal::{Auth, Request, Wall},
    wire::Arrived,
    world::Grant,
};

pub(crate) fn router(hub: Arc<Hub>) -> Router {
    Router::new()
        .fallback(serve)
        .layer(RequestDecompressionLayer::new())
        .layer(DefaultBodyLimit::disable())
        .with_state(hub)
}

/// What git wants of a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Service {
    Fetch,
    Push,
}

impl Service {
    fn program(self) -> &'static str {
        match self {
            Self::Fetch => "upload-pack",
            Self::Push => "receive-pack",
        }
    }

    fn level(self) -> &'static str {
        match self {
            Self::Fetch => "read",
            Self::Push => "write",
        }
    }
}

/// A request that makes sense.
struct Wish {
    repository: String,
    service: Service,
    advertise: bool,
    protocol: String,
}

/// A refusal: status and text.
type Refused = (StatusCode, String);

async fn serve(State(hub): State<Arc<Hub>>, mut arrived: Arrived) -> Response {
    if !arrived.headers.contains_key(header::AUTHORIZATION) {
        return refuse(StatusCode::UNAUTHORIZED, "Authentication required.");
    }
    let crossing = Crossing {
        wall: Wall::Git,
        method: arrived.method.as_str(),
        path: &arrived.path(),
        door: arrived.cord.door(),
    };
    let mut trouble = hub.faults.take(&crossing);
    trouble.arrive().await;
    if trouble.torn {
        arrived.body.truncate(arrived.body.len() / 2);
    }
    let grant = identify(&hub, &arrived.headers);
    let sequence = record(&hub, &arrived, grant.as_ref());
    let response = if let Some(refusal) = trouble.refusal.take() {
        hub.journal.answered(sequence, refusal.status, false, "planned fault");
        let status = StatusCode::from_u16(refusal.status);
        refuse(status.unwrap_or(StatusCode::BAD_GATEWAY), &refusal.body.to_string())
    } else {
        let answer = answer(&hub, &arrived, grant).await;
        let (status, note) = match &answer {
            Ok(_) => (200, ""),
            Err((status, why)) => (status.as_u16(), why.as_str()),
        };
        hub.journal.answered(sequence, status, status >= 400, note);
        answer.unwrap_or_else(|(status, why)| refuse(status, &why))
    };
    trouble.leave(response, &arrived.cord).await
}

async fn answer(
    hub: &Arc<Hub>,
    arrived: &Arrived,
    grant: Option<Grant>,
) -> Result<Response, Refused> {
    let not_found = || (StatusCode::NOT_FOUND, "Repository not found.".to_owned());
    let wish = wish(arrived).ok_or_else(not_found)?;
    let no_credentials = || (StatusCode::UNAUTHORIZED, "Invalid username or token.".to_owned());
    let grant = grant.ok_or_else(no_credentials)?;
    let id = admit(hub, &wish, &grant)?;
    let broken = |error: anyhow::Error| (StatusCode::INTERNAL_SERVER_ERROR, format!("{error:#}"));
    let output = if wish.service == Service::Push && !wish.advertise {
        push(hub, id, &wish, &grant, &arrived.body).await.map_err(broken)?
    } else {
        run(hub, id, &wish, Vec::new(), &arrived.body).await.map_err(broken)?
    };
    let part = if wish.advertise { "advertisement" } else { "result" };
    let kind = format!("application/x-git-{}-{part}", wish.service.program());
    let headers = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-cache".to_owned())];
    Ok((headers, Body::from(output)).into_response())
}

fn wish(arrived: &Arrived) -> Option<Wish> {
    let uri = &arrived.uri;
    let path = uri.path().trim_start_matches('/');
    let (repository, rest) = ["/info/refs", "/git-upload-pack", "/git-receive-pack"]
        .into_iter()
        .find_map(|end| Some((path.strip_suffix(end)?, end)))?;
    let query = uri.query().unwrap_or_default();
    let (service, advertise) = match (arrived.method.as_str(), rest, query) {
        ("GET", "/info/refs", "service=git-upload-pack") => (Service::Fetch, true),
        ("GET", "/info/refs", "service=git-receive-pack") => (Service::Push, true),
        ("POST", "/git-upload-pack", "") => (Service::Fetch, false),
        ("POST", "/git-receive-pack", "") => (Service::Push, false),
        _ => return None,
    };
    let protocol = arrived.headers.get("git-protocol").and_then(|value| value.to_str().ok());
    Some(Wish {
        repository: repository.trim_end_matches(".git").to_owned(),
        service,
        advertise,
        protocol: protocol.unwrap_or_default().to_owned(),
    })
}

fn record(hub: &Hub, arrived: &Arrived, grant: Option<&Grant>) -> u64 {
    let known = grant.map(|grant| Identity::Token(Box::new(grant.clone())).auth(&hub.world()));
    hub.journal.request(Request {
        wall: Wall::Git,
        method: arrived.method.to_string(),
        path: arrived.path(),
        status: 0,
        auth: known.unwrap_or(Auth::Bad),
        body: Value::Null,
        refused: false,
        note: String::new(),
    })
}

/// Receives a push and tells the world what has really moved.
async fn push(
    hub: &Arc<Hub>,
    id: u64,
    wish: &Wish,
    grant: &Grant,
    body: &Bytes,
) -> anyhow::Result<Vec<u8>> {
    let protected = hub.world().repository(id)?.protected.clone();
    let protected: Vec<String> =
        protected.iter().map(|name| format!("refs/heads/{name}")).collect();
    let workflows = if grant.permissions.contains_key("workflows") { "allowed" } else { "" };
    let forbidden = vec![
        ("SIMULATOR_PROTECTED", protected.join("\n")),
        ("SIMULATOR_WORKFLOWS", workflows.to_owned()),
    ];
    let mut wanted = packets::commands(body);
    // A branch that is there already is not moved by a push that is refused.
    wanted.retain(|moved| hub.git.reference(id, &moved.reference) != moved.new);
    let output = run(hub, id, wish, forbidden, body).await?;
    let at_work = Arc::clone(hub);
    tokio::task::spawn_blocking(move || {
        let mut world = at_work.world();
        world.quiet = false;
        let actor = &at_work.app.bot_login;
        let mut stage = Stage { hub: &at_work, world: &mut world, repository: id, actor };
        for moved in wanted {
            moved_indeed(&mut stage, &moved)?;
        }
        anyhow::Ok(())
    })
    .await??;
    Ok(packets::with_reasons(&output))
}

fn moved_indeed(stage: &mut Stage<'_>, moved: &Move) -> anyhow::Result<()> {
    let now = stage.hub.git.reference(stage.repository, &moved.reference);
    if now == moved.new && moved.old != moved.new {
        stage.pushed(moved)?;
    }
    Ok(())
}

async fn run(
    hub: &Hub,
    id: u64,
    wish: &Wish,
    environment: Vec<(&str, String)>,
    input: &[u8],
) -> anyhow::Result<Vec<u8>> {
    let program = wish.service.program();
    let mut command = hub.git.command(id);
    command.arg(program).arg("--stateless-rpc").envs(environment);
    if wish.advertise {
        command.arg("--http-backend-info-refs");
    }
    if !wish.protocol.is_empty() {
        command.env("GIT_PROTOCOL", &wish.protocol);
    }
    command.arg(".").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = tokio::process::Command::from(command).kill_on_drop(true).spawn()?;
    let mut stdin = child.stdin.take().context("git has no input")?;
    let feed = async move {
        // git may stop reading early, when it has refused.
        if stdin.write_all(input).await.is_err() {
            tracing::debug!("git closed its input");
        }
    };
    let (output, ()) = futures::join!(child.wait_with_output(), feed);
    let output = output?;
    let mut answer = Vec::new();
    if wish.advertise && !wish.protocol.contains("version=2") {
        answer.extend(packets::packet(format!("# service=git-{program}\n").as_bytes()));
        answer.extend(b"0000");
    }
    answer.extend(output.stdout);
    Ok(answer)
}

fn refuse(status: StatusCode, why: &str) -> Response {
    let kind = (header::CONTENT_TYPE, "text/plain; charset=utf-8".to_owned());
    if status == StatusCode::UNAUTHORIZED {
        let ask = (header::WWW_AUTHENTICATE, "Basic realm=\"GitHub\"".to_owned());
        return (status, [kind, ask], why.to_owned()).into_response();
    }
    (status, [kind], why.to_owned()).into_response()
}
