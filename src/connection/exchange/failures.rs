//! What is said when a connection breaks, and when its breaking is the end.

use crate::connection::exchange::Exchange;
use crate::error::{Error, Kind};
use crate::transport::sys::Errno;

impl Exchange {
    /// Fails if sending did, and not because the server has ended the connection: then nobody
    /// would end it, and the server waits for the rest.
    pub(crate) fn check_sending(&self) -> Result<(), Error> {
        match self.sending.failure() {
            Some(errno) if !errno.is_by_peer() => Err(self.send_failed()),
            _ => Ok(()),
        }
    }

    pub(super) fn broken(&mut self, errno: Errno) -> Error {
        if let Some(failure) = self.connection.stream.take_failure() {
            return self.explain(failure);
        }
        if self.is_unanswered() {
            return self.send_failed();
        }
        self.explain(Error::with_os(Kind::Receive, errno.0, errno.to_string()))
    }

    /// Whether sending failed, and the server has said nothing that would tell why.
    pub(super) fn is_unanswered(&self) -> bool {
        self.sending.failure().is_some() && self.received == 0
    }

    pub(super) fn send_failed(&self) -> Error {
        let errno = self.sending.failure().unwrap_or(Errno(0));
        let message = format!("send the request to {}: {errno}", self.connection.peer);
        Error::with_os(Kind::Send, errno.0, message)
    }

    /// The end of a body that nothing but the end of the connection tells.
    pub(super) fn cut_off(&self) -> Error {
        let why = "the connection was closed without the TLS alert close_notify, so that its body \
                   may have been cut off";
        self.explain(Error::new(Kind::Truncated, why))
    }

    pub(super) fn explain(&self, error: Error) -> Error {
        error.behind(&format!("read the response of {}: ", self.connection.peer))
    }
}
