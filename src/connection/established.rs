//! A connection over which HTTP can be spoken, or will be after its TLS handshake.

use crate::connection::link::Link;
use crate::connection::peer::Peer;
use crate::transport::cancel::Cancel;
use crate::transport::stream::Stream;
use crate::transport::sys::{Event, Instant};
use crate::transport::tcp::Tcp;
use crate::transport::tls::Session;
use std::sync::Arc;

/// It stays where it is in memory while it goes from a fetch to the pool and to the next fetch.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(super) link: Link,
    pub(super) stream: Stream,
    pub(super) peer: Peer,
    /// What it does while the pool has it.
    pub(super) doing: Doing,
}

/// Whether its last response has come as a whole.
#[derive(Clone, Copy, Debug)]
pub(super) enum Doing {
    Idle {
        since: Instant,
    },
    /// `left` bytes are still to come, and have to have come by `until`.
    Draining {
        left: u64,
        until: Instant,
    },
}

impl Connection {
    /// `session` is TLS, whose handshake comes next, if it is to be spoken.
    pub(crate) fn new(
        link: Link,
        tcp: Tcp,
        session: Option<Box<Session>>,
        peer: Peer,
        now: Instant,
    ) -> Box<Self> {
        let stream = Stream::new(tcp, session);
        Box::new(Self { link, stream, peer, doing: Doing::Idle { since: now } })
    }

    /// Something happened to one of the sockets that were made for it: those of attempts that lost
    /// the race may still be told of.
    pub(super) fn handle_event(&mut self, event: Event) {
        if event.token == self.stream.token(self.link.token()) {
            self.stream.handle_event(event);
        }
    }

    /// Goes to a fetch, after the pool had it.
    pub(crate) fn adopt(&mut self, cancel: &Arc<Cancel>) {
        self.stream.adopt(cancel);
    }

    /// For how long it has been idle.
    pub(super) fn idle_ns(&self, now: Instant) -> u64 {
        match self.doing {
            Doing::Idle { since } => now.ns_since(since),
            Doing::Draining { .. } => 0,
        }
    }

    /// Closes it. Its place is still to be given back.
    pub(crate) fn close(self) -> Link {
        self.link
    }
}
