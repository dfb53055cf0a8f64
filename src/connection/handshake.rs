//! The TLS handshake, between the race for a connection and the exchange over it.

use crate::connection::Context;
use crate::connection::peer::Peer;
use crate::connection::race::Winner;
use crate::error::{Error, Kind};
use crate::transport::stream::Stream;
use crate::transport::sys::{Errno, Event};
use crate::transport::tls::{Session, Step};

#[derive(Debug)]
pub(crate) struct Handshake {
    stream: Stream,
    peer: Peer,
}

/// A connection over which HTTP can be spoken.
#[derive(Debug)]
pub(crate) struct Connected {
    pub(crate) peer: Peer,
    pub(crate) stream: Stream,
}

impl From<Winner> for Connected {
    /// Without TLS.
    fn from(winner: Winner) -> Self {
        Self { peer: winner.peer, stream: Stream::plain(winner.tcp) }
    }
}

impl From<Handshake> for Connected {
    /// Once it is complete.
    fn from(handshake: Handshake) -> Self {
        Self { peer: handshake.peer, stream: handshake.stream }
    }
}

impl Handshake {
    pub(crate) fn new(winner: Winner, session: Box<Session>) -> Self {
        Self { stream: Stream::secure(winner.tcp, session), peer: winner.peer }
    }

    pub(crate) fn handle_event(&mut self, event: Event) {
        // Those of attempts that lost the race may still come.
        if event.token == self.stream.token() {
            self.stream.handle_event(event);
        }
    }

    /// Goes as far as it can; says whether it is complete.
    pub(crate) fn poll(&mut self) -> Result<bool, Error> {
        match self.stream.shake_hands() {
            Ok(Step::Waits) => Ok(false),
            Ok(Step::Complete) => Ok(true),
            Ok(Step::Ended) => Err(self.explain(Error::new(
                Kind::Tls,
                "the server closed the connection before the handshake was complete",
            ))),
            Err(errno) => Err(self.broken(errno)),
        }
    }

    fn broken(&mut self, errno: Errno) -> Error {
        let error = match self.stream.take_failure() {
            Some(failure) => *failure,
            None => Error::with_os(Kind::Tls, errno.0, errno.to_string()),
        };
        self.explain(error)
    }

    fn explain(&self, error: Error) -> Error {
        error.behind(&format!("TLS handshake with {}: ", self.peer))
    }

    /// Ends the connection at once, not in an orderly way.
    pub(crate) fn abort(&mut self, cx: &Context<'_>) {
        // Whom we have refused is to know why: the alert is on its way, and a reset could overtake
        // it.
        if cx.cancel.is_cancelled() || !self.stream.has_failed() {
            self.stream.abort();
        }
    }
}
