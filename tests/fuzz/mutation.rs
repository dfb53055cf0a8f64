//! How an input is changed: a few bytes of it, a piece of it, or a piece of another one.

use super::random::Random;

/// Bytes that mean something in one format or another.
const BYTES: &[u8] = &[0, 1, 9, b'\n', b'\r', b' ', b'0', b'9', b':', b';', 0x7f, 0x80, 0xc0, 0xff];

/// One of `all`, mostly changed, up to four times; bytes before `from` stay as they are, mostly.
/// `words` are what may come in between.
pub(super) fn mutate(
    random: &mut Random,
    all: &[Vec<u8>],
    words: &[&[u8]],
    from: usize,
) -> Vec<u8> {
    let other = &all[random.below(all.len() as u64) as usize];
    let mut bytes = all[random.below(all.len() as u64) as usize].clone();
    for _ in 0..random.below(5) {
        let from = if random.percent(90) { from.min(bytes.len()) } else { 0 };
        let mut place = |end: usize| from + random.below((end - from) as u64 + 1) as usize;
        let (at, end) = (place(bytes.len()), place(bytes.len()));
        let (at, end) = (at.min(end), at.max(end));
        let word = random.one_of(words);
        match random.below(9) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..end.min(at + 8))),
            2 => bytes.extend_from_within(at..end),
            3 => drop(bytes.splice(at..at, word.iter().copied())),
            4 => drop(bytes.splice(at..end.min(at + word.len()), word.iter().copied())),
            5 => {
                let piece = random.below(other.len() as u64 + 1) as usize;
                drop(bytes.splice(at.., other[piece..].iter().copied()));
            }
            6 => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = random.one_of(BYTES)),
            7 => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << random.below(8)),
            _ => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = random.number() as u8),
        }
    }
    bytes
}

/// The same bytes in several parts, often of one byte where there are few.
pub(super) fn split<'b>(random: &mut Random, mut bytes: &'b [u8]) -> Vec<&'b [u8]> {
    let most = random.one_of(&[1, 3, 20, 100]) * (1 + bytes.len() as u64 / 1_000);
    let mut parts = Vec::new();
    while !bytes.is_empty() {
        let (part, rest) = bytes.split_at((1 + random.below(most) as usize).min(bytes.len()));
        parts.push(part);
        bytes = rest;
    }
    parts
}
