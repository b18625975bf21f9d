//! Who may do what: people by their role, tokens by their permissions.

use anyhow::Context as _;

use super::Repository;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    None,
    Read,
    Triage,
    Write,
    Maintain,
    Admin,
}

impl Role {
    const ALL: [Self; 6] =
        [Self::None, Self::Read, Self::Triage, Self::Write, Self::Maintain, Self::Admin];

    pub(crate) fn parse(name: &str) -> anyhow::Result<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|role| role.name() == name).with_context(|| format!("no role {name}"))
    }

    /// `role_name`
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Read => "read",
            Self::Triage => "triage",
            Self::Write => "write",
            Self::Maintain => "maintain",
            Self::Admin => "admin",
        }
    }

    /// `permission`, which knows four words only.
    pub(crate) fn legacy_name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Read | Self::Triage => "read",
            Self::Write | Self::Maintain => "write",
            Self::Admin => "admin",
        }
    }
}

/// What somebody may do, as GitHub counts it.
pub(crate) fn role(repository: &Repository, login: &str) -> Role {
    if repository.owner.eq_ignore_ascii_case(login) {
        return Role::Admin;
    }
    let base = if repository.private { Role::None } else { Role::Read };
    let given = repository.roles.get(&login.to_lowercase()).copied();
    given.map_or(base, |role| role.max(base))
}

/// Whether a grant `have` covers what is needed.
pub(crate) fn covers(have: Option<&String>, need: &str) -> bool {
    fn rank(level: &str) -> u8 {
        match level {
            "read" => 1,
            "write" => 2,
            "admin" => 3,
            _ => 9,
        }
    }
    have.is_some_and(|have| rank(have) >= rank(need))
}
