//! Tokens: the App's own, signed here, and the installation's, minted for one purpose in one
//! repository, so that a token which leaks can do as little as possible.

use super::error::GitHubError;
use super::{Client, GitHub, Place};
use crate::domain::ids::{InstallationId, RepositoryId};
use chrono::{DateTime, Utc};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use moka::future::Cache;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// GitHub accepts at most ten minutes; clocks differ.
const JWT_LIFE: i64 = 540;
/// An installation's token lives an hour; it is not used in its last minutes.
const MARGIN: chrono::TimeDelta = chrono::TimeDelta::minutes(5);

/// What a token is for. Each purpose has exactly the permissions it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Purpose {
    /// Read the repository with git.
    Fetch,
    /// Push to it.
    Push,
    /// Comment, react, open pull requests.
    Talk,
    /// Write check runs.
    Check,
    /// Find out what a command may do.
    Admission,
}

impl Purpose {
    const ALL: [Self; 5] = [Self::Fetch, Self::Push, Self::Talk, Self::Check, Self::Admission];

    fn permissions(self) -> serde_json::Value {
        match self {
            Purpose::Fetch => serde_json::json!({ "contents": "read" }),
            Purpose::Push => serde_json::json!({ "contents": "write" }),
            Purpose::Talk => serde_json::json!({ "issues": "write", "pull_requests": "write" }),
            Purpose::Check => serde_json::json!({ "checks": "write" }),
            Purpose::Admission => serde_json::json!({ "metadata": "read", "contents": "read" }),
        }
    }

    /// The same for people.
    fn in_words(self) -> &'static str {
        match self {
            Purpose::Fetch | Purpose::Admission => "the permission `contents: read`",
            Purpose::Push => "the permission `contents: write`",
            Purpose::Talk => "the permissions `issues: write` and `pull_requests: write`",
            Purpose::Check => "the permission `checks: write`",
        }
    }
}

type Key = (InstallationId, RepositoryId, Purpose);

/// Tokens that were minted and still live.
#[derive(Clone)]
pub(super) struct Tokens {
    app_id: u64,
    key: Arc<EncodingKey>,
    minted: Cache<Key, Arc<Minted>>,
}

struct Minted {
    token: SecretString,
    expires_at: DateTime<Utc>,
}

/// Forgets a token some minutes before GitHub does.
struct UntilExpiry;

impl moka::Expiry<Key, Arc<Minted>> for UntilExpiry {
    fn expire_after_create(&self, _: &Key, minted: &Arc<Minted>, _: Instant) -> Option<Duration> {
        Some((minted.expires_at - Utc::now() - MARGIN).to_std().unwrap_or_default())
    }
}

#[derive(Serialize)]
struct Claims {
    iss: String,
    iat: i64,
    exp: i64,
}

#[derive(Deserialize)]
struct Answer {
    token: String,
    expires_at: DateTime<Utc>,
}

impl Tokens {
    pub(super) fn new(app_id: u64, key: &SecretString) -> anyhow::Result<Self> {
        let key = Arc::new(EncodingKey::from_rsa_pem(key.expose_secret().as_bytes())?);
        let minted = Cache::builder().max_capacity(10_000).expire_after(UntilExpiry).build();
        Ok(Self { app_id, key, minted })
    }

    /// A token for a purpose. However many ask at once, it is minted once.
    pub(super) async fn get(
        &self,
        github: &GitHub,
        place: &Place,
        purpose: Purpose,
    ) -> Result<SecretString, GitHubError> {
        let key = (place.installation, place.repository, purpose);
        let minted = self.minted.try_get_with(key, self.mint(github, place, purpose)).await;
        minted.map(|m| m.token.clone()).map_err(|error| (*error).clone())
    }

    async fn mint(
        &self,
        github: &GitHub,
        place: &Place,
        purpose: Purpose,
    ) -> Result<Arc<Minted>, GitHubError> {
        let route = format!("/app/installations/{}/access_tokens", place.installation);
        let wanted = serde_json::json!({ "repository_ids": [place.repository], "permissions": purpose.permissions() });
        let answer: Result<Answer, _> = github.post(&github.as_app()?, &route, &wanted).await;
        let answer = match answer {
            // GitHub does not say which of the permissions is missing.
            Err(GitHubError::Lacks(_)) => {
                return Err(GitHubError::Lacks(purpose.in_words().to_owned()));
            }
            answer => answer?,
        };
        Ok(Arc::new(Minted { token: answer.token.into(), expires_at: answer.expires_at }))
    }

    fn jwt(&self) -> Result<SecretString, GitHubError> {
        let now = Utc::now().timestamp();
        // A minute back, because GitHub refuses a time of issue that lies in its own future.
        let claims = Claims { iss: self.app_id.to_string(), iat: now - 60, exp: now + JWT_LIFE };
        let signed = jsonwebtoken::encode(&Header::new(Algorithm::RS256), &claims, &self.key);
        signed.map(SecretString::from).map_err(|e| {
            GitHubError::Unauthorized(format!("the App's token could not be signed: {e}"))
        })
    }
}

impl GitHub {
    /// A client that acts as the App itself.
    pub(super) fn as_app(&self) -> Result<Client, GitHubError> {
        let crab = self.plain.user_access_token(self.tokens.jwt()?)?;
        Ok(Client { crab, installation: None })
    }

    /// A token for git.
    pub(crate) async fn git_token(
        &self,
        place: &Place,
        purpose: Purpose,
    ) -> Result<SecretString, GitHubError> {
        self.tokens.get(self, place, purpose).await
    }

    /// Forgets a token that GitHub did not accept, so that the next call mints a new one.
    pub(crate) async fn forget_tokens(&self, place: &Place) {
        for purpose in Purpose::ALL {
            self.tokens.minted.invalidate(&(place.installation, place.repository, purpose)).await;
        }
    }
}
