//! Playing a script: which turn answers a request, whoever asked in whichever way.
//!
//! Which turn it is depends on nothing but the number of assistant turns in the request, so that a
//! repeated request gets the same answer.

use serde_json::{Value, json};

use super::{
    Desk, Ending, Wrong,
    cache::{Block, Counted},
    wires::Wire,
};
use crate::simulator::{
    crypto::fingerprint,
    script::{Counting, Say, Script, Turn},
};

/// What a request says that keeps all rules.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) model: String,
    /// How many turns the assistant has had.
    pub(crate) turns: usize,
    /// As events instead of one body.
    pub(crate) stream: bool,
    /// The system text, as JSON.
    pub(crate) system: String,
    /// What the user said before the assistant's first turn, as JSON.
    pub(crate) first: String,
    /// The whole prompt.
    pub(crate) prompt: Vec<Block>,
    /// Whether what was thought comes along, where that has to be asked for.
    pub(crate) shows_thoughts: bool,
}

/// A turn that is about to be said.
#[derive(Debug)]
pub(crate) struct Spoken {
    pub(crate) turn: Turn,
    pub(crate) counted: Counted,
    /// Decides every id in it.
    pub(crate) seed: String,
}

/// Token counts that do not overlap; what was thought is part of the output.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counts {
    pub(crate) input: u64,
    pub(crate) read: u64,
    pub(crate) written: u64,
    pub(crate) thought: u64,
    pub(crate) output: u64,
}

/// What is wrong with a request, and whether that was planned.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) planned: bool,
    pub(crate) wrong: Wrong,
}

impl From<Wrong> for Refused {
    fn from(wrong: Wrong) -> Self {
        Self { planned: false, wrong }
    }
}

/// What was said, by the id of each tool call in it.
pub(crate) type Said = Vec<(String, Value)>;

pub(crate) fn answer(desk: &mut Desk, wire: &Wire<'_>, body: &Value) -> Result<Ending, Refused> {
    let service = wire.service();
    let asked = wire.check(body, &desk.said)?;
    let nothing =
        |why: &str| service.unwell(&format!("the script has no turn for this request: {why}"));
    let Some(place) = fitting(&desk.scripts, &asked) else {
        return Err(service.unwell("no script fits this conversation").into());
    };
    let script = desk.scripts.get_mut(place).ok_or_else(|| nothing("it is gone"))?;
    if script.error_at_end && asked.turns >= script.turns.len() {
        return Err(nothing(&script.name).into());
    }
    let last = script.turns.len().saturating_sub(1);
    let turn = script.turns.get_mut(asked.turns.min(last));
    let turn = turn.ok_or_else(|| nothing("it is empty"))?;
    if let Some(hitch) = turn.hitches.iter_mut().find(|hitch| hitch.times > 0) {
        hitch.times -= 1;
        return Err(Refused { planned: true, wrong: service.failure(&hitch.failure) });
    }
    let turn = turn.clone();
    let counted = wire.count(&mut desk.cache, &asked);
    match turn.say {
        Say::Silence => return Ok(Ending::Silence),
        Say::Raw(body) => return Ok(Ending::Message(body)),
        Say::Calls(_) | Say::Text(_) | Say::Cut(_) | Say::Refusal => {}
    }
    let seed = fingerprint(format!("{}{}", asked.first, asked.turns).as_bytes());
    let (answer, said) = wire.say(&Spoken { turn, counted, seed }, &asked);
    desk.said.extend(said);
    Ok(answer)
}

impl Spoken {
    /// The id of a call, the same for all calls of a turn that doubles them.
    pub(crate) fn call_id(&self, prefix: &str, index: usize) -> String {
        let index = if self.turn.doubled_ids { 0 } else { index };
        format!("{prefix}{}{index:02}", self.head(20))
    }

    /// The first letters of the seed.
    pub(crate) fn head(&self, length: usize) -> &str {
        self.seed.get(..length).unwrap_or(&self.seed)
    }

    /// The tokens of its thought.
    pub(crate) fn thought(&self) -> u64 {
        self.turn.thinking.as_ref().map_or(0, |text| text.len() as u64 / 4 + 1)
    }

    /// The counts of this turn, if it tells any; `said` are the tokens of what is answered.
    pub(crate) fn counts(&self, said: u64) -> Option<Counts> {
        let thought = self.thought();
        let (input, read, written, output) = match self.turn.counting {
            Counting::Absent => return None,
            Counting::Told(told) => (told.input, told.cache_read, told.cache_write, told.output),
            Counting::Computed => {
                let Counted { input, read, written } = self.counted;
                (input, read, written, said.max(1))
            }
        };
        Some(Counts { input, read, written, thought: thought.min(output), output })
    }
}

impl Counts {
    /// The whole prompt.
    pub(crate) const fn prompt(&self) -> u64 {
        self.input.saturating_add(self.read).saturating_add(self.written)
    }
}

/// The script for a conversation: one whose condition holds, else one without a condition.
fn fitting(scripts: &[Script], asked: &Asked) -> Option<usize> {
    let holds = |part: &String| {
        let quoted = json!(part).to_string();
        let inside = quoted.get(1..quoted.len() - 1).unwrap_or_default();
        asked.system.contains(inside) || asked.first.contains(inside)
    };
    let chosen = scripts.iter().position(|script| script.when.as_ref().is_some_and(holds));
    chosen.or_else(|| scripts.iter().position(|script| script.when.is_none()))
}
