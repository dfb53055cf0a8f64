//! What has come back so far.

use crate::proto::framing::Framing;
use crate::proto::h1::Complete;
use crate::proto::head::{Fields, Head};
use crate::proto::persistence::CloseReason;
use crate::transport::sys::Instant;

#[derive(Debug, Default)]
pub(crate) struct Response {
    pub(crate) head: Head,
    pub(crate) trailers: Option<Box<Fields>>,
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

impl Default for Body {
    fn default() -> Self {
        Self::Collected(Vec::new())
    }
}

impl Response {
    /// A head has come, and nothing else yet.
    pub(crate) fn begin(&mut self, head: Head, framing: Framing, now: Instant) {
        self.head = head;
        self.receiving = Some(now);
        self.expected = match framing {
            Framing::Empty => Some(0),
            Framing::Length(length) => Some(length),
            Framing::Chunked | Framing::Close => None,
        };
    }

    /// The body will be read by the caller, instead of being collected.
    pub(crate) fn stream(&mut self) {
        self.body = Body::Streamed(0);
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

    pub(crate) fn complete(&mut self, Complete(trailers): Complete) {
        self.trailers = trailers;
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

/// How many are kept, and with how much memory for a body each.
const SPARES_MAX: usize = 64;
const BODY_MAX: usize = 1024;

/// The memory of responses that have been freed, for those that come: when many are answered at
/// once, that is half of what the allocator would have to do.
#[derive(Debug, Default)]
#[expect(clippy::vec_box, reason = "the boxes are what is used again")]
pub(crate) struct Spares(Vec<Box<Response>>);

impl Spares {
    pub(crate) fn take(&mut self) -> Box<Response> {
        self.0.pop().unwrap_or_default()
    }

    pub(crate) fn give_back(&mut self, mut response: Box<Response>) {
        if self.0.len() == SPARES_MAX {
            return;
        }
        let body = match std::mem::take(&mut response.body) {
            Body::Collected(mut body) if body.capacity() <= BODY_MAX => {
                body.clear();
                body
            }
            _ => Vec::new(),
        };
        *response = Response { body: Body::Collected(body), ..Response::default() };
        self.0.push(response);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_body(len: usize) -> Box<Response> {
        let mut response = Box::<Response>::default();
        response.collect(|body| body.resize(len, b'x'));
        response
    }

    #[test]
    fn nothing_of_a_freed_response_is_left_but_a_little_memory() {
        let mut spares = Spares::default();
        let mut freed = with_body(100);
        (freed.expected, freed.close_reason) = (Some(7), Some(CloseReason::Age));
        spares.give_back(freed);
        let mut taken = spares.take();
        assert_eq!((taken.expected, taken.close_reason, taken.received()), (None, None, 0));
        assert_eq!(taken.body(), Some(&b"\0"[..]));
        taken.collect(|body| assert!(body.is_empty() && body.capacity() >= 100));
    }

    #[test]
    fn a_large_body_is_not_kept_nor_are_many() {
        let mut spares = Spares::default();
        for _ in 0..SPARES_MAX + 1 {
            spares.give_back(with_body(BODY_MAX + 1));
        }
        assert_eq!(spares.0.len(), SPARES_MAX);
        spares.take().collect(|body| assert_eq!(body.capacity(), 0));
    }
}
