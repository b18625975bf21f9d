//! The conversation as it is sent: grows at its end only, so that the provider's cache is hit. When
//! it gets long, old tool answers are replaced by a note about their length, many at once, because
//! each such change costs the cached prefix.

use crate::llm::{Block, Message, Reply, UserPart};

/// From this length on old answers are left out.
const MASK_ABOVE_TOKENS: i64 = 40_000;
/// The newest answers always stay.
const KEPT_ANSWERS: usize = 10;
/// Fewer old answers than this are not worth a broken cache.
const LEAST_BATCH: usize = 10;
/// Answers shorter than this cost less than the note.
const SHORT_BYTES: usize = 200;
/// What is never left out: a model that forgets its own edits makes them again.
const KEPT_TOOLS: [&str; 4] = ["edit_file", "write_file", "delete_file", "plan"];
/// Careful: code has three to four bytes a token.
const BYTES_PER_TOKEN: usize = 3;

/// The messages of one task.
#[derive(Clone, Debug, PartialEq)]
pub struct Conversation {
    messages: Vec<Message>,
    /// What is sent besides the messages: system text and tools.
    fixed_bytes: usize,
    /// The provider's own count for all messages up to an index.
    counted: Option<Counted>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Counted {
    messages: usize,
    tokens: i64,
}

impl Conversation {
    /// Begins with our first words; `fixed_bytes` is the length of the system text and the tools.
    pub fn new(first: Vec<UserPart>, fixed_bytes: usize) -> Self {
        Self { messages: vec![Message::User(first)], fixed_bytes, counted: None }
    }

    /// All messages.
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// The model answered.
    pub fn answered(&mut self, reply: Reply) {
        let tokens = reply.usage.prompt().saturating_add(reply.usage.output);
        self.messages.push(Message::Assistant(reply));
        self.counted = Some(Counted { messages: self.messages.len(), tokens });
    }

    /// We say something to the answer.
    pub fn say(&mut self, parts: Vec<UserPart>) {
        self.messages.push(Message::User(parts));
        if self.tokens() > MASK_ABOVE_TOKENS {
            self.mask();
        }
    }

    /// An exchange of an earlier conversation, which cost what it cost there.
    pub fn recall(&mut self, reply: &Reply, said: Vec<UserPart>) {
        self.messages.push(Message::Assistant(reply.clone()));
        let nothing = UserPart::Text { text: "(no answer)".to_owned(), cache_breakpoint: false };
        self.messages.push(Message::User(if said.is_empty() { vec![nothing] } else { said }));
    }

    /// Adds to what we said last.
    pub fn add(&mut self, parts: Vec<UserPart>) {
        match self.messages.last_mut() {
            Some(Message::User(last)) => last.extend(parts),
            Some(Message::Assistant(_)) | None => self.messages.push(Message::User(parts)),
        }
    }

    /// About how many tokens the next prompt has: the provider's count of what it has seen, and a
    /// careful estimate of the rest.
    pub fn tokens(&self) -> i64 {
        let (from, counted) = self.counted.map_or((0, 0), |c| (c.messages, c.tokens));
        let new = self.messages.get(from..).unwrap_or_default().iter().map(bytes).sum::<usize>();
        let fixed = if self.counted.is_some() { 0 } else { self.fixed_bytes };
        counted.saturating_add(tokens(new + fixed))
    }

    /// Begins anew with these words.
    pub fn begin_again(&mut self, first: Vec<UserPart>) {
        self.messages = vec![Message::User(first)];
        self.counted = None;
    }

    /// Puts it into words that every model understands: what only one provider knows is left out, and
    /// calls are named anew, because not every provider takes every name.
    pub fn translate(&mut self) {
        for (index, message) in self.messages.iter_mut().enumerate() {
            match message {
                Message::Assistant(reply) => {
                    *reply = reply.told_to_another(|call| call_name(index, call));
                }
                // Answers come right after their calls, and in their order.
                Message::User(parts) => {
                    for (call, id) in parts.iter_mut().filter_map(call_id).enumerate() {
                        *id = call_name(index.saturating_sub(1), call);
                    }
                }
            }
        }
        self.counted = None;
    }

    /// Leaves out all tool answers that may be left out.
    pub fn mask_all(&mut self) {
        for (message, part) in self.maskable() {
            self.mask_one(message, part);
        }
        self.counted = None;
    }

    fn mask(&mut self) {
        let old: Vec<_> = self.maskable();
        let old = old.get(..old.len().saturating_sub(KEPT_ANSWERS)).unwrap_or_default();
        if old.len() < LEAST_BATCH {
            return;
        }
        for (message, part) in old {
            self.mask_one(*message, *part);
        }
        // The provider has not seen the conversation in this form.
        self.counted = None;
    }

    /// Where the tool answers are that may be left out, oldest first.
    fn maskable(&self) -> Vec<(usize, usize)> {
        let mut found = Vec::new();
        for (index, message) in self.messages.iter().enumerate() {
            let Message::User(parts) = message else { continue };
            let long = parts.iter().enumerate().filter(|(_, part)| is_maskable(part));
            found.extend(long.map(|(part, _)| (index, part)));
        }
        found
    }

    fn mask_one(&mut self, message: usize, part: usize) {
        let Some(Message::User(parts)) = self.messages.get_mut(message) else { return };
        if let Some(UserPart::ToolResult { text, .. }) = parts.get_mut(part) {
            *text = format!("[output left out: {} characters]", text.chars().count());
        }
    }
}

fn is_maskable(part: &UserPart) -> bool {
    match part {
        UserPart::Text { .. } => false,
        UserPart::ToolResult { name, text, .. } => {
            text.len() >= SHORT_BYTES && !KEPT_TOOLS.contains(&name.as_str())
        }
    }
}

fn bytes(message: &Message) -> usize {
    match message {
        Message::User(parts) => parts.iter().map(part_bytes).sum(),
        Message::Assistant(reply) if reply.raw.is_null() => {
            reply.blocks.iter().map(block_bytes).sum()
        }
        Message::Assistant(reply) => reply.raw.to_string().len(),
    }
}

fn block_bytes(block: &Block) -> usize {
    match block {
        Block::Text(text) => text.len(),
        Block::ToolCall { id, name, arguments } => {
            let arguments = arguments.as_ref().map_or(0, |arguments| arguments.to_string().len());
            id.len() + name.len() + arguments
        }
        Block::Opaque(_) => 0,
    }
}

fn call_name(message: usize, call: usize) -> String {
    format!("call_{message}_{call}")
}

fn call_id(part: &mut UserPart) -> Option<&mut String> {
    match part {
        UserPart::Text { .. } => None,
        UserPart::ToolResult { call_id, .. } => Some(call_id),
    }
}

fn part_bytes(part: &UserPart) -> usize {
    match part {
        UserPart::Text { text, .. } => text.len(),
        UserPart::ToolResult { call_id, text, .. } => call_id.len() + text.len(),
    }
}

fn tokens(bytes: usize) -> i64 {
    i64::try_from(bytes.div_ceil(BYTES_PER_TOKEN)).unwrap_or(i64::MAX)
}
