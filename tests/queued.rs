//! One who waits for a connection: cancelled, timed out or freed, it leaves no trace; served, it
//! tells how long that took.
#![allow(unsafe_code)] // for a signal handler

mod support;

use ::ifetch::ffi::client::ifetch_client_limit::*;
use ::ifetch::ffi::client::ifetch_count::*;
use ::ifetch::ffi::fetch::{ifetch, ifetch_cancel};
use ::ifetch::ffi::options::ifetch_timeout::*;
use ::ifetch::ffi::report::ifetch_acted::*;
use ::ifetch::ffi::report::ifetch_close::*;
use ::ifetch::ffi::report::ifetch_ending::*;
use std::sync::atomic::{AtomicPtr, Ordering::SeqCst};
use std::time::{Duration, Instant};
use support::Act::*;
use support::*;

/// A connection that is busy until the test says so, and then serves whatever comes.
const BUSY: &[Act] = &[Read, Pause, Send(HELLO), ServeAll];

fn one_place() -> Client {
    Client::new().limit(IFETCH_CLIENT_LIMIT_CONNECTIONS, 1)
}

/// A client with a limit of one connection, the fetch that has it, and one that waits for it.
fn one_of_two(server: &Server) -> (Client, Fetch, Fetch) {
    let client = one_place();
    let busy = client.start(&server.url("/busy"), &Options::new());
    client.drive_until_sent(&busy);
    let waiting = client.start(&server.url("/waiting"), &Options::new());
    client.poll();
    assert_eq!(waiting.phase(), IFETCH_PHASE_QUEUED);
    assert_eq!(client.count(IFETCH_COUNT_QUEUED), 1);
    (client, busy, waiting)
}

/// The fetch that has the connection goes on as if nothing had happened, and so does the client.
fn assert_unharmed(client: &Client, server: &Server, busy: &Fetch) {
    assert_eq!(client.count(IFETCH_COUNT_QUEUED), 0);
    server.at_pause(0);
    server.go(0);
    assert_eq!(busy.finish().body, "hello");
    assert_eq!(busy.report().ending, IFETCH_ENDING_KEPT as i32);
    let next = client.get(&server.url("/next"));
    assert_eq!((next.body().as_deref(), next.report().reused), (Some("/next"), 1));
    assert_eq!(client.count(IFETCH_COUNT_OPENED), 1);
}

fn assert_never_began(fetch: &Fetch, error: ifetch_error) {
    let report = fetch.report();
    assert_eq!(fetch.error(), error, "{}", fetch.message());
    assert_eq!(report.phase, IFETCH_PHASE_QUEUED as i32);
    assert_eq!((report.sent, report.attempts), (0, 0));
    assert_eq!(report.acted, IFETCH_ACTED_NO as i32);
    assert_eq!(report.ending, IFETCH_ENDING_NONE as i32);
    assert_eq!(report.close, IFETCH_CLOSE_NONE as i32);
    assert_eq!(report.granted_ns, u64::MAX);
}

#[test]
fn a_cancel_of_one_who_waits_touches_no_connection() {
    let server = Server::start(&[BUSY]);
    let (client, busy, waiting) = one_of_two(&server);
    waiting.cancel();
    assert!(readable(&[client.fd()], PATIENCE), "the descriptor tells");
    assert_eq!(client.poll(), 1);
    assert_eq!(client.next(), waiting.as_ptr());
    assert_eq!(waiting.poll(), IFETCH_CANCELLED);
    assert_never_began(&waiting, IFETCH_ERROR_CANCELLED);
    assert_unharmed(&client, &server, &busy);
    drop(client);
    assert_eq!(server.seen()[0].targets(), ["/busy", "/next"]);
}

#[test]
fn one_who_waits_can_be_cancelled_from_another_thread() {
    let server = Server::start(&[BUSY]);
    let (client, busy, waiting) = one_of_two(&server);
    std::thread::scope(|scope| {
        let waiting = &waiting;
        scope.spawn(move || {
            std::thread::sleep(QUIET);
            waiting.cancel();
        });
        assert_eq!(client.wait(-1), 1);
    });
    assert_eq!(client.next(), waiting.as_ptr());
    assert_eq!(waiting.poll(), IFETCH_CANCELLED);
    assert_never_began(&waiting, IFETCH_ERROR_CANCELLED);
    assert_unharmed(&client, &server, &busy);
}

/// Nobody waits any more, so there is no reason to keep a connection that would not be idle.
#[test]
fn one_who_waits_no_more_keeps_no_connection_open() {
    let server = Server::start(&[BUSY]);
    let (client, busy, waiting) = one_of_two(&server);
    client.set_limit(IFETCH_CLIENT_LIMIT_IDLE, 0);
    waiting.cancel();
    assert_eq!(waiting.poll(), IFETCH_CANCELLED);
    server.at_pause(0);
    server.go(0);
    assert_eq!(busy.finish().body, "hello");
    assert_eq!(busy.report().close, IFETCH_CLOSE_FULL as i32);
}

static TO_CANCEL: AtomicPtr<ifetch> = AtomicPtr::new(std::ptr::null_mut());

extern "C" fn on_signal(_: libc::c_int) {
    // SAFETY: NULL, or a fetch that lives until the test is over.
    unsafe { ifetch_cancel(TO_CANCEL.load(SeqCst)) };
}

#[test]
fn one_who_waits_can_be_cancelled_from_a_signal_handler() {
    let server = Server::start(&[BUSY]);
    let (client, busy, waiting) = one_of_two(&server);
    TO_CANCEL.store(waiting.as_ptr(), SeqCst);
    // SAFETY: the handler is async-signal-safe, and the signal is nobody else's.
    unsafe {
        assert_ne!(libc::signal(libc::SIGUSR1, on_signal as *const () as usize), libc::SIG_ERR);
        assert_eq!(libc::raise(libc::SIGUSR1), 0);
    }
    assert!(readable(&[client.fd()], PATIENCE), "the descriptor tells");
    assert_eq!(waiting.poll(), IFETCH_CANCELLED);
    assert_never_began(&waiting, IFETCH_ERROR_CANCELLED);
    assert_unharmed(&client, &server, &busy);
}

#[test]
fn deadlines_run_while_a_fetch_waits() {
    for (which, error) in [
        (IFETCH_TIMEOUT_QUEUE, IFETCH_ERROR_TIMEOUT_QUEUE),
        (IFETCH_TIMEOUT_TOTAL, IFETCH_ERROR_TIMEOUT_TOTAL),
    ] {
        let server = Server::start(&[BUSY]);
        let client = one_place();
        let busy = client.start(&server.url("/busy"), &Options::new());
        client.drive_until_sent(&busy);
        let started = Instant::now();
        let options = Options::new().timeout(which, 150);
        let waiting = client.start(&server.url("/waiting"), &options);
        assert_eq!(waiting.news(), IFETCH_FAILED);
        assert!(started.elapsed() >= Duration::from_millis(150));
        assert_never_began(&waiting, error);
        assert_unharmed(&client, &server, &busy);
    }
}

/// The others begin when the fetch has its connection.
#[test]
fn deadlines_of_what_comes_later_do_not_run_while_a_fetch_waits() {
    let server = Server::start(&[BUSY]);
    let client = one_place();
    let busy = client.start(&server.url("/busy"), &Options::new());
    client.drive_until_sent(&busy);
    let later = [
        IFETCH_TIMEOUT_RESOLVE,
        IFETCH_TIMEOUT_CONNECT,
        IFETCH_TIMEOUT_FIRST_BYTE,
        IFETCH_TIMEOUT_HEAD,
        IFETCH_TIMEOUT_IDLE,
    ];
    let options = later.into_iter().fold(Options::new(), |o, which| o.timeout(which, 1_000));
    let waiting = client.start(&server.url("/waiting"), &options);
    std::thread::sleep(Duration::from_millis(1_100));
    client.poll();
    assert_eq!(waiting.phase(), IFETCH_PHASE_QUEUED, "{}", waiting.message());
    server.at_pause(0);
    server.go(0);
    assert_eq!(waiting.finish().body, "/waiting", "{}", waiting.message());
}

#[test]
fn a_deadline_of_the_queue_is_over_when_the_wait_is() {
    let server = Server::start(&[&[Read, Pause, Send(HELLO)]]);
    let client = one_place();
    let options = Options::new().timeout(IFETCH_TIMEOUT_QUEUE, 100);
    let fetch = client.start(&server.url("/"), &options);
    client.drive_until_sent(&fetch);
    std::thread::sleep(Duration::from_millis(150));
    assert_eq!(fetch.poll(), IFETCH_PENDING, "{}", fetch.message());
    server.at_pause(0);
    server.go(0);
    assert_eq!(fetch.finish().body, "hello");
}

#[test]
fn one_who_waits_may_be_freed() {
    let server = Server::start(&[BUSY]);
    let (client, busy, waiting) = one_of_two(&server);
    drop(waiting);
    assert_unharmed(&client, &server, &busy);
    assert!(client.next().is_null(), "it is not heard of again");
    drop(client);
    assert_eq!(server.seen()[0].targets(), ["/busy", "/next"]);
}

#[test]
fn a_client_that_is_freed_cancels_those_who_wait() {
    let server = Server::start(&[&[Read]]);
    let (client, busy, waiting) = one_of_two(&server);
    drop(client);
    assert_eq!(waiting.poll(), IFETCH_CANCELLED);
    assert_never_began(&waiting, IFETCH_ERROR_CANCELLED);
    assert_eq!(busy.poll(), IFETCH_CANCELLED);
    assert!(server.left(0, PATIENCE).is_some());
    server.seen();
}

#[test]
fn the_report_tells_when_a_connection_was_granted() {
    let server = Server::start(&[BUSY]);
    let (_client, busy, waiting) = one_of_two(&server);
    std::thread::sleep(Duration::from_millis(100));
    server.at_pause(0);
    server.go(0);
    assert_eq!(waiting.finish().body, "/waiting");
    let (busy, waiting) = (busy.report(), waiting.report());
    assert!(busy.granted_ns <= busy.sending_ns, "{busy:?}");
    assert!(waiting.granted_ns >= 100_000_000, "{waiting:?}");
    assert!(waiting.granted_ns <= waiting.sending_ns, "{waiting:?}");
    assert_eq!(waiting.reused, 1);
}

/// One call for a fetch may bring news to another, which nobody has asked for: here the kept
/// connection, over which it has something to be written at once.
#[test]
fn one_who_is_served_by_a_call_for_another_is_told_of() {
    const WHOLE: &[Act] = &[Read, Send(HELLO), Read, Send(HELLO)];
    let server = Server::start(&[WHOLE]);
    let client = one_place();
    let first = client.start(&server.url("/first"), &Options::new().stream());
    let upload = Options::new().method("POST").upload(2);
    let waiting = client.start(&server.url("/waiting"), &upload);
    assert_eq!((first.news(), first.news()), (IFETCH_HEAD, IFETCH_READABLE));
    while !client.next().is_null() {}
    client.poll();
    assert!(!readable(&[client.fd()], QUIET), "there is nothing to be told");

    let mut buffer = [0; 5];
    assert_eq!(first.read(&mut buffer), (5, IFETCH_DONE));
    assert!(readable(&[client.fd()], PATIENCE), "the descriptor tells");
    assert_eq!(client.poll(), 1);
    assert_eq!(client.next(), waiting.as_ptr());
    assert_eq!(waiting.poll(), IFETCH_WRITABLE);
    assert_eq!(waiting.write(b"ab").0, 2);
    assert_eq!(waiting.finish().body, "hello");
    drop(client);
    assert_eq!(server.seen()[0].targets(), ["/first", "/waiting"]);
}
