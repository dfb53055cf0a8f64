//! The side channel: handlers tell it what they see, in datagrams on loopback.

use super::support::PATIENCE;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

/// How long a handler works for an answer. One that is told of a cancel is told before that.
pub(crate) const WORK: Duration = Duration::from_secs(2);

pub(crate) struct Witness(UdpSocket);

/// What a handler says, when, and where it can be answered.
#[derive(Debug)]
pub(crate) struct Heard {
    pub(crate) what: String,
    pub(crate) at: Instant,
    from: SocketAddr,
}

impl Witness {
    pub(crate) fn new() -> Witness {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a loopback port");
        socket.set_read_timeout(Some(WORK + PATIENCE)).expect("it is not zero");
        Witness(socket)
    }

    /// The same one, for somebody else as well.
    pub(crate) fn again(&self) -> Witness {
        Witness(self.0.try_clone().expect("a descriptor"))
    }

    pub(crate) fn port(&self) -> u16 {
        self.0.local_addr().expect("it is bound").port()
    }

    /// The next thing that a handler says; nothing if none does for much longer than it works.
    pub(crate) fn hears(&self) -> Option<Heard> {
        let mut buffer = [0; 100];
        let (len, from) = self.0.recv_from(&mut buffer).ok()?;
        let at = Instant::now();
        Some(Heard { what: String::from_utf8_lossy(&buffer[..len]).into_owned(), at, from })
    }

    /// Lets a handler go on that waits for the fetch to be cancelled before it writes.
    pub(crate) fn lets_go_on(&self, handler: &Heard) {
        self.0.send_to(b"go", handler.from).expect("loopback takes a datagram");
    }
}
