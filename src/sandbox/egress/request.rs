//! What a program says to a proxy before its own words, and what it is answered.

use std::io;
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// The longest beginning of a connection.
const LONGEST: usize = 8 * 1024;
/// What is answered when the way is free.
pub(super) const ESTABLISHED: &str = "HTTP/1.1 200 Connection established\r\n\r\n";

/// Where a program wants to go.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Request {
    /// In lower case; only of characters that a name can have.
    pub(super) host: String,
    pub(super) port: u16,
}

/// Reads to the end of the beginning, byte after byte: what follows is not ours. `None`: it asks for
/// something else than a connection.
pub(super) async fn read(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Request>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() >= LONGEST {
            return Ok(None);
        }
        head.push(from.read_u8().await?);
    }
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    Ok(std::str::from_utf8(line).ok().and_then(parse))
}

fn parse(line: &str) -> Option<Request> {
    let mut words = line.split(' ');
    let (method, target, version) = (words.next()?, words.next()?, words.next()?);
    if method != "CONNECT" || !version.starts_with("HTTP/1.") || words.next().is_some() {
        return None;
    }
    let (host, port) = target.rsplit_once(':')?;
    let is_name =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']');
    let fits = (1..=255).contains(&host.len()) && host.chars().all(is_name);
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    fits.then_some(Request { host, port: port.parse().ok()? })
}

/// A refusal: programs show its first line, or its text.
pub(super) fn refusal(status: u16, why: &str) -> String {
    let length = why.len() + 1;
    format!(
        "HTTP/1.1 {status} {why}\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\nConnection: \
         close\r\n\r\n{why}\n"
    )
}
