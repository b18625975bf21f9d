//! The repositories: bare ones on disk, handled by the git program.
//!
//! Every process gets a clean environment. Nothing here knows about accounts or permissions.

mod changes;
pub(crate) mod http;

use std::{
    io::Write as _,
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context as _, bail};
use chrono::{DateTime, Utc};

pub(crate) use self::changes::Change;
use super::world::{Account, Size};

/// Refuses pushes that GitHub would refuse; told by the environment what is forbidden.
const UPDATE_HOOK: &str = r#"#!/bin/sh
case "
$SIMULATOR_PROTECTED
" in *"
$1
"*)
    echo "error: GH006: Protected branch update failed for $1." >&2
    echo "reason: protected branch hook declined" >&2
    exit 1;;
esac
case "$3" in *[!0]*) ;; *) exit 0;; esac
if [ -z "$SIMULATOR_WORKFLOWS" ]; then
    touched=$(git log --format= --name-only "$3" --not --all -- .github/workflows | head -n 1)
    if [ -n "$touched" ]; then
        echo "reason: refusing to allow a GitHub App to create or update workflow \`$touched\` without \`workflows\` permission" >&2
        exit 1
    fi
fi
exit 0
"#;

#[derive(Debug)]
pub(crate) struct Git {
    folder: PathBuf,
}

/// A commit to make.
pub(crate) struct Draft<'a> {
    pub(crate) branch: &'a str,
    pub(crate) parent: Option<&'a str>,
    pub(crate) author: &'a Account,
    pub(crate) message: &'a str,
    pub(crate) at: DateTime<Utc>,
    /// No content deletes the file.
    pub(crate) files: &'a [(String, Option<Vec<u8>>)],
}

impl Git {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    pub(crate) fn path(&self, repository: u64) -> PathBuf {
        self.folder.join(format!("{repository}.git"))
    }

    /// Creates an empty repository.
    pub(crate) fn create(&self, repository: u64, default_branch: &str) -> anyhow::Result<()> {
        let path = self.path(repository);
        std::fs::create_dir_all(&path)?;
        let branch = format!("--initial-branch={default_branch}");
        self.run(repository, &["init", "--quiet", "--bare", "--template=", &branch])?;
        for (key, value) in [
            ("http.receivepack", "true"),
            ("receive.hideRefs", "refs/pull"),
            ("uploadpack.allowAnySHA1InWant", "true"),
            ("uploadpack.allowFilter", "true"),
            ("gc.auto", "0"),
            ("core.hooksPath", "hooks"),
        ] {
            self.run(repository, &["config", key, value])?;
        }
        std::fs::create_dir_all(path.join("hooks"))?;
        let hook = path.join("hooks/update");
        std::fs::write(&hook, UPDATE_HOOK)?;
        make_executable(&hook)
    }

    /// Adds a commit to a branch and says its name.
    pub(crate) fn commit(&self, repository: u64, draft: &Draft<'_>) -> anyhow::Result<String> {
        let reference = format!("refs/heads/{}", draft.branch);
        let Account { id, login, .. } = draft.author;
        let who = format!(
            "{login} <{id}+{login}@users.noreply.github.com> {} +0000",
            draft.at.timestamp()
        );
        let mut stream =
            format!("commit {reference}\nauthor {who}\ncommitter {who}\n").into_bytes();
        append_data(&mut stream, draft.message.as_bytes())?;
        if let Some(parent) = draft.parent {
            writeln!(stream, "from {parent}")?;
        }
        for (path, content) in draft.files {
            match content {
                Some(content) => {
                    writeln!(stream, "M 100644 inline {path}")?;
                    append_data(&mut stream, content)?;
                }
                None => writeln!(stream, "D {path}")?,
            }
        }
        self.feed(repository, &["fast-import", "--quiet", "--date-format=raw"], &stream)?;
        self.resolve(repository, &reference).context("the commit is not there")
    }

    /// The commit a name stands for.
    pub(crate) fn resolve(&self, repository: u64, revision: &str) -> Option<String> {
        if revision.is_empty() || revision.starts_with('-') {
            return None;
        }
        let commit = format!("{revision}^{{commit}}");
        let answer = self.text(repository, &["rev-parse", "--verify", "--quiet", &commit]).ok()?;
        Some(answer.trim().to_owned()).filter(|sha| !sha.is_empty())
    }

    /// The value of a full ref name.
    pub(crate) fn reference(&self, repository: u64, name: &str) -> Option<String> {
        let answer = self.text(repository, &["show-ref", "--verify", "--hash", name]).ok()?;
        Some(answer.trim().to_owned()).filter(|sha| !sha.is_empty())
    }

    /// What a commit, a branch or a tag stands for in an API path.
    pub(crate) fn commit_of(&self, repository: u64, name: &str) -> Option<String> {
        self.reference(repository, &format!("refs/heads/{name}"))
            .or_else(|| self.resolve(repository, name))
    }

    pub(crate) fn branches(&self, repository: u64) -> anyhow::Result<Vec<(String, String)>> {
        let format = "--format=%(refname:lstrip=2) %(objectname)";
        let list = self.text(repository, &["for-each-ref", format, "refs/heads"])?;
        let pairs = list.lines().filter_map(|line| line.split_once(' '));
        Ok(pairs.map(|(name, sha)| (name.to_owned(), sha.to_owned())).collect())
    }

    pub(crate) fn set_reference(
        &self,
        repository: u64,
        name: &str,
        sha: &str,
    ) -> anyhow::Result<()> {
        self.run(repository, &["update-ref", name, sha])?;
        Ok(())
    }

    /// Takes objects and refs from another repository.
    pub(crate) fn take(&self, repository: u64, from: u64, what: &str) -> anyhow::Result<()> {
        let path = self.path(from);
        let path = path.to_str().context("the folder's name is not text")?;
        self.run(repository, &["fetch", "--quiet", path, what])?;
        Ok(())
    }

    pub(crate) fn is_ancestor(&self, repository: u64, old: &str, new: &str) -> bool {
        self.run(repository, &["merge-base", "--is-ancestor", old, new]).is_ok()
    }

    /// How much lies between the place where two commits parted and the second.
    pub(crate) fn size(&self, repository: u64, base: &str, head: &str) -> anyhow::Result<Size> {
        let count = self.text(repository, &["rev-list", "--count", &format!("{base}..{head}")])?;
        let stat = self.text(repository, &["diff", "--numstat", &format!("{base}...{head}")])?;
        let mut size = Size { commits: count.trim().parse()?, ..Size::default() };
        for line in stat.lines() {
            let mut numbers = line.split('\t').map(|number| number.parse().unwrap_or(0));
            size.files += 1;
            size.additions += numbers.next().unwrap_or(0);
            size.deletions += numbers.next().unwrap_or(0);
        }
        Ok(size)
    }

    pub(crate) fn text(&self, repository: u64, arguments: &[&str]) -> anyhow::Result<String> {
        let output = self.run(repository, arguments)?;
        Ok(String::from_utf8_lossy(&output).into_owned())
    }

    pub(crate) fn run(&self, repository: u64, arguments: &[&str]) -> anyhow::Result<Vec<u8>> {
        self.feed(repository, arguments, b"")
    }

    /// A git process that sees nothing but its repository.
    pub(crate) fn command(&self, repository: u64) -> Command {
        let path = self.path(repository);
        let mut command = Command::new("git");
        command.env_clear().current_dir(&path).env("GIT_DIR", &path).env("HOME", &self.folder);
        command.env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
        command.env("LC_ALL", "C.UTF-8").env("TZ", "UTC");
        command
    }

    fn feed(&self, repository: u64, arguments: &[&str], input: &[u8]) -> anyhow::Result<Vec<u8>> {
        let mut command = self.command(repository);
        command.args(arguments).stdin(Stdio::piped());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(input)?;
        }
        let output = child.wait_with_output()?;
        if !output.status.success() {
            bail!("git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(output.stdout)
    }
}

fn append_data(stream: &mut Vec<u8>, data: &[u8]) -> std::io::Result<()> {
    writeln!(stream, "data {}", data.len())?;
    stream.extend_from_slice(data);
    stream.push(b'\n');
    Ok(())
}

#[cfg(unix)]
fn make_executable(path: &std::path::Path) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))?;
    Ok(())
}
