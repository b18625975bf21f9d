//! The first words of a TLS connection, which say in the clear which host they are for. Many hosts stand
//! at one address, so what was looked up and connected to does not yet tell who is spoken to.

use std::io;
use tls_parser::{
    SNIType, TlsExtension, TlsExtensionType, TlsMessage, TlsMessageHandshake,
    parse_tls_client_hello_extensions, parse_tls_plaintext,
};
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// What comes before each part of what is said: its type, the version and its length.
const HEADER: usize = 5;
/// The type of what begins a connection.
const HANDSHAKE: u8 = 22;
/// As much as one part may have, <https://www.rfc-editor.org/rfc/rfc8446#section-5.1>.
const LONGEST: usize = 1 << 14;
/// A fatal alert "unrecognized name", <https://www.rfc-editor.org/rfc/rfc6066#section-3>. Programs show
/// it in place of a connection that breaks off.
pub(super) const UNRECOGNIZED_NAME: [u8; 7] = [0x15, 3, 3, 0, 2, 2, 112];

/// What a program said first.
#[derive(Debug)]
pub(super) struct Hello {
    /// Word for word.
    pub(super) bytes: Vec<u8>,
    /// The one host it is for, in lower case. `None`: it is no TLS, it names no host, or it may be for
    /// another one that only the other side can read.
    pub(super) host: Option<String>,
}

/// Reads as far as the name goes. A program that needs more than one part to say it is not understood.
pub(super) async fn read(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Hello> {
    let mut bytes = vec![0; HEADER];
    from.read_exact(&mut bytes).await?;
    if let [HANDSHAKE, 3, _, high, low] = bytes[..] {
        let length = usize::from(u16::from_be_bytes([high, low]));
        if length <= LONGEST {
            bytes.resize(HEADER + length, 0);
            from.read_exact(bytes.split_at_mut(HEADER).1).await?;
        }
    }
    let host = host(&bytes);
    Ok(Hello { bytes, host })
}

fn host(said: &[u8]) -> Option<String> {
    let ([], record) = parse_tls_plaintext(said).ok()? else { return None };
    let [TlsMessage::Handshake(TlsMessageHandshake::ClientHello(hello))] = &record.msg[..] else {
        return None;
    };
    let ([], extensions) = parse_tls_client_hello_extensions(hello.ext?).ok()? else { return None };
    if extensions.iter().any(hides_a_name) {
        return None;
    }
    let mut names = extensions.iter().filter_map(|extension| {
        if let TlsExtension::SNI(names) = extension { Some(&names[..]) } else { None }
    });
    let (Some([(SNIType::HostName, name)]), None) = (names.next(), names.next()) else {
        return None;
    };
    std::str::from_utf8(name).ok().map(str::to_ascii_lowercase)
}

/// Encrypted Client Hello, <https://www.rfc-editor.org/rfc/rfc9849>, and the drafts before it: the name
/// in the clear is then not the one that counts.
fn hides_a_name(extension: &TlsExtension<'_>) -> bool {
    let TlsExtensionType(number) = TlsExtensionType::from(extension);
    matches!(number, 0xfe00..=0xfeff | 0xffce)
}
