//! A connection that no fetch has: idle, or with the rest of a response still to come.

use crate::transport::sys::{self, Event, Fd, Unasked};
use crate::transport::tls::Session;

/// Dropping it closes it.
#[derive(Debug)]
pub(crate) struct Parked {
    token: u64,
    /// -1 once it has been taken.
    fd: Fd,
    writable: bool,
    /// TLS, if it is spoken.
    session: Option<Box<Session>>,
}

/// What a fetch takes over.
pub(super) struct Unparked {
    pub(super) token: u64,
    pub(super) fd: Fd,
    pub(super) writable: bool,
}

/// How far reading out a response has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Drained {
    /// So many bytes are still to come.
    Left(u64),
    /// All has been read.
    All,
    /// The connection is of no use any more: it has ended, or sent more than it should.
    Lost,
}

impl Parked {
    pub(super) fn new(token: u64, fd: Fd, writable: bool) -> Self {
        Self { token, fd, writable, session: None }
    }

    pub(super) fn with_session(self, session: Option<Box<Session>>) -> Self {
        let mut parked = self;
        parked.session = session;
        parked
    }

    pub(super) fn take_session(&mut self) -> Option<Box<Session>> {
        self.session.take()
    }

    pub(super) fn leave(mut self) -> Unparked {
        let fd = std::mem::replace(&mut self.fd, -1);
        Unparked { token: self.token, fd, writable: self.writable }
    }

    pub(crate) fn handle_event(&mut self, event: Event) {
        self.writable |= event.writable;
    }

    /// Whether it is alive and silent, as one that is idle has to be.
    pub(crate) fn is_quiet(&mut self) -> bool {
        match &mut self.session {
            None => sys::peek(self.fd) == Unasked::Nothing,
            Some(session) => {
                session.look(|buffer| sys::recv_now(self.fd, buffer)) == Unasked::Nothing
            }
        }
    }

    /// Throws away what has come of the `left` bytes that are to come.
    pub(crate) fn drain(&mut self, buffer: &mut Vec<u8>, mut left: u64) -> Drained {
        if let Some(session) = &mut self.session {
            match session.discard(self.fd, left) {
                None => return Drained::Lost,
                Some(0) => left = 0,
                Some(more) => return Drained::Left(more),
            }
        }
        while left > 0 {
            let wanted = usize::try_from(left).map_or(ROOM, |left| left.min(ROOM));
            buffer.clear();
            buffer.reserve(wanted);
            let received = sys::recv_append(self.fd, buffer, wanted);
            buffer.clear();
            match received {
                Err(sys::Errno::AGAIN) => return Drained::Left(left),
                Err(_) | Ok(0) => return Drained::Lost,
                Ok(count) => left -= count as u64,
            }
        }
        // Something may have come behind it, which nobody would be told of again.
        if self.is_quiet() { Drained::All } else { Drained::Lost }
    }
}

/// How much is thrown away with one call.
const ROOM: usize = 64 * 1024;

impl Drop for Parked {
    fn drop(&mut self) {
        if self.fd >= 0 {
            if let Some(session) = &mut self.session {
                session.say_goodbye(|parts| sys::send_slices(self.fd, parts));
            }
            sys::close(self.fd);
        }
    }
}
