//! Connections: what is under way on them, and what each end has done.

use super::requests::Requests;
use super::{Event, World};
use crate::simulation::random::Random;
use crate::simulation::server::Server;
use crate::transport::sys::Fd;
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

#[derive(Debug)]
pub(crate) struct Connection {
    /// The client's socket, until it is closed.
    pub(super) fd: Option<Fd>,
    /// Who has made it.
    pub(crate) owner: Option<usize>,
    pub(crate) address: SocketAddr,
    pub(crate) is_established: bool,
    pub(crate) latency_ns: u64,
    pub(super) client_room: usize,
    /// When what was sent last arrives: nothing overtakes it.
    to_server_at: u64,
    pub(crate) requests: Requests,
    /// What the client's end has done, in this order.
    pub(crate) endings: Vec<Ending>,
    /// By which entry into the library it was shut down.
    pub(super) shut_by: Option<u64>,
    pub(crate) server: Server,
}

/// How the client's end has ended it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Before it was established.
    Abandoned,
    Finished,
    Reset,
    /// By the system, since there were bytes that nobody would read any more.
    Refused,
}

impl Connection {
    /// Notes what the client's end has done, in the call with this number.
    pub(super) fn end(&mut self, ending: Ending) {
        self.endings.push(ending);
    }
}

/// What is under way to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Segment {
    /// So many bytes; what they say has been looked at when they were sent.
    Bytes(usize),
    Fin,
    Rst,
}

/// What becomes of an attempt to connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Unreachable,
    EstablishedAtOnce,
    Established,
    Refused,
    /// Nobody ever answers.
    Lost,
}

/// For how long the system goes on asking.
const GIVEN_UP_NS: u64 = 130_000_000_000;

impl Fate {
    pub(super) fn at_once(self) -> Option<i32> {
        (self == Self::Unreachable).then_some(libc::ENETUNREACH)
    }

    pub(super) fn is_established_at_once(self) -> bool {
        self == Self::EstablishedAtOnce
    }

    pub(super) fn later(self, round_trip: u64) -> (u64, Option<i32>) {
        match self {
            Self::Refused => (round_trip, Some(libc::ECONNREFUSED)),
            Self::Lost => (GIVEN_UP_NS, Some(libc::ETIMEDOUT)),
            _ => (round_trip, None),
        }
    }
}

impl Connection {
    pub(super) fn new(
        fd: Fd,
        owner: Option<usize>,
        address: SocketAddr,
        random: &mut Random,
    ) -> Self {
        Self {
            fd: Some(fd),
            owner,
            address,
            is_established: false,
            latency_ns: random.one_of(&[5_000, 50_000, 1_000_000, 30_000_000]),
            client_room: random.one_of(&[100, 100, 3_000, 16 * 1024, 256 * 1024]),
            to_server_at: 0,
            requests: Requests::default(),
            endings: Vec::new(),
            shut_by: None,
            server: Server::new(random),
        }
    }

    /// Whether the client still has it, and has not ended it.
    pub(crate) fn is_live(&self) -> bool {
        self.fd.is_some() && self.endings.is_empty()
    }
}

/// The kind of host, and the port: as far as addresses tell, one origin.
fn origin(address: SocketAddr) -> (u16, u16) {
    let kind = match address.ip() {
        ip if ip.is_loopback() => 0,
        IpAddr::V4(ip) if ip.octets()[0] != 10 => 1,
        _ => 2,
    };
    (kind, address.port())
}

impl World {
    /// There is room for one more connection: those that have been used count for sure, while
    /// several that are being made may be for one.
    pub(super) fn check_limits(&mut self, address: SocketAddr) {
        let caller = self.caller();
        let Some(&(all_max, origin_max)) = caller.and_then(|caller| self.limits.get(&caller))
        else {
            return;
        };
        let live = self.connections.iter().filter(|connection| {
            connection.owner == caller
                && connection.is_live()
                && connection.requests.sent > 0
                && self.is_connected(connection)
        });
        let (mut all, mut of_origin) = (0, 0);
        for connection in live {
            all += 1;
            of_origin += usize::from(origin(connection.address) == origin(address));
        }
        // Those who trust others do not share connections.
        let trusted: BTreeSet<_> = (self.plans.iter())
            .filter(|plan| Some(plan.caller) == caller && plan.port == address.port())
            .map(|plan| plan.trusts())
            .collect();
        let origin_max = origin_max * trusted.len();
        if all_max > 0 && all >= all_max || origin_max > 0 && of_origin >= origin_max {
            let why = format!("{caller:?} connects to {address} beside {of_origin}, {all} in all");
            self.wrong(format!("{why}, where {origin_max}, {all_max} may be"));
        }
    }

    /// Sends something on its way to the server.
    pub(super) fn deliver(&mut self, connection: usize, segment: Segment) {
        let jitter = self.random.below(20_000);
        let now = self.now();
        let connection_of = &mut self.connections[connection];
        let at = connection_of.to_server_at.max(now + connection_of.latency_ns + jitter);
        connection_of.to_server_at = at;
        self.later_at(at, Event::Arrives(connection, segment));
    }

    pub(super) fn arrive(&mut self, connection: usize, segment: Segment) {
        match segment {
            Segment::Bytes(count) => {
                self.note("server gets", connection as u64, count as u64);
                self.server_gets(connection, count);
            }
            Segment::Fin => {
                self.note("server sees FIN", connection as u64, 0);
                self.server_sees_end(connection);
            }
            Segment::Rst => {
                self.note("server sees RST", connection as u64, 0);
                self.connections[connection].server.stop();
            }
        }
    }
}
