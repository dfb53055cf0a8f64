//! One TCP connection: its socket, where a cancel finds it, and what is known of its readiness.
//!
//! ```text
//!   connect --> a fetch has it, and a cancel finds it --release--> parked: no fetch has it
//!                ^                                                    |
//!                `----------------------- adopt ----------------------'
//! ```

use crate::transport::cancel::{Cancel, Policy};
use crate::transport::reactor::Reactor;
use crate::transport::slot::Retired;
use crate::transport::sys::{self, Connecting, Errno, Event, Fd, Unasked};
use std::io::IoSlice;
use std::net::SocketAddr;
use std::sync::Arc;

/// A socket, connecting or connected. Dropping it closes it.
#[derive(Debug)]
pub(crate) struct Tcp {
    fd: Fd,
    /// Which of the sockets it is that are made for one connection.
    number: u8,
    /// Which of the cancel's slots it is in.
    index: u8,
    /// What is known from events and from short reads and writes: readiness is edge-triggered,
    /// so it holds until an operation says otherwise.
    readable: bool,
    writable: bool,
    /// The end is near: there may be an end or an error to be read behind the data.
    hangup: bool,
    on_close: OnClose,
    /// Through which it may be ended from elsewhere, while a fetch has it.
    cancel: Option<Arc<Cancel>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OnClose {
    /// What is queued is still sent, then a FIN.
    Finish,
    /// The FIN is on its way already.
    Finished,
    /// What is queued is dropped, and the other side gets an RST, behind a FIN where there was
    /// time for one.
    Reset,
}

impl Tcp {
    /// Opens a socket and begins to connect it. Its events come with `token` plus its number.
    pub(crate) fn connect(
        address: &SocketAddr,
        cancel: &Arc<Cancel>,
        reactor: &Reactor,
        token: u64,
    ) -> Result<(Self, Connecting), Errno> {
        let fd = sys::open(address)?;
        let Some(index) = cancel.publish(fd) else {
            sys::close(fd);
            return Err(Errno::CANCELLED);
        };
        // From here on, dropping it closes the socket.
        let mut tcp = Self {
            fd,
            number: index,
            index,
            readable: false,
            writable: false,
            hangup: false,
            on_close: OnClose::Finish,
            cancel: Some(Arc::clone(cancel)),
        };
        if cancel.is_cancelled() {
            return Err(Errno::CANCELLED);
        }
        let connecting = sys::connect(fd, address)?;
        reactor.watch(fd, tcp.token(token))?;
        // A cancel that came before the connect has ended a socket that was not connected yet.
        if cancel.is_cancelled() {
            tcp.end(cancel.policy());
            return Err(Errno::CANCELLED);
        }
        Ok((tcp, connecting))
    }

    /// Leaves the fetch that had it, whose cancel does not find it any more. False if a canceller
    /// is inside: then it has been ended.
    #[inline(always)]
    pub(crate) fn release(&mut self) -> bool {
        let is_ours = match &self.cancel {
            None => true,
            Some(cancel) => matches!(cancel.retire(self.index), Retired::Owner(_)),
        };
        if is_ours {
            self.cancel = None;
        }
        is_ours
    }

    /// Goes to a fetch, after it was parked. Its cancel finds it from here on, and ends it even if
    /// it came earlier: the flag is looked at before anything is sent.
    pub(crate) fn adopt(&mut self, cancel: &Arc<Cancel>) {
        cancel.publish_only(self.fd);
        self.cancel = Some(Arc::clone(cancel));
        (self.index, self.on_close) = (0, OnClose::Finish);
        (self.readable, self.hangup) = (false, false);
    }

    pub(super) fn fd(&self) -> Fd {
        self.fd
    }

    /// What is there to be received though nothing should be.
    pub(crate) fn unasked(&self) -> Unasked {
        if self.may_have_unasked() { sys::peek(self.fd) } else { Unasked::Nothing }
    }

    pub(crate) fn may_have_unasked(&self) -> bool {
        self.hangup || self.readable
    }

    /// What its events carry, where those for its connection carry `token`.
    pub(crate) fn token(&self, token: u64) -> u64 {
        token + u64::from(self.number)
    }

    pub(crate) fn handle_event(&mut self, event: Event) {
        self.readable |= event.readable || event.hangup;
        self.writable |= event.writable;
        self.hangup |= event.hangup;
    }

    /// Whether the connection attempt has come to an end, and to which.
    pub(crate) fn poll_connected(&mut self) -> Option<Result<(), Errno>> {
        if self.hangup {
            // An end without an error: a cancel, or a peer that closed at once, which is no failure
            // to connect.
            Some(sys::take_error(self.fd))
        } else {
            self.writable.then_some(Ok(()))
        }
    }

    /// For a socket that was connected at once, before any event.
    pub(crate) fn handle_established(&mut self) {
        self.writable = true;
    }

    /// Looks whether it is connected by now, without waiting for an event.
    pub(crate) fn look(&mut self) {
        self.handle_event(sys::look(self.fd));
    }

    pub(crate) fn is_readable(&self) -> bool {
        self.readable
    }

    pub(crate) fn is_writable(&self) -> bool {
        self.writable
    }

    /// Sends what the kernel takes of `parts`; less than all means that it takes no more for now.
    pub(crate) fn send<const N: usize>(&mut self, parts: [&[u8]; N]) -> Result<usize, Errno> {
        let wanted = parts.iter().map(|part| part.len()).sum();
        let result = sys::send(self.fd, parts);
        self.writable = result == Ok(wanted);
        match result {
            Err(Errno::AGAIN) => Ok(0),
            result => result,
        }
    }

    /// The same for as many parts as there are.
    pub(crate) fn send_slices(&mut self, parts: &[IoSlice<'_>]) -> Result<usize, Errno> {
        let wanted = parts.iter().map(|part| part.len()).sum();
        let result = sys::send_slices(self.fd, parts);
        self.writable = result == Ok(wanted);
        match result {
            Err(Errno::AGAIN) => Ok(0),
            result => result,
        }
    }

    /// Receives by `call`, which is given the descriptor and may take up to `wanted` bytes.
    /// `Ok(None)` means that nothing is there; `Some(0)` that the other side has ended.
    pub(crate) fn receive(
        &mut self,
        wanted: usize,
        call: impl FnOnce(Fd) -> Result<usize, Errno>,
    ) -> Result<Option<usize>, Errno> {
        let result = call(self.fd);
        // A short read has emptied the socket, so the next one would say so; unless its end
        // came with the same event, which is not told twice.
        self.readable = result.is_ok_and(|count| count == wanted || (count > 0 && self.hangup));
        match result {
            Ok(count) => Ok(Some(count)),
            Err(Errno::AGAIN) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Has its readiness told again by the reactor, with what its events carry.
    pub(crate) fn tell_again(&self, reactor: &Reactor, token: u64) -> Result<(), Errno> {
        reactor.tell_again(self.fd, self.token(token))
    }

    /// Whether it is to be closed in an orderly way, and still stands.
    pub(crate) fn ends_orderly(&self) -> bool {
        let stands = |cancel: &Arc<Cancel>| !self.hangup && !cancel.is_cancelled();
        self.on_close == OnClose::Finish && self.cancel.as_ref().is_none_or(stands)
    }

    /// From here on its close is not the orderly end of an exchange, but tells the server to
    /// stop. A FIN goes first, for servers that watch for it.
    pub(crate) fn abort(&mut self) {
        if let Some(cancel) = &self.cancel
            && !cancel.is_reset()
            && cancel.wake().is_ours()
        {
            self.end(cancel.policy());
        }
    }

    fn end(&mut self, policy: Policy) {
        sys::finish(self.fd);
        self.on_close = match policy {
            Policy::Finish => OnClose::Finished,
            Policy::Reset | Policy::Drain => OnClose::Reset,
        };
    }
}

impl Drop for Tcp {
    fn drop(&mut self) {
        let retired = match &self.cancel {
            None => Retired::Owner(self.fd),
            Some(cancel) => cancel.retire(self.index),
        };
        match (retired, self.on_close) {
            (Retired::Owner(fd), OnClose::Finish | OnClose::Finished) => sys::close(fd),
            (Retired::Owner(fd), OnClose::Reset) => sys::close_reset(fd),
            // A canceller is inside; it has ended the connection, and closes when it leaves.
            (Retired::NotOwner, _) => {}
        }
    }
}
