//! Carries out what the [`Turn`] decides: asks the model, runs the tools, stores each step.
//!
//! It wakes by an answer, or when a model has had all the time of the task without one, and ends by an
//! outcome, a cancelled token, or a journal that says stop. It decides nothing itself.

use super::tools::{self, Runner, Standing, ToolCall};
use super::turn::{Effect, Event, Turn};
use super::workspace::Workspace;
use super::{Assignment, Journal, Outcome, Ready, StepResults, Stopped, prompt, second_look};
use crate::domain::credit::NanoUsd;
use crate::llm::{Llm, LlmError, Prompt, Segment, ToolSpec};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// A command that is killed is gone by then.
const LAST_WRITES: Duration = Duration::from_secs(10);

/// Works on the assignment until it ends or is stopped. The workspace must be as the last
/// stored step with results left it. When `stop` is cancelled, the model call in hand is dropped, a
/// command is killed, and the answer is [`Stopped::Released`]; the caller knows why.
pub async fn run(
    assignment: &Assignment,
    llm: &dyn Llm,
    workspace: &Workspace,
    journal: &dyn Journal,
    stop: &CancellationToken,
) -> Result<Outcome, Stopped> {
    let runs = assignment.sandbox.is_some();
    let system = prompt::system(assignment.kind, runs);
    let tools = tools::offered(assignment.kind, runs);
    let mut turn = Turn::new(assignment, fixed_bytes(&system, &tools));
    let mut effect = replay(&mut turn, assignment);
    workspace.remember(turn.changed());
    let shell = Shell { assignment, llm, workspace, journal, stop, system, tools };
    loop {
        let event = match effect {
            Effect::Call { step, max_output, at_most } => {
                shell.call(step, &turn, max_output, at_most).await?
            }
            Effect::RunTools { step, calls } => shell.run_tools(step, calls, &turn).await?,
            Effect::Wait { provider, retry_in } => {
                return Err(Stopped::ModelAway { provider, retry_in });
            }
            Effect::End(outcome) => return Ok(*outcome),
        };
        effect = turn.handle(event);
    }
}

/// Leads a new machine to where the stored steps end. The answer is what to do next: for a step
/// without results, to run its tools again.
fn replay(turn: &mut Turn, assignment: &Assignment) -> Effect {
    let mut effect = turn.handle(Event::Started);
    for step in &assignment.already {
        if !matches!(effect, Effect::Call { .. }) {
            break;
        }
        if turn.would_fall_back_to(step.model.as_deref()) {
            turn.handle(Event::FellBack);
        }
        effect = turn.handle(Event::Replied(step.reply.clone()));
        let (Effect::RunTools { .. }, Some(results)) = (&effect, &step.results) else { break };
        effect = turn.handle(Event::ToolsRan(results.clone()));
    }
    effect
}

struct Shell<'a> {
    assignment: &'a Assignment,
    llm: &'a dyn Llm,
    workspace: &'a Workspace,
    journal: &'a dyn Journal,
    stop: &'a CancellationToken,
    system: Vec<Segment>,
    tools: Vec<ToolSpec>,
}

impl Shell<'_> {
    /// A service that says nothing for all the time that the task has does not answer: it may have lost
    /// this one call, so it is asked once more.
    async fn call(
        &self,
        step: u32,
        turn: &Turn,
        max_output: i64,
        at_most: NanoUsd,
    ) -> Result<Event, Stopped> {
        self.check_stop()?;
        self.journal.calling(step, at_most).await?;
        let prompt = Prompt {
            model: turn.model(),
            system: &self.system,
            tools: &self.tools,
            messages: turn.messages(),
            max_output,
            patience: self.assignment.limits.time,
        };
        let asked = Instant::now();
        let answer = tokio::select! {
            biased;
            () = self.stop.cancelled() => return Err(Stopped::Released),
            () = tokio::time::sleep(prompt.patience * 2) => Err(LlmError::Timeout),
            answer = self.llm.call(&prompt) => answer,
        };
        let lost = answer.as_ref().map_or(asked.elapsed(), |reply| reply.lost);
        self.assignment.clock.lose(lost);
        match answer {
            Ok(reply) => {
                self.journal.replied(step, turn.model(), &reply).await?;
                Ok(Event::Replied(reply))
            }
            Err(error) => Ok(Event::CallFailed(error)),
        }
    }

    async fn run_tools(
        &self,
        step: u32,
        calls: Vec<ToolCall>,
        turn: &Turn,
    ) -> Result<Event, Stopped> {
        self.check_stop()?;
        let ready = self.ready(&calls).await?;
        let cut = self.stop.child_token();
        // Whoever drops this leaves no command behind either.
        let _cuts_when_dropped = cut.clone().drop_guard();
        let mut work = pin!(self.blocking(calls, turn, ready, cut));
        let ran = tokio::select! {
            biased;
            () = self.stop.cancelled() => {
                // Then nothing writes to the workspace any more.
                let _ = tokio::time::timeout(LAST_WRITES, work).await;
                return Err(Stopped::Released);
            }
            ran = &mut work => ran,
        };
        match ran {
            Ok(mut results) => {
                let is_end = results.finish.as_ref().is_some_and(|f| f.questions.is_empty());
                if is_end && turn.wants_review() {
                    results.review = self.to_look_at(turn, &results).await?;
                }
                let clock = &self.assignment.clock;
                if is_end && self.assignment.limits.may_edit && !results.changed.is_empty() {
                    let left = self.assignment.limits.time.saturating_sub(clock.active());
                    results.verification = self.journal.verify(&results.changed, left).await?;
                }
                results.active_ms = u64::try_from(clock.active().as_millis()).unwrap_or(u64::MAX);
                self.journal.ran(step, &results).await?;
                Ok(Event::ToolsRan(results))
            }
            Err(why) => Ok(Event::ToolsBroke(why)),
        }
    }

    /// Commands are run where everything is that they need; without a command nothing has to be.
    async fn ready(&self, calls: &[ToolCall]) -> Result<Option<Ready>, Stopped> {
        let runs = self.assignment.sandbox.is_some() && calls.iter().any(tools::runs_a_command);
        if runs { self.journal.ready(self.workspace).await } else { Ok(None) }
    }

    /// What the model should look at once more before its end is believed.
    async fn to_look_at(
        &self,
        turn: &Turn,
        results: &StepResults,
    ) -> Result<Option<String>, Stopped> {
        if let Some(review) = &self.assignment.review {
            let findings = [turn.findings(), &results.findings].concat();
            return Ok(second_look::listing(&findings, &review.diff, self.workspace));
        }
        if results.changed.is_empty() {
            return Ok(None);
        }
        let diff = self.journal.diff(&results.changed).await?;
        Ok(diff.map(|diff| prompt::shown(&diff)))
    }

    /// A search through a large tree would hold up everything else on this thread.
    async fn blocking(
        &self,
        calls: Vec<ToolCall>,
        turn: &Turn,
        ready: Option<Ready>,
        cut: CancellationToken,
    ) -> Result<StepResults, String> {
        let workspace = self.workspace.clone();
        let (sandbox, told) = match ready {
            Some(Ready { sandbox, told }) => (Some(sandbox), told),
            None => (self.assignment.sandbox.clone(), String::new()),
        };
        let began = self.assignment.clock.active();
        let limit = self.assignment.limits.time;
        let kind = self.assignment.kind;
        let diff = self.assignment.review.as_ref().map(|review| Arc::clone(&review.diff));
        let (findings, is_second_look) = (turn.findings().len(), turn.is_reviewed());
        let work = move || {
            let diff = diff.unwrap_or_default();
            let left = limit.saturating_sub(began);
            let runner = sandbox.as_ref().map(|sandbox| Runner { sandbox, stop: &cut, left });
            let standing = Standing { kind, diff: &diff, findings, is_second_look, runner };
            let mut results = tools::run(&workspace, standing, &calls)?;
            tools::tell_first(&mut results, &told);
            Ok(results)
        };
        let done = tokio::task::spawn_blocking(work).await;
        done.unwrap_or_else(|_| Err("a tool stopped unexpectedly".to_owned()))
    }

    fn check_stop(&self) -> Result<(), Stopped> {
        if self.stop.is_cancelled() { Err(Stopped::Released) } else { Ok(()) }
    }
}

fn fixed_bytes(system: &[Segment], tools: &[ToolSpec]) -> usize {
    let system = system.iter().map(|segment| segment.text.len());
    let tools =
        tools.iter().map(|t| t.name.len() + t.description.len() + t.schema.to_string().len());
    system.chain(tools).sum()
}
