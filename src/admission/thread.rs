//! Commands about a task of the thread: which one is meant, what `cancel` stops, and what `retry` makes
//! of it.

use super::{Admission, answer};
use crate::domain::command::{Command, Options, Verb};
use crate::domain::policy::Permission;
use crate::domain::report::answer::{cancel, no_such_task, not_begun};
use crate::domain::task::{Kind, Phase};
use crate::store::Result;
use crate::store::commands::{ClaimedCommand, Ending};
use crate::store::threads::ThreadTask;
use std::time::Duration;

/// What a command about a task means.
pub(super) struct Meant {
    /// The task, if there is one.
    pub(super) task: Option<ThreadTask>,
    /// The short id, if one was typed.
    pub(super) named: Option<String>,
    /// What was typed besides it.
    pub(super) text: String,
}

impl Admission {
    /// The task that `cancel` or `retry` is about: the one that is named, or the newest that fits.
    pub(super) async fn meant(&self, command: &ClaimedCommand, asked: &Command) -> Result<Meant> {
        let (named, text) = short_id(&asked.text);
        let mut tasks = self
            .store
            .thread_tasks(command.repository, command.asked.thread.number)
            .await?
            .into_iter();
        let task = match &named {
            Some(name) => tasks.find(|task| task.id.short() == *name),
            None if asked.verb == Verb::Retry => tasks.find(|task| task.phase == Phase::Ended),
            None => tasks.find(|task| task.phase != Phase::Ended),
        };
        Ok(Meant { task, named, text })
    }

    /// Stops the task that is named, or whatever is newest in the thread: a task, or what was asked for and
    /// is none yet.
    pub(super) async fn cancel(
        &self,
        command: &ClaimedCommand,
        asked: &Command,
        permission: Permission,
    ) -> Result<()> {
        let meant = self.meant(command, asked).await?;
        let waiting = match meant.named {
            None => self.store.asked_before(command).await?,
            Some(_) => None,
        };
        if let Some(waiting) = waiting
            && (permission >= Permission::Write || waiting.sender_id == command.sender.id)
            && meant.task.as_ref().is_none_or(|task| task.id.0 < waiting.id.0)
        {
            let body = answer(command, &not_begun(&waiting.asked.url));
            if !self.store.cancel_waiting(command, waiting.id, body).await? {
                // It is a task by now, perhaps.
                self.store.postpone_command(command, Duration::ZERO, Vec::new()).await?;
            }
            return Ok(());
        }
        let Some(task) = meant.task else {
            let acts = vec![answer(command, &no_such_task(meant.named.as_deref()))];
            self.store.end_command(command, Ending::Answered, acts).await?;
            return Ok(());
        };
        let answer = |stopping| answer(command, &cancel(task.id, stopping));
        self.store.cancel_task(command, task.id, answer).await?;
        Ok(())
    }
}

/// The command that runs a task again: its kind, model and branch, its words, and what was added.
pub(super) fn again(task: &ThreadTask, asked: &Command, added: &str) -> Result<Command> {
    let brief = task.brief()?;
    // The fixed sentence is what an empty text means, so that it stays empty.
    let is_usual = brief.instruction == task.kind.instruction(&brief.thread, "");
    let said = if is_usual { String::new() } else { brief.instruction };
    let text = [said.as_str(), added].join("\n\n").trim().to_owned();
    let options = Options {
        model: asked.options.model.clone().or_else(|| Some(task.model.clone())),
        budget: asked.options.budget,
        base: Some(task.base_branch.clone()).filter(|_| !brief.thread.is_pull_request),
        draft: brief.draft,
        // What a review has seen is not new, and is to be looked at once more.
        full: (task.kind == Kind::PrReview).then_some(true),
        ..Options::default()
    };
    Ok(Command { verb: Verb::of(task.kind), is_implied: false, options, text })
}

/// A leading short id, with or without `t_`, and the rest. What begins with `t_` is meant as one even
/// if it is mistyped, so that a slip never stops or repeats another task.
fn short_id(text: &str) -> (Option<String>, String) {
    let (first, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let is_hex = |name: &str| name.len() == 8 && name.bytes().all(|b| b.is_ascii_hexdigit());
    let name = match first.strip_prefix("t_") {
        Some(name) => Some(name),
        None => Some(first).filter(|first| is_hex(first)),
    };
    match name {
        Some(name) => (Some(name.to_ascii_lowercase()), rest.trim().to_owned()),
        None => (None, text.to_owned()),
    }
}
