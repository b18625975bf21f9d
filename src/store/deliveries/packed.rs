//! Bodies as they are stored: compressed, because what is not written need not be waited for.
//!
//! A packed body is one zstd frame and says so by its first four bytes, which no JSON begins with; so
//! rows that were stored as they came are read as before, and no column says which is which.

use bytes::Bytes;
use std::cell::RefCell;
use std::io;
use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe::get_frame_content_size;

/// How a zstd frame begins. <https://datatracker.ietf.org/doc/html/rfc8878#section-3.1.1>
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// Faster levels save less time than the disk then needs for what they leave.
const LEVEL: i32 = 1;
/// Nothing larger was ever accepted, so nothing larger is ever unpacked.
const LARGEST: u64 = 32 * 1024 * 1024;
/// Larger bodies are packed where they keep nobody else waiting.
const SMALL: usize = 256 * 1024;

thread_local! {
    /// Its memory is made once for each thread, not for each body.
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
}

/// Packs a body. What cannot be packed is stored as it is.
pub(super) async fn pack(body: Bytes) -> Vec<u8> {
    if body.len() <= SMALL {
        return pack_now(&body);
    }
    let large = body.clone();
    let packed = tokio::task::spawn_blocking(move || pack_now(&large)).await;
    packed.unwrap_or_else(|_| body.to_vec())
}

fn pack_now(body: &[u8]) -> Vec<u8> {
    let packed = COMPRESSOR.with_borrow_mut(|compressor| {
        if compressor.is_none() {
            *compressor = Compressor::new(LEVEL).ok();
        }
        compressor.as_mut()?.compress(body).ok()
    });
    packed.unwrap_or_else(|| body.to_vec())
}

/// The body as it came.
pub(super) fn unpack(stored: Vec<u8>) -> io::Result<Vec<u8>> {
    if !stored.starts_with(&MAGIC) {
        return Ok(stored);
    }
    let size = get_frame_content_size(&stored).ok().flatten().filter(|size| *size <= LARGEST);
    let size = size.and_then(|size| usize::try_from(size).ok());
    let size = size.ok_or_else(|| io::Error::other("a stored body does not say how long it is"))?;
    Decompressor::new()?.decompress(&stored, size)
}
