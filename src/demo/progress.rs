//! Tells what happens while it happens, from what reaches the simulated GitHub and the model.

use crate::simulator::Simulator;
use crate::simulator::{Effect, Entry, Wall, What};
use crate::telemetry::say;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Longer than any demo.
const FOR_EVER: Duration = Duration::from_hours(1);

/// Tells each thing once, with the time since the beginning.
pub(super) struct Teller {
    simulator: Simulator,
    began: Instant,
    /// The last entry of the journal that was looked at.
    seen: Mutex<u64>,
}

impl Teller {
    pub(super) fn new(simulator: Simulator) -> Self {
        let seen = simulator.journal().last().map_or(0, |entry| entry.sequence);
        Self { simulator, began: Instant::now(), seen: Mutex::new(seen) }
    }

    /// Tells until it is aborted. It ends with the demo, so the end of the time means nothing.
    pub(super) async fn tell(&self) {
        let tell = |_: &Simulator| {
            self.tell_new();
            false
        };
        let _ = self.simulator.wait_for(tell, FOR_EVER).await;
    }

    /// Tells what came since the last look, up to the first request that is still running.
    pub(super) fn tell_new(&self) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let (journal, before) = (self.simulator.journal(), *seen);
        for entry in journal.iter().filter(|entry| entry.sequence > before) {
            if matches!(&entry.what, What::Request(r) if r.status == 0) {
                break;
            }
            if let Some(line) = line(&journal, entry) {
                say(format_args!("{:>7.3} s  {line}", self.began.elapsed().as_secs_f64()));
            }
            *seen = entry.sequence;
        }
    }
}

fn line(journal: &[Entry], entry: &Entry) -> Option<String> {
    match &entry.what {
        What::Request(request) if request.wall == Wall::Models && request.status == 200 => {
            let step =
                journal.iter().filter(|e| e.sequence <= entry.sequence && is_model_call(e)).count();
            Some(format!("step {step}: the model answered"))
        }
        What::Request(_) => None,
        // What the bot does is told to it too; only the first webhook is the one of the story.
        What::Effect(Effect::Delivered { .. })
            if journal.iter().any(|e| e.sequence < entry.sequence && is_accepted(e)) =>
        {
            None
        }
        What::Effect(effect) => of_effect(effect),
    }
}

fn is_accepted(entry: &Entry) -> bool {
    matches!(&entry.what, What::Effect(Effect::Delivered { status: 202, event, .. }) if event == "issue_comment")
}

fn is_model_call(entry: &Entry) -> bool {
    matches!(&entry.what, What::Request(r) if r.wall == Wall::Models)
}

#[expect(clippy::wildcard_enum_match_arm, reason = "most of what happens is not worth a line")]
fn of_effect(effect: &Effect) -> Option<String> {
    match effect {
        Effect::Delivered { event, status: 202, .. } if event == "issue_comment" => {
            Some("accepted: the webhook of the comment is stored".to_owned())
        }
        Effect::CommentCreated { author, body, .. } if author.ends_with("[bot]") => {
            let estimate = body.lines().find(|l| l.contains("estimate")).unwrap_or("answered");
            Some(format!("admitted: {estimate}"))
        }
        Effect::Pushed { reference, new: Some(new), by, .. } if by.ends_with("[bot]") => {
            Some(format!(
                "pushed {} ({})",
                reference.trim_start_matches("refs/heads/"),
                new.get(..7).unwrap_or(new)
            ))
        }
        Effect::PullOpened { number, .. } => Some(format!("opened pull request #{number}")),
        Effect::CheckCreated { .. } => Some("posted the check run".to_owned()),
        _ => None,
    }
}
