//! Deadlines arrive through the descriptor alone, each with its own code.

mod support;

#[path = "support/names.rs"]
mod names;

use ::ifetch::ffi::client::ifetch_client_limit::*;
use ::ifetch::ffi::options::ifetch_timeout::{self, *};
use std::time::{Duration, Instant};
use support::*;

/// Long enough to be told from no time at all.
const TIMEOUT_MS: u32 = 150;

/// Runs the fetch to its end, waiting on its descriptor with no timeout of its own, and checks
/// that it ended with this code when it was due.
fn assert_times_out(fetch: &Fetch, started: Instant, error: ifetch_error) {
    let got = fetch.finish();
    let elapsed = started.elapsed();
    assert_eq!(got.error, error, "{}", got.message);
    assert_eq!(got.status, IFETCH_FAILED);
    assert!(elapsed >= Duration::from_millis(TIMEOUT_MS.into()), "{error:?} after {elapsed:?}");
    assert!(elapsed < PATIENCE / 2, "{error:?} after {elapsed:?}");
}

fn only(which: ifetch_timeout) -> Options {
    Options::new().timeout(which, TIMEOUT_MS)
}

#[test]
fn total_ends_a_fetch_whose_server_says_nothing() {
    let peer = Peer::answering("");
    let started = Instant::now();
    let fetch = Fetch::start(peer.url("/"), &only(IFETCH_TIMEOUT_TOTAL));
    assert_times_out(&fetch, started, IFETCH_ERROR_TIMEOUT_TOTAL);
    peer.seen();
}

#[test]
fn total_ends_a_fetch_whose_server_never_stops() {
    let peer = Peer::start(|mut link| {
        link.read_head();
        link.send("HTTP/1.1 200 OK\r\n\r\n");
        while link.try_send("x") {
            std::thread::sleep(Duration::from_millis(10));
        }
    });
    let started = Instant::now();
    let fetch = Fetch::start(peer.url("/"), &only(IFETCH_TIMEOUT_TOTAL));
    assert_times_out(&fetch, started, IFETCH_ERROR_TIMEOUT_TOTAL);
    assert!(
        fetch.body().is_some_and(|body| body.starts_with('x')),
        "what had arrived is still there"
    );
    peer.seen();
}

#[test]
fn total_ends_a_fetch_whose_caller_is_slow() {
    let peer = Peer::answering("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    let started = Instant::now();
    let fetch = Fetch::start(peer.url("/"), &only(IFETCH_TIMEOUT_TOTAL).stream());
    while fetch.news() != IFETCH_READABLE {}
    assert!(fetch.readable(PATIENCE), "the deadline makes the descriptor readable");
    assert_eq!(fetch.poll(), IFETCH_FAILED);
    assert_times_out(&fetch, started, IFETCH_ERROR_TIMEOUT_TOTAL);
}

#[test]
fn resolve_ends_a_lookup_that_never_answers() {
    let started = Instant::now();
    let fetch = Fetch::start(format!("http://{}/", names::NEVER), &only(IFETCH_TIMEOUT_RESOLVE));
    assert_eq!(fetch.poll(), IFETCH_PENDING);
    assert_eq!(fetch.phase(), IFETCH_PHASE_RESOLVING);
    assert_times_out(&fetch, started, IFETCH_ERROR_TIMEOUT_RESOLVE);
    assert_eq!(fetch.report().phase, IFETCH_PHASE_RESOLVING as i32);
}

#[test]
fn connect_ends_an_attempt_that_is_never_answered() {
    let (listener, _first) = full_listener();
    let address = listener.local_addr().expect("it is bound");
    let started = Instant::now();
    let fetch = Fetch::start(format!("http://{address}/"), &only(IFETCH_TIMEOUT_CONNECT));
    assert_eq!(fetch.poll(), IFETCH_PENDING);
    assert_eq!(fetch.phase(), IFETCH_PHASE_CONNECTING);
    assert_times_out(&fetch, started, IFETCH_ERROR_TIMEOUT_CONNECT);
    assert_eq!(fetch.report().phase, IFETCH_PHASE_CONNECTING as i32);
}

#[test]
fn queue_ends_a_wait_for_a_connection() {
    let peer = Peer::answering("");
    let client = Client::new().limit(IFETCH_CLIENT_LIMIT_CONNECTIONS, 1);
    let _busy = client.start(&peer.url("/"), &Options::new());
    let started = Instant::now();
    let fetch = client.start(&peer.url("/"), &only(IFETCH_TIMEOUT_QUEUE));
    assert_eq!(fetch.poll(), IFETCH_PENDING);
    assert_eq!(fetch.phase(), IFETCH_PHASE_QUEUED);
    assert_times_out(&fetch, started, IFETCH_ERROR_TIMEOUT_QUEUE);
    assert_eq!(fetch.report().phase, IFETCH_PHASE_QUEUED as i32);
}

#[test]
fn first_byte_ends_a_wait_for_a_silent_server() {
    let peer = Peer::answering("");
    let started = Instant::now();
    let fetch = Fetch::start(peer.url("/"), &only(IFETCH_TIMEOUT_FIRST_BYTE));
    assert_times_out(&fetch, started, IFETCH_ERROR_TIMEOUT_FIRST_BYTE);
    assert_eq!(fetch.report().phase, IFETCH_PHASE_WAITING as i32);
    peer.seen();
}

#[test]
fn head_ends_a_wait_for_half_a_head() {
    for half in [
        "",
        "H",
        "HTTP/1.1 200 OK\r\nA: b\r\n",
        "HTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP",
    ] {
        let peer = Peer::answering(half);
        let started = Instant::now();
        let fetch = Fetch::start(peer.url("/"), &only(IFETCH_TIMEOUT_HEAD));
        assert_times_out(&fetch, started, IFETCH_ERROR_TIMEOUT_HEAD);
        assert_eq!(fetch.report().phase, IFETCH_PHASE_WAITING as i32);
        peer.seen();
    }
}

#[test]
fn idle_ends_a_fetch_on_whose_connection_nothing_moves() {
    for part in [
        "",
        "HTTP/1.1 2",
        "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel",
    ] {
        let peer = Peer::answering(part);
        let started = Instant::now();
        let fetch = Fetch::start(peer.url("/"), &only(IFETCH_TIMEOUT_IDLE));
        assert_times_out(&fetch, started, IFETCH_ERROR_TIMEOUT_IDLE);
        peer.seen();
    }
}

#[test]
fn idle_ends_a_fetch_whose_server_reads_no_more() {
    let peer = Peer::start(|mut link| {
        link.read_head();
        link.wait_for_error();
    });
    let started = Instant::now();
    let options = only(IFETCH_TIMEOUT_IDLE).method("POST").body(&vec![b'x'; 32 << 20]);
    let fetch = Fetch::start(peer.url("/"), &options);
    assert_times_out(&fetch, started, IFETCH_ERROR_TIMEOUT_IDLE);
    assert_eq!(fetch.report().phase, IFETCH_PHASE_SENDING as i32);
    peer.seen();
}

#[test]
fn deadlines_that_are_kept_do_nothing() {
    let peer = Peer::start(|mut link| {
        link.read_head();
        link.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n");
        // Longer in all than any of the deadlines but the total one.
        for _ in 0..10 {
            std::thread::sleep(Duration::from_millis(200));
            link.send("x");
        }
        link.ended();
    });
    let options = [
        IFETCH_TIMEOUT_RESOLVE,
        IFETCH_TIMEOUT_CONNECT,
        IFETCH_TIMEOUT_FIRST_BYTE,
        IFETCH_TIMEOUT_HEAD,
        IFETCH_TIMEOUT_IDLE,
        IFETCH_TIMEOUT_DRAIN,
        IFETCH_TIMEOUT_QUEUE,
    ]
    .into_iter()
    .fold(Options::new().timeout(IFETCH_TIMEOUT_TOTAL, 60_000), |o, which| o.timeout(which, 1_500));
    let got = Fetch::start(peer.url("/"), &options).finish();
    assert_eq!(got.status, IFETCH_DONE, "{}", got.message);
    peer.seen();
}

#[test]
fn a_deadline_can_be_taken_away() {
    let peer = Peer::start(|mut link| {
        link.read_head();
        std::thread::sleep(Duration::from_millis(2 * u64::from(TIMEOUT_MS)));
        link.send("HTTP/1.1 204 No\r\n\r\n");
    });
    let options =
        [IFETCH_TIMEOUT_TOTAL, IFETCH_TIMEOUT_FIRST_BYTE, IFETCH_TIMEOUT_HEAD, IFETCH_TIMEOUT_IDLE]
            .into_iter()
            .fold(Options::new(), |o, which| o.timeout(which, TIMEOUT_MS).timeout(which, 0));
    let got = Fetch::start(peer.url("/"), &options).finish();
    assert_eq!(got.status, IFETCH_DONE, "{}", got.message);
    peer.seen();
}

#[test]
fn the_first_deadline_that_is_due_ends_the_fetch() {
    let later = 60_000;
    for (which, error) in [
        (IFETCH_TIMEOUT_TOTAL, IFETCH_ERROR_TIMEOUT_TOTAL),
        (IFETCH_TIMEOUT_FIRST_BYTE, IFETCH_ERROR_TIMEOUT_FIRST_BYTE),
        (IFETCH_TIMEOUT_HEAD, IFETCH_ERROR_TIMEOUT_HEAD),
        (IFETCH_TIMEOUT_IDLE, IFETCH_ERROR_TIMEOUT_IDLE),
    ] {
        let peer = Peer::answering("");
        let options = [
            IFETCH_TIMEOUT_TOTAL,
            IFETCH_TIMEOUT_FIRST_BYTE,
            IFETCH_TIMEOUT_HEAD,
            IFETCH_TIMEOUT_IDLE,
        ]
        .into_iter()
        .fold(Options::new(), |o, each| o.timeout(each, later));
        let started = Instant::now();
        let fetch = Fetch::start(peer.url("/"), &options.timeout(which, TIMEOUT_MS));
        assert_times_out(&fetch, started, error);
        peer.seen();
    }
}

/// The caller has something to read and takes its time: that is not the server's idleness.
#[test]
fn idle_does_not_run_while_the_caller_does_not_read() {
    let peer = Peer::answering("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
    let fetch = Fetch::start(peer.url("/"), &only(IFETCH_TIMEOUT_IDLE).stream());
    while fetch.news() != IFETCH_READABLE {}
    std::thread::sleep(Duration::from_millis(3 * u64::from(TIMEOUT_MS)));
    assert_eq!(fetch.poll(), IFETCH_READABLE, "{}", fetch.message());

    // Once everything is read, it is the server who is waited for again.
    let started = Instant::now();
    let mut buffer = [0; 8];
    assert_eq!(fetch.read(&mut buffer), (5, IFETCH_PENDING));
    assert!(fetch.readable(PATIENCE), "the descriptor tells, without a poll in between");
    assert_times_out(&fetch, started, IFETCH_ERROR_TIMEOUT_IDLE);
    peer.seen();
}

#[test]
fn idle_does_not_run_while_the_caller_does_not_write() {
    let peer = Peer::start(|mut link| {
        link.read_head();
        link.read(5);
        link.ended();
    });
    let options = only(IFETCH_TIMEOUT_IDLE).method("PUT").upload(5);
    let fetch = Fetch::start(peer.url("/"), &options);
    assert_eq!(fetch.news(), IFETCH_WRITABLE);
    std::thread::sleep(Duration::from_millis(3 * u64::from(TIMEOUT_MS)));
    assert_eq!(fetch.poll(), IFETCH_WRITABLE, "{}", fetch.message());

    let started = Instant::now();
    assert!(fetch.write_all(b"hello"));
    assert_eq!(fetch.write_end(), IFETCH_PENDING);
    assert!(fetch.readable(PATIENCE), "the descriptor tells, without a poll in between");
    assert_times_out(&fetch, started, IFETCH_ERROR_TIMEOUT_IDLE);
    peer.seen();
}

#[test]
fn an_upload_that_takes_long_is_not_a_wait_for_the_head() {
    let peer = Peer::start(|mut link| {
        link.read_head();
        link.read(5);
        link.send("HTTP/1.1 204 No\r\n\r\n");
        link.ended();
    });
    let options = only(IFETCH_TIMEOUT_HEAD)
        .timeout(IFETCH_TIMEOUT_FIRST_BYTE, TIMEOUT_MS)
        .method("PUT")
        .upload(5);
    let fetch = Fetch::start(peer.url("/"), &options);
    for byte in b"hello" {
        std::thread::sleep(Duration::from_millis(u64::from(TIMEOUT_MS) / 2));
        assert!(fetch.write_all(&[*byte]), "{}", fetch.message());
    }
    fetch.write_end();
    assert_eq!(fetch.finish().code(), 204, "{}", fetch.message());
    peer.seen();
}

#[test]
fn deadlines_of_one_client_fire_in_their_order() {
    let client = Client::new();
    let timeouts = [600, 200, 400];
    let peers = timeouts.map(|_| Peer::answering(""));
    let started = Instant::now();
    let fetches: Vec<_> = peers
        .iter()
        .zip(timeouts)
        .map(|(peer, ms)| {
            client.start(&peer.url("/"), &Options::new().timeout(IFETCH_TIMEOUT_TOTAL, ms))
        })
        .collect();

    let mut fired = Vec::new();
    while fired.len() < fetches.len() {
        client.poll();
        let next = || Some(client.next()).filter(|fetch| !fetch.is_null());
        while let Some(next) = next() {
            let i = fetches.iter().position(|fetch| fetch.as_ptr() == next).expect("one of these");
            assert_eq!(fetches[i].poll(), IFETCH_FAILED);
            assert_eq!(fetches[i].error(), IFETCH_ERROR_TIMEOUT_TOTAL);
            let due = Duration::from_millis(timeouts[i].into());
            assert!(started.elapsed() >= due);
            // Woken by the deadline, and not by a server that gives up.
            assert!(started.elapsed() < due + PATIENCE / 4, "after {:?}", started.elapsed());
            fired.push(timeouts[i]);
        }
        assert!(
            fired.len() == fetches.len() || readable(&[client.fd()], PATIENCE),
            "only {fired:?}"
        );
    }
    assert_eq!(fired, [200, 400, 600]);
}

#[test]
fn a_deadline_that_is_overdue_is_told_by_the_next_poll() {
    let peer = Peer::answering("");
    let started = Instant::now();
    let fetch = Fetch::start(peer.url("/"), &only(IFETCH_TIMEOUT_TOTAL));
    std::thread::sleep(Duration::from_millis(2 * u64::from(TIMEOUT_MS)));
    assert_eq!(fetch.poll(), IFETCH_FAILED, "the first poll comes late");
    assert_times_out(&fetch, started, IFETCH_ERROR_TIMEOUT_TOTAL);
}
