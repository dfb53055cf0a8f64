//! What a report says of a fetch that was cancelled: where it was, what the server got of it, and
//! what became of the connection. One row for each phase and policy; the queue and the TLS
//! handshake have theirs in `queued.rs` and `tls.rs`.
#![allow(unsafe_code)]

mod support;

use ::ifetch::ffi::options::ifetch_cancel_policy::{self, *};
use ::ifetch::ffi::report::ifetch_acted::{self, *};
use ::ifetch::ffi::report::ifetch_ending::{self, *};
use ::ifetch::ffi::report::ifetch_report;
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use support::dns::Dns;
use support::*;

/// More than the kernel takes for a server that does not read.
const HUGE: usize = 16 << 20;

/// What the server has done by the time of the cancel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Server {
    /// Its name is asked for in vain.
    Nameless,
    /// It does not take the connection.
    Silent,
    /// It does not read.
    Unreading,
    Reading,
    /// It has sent this.
    Sent(&'static str),
}

/// What the kernel has taken of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Taken {
    Nothing,
    PartOfHead,
    HeadAndPartOfBody,
    All,
}

struct Row {
    server: Server,
    options: fn(Options) -> Options,
    policy: ifetch_cancel_policy,
    phase: ifetch_phase,
    taken: Taken,
    acted: ifetch_acted,
    ending: ifetch_ending,
}

const HALF: Server = Server::Sent("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
const HALF_OF_MUCH: Server =
    Server::Sent("HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\nhello");
const HALF_A_HEAD: Server = Server::Sent("HTTP/1.1 200 OK\r\nContent-");

const fn row(server: Server, phase: ifetch_phase) -> Row {
    Row {
        server,
        options: |options| options,
        policy: IFETCH_CANCEL_RST,
        phase,
        taken: Taken::All,
        acted: IFETCH_ACTED_MAYBE,
        ending: IFETCH_ENDING_RST,
    }
}

const fn with(policy: ifetch_cancel_policy, ending: ifetch_ending, row: Row) -> Row {
    Row { policy, ending, ..row }
}

/// The server cannot have acted: it was given no more of the request than this.
const fn unseen(taken: Taken, row: Row) -> Row {
    Row { taken, acted: IFETCH_ACTED_NO, ..row }
}

const fn long_head(row: Row) -> Row {
    Row { options: |options| options.header("X-Long", &"x".repeat(HUGE)), ..row }
}

const fn long_body(row: Row) -> Row {
    let options = |options: Options| options.method("POST").body(&vec![b'x'; HUGE]);
    Row { options, taken: Taken::HeadAndPartOfBody, ..row }
}

#[rustfmt::skip] // a row is a line
const ROWS: &[Row] = &[
    with(IFETCH_CANCEL_RST, IFETCH_ENDING_NONE, unseen(Taken::Nothing, row(Server::Nameless, IFETCH_PHASE_RESOLVING))),
    with(IFETCH_CANCEL_RST, IFETCH_ENDING_NONE, unseen(Taken::Nothing, row(Server::Silent, IFETCH_PHASE_CONNECTING))),
    with(IFETCH_CANCEL_FIN, IFETCH_ENDING_NONE, unseen(Taken::Nothing, row(Server::Silent, IFETCH_PHASE_CONNECTING))),
    long_head(unseen(Taken::PartOfHead, row(Server::Unreading, IFETCH_PHASE_SENDING))),
    long_head(with(IFETCH_CANCEL_FIN, IFETCH_ENDING_FIN, unseen(Taken::PartOfHead, row(Server::Unreading, IFETCH_PHASE_SENDING)))),
    long_body(row(Server::Unreading, IFETCH_PHASE_SENDING)),
    long_body(with(IFETCH_CANCEL_FIN, IFETCH_ENDING_FIN, row(Server::Unreading, IFETCH_PHASE_SENDING))),
    row(Server::Reading, IFETCH_PHASE_WAITING),
    with(IFETCH_CANCEL_FIN, IFETCH_ENDING_FIN, row(Server::Reading, IFETCH_PHASE_WAITING)),
    with(IFETCH_CANCEL_DRAIN, IFETCH_ENDING_RST, row(Server::Reading, IFETCH_PHASE_WAITING)),
    row(HALF_A_HEAD, IFETCH_PHASE_WAITING),
    row(HALF, IFETCH_PHASE_RECEIVING),
    with(IFETCH_CANCEL_FIN, IFETCH_ENDING_FIN, row(HALF, IFETCH_PHASE_RECEIVING)),
    with(IFETCH_CANCEL_DRAIN, IFETCH_ENDING_DRAINED, row(HALF, IFETCH_PHASE_RECEIVING)),
    with(IFETCH_CANCEL_DRAIN, IFETCH_ENDING_RST, row(HALF_OF_MUCH, IFETCH_PHASE_RECEIVING)),
];

#[test]
fn a_report_of_a_cancel_says_what_a_retry_needs_to_know() {
    for (number, row) in ROWS.iter().enumerate() {
        check(row, &format!("row {number}, {:?}, {:?}", row.server, row.policy));
    }
}

fn check(row: &Row, context: &str) {
    let dns = Dns::start();
    dns.tell_nothing("nameless.test");
    let (listener, _filler) = match row.server {
        Server::Silent => {
            let (listener, filler) = full_listener();
            (listener, Some(filler))
        }
        _ => (TcpListener::bind("127.0.0.1:0").expect("a loopback port"), None),
    };
    let port = listener.local_addr().expect("it is bound").port();
    let host = if row.server == Server::Nameless { "nameless.test" } else { "127.0.0.1" };
    let client = Client::new().asking(dns.address());
    let options = (row.options)(Options::new().cancel_policy(row.policy));
    let fetch = client.start(&format!("http://{host}:{port}/"), &options);
    let mut link = match row.server {
        Server::Nameless | Server::Silent => None,
        _ => Some(listener.accept().expect("it connects").0),
    };
    if let (Server::Sent(bytes), Some(link)) = (row.server, &mut link) {
        link.write_all(bytes.as_bytes()).expect("the client is there");
    }
    assert_eq!(fetch.news_or_stall(), IFETCH_PENDING, "{context}");
    assert_eq!(fetch.phase(), row.phase, "{context}");
    let before = fetch.report();
    assert_eq!((before.ending, before.error), (IFETCH_ENDING_NONE as i32, 0), "{context}");
    fetch.cancel();
    assert_eq!(fetch.poll(), IFETCH_CANCELLED, "{context}");

    let report = fetch.report();
    assert_eq!(report.phase, row.phase as i32, "{context}");
    assert_eq!(report.acted, row.acted as i32, "{context}");
    assert_eq!(report.ending, row.ending as i32, "{context}");
    let received = if let Server::Sent(bytes) = row.server { bytes.len() } else { 0 };
    assert_eq!(report.received, received as u64, "{context}");
    let sent = report.sent as usize;
    match row.taken {
        Taken::Nothing => assert_eq!(sent, 0, "{context}"),
        Taken::PartOfHead | Taken::HeadAndPartOfBody => {
            assert!((10_000..HUGE).contains(&sent), "{sent} bytes, {context}");
        }
        Taken::All => assert!((20..1000).contains(&sent), "{sent} bytes, {context}"),
    }
    // A FIN comes behind all that was taken.
    if let (IFETCH_ENDING_FIN, Some(link)) = (row.ending, &mut link) {
        assert_eq!(read_to_end(link), sent, "{context}");
    }
    check_moments(&report, row.phase, context);
}

/// The moments up to the phase have come, in their order, and none behind it.
fn check_moments(report: &ifetch_report, phase: ifetch_phase, context: &str) {
    let moments = [
        (report.granted_ns, IFETCH_PHASE_RESOLVING),
        (report.connecting_ns, IFETCH_PHASE_CONNECTING),
        (report.sending_ns, IFETCH_PHASE_SENDING),
        (report.waiting_ns, IFETCH_PHASE_WAITING),
        (report.receiving_ns, IFETCH_PHASE_RECEIVING),
    ];
    for (moment, begins) in moments {
        let has_begun = begins as i32 <= phase as i32;
        assert_eq!(moment < u64::MAX, has_begun, "{begins:?}, {context}: {report:?}");
    }
    let mut reached: Vec<u64> = moments.iter().map(|&(moment, _)| moment).collect();
    reached.retain(|&moment| moment < u64::MAX);
    reached.push(report.ended_ns);
    assert!(reached.is_sorted() && report.ended_ns < u64::MAX, "{context}: {report:?}");
    let has_come = report.received > 0;
    assert_eq!(report.first_byte_ns < u64::MAX, has_come, "{context}: {report:?}");
}

/// How many bytes come before the end.
fn read_to_end(link: &mut TcpStream) -> usize {
    link.set_read_timeout(Some(PATIENCE)).expect("a socket option");
    let (mut buffer, mut read) = (vec![0; 1 << 16], 0);
    loop {
        match link.read(&mut buffer) {
            Ok(0) => return read,
            Ok(count) => read += count,
            Err(error) => assert_eq!(error.kind(), ErrorKind::Interrupted, "an end comes"),
        }
    }
}
