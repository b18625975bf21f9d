//! The door of a setup: the only way out of walls that have no network. Behind it stands this process,
//! which takes nothing but `CONNECT host:443`, looks the name up itself, and connects to exactly the
//! address that it found fit. A host that is not allowed, an address that is not the internet's and a
//! name that leads to one are refused with a sentence, and so is a connection that begins with the name of
//! another host: many stand at one address.
//!
//! What goes through after that is encrypted, and nobody looks into it: whoever allows a host allows all
//! that it does, also that it passes something on to others.

mod address;
mod hello;
mod request;

use crate::config::Outside;
use crate::domain::report::setup as say;
use crate::domain::setup::Hosts;
use address::is_public;
use request::Request;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio_util::sync::{CancellationToken, DropGuard};

/// The only port.
const PORT: u16 = 443;
/// Connections at once.
const MOST_CONNECTIONS: usize = 64;
/// A request has to be there within this, and a host has to answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// Bytes of one command, in both directions together.
const MOST_BYTES: u64 = 4 * 1024 * 1024 * 1024;
/// Hosts that are remembered by name.
const MOST_HOSTS: usize = 100;

/// What may be reached, and where it is.
#[derive(Clone, Debug)]
pub struct Egress {
    hosts: Hosts,
    outside: Outside,
    most_bytes: u64,
}

impl Egress {
    /// These hosts.
    pub fn new(hosts: Hosts, outside: Outside) -> Self {
        Self { hosts, outside, most_bytes: MOST_BYTES }
    }

    /// The same with another bound on what is fetched.
    #[must_use]
    pub fn with_most_bytes(self, most_bytes: u64) -> Self {
        Self { most_bytes, ..self }
    }

    /// The hosts, if any are allowed.
    pub fn hosts(&self) -> Option<&Hosts> {
        (!self.hosts.is_empty()).then_some(&self.hosts)
    }

    /// Opens a door in a folder; it is closed when the result is dropped.
    pub(super) fn open(&self, folder: &Path) -> io::Result<Door> {
        let socket = folder.join("door");
        let listener = UnixListener::bind(&socket)?;
        let closed = CancellationToken::new();
        let guard = Guard {
            egress: self.clone(),
            asked: Mutex::default(),
            seen: Mutex::default(),
            bytes: AtomicU64::new(0),
            closed: closed.clone(),
        };
        let guard = Arc::new(guard);
        tokio::spawn(Arc::clone(&guard).stand(listener));
        Ok(Door { socket, guard, _closes: closed.drop_guard() })
    }
}

/// An open door.
#[derive(Debug)]
pub(super) struct Door {
    socket: PathBuf,
    guard: Arc<Guard>,
    _closes: DropGuard,
}

impl Door {
    pub(super) fn socket(&self) -> &Path {
        &self.socket
    }

    /// What was refused, a sentence each. Each host is logged once, and nothing more of what was asked.
    pub(super) fn close(self) -> Vec<String> {
        let seen = self.guard.lock_seen();
        for (host, seen) in seen.iter() {
            let refused = seen.refused.len();
            tracing::info!(
                host,
                connections = seen.connections,
                refused,
                "a setup asked for a host"
            );
        }
        let refused: BTreeSet<&String> = seen.values().flat_map(|seen| &seen.refused).collect();
        refused.into_iter().cloned().collect()
    }
}

/// What one host came to.
#[derive(Debug, Default)]
struct Seen {
    connections: u64,
    refused: BTreeSet<String>,
}

/// Stands behind one door.
#[derive(Debug)]
struct Guard {
    egress: Egress,
    /// How often a name that stands elsewhere was asked for.
    asked: Mutex<BTreeMap<String, usize>>,
    seen: Mutex<BTreeMap<String, Seen>>,
    bytes: AtomicU64,
    closed: CancellationToken,
}

/// No, with its status.
struct Refused(u16, String);

impl Guard {
    async fn stand(self: Arc<Self>, listener: UnixListener) {
        let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
        loop {
            let accepted = tokio::select! {
                () = self.closed.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            // Without one of the places nothing is taken in; who waits is taken in later.
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            let Ok((stream, _)) = accepted else {
                tokio::time::sleep(Duration::from_millis(10)).await;
                continue;
            };
            let guard = Arc::clone(&self);
            tokio::spawn(async move {
                tokio::select! {
                    () = guard.closed.cancelled() => {}
                    // A connection that breaks is the program's matter.
                    _ = guard.serve(stream) => {}
                }
                drop(place);
            });
        }
    }

    async fn serve(&self, mut inside: UnixStream) -> io::Result<()> {
        let asked = tokio::time::timeout(PATIENCE, request::read(&mut inside)).await??;
        let reached = match asked {
            Some(Request { host, port }) => {
                self.reach(&host, port).await.map(|outside| (host, outside))
            }
            None => Err(Refused(405, say::REFUSED_REQUEST.to_owned())),
        };
        let (host, mut outside) = match reached {
            Ok(reached) => reached,
            Err(Refused(status, why)) => {
                return inside.write_all(request::refusal(status, &why).as_bytes()).await;
            }
        };
        inside.write_all(request::ESTABLISHED.as_bytes()).await?;
        let said = tokio::time::timeout(PATIENCE, hello::read(&mut inside)).await??;
        if said.host.as_ref() != Some(&host) {
            self.note(&host, |seen| {
                seen.refused.insert(say::refused_name(&host));
            });
            return inside.write_all(&hello::UNRECOGNIZED_NAME).await;
        }
        outside.write_all(&said.bytes).await?;
        let ((from_inside, to_inside), (from_outside, to_outside)) =
            (inside.split(), outside.split());
        let (up, down) = (self.pass(from_inside, to_outside), self.pass(from_outside, to_inside));
        tokio::try_join!(up, down).map(|_| ())
    }

    /// A connection to an allowed host, at an address that was looked at.
    async fn reach(&self, host: &str, port: u16) -> Result<TcpStream, Refused> {
        if port != PORT {
            return Err(self.refuse(host, 403, say::REFUSED_REQUEST.to_owned()));
        }
        if !self.egress.hosts.allow(host) {
            return Err(self.refuse(host, 403, say::refused_host(host)));
        }
        if self.spent() {
            return Err(self.refuse(host, 403, say::TOO_MUCH.to_owned()));
        }
        let unreachable = || {
            self.note(host, |_| {});
            Refused(502, say::unreachable(host))
        };
        let found = tokio::time::timeout(PATIENCE, self.look_up(host)).await;
        let found = found.map_err(|_| unreachable())?.map_err(|_| unreachable())?;
        let mut fit = found.into_iter().filter(|address| is_public(*address)).peekable();
        if fit.peek().is_none() {
            return Err(self.refuse(host, 403, say::refused_address(host)));
        }
        for address in fit {
            let there = self.egress.outside.addresses.get(&address).copied();
            let there = there.unwrap_or_else(|| SocketAddr::new(address, PORT));
            let connecting = tokio::time::timeout(PATIENCE, TcpStream::connect(there));
            if let Ok(Ok(stream)) = connecting.await {
                self.note(host, |seen| seen.connections += 1);
                return Ok(stream);
            }
        }
        Err(unreachable())
    }

    async fn look_up(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        if let Some(answers) = self.egress.outside.names.get(host) {
            let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
            let times = asked.entry(host.to_owned()).or_default();
            let answer = answers.get(*times).or(answers.last()).cloned();
            *times += 1;
            return Ok(answer.unwrap_or_default());
        }
        let found = tokio::net::lookup_host((host, PORT)).await?;
        Ok(found.map(|address| address.ip()).collect())
    }

    /// Passes on what comes, as long as it is not too much in all.
    async fn pass(
        &self,
        mut from: impl AsyncRead + Unpin,
        mut to: impl AsyncWrite + Unpin,
    ) -> io::Result<()> {
        let mut buffer = vec![0; 32 * 1024];
        loop {
            let read = from.read(&mut buffer).await?;
            let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else {
                return to.shutdown().await;
            };
            self.bytes.fetch_add(read as u64, Ordering::Relaxed);
            if self.spent() {
                self.note("", |seen| {
                    seen.refused.insert(say::TOO_MUCH.to_owned());
                });
                return Err(io::Error::other(say::TOO_MUCH));
            }
            to.write_all(bytes).await?;
        }
    }

    fn spent(&self) -> bool {
        self.bytes.load(Ordering::Relaxed) > self.egress.most_bytes
    }

    fn refuse(&self, host: &str, status: u16, why: String) -> Refused {
        self.note(host, |seen| {
            seen.refused.insert(why.clone());
        });
        Refused(status, why)
    }

    fn note(&self, host: &str, change: impl FnOnce(&mut Seen)) {
        let mut seen = self.lock_seen();
        if seen.len() < MOST_HOSTS || seen.contains_key(host) {
            change(seen.entry(host.to_owned()).or_default());
        }
    }

    fn lock_seen(&self) -> MutexGuard<'_, BTreeMap<String, Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
