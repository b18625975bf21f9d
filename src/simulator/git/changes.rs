//! What a pull request changes, file by file.

use super::Git;

/// One changed file.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) path: String,
    /// What it was called before.
    pub(crate) former_path: Option<String>,
    pub(crate) status: &'static str,
    pub(crate) blob: String,
    pub(crate) additions: u64,
    pub(crate) deletions: u64,
    /// Absent for binary files.
    pub(crate) patch: Option<String>,
}

impl Git {
    /// The files changed since two commits parted.
    pub(crate) fn changes(&self, id: u64, base: &str, head: &str) -> anyhow::Result<Vec<Change>> {
        let range = format!("{base}...{head}");
        let raw = ["diff", "--raw", "--find-renames", "--no-abbrev", "-z", &range];
        let raw = self.text(id, &raw)?;
        let mut fields = raw.split('\0');
        let mut changes = Vec::new();
        while let (Some(facts), Some(path)) = (fields.next(), fields.next()) {
            let is_renamed = facts.rsplit(' ').next().is_some_and(|word| word.starts_with('R'));
            let renamed_to = if is_renamed { fields.next() } else { None };
            let paths = (renamed_to.map(|_| path), renamed_to.unwrap_or(path));
            changes.push(self.change(id, &range, facts, paths)?);
        }
        Ok(changes)
    }

    fn change(
        &self,
        id: u64,
        range: &str,
        facts: &str,
        (former_path, path): (Option<&str>, &str),
    ) -> anyhow::Result<Change> {
        let mut facts = facts.split(' ').skip(2);
        let (old, new) = (facts.next().unwrap_or_default(), facts.next().unwrap_or_default());
        let (status, blob) = match facts.next() {
            Some("A") => ("added", new),
            Some("D") => ("removed", old),
            Some(word) if word.starts_with('R') => ("renamed", new),
            _ => ("modified", new),
        };
        let literal = |path: &str| format!(":(literal){path}");
        let (path_only, former) = (literal(path), literal(former_path.unwrap_or(path)));
        let arguments = ["diff", "--no-color", "--find-renames", range, "--", &path_only, &former];
        let text = self.text(id, &arguments)?;
        let hunks = text.find("\n@@ ").and_then(|at| text.get(at + 1..));
        let count = |sign: char| {
            let lines = hunks.unwrap_or_default().lines();
            lines.filter(|line| line.starts_with(sign)).count() as u64
        };
        Ok(Change {
            path: path.to_owned(),
            former_path: former_path.map(str::to_owned),
            status,
            blob: blob.to_owned(),
            additions: count('+'),
            deletions: count('-'),
            patch: hunks.map(|hunks| hunks.trim_end_matches('\n').to_owned()),
        })
    }
}
