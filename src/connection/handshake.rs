//! The TLS handshake, between the race for a connection and the exchange over it.

use crate::connection::Context;
use crate::connection::established::Connection;
use crate::connection::link::Link;
use crate::error::{Error, Kind};
use crate::transport::sys::{Errno, Event};
use crate::transport::tls::Step;

#[derive(Debug)]
pub(crate) struct Handshake(Box<Connection>);

impl Handshake {
    pub(crate) fn new(connection: Box<Connection>) -> Self {
        Self(connection)
    }

    pub(crate) fn link(&self) -> &Link {
        &self.0.link
    }

    /// Once it is complete, or has failed.
    pub(crate) fn into_connection(self) -> Box<Connection> {
        self.0
    }

    pub(crate) fn handle_event(&mut self, event: Event) {
        self.0.handle_event(event);
    }

    /// Goes as far as it can; says whether it is complete.
    pub(crate) fn poll(&mut self) -> Result<bool, Error> {
        match self.0.stream.shake_hands() {
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
        let error = match self.0.stream.take_failure() {
            Some(failure) => failure,
            None => Error::with_os(Kind::Tls, errno.0, errno.to_string()),
        };
        self.explain(error)
    }

    fn explain(&self, error: Error) -> Error {
        error.behind(&format!("TLS handshake with {}: ", self.0.peer))
    }

    /// Ends the connection at once, not in an orderly way.
    pub(crate) fn abort(&mut self, cx: &Context<'_>) {
        // Whom we have refused is to know why: the alert is on its way, and a reset could overtake
        // it.
        if cx.cancel.is_cancelled() || !self.0.stream.has_failed() {
            self.0.stream.abort();
        }
    }
}
