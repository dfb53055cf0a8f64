//! Datagram sockets, and the name servers that are asked with them.
//!
//! As with helper threads, each question that is sent is a lookup with addresses of its own. Now
//! and then another packet comes before the answer, which nobody may believe.

use super::files::{Kind, Mask};
use super::names::Lookup;
use super::{Event, World};
use crate::transport::sys::{Errno, Fd};
use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

#[derive(Debug, Default)]
pub(crate) struct Datagrams {
    peer: Option<SocketAddr>,
    /// Which of all that were ever opened it is.
    serial: u64,
    /// Packets, each with the lookup that it answers.
    inbox: VecDeque<(Vec<u8>, usize)>,
    error: Option<i32>,
}

/// What comes to a datagram socket, if that is still open.
#[derive(Clone, Debug)]
pub(crate) struct Packet {
    to: (Fd, u64),
    lookup: usize,
    /// Or the network says that nobody is there.
    bytes: Option<Vec<u8>>,
}

/// A question, as far as a server has to understand it.
struct Question {
    name: String,
    kind: u16,
    /// Where it ends in the packet.
    end: usize,
}

const A: u16 = 1;
const AAAA: u16 = 28;
const HEADER: usize = 12;

/// RFC 1035 section 4.1.1: an answer, by a server that recurses.
const ANSWERED: [u8; 2] = [0x81, 0x80];
const FAILED: u8 = 2;
const UNKNOWN: u8 = 3;

impl Question {
    fn parse(packet: &[u8]) -> Option<Self> {
        let mut labels = Vec::new();
        let mut at = HEADER;
        loop {
            let len = usize::from(*packet.get(at)?);
            at += 1;
            if len == 0 {
                break;
            }
            labels.push(String::from_utf8(packet.get(at..at + len)?.to_vec()).ok()?);
            at += len;
        }
        let kind = u16::from_be_bytes(packet.get(at..at + 2)?.try_into().ok()?);
        Some(Self { name: labels.join("."), kind, end: at + 4 })
    }
}

/// The answer to a question, with these addresses.
fn answer(query: &[u8], question: &Question, code: u8, addresses: &[IpAddr]) -> Vec<u8> {
    let mut packet = query[..2].to_vec();
    packet.extend([ANSWERED[0], ANSWERED[1] | code]);
    packet.extend([0, 1, 0, addresses.len() as u8, 0, 0, 0, 0]);
    packet.extend(&query[HEADER..question.end]);
    for address in addresses {
        // The name of the question, class IN, for ten seconds.
        packet.extend([0xc0, HEADER as u8]);
        packet.extend(question.kind.to_be_bytes());
        packet.extend([0, 1, 0, 0, 0, 10]);
        let bytes = match address {
            IpAddr::V4(ip) => ip.octets().to_vec(),
            IpAddr::V6(ip) => ip.octets().to_vec(),
        };
        packet.extend((bytes.len() as u16).to_be_bytes());
        packet.extend(bytes);
    }
    packet
}

impl Datagrams {
    pub(super) fn mask(&self) -> Mask {
        let error = self.error.is_some();
        Mask { input: error || !self.inbox.is_empty(), output: true, error, ..Mask::default() }
    }
}

impl World {
    pub(crate) fn open_datagrams(&mut self) -> Result<Fd, Errno> {
        let serial = self.calls;
        self.open(Kind::Datagrams(Box::new(Datagrams { serial, ..Datagrams::default() })))
    }

    /// The socket, if it is one for datagrams.
    fn datagrams(&mut self, fd: Fd) -> Option<&mut Datagrams> {
        match self.files.get_mut(fd as usize)?.as_mut().map(|file| &mut file.kind) {
            Some(Kind::Datagrams(datagrams)) => Some(datagrams),
            _ => None,
        }
    }

    /// Says whether it is a datagram socket, which is connected at once.
    pub(super) fn connect_datagrams(&mut self, fd: Fd, address: SocketAddr) -> bool {
        let datagrams = self.datagrams(fd);
        datagrams.map(|datagrams| datagrams.peer = Some(address)).is_some()
    }

    pub(crate) fn local_ip(&mut self, fd: Fd) -> Result<IpAddr, Errno> {
        match self.datagrams(fd).and_then(|datagrams| datagrams.peer) {
            Some(SocketAddr::V4(_)) => Ok(Ipv4Addr::new(10, 255, 255, 255).into()),
            Some(SocketAddr::V6(_)) => Ok(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1).into()),
            None => Err(Errno(libc::ENOTCONN)),
        }
    }

    /// Sends a question; nothing if it is no datagram socket.
    pub(super) fn send_datagram(&mut self, fd: Fd, query: &[u8]) -> Option<Result<usize, Errno>> {
        let datagrams = self.datagrams(fd)?;
        if let Some(errno) = datagrams.error.take() {
            return Some(Err(Errno(errno)));
        }
        let to = (fd, datagrams.serial);
        self.note("ask", fd as u64, query.len() as u64);
        match Question::parse(query) {
            Some(question) => self.ask(to, query, &question),
            None => self.wrong(format!("descriptor {fd} sends what is no question")),
        }
        Some(Ok(query.len()))
    }

    fn ask(&mut self, to: (Fd, u64), query: &[u8], question: &Question) {
        let lookup = self.lookups.len();
        self.trace(|_| {
            format!("  for {} of kind {}, lookup {lookup}", question.name, question.kind)
        });
        self.lookups.push(Lookup::new(&question.name));
        let delay = match self.random.below(12) {
            0 => 4_000_000_000 + self.random.below(4_000_000_000),
            _ => self.random.below(60_000_000),
        };
        let unknown = self.habits.unknown_names;
        let addresses = self.addresses(lookup, question.kind);
        let chance = self.random.below(100);
        let (bytes, is_sound) = match chance {
            // Lost on the way, which only the one who asked can notice.
            0..=7 => return self.lookups[lookup].has_failed = true,
            8..=10 => (None, false),
            _ if chance < 11 + unknown => {
                let code = if chance.is_multiple_of(3) { FAILED } else { UNKNOWN };
                (Some(answer(query, question, code, &[])), false)
            }
            _ => (Some(answer(query, question, 0, &addresses)), !addresses.is_empty()),
        };
        self.lookups[lookup].has_failed = !is_sound || delay > 1_000_000_000;
        if self.random.percent(10) {
            self.forge(to, query, question);
        }
        self.later(delay, Event::Packet(Packet { to, lookup, bytes }));
    }

    /// Somebody else has an answer, to another question or with another number.
    fn forge(&mut self, to: (Fd, u64), query: &[u8], question: &Question) {
        let lookup = self.lookups.len();
        self.lookups.push(Lookup::new(&question.name));
        self.lookups[lookup].is_stale = true;
        let addresses = self.addresses(lookup, question.kind);
        let mut bytes = answer(query, question, 0, &addresses);
        let at = self.random.one_of(&[0, 1, HEADER + 1, question.end - 3]);
        bytes[at] ^= 1;
        let delay = self.random.below(1_000_000);
        self.later(delay, Event::Packet(Packet { to, lookup, bytes: Some(bytes) }));
    }

    fn addresses(&mut self, lookup: usize, kind: u16) -> Vec<IpAddr> {
        let [high, low] = (lookup as u16).to_be_bytes();
        let count = self.random.one_of(&[0, 1, 1, 2, 3]);
        let address = |at: u8| match kind {
            A => Some(IpAddr::V4(Ipv4Addr::new(10, high, low, at))),
            AAAA => Some(Ipv6Addr::new(0xfd00, lookup as u16, at.into(), 0, 0, 0, 0, 1).into()),
            _ => None,
        };
        (0..count).filter_map(address).collect()
    }

    /// A packet arrives, if its socket is still open.
    pub(super) fn arrive_packet(&mut self, Packet { to: (fd, serial), lookup, bytes }: Packet) {
        let Some(datagrams) = self.datagrams(fd).filter(|open| open.serial == serial) else {
            return;
        };
        match bytes {
            Some(bytes) => datagrams.inbox.push_back((bytes, lookup)),
            None => datagrams.error = Some(libc::ECONNREFUSED),
        }
        self.note("packet", fd as u64, lookup as u64);
        self.wake(fd);
    }

    /// Receives a packet; nothing if it is no datagram socket.
    pub(super) fn receive_datagram(
        &mut self,
        fd: Fd,
        max: usize,
    ) -> Option<Result<Vec<u8>, Errno>> {
        let datagrams = self.datagrams(fd)?;
        if let Some(errno) = datagrams.error.take() {
            return Some(Err(Errno(errno)));
        }
        let Some((mut bytes, lookup)) = datagrams.inbox.pop_front() else {
            return Some(Err(Errno::AGAIN));
        };
        bytes.truncate(max);
        self.lookups[lookup].is_received = true;
        self.note("receive packet", fd as u64, lookup as u64);
        Some(Ok(bytes))
    }
}
