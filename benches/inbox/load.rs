//! A load generator on one thread: keep-alive connections, one request after the other on each.

use super::payloads::Payloads;
use anyhow::{Context, ensure};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::LocalSet;

/// How to load the server.
#[derive(Clone)]
pub(crate) struct Load {
    pub(crate) payloads: Arc<Payloads>,
    /// Where it listens.
    pub(crate) address: String,
    /// Connections that are kept open.
    pub(crate) connections: u32,
    /// Numbers of deliveries, never used twice.
    pub(crate) next: Arc<AtomicU64>,
    pub(crate) time: Duration,
    /// So many a second; `None`: as many as it takes.
    pub(crate) rate: Option<f64>,
}

/// What came of it.
#[derive(Default)]
pub(crate) struct Outcome {
    pub(crate) accepted: u64,
    /// Answers that were no 202.
    pub(crate) refused: u64,
    /// From when each was to be sent, to its 202.
    pub(crate) times: Vec<Duration>,
    pub(crate) took: Duration,
}

impl Load {
    /// Loads the server from a thread of its own.
    pub(crate) async fn run(self) -> anyhow::Result<Outcome> {
        tokio::task::spawn_blocking(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(LocalSet::new().run_until(self.connections()))
        })
        .await?
    }

    async fn connections(self) -> anyhow::Result<Outcome> {
        let outcome = Rc::new(RefCell::new(Outcome::default()));
        let load = Rc::new(self);
        let began = Instant::now();
        let running = Rc::new(Cell::new(true));
        let connections = (0..load.connections).map(|number| {
            let connection = Connection {
                load: Rc::clone(&load),
                outcome: Rc::clone(&outcome),
                running: Rc::clone(&running),
                began,
                number,
            };
            tokio::task::spawn_local(connection.run())
        });
        let connections: Vec<_> = connections.collect();
        tokio::time::sleep(load.time).await;
        running.set(false);
        let took = began.elapsed();
        let (accepted, refused) = (outcome.borrow().accepted, outcome.borrow().refused);
        for connection in connections {
            connection.await??;
        }
        let times = std::mem::take(&mut outcome.borrow_mut().times);
        Ok(Outcome { accepted, refused, times, took })
    }
}

struct Connection {
    load: Rc<Load>,
    outcome: Rc<RefCell<Outcome>>,
    running: Rc<Cell<bool>>,
    began: Instant,
    number: u32,
}

impl Connection {
    async fn run(self) -> anyhow::Result<()> {
        let mut stream = TcpStream::connect(&self.load.address).await?;
        stream.set_nodelay(true)?;
        let (mut request, mut answer) = (Vec::new(), Vec::with_capacity(1024));
        let mut sent = 0;
        while self.running.get() {
            let due = self.due(sent).await;
            sent += 1;
            let number = self.load.next.fetch_add(1, Ordering::Relaxed);
            self.load.payloads.write(number, &mut request);
            let due = due.unwrap_or_else(Instant::now);
            stream.write_all(&request).await?;
            let status = read_answer(&mut stream, &mut answer).await?;
            let mut outcome = self.outcome.borrow_mut();
            if status == 202 {
                outcome.accepted += 1;
                outcome.times.push(due.elapsed());
            } else {
                outcome.refused += 1;
            }
        }
        Ok(())
    }

    /// Waits for the time of the next request, if there is a rate. A late one counts from when it
    /// should have been sent, so that a server that stands still is not spared.
    async fn due(&self, sent: u32) -> Option<Instant> {
        let connections = f64::from(self.load.connections);
        let every = connections / self.load.rate?;
        let at = every * (f64::from(sent) + f64::from(self.number) / connections);
        let due = self.began + Duration::from_secs_f64(at);
        tokio::time::sleep_until(due.into()).await;
        Some(due)
    }
}

/// Reads one answer; its status.
async fn read_answer(stream: &mut TcpStream, answer: &mut Vec<u8>) -> anyhow::Result<u16> {
    answer.clear();
    loop {
        ensure!(stream.read_buf(answer).await? > 0, "the server hung up");
        let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let (head, body) = answer.split_at(end + 4);
        let head = std::str::from_utf8(head)?;
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        if body.len() >= length.context("no length")?.parse::<usize>()? {
            return Ok(head.get(9..12).context("no status")?.parse()?);
        }
    }
}
