//! Paths that people change themselves: what runs with their secrets, says who has to agree, or tells
//! programs and agents what to do on other people's machines.

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
