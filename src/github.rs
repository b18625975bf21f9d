//! The GitHub REST API, through octocrab.
//!
//! One call here is one request, tried once: whether and when it is tried again is decided by
//! whoever called, because only they know what a second try would double. octocrab's own retries
//! are switched off, since they repeat requests that create something.

pub(crate) mod account;
pub(crate) mod changes;
pub(crate) mod checks;
pub(crate) mod contents;
pub(crate) mod error;
pub(crate) mod issues;
mod limits;
mod marketplace;
pub(crate) mod pulls;
pub(crate) mod redelivery;
pub(crate) mod repositories;
mod review_threads;
pub(crate) mod reviews;
pub(crate) mod thread;
mod token;

use crate::config::Config;
use crate::domain::ids::{InstallationId, RepoName, RepositoryId};
use anyhow::Context;
use error::GitHubError;
use http::header::{ACCEPT, HeaderName, HeaderValue, USER_AGENT};
use limits::Limits;
use octocrab::service::middleware::base_uri::BaseUriLayer;
use octocrab::service::middleware::extra_headers::ExtraHeadersLayer;
use octocrab::service::middleware::reqwest_connector::ReqwestConnector;
use octocrab::{AuthState, Octocrab, OctocrabBuilder};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use std::time::Duration;
use token::Tokens;
use tokio::sync::OnceCell;

pub(crate) use token::Purpose;

/// GitHub itself gives up after ten seconds.
const CALL_LIMIT: Duration = Duration::from_secs(20);
/// The version of the API that the code was written for.
/// <https://docs.github.com/rest/about-the-rest-api/api-versions>
const API_VERSION: &str = "2022-11-28";

/// The API as the App sees it.
#[derive(Clone)]
pub(crate) struct GitHub {
    plain: Octocrab,
    /// The same for GraphQL, which a GitHub Enterprise Server has beside its REST API.
    graph: Octocrab,
    tokens: Tokens,
    limits: Limits,
    app_id: u64,
    bot: Arc<OnceCell<account::Bot>>,
}

/// A client that acts for somebody.
struct Client {
    crab: Octocrab,
    /// Who has to wait when GitHub asks to; `None` for the App itself.
    installation: Option<InstallationId>,
}

/// A repository and the installation through which it is reached.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) installation: InstallationId,
    pub(crate) repository: RepositoryId,
    pub(crate) name: RepoName,
}

impl GitHub {
    /// Must be called inside a tokio runtime: octocrab starts a task of its own.
    pub(crate) fn new(config: &Config, http: reqwest::Client) -> anyhow::Result<Self> {
        let rest = config.github_api.as_str();
        let beside = rest.trim_end_matches('/').strip_suffix("/v3").unwrap_or(rest);
        let (plain, graph) = (crab(rest, http.clone())?, crab(beside, http)?);
        let tokens = Tokens::new(config.app.id, &config.app.key)?;
        Ok(Self {
            plain,
            graph,
            tokens,
            limits: Limits::default(),
            app_id: config.app.id,
            bot: Arc::default(),
        })
    }

    /// The App's id: what we wrote carries it.
    pub(crate) fn app_id(&self) -> u64 {
        self.app_id
    }

    /// Reads something. `parameters` become the query.
    async fn get<T: octocrab::FromResponse>(
        &self,
        client: &Client,
        route: &str,
        parameters: &[(&str, &str)],
    ) -> Result<T, GitHubError> {
        self.limited(client, client.crab.get(route, Some(parameters))).await
    }

    async fn post<B: Serialize + Sync, T: DeserializeOwned>(
        &self,
        client: &Client,
        route: &str,
        body: &B,
    ) -> Result<T, GitHubError> {
        self.limited(client, client.crab.post(route, Some(body))).await
    }

    async fn patch<B: Serialize + Sync, T: DeserializeOwned>(
        &self,
        client: &Client,
        route: &str,
        body: &B,
    ) -> Result<T, GitHubError> {
        self.limited(client, client.crab.patch(route, Some(body))).await
    }

    /// A client with a token for one purpose in one repository.
    async fn acting_in(&self, place: &Place, purpose: Purpose) -> Result<Client, GitHubError> {
        let token = self.tokens.get(self, place, purpose).await?;
        let crab = self.plain.user_access_token(token)?;
        Ok(Client { crab, installation: Some(place.installation) })
    }

    /// The same for GraphQL.
    async fn graph_in(&self, place: &Place, purpose: Purpose) -> Result<Client, GitHubError> {
        let token = self.tokens.get(self, place, purpose).await?;
        let crab = self.graph.user_access_token(token)?;
        Ok(Client { crab, installation: Some(place.installation) })
    }

    /// A call, within its time, and not before a limit ends.
    async fn limited<T>(
        &self,
        client: &Client,
        call: impl Future<Output = octocrab::Result<T>>,
    ) -> Result<T, GitHubError> {
        self.limits.check(client.installation)?;
        let answer = match tokio::time::timeout(CALL_LIMIT, call).await {
            Ok(answer) => answer.map_err(GitHubError::from),
            Err(_) => Err(GitHubError::Unwell(format!("no answer within {CALL_LIMIT:?}"))),
        };
        if let Err(GitHubError::Limited(wait)) = &answer {
            self.limits.note(client.installation, *wait);
        }
        answer
    }
}

/// A client without a token. It asks once: octocrab's own retries would post twice.
fn crab(base: &str, http: reqwest::Client) -> anyhow::Result<Octocrab> {
    let headers = vec![
        (USER_AGENT, HeaderValue::from_static(concat!("asynccoder/", env!("CARGO_PKG_VERSION")))),
        (ACCEPT, HeaderValue::from_static("application/vnd.github+json")),
        (HeaderName::from_static("x-github-api-version"), HeaderValue::from_static(API_VERSION)),
    ];
    let crab = OctocrabBuilder::new_empty()
        .with_service(ReqwestConnector::new(http))
        .with_layer(&BaseUriLayer::new(base.parse()?))
        .with_layer(&ExtraHeadersLayer::new(Arc::new(headers)))
        .with_auth(AuthState::None)
        .build()?;
    Ok(crab)
}

/// One client below everything that speaks HTTP. It follows no redirect: a POST that is turned into
/// a GET, or a token that is sent to another host, would do harm in silence. It goes through no proxy
/// that the environment names, as little as git does: half of a server behind one would be worse.
pub(crate) fn http_client() -> anyhow::Result<reqwest::Client> {
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .connect_timeout(Duration::from_secs(5))
        .pool_idle_timeout(Duration::from_secs(30))
        .build();
    client.context(
        "no HTTP client: are the system's CA certificates installed (package ca-certificates)?",
    )
}

const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A part of a path, encoded.
fn segment(text: &str) -> String {
    utf8_percent_encode(text, SEGMENT).to_string()
}

/// A name with slashes, each part encoded.
fn segments(text: &str) -> String {
    text.split('/').map(segment).collect::<Vec<_>>().join("/")
}

impl Place {
    /// `/repos/{owner}/{name}` and what follows.
    fn route(&self, rest: &str) -> String {
        format!("/repos/{}/{}{rest}", segment(&self.name.owner), segment(&self.name.name))
    }
}
