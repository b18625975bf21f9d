//! The environment of a command: nothing of ours is in it.

use std::path::PathBuf;

/// Where programs are looked for.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What every command finds in its environment, and nothing else is in it.
pub(super) fn environment(
    home: &str,
    temporary: &str,
    toolchains: &[PathBuf],
) -> Vec<(String, String)> {
    let tools = toolchains.iter().map(|folder| folder.join("bin").display().to_string());
    let path = tools.chain([PATH.to_owned()]).collect::<Vec<_>>().join(":");
    let usual = [
        ("CI", "1"),
        ("LANG", "C.UTF-8"),
        ("TERM", "dumb"),
        ("NO_COLOR", "1"),
        ("PAGER", "cat"),
        ("MANPAGER", "cat"),
        ("LESS", "-R"),
        ("PIP_PROGRESS_BAR", "off"),
        ("TQDM_DISABLE", "1"),
        ("GIT_TERMINAL_PROMPT", "0"),
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("CARGO_NET_OFFLINE", "true"),
        ("CARGO_TERM_COLOR", "never"),
    ];
    let usual = usual.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let own = [("HOME", home), ("TMPDIR", temporary), ("PATH", &path)];
    let own = own.map(|(name, value)| (name.to_owned(), value.to_owned()));
    usual.into_iter().chain(own).collect()
}
