//! Single files, at a commit.

use super::error::GitHubError;
use super::{Client, GitHub, Place, Purpose, segment, segments};
use crate::domain::ids::{InstallationId, Sha};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::json;

/// The repository in which an account keeps what holds for all of its repositories.
pub(crate) const OF_ACCOUNT: &str = ".github";

/// A file; a folder is a list, and has no content.
#[derive(Deserialize)]
#[serde(untagged)]
enum Content {
    File { content: String, encoding: String },
    Other(serde::de::IgnoredAny),
}

#[derive(Deserialize)]
struct Installed {
    id: InstallationId,
}

#[derive(Deserialize)]
struct Minted {
    token: SecretString,
}

impl GitHub {
    /// The bytes of a file, if there is one that is not enormous.
    pub(crate) async fn file(
        &self,
        place: &Place,
        path: &str,
        at: &Sha,
    ) -> Result<Option<Vec<u8>>, GitHubError> {
        let client = self.acting_in(place, Purpose::Admission).await?;
        let route = place.route(&format!("/contents/{}", segments(path)));
        self.content(&client, &route, &[("ref", at.as_str())]).await
    }

    /// The bytes of a file of the account's own `.github` repository, on its default branch. Whatever
    /// keeps us out of there is as if it were not there.
    pub(crate) async fn file_of_account(
        &self,
        installation: InstallationId,
        owner: &str,
        path: &str,
    ) -> Result<Option<Vec<u8>>, GitHubError> {
        // Most accounts have no such repository, and a token for one that is not there is an error.
        let repository = format!("/repos/{}/{OF_ACCOUNT}", segment(owner));
        let app = self.as_app()?;
        let there: Result<Installed, _> =
            self.get(&app, &format!("{repository}/installation"), &[]).await;
        match there {
            Ok(Installed { id }) if id == installation => {}
            Ok(_) => return Ok(None),
            Err(error) => return absent(error),
        }
        let route = format!("/app/installations/{installation}/access_tokens");
        let wanted = json!({
            "repositories": [OF_ACCOUNT],
            "permissions": { "metadata": "read", "contents": "read" },
        });
        let minted: Result<Minted, _> = self.post(&app, &route, &wanted).await;
        let token = match minted {
            Ok(Minted { token }) => token,
            Err(error) => return absent(error),
        };
        let crab = self.plain.user_access_token(token)?;
        let client = Client { crab, installation: Some(installation) };
        let route = format!("{repository}/contents/{}", segments(path));
        self.content(&client, &route, &[]).await.or_else(absent)
    }

    async fn content(
        &self,
        client: &Client,
        route: &str,
        parameters: &[(&str, &str)],
    ) -> Result<Option<Vec<u8>>, GitHubError> {
        let answer: Content = match self.get(client, route, parameters).await {
            Err(GitHubError::NotFound(_)) => return Ok(None),
            answer => answer?,
        };
        // What is larger than a megabyte comes without its content.
        let Content::File { content, encoding } = answer else { return Ok(None) };
        if encoding != "base64" {
            return Ok(None);
        }
        let text: String = content.split_ascii_whitespace().collect();
        let bytes = STANDARD.decode(text);
        bytes
            .map(Some)
            .map_err(|error| GitHubError::Unwell(format!("a file is no base64: {error}")))
    }
}

/// Nothing, where GitHub says that there is nothing for us.
fn absent(error: GitHubError) -> Result<Option<Vec<u8>>, GitHubError> {
    match error {
        GitHubError::NotFound(_)
        | GitHubError::Forbidden(_)
        | GitHubError::Lacks(_)
        | GitHubError::Moved
        | GitHubError::Refused { status: 422, .. } => Ok(None),
        GitHubError::Unauthorized(_)
        | GitHubError::Suspended
        | GitHubError::Limited(_)
        | GitHubError::Refused { .. }
        | GitHubError::Unwell(_) => Err(error),
    }
}
