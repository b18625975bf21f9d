//! `bash`: a command behind walls, in the workspace. What it changed there is part of the change.

use super::{ToolError, respond};
use crate::agent::workspace::Workspace;
use crate::domain::task::Kind;
use crate::llm::ToolSpec;
use crate::sandbox::{Access, Job, Ran, Sandbox, SandboxError};
use serde::Deserialize;
use serde_json::json;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

/// What the model calls it.
pub(super) const NAME: &str = "bash";
const USUAL_TIME: Duration = Duration::from_mins(2);
const LONGEST_TIME: Duration = Duration::from_mins(10);
const LONGEST_COMMAND_BYTES: usize = 16 * 1024;
/// More than this of an answer is cut in its middle.
const LONGEST_OUTPUT_CHARS: usize = 10_000;
/// Names that are shown of what a command changed.
const MOST_NAMED: usize = 20;

/// Where commands run, and for how long they still may.
#[derive(Clone, Copy, Debug)]
pub struct Runner<'a> {
    /// The walls.
    pub sandbox: &'a Sandbox,
    /// Ends a command in hand.
    pub stop: &'a CancellationToken,
    /// What is left of the task's time.
    pub left: Duration,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {
    command: String,
    #[serde(default)]
    timeout_s: Option<u64>,
}

pub(super) fn spec(kind: Kind) -> ToolSpec {
    let description = if kind.limits().may_edit {
        "Runs a command with bash in the root folder of the repository. Each call starts anew: only \
         files are kept, and of those outside the repository none. There is no network and no git \
         history. What it changes in the repository is part of your change, except what git ignores."
    } else {
        "Runs a command with bash in the root folder of the repository, which it cannot change. Each \
         call starts anew. There is no network and no git history; files can be written below $TMPDIR."
    };
    ToolSpec {
        name: NAME,
        description,
        schema: json!({
            "type": "object",
            "properties": {
                "command": {"type": "string"},
                "timeout_s": {"type": "integer", "description": "Seconds, 1 to 600. Default 120."}
            },
            "required": ["command"],
            "additionalProperties": false
        }),
    }
}

pub(super) fn run(
    workspace: &Workspace,
    runner: Runner<'_>,
    kind: Kind,
    arguments: &Arguments,
) -> Result<String, ToolError> {
    if arguments.command.len() > LONGEST_COMMAND_BYTES {
        return respond("the command is longer than 16 KiB; put a script into a file and run that");
    }
    if arguments.command.contains('\0') {
        return respond("the command has a zero byte in it");
    }
    let may_edit = kind.limits().may_edit;
    let wanted = arguments.timeout_s.map_or(USUAL_TIME, Duration::from_secs);
    let job = Job {
        command: &arguments.command,
        workspace: workspace.root_folder(),
        access: if may_edit { Access::ReadWrite } else { Access::ReadOnly },
        time: wanted.clamp(Duration::from_secs(1), LONGEST_TIME).min(runner.left),
    };
    if may_edit {
        workspace.before_command()?;
    }
    let ran = Handle::current().block_on(runner.sandbox.run(job, runner.stop));
    // Whatever became of it, it may have changed something.
    let changes = if may_edit { changes(workspace)? } else { String::new() };
    match ran {
        Ok(ran) => Ok(format!("{}{changes}", told(&ran))),
        Err(error @ (SandboxError::Stopped | SandboxError::Unusable(_))) => {
            respond(format!("not run: {error}"))
        }
    }
}

fn told(ran: &Ran) -> String {
    let output = middle_out(ran.output.trim_end());
    format!("exit={} time={:.1}s\n{output}\n", ran.exit, ran.took.as_secs_f64())
}

/// The beginning and the end of a long text.
fn middle_out(text: &str) -> String {
    let total = text.chars().count();
    let left_out = total.saturating_sub(LONGEST_OUTPUT_CHARS);
    if left_out == 0 {
        return text.to_owned();
    }
    let half = LONGEST_OUTPUT_CHARS / 2;
    let head: String = text.chars().take(half).collect();
    let tail: String = text.chars().skip(total - half).collect();
    format!(
        "{head}\n[{left_out} characters elided]\n{tail}\n[the output was long: look at a part of it \
         with head, tail or grep, or write it to a file]"
    )
}

fn changes(workspace: &Workspace) -> Result<String, ToolError> {
    let earlier = workspace.changed();
    let difference = workspace.after_command()?;
    let now = workspace.changed();
    let new: Vec<_> = now.difference(&earlier).map(String::as_str).collect();
    let mut text = String::new();
    if !new.is_empty() {
        let shown = new.iter().take(MOST_NAMED).copied().collect::<Vec<_>>().join(", ");
        let more = new.len().saturating_sub(MOST_NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        text.push_str(&format!("[newly changed: {shown}{more}]\n"));
    }
    if difference.left_out > 0 {
        text.push_str(&format!(
            "[{} new files are so many that they are not part of your change; write_file adds one]\n",
            difference.left_out
        ));
    }
    Ok(text)
}
