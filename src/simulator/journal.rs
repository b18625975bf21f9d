//! One list of everything that reached the simulator and everything that changed in it.
//!
//! A request is recorded before its effects and completed with its status, so that the list reads
//! in the order of cause and consequence. Readers get copies, never guards.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde_json::Value;
use tokio::sync::watch;

/// One line of the journal.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Counted from 1.
    pub sequence: u64,
    /// What happened.
    pub what: What,
}

/// Something that arrived, or something that changed.
#[derive(Debug, Clone)]
pub enum What {
    /// A request from the bot.
    Request(Request),
    /// A change of the world, by the bot or by people.
    Effect(Effect),
}

/// Which service was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wall {
    /// The REST API.
    Api,
    /// git over HTTP.
    Git,
    /// The model service.
    Models,
}

/// A request and its answer.
#[derive(Debug, Clone)]
pub struct Request {
    /// The service.
    pub wall: Wall,
    /// `GET`, `POST`, …
    pub method: String,
    /// The path as sent, with its query.
    pub path: String,
    /// The status answered; 0 while it is still being handled.
    pub status: u16,
    /// Who asked.
    pub auth: Auth,
    /// The JSON body, or null.
    pub body: Value,
    /// Whether a mistake of the caller was refused (not a planned fault).
    pub refused: bool,
    /// Why it was refused, or `planned fault`; empty if it was served.
    pub note: String,
}

/// The credentials of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Auth {
    /// None at all.
    Nobody,
    /// Some that are not valid.
    Bad,
    /// The App's own token.
    App,
    /// The key of the model service.
    ModelKey,
    /// An installation token.
    Token {
        /// The installation.
        installation: u64,
        /// What it may do.
        permissions: BTreeMap<String, String>,
        /// The full names it is limited to; `None` for all.
        repositories: Option<Vec<String>>,
    },
}

/// A change.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields say what they are")]
pub enum Effect {
    /// A token was handed out.
    TokenMinted {
        installation: u64,
        permissions: BTreeMap<String, String>,
        repositories: Option<Vec<String>>,
    },
    /// An issue was opened.
    IssueOpened { repository: String, number: u64, author: String, title: String },
    /// An issue or pull request changed.
    IssueEdited { repository: String, number: u64, editor: String, what: String },
    /// A comment was written.
    CommentCreated {
        repository: String,
        number: u64,
        id: u64,
        author: String,
        body: String,
        /// The line of the change that it stands at.
        at: Option<String>,
    },
    /// A comment got another text.
    CommentEdited {
        repository: String,
        number: u64,
        id: u64,
        editor: String,
        body: String,
        /// The line of the change that it stands at.
        at: Option<String>,
    },
    /// A comment is gone.
    CommentDeleted { repository: String, number: u64, id: u64 },
    /// A reaction on a comment, or on the issue itself.
    ReactionAdded {
        repository: String,
        number: u64,
        comment: Option<u64>,
        author: String,
        content: String,
    },
    /// A reaction is gone.
    ReactionRemoved { repository: String, number: u64, comment: Option<u64>, content: String },
    /// A ref moved; no old value: created, no new value: deleted.
    Pushed {
        repository: String,
        reference: String,
        old: Option<String>,
        new: Option<String>,
        by: String,
    },
    /// A pull request was opened.
    PullOpened {
        repository: String,
        number: u64,
        author: String,
        title: String,
        head: String,
        base: String,
        draft: bool,
    },
    /// A pull request changed.
    PullEdited { repository: String, number: u64, editor: String, what: String },
    /// A review was written.
    Reviewed {
        repository: String,
        number: u64,
        id: u64,
        author: String,
        state: String,
        body: String,
        /// Its comments at lines, as they were written.
        comments: Vec<Value>,
    },
    /// A check run was created.
    CheckCreated {
        repository: String,
        id: u64,
        name: String,
        head_sha: String,
        status: String,
        conclusion: Option<String>,
    },
    /// A check run changed.
    CheckUpdated {
        repository: String,
        id: u64,
        name: String,
        head_sha: String,
        status: String,
        conclusion: Option<String>,
    },
    /// A webhook was sent; 502 when nobody was there, 504 when the answer took too long.
    Delivered { event: String, action: Option<String>, guid: String, status: u16 },
}

#[derive(Debug)]
pub(crate) struct Journal {
    entries: Mutex<Vec<Entry>>,
    bell: watch::Sender<u64>,
}

impl Journal {
    pub(crate) fn new() -> Self {
        Self { entries: Mutex::default(), bell: watch::Sender::new(0) }
    }

    pub(crate) fn entries(&self) -> Vec<Entry> {
        self.lock().clone()
    }

    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.bell.subscribe()
    }

    pub(crate) fn effect(&self, effect: Effect) {
        self.append(What::Effect(effect));
    }

    /// Records a request and says which line it is.
    pub(crate) fn request(&self, request: Request) -> u64 {
        self.append(What::Request(request))
    }

    /// Completes a request's line.
    pub(crate) fn answered(&self, sequence: u64, status: u16, refused: bool, note: &str) {
        {
            let mut entries = self.lock();
            let found = entries.iter_mut().rfind(|entry| entry.sequence == sequence);
            if let Some(Entry { what: What::Request(request), .. }) = found {
                request.status = status;
                request.refused = refused;
                note.clone_into(&mut request.note);
            }
        }
        self.bump();
    }

    /// Wakes those who wait, without a new line.
    pub(crate) fn bump(&self) {
        self.bell.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// The last lines, for a message.
    pub(crate) fn tail(&self) -> String {
        let entries = self.lock();
        let skipped = entries.len().saturating_sub(12);
        let lines: Vec<String> = entries.iter().skip(skipped).map(Entry::to_string).collect();
        format!("the journal ends:\n{}", lines.join("\n"))
    }

    fn append(&self, what: What) -> u64 {
        let sequence = {
            let mut entries = self.lock();
            let sequence = entries.len() as u64 + 1;
            entries.push(Entry { sequence, what });
            sequence
        };
        self.bump();
        sequence
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    /// The request, if it is one.
    pub fn request(&self) -> Option<&Request> {
        match &self.what {
            What::Request(request) => Some(request),
            What::Effect(_) => None,
        }
    }

    /// The effect, if it is one.
    pub fn effect(&self) -> Option<&Effect> {
        match &self.what {
            What::Effect(effect) => Some(effect),
            What::Request(_) => None,
        }
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            What::Request(request) => {
                let Request { wall, method, path, status, note, .. } = request;
                write!(f, "{:>4} {wall:?} {method} {path} -> {status} {note}", self.sequence)
            }
            What::Effect(effect) => write!(f, "{:>4}   {effect:?}", self.sequence),
        }
    }
}
