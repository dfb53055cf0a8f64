//! An endless, fast body beside small fetches on one client: it does not starve them.
//!
//! The client and its server are moved by one thread, in turn, so that what is counted does not
//! depend on the machine: before each poll of the client the server sends of the endless body what
//! the connection takes. How long a small fetch takes is counted in polls; and how long a poll can
//! last, in bytes of the endless body. Times are printed, for people to judge.
#![allow(unsafe_code)]

mod support;

use ::ifetch::ffi::options::ifetch_limit::IFETCH_LIMIT_BODY;
use std::io::{ErrorKind, Read, Write};
use std::iter::{from_fn, repeat_with};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};
use support::*;

const FETCHES: usize = 1_000;
const AT_A_TIME: usize = 10;
const SMALL: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
const ENDLESS: &str = "HTTP/1.1 200 OK\r\n\r\n";
/// How many bytes of one body a poll may handle while others wait.
const SHARE: u64 = 128 << 10;
const BUFFER: usize = 1 << 16;

#[test]
fn an_endless_streamed_body_does_not_starve_small_fetches() {
    assert_fair("streamed", &Options::new().stream());
}

#[test]
fn an_endless_collected_body_does_not_starve_small_fetches() {
    assert_fair("collected", &Options::new().limit(IFETCH_LIMIT_BODY, 256 << 20));
}

fn assert_fair(kind: &str, endless: &Options) {
    let alone = run(None);
    let beside = run(Some(endless));
    let times = (percentile(&alone.times, 99), percentile(&beside.times, 99));
    let polls = (percentile(&alone.polls, 99), percentile(&beside.polls, 99));
    println!("{kind}: p99 {polls:?} polls, {times:?}, {:?} bytes", percentile(&beside.bytes, 99));
    assert!(polls.1 <= 3 * polls.0, "p99 of {polls:?} polls");
    let bytes = (percentile(&beside.bytes, 50), percentile(&beside.bytes, 100));
    assert!(bytes.0 > 8 << 10, "the endless body hardly moves: {bytes:?} in a poll");
    assert!(bytes.1 <= SHARE, "{} bytes of the endless body in a poll", bytes.1);
}

fn percentile<T: Copy + Ord>(values: &[T], percent: usize) -> T {
    let mut values = values.to_vec();
    values.sort_unstable();
    values[(values.len() * percent).div_ceil(100) - 1]
}

/// What was measured: polls and time in them for each small fetch, bytes of the endless body for each poll.
#[derive(Default)]
struct Measured {
    polls: Vec<u64>,
    times: Vec<Duration>,
    bytes: Vec<u64>,
}

fn run(endless: Option<&Options>) -> Measured {
    let mut server = Server::new();
    let client = Client::new();
    let mut neighbour = endless.map(|options| Neighbour::start(&client, &server, options));
    let small = server.url("small");
    let mut measured = Measured::default();
    // With how many polls, and how much time in them, there had been at their starts.
    let mut under_way: Vec<(Fetch, u64, Duration)> = Vec::new();
    let (mut started, mut polls, mut time) = (0, 0, Duration::ZERO);
    while measured.polls.len() < FETCHES {
        while started < FETCHES && under_way.len() < AT_A_TIME {
            let fetch = client.start(&small, &Options::new());
            under_way.push((fetch, polls, time));
            started += 1;
        }
        server.go_on();
        let start = Instant::now();
        client.poll();
        time += start.elapsed();
        polls += 1;
        assert!(polls < 100 * FETCHES as u64, "the small fetches do not end");
        let news = Vec::from_iter(from_fn(|| {
            let fetch = client.next();
            (!fetch.is_null()).then_some(fetch)
        }));
        under_way.retain(|(fetch, polls_before, time_before)| {
            let is_over = news.contains(&fetch.as_ptr());
            if is_over {
                assert_eq!(fetch.poll(), IFETCH_DONE, "{}", fetch.message());
                measured.polls.push(polls - polls_before);
                measured.times.push(time - *time_before);
            }
            !is_over
        });
        if let Some(neighbour) = &mut neighbour {
            measured.bytes.push(neighbour.go_on());
            if neighbour.is_full() {
                *neighbour = Neighbour::start(&client, &server, neighbour.options);
            }
        }
    }
    measured
}

/// The fetch of the endless body.
struct Neighbour<'a> {
    options: &'a Options,
    fetch: Fetch,
    received: u64,
    buffer: Vec<u8>,
}

impl<'a> Neighbour<'a> {
    fn start(client: &Client, server: &Server, options: &'a Options) -> Neighbour<'a> {
        let fetch = client.start(&server.url("endless"), options);
        Neighbour { options, fetch, received: 0, buffer: vec![0; BUFFER] }
    }

    /// Its turn in each round: says how many bytes have moved since the last one. It reads once,
    /// to give the others their turn; a body that is collected is not there to be read.
    fn go_on(&mut self) -> u64 {
        if self.fetch.phase() == IFETCH_PHASE_RECEIVING {
            self.fetch.read(&mut self.buffer);
        }
        let received = self.fetch.progress().1;
        received - std::mem::replace(&mut self.received, received)
    }

    /// Whether it has ended, which it does at its limit.
    fn is_full(&self) -> bool {
        let is_over = self.fetch.phase() == IFETCH_PHASE_ENDED;
        assert!(!is_over || self.fetch.error() == IFETCH_ERROR_BODY_TOO_LARGE);
        is_over
    }
}

/// Answers small requests at once, and one for an endless body for ever.
struct Server {
    listener: TcpListener,
    links: Vec<TcpStream>,
    endless: Vec<TcpStream>,
}

impl Server {
    fn new() -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
        listener.set_nonblocking(true).expect("a socket option");
        Server { listener, links: Vec::new(), endless: Vec::new() }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.listener.local_addr().expect("it is bound"))
    }

    /// Does all that can be done without waiting.
    fn go_on(&mut self) {
        while let Ok((link, _)) = self.listener.accept() {
            link.set_nonblocking(true).expect("a socket option");
            link.set_nodelay(true).expect("a socket option");
            self.links.push(link);
        }
        let mut request = [0; 4096];
        let mut links = std::mem::take(&mut self.links);
        while let Some(mut link) = links.pop() {
            match link.read(&mut request) {
                Ok(0) => {}
                Ok(n) if request[..n].starts_with(b"GET /endless") => {
                    link.write_all(ENDLESS.as_bytes()).expect("the client takes it");
                    self.endless.push(link);
                }
                Ok(_) => {
                    link.write_all(SMALL.as_bytes()).expect("the client takes it");
                    self.links.push(link);
                }
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::WouldBlock);
                    self.links.push(link);
                }
            }
        }
        let data = [b'x'; 1 << 16];
        self.endless.retain_mut(|link| {
            let refused = repeat_with(|| link.write(&data)).find_map(Result::err);
            refused.is_some_and(|error| error.kind() == ErrorKind::WouldBlock)
        });
    }
}
