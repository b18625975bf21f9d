//! The one place that starts git.
//!
//! Every call says where the git directory is, starts from an empty environment and switches off
//! everything through which a repository could run code: hooks, file system monitors, filters,
//! external diffs, helpers. Every call has a time limit and a limit on what it may print.

use super::error::{GitError, explain};
use secrecy::{ExposeSecret, SecretString};
use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use url::Url;

/// For work on this machine.
const LOCAL_LIMIT: Duration = Duration::from_mins(2);
/// For fetches and pushes.
const NETWORK_LIMIT: Duration = Duration::from_mins(10);
/// The most that is read of what git prints.
const OUTPUT_LIMIT: u64 = 64 * 1024 * 1024;
/// Older versions lack what the settings below rely on.
const OLDEST: (u32, u32) = (2, 31);

/// The file descriptor from which the credential helper reads.
const TOKEN_FD: i32 = 3;

const SETTINGS: &[&str] = &[
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.attributesFile=/dev/null",
    "core.protectHFS=true",
    "core.protectNTFS=true",
    "core.autocrlf=false",
    "core.pager=cat",
    "core.logAllRefUpdates=false",
    "protocol.file.allow=never",
    "protocol.ext.allow=never",
    "submodule.recurse=false",
    "fetch.recurseSubmodules=false",
    "safe.bareRepository=explicit",
    "transfer.fsckObjects=true",
    // Well-known old repositories have these; they harm nobody.
    "fetch.fsck.badTimezone=ignore",
    "fetch.fsck.badDate=ignore",
    "fetch.fsck.badDateOverflow=ignore",
    "fetch.fsck.badEmail=ignore",
    "fetch.fsck.missingEmail=ignore",
    "fetch.fsck.missingNameBeforeEmail=ignore",
    "fetch.fsck.missingSpaceBeforeDate=ignore",
    "fetch.fsck.missingSpaceBeforeEmail=ignore",
    "fetch.fsck.zeroPaddedFilemode=ignore",
    "fetch.fsck.zeroPaddedDate=ignore",
    "fetch.fsck.badFilemode=ignore",
    "fetch.fsck.missingTaggerEntry=ignore",
    "http.followRedirects=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "gpg.program=/bin/false",
    "commit.gpgSign=false",
    "push.gpgSign=false",
    "diff.renames=false",
];

/// What all calls share.
#[derive(Debug)]
pub(crate) struct Environment {
    server: Url,
}

impl Environment {
    pub(super) fn new(server: &Url) -> Self {
        Self { server: server.clone() }
    }

    /// Where a repository is fetched from and pushed to. No user and no token is ever part of it.
    pub(super) fn url(&self, owner: &str, name: &str) -> String {
        format!("{}/{owner}/{name}.git", self.server.as_str().trim_end_matches('/'))
    }

    /// A call in a git directory.
    pub(super) fn git(&self, git_dir: &Path) -> Call {
        let mut command = Command::new("git");
        command.env_clear();
        for (name, value) in [
            ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
            ("HOME", "/nonexistent"),
            ("LC_ALL", "C"),
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_TERMINAL_PROMPT", "0"),
            ("GIT_ASKPASS", "/bin/false"),
            ("GIT_LFS_SKIP_SMUDGE", "1"),
            ("GIT_NO_REPLACE_OBJECTS", "1"),
            ("GIT_ALLOW_PROTOCOL", self.server.scheme()),
        ] {
            command.env(name, value);
        }
        command.env("GIT_DIR", git_dir);
        for setting in SETTINGS {
            command.args(["-c", setting]);
        }
        command.current_dir(git_dir).stdin(Stdio::null()).kill_on_drop(true).process_group(0);
        Call {
            command,
            input: None,
            token: None,
            verb: String::new(),
            limit: LOCAL_LIMIT,
            most: OUTPUT_LIMIT,
        }
    }
}

/// One call of git.
pub(super) struct Call {
    command: Command,
    input: Option<Vec<u8>>,
    token: Option<SecretString>,
    verb: String,
    limit: Duration,
    most: u64,
}

/// What git printed and how it ended.
pub(super) struct Printed {
    pub(super) ok: bool,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: String,
}

impl Call {
    /// The verb and its arguments.
    pub(super) fn args<I: IntoIterator<Item = S>, S: Into<OsString>>(mut self, args: I) -> Self {
        let args: Vec<OsString> = args.into_iter().map(Into::into).collect();
        self.verb = args.first().map(|v| v.to_string_lossy().into_owned()).unwrap_or_default();
        self.command.args(args);
        self
    }

    /// The tree that it reads or writes.
    pub(super) fn tree(mut self, tree: &Path) -> Self {
        self.command.env("GIT_WORK_TREE", tree).current_dir(tree);
        self
    }

    pub(super) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// What it reads.
    pub(super) fn input(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.input = Some(input.into());
        self
    }

    /// The token with which it speaks to GitHub, and the longer limit that goes with that.
    pub(super) fn token(mut self, token: &SecretString) -> Self {
        self.token = Some(token.clone());
        self.limit = NETWORK_LIMIT;
        self
    }

    /// Runs it; an exit code other than 0 is an error.
    pub(super) async fn run(self) -> Result<Vec<u8>, GitError> {
        let verb = self.verb.clone();
        let printed = self.print().await?;
        if printed.ok { Ok(printed.stdout) } else { Err(explain(&verb, &printed.stderr)) }
    }

    /// Runs it for one line of output.
    pub(super) async fn line(self) -> Result<String, GitError> {
        let out = self.run().await?;
        Ok(String::from_utf8_lossy(&out).trim().to_owned())
    }

    /// Runs it, and is content with the beginning of what it prints if that is longer than `most`; the
    /// answer says whether it is all.
    pub(super) async fn beginning(mut self, most: u64) -> Result<(Vec<u8>, bool), GitError> {
        self.most = most;
        let verb = self.verb.clone();
        let printed = self.print().await?;
        let is_cut = u64::try_from(printed.stdout.len()).is_ok_and(|length| length >= most);
        // Whoever is not read to the end is stopped by it.
        if printed.ok || is_cut {
            return Ok((printed.stdout, !is_cut));
        }
        Err(explain(&verb, &printed.stderr))
    }

    /// Runs it, whatever its exit code.
    pub(super) async fn print(self) -> Result<Printed, GitError> {
        let (verb, limit) = (self.verb.clone(), self.limit);
        let mut running = self.start()?;
        let done = tokio::time::timeout(limit, running.finish()).await;
        let done = done.map_err(|_| GitError::TimedOut(verb.clone(), limit))?;
        done.map_err(|error| GitError::Io(format!("git {verb}"), error))
    }

    fn start(mut self) -> Result<Running, GitError> {
        let unusable = |error: std::io::Error| GitError::Unusable(error.to_string());
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        if self.input.is_some() {
            self.command.stdin(Stdio::piped());
        }
        if let Some(token) = &self.token {
            hand_over(&mut self.command, token).map_err(unusable)?;
        }
        let child = self.command.spawn().map_err(unusable)?;
        Ok(Running { child, input: self.input, most: self.most })
    }
}

/// Puts the token into a pipe of which only this child has the other end. A token fits into the
/// pipe's buffer, so writing it cannot block.
fn hand_over(command: &mut Command, token: &SecretString) -> std::io::Result<()> {
    use command_fds::{CommandFdExt, FdMapping};
    let (reader, mut writer) = std::io::pipe()?;
    writer.write_all(
        format!("username=x-access-token\npassword={}\n", token.expose_secret()).as_bytes(),
    )?;
    drop(writer);
    let mapping = FdMapping { parent_fd: reader.into(), child_fd: TOKEN_FD };
    command.fd_mappings(vec![mapping]).map_err(|e| std::io::Error::other(e.to_string()))?;
    command.env("GIT_CONFIG_COUNT", "1");
    command.env("GIT_CONFIG_KEY_0", "credential.helper");
    command
        .env("GIT_CONFIG_VALUE_0", format!("!f() {{ test \"$1\" = get && cat <&{TOKEN_FD}; }}; f"));
    Ok(())
}

/// A call on its way. Dropped before its end, it ends with all that it started.
struct Running {
    child: Child,
    input: Option<Vec<u8>>,
    most: u64,
}

impl Running {
    async fn finish(&mut self) -> std::io::Result<Printed> {
        let (stdin, stdout, stderr) =
            (self.child.stdin.take(), self.child.stdout.take(), self.child.stderr.take());
        let input = self.input.take().unwrap_or_default();
        let most = self.most;
        let write = async {
            if let Some(mut stdin) = stdin {
                // git may stop reading early; what it says on its other channels tells why.
                let _ = stdin.write_all(&input).await;
            }
        };
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let read_out = async {
            match stdout {
                Some(pipe) => pipe.take(most).read_to_end(&mut out).await,
                None => Ok(0),
            }
        };
        let read_err = async {
            match stderr {
                Some(pipe) => pipe.take(OUTPUT_LIMIT).read_to_end(&mut err).await,
                None => Ok(0),
            }
        };
        let ((), read_out, read_err) = tokio::join!(write, read_out, read_err);
        read_out?;
        read_err?;
        let status = self.child.wait().await?;
        Ok(Printed {
            ok: status.success(),
            stdout: out,
            stderr: String::from_utf8_lossy(&err).into_owned(),
        })
    }
}

impl Drop for Running {
    /// git starts helpers of its own, and one that waits for GitHub would wait on alone, with a token. They
    /// are in git's process group, which has its number until git is waited for.
    fn drop(&mut self) {
        let pid = self
            .child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(rustix::process::Pid::from_raw);
        if let Some(pid) = pid {
            let _ = rustix::process::kill_process_group(pid, rustix::process::Signal::KILL);
        }
    }
}

/// A file of git's own.
pub(super) fn write_file(path: &Path, content: impl AsRef<[u8]>) -> Result<(), GitError> {
    std::fs::write(path, content).map_err(|error| GitError::Io(path.display().to_string(), error))
}

/// What `git --version` says, if it is new enough.
pub(super) async fn version(environment: &Environment) -> Result<String, GitError> {
    let line = environment.git(Path::new("/")).args(["--version"]).line().await?;
    let mut numbers =
        line.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse::<u32>().ok());
    match (numbers.next(), numbers.next()) {
        (Some(major), Some(minor)) if (major, minor) >= OLDEST => Ok(line),
        _ => Err(GitError::Unusable(format!("this is {line}"))),
    }
}
