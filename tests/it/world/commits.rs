//! A wall between a server and PostgreSQL: passes everything on, knows each COMMIT by what its
//! transaction wrote, and can break the connection there, before the database hears of it or before
//! its answer is heard.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What PostgreSQL says when it is ready again outside of a transaction.
const READY: &[u8] = b"Z\0\0\0\x05I";
/// The message that asks whether encryption is possible.
const ENCRYPTION: &[u8] = &80_877_103_u32.to_be_bytes();
const SOCKET: &str = ".s.PGSQL.5432";

/// On which side of a COMMIT's effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Before,
    After,
}

/// The wall; it is gone when this is dropped.
pub(crate) struct Wall {
    folder: tempfile::TempDir,
    database: PathBuf,
    url: String,
    state: Arc<State>,
    doors: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct State {
    /// What the transactions wrote that came to their COMMIT.
    seen: Mutex<Vec<String>>,
    planned: Mutex<Option<Planned>>,
}

#[derive(Clone)]
struct Planned {
    what: What,
    /// So many of the same kind pass first.
    after: usize,
    side: Side,
    reached: watch::Sender<Option<usize>>,
    then: watch::Receiver<Option<Then>>,
}

/// Where a connection stands.
#[derive(Clone, PartialEq, Eq)]
enum What {
    /// At the COMMIT of a transaction that wrote this.
    Commit(String),
    /// At a statement that begins so.
    Statement(&'static str),
}

/// How it goes on at the wall.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    Break,
    Pass,
}

/// A connection that stands at the wall.
pub(crate) struct Break {
    reached: watch::Receiver<Option<usize>>,
    then: watch::Sender<Option<Then>>,
}

impl Break {
    /// Waits until a COMMIT stands at the wall, and says at which door.
    pub(crate) async fn reached(&self) -> usize {
        let mut reached = self.reached.clone();
        reached.wait_for(Option::is_some).await.unwrap().unwrap()
    }

    /// Breaks the connection that stands there, or that will.
    pub(crate) fn cut(&self) {
        self.then.send_replace(Some(Then::Break));
    }

    /// Lets the connection that stands there pass, as if nothing had been.
    pub(crate) fn pass(&self) {
        self.then.send_replace(Some(Then::Pass));
    }
}

impl Drop for Wall {
    fn drop(&mut self) {
        for door in &self.doors {
            door.abort();
        }
    }
}

impl Wall {
    /// A wall in front of this database.
    pub(crate) fn before(url: &str) -> Self {
        let (_, host) = url.split_once("host=").expect("a socket's folder");
        let database = PathBuf::from(host.split('&').next().unwrap());
        let folder = tempfile::Builder::new().prefix("wall").tempdir_in("/tmp").unwrap();
        let (url, state) = (url.to_owned(), Arc::default());
        Self { folder, database, url, state, doors: Vec::new() }
    }

    /// The address of another way through the wall.
    pub(crate) fn door(&mut self) -> String {
        let number = self.doors.len();
        let folder = self.folder.path().join(number.to_string());
        std::fs::create_dir(&folder).unwrap();
        let listener = UnixListener::bind(folder.join(SOCKET)).unwrap();
        let (state, database) = (Arc::clone(&self.state), self.database.join(SOCKET));
        self.doors.push(tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = UnixStream::connect(&database).await else { continue };
                tokio::spawn(carry(number, client, server, Arc::clone(&state)));
            }
        }));
        let (from, to) = (self.database.display().to_string(), folder.display().to_string());
        self.url.replace(&from, &to)
    }

    /// What the transactions wrote that came to their COMMIT so far.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.state.seen.lock().unwrap().clone()
    }

    /// Breaks the connection at a COMMIT of this kind, when so many have passed from now on.
    pub(crate) fn breaks_at(&self, wrote: &str, after: usize, side: Side) -> Break {
        self.plan(What::Commit(wrote.to_owned()), after, side)
    }

    /// Holds the connection at a statement that begins so; the database hears nothing of it.
    pub(crate) fn stands_at(&self, statement: &'static str) -> Break {
        self.plan(What::Statement(statement), 0, Side::Before)
    }

    fn plan(&self, what: What, after: usize, side: Side) -> Break {
        let (reached, seen) = watch::channel(None);
        let (then, what_then) = watch::channel(None);
        let planned = Planned { what, after, side, reached, then: what_then };
        *self.state.planned.lock().unwrap() = Some(planned);
        Break { reached: seen, then }
    }
}

impl State {
    /// Notes a COMMIT; what is planned for it, if anything is.
    fn commits(&self, wrote: &str) -> Option<Planned> {
        self.seen.lock().unwrap().push(wrote.to_owned());
        self.stops(|what| *what == What::Commit(wrote.to_owned()))
    }

    /// What is planned for a statement, if anything is.
    fn runs(&self, sql: &str) -> Option<Planned> {
        self.stops(|what| matches!(what, What::Statement(begins) if sql.starts_with(begins)))
    }

    fn stops(&self, here: impl Fn(&What) -> bool) -> Option<Planned> {
        let mut planned = self.planned.lock().unwrap();
        let one = planned.as_mut().filter(|planned| here(&planned.what))?;
        if one.after > 0 {
            one.after -= 1;
            return None;
        }
        planned.take()
    }
}

/// Carries a connection until one of its ends closes it or it breaks.
async fn carry(door: usize, client: UnixStream, server: UnixStream, state: Arc<State>) {
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let silence = watch::Sender::new(None);
    let (statements, wrote) = (BTreeMap::new(), Vec::new());
    let forth = Forth { door, state, silence: silence.clone(), statements, wrote };
    tokio::select! {
        _ = forth.carry(from_client, to_server) => {}
        _ = back(door, from_server, to_client, silence) => {}
    }
}

async fn stand(door: usize, mut planned: Planned) -> Then {
    planned.reached.send_replace(Some(door));
    let then = planned.then.wait_for(Option::is_some).await;
    then.ok().and_then(|then| *then).unwrap_or(Then::Break)
}

/// Answers; from the COMMIT on whose answer is to be lost there are none.
async fn back(
    door: usize,
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    silence: watch::Sender<Option<Planned>>,
) -> io::Result<()> {
    let (mut buffer, mut held) = ([0; 16 * 1024], Vec::new());
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        let planned = silence.borrow().clone();
        let Some(planned) = planned else {
            to.write_all(&buffer[..read]).await?;
            continue;
        };
        held.extend_from_slice(&buffer[..read]);
        if held.ends_with(READY) {
            if stand(door, planned).await == Then::Break {
                return Ok(());
            }
            to.write_all(&std::mem::take(&mut held)).await?;
            silence.send_replace(None);
        }
    }
}

/// What a server sends.
struct Forth {
    door: usize,
    state: Arc<State>,
    silence: watch::Sender<Option<Planned>>,
    /// Prepared statements by their names.
    statements: BTreeMap<Vec<u8>, String>,
    /// What the open transaction wrote.
    wrote: Vec<String>,
}

impl Forth {
    async fn carry(mut self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) -> io::Result<()> {
        // The first messages have no type: perhaps one that asks for encryption, then the greeting.
        loop {
            let length = from.read_u32().await?;
            let mut first = vec![0; length as usize - 4];
            from.read_exact(&mut first).await?;
            to.write_all(&[&length.to_be_bytes()[..], &first].concat()).await?;
            if !first.starts_with(ENCRYPTION) {
                break;
            }
        }
        loop {
            let (kind, length) = (from.read_u8().await?, from.read_u32().await?);
            let mut body = vec![0; length as usize - 4];
            from.read_exact(&mut body).await?;
            if let Some(planned) = self.reads(kind, &body) {
                if planned.side == Side::After {
                    self.silence.send_replace(Some(planned));
                } else if stand(self.door, planned).await == Then::Break {
                    return Ok(());
                }
            }
            to.write_all(&[&[kind][..], &length.to_be_bytes(), &body].concat()).await?;
        }
    }

    /// Understands as much as is needed to know what a transaction wrote.
    fn reads(&mut self, kind: u8, body: &[u8]) -> Option<Planned> {
        let mut texts = body.split(|byte| *byte == 0);
        let first = texts.next().unwrap_or_default().to_vec();
        let second = texts.next().unwrap_or_default().to_vec();
        match kind {
            b'P' => {
                let sql = String::from_utf8_lossy(&second).into_owned();
                self.statements.insert(first, sql);
            }
            b'B' => {
                let sql = self.statements.get(&second)?;
                self.wrote.extend(written(sql));
                return self.state.runs(sql);
            }
            b'Q' if first.to_ascii_lowercase().starts_with(b"begin") => self.wrote.clear(),
            b'Q' if first == b"COMMIT" => {
                self.wrote.dedup();
                return self.state.commits(&self.wrote.join(", "));
            }
            _ => {}
        }
        None
    }
}

/// `insert commands`, `update tasks.phase`: what a statement writes, if it writes.
fn written(sql: &str) -> Option<String> {
    let mut words = sql.split_whitespace();
    match words.next()? {
        "insert" => words.nth(1).map(|table| format!("insert {table}")),
        "update" => {
            let (table, column) = (words.next()?, words.nth(1)?);
            Some(format!("update {table}.{column}"))
        }
        "delete" => words.nth(1).map(|table| format!("delete {table}")),
        _ => None,
    }
}
