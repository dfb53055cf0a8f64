//! The policy DRAIN: a cancelled fetch leaves its connection to the client, which reads the rest of
//! the response, if that is little, and keeps the connection.

mod support;

use ::ifetch::ffi::client::ifetch_client_limit::*;
use ::ifetch::ffi::client::ifetch_client_timeout::*;
use ::ifetch::ffi::client::ifetch_count::*;
use ::ifetch::ffi::options::ifetch_cancel_policy::*;
use ::ifetch::ffi::options::ifetch_limit::*;
use ::ifetch::ffi::options::ifetch_timeout::*;
use ::ifetch::ffi::report::ifetch_close::*;
use ::ifetch::ffi::report::ifetch_ending::*;
use std::time::{Duration, Instant};
use support::Act::*;
use support::*;

/// A response of ten bytes, of which four are missing.
const PART: &str = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n012345";
const REST: &str = "6789";

/// The rest comes when the test says so, and then whatever is asked for.
const PATIENT: &[Act] = &[Read, Send(PART), Pause, Send(REST), ServeAll];

fn drain() -> Options {
    Options::new().cancel_policy(IFETCH_CANCEL_DRAIN)
}

/// A fetch whose response has begun to arrive.
fn receiving(client: &Client, server: &Server, options: &Options) -> Fetch {
    let fetch = client.start(&server.url("/cancelled"), options);
    client.drive_until("the head comes", || fetch.phase() == IFETCH_PHASE_RECEIVING);
    fetch
}

/// Connections in all, drained, and idle.
fn counts(client: &Client) -> [u64; 3] {
    [IFETCH_COUNT_CONNECTIONS, IFETCH_COUNT_DRAINING, IFETCH_COUNT_IDLE]
        .map(|which| client.count(which))
}

fn drive_until_drained(client: &Client) {
    client.drive_until("it is drained", || client.count(IFETCH_COUNT_DRAINING) == 0);
}

/// The fetch has ended, as cancelled, and its connection has not.
fn assert_drained(fetch: &Fetch) {
    assert_eq!(fetch.poll(), IFETCH_CANCELLED);
    assert_eq!(fetch.error(), IFETCH_ERROR_CANCELLED);
    let report = fetch.report();
    assert_eq!(report.ending, IFETCH_ENDING_DRAINED as i32, "{report:?}");
}

/// The fetch has ended its connection, of which the server knows by the cancel alone.
fn assert_reset(fetch: &Fetch, server: &Server, context: &str) {
    assert!(server.left(0, PATIENCE).is_some(), "the server is told: {context}");
    assert_eq!(fetch.poll(), IFETCH_CANCELLED, "{context}");
    let report = fetch.report();
    let ended = (report.ending, report.close);
    let wanted = (IFETCH_ENDING_RST as i32, IFETCH_CLOSE_INTERRUPTED as i32);
    assert_eq!(ended, wanted, "{context}: {report:?}");
}

#[test]
fn a_small_rest_is_read_and_the_connection_used_again() {
    for options in [drain(), drain().stream()] {
        let server = Server::start(&[PATIENT]);
        let client = Client::new();
        let fetch = receiving(&client, &server, &options);
        fetch.cancel();
        assert!(readable(&[client.fd()], PATIENCE), "the descriptor tells");
        assert_drained(&fetch);
        assert_eq!(counts(&client), [1, 1, 0]);
        server.at_pause(0);
        server.go(0);
        drive_until_drained(&client);
        assert_eq!(counts(&client), [1, 0, 1]);
        let next = client.get(&server.url("/next"));
        assert_eq!((next.body().as_deref(), next.report().reused), (Some("/next"), 1));
        assert_eq!(client.count(IFETCH_COUNT_OPENED), 1);
        drop(client);
        assert_eq!(server.seen()[0].targets(), ["/cancelled", "/next"]);
    }
}

#[test]
fn a_rest_that_is_there_already_is_read_as_well() {
    let server = Server::start(&[&[Read, Send(PART), Pause, Send(REST), Pause, ServeAll]]);
    let client = Client::new();
    let fetch = receiving(&client, &server, &drain());
    server.step(0);
    fetch.cancel();
    assert_drained(&fetch);
    drive_until_drained(&client);
    server.go(0);
    assert_eq!(client.get(&server.url("/next")).report().reused, 1);
}

/// At the limit and one past it.
#[test]
fn the_limit_of_bytes_decides() {
    const HEAD_AT: &str = "HTTP/1.1 200 OK\r\nContent-Length: 65536\r\n\r\n";
    const HEAD_PAST: &str = "HTTP/1.1 200 OK\r\nContent-Length: 65537\r\n\r\n";
    const SMALL: &str = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n";
    for (limit, head, rest, is_drained) in [
        (None, HEAD_AT, 65_536, true),
        (None, HEAD_PAST, 65_537, false),
        (Some(65_537), HEAD_PAST, 65_537, true),
        (Some(10), SMALL, 10, true),
        (Some(9), SMALL, 10, false),
        (Some(0), SMALL, 10, false),
    ] {
        let context = format!("{rest} bytes with a limit of {limit:?}");
        let server = Server::start(&[&[Read, Send(head), Pause, Fill(rest), ServeAll]]);
        let client = Client::new();
        let options = limit.into_iter().fold(drain(), |o, n| o.limit(IFETCH_LIMIT_DRAIN, n));
        let fetch = receiving(&client, &server, &options);
        server.at_pause(0);
        fetch.cancel();
        if is_drained {
            assert_drained(&fetch);
            server.go(0);
            drive_until_drained(&client);
            let next = client.get(&server.url("/next"));
            assert_eq!((next.body().as_deref(), next.report().reused), (Some("/next"), 1));
        } else {
            assert_eq!(fetch.poll(), IFETCH_CANCELLED, "{context}");
            assert_eq!(fetch.report().ending, IFETCH_ENDING_RST as i32, "{context}");
            assert_eq!(counts(&client), [0, 0, 0], "{context}");
        }
    }
}

#[test]
fn the_limit_has_a_limit() {
    let limit = IFETCH_LIMIT_DRAIN as i32;
    assert_eq!(Options::new().try_limit(limit, 1 << 20), IFETCH_ERROR_NONE);
    assert_eq!(Options::new().try_limit(limit, (1 << 20) + 1), IFETCH_ERROR_INVALID_ARGUMENT);
}

/// What is left counts, not how long the body is.
#[test]
fn what_has_arrived_does_not_count() {
    let server = Server::start(&[PATIENT]);
    let client = Client::new();
    let fetch = receiving(&client, &server, &drain().limit(IFETCH_LIMIT_DRAIN, 4));
    client.drive_until("a part comes", || fetch.progress().1 == 6);
    fetch.cancel();
    assert_drained(&fetch);
}

/// One row for each reason: what the server sends, and what it is that the fetch is about.
#[test]
fn what_cannot_be_kept_anyway_is_reset() {
    type Request = fn(Options) -> Options;
    #[rustfmt::skip] // a row is a line
    let rows: [(&str, &[Act], Request); 10] = [
        ("no byte yet", &[Read], |o| o),
        ("half a head", &[Read, Send("HTTP/1.1 200 OK\r\nContent-")], |o| o),
        ("an interim response", &[Read, Send("HTTP/1.1 100 On\r\n\r\n")], |o| o),
        ("chunks", &[Read, Send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel")], |o| o),
        ("until the end", &[Read, Send("HTTP/1.1 200 OK\r\n\r\nhel")], |o| o),
        ("close", &[Read, Send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhel")], |o| o),
        ("HTTP/1.0", &[Read, Send("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhel")], |o| o),
        ("close in the request", &[Read, Send(PART)], |o| o.header("Connection", "close")),
        ("a body half sent", &[ReadHead, Send(PART), Pause], |o| o.method("POST").body(&vec![b'x'; 16 << 20])),
        ("an upload that goes on", &[ReadHead, Send(PART)], |o| o.method("POST").upload(5)),
    ];
    for (name, script, request) in rows {
        let server = Server::start(&[script]);
        let client = Client::new();
        let fetch = client.start(&server.url("/"), &request(drain()));
        let sent: usize =
            script.iter().map(|act| if let Send(s) = act { s.len() } else { 0 }).sum();
        client.drive_until(name, || {
            let report = fetch.report();
            report.sent > 0 && report.received == sent as u64
        });
        fetch.cancel();
        if script.iter().any(|act| matches!(act, Pause)) {
            server.go(0);
        }
        assert_reset(&fetch, &server, name);
        assert_eq!(counts(&client), [0, 0, 0], "{name}");
    }
}

#[test]
fn a_switched_connection_is_reset() {
    const SWITCH: &str = "HTTP/1.1 101 On\r\nUpgrade: echo\r\nContent-Length: 5\r\n\r\nhel";
    let server = Server::start(&[&[Read, Send(SWITCH)]]);
    let client = Client::new();
    let fetch = client.start(&server.url("/"), &drain().upgrade("echo"));
    assert_eq!(fetch.news(), IFETCH_HEAD);
    fetch.cancel();
    assert_reset(&fetch, &server, "another protocol");
}

#[test]
fn a_fetch_alone_has_nobody_who_would_drain() {
    let server = Server::start(&[&[Read, Send(PART)]]);
    let fetch = Fetch::start(server.url("/"), &drain());
    assert_eq!(fetch.news_or_stall(), IFETCH_PENDING);
    fetch.cancel();
    assert!(server.left(0, PATIENCE).is_some(), "the server is told");
    assert_eq!(fetch.poll(), IFETCH_CANCELLED);
    assert_eq!(fetch.report().ending, IFETCH_ENDING_RST as i32);
}

#[test]
fn a_fetch_that_fails_is_not_drained() {
    let server = Server::start(&[&[Read, Send(PART)]]);
    let client = Client::new();
    let fetch = client.start(&server.url("/"), &drain().timeout(IFETCH_TIMEOUT_TOTAL, 100));
    assert_eq!(fetch.finish().error, IFETCH_ERROR_TIMEOUT_TOTAL);
    assert_eq!(fetch.report().ending, IFETCH_ENDING_RST as i32);
    assert_eq!(counts(&client), [0, 0, 0]);
    assert!(server.left(0, PATIENCE).is_some(), "the server is told");
}

#[test]
fn a_fetch_that_is_done_keeps_its_connection_in_spite_of_a_cancel() {
    let server = Server::start(&[&[ServeAll]]);
    let client = Client::new();
    let fetch = client.start(&server.url("/"), &drain());
    assert_eq!(fetch.finish().status, IFETCH_DONE);
    fetch.cancel();
    assert_eq!(fetch.poll(), IFETCH_DONE);
    assert_eq!(fetch.report().ending, IFETCH_ENDING_KEPT as i32);
    assert_eq!(client.get(&server.url("/next")).report().reused, 1);
}

#[test]
fn the_descriptor_tells_when_the_rest_takes_too_long() {
    let server = Server::start(&[PATIENT]);
    let client = Client::new();
    let fetch = receiving(&client, &server, &drain().timeout(IFETCH_TIMEOUT_DRAIN, 150));
    let cancelled = Instant::now();
    fetch.cancel();
    assert_drained(&fetch);
    drop(fetch);
    drive_until_drained(&client);
    assert!(cancelled.elapsed() >= Duration::from_millis(150), "{:?}", cancelled.elapsed());
    assert_eq!(counts(&client), [0, 0, 0]);
    server.at_pause(0);
    server.go(0);
    assert!(server.left(0, PATIENCE).is_some(), "the server is told");
}

/// Unless set, it is a second.
#[test]
fn a_rest_has_a_second_to_come() {
    let server = Server::start(&[PATIENT]);
    let client = Client::new();
    let fetch = receiving(&client, &server, &drain());
    let cancelled = Instant::now();
    fetch.cancel();
    assert_drained(&fetch);
    drive_until_drained(&client);
    let elapsed = cancelled.elapsed();
    assert!(elapsed >= Duration::from_secs(1) && elapsed < PATIENCE / 2, "{elapsed:?}");
}

#[test]
fn without_time_only_what_is_there_is_read() {
    for is_there in [true, false] {
        let server = Server::start(&[&[Read, Send(PART), Pause, Send(REST), Pause, ServeAll]]);
        let client = Client::new();
        let fetch = receiving(&client, &server, &drain().timeout(IFETCH_TIMEOUT_DRAIN, 0));
        if is_there {
            server.step(0);
        }
        fetch.cancel();
        assert_eq!(fetch.poll(), IFETCH_CANCELLED);
        drive_until_drained(&client);
        assert_eq!(counts(&client), [is_there.into(), 0, is_there.into()]);
    }
}

/// What the server does instead of sending the rest, and that is all.
#[test]
fn a_connection_that_disappoints_is_not_kept() {
    #[rustfmt::skip] // a row is a line
    let rows: [(&str, &[Act]); 4] = [
        ("more than was announced", &[Read, Send(PART), Pause, Send("6789x"), Pause]),
        ("a FIN before the end", &[Read, Send(PART), Pause, Send("678"), Finish, Pause]),
        ("a FIN at the end", &[Read, Send(PART), Pause, Send(REST), Finish, Pause]),
        ("an RST", &[Read, Send(PART), Pause, Reset]),
    ];
    for (name, script) in rows {
        let server = Server::start(&[script, &[Serve]]);
        let client = Client::new();
        // Not the time is what ends it.
        let patient = drain().timeout(IFETCH_TIMEOUT_DRAIN, 60_000);
        let fetch = receiving(&client, &server, &patient);
        fetch.cancel();
        assert_drained(&fetch);
        server.step(0);
        client.drive_until(name, || counts(&client) == [0, 0, 0]);
        let next = client.get(&server.url("/next"));
        assert_eq!((next.body().as_deref(), next.report().reused), (Some("/next"), 0), "{name}");
        drop(client);
        server.seen();
    }
}

#[test]
fn a_cancel_from_another_thread_spares_the_connection() {
    let server = Server::start(&[PATIENT]);
    let client = Client::new();
    let fetch = receiving(&client, &server, &drain());
    std::thread::scope(|scope| {
        let fetch = &fetch;
        scope.spawn(move || {
            std::thread::sleep(QUIET);
            fetch.cancel();
        });
        assert_eq!(client.wait(-1), 1);
    });
    assert_eq!(client.next(), fetch.as_ptr());
    assert_drained(&fetch);
    server.at_pause(0);
    assert_eq!(server.left(0, Duration::ZERO), None);
    server.go(0);
    drive_until_drained(&client);
    assert_eq!(client.get(&server.url("/next")).body().as_deref(), Some("/next"));
}

/// The fetch need not live for it, nor be cancelled before it is freed.
#[test]
fn a_freed_fetch_is_drained() {
    for is_cancelled in [true, false] {
        let server = Server::start(&[PATIENT]);
        let client = Client::new();
        let fetch = receiving(&client, &server, &drain());
        if is_cancelled {
            fetch.cancel();
            assert_drained(&fetch);
        }
        drop(fetch);
        client.poll();
        assert_eq!(counts(&client), [1, 1, 0]);
        server.at_pause(0);
        server.go(0);
        drive_until_drained(&client);
        assert_eq!(client.get(&server.url("/next")).report().reused, 1);
    }
}

#[test]
fn a_client_that_is_freed_drains_nothing() {
    for is_cancelled in [true, false] {
        let server = Server::start(&[PATIENT]);
        let client = Client::new();
        let fetch = receiving(&client, &server, &drain());
        if is_cancelled {
            fetch.cancel();
            assert_drained(&fetch);
        }
        server.at_pause(0);
        drop(client);
        server.go(0);
        assert!(server.left(0, PATIENCE).is_some(), "the server is told");
        assert_eq!(fetch.poll(), IFETCH_CANCELLED);
    }
}

/// It takes a place until it is drained, and then it is there for those who wait.
#[test]
fn a_drained_connection_counts_under_the_limits() {
    for limit in [IFETCH_CLIENT_LIMIT_CONNECTIONS, IFETCH_CLIENT_LIMIT_ORIGIN] {
        let server = Server::start(&[PATIENT]);
        let client = Client::new().limit(limit, 1);
        let fetch = receiving(&client, &server, &drain());
        fetch.cancel();
        assert_drained(&fetch);
        let next = client.start(&server.url("/next"), &Options::new());
        client.poll();
        assert_eq!(next.phase(), IFETCH_PHASE_QUEUED);
        server.at_pause(0);
        server.go(0);
        assert_eq!(next.finish().body, "/next");
        assert_eq!(next.report().reused, 1);
    }
}

/// Where it disappoints, its place is free all the same.
#[test]
fn a_drain_that_fails_makes_room() {
    for (timeout_ms, ends) in [(100, false), (60_000, true)] {
        let server = Server::start(&[&[Read, Send(PART), Pause, Finish], &[Serve]]);
        let client = Client::new().limit(IFETCH_CLIENT_LIMIT_ORIGIN, 1);
        let options = drain().timeout(IFETCH_TIMEOUT_DRAIN, timeout_ms);
        let fetch = receiving(&client, &server, &options);
        fetch.cancel();
        assert_drained(&fetch);
        let next = client.start(&server.url("/next"), &Options::new());
        assert_eq!(next.phase(), IFETCH_PHASE_QUEUED);
        if ends {
            server.go(0);
        }
        assert_eq!(next.finish().body, "/next", "{}", next.message());
        assert_eq!(next.report().reused, 0);
    }
}

#[test]
fn limits_hold_for_what_was_drained() {
    let server = Server::start(&[PATIENT, &[Serve]]);
    let client = Client::new().timeout(IFETCH_CLIENT_TIMEOUT_AGE, 100);
    let fetch = receiving(&client, &server, &drain());
    fetch.cancel();
    assert_drained(&fetch);
    std::thread::sleep(Duration::from_millis(100));
    server.at_pause(0);
    server.go(0);
    drive_until_drained(&client);
    assert_eq!(client.get(&server.url("/next")).report().reused, 0);
}
