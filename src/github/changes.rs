//! What became of a file between two commits.

use super::error::GitHubError;
use super::{GitHub, Place, Purpose};
use crate::domain::ids::Sha;
use serde::Deserialize;

/// GitHub compares so many files and leaves out the others.
/// <https://docs.github.com/rest/commits/commits#compare-two-commits>
const MOST_COMPARED: usize = 300;

/// What became of a file since a commit left another one's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Became {
    /// Nothing.
    Same,
    /// It is there, and different. No bytes: it is none that can be read.
    Changed(Option<Vec<u8>>),
    /// It is not there any more.
    Removed,
}

#[derive(Deserialize)]
struct Comparison {
    merge_base_commit: Commit,
    #[serde(default)]
    files: Vec<Changed>,
}

#[derive(Deserialize)]
struct Commit {
    sha: Sha,
}

#[derive(Deserialize)]
struct Changed {
    filename: String,
    status: String,
    previous_filename: Option<String>,
}

impl GitHub {
    /// What became of a file since `head` left the history of `base`. Where it is the same, one request
    /// says so, unless hundreds of files are not.
    pub(crate) async fn became(
        &self,
        place: &Place,
        path: &str,
        (base, head): (&Sha, &Sha),
    ) -> Result<Became, GitHubError> {
        let client = self.acting_in(place, Purpose::Admission).await?;
        let route = place.route(&format!("/compare/{base}...{head}"));
        // The files are all on the first page; of the commits none is needed.
        let comparison: Comparison = self.get(&client, &route, &[("per_page", "1")]).await?;
        let of_path = comparison.files.iter().find(|file| file.filename == path);
        let was_moved = comparison.files.iter().any(|file| {
            file.status == "renamed" && file.previous_filename.as_deref() == Some(path)
        });
        match of_path {
            Some(file) if file.status == "removed" => Ok(Became::Removed),
            Some(_) => Ok(Became::Changed(self.file(place, path, head).await?)),
            None if was_moved => Ok(Became::Removed),
            None if comparison.files.len() < MOST_COMPARED => Ok(Became::Same),
            None => {
                self.became_of_many(place, path, (&comparison.merge_base_commit.sha, head)).await
            }
        }
    }

    /// The same where GitHub does not name all files.
    async fn became_of_many(
        &self,
        place: &Place,
        path: &str,
        (before, after): (&Sha, &Sha),
    ) -> Result<Became, GitHubError> {
        let was = self.file(place, path, before).await?;
        let is = self.file(place, path, after).await?;
        Ok(match is {
            is if is == was => Became::Same,
            Some(bytes) => Became::Changed(Some(bytes)),
            None => Became::Removed,
        })
    }
}
