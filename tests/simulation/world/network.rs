//! Sockets, as Linux has them: what each call does in which state, and what poll tells then.

use super::connection::{Connection, Ending, Segment};
use super::files::{Kind, Mask};
use super::{Event, World};
use crate::transport::sys::{Errno, Fd};
use std::collections::VecDeque;
use std::net::SocketAddr;

#[derive(Debug, Default)]
pub(crate) struct Socket {
    phase: Phase,
    /// The number of its connection, or attempt.
    connection: usize,
    error: Option<i32>,
    read_shut: bool,
    write_shut: bool,
    /// Whether the server's FIN has come: what comes after that is not told to those who receive.
    is_done: bool,
    inbox: VecDeque<u8>,
    /// How many bytes it may have sent that were not acknowledged, and how many those are.
    room: usize,
    unacknowledged: usize,
    /// Whether it is to be told when it can send again.
    wants_room: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    /// Not yet, or not any more.
    #[default]
    Unconnected,
    Connecting,
    Connected,
}

impl Socket {
    fn has_room(&self) -> bool {
        // A socket is told to be writable only when a third of its room is free.
        self.room - self.unacknowledged >= self.room / 3
    }

    pub(super) fn mask(&mut self) -> Mask {
        let connecting = self.phase == Phase::Connecting;
        let output = !connecting && (self.write_shut || self.has_room());
        self.wants_room |= !output;
        Mask {
            input: self.read_shut || !connecting && !self.inbox.is_empty(),
            output,
            half_closed: self.read_shut,
            hangup: self.phase == Phase::Unconnected || self.read_shut && self.write_shut,
            error: self.error.is_some(),
        }
    }

    fn unconnect(&mut self, error: Option<i32>) {
        self.phase = Phase::Unconnected;
        self.error = error.or(self.error);
        self.unacknowledged = 0;
    }

    /// The connection with this number, if the socket has one that is established.
    fn established(&self) -> Option<usize> {
        (self.phase == Phase::Connected).then_some(self.connection)
    }
}

impl World {
    pub(crate) fn open_socket(&mut self) -> Result<Fd, Errno> {
        self.open(Kind::Socket(Box::default()))
    }

    fn socket(&mut self, fd: Fd) -> Result<&mut Socket, Errno> {
        match &mut self.file(fd)?.kind {
            // As if it were another's by now.
            Kind::Socket(_) => {}
            other => {
                let why = format!("descriptor {fd} is used as a socket, and is {other:?}");
                self.wrong(why);
                return Err(Errno(libc::ENOTSOCK));
            }
        }
        match &mut self.file(fd)?.kind {
            Kind::Socket(socket) => Ok(socket),
            _ => unreachable!("looked at above"),
        }
    }

    /// Whether a connection stands, as the client's end sees it.
    pub(super) fn is_connected(&self, connection: &Connection) -> bool {
        let file = connection.fd.and_then(|fd| self.files[fd as usize].as_ref());
        matches!(file.map(|file| &file.kind), Some(Kind::Socket(s)) if s.phase == Phase::Connected)
    }

    /// The socket that is still at the client's end of a connection.
    fn socket_of(&mut self, connection: usize) -> Option<(Fd, &mut Socket)> {
        let fd = self.connections[connection].fd?;
        match self.files.get_mut(fd as usize)?.as_mut().map(|file| &mut file.kind) {
            Some(Kind::Socket(socket)) => Some((fd, socket)),
            _ => None,
        }
    }

    /// Says whether it is connected already.
    pub(crate) fn connect(&mut self, fd: Fd, address: SocketAddr) -> Result<bool, Errno> {
        if self.connect_datagrams(fd, address) {
            return Ok(true);
        }
        let socket = self.socket(fd)?;
        if socket.phase != Phase::Unconnected {
            self.wrong(format!("descriptor {fd} is connected twice"));
            return Err(Errno(libc::EISCONN));
        }
        self.check_route(fd, address);
        self.check_limits(address);
        let fate = self.draw_fate(address);
        let number = self.connections.len();
        self.note("connect", fd as u64, number as u64);
        self.trace(|_| format!("  to {address}, {fate:?}"));
        if let Some(errno) = fate.at_once() {
            self.note_refused(self.caller(), address);
            return Err(Errno(errno));
        }
        let owner = self.caller();
        let connection = Connection::new(fd, owner, address, &mut self.random);
        let round_trip = 2 * connection.latency_ns;
        let room = connection.client_room;
        self.connections.push(connection);
        let established = fate.is_established_at_once();
        let socket = self.socket(fd)?;
        (socket.connection, socket.room, socket.error) = (number, room, None);
        socket.phase = Phase::Connecting;
        if established {
            self.establish(number, None);
        } else {
            let (delay, result) = fate.later(round_trip);
            self.later(delay, Event::Connected(number, result));
        }
        Ok(established)
    }

    /// An attempt to connect has come to its end.
    pub(super) fn establish(&mut self, connection: usize, error: Option<i32>) {
        if let Some(errno) = error {
            let Connection { owner, address, .. } = self.connections[connection];
            self.note_refused(owner, address);
            self.note("refused", connection as u64, errno as u64);
        }
        let Some((fd, socket)) = self.socket_of(connection) else {
            return;
        };
        if socket.phase != Phase::Connecting || socket.connection != connection {
            return;
        }
        match error {
            Some(errno) => {
                socket.unconnect(Some(errno));
                (socket.read_shut, socket.write_shut) = (true, true);
            }
            None => {
                socket.phase = Phase::Connected;
                self.connections[connection].is_established = true;
                self.note("connected", connection as u64, fd as u64);
                self.accept(connection);
            }
        }
        self.wake(fd);
    }

    pub(crate) fn take_error(&mut self, fd: Fd) -> Result<(), Errno> {
        self.socket(fd)?.error.take().map_or(Ok(()), |errno| Err(Errno(errno)))
    }

    pub(crate) fn send(&mut self, fd: Fd, bytes: &[u8]) -> Result<usize, Errno> {
        if let Some(sent) = self.send_datagram(fd, bytes) {
            return sent;
        }
        self.check_is_open(fd)?;
        let socket = self.socket(fd)?;
        if let Some(errno) = socket.error.take() {
            return Err(Errno(errno));
        }
        match socket.phase {
            Phase::Connecting => return Err(Errno::AGAIN),
            Phase::Unconnected => return Err(Errno(libc::EPIPE)),
            Phase::Connected if socket.write_shut => return Err(Errno(libc::EPIPE)),
            Phase::Connected => {}
        }
        let count = bytes.len().min(socket.room - socket.unacknowledged);
        socket.wants_room |= count < bytes.len();
        if count == 0 {
            return Err(Errno::AGAIN);
        }
        socket.unacknowledged += count;
        let connection = socket.connection;
        self.note("send", fd as u64, count as u64);
        self.look_at(connection, &bytes[..count]);
        self.deliver(connection, Segment::Bytes(count));
        Ok(count)
    }

    pub(crate) fn receive(&mut self, fd: Fd, max: usize) -> Result<Vec<u8>, Errno> {
        if let Some(received) = self.receive_datagram(fd, max) {
            return received;
        }
        let socket = self.socket(fd)?;
        if socket.inbox.is_empty() {
            return socket.at_end().map(|()| Vec::new());
        }
        let count = max.min(socket.inbox.len());
        let bytes: Vec<u8> = socket.inbox.drain(..count).collect();
        let connection = socket.established();
        self.note("receive", fd as u64, count as u64);
        if let Some(connection) = connection {
            self.resume(connection);
        }
        Ok(bytes)
    }

    /// Who has shut a connection down, or comes after that, does not even try to send on it.
    fn check_is_open(&mut self, fd: Fd) -> Result<(), Errno> {
        let connection = self.socket(fd)?.connection;
        let shut_by = self.connections.get(connection).and_then(|connection| connection.shut_by);
        if shut_by.is_some_and(|entry| entry <= self.entry()) {
            self.wrong(format!(
                "descriptor {fd} is sent on after connection {connection} was shut"
            ));
        }
        Ok(())
    }

    /// Whether there are bytes; otherwise as a receive would say.
    pub(crate) fn peek(&mut self, fd: Fd) -> Result<bool, Errno> {
        let socket = self.socket(fd)?;
        if socket.inbox.is_empty() { socket.at_end().map(|()| false) } else { Ok(true) }
    }

    pub(crate) fn shut_down(&mut self, fd: Fd) {
        self.note("shut down", fd as u64, 0);
        self.note_act();
        let Ok(socket) = self.socket(fd) else {
            return;
        };
        let connection = socket.connection;
        match socket.phase {
            Phase::Unconnected => (socket.read_shut, socket.write_shut) = (true, true),
            Phase::Connecting => {
                socket.unconnect(Some(libc::ECONNRESET));
                self.connections[connection].end(Ending::Abandoned);
            }
            Phase::Connected => {
                let is_first = !socket.write_shut;
                (socket.read_shut, socket.write_shut) = (true, true);
                if is_first {
                    let entry = self.entry();
                    self.connections[connection].shut_by.get_or_insert(entry);
                    self.connections[connection].end(Ending::Finished);
                    self.deliver(connection, Segment::Fin);
                }
            }
        }
        self.wake(fd);
    }

    /// Dissolves the association.
    pub(crate) fn disconnect(&mut self, fd: Fd) {
        self.note("disconnect", fd as u64, 0);
        let Ok(socket) = self.socket(fd) else {
            return;
        };
        let was = socket.phase;
        let connection = socket.connection;
        if was != Phase::Unconnected {
            socket.unconnect(Some(libc::ECONNRESET));
        }
        socket.inbox.clear();
        (socket.read_shut, socket.write_shut, socket.is_done) = (false, false, false);
        self.end_from_here(connection, was, Ending::Reset);
        self.wake(fd);
    }

    pub(super) fn close_socket(&mut self, fd: Fd, reset: bool) {
        let Ok(socket) = self.socket(fd) else {
            return;
        };
        let was = socket.phase;
        let connection = socket.connection;
        let ending = match reset {
            true => Some(Ending::Reset),
            false if !socket.inbox.is_empty() => Some(Ending::Refused),
            false => Some(Ending::Finished).filter(|_| !socket.write_shut),
        };
        if let Some(ending) = ending {
            let has_room = socket.has_room();
            if ending == Ending::Finished && was == Phase::Connected && has_room {
                self.check_goodbye(connection);
            }
            self.end_from_here(connection, was, ending);
        }
        if let Some(connection) = self.connections.get_mut(connection)
            && connection.fd == Some(fd)
        {
            connection.fd = None;
        }
    }

    /// The client's end of a connection that was in the phase `was` ends like this.
    fn end_from_here(&mut self, connection: usize, was: Phase, ending: Ending) {
        match was {
            Phase::Unconnected => {}
            Phase::Connecting => self.connections[connection].end(Ending::Abandoned),
            Phase::Connected => {
                self.connections[connection].end(ending);
                let finishes = ending == Ending::Finished;
                self.deliver(connection, if finishes { Segment::Fin } else { Segment::Rst });
            }
        }
    }

    /// The server has taken bytes.
    pub(super) fn acknowledge(&mut self, connection: usize, count: usize) {
        let Some((fd, socket)) = self.socket_of(connection) else {
            return;
        };
        if socket.established() != Some(connection) {
            return;
        }
        socket.unacknowledged -= count;
        if socket.wants_room && socket.has_room() {
            socket.wants_room = false;
            self.wake(fd);
        }
    }

    /// Bytes of the server arrive.
    pub(crate) fn fill(&mut self, connection: usize, bytes: &[u8]) {
        self.note("arrives", connection as u64, bytes.len() as u64);
        if let Some((fd, socket)) = self.socket_of(connection)
            && socket.established() == Some(connection)
        {
            if socket.read_shut {
                // Nobody reads any more: the system says so.
                socket.unconnect(Some(libc::ECONNRESET));
                self.end_from_here(connection, Phase::Connected, Ending::Refused);
            } else {
                socket.inbox.extend(bytes);
            }
            self.wake(fd);
        }
    }

    /// How many bytes wait to be received; nothing if nobody would.
    pub(crate) fn inbox_len(&mut self, connection: usize) -> Option<usize> {
        let (_, socket) = self.socket_of(connection)?;
        (socket.established() == Some(connection) && !socket.read_shut)
            .then_some(socket.inbox.len())
    }

    /// The server's FIN or RST arrives.
    pub(crate) fn end_of_server(&mut self, connection: usize, reset: bool) {
        self.note(if reset { "is reset" } else { "ends" }, connection as u64, 0);
        let Some((fd, socket)) = self.socket_of(connection) else {
            return;
        };
        if socket.established() != Some(connection) {
            return;
        }
        if reset {
            let errno = if socket.read_shut { libc::EPIPE } else { libc::ECONNRESET };
            socket.unconnect(Some(errno));
            (socket.read_shut, socket.write_shut) = (true, true);
        } else {
            (socket.read_shut, socket.is_done) = (true, true);
        }
        self.wake(fd);
    }
}

impl Socket {
    /// What a receive says when there are no bytes.
    fn at_end(&mut self) -> Result<(), Errno> {
        if self.is_done {
            return Ok(());
        }
        if let Some(errno) = self.error.take() {
            return Err(Errno(errno));
        }
        match self.phase {
            _ if self.read_shut => Ok(()),
            Phase::Unconnected => Err(Errno(libc::ENOTCONN)),
            Phase::Connecting | Phase::Connected => Err(Errno::AGAIN),
        }
    }
}
