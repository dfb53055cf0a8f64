//! Idle connections: which one is used first, how long and how many are kept, and how their deaths
//! are noticed.

mod support;

use ::ifetch::ffi::client::ifetch_client_limit::*;
use ::ifetch::ffi::client::ifetch_client_timeout::*;
use ::ifetch::ffi::client::ifetch_count::*;
use ::ifetch::ffi::report::ifetch_close::{self, *};
use ::ifetch::ffi::report::ifetch_ending::{self, *};
use std::time::{Duration, Instant};
use support::Act::*;
use support::*;

/// Long enough to be told from no time at all.
const SHORT_MS: u32 = 150;
const SHORT: Duration = Duration::from_millis(SHORT_MS as u64);

/// After so long a connection is looked at before it is used again.
const LOOKED_AT: Duration = Duration::from_millis(25);

/// What a connection does that becomes idle when the test says so, and nothing more.
const ONCE: &[Act] = &[Read, Pause, Send(HELLO)];

/// Makes `count` connections, and lets them become idle in their order.
fn make_idle(client: &Client, server: &Server, count: usize) {
    let start = |i| client.start(&server.url(&format!("/first-{i}")), &Options::new());
    let fetches: Vec<Fetch> = (0..count).map(start).collect();
    for (i, fetch) in fetches.iter().enumerate() {
        client.drive_until_sent(fetch);
        server.at_pause(i);
        server.go(i);
        assert_eq!(fetch.finish().status, IFETCH_DONE);
        assert_ended(fetch, IFETCH_ENDING_KEPT, IFETCH_CLOSE_NONE);
    }
    assert_eq!(client.count(IFETCH_COUNT_IDLE), count as u64);
}

fn assert_ended(fetch: &Fetch, ending: ifetch_ending, close: ifetch_close) {
    let report = fetch.report();
    assert_eq!((report.ending, report.close), (ending as i32, close as i32), "{report:?}");
}

#[test]
fn the_connection_used_last_is_used_first() {
    let last = [Read, Pause, Send(HELLO), Serve, Serve];
    let server = Server::start(&[ONCE, &[Read, Pause, Send(HELLO), Serve], &last]);
    let client = Client::new();
    make_idle(&client, &server, 3);
    assert_eq!(client.get(&server.url("/second")).report().reused, 1);
    let both = ["/third", "/fourth"].map(|path| client.start(&server.url(path), &Options::new()));
    client.finish_all(&both);
    assert_eq!(client.count(IFETCH_COUNT_OPENED), 3);
    drop(client);
    let seen = server.seen();
    assert_eq!(seen[0].targets(), ["/first-0"]);
    assert_eq!(seen[1].targets(), ["/first-1", "/fourth"]);
    assert_eq!(seen[2].targets(), ["/first-2", "/second", "/third"]);
}

#[test]
fn the_descriptor_alone_tells_of_a_connection_that_was_idle_for_too_long() {
    let server = Server::start(&[ONCE, ONCE]);
    let client = Client::new().timeout(IFETCH_CLIENT_TIMEOUT_IDLE, SHORT_MS);
    let started = Instant::now();
    make_idle(&client, &server, 2);
    client.drive_until("they are closed", || client.count(IFETCH_COUNT_IDLE) == 0);
    assert!(started.elapsed() >= SHORT, "after {:?}", started.elapsed());
    assert_eq!(client.count(IFETCH_COUNT_CONNECTIONS), 0);
    for connection in 0..2 {
        assert_eq!(server.left(connection, PATIENCE), Some(Ended::Fin));
    }
    assert!(!readable(&[client.fd()], 2 * SHORT), "it tells of it for good");
}

#[test]
fn a_connection_that_is_used_is_not_idle() {
    let server = Server::start(&[&[Serve, Read, Pause, Send(HELLO), Serve]]);
    let client = Client::new().timeout(IFETCH_CLIENT_TIMEOUT_IDLE, SHORT_MS);
    client.get(&server.url("/"));
    let long = client.start(&server.url("/long"), &Options::new());
    client.drive_until_sent(&long);
    std::thread::sleep(2 * SHORT);
    client.poll();
    server.at_pause(0);
    server.go(0);
    assert_eq!(long.finish().status, IFETCH_DONE);
    assert_ended(&long, IFETCH_ENDING_KEPT, IFETCH_CLOSE_NONE);
    // Its time begins anew.
    assert_eq!(client.get(&server.url("/again")).report().reused, 1);
}

#[test]
fn a_connection_that_is_used_again_and_again_outlives_its_timeout() {
    let server = Server::start(&[&[Serve; 8]]);
    let client = Client::new().timeout(IFETCH_CLIENT_TIMEOUT_IDLE, SHORT_MS);
    for _ in 0..8 {
        client.get(&server.url("/"));
        std::thread::sleep(SHORT / 3);
        client.poll();
    }
    assert_eq!(client.count(IFETCH_COUNT_OPENED), 1);
    client.drive_until("it is closed", || client.count(IFETCH_COUNT_IDLE) == 0);
    assert_eq!(server.left(0, PATIENCE), Some(Ended::Fin));
}

#[test]
fn the_idle_timeout_may_be_changed_at_any_time() {
    let server = Server::start(&[ONCE]);
    let client = Client::new().timeout(IFETCH_CLIENT_TIMEOUT_IDLE, SHORT_MS);
    make_idle(&client, &server, 1);
    client.set_timeout(IFETCH_CLIENT_TIMEOUT_IDLE, 0);
    std::thread::sleep(2 * SHORT);
    client.poll();
    assert_eq!(client.count(IFETCH_COUNT_IDLE), 1, "0 is no timeout");
    client.set_timeout(IFETCH_CLIENT_TIMEOUT_IDLE, 1);
    client.drive_until("it is closed", || client.count(IFETCH_COUNT_IDLE) == 0);
    assert_eq!(server.left(0, PATIENCE), Some(Ended::Fin));
}

#[test]
fn a_connection_past_its_age_is_not_used_again() {
    let server = Server::start(&[&[Serve, Serve], &[Serve]]);
    let client = Client::new().timeout(IFETCH_CLIENT_TIMEOUT_AGE, 4 * SHORT_MS);
    assert_ended(&client.get(&server.url("/")), IFETCH_ENDING_KEPT, IFETCH_CLOSE_NONE);
    assert_eq!(client.get(&server.url("/young")).report().reused, 1);
    std::thread::sleep(4 * SHORT);
    assert_eq!(client.get(&server.url("/old")).report().reused, 0);
    assert_eq!(server.left(0, PATIENCE), Some(Ended::Fin));
    drop(client);
    server.seen();
}

#[test]
fn a_connection_that_passes_its_age_under_a_fetch_is_not_kept() {
    let server = Server::start(&[&[Read, Pause, Send(HELLO)], &[Serve, Serve]]);
    let client = Client::new().timeout(IFETCH_CLIENT_TIMEOUT_AGE, SHORT_MS);
    let fetch = client.start(&server.url("/"), &Options::new());
    client.drive_until_sent(&fetch);
    std::thread::sleep(SHORT);
    server.at_pause(0);
    server.go(0);
    assert_eq!(fetch.finish().body, "hello");
    assert_ended(&fetch, IFETCH_ENDING_FIN, IFETCH_CLOSE_AGE);
    assert_eq!(server.left(0, PATIENCE), Some(Ended::Fin));
    // Without a limit the age does not count any more.
    client.set_timeout(IFETCH_CLIENT_TIMEOUT_AGE, 0);
    client.get(&server.url("/"));
    std::thread::sleep(SHORT);
    assert_eq!(client.get(&server.url("/")).report().reused, 1);
}

#[test]
fn beyond_its_limit_the_longest_idle_one_is_closed() {
    let server = Server::start(&[ONCE, ONCE, ONCE, ONCE]);
    let client = Client::new().limit(IFETCH_CLIENT_LIMIT_IDLE, 2);
    let start = |i| client.start(&server.url(&format!("/{i}")), &Options::new());
    let fetches: Vec<Fetch> = (0..4).map(start).collect();
    // In another order than they were opened in.
    for (i, closed) in [(2, None), (0, None), (3, Some(2)), (1, Some(0))] {
        client.drive_until_sent(&fetches[i]);
        server.at_pause(i);
        server.go(i);
        assert_eq!(fetches[i].finish().status, IFETCH_DONE);
        assert_ended(&fetches[i], IFETCH_ENDING_KEPT, IFETCH_CLOSE_NONE);
        if let Some(closed) = closed {
            assert_eq!(server.left(closed, PATIENCE), Some(Ended::Fin), "{closed} makes room");
            assert_eq!(client.count(IFETCH_COUNT_IDLE), 2);
        }
    }
    for kept in [1, 3] {
        assert_eq!(server.left(kept, Duration::ZERO), None, "{kept} is kept");
    }
}

#[test]
fn since_when_a_connection_is_idle_is_when_it_was_used_last() {
    let twice = [Read, Pause, Send(HELLO), Read, Pause, Send(HELLO)];
    let server = Server::start(&[&twice, &twice, ONCE]);
    let client = Client::new().limit(IFETCH_CLIENT_LIMIT_IDLE, 2);
    make_idle(&client, &server, 2);
    // Both are used again, the one used last first, and become idle in the other order; then a third
    // connection does.
    let start = |i| client.start(&server.url(&format!("/again-{i}")), &Options::new());
    let again: Vec<Fetch> = (0..3).map(start).collect();
    for (connection, fetch) in [1, 0, 2].into_iter().zip(&again) {
        client.drive_until_sent(fetch);
        server.at_pause(connection);
        server.go(connection);
        assert_eq!(fetch.finish().status, IFETCH_DONE);
        assert_eq!(fetch.report().reused, (connection < 2).into());
    }
    assert_eq!(server.left(1, PATIENCE), Some(Ended::Fin), "it has been idle for longest");
    assert_eq!(server.left(0, Duration::ZERO), None);
}

#[test]
fn the_idle_limit_may_be_changed_at_any_time() {
    let server = Server::start(&[ONCE, ONCE, ONCE, &[Serve], &[Serve, Serve]]);
    let client = Client::new();
    make_idle(&client, &server, 3);
    client.set_limit(IFETCH_CLIENT_LIMIT_IDLE, 1);
    client.poll();
    assert_eq!(client.count(IFETCH_COUNT_IDLE), 1);
    for closed in [0, 1] {
        assert_eq!(server.left(closed, PATIENCE), Some(Ended::Fin), "{closed} makes room");
    }
    client.set_limit(IFETCH_CLIENT_LIMIT_IDLE, 0);
    client.poll();
    assert_eq!(client.count(IFETCH_COUNT_IDLE), 0);
    assert_eq!(server.left(2, PATIENCE), Some(Ended::Fin));

    assert_ended(&client.get(&server.url("/")), IFETCH_ENDING_FIN, IFETCH_CLOSE_FULL);
    assert_eq!(server.left(3, PATIENCE), Some(Ended::Fin));
    client.set_limit(IFETCH_CLIENT_LIMIT_IDLE, 1);
    assert_ended(&client.get(&server.url("/")), IFETCH_ENDING_KEPT, IFETCH_CLOSE_NONE);
    assert_eq!(client.get(&server.url("/")).report().reused, 1);
}

#[test]
fn a_client_that_is_freed_closes_its_idle_connections_at_once() {
    let server = Server::start(&[ONCE, ONCE]);
    let client = Client::new();
    make_idle(&client, &server, 2);
    // A handle keeps the descriptor alive, but no connection.
    let handle = client.start("nonsense", &Options::new());
    drop(client);
    for connection in 0..2 {
        assert_eq!(server.left(connection, PATIENCE), Some(Ended::Fin));
    }
    assert_eq!(handle.poll(), IFETCH_FAILED);
}

/// What may happen to an idle connection.
#[rustfmt::skip] // a row is a line
const DEATHS: [(&str, &[Act]); 5] = [
    ("a FIN", &[Serve, Pause, Finish, Pause]),
    ("an RST", &[Serve, Pause, Reset]),
    ("a byte", &[Serve, Pause, Send("x"), Pause]),
    // Some servers say goodbye in this way (RFC 9110 section 15.5.9): it answers no request.
    ("a response", &[Serve, Pause, Send("HTTP/1.1 408 Late\r\nContent-Length: 4\r\n\r\nlate"), Pause]),
    ("a response and a FIN", &[Serve, Pause, Send("HTTP/1.1 408 Late\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"), Finish, Pause]),
];

#[test]
fn the_descriptor_tells_of_a_death_and_the_connection_is_gone() {
    for (death, script) in DEATHS {
        let server = Server::start(&[script]);
        let client = Client::new();
        client.get(&server.url("/"));
        server.step(0);
        client.drive_until(death, || client.count(IFETCH_COUNT_IDLE) == 0);
        assert_eq!(client.count(IFETCH_COUNT_CONNECTIONS), 0, "{death}");
        assert!(!readable(&[client.fd()], QUIET), "{death} is told for good");
        assert!(client.next().is_null(), "{death} is no news of a fetch");
    }
}

/// The client learns of it only when it wants to use the connection.
#[test]
fn a_death_that_nobody_looked_at_is_noticed_before_use() {
    for method in ["GET", "POST"] {
        for (death, script) in DEATHS {
            let server = Server::start(&[script, &[Serve]]);
            let client = Client::new();
            client.get(&server.url("/"));
            server.step(0);
            std::thread::sleep(LOOKED_AT);
            let fetch = client.start(&server.url("/again"), &Options::new().method(method));
            assert_eq!(fetch.finish().body, "/again", "{method} after {death}");
            let report = fetch.report();
            assert_eq!((report.reused, report.retried), (0, 0), "{method} after {death}");
            assert_eq!(client.count(IFETCH_COUNT_REUSED), 0, "{method} after {death}");
            drop(client);
            assert_eq!(server.seen()[0].rest, "", "{method} after {death}");
        }
    }
}

/// Its place goes to the new one, so that a limit of one is no hindrance.
#[test]
fn a_dead_connection_makes_room_for_the_new_one() {
    for limit in [IFETCH_CLIENT_LIMIT_CONNECTIONS, IFETCH_CLIENT_LIMIT_ORIGIN] {
        for (death, script) in DEATHS {
            let server = Server::start(&[script, &[Serve]]);
            let client = Client::new().limit(limit, 1);
            client.get(&server.url("/"));
            server.step(0);
            std::thread::sleep(LOOKED_AT);
            let fetch = client.start(&server.url("/again"), &Options::new());
            assert_ne!(fetch.phase(), IFETCH_PHASE_QUEUED, "after {death}");
            assert_eq!(fetch.finish().body, "/again", "after {death}");
            assert_eq!(client.count(IFETCH_COUNT_CONNECTIONS), 1, "after {death}");
        }
    }
}
