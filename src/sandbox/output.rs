//! What a command prints, as far as it is kept: the beginning and the end. It is read while the
//! command runs, so that one that never stops printing fills nothing.

use std::collections::VecDeque;

/// So many bytes are kept of the beginning, and as many of the end.
const KEPT: usize = 64 * 1024;

/// The head and the tail of a stream.
#[derive(Debug, Default)]
pub(super) struct Output {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    pub(super) total: u64,
}

impl Output {
    pub(super) fn add(&mut self, bytes: &[u8]) {
        self.total = self.total.saturating_add(bytes.len() as u64);
        let room = KEPT.saturating_sub(self.head.len()).min(bytes.len());
        let (to_head, to_tail) = bytes.split_at(room);
        self.head.extend_from_slice(to_head);
        let last = to_tail.len().saturating_sub(KEPT);
        self.tail.extend(to_tail.iter().skip(last));
        let over = self.tail.len().saturating_sub(KEPT);
        self.tail.drain(..over);
    }

    /// Takes this off the beginning, and says whether it was there.
    pub(super) fn strip(&mut self, mark: &[u8]) -> bool {
        let is_there = self.head.starts_with(mark);
        if is_there {
            self.head.drain(..mark.len());
            self.total = self.total.saturating_sub(mark.len() as u64);
        }
        is_there
    }

    /// All of it, or head and tail with what is missing between them.
    pub(super) fn text(&self) -> String {
        let kept = (self.head.len() + self.tail.len()) as u64;
        let left_out = self.total.saturating_sub(kept);
        let mut bytes = self.head.clone();
        if left_out > 0 {
            bytes.extend_from_slice(format!("\n[{left_out} bytes left out]\n").as_bytes());
        }
        bytes.extend(&self.tail);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}
