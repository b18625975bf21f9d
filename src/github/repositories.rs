//! Repositories: their state, their branches, and who may do what in them.

use super::error::GitHubError;
use super::{GitHub, Place, Purpose, segment, segments};
use crate::domain::ids::{RepoName, Sha};
use crate::domain::policy::Permission;
use serde::Deserialize;

/// A repository now.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Repository {
    pub(crate) archived: bool,
    pub(crate) default_branch: String,
}

#[derive(Deserialize)]
struct Named {
    name: String,
    owner: Owner,
}

#[derive(Deserialize)]
struct Owner {
    login: String,
}

/// Where a branch is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Branch {
    At(Sha),
    Missing,
    /// The repository has no commit at all.
    EmptyRepository,
}

#[derive(Deserialize)]
struct Guarded {
    protected: bool,
}

#[derive(Deserialize)]
struct Collaborator {
    permission: String,
    user: Option<User>,
}

#[derive(Deserialize)]
struct User {
    id: i64,
}

#[derive(Deserialize)]
struct Reference {
    object: Object,
}

#[derive(Deserialize)]
struct Object {
    sha: Sha,
}

impl GitHub {
    /// What a person may do. Somebody who has taken over the login since counts as nobody, and so
    /// does everyone about whom GitHub says something that we do not know.
    pub(crate) async fn permission(
        &self,
        place: &Place,
        login: &str,
        id: i64,
    ) -> Result<Permission, GitHubError> {
        match self.permission_told(place, login, id).await {
            Err(GitHubError::NotFound(_)) => {}
            told => return told,
        }
        // A new token finds nothing for a moment: it is believed once it has found the repository.
        self.repository(place).await?;
        match self.permission_told(place, login, id).await {
            Err(GitHubError::NotFound(_)) => Ok(Permission::None),
            told => told,
        }
    }

    async fn permission_told(
        &self,
        place: &Place,
        login: &str,
        id: i64,
    ) -> Result<Permission, GitHubError> {
        let client = self.acting_in(place, Purpose::Admission).await?;
        let route = place.route(&format!("/collaborators/{}/permission", segment(login)));
        let told: Collaborator = self.get(&client, &route, &[]).await?;
        let is_them = told.user.as_ref().is_some_and(|user| user.id == id);
        let permission = told.permission.parse().ok().filter(|_| is_them);
        Ok(permission.unwrap_or(Permission::None))
    }

    /// The repository now.
    pub(crate) async fn repository(&self, place: &Place) -> Result<Repository, GitHubError> {
        let client = self.acting_in(place, Purpose::Admission).await?;
        self.get(&client, &place.route(""), &[]).await
    }

    /// Where a repository is today, asked for by what never changes: the address to which GitHub sends
    /// on whoever asks for an old name.
    pub(crate) async fn name_today(&self, place: &Place) -> Result<RepoName, GitHubError> {
        let client = self.acting_in(place, Purpose::Admission).await?;
        let route = format!("/repositories/{}", place.repository);
        let named: Named = self.get(&client, &route, &[]).await?;
        Ok(RepoName { owner: named.owner.login, name: named.name })
    }

    /// Whether people have put a branch under protection.
    pub(crate) async fn is_protected(
        &self,
        place: &Place,
        branch: &str,
    ) -> Result<bool, GitHubError> {
        let client = self.acting_in(place, Purpose::Admission).await?;
        let route = place.route(&format!("/branches/{}", segments(branch)));
        let guarded: Guarded = self.get(&client, &route, &[]).await?;
        Ok(guarded.protected)
    }

    /// Where a branch is now. An empty repository answers 409.
    pub(crate) async fn branch(&self, place: &Place, name: &str) -> Result<Branch, GitHubError> {
        let client = self.acting_in(place, Purpose::Admission).await?;
        let route = place.route(&format!("/git/ref/heads/{}", segments(name)));
        let answer: Result<Reference, _> = self.get(&client, &route, &[]).await;
        match answer {
            Ok(reference) => Ok(Branch::At(reference.object.sha)),
            Err(GitHubError::NotFound(_)) => Ok(Branch::Missing),
            Err(GitHubError::Refused { status: 409, .. }) => Ok(Branch::EmptyRepository),
            Err(other) => Err(other),
        }
    }
}
