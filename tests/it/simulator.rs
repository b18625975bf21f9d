//! The simulator behaves like GitHub and a model service, seen through ordinary clients.

mod faults;
mod git;
mod model;
mod owners;
mod rest;
mod sdks;
mod storms;
mod wires;

use anyhow::{Context as _, ensure};
use asynccoder::simulator::{Options, RepositoryOptions, Simulator};
use chrono::Utc;
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

const REPOSITORY: &str = "acme/calculator";

/// A simulator with one repository, one person, the App installed, and a client of the API.
struct Set {
    sim: Simulator,
    client: Client,
    installation: u64,
}

impl Set {
    async fn start() -> anyhow::Result<Self> {
        let sim = Simulator::start(Options::default()).await?;
        sim.add_user("alice");
        let code = b"pub fn add(a: i32, b: i32) -> i32 {\n    a - b\n}\n".to_vec();
        let files = vec![("src/lib.rs".to_owned(), code)];
        sim.add_repository(REPOSITORY, RepositoryOptions { files, ..Default::default() })?;
        sim.set_permission(REPOSITORY, "alice", "maintain")?;
        let installation = sim.install("acme")?;
        let client = Client::builder().user_agent("test").no_proxy().build()?;
        Ok(Self { sim, client, installation })
    }

    fn app_token(&self, lifetime: i64) -> anyhow::Result<String> {
        let app = self.sim.credentials();
        let now = Utc::now().timestamp();
        let claims = json!({"iat": now - 60, "exp": now + lifetime, "iss": app.app_id});
        let key = jsonwebtoken::EncodingKey::from_rsa_pem(app.private_key_pem.as_bytes())?;
        let header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::RS256);
        Ok(jsonwebtoken::encode(&header, &claims, &key)?)
    }

    /// An installation token, narrowed as the body says.
    async fn token(&self, wish: Value) -> anyhow::Result<String> {
        let path = format!("/app/installations/{}/access_tokens", self.installation);
        let app = self.app_token(540)?;
        let (status, body) = self.call(Method::POST, &path, &app, wish).await?;
        ensure!(status == StatusCode::CREATED, "{status} {body}");
        let token = body.get("token").and_then(Value::as_str);
        Ok(token.context("no token")?.to_owned())
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        token: &str,
        body: Value,
    ) -> anyhow::Result<(StatusCode, Value)> {
        let url = format!("{}{path}", self.sim.api_url());
        let mut request = self.client.request(method, url).bearer_auth(token);
        if !body.is_null() {
            request = request.json(&body);
        }
        let response = request.send().await?;
        let status = response.status();
        Ok((status, serde_json::from_slice(&response.bytes().await?).unwrap_or_default()))
    }
}
