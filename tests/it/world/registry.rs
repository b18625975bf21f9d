//! Something to fetch from: a service on loopback that stands for a host on the internet, and the
//! program with which repositories fetch from it.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// `fetch.py HOST [PORT [WORD]]`: goes through the proxy to a host and prints what it gets there for a
/// word; with `GET` in place of a port it asks for an address without a tunnel.
pub(crate) const FETCH: &str = r#"import os, socket, sys
from urllib.parse import urlparse
host, port, word = (sys.argv[1:] + ["443", "word"][len(sys.argv) - 2:])[:3]
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

/// A number is answered with so many bytes, everything else with one word.
fn answer(mut stream: TcpStream) {
    let mut word = String::new();
    if BufReader::new(&stream).read_line(&mut word).is_err() {
        return;
    }
    let answer = match word.trim().parse::<usize>() {
        Ok(length) => "x".repeat(length),
        Err(_) => "fetched\n".to_owned(),
    };
    // Who goes away early is what some tests are about.
    let _ = stream.write_all(answer.as_bytes());
}
