//! Something to fetch from: a service on loopback that stands for a host on the internet, and the
//! program with which repositories fetch from it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// `fetch.py HOST [PORT [WORD [NAME]]]`: goes through the proxy to a host, begins as TLS does with that
/// name, and prints what it gets there for a word; with `GET` in place of a port it asks for an address
/// without a tunnel.
pub(crate) const FETCH: &str = r#"import os, socket, ssl, sys
from urllib.parse import urlparse
host, port, word, name = sys.argv[1:] + ["443", "word", sys.argv[1].rstrip(".")][len(sys.argv) - 2:]
proxy = urlparse(os.environ["https_proxy"])
s = socket.create_connection((proxy.hostname, proxy.port))
line = f"GET {host} HTTP/1.1" if port == "GET" else f"CONNECT {host}:{port} HTTP/1.1"
s.sendall(f"{line}\r\nHost: {host}\r\n\r\n".encode())
answer = s.makefile("rb")
status = answer.readline().decode().strip()
while answer.readline().strip():
    pass
if " 200 " not in status:
    sys.exit(status)
said = ssl.MemoryBIO()
tls = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), said, server_hostname=name)
try:
    tls.do_handshake()
except ssl.SSLWantReadError:
    pass
hello = said.read()
# Two at a time, as a slow line would bring it.
for start in range(0, len(hello), 2):
    s.sendall(hello[start:start + 2])
s.sendall(f"{word}\n".encode())
sys.stdout.write(answer.read().decode())
"#;

/// The service. It counts who comes.
#[derive(Clone)]
pub(crate) struct Registry {
    address: SocketAddr,
    asked: Arc<AtomicUsize>,
}

impl Registry {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&asked);
        // It ends with the tests.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                counter.fetch_add(1, Ordering::SeqCst);
                std::thread::spawn(move || answer(stream));
            }
        });
        Self { address, asked }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// How often somebody has come.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

/// What TLS begins with is passed over. A number is answered with so many bytes, everything else with
/// one word.
fn answer(mut stream: TcpStream) {
    let mut reader = BufReader::new(&stream);
    let mut header = [0; 5];
    if reader.read_exact(&mut header).is_err() {
        return;
    }
    let mut hello = vec![0; usize::from(u16::from_be_bytes([header[3], header[4]]))];
    let mut word = String::new();
    if reader.read_exact(&mut hello).and_then(|()| reader.read_line(&mut word)).is_err() {
        return;
    }
    let answer = match word.trim().parse::<usize>() {
        Ok(length) => "x".repeat(length),
        Err(_) => "fetched\n".to_owned(),
    };
    // Who goes away early is what some tests are about.
    let _ = stream.write_all(answer.as_bytes());
}
