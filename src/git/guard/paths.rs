//! Paths that people change themselves: what runs with their secrets, says who has to agree, or tells
//! programs and agents what to do on other people's machines.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

/// A folder or a file, in lower case, and what it is.
const THEIRS: &[(&str, &str)] = &[
    (".github/workflows/", "a workflow; those run with your secrets"),
    (".github/actions/", "an action; those run with your secrets"),
    (".github/codeowners", "the list of who has to agree to a change"),
    ("docs/codeowners", "the list of who has to agree to a change"),
    ("codeowners", "the list of who has to agree to a change"),
    (".gitmodules", "the list of foreign repositories that are checked out with this one"),
    (".husky/", "a hook; those run on the machines of everybody who commits"),
    (".githooks/", "a hook; those run on the machines of everybody who commits"),
    (".github/asynccoder.toml", "my own configuration"),
    (".github/copilot-instructions.md", "what agents are told to do here"),
    (".github/instructions/", "what agents are told to do here"),
    (".claude/", "what agents are told to do here"),
    (".cursor/", "what agents are told to do here"),
    (".mcp.json", "what agents are told to do here"),
    ("agents.md", "what agents are told to do here"),
    ("claude.md", "what agents are told to do here"),
];

/// Why a path may not be changed, if so.
pub(super) fn forbidden(path: &str) -> Option<String> {
    let lower = path.to_lowercase();
    let is_theirs = |(theirs, _): &&(&str, &str)| match theirs.strip_suffix('/') {
        Some(_) => lower.starts_with(theirs),
        None => lower == *theirs,
    };
    // What agents are told may stand in any folder.
    let is_guidance = |name: &str| lower.ends_with(name);
    if let Some((_, what)) = THEIRS.iter().find(is_theirs) {
        return Some(format!("`{path}` is {what}, so people change it"));
    }
    if is_guidance("/agents.md") || is_guidance("/claude.md") {
        return Some(format!("`{path}` is what agents are told to do here, so people change it"));
    }
    (path.chars().any(char::is_control) || path.starts_with('/') || path.split('/').any(is_odd))
        .then(|| format!("`{}` is not a path that I may write", path.escape_debug()))
}

/// What a repository's own configuration closes to us.
pub(super) struct Protected(Option<GlobSet>);

impl Protected {
    /// A pattern that closes a folder closes all that is in it; one that cannot be read closes everything,
    /// because nobody knows what was meant.
    pub(super) fn new(patterns: &[String]) -> Self {
        let mut set = GlobSetBuilder::new();
        for pattern in patterns {
            let whole = pattern.trim_end_matches('/');
            for pattern in [whole.to_owned(), format!("{whole}/**")] {
                let mut glob = GlobBuilder::new(&pattern);
                match glob.literal_separator(true).case_insensitive(true).build() {
                    Ok(glob) => set.add(glob),
                    Err(_) => return Self(None),
                };
            }
        }
        Self(set.build().ok())
    }

    pub(super) fn forbids(&self, path: &str) -> Option<String> {
        let is_closed = self.0.as_ref().is_none_or(|set| set.is_match(path));
        is_closed.then(|| {
            format!("`{path}` is protected by this repository's configuration, so people change it")
        })
    }
}

/// Whether some system would take this name for git's own folder, or for a way out of the tree.
fn is_odd(part: &str) -> bool {
    let plain: String =
        part.chars().filter(char::is_ascii_graphic).collect::<String>().to_ascii_lowercase();
    let plain = plain.trim_end_matches('.');
    part.is_empty()
        || part == "."
        || part == ".."
        || plain == ".git"
        || plain.starts_with("git~")
        || plain.starts_with(".git:")
}
