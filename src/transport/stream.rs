//! A connection as HTTP sees it: a socket, with TLS over it if the URL asks for that.
//!
//! Everything that ends it acts on the socket alone. Bytes that TLS has decrypted and nobody has
//! taken make it readable, although no event will ever tell of them.

use crate::error::Error;
use crate::transport::cancel::Cancel;
use crate::transport::reactor::Reactor;
use crate::transport::sys::{self, Errno, Event, Unasked};
use crate::transport::tcp::Tcp;
use crate::transport::tls::{Facts, Session, Step};
use std::sync::Arc;

/// Dropping it closes it; in an orderly way, unless it was aborted.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(super) tcp: Tcp,
    pub(super) session: Option<Box<Session>>,
}

impl Stream {
    /// With TLS, if there is a session, whose handshake comes next.
    pub(crate) fn new(tcp: Tcp, session: Option<Box<Session>>) -> Self {
        Self { tcp, session }
    }

    /// Leaves the fetch that had it: see `Tcp::release`.
    #[inline(always)]
    pub(crate) fn release(&mut self) -> bool {
        self.tcp.release()
    }

    /// Goes to a fetch, after it was parked.
    pub(crate) fn adopt(&mut self, cancel: &Arc<Cancel>) {
        self.tcp.adopt(cancel);
    }

    /// Goes as far as it can with the handshake.
    pub(crate) fn shake_hands(&mut self) -> Result<Step, Errno> {
        match &mut self.session {
            None => Ok(Step::Complete),
            Some(session) => session.shake_hands(&mut self.tcp),
        }
    }

    /// What is known of TLS, if it is spoken and the handshake is complete.
    pub(crate) fn facts(&self) -> Option<Facts> {
        self.session.as_ref()?.facts()
    }

    /// What is there to be received though nothing should be.
    pub(crate) fn unasked(&mut self) -> Unasked {
        match &mut self.session {
            Some(session) if session.is_readable() || self.tcp.may_have_unasked() => {
                let tcp = &mut self.tcp;
                session.look(|buffer| tcp.receive(buffer.len(), |fd| sys::recv(fd, buffer)))
            }
            _ => self.tcp.unasked(),
        }
    }

    /// What its events carry: see `Tcp::token`.
    pub(crate) fn token(&self, token: u64) -> u64 {
        self.tcp.token(token)
    }

    pub(crate) fn handle_event(&mut self, event: Event) {
        self.tcp.handle_event(event);
    }

    pub(crate) fn is_readable(&self) -> bool {
        self.tcp.is_readable() || self.session.as_ref().is_some_and(|session| session.is_readable())
    }

    pub(crate) fn is_writable(&self) -> bool {
        self.tcp.is_writable()
    }

    /// Sends what is taken of `parts`; less than all means that no more is taken for now. All that
    /// was taken has been handed to the kernel, but for what it `holds`.
    pub(crate) fn send<const N: usize>(&mut self, parts: [&[u8]; N]) -> Result<usize, Errno> {
        match &mut self.session {
            None => self.tcp.send(parts),
            Some(session) => session.send(&mut self.tcp, parts),
        }
    }

    /// Whether bytes were taken that the kernel has not: at most 64 KiB of records.
    pub(crate) fn holds(&self) -> bool {
        self.session.as_ref().is_some_and(|session| session.holds())
    }

    /// Sends what it holds, as far as the kernel takes it.
    pub(crate) fn flush(&mut self) -> Result<(), Errno> {
        match &mut self.session {
            None => Ok(()),
            Some(session) => session.flush(&mut self.tcp),
        }
    }

    /// Receives into `room`. `Ok(None)` means that nothing is there; `Some(0)` that the other side
    /// has ended.
    pub(crate) fn receive(&mut self, room: &mut [u8]) -> Result<Option<usize>, Errno> {
        match &mut self.session {
            None => self.tcp.receive(room.len(), |fd| sys::recv(fd, room)),
            Some(session) => session.receive(&mut self.tcp, room),
        }
    }

    /// The same for at most `max` bytes behind what `buffer` holds, into room it has been given.
    #[inline(always)]
    pub(crate) fn receive_behind(
        &mut self,
        buffer: &mut Vec<u8>,
        max: usize,
    ) -> Result<Option<usize>, Errno> {
        match &mut self.session {
            None => self.tcp.receive(max, |fd| sys::recv_append(fd, buffer, max)),
            Some(session) => session.receive_behind(&mut self.tcp, buffer, max),
        }
    }

    /// Receives into `first` and, when that is full, perhaps behind what `second` holds as well.
    pub(crate) fn receive_split(
        &mut self,
        first: &mut [u8],
        second: &mut Vec<u8>,
        max: usize,
    ) -> Result<Option<usize>, Errno> {
        match &mut self.session {
            None => {
                let wanted = first.len() + max;
                self.tcp.receive(wanted, |fd| sys::recv_split(fd, first, second, max))
            }
            Some(session) => session.receive(&mut self.tcp, first),
        }
    }

    /// The socket, if its bytes are those of HTTP.
    pub(crate) fn bare(&mut self) -> Option<&mut Tcp> {
        self.session.is_none().then_some(&mut self.tcp)
    }

    /// Whether anything has come since this was asked last that has given no bytes yet.
    pub(crate) fn take_moved(&mut self) -> bool {
        self.session.as_mut().is_some_and(|session| session.take_moved())
    }

    /// Whether the other side has said that it is the end, as TLS has it.
    pub(crate) fn is_closed(&self) -> bool {
        self.session.as_ref().is_some_and(|session| session.is_closed())
    }

    /// Whether its end may have been made by somebody in between.
    pub(crate) fn is_cut_off(&self) -> bool {
        self.session.as_ref().is_some_and(|session| session.is_cut_off())
    }

    /// Whether one side refuses what the other has sent.
    pub(crate) fn has_failed(&self) -> bool {
        self.session.as_ref().is_some_and(|session| session.has_failed())
    }

    /// Why it cannot go on, if that is more than an errno.
    pub(crate) fn take_failure(&mut self) -> Option<Error> {
        self.session.as_mut().and_then(|session| session.take_failure())
    }

    /// Has its readiness told again by the reactor: see `Tcp::tell_again`.
    pub(crate) fn tell_again(&self, reactor: &Reactor, token: u64) -> Result<(), Errno> {
        self.tcp.tell_again(reactor, token)
    }

    /// Ends the connection at once: see `Tcp::abort`.
    pub(crate) fn abort(&mut self) {
        self.tcp.abort();
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if let Some(session) = &mut self.session
            && self.tcp.ends_orderly()
        {
            session.say_goodbye(|parts| self.tcp.send_slices(parts));
        }
    }
}
