//! Identities: one newtype each, so that an account can never be passed where a repository is meant.
//!
//! GitHub's own ids are numbers that never change; logins and names may change at any time and are
//! carried only to be shown and to build a request.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! number_id {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

macro_rules! uuid_id {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }
    };
}

number_id!(
    /// A GitHub account: a person or an organization.
    AccountId
);
number_id!(
    /// One installation of the App on an account. A reinstallation gets a new one.
    InstallationId
);
number_id!(
    /// A repository, whatever its name is today.
    RepositoryId
);
uuid_id!(
    /// What somebody asked for, once.
    CommandId
);
uuid_id!(
    /// A piece of work that a command became.
    TaskId
);
uuid_id!(
    /// Something to be done on GitHub exactly once.
    ActId
);
uuid_id!(
    /// Something on GitHub that always shows our latest state.
    DocumentId
);

impl TaskId {
    /// The last eight hex digits. Of a UUID v7 the first ones are the time and hardly differ.
    pub fn short(self) -> String {
        let hex = self.0.simple().to_string();
        hex.chars().skip(24).collect()
    }
}

/// A fencing number: it grows with every claim, and a write that carries an old one changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Lease(pub i64);

/// The name of a repository today: `owner/name`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RepoName {
    /// The login of the account that owns it.
    pub owner: String,
    /// The name below the owner.
    pub name: String,
}

impl std::fmt::Display for RepoName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.owner, self.name)
    }
}

/// The object id of a git commit or tree: forty lower-case hex digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Sha(String);

impl Sha {
    /// Takes an object id; anything else is `None`, so that a `Sha` is always safe in an argument list.
    pub fn parse(text: &str) -> Option<Self> {
        let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        (text.len() == 40 && text.bytes().all(hex)).then(|| Self(text.to_owned()))
    }

    /// The forty digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first seven digits, as people write it.
    pub fn short(&self) -> &str {
        self.0.get(..7).unwrap_or(&self.0)
    }
}

impl std::fmt::Display for Sha {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}

impl<'de> Deserialize<'de> for Sha {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        Sha::parse(&text).ok_or_else(|| serde::de::Error::custom("not a commit id"))
    }
}
