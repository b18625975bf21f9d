//! A command on its way, seen from our side: a watcher process, a pipe that keeps it alive, and what
//! the command prints. When the pipe closes, for whatever reason, the watcher ends everything.

use super::jail::{Report, Watch};
use super::output::Output;
use super::{Ran, SandboxError};
use crate::domain::verification::{Exit, Limit};
use std::io;
use std::path::Path;
use std::pin::pin;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio_util::sync::CancellationToken;

/// The watcher holds the time itself; it is not waited for much longer.
const GRACE: Duration = Duration::from_secs(10);
/// Who prints more than this prints without end.
const MOST_PRINTED: u64 = 256 * 1024 * 1024;
/// A watcher says one line.
const LONGEST_REPORT: u64 = 64 * 1024;

/// A watcher and what hangs on it.
pub(super) struct Running {
    child: Child,
    alive: ChildStdin,
    began: Instant,
}

impl Running {
    pub(super) async fn start(program: &Path, watch: &Watch) -> io::Result<Self> {
        let mut command = Command::new(program);
        command.args(["jail", "watch"]).env_clear().current_dir("/");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let began = Instant::now();
        let mut child = command.spawn()?;
        let mut alive = child.stdin.take().ok_or_else(|| io::Error::other("no pipe"))?;
        let mut line = serde_json::to_vec(watch)?;
        line.push(b'\n');
        alive.write_all(&line).await?;
        Ok(Self { child, alive, began })
    }

    /// Waits for the end, whichever it is.
    pub(super) async fn finish(
        self,
        mark: &[u8],
        time: Duration,
        stop: &CancellationToken,
    ) -> Result<Ran, SandboxError> {
        let Self { mut child, alive, began } = self;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let too_much = CancellationToken::new();
        let mut work = pin!(async {
            let printed = read_output(stdout, &too_much);
            let (printed, said, ended) = tokio::join!(printed, read_report(stderr), child.wait());
            ended?;
            Ok::<_, io::Error>((printed?, said?))
        });
        let early = tokio::select! {
            biased;
            done = &mut work => Some(done),
            () = stop.cancelled() => None,
            () = too_much.cancelled() => None,
            () = tokio::time::sleep(time + GRACE) => None,
        };
        // Without this pipe the watcher kills what there is and ends.
        drop(alive);
        let done = match early {
            Some(done) => done,
            None => tokio::time::timeout(GRACE, work).await.unwrap_or_else(|late| Err(late.into())),
        };
        if stop.is_cancelled() {
            return Err(SandboxError::Stopped);
        }
        let (printed, said) = done.map_err(|error| SandboxError::Unusable(error.to_string()))?;
        ended(&said, mark, printed, began.elapsed())
    }
}

/// Reads until nobody can write any more.
async fn read_output(
    pipe: Option<ChildStdout>,
    too_much: &CancellationToken,
) -> io::Result<Output> {
    let mut output = Output::default();
    let Some(mut pipe) = pipe else { return Ok(output) };
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = pipe.read(&mut buffer).await?;
        let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else {
            return Ok(output);
        };
        output.add(bytes);
        if output.total > MOST_PRINTED {
            too_much.cancel();
        }
    }
}

async fn read_report(pipe: Option<ChildStderr>) -> io::Result<Vec<u8>> {
    let mut said = Vec::new();
    if let Some(pipe) = pipe {
        pipe.take(LONGEST_REPORT).read_to_end(&mut said).await?;
    }
    Ok(said)
}

/// What came of it, from what the watcher said and what was printed.
fn ended(
    said: &[u8],
    mark: &[u8],
    mut output: Output,
    took: Duration,
) -> Result<Ran, SandboxError> {
    let begun = output.strip(mark);
    let text = output.text();
    let report: Option<Report> = serde_json::from_slice(said).ok();
    let exit = match report {
        _ if output.total > MOST_PRINTED => Exit::Limit(Limit::Output),
        Some(Report::Ended(exit)) => exit,
        Some(Report::Stopped) => return Err(SandboxError::Stopped),
        None => {
            let said = String::from_utf8_lossy(said).trim().to_owned();
            let said = if said.is_empty() { "the watcher was killed".to_owned() } else { said };
            return Err(SandboxError::Unusable(said));
        }
    };
    if !begun {
        // Whoever puts up the walls says why it could not.
        let why: String = text.trim().chars().take(500).collect();
        let why = if why.is_empty() { format!("it ended with {exit}") } else { why };
        return Err(SandboxError::Unusable(why));
    }
    Ok(Ran { exit, output: text, took })
}
