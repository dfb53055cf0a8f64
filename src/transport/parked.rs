//! What is done with a connection that no fetch has: it is idle, or the rest of a response is still
//! to come.

use crate::transport::stream::Stream;
use crate::transport::sys::{self, Unasked};

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

/// How much is thrown away with one call.
const ROOM: usize = 64 * 1024;

impl Stream {
    /// Whether it is alive and silent, as one that is idle has to be.
    pub(crate) fn is_quiet(&mut self) -> bool {
        let fd = self.tcp.fd();
        match &mut self.session {
            None => sys::peek(fd) == Unasked::Nothing,
            Some(session) => session.look(|buffer| sys::recv_now(fd, buffer)) == Unasked::Nothing,
        }
    }

    /// Throws away what has come of the `left` bytes that are to come.
    pub(crate) fn drain(&mut self, buffer: &mut Vec<u8>, mut left: u64) -> Drained {
        let fd = self.tcp.fd();
        if let Some(session) = &mut self.session {
            match session.discard(fd, left) {
                None => return Drained::Lost,
                Some(0) => left = 0,
                Some(more) => return Drained::Left(more),
            }
        }
        while left > 0 {
            let wanted = usize::try_from(left).map_or(ROOM, |left| left.min(ROOM));
            buffer.clear();
            buffer.reserve(wanted);
            let received = sys::recv_append(fd, buffer, wanted);
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
