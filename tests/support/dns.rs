//! A DNS server that says what a test has told it to, over UDP and TCP at one port.

use super::{PATIENCE, readable};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    A = 1,
    Aaaa = 28,
}

/// A record, of this owner, or of the name that was asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Record {
    Address(&'static str),
    AddressOf(&'static str, &'static str),
    Alias(&'static str),
    AliasOf(&'static str, &'static str),
}

/// What is sent to whoever has asked. All records hold for the same time.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Say {
    Records(u32, &'static [Record]),
    /// The name does not exist, or has no such address; for so long, if that is said.
    NoName(Option<u32>),
    NoAddress(Option<u32>),
    /// This code, and nothing else.
    Code(u8),
    /// That it does not fit.
    Truncated,
    /// The address 127.0.0.66, and something that is wrong with it.
    Wrong(Wrong),
    /// Over TCP, the first half of an answer.
    Half,
    /// Over TCP, the end of the connection.
    Close,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    Number,
    Name,
    Kind,
    /// It is a query.
    Query,
    /// Its first twelve bytes are too few.
    Short,
    /// It comes from another port.
    Source,
    /// The owner of its record points to itself.
    Circle,
    /// It ends within its record.
    Cut,
}

/// What is said to one query, one after the other; nothing if it is empty.
pub(crate) type Saying = &'static [Say];

pub(crate) const HERE: Saying = &[Say::Records(60, &[Record::Address("127.0.0.1")])];
pub(crate) const NO_ADDRESS: Saying = &[Say::NoAddress(Some(60))];
pub(crate) const SILENCE: Saying = &[];

/// A query that has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Query {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) is_tcp: bool,
    pub(crate) has_edns: bool,
    pub(crate) id: u16,
    pub(crate) from: SocketAddr,
}

#[derive(Default)]
struct Book {
    /// What is said to the first query, to the second, and so on; the last one holds on.
    sayings: BTreeMap<(String, Kind), Vec<Saying>>,
    queries: Vec<Query>,
}

#[derive(Default)]
struct Shared {
    book: Mutex<Book>,
    change: Condvar,
    is_over: AtomicBool,
}

impl Shared {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) struct Dns {
    address: SocketAddr,
    shared: Arc<Shared>,
    serving: Option<JoinHandle<()>>,
}

impl Dns {
    pub(crate) fn start() -> Dns {
        Dns::start_at("127.0.0.1:0")
    }

    pub(crate) fn start_at(address: &str) -> Dns {
        let (udp, tcp) = bind(address);
        Dns::serve(udp, Some(tcp))
    }

    /// One to which nobody can connect: the caller listens at the address, or nobody.
    pub(crate) fn start_without_tcp(address: &str) -> Dns {
        Dns::serve(UdpSocket::bind(address).expect("a loopback port"), None)
    }

    fn serve(udp: UdpSocket, tcp: Option<TcpListener>) -> Dns {
        let address = udp.local_addr().expect("it is bound");
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let serving = Some(std::thread::spawn(move || serve(&theirs, &udp, tcp.as_ref())));
        Dns { address, shared, serving }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on, this is what is said to the next queries; the last of it to all after them.
    pub(crate) fn tell(&self, name: &str, kind: Kind, sayings: &[Saying]) {
        self.shared.book().sayings.insert((name.to_owned(), kind), sayings.to_vec());
    }

    /// The name has the address 127.0.0.1 and no other.
    pub(crate) fn tell_here(&self, name: &str) {
        self.tell(name, Kind::A, &[HERE]);
        self.tell(name, Kind::Aaaa, &[NO_ADDRESS]);
    }

    /// Nobody is told anything of the name.
    pub(crate) fn tell_nothing(&self, name: &str) {
        self.tell(name, Kind::A, &[SILENCE]);
        self.tell(name, Kind::Aaaa, &[SILENCE]);
    }

    pub(crate) fn queries(&self) -> Vec<Query> {
        self.shared.book().queries.clone()
    }

    /// The names and kinds that were asked for, such as "a.test A", since this was asked last.
    pub(crate) fn take_asked(&self) -> Vec<String> {
        let queries = std::mem::take(&mut self.shared.book().queries);
        let mut asked: Vec<_> =
            queries.into_iter().map(|query| format!("{} {:?}", query.name, query.kind)).collect();
        asked.dedup();
        asked
    }

    /// How many queries for the name have come.
    pub(crate) fn asked(&self, name: &str, kind: Kind) -> usize {
        let is_it = |query: &&Query| query.name == name && query.kind == kind;
        self.shared.book().queries.iter().filter(is_it).count()
    }

    /// Waits until so many queries have come.
    pub(crate) fn until_asked(&self, count: usize) {
        let is_less = |book: &mut Book| book.queries.len() < count;
        let waited = self.shared.change.wait_timeout_while(self.shared.book(), PATIENCE, is_less);
        let timed_out = waited.unwrap_or_else(PoisonError::into_inner).1.timed_out();
        assert!(!timed_out, "{count} queries do not come, but {:?}", self.queries());
    }
}

impl Drop for Dns {
    fn drop(&mut self) {
        self.shared.is_over.store(true, SeqCst);
        let ended = self.serving.take().map(JoinHandle::join);
        assert!(std::thread::panicking() || ended.is_some_and(|ended| ended.is_ok()), "it served");
    }
}

/// The same port for both: that the first choice is free for the other is likely, not sure.
fn bind(address: &str) -> (UdpSocket, TcpListener) {
    for _ in 0..100 {
        let udp = UdpSocket::bind(address).expect("a loopback port");
        if let Ok(tcp) = TcpListener::bind(udp.local_addr().expect("it is bound")) {
            return (udp, tcp);
        }
    }
    panic!("no port is free for both");
}

fn serve(shared: &Shared, udp: &UdpSocket, tcp: Option<&TcpListener>) {
    let mut links: Vec<TcpStream> = Vec::new();
    while !shared.is_over.load(SeqCst) {
        let mut descriptors: Vec<_> = links.iter().map(AsRawFd::as_raw_fd).collect();
        descriptors.push(udp.as_raw_fd());
        descriptors.extend(tcp.map(AsRawFd::as_raw_fd));
        if !readable(&descriptors, Duration::from_millis(20)) {
            continue;
        }
        if readable(&[udp.as_raw_fd()], Duration::ZERO) {
            let mut packet = [0; 512];
            // An error is that of an answer that nobody took.
            if let Ok((len, from)) = udp.recv_from(&mut packet) {
                answer_datagram(shared, udp, &packet[..len], from);
            }
        }
        if let Some(tcp) = tcp.filter(|tcp| readable(&[tcp.as_raw_fd()], Duration::ZERO)) {
            links.extend(tcp.accept().map(|(link, _)| link));
        }
        links.retain_mut(|link| {
            !readable(&[link.as_raw_fd()], Duration::ZERO) || answer_stream(shared, link)
        });
    }
}

fn answer_datagram(shared: &Shared, udp: &UdpSocket, packet: &[u8], from: SocketAddr) {
    let query = parse(packet, false, from);
    for say in note(shared, &query) {
        let answer = packet_of(&query, say);
        match say {
            Say::Wrong(Wrong::Source) => {
                let other = UdpSocket::bind((udp.local_addr().expect("bound").ip(), 0));
                let _ = other.expect("a loopback port").send_to(&answer, from);
            }
            // Whoever has asked may have gone.
            _ => drop(udp.send_to(&answer, from)),
        }
    }
}

/// Answers one query. False if the connection is over.
fn answer_stream(shared: &Shared, link: &mut TcpStream) -> bool {
    let mut len = [0; 2];
    link.set_read_timeout(Some(PATIENCE)).expect("a socket option");
    if link.read_exact(&mut len).is_err() {
        return false;
    }
    let mut packet = vec![0; usize::from(u16::from_be_bytes(len))];
    if link.read_exact(&mut packet).is_err() {
        return false;
    }
    let from = link.peer_addr().unwrap_or_else(|_| SocketAddr::from(([0, 0, 0, 0], 0)));
    let query = parse(&packet, true, from);
    for say in note(shared, &query) {
        let answer = packet_of(&query, say);
        let mut message = (answer.len() as u16).to_be_bytes().to_vec();
        message.extend_from_slice(&answer);
        match say {
            Say::Close => return false,
            Say::Half => message.truncate(message.len() / 2),
            _ => {}
        }
        if link.write_all(&message).is_err() {
            return false;
        }
    }
    true
}

/// Notes the query, and gives what is to be said to it.
fn note(shared: &Shared, query: &Query) -> Vec<Say> {
    let mut book = shared.book();
    book.queries.push(query.clone());
    let sayings = book.sayings.get_mut(&(query.name.clone(), query.kind));
    let saying = match sayings {
        None => &[Say::NoName(Some(60))][..],
        Some(sayings) if sayings.len() > 1 => sayings.remove(0),
        Some(sayings) => sayings[0],
    };
    shared.change.notify_all();
    saying.to_vec()
}

fn parse(packet: &[u8], is_tcp: bool, from: SocketAddr) -> Query {
    let number = |at: usize| u16::from_be_bytes([packet[at], packet[at + 1]]);
    assert_eq!((number(2), number(4)), (0x0100, 1), "a query for one name, with recursion");
    let (name, end) = name_at(packet, 12);
    let kind = match number(end) {
        1 => Kind::A,
        28 => Kind::Aaaa,
        other => panic!("nobody asks for type {other}"),
    };
    Query { name, kind, is_tcp, has_edns: number(10) == 1, id: number(0), from }
}

fn name_at(packet: &[u8], mut at: usize) -> (String, usize) {
    let mut labels = Vec::new();
    while packet[at] != 0 {
        let len = usize::from(packet[at]);
        labels.push(String::from_utf8_lossy(&packet[at + 1..at + 1 + len]).into_owned());
        at += 1 + len;
    }
    (labels.join("."), at + 1)
}

fn wire(name: &str) -> Vec<u8> {
    let labels = name.split('.').flat_map(|label| {
        let len = u8::try_from(label.len()).expect("names of tests are short");
        std::iter::once(len).chain(label.bytes())
    });
    labels.chain([0]).collect()
}

fn record(owner: &[u8], kind: u16, ttl_s: u32, data: &[u8]) -> Vec<u8> {
    let mut bytes = owner.to_vec();
    bytes.extend_from_slice(&kind.to_be_bytes());
    bytes.extend_from_slice(&1u16.to_be_bytes());
    bytes.extend_from_slice(&ttl_s.to_be_bytes());
    bytes.extend_from_slice(&(data.len() as u16).to_be_bytes());
    bytes.extend_from_slice(data);
    bytes
}

fn record_of(what: Record, ttl_s: u32) -> Vec<u8> {
    // The name that was asked for is in the question.
    let asked = [0xc0, 12];
    let address = |owner: &[u8], text: &str| match text.parse().expect("an address") {
        IpAddr::V4(v4) => record(owner, 1, ttl_s, &v4.octets()),
        IpAddr::V6(v6) => record(owner, 28, ttl_s, &v6.octets()),
    };
    match what {
        Record::Address(text) => address(&asked, text),
        Record::AddressOf(owner, text) => address(&wire(owner), text),
        Record::Alias(target) => record(&asked, 5, ttl_s, &wire(target)),
        Record::AliasOf(owner, target) => record(&wire(owner), 5, ttl_s, &wire(target)),
    }
}

fn packet_of(query: &Query, say: Say) -> Vec<u8> {
    const BAD: &[Record] = &[Record::Address("127.0.0.66")];
    let wrong = if let Say::Wrong(wrong) = say { Some(wrong) } else { None };
    let (code, records, ttl_s, soa) = match say {
        Say::Records(ttl_s, records) => (0, records, ttl_s, None),
        Say::NoName(soa) => (3, &[][..], 0, soa),
        Say::NoAddress(soa) => (0, &[][..], 0, soa),
        Say::Code(code) => (code, &[][..], 0, None),
        Say::Truncated => (0, &[][..], 0, None),
        Say::Wrong(_) => (0, BAD, 60, None),
        Say::Half | Say::Close => (0, &[Record::Address("127.0.0.1")][..], 60, None),
    };
    let id = if wrong == Some(Wrong::Number) { query.id ^ 0x100 } else { query.id };
    let mut bytes = id.to_be_bytes().to_vec();
    let response = if wrong == Some(Wrong::Query) { 0 } else { 0x80 };
    bytes.push(response | 1 | if matches!(say, Say::Truncated) { 2 } else { 0 });
    bytes.push(0x80 | code);
    for count in [1, records.len() as u16, u16::from(soa.is_some()), 0] {
        bytes.extend_from_slice(&count.to_be_bytes());
    }
    let name = if wrong == Some(Wrong::Name) { "other.test" } else { &query.name };
    bytes.extend_from_slice(&wire(name));
    let kind = match (wrong, query.kind) {
        (Some(Wrong::Kind), Kind::A) => Kind::Aaaa,
        (Some(Wrong::Kind), Kind::Aaaa) => Kind::A,
        (_, kind) => kind,
    };
    bytes.extend_from_slice(&(kind as u16).to_be_bytes());
    bytes.extend_from_slice(&1u16.to_be_bytes());
    let behind = bytes.len();
    for &record in records {
        bytes.extend_from_slice(&record_of(record, ttl_s));
    }
    if let Some(ttl_s) = soa {
        let numbers = [1, 2, 3, 4, ttl_s].map(u32::to_be_bytes).concat();
        let data = [wire("ns.test").repeat(2), numbers].concat();
        bytes.extend_from_slice(&record(&wire("test"), 6, ttl_s, &data));
    }
    match wrong {
        Some(Wrong::Circle) => bytes[behind..behind + 2].copy_from_slice(&[0xc0, behind as u8]),
        Some(Wrong::Cut) => bytes.truncate(behind + 4),
        Some(Wrong::Short) => bytes.truncate(11),
        _ => {}
    }
    bytes
}
