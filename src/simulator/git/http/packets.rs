//! git's packets: what a push asks for, and its report with GitHub's own reasons.
//!
//! A hook can refuse a ref but not say why in the report, so the reasons are put in afterwards.

use crate::simulator::acts::push::Move;

const DECLINED: &str = "hook declined";

/// One packet.
pub(crate) fn packet(content: &[u8]) -> Vec<u8> {
    let mut packet = format!("{:04x}", content.len() + 4).into_bytes();
    packet.extend_from_slice(content);
    packet
}

/// The ref updates a push begins with.
pub(crate) fn commands(body: &[u8]) -> Vec<Move> {
    let mut moves = Vec::new();
    for content in Packets(body) {
        let Some(content) = content else { break };
        let line = content.split(|byte| *byte == 0).next().unwrap_or_default();
        let line = String::from_utf8_lossy(line);
        let mut words = line.trim_end().splitn(3, ' ');
        if let (Some(old), Some(new), Some(reference)) = (words.next(), words.next(), words.next())
        {
            let present =
                |sha: &str| Some(sha.to_owned()).filter(|sha| !sha.trim_matches('0').is_empty());
            let reference = reference.to_owned();
            moves.push(Move { reference, old: present(old), new: present(new) });
        }
    }
    moves
}

/// Replaces "hook declined" in a report by the reason the hook printed.
pub(crate) fn with_reasons(output: &[u8]) -> Vec<u8> {
    let (mut report, mut progress) = (Vec::new(), Vec::new());
    for content in Packets(output).flatten() {
        match content.split_first() {
            Some((1, data)) => report.extend_from_slice(data),
            Some((2, data)) => progress.extend_from_slice(data),
            _ => return output.to_vec(),
        }
    }
    let progress = String::from_utf8_lossy(&progress).into_owned();
    let mut reasons = progress.lines().filter_map(|line| line.strip_prefix("reason: "));
    let mut inner = Vec::new();
    for content in Packets(&report).flatten() {
        let line = String::from_utf8_lossy(content).into_owned();
        let refused = line.trim_end().strip_suffix(DECLINED);
        match refused.and_then(|head| Some(format!("{head}{}\n", reasons.next()?))) {
            Some(line) => inner.extend(packet(line.as_bytes())),
            None => inner.extend(packet(content)),
        }
    }
    if !progress.contains("reason: ") {
        return output.to_vec();
    }
    inner.extend(b"0000");
    let mut answer = Vec::new();
    for line in progress.lines().filter(|line| !line.starts_with("reason: ")) {
        answer.extend(packet(format!("\u{2}{line}\n").as_bytes()));
    }
    inner.insert(0, 1);
    answer.extend(packet(&inner));
    answer.extend(b"0000");
    answer
}

/// The packets of a stream; a flush is `None`, and the end is where no packet begins.
struct Packets<'a>(&'a [u8]);

impl<'a> Iterator for Packets<'a> {
    type Item = Option<&'a [u8]>;

    fn next(&mut self) -> Option<Self::Item> {
        let (length, rest) = self.0.split_at_checked(4)?;
        let length = usize::from_str_radix(std::str::from_utf8(length).ok()?, 16).ok()?;
        if length < 4 {
            self.0 = rest;
            return Some(None);
        }
        let (content, rest) = rest.split_at_checked(length - 4)?;
        self.0 = rest;
        Some(Some(content))
    }
}
