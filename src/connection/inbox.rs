//! Bytes that have been received and not been decoded yet.
//!
//! Normally there are none, and no memory either: bytes are received into the client's buffer,
//! which is taken for as long as one fetch is driven. Only what is left over then, such as half a
//! head, is copied into memory of its own.

use crate::transport::stream::Stream;
use crate::transport::sys::Errno;

/// The size of the client's buffer.
const BUFFER: usize = 64 * 1024;

/// How much is received behind bytes that were left over.
const MORE: usize = 16 * 1024;

#[derive(Debug, Default)]
pub(super) struct Inbox {
    bytes: Vec<u8>,
    /// Where the rest begins. A short number: every fetch that waits has one.
    at: u32,
    /// Whether `bytes` is the client's buffer.
    lent: bool,
    /// How many guesses about what comes were wrong.
    wrong_guesses: u8,
}

/// After so many wrong guesses, none is made any more.
const WRONG_GUESSES_MAX: u8 = 8;

impl Inbox {
    pub(super) fn rest(&self) -> &[u8] {
        &self.bytes[self.at as usize..]
    }

    pub(super) fn is_empty(&self) -> bool {
        self.at as usize == self.bytes.len()
    }

    /// The first `count` bytes of the rest have been used.
    pub(super) fn consume(&mut self, count: usize) {
        self.at += count as u32;
        debug_assert!(self.at as usize <= self.bytes.len());
    }

    /// Receives behind the rest, at most `max` bytes; as `Stream::receive`.
    #[inline(always)]
    pub(super) fn receive(
        &mut self,
        stream: &mut Stream,
        buffer: &mut Vec<u8>,
        max: usize,
    ) -> Result<Option<usize>, Errno> {
        self.make_room(buffer);
        let wanted = max.min(self.bytes.capacity() - self.bytes.len());
        stream.receive_behind(&mut self.bytes, wanted)
    }

    /// Receives into `first`, then behind the rest, which is empty; as `Stream::receive`.
    pub(super) fn receive_behind(
        &mut self,
        stream: &mut Stream,
        first: &mut [u8],
        buffer: &mut Vec<u8>,
        max: usize,
    ) -> Result<Option<usize>, Errno> {
        self.make_room(buffer);
        let max = max.min(self.bytes.capacity() - self.bytes.len());
        stream.receive_split(first, &mut self.bytes, max)
    }

    /// Whether what comes may be guessed, so as to receive it elsewhere.
    pub(super) fn may_be_guessed(&self) -> bool {
        self.wrong_guesses < WRONG_GUESSES_MAX
    }

    pub(super) fn note_wrong_guess(&mut self) {
        self.wrong_guesses += 1;
    }

    /// Keeps bytes that were received elsewhere, behind the rest.
    pub(super) fn keep(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    fn make_room(&mut self, buffer: &mut Vec<u8>) {
        if self.is_empty() {
            self.at = 0;
            self.bytes.clear();
            if !self.lent {
                // Memory that a left-over needed goes with it.
                self.bytes = std::mem::take(buffer);
                self.bytes.clear();
                self.bytes.reserve(BUFFER);
                self.lent = true;
            }
        } else if self.lent {
            self.bytes.drain(..self.at as usize);
            self.at = 0;
        }
        if self.bytes.len() == self.bytes.capacity() {
            self.bytes.reserve(MORE);
        }
    }

    /// Gives the client its buffer back, and keeps what is left over.
    #[inline]
    pub(super) fn park(&mut self, buffer: &mut Vec<u8>) {
        if self.bytes.capacity() > 0 {
            self.give_back(buffer);
        }
    }

    #[inline(always)]
    fn give_back(&mut self, buffer: &mut Vec<u8>) {
        if self.lent {
            let rest = if self.is_empty() { Vec::new() } else { self.rest().to_vec() };
            *buffer = std::mem::replace(&mut self.bytes, rest);
            buffer.clear();
            if buffer.capacity() > BUFFER {
                buffer.shrink_to(BUFFER);
            }
            self.lent = false;
        } else if self.is_empty() {
            self.bytes = Vec::new();
        } else {
            self.bytes.drain(..self.at as usize);
        }
        self.at = 0;
    }
}
