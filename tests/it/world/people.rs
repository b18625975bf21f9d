//! People: what they do is sudden, and whether they may is for the bot to find out.

use super::REPOSITORY;
use asynccoder::simulator::{Opening, Simulator};

/// GitHub's own numbers.
#[derive(Clone, Copy)]
pub(crate) struct Ids {
    pub(crate) owner: u64,
    pub(crate) repository: u64,
    pub(crate) installation: u64,
}

/// An issue or a pull request.
#[derive(Clone, Debug)]
pub(crate) struct Issue {
    pub(crate) repository: String,
    pub(crate) number: u64,
}

/// Somebody with an account.
pub(crate) struct Person {
    pub(crate) login: String,
    /// GitHub's number of the account.
    pub(crate) id: u64,
    simulator: Simulator,
}

impl Person {
    pub(crate) fn new(simulator: &Simulator, login: &str) -> Self {
        Self {
            login: login.to_owned(),
            id: simulator.add_user(login),
            simulator: simulator.clone(),
        }
    }

    /// The same person; GitHub sends no webhook about what they do.
    pub(crate) fn quietly(&self) -> Self {
        Self::new(&self.simulator.quietly(), &self.login)
    }

    /// Opens an issue in the usual repository.
    pub(crate) fn opens(&self, title: &str, body: &str) -> Issue {
        self.opens_in(REPOSITORY, title, body)
    }

    pub(crate) fn opens_in(&self, repository: &str, title: &str, body: &str) -> Issue {
        let number = self.simulator.open_issue(repository, &self.login, title, body).unwrap();
        Issue { repository: repository.to_owned(), number }
    }

    /// Comments, and says the comment's id.
    pub(crate) fn comments(&self, on: &Issue, text: &str) -> u64 {
        self.simulator.comment(&on.repository, on.number, &self.login, text).unwrap()
    }

    /// Commits one file to a branch.
    pub(crate) fn commits(&self, branch: &str, path: &str, text: &str) -> String {
        let files = [(path, Some(text))];
        self.simulator.commit_as(REPOSITORY, &self.login, branch, &files).unwrap()
    }

    /// Opens a pull request for a branch of the usual repository.
    pub(crate) fn proposes(&self, branch: &str, title: &str) -> Issue {
        self.proposes_with(branch, title, "")
    }

    pub(crate) fn proposes_with(&self, branch: &str, title: &str, body: &str) -> Issue {
        let (title, head, body) = (title.to_owned(), branch.to_owned(), body.to_owned());
        let opening = Opening { title, head, body, ..Opening::default() };
        let number = self.simulator.open_pull_request(REPOSITORY, &self.login, &opening).unwrap();
        Issue { repository: REPOSITORY.to_owned(), number }
    }
}
