//! The socket of one question: a datagram, or a connection with a message in each direction.
//!
//! ```text
//!   Udp
//!   Connecting --> Sending --> Receiving
//! ```

use crate::proto::dns::lookup::Over;
use crate::transport::reactor::Reactor;
use crate::transport::sys::{self, Connecting, Errno, Event, Fd};
use std::net::SocketAddr;

/// More than any server sends in a datagram that was not asked to.
const DATAGRAM_MAX: usize = 4096;

/// Dropping it closes it.
#[derive(Debug)]
pub(super) struct Socket {
    fd: Fd,
    token: u64,
    /// Over TCP with its length in front (RFC 1035 section 4.2.2).
    query: Vec<u8>,
    state: State,
}

#[derive(Debug)]
enum State {
    Udp,
    Connecting,
    /// So many bytes have gone.
    Sending(usize),
    /// What has come.
    Receiving(Vec<u8>),
}

/// Why a question cannot be asked.
#[derive(Debug)]
pub(super) struct Broken {
    pub(super) why: String,
    pub(super) errno: Errno,
}

impl Broken {
    fn new(doing: &str, errno: Errno) -> Self {
        Self { why: format!("{doing}{errno}"), errno }
    }

    /// Something that is nobody's error but the server's.
    fn by_server(what: &str) -> Self {
        Self { why: format!("over TCP: it {what}"), errno: Errno::NONE }
    }
}

impl Socket {
    /// Opens a socket with a port by chance, and sends the query, or begins to.
    #[cold]
    pub(super) fn ask(
        server: &SocketAddr,
        over: Over,
        query: Vec<u8>,
        reactor: &Reactor,
        token: u64,
    ) -> Result<Self, Broken> {
        let opened = match over {
            Over::Udp => sys::open_datagram(server),
            Over::Tcp => sys::open(server),
        };
        let fd = opened.map_err(|errno| Broken::new("open a socket: ", errno))?;
        // From here on, dropping it closes the socket.
        let mut socket = Self { fd, token, query, state: State::Udp };
        if over == Over::Tcp {
            let len = socket.query.len() as u16;
            socket.query.splice(..0, len.to_be_bytes());
            socket.state = State::Connecting;
        }
        let connecting = sys::connect(fd, server).map_err(|errno| socket.broken(errno))?;
        reactor.watch(fd, token).map_err(|errno| Broken::new("watch a socket: ", errno))?;
        match over {
            Over::Udp => socket.send_datagram()?,
            Over::Tcp if connecting == Connecting::Established => socket.send_message(0)?,
            Over::Tcp => {}
        }
        Ok(socket)
    }

    fn broken(&self, errno: Errno) -> Broken {
        let doing = if matches!(self.state, State::Udp) { "" } else { "over TCP: " };
        Broken::new(doing, errno)
    }

    fn send_datagram(&self) -> Result<(), Broken> {
        match sys::send(self.fd, [&self.query]) {
            // A full queue loses a datagram as the network may: it is sent again.
            Ok(_) | Err(Errno::AGAIN) => Ok(()),
            Err(errno) => Err(self.broken(errno)),
        }
    }

    /// Sends the datagram once more.
    pub(super) fn ask_again(&self) -> Result<(), Broken> {
        match self.state {
            State::Udp => self.send_datagram(),
            _ => Ok(()),
        }
    }

    fn send_message(&mut self, mut sent: usize) -> Result<(), Broken> {
        while sent < self.query.len() {
            match sys::send(self.fd, [&self.query[sent..]]) {
                Ok(count) => sent += count,
                Err(Errno::AGAIN) => {
                    self.state = State::Sending(sent);
                    return Ok(());
                }
                Err(errno) => return Err(self.broken(errno)),
            }
        }
        self.state = State::Receiving(Vec::new());
        Ok(())
    }

    /// Goes as far as it can after something has happened. True if there is a packet in `buffer`,
    /// behind which there may be more.
    pub(super) fn handle_event(
        &mut self,
        event: Event,
        buffer: &mut Vec<u8>,
    ) -> Result<bool, Broken> {
        match self.state {
            State::Udp => {}
            State::Connecting if !event.writable && !event.hangup => return Ok(false),
            State::Connecting => {
                sys::take_error(self.fd).map_err(|errno| self.broken(errno))?;
                self.send_message(0)?;
            }
            State::Sending(sent) => self.send_message(sent)?,
            State::Receiving(_) => {}
        }
        self.receive(buffer)
    }

    /// Takes the next packet, if there is one.
    pub(super) fn receive(&mut self, buffer: &mut Vec<u8>) -> Result<bool, Broken> {
        buffer.clear();
        match &mut self.state {
            State::Udp => {
                buffer.reserve(DATAGRAM_MAX);
                match sys::recv_append(self.fd, buffer, DATAGRAM_MAX) {
                    Ok(_) => Ok(true),
                    Err(Errno::AGAIN) => Ok(false),
                    Err(errno) => Err(self.broken(errno)),
                }
            }
            State::Connecting | State::Sending(_) => Ok(false),
            State::Receiving(received) => {
                let is_whole = match receive_message(self.fd, received) {
                    Err(None) => return Err(Broken::by_server("ended the connection")),
                    Err(Some(errno)) => return Err(self.broken(errno)),
                    Ok(is_whole) => is_whole,
                };
                if is_whole {
                    buffer.extend_from_slice(&received[LEN..]);
                    received.clear();
                }
                Ok(is_whole)
            }
        }
    }

    /// A packet was not the answer. Over TCP it can only be the server who does not do as it should.
    pub(super) fn check_foreign(&self) -> Result<(), Broken> {
        match self.state {
            State::Udp => Ok(()),
            _ => Err(Broken::by_server("answered another question")),
        }
    }

    /// Has what is left told again.
    pub(super) fn tell_again(&self, reactor: &Reactor) -> Result<(), Broken> {
        reactor.tell_again(self.fd, self.token).map_err(|errno| self.broken(errno))
    }
}

/// How many bytes tell the length of a message.
const LEN: usize = 2;

/// Receives up to the end of a message; true if that has come. An error without an errno is the
/// end of the connection.
fn receive_message(fd: Fd, received: &mut Vec<u8>) -> Result<bool, Option<Errno>> {
    loop {
        let whole = match received.first_chunk() {
            None => LEN,
            Some(&len) => LEN + usize::from(u16::from_be_bytes(len)),
        };
        let wanted = whole - received.len();
        if wanted == 0 {
            return Ok(true);
        }
        received.reserve_exact(wanted);
        match sys::recv_append(fd, received, wanted) {
            Ok(0) => return Err(None),
            Ok(_) => {}
            Err(Errno::AGAIN) => return Ok(false),
            Err(errno) => return Err(Some(errno)),
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        sys::close(self.fd);
    }
}
