//! What the simulated model says, whichever service it belongs to.
//!
//! A script is a list of assistant turns. Which one is played depends on nothing but the number of
//! assistant turns in the request, so a repeated request gets the same answer.

use serde_json::Value;

/// A conversation the model will have.
///
/// ```
/// use asynccoder::simulator::Script;
/// use serde_json::json;
///
/// let script = Script::new("fix")
///     .when("add() subtracts")
///     .calls(vec![("read_file", json!({"path": "src/lib.rs"}))])
///     .with_text("I look at the code.")
///     .says("Done.");
/// ```
#[derive(Debug, Clone)]
pub struct Script {
    pub(crate) name: String,
    pub(crate) when: Option<String>,
    pub(crate) turns: Vec<Turn>,
    pub(crate) error_at_end: bool,
    waiting: Vec<Hitch>,
}

/// Token counts that replace the computed ones.
#[derive(Debug, Clone, Copy, Default)]
pub struct Usage {
    /// Neither read from the cache nor written to it.
    pub input: u64,
    /// Read from the cache.
    pub cache_read: u64,
    /// Written to the cache.
    pub cache_write: u64,
    /// Said by the model.
    pub output: u64,
}

#[derive(Debug, Clone)]
pub(crate) struct Turn {
    pub(crate) say: Say,
    pub(crate) text: Option<String>,
    pub(crate) thinking: Option<String>,
    pub(crate) counting: Counting,
    /// All calls of the turn have one id.
    pub(crate) doubled_ids: bool,
    /// What goes wrong before the turn is played.
    pub(crate) hitches: Vec<Hitch>,
}

/// Which token counts a turn tells.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Counting {
    Computed,
    Told(Usage),
    Absent,
}

#[derive(Debug, Clone)]
pub(crate) enum Say {
    Calls(Vec<(String, Value)>),
    Text(String),
    Cut(String),
    Refusal,
    Raw(Value),
    Silence,
}

/// How a call fails, in Anthropic's words; the other services say the same in theirs.
#[derive(Debug, Clone)]
pub struct Failure {
    /// The status.
    pub status: u16,
    /// `overloaded_error`, `rate_limit_error`, …
    pub error_type: String,
    /// For people.
    pub message: String,
    /// Seconds, as a header, or where Gemini writes them.
    pub retry_after: Option<u64>,
}

impl Failure {
    /// A failure without `retry-after`.
    pub fn new(status: u16, error_type: &str, message: &str) -> Self {
        let (error_type, message) = (error_type.to_owned(), message.to_owned());
        Self { status, error_type, message, retry_after: None }
    }

    /// 529, try again.
    pub fn overloaded() -> Self {
        Self::new(529, "overloaded_error", "Overloaded")
    }

    /// 500, nobody knows why.
    pub fn unwell() -> Self {
        Self::new(500, "api_error", "Internal server error")
    }

    /// The account with the provider is empty.
    pub fn out_of_money() -> Self {
        Self::new(402, "billing_error", "Your credit balance is too low; see plans & billing.")
    }

    /// 429, try again after some seconds.
    pub fn rate_limited(seconds: u64) -> Self {
        let message = "This request would exceed your organization's rate limit.";
        Self { retry_after: Some(seconds), ..Self::new(429, "rate_limit_error", message) }
    }
}

/// A failure that is still to come some times.
#[derive(Debug, Clone)]
pub(crate) struct Hitch {
    pub(crate) times: u32,
    pub(crate) failure: Failure,
}

impl Script {
    /// An empty script that fits every conversation.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            when: None,
            turns: Vec::new(),
            error_at_end: false,
            waiting: Vec::new(),
        }
    }

    /// Plays only where the system text or the first user message contains this.
    #[must_use]
    pub fn when(mut self, part: &str) -> Self {
        self.when = Some(part.to_owned());
        self
    }

    /// A turn that calls tools. Arguments that are a text are sent as they are where arguments are a
    /// text, so that they can be broken.
    #[must_use]
    pub fn calls(self, calls: Vec<(&str, Value)>) -> Self {
        let calls = calls.into_iter().map(|(name, input)| (name.to_owned(), input));
        self.turn(Say::Calls(calls.collect()))
    }

    /// A turn that ends the conversation with a text.
    #[must_use]
    pub fn says(self, text: &str) -> Self {
        self.turn(Say::Text(text.to_owned()))
    }

    /// A turn that ends in the middle of a text because the output is full.
    #[must_use]
    pub fn cut(self, text: &str) -> Self {
        self.turn(Say::Cut(text.to_owned()))
    }

    /// A turn in which the model refuses.
    #[must_use]
    pub fn refuses(self) -> Self {
        self.turn(Say::Refusal)
    }

    /// A turn with exactly this body, whatever the service.
    #[must_use]
    pub fn raw(self, body: Value) -> Self {
        self.turn(Say::Raw(body))
    }

    /// A turn without an answer, for ever.
    #[must_use]
    pub fn hangs(self) -> Self {
        self.turn(Say::Silence)
    }

    /// A text before the tool calls of the last turn.
    #[must_use]
    pub fn with_text(mut self, text: &str) -> Self {
        if let Some(turn) = self.turns.last_mut() {
            turn.text = Some(text.to_owned());
        }
        self
    }

    /// A thought before everything else in the last turn, to be sent back verbatim.
    #[must_use]
    pub fn with_thinking(mut self, thought: &str) -> Self {
        if let Some(turn) = self.turns.last_mut() {
            turn.thinking = Some(thought.to_owned());
        }
        self
    }

    /// Token counts for the last turn.
    #[must_use]
    pub fn with_usage(mut self, usage: Usage) -> Self {
        if let Some(turn) = self.turns.last_mut() {
            turn.counting = Counting::Told(usage);
        }
        self
    }

    /// The last turn tells no token counts at all.
    #[must_use]
    pub fn without_usage(mut self) -> Self {
        if let Some(turn) = self.turns.last_mut() {
            turn.counting = Counting::Absent;
        }
        self
    }

    /// All calls of the last turn have the same id.
    #[must_use]
    pub fn with_doubled_ids(mut self) -> Self {
        if let Some(turn) = self.turns.last_mut() {
            turn.doubled_ids = true;
        }
        self
    }

    /// Before the next turn, `times` calls fail like this. Write it in front of that turn.
    #[must_use]
    pub fn fails(mut self, times: u32, failure: Failure) -> Self {
        self.waiting.push(Hitch { times, failure });
        self
    }

    /// After the last turn calls are refused; without this the last turn is repeated.
    #[must_use]
    pub fn then_error(mut self) -> Self {
        self.error_at_end = true;
        self
    }

    fn turn(mut self, say: Say) -> Self {
        let hitches = std::mem::take(&mut self.waiting);
        let (text, thinking, counting) = (None, None, Counting::Computed);
        self.turns.push(Turn { say, text, thinking, counting, doubled_ids: false, hitches });
        self
    }
}
