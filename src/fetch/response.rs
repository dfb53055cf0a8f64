//! What has come back so far.

use crate::proto::framing::Framing;
use crate::proto::head::{Fields, Head};
use crate::proto::persistence::CloseReason;
use crate::transport::sys::Instant;
use std::collections::VecDeque;

#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) head: Head,
    pub(crate) trailers: Fields,
    /// The length of the body, where the head told it.
    pub(crate) expected: Option<u64>,
    /// When the head was complete.
    pub(crate) receiving: Option<Instant>,
    /// Why the connection has to be closed behind it, if it has.
    pub(crate) close_reason: Option<CloseReason>,
    body: Body,
}

#[derive(Debug)]
enum Body {
    /// Between two polls, with a NUL behind it, or without memory.
    Collected(Vec<u8>),
    /// Read by the caller: so many bytes.
    Streamed(u64),
}

impl Response {
    pub(crate) fn new(head: Head, framing: Framing, streams: bool) -> Self {
        let expected = match framing {
            Framing::Empty => Some(0),
            Framing::Length(length) => Some(length),
            Framing::Chunked | Framing::Close => None,
        };
        let body = if streams { Body::Streamed(0) } else { Body::Collected(Vec::new()) };
        let trailers = Fields::default();
        Self { head, trailers, expected, receiving: None, close_reason: None, body }
    }

    /// Lets `fill` append to the collected body.
    pub(crate) fn collect<T>(&mut self, fill: impl FnOnce(&mut Vec<u8>) -> T) -> Option<T> {
        let Body::Collected(body) = &mut self.body else {
            return None;
        };
        body.pop();
        let result = fill(body);
        if body.capacity() > 0 {
            body.push(0);
        }
        Some(result)
    }

    pub(crate) fn handle_streamed(&mut self, count: usize) {
        if let Body::Streamed(read) = &mut self.body {
            *read += count as u64;
        }
    }

    /// The collected body with the NUL behind it.
    pub(crate) fn body(&self) -> Option<&[u8]> {
        match &self.body {
            Body::Collected(body) if body.is_empty() => Some(b"\0"),
            Body::Collected(body) => Some(body),
            Body::Streamed(_) => None,
        }
    }

    /// How many body bytes have come.
    pub(crate) fn received(&self) -> u64 {
        match &self.body {
            Body::Collected(body) => body.len().saturating_sub(1) as u64,
            Body::Streamed(read) => *read,
        }
    }
}

/// Interim responses on their way to the caller.
#[derive(Debug, Default)]
pub(crate) struct Interim {
    waiting: VecDeque<Head>,
    /// The one that the caller sees until it polls again.
    shown: Option<Head>,
}

impl Interim {
    pub(crate) fn push(&mut self, head: Head) {
        self.waiting.push_back(head);
    }

    pub(crate) fn waits(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// The caller polls: it has seen the one that was shown, and sees the next if that is told.
    pub(crate) fn tell(&mut self, next: bool) {
        self.shown = next.then(|| self.waiting.pop_front()).flatten();
    }

    pub(crate) fn shown(&self) -> Option<&Head> {
        self.shown.as_ref()
    }
}
