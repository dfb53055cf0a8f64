//! Limits of connections: who waits, in which order they are served, and who makes room.

mod support;

#[path = "support/names.rs"]
mod names;

use ::ifetch::ffi::client::ifetch_client_limit::{self, *};
use ::ifetch::ffi::client::ifetch_count::*;
use ::ifetch::ffi::options::ifetch_timeout::*;
use std::time::Duration;
use support::Act::*;
use support::*;

const IN_ALL: ifetch_client_limit = IFETCH_CLIENT_LIMIT_CONNECTIONS;
const OF_AN_ORIGIN: ifetch_client_limit = IFETCH_CLIENT_LIMIT_ORIGIN;

/// A connection that is busy until the test says so, and then serves whatever comes.
const BUSY: &[Act] = &[Read, Pause, Send(HELLO), ServeAll];

const CLOSING: &str = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok";

fn start(client: &Client, server: &Server, paths: &[&str]) -> Vec<Fetch> {
    paths.iter().map(|path| client.start(&server.url(path), &Options::new())).collect()
}

fn is_queued(fetch: &Fetch) -> bool {
    fetch.phase() == IFETCH_PHASE_QUEUED
}

fn queued(client: &Client) -> u64 {
    client.count(IFETCH_COUNT_QUEUED)
}

#[test]
fn beyond_the_limit_in_all_fetches_wait_in_their_order() {
    let server = Server::start(&[BUSY, BUSY]);
    let client = Client::new().limit(IN_ALL, 2);
    let fetches = start(&client, &server, &["/a", "/b", "/c", "/d", "/e"]);
    client.drive_until_sent(&fetches[0]);
    client.drive_until_sent(&fetches[1]);
    assert_eq!(queued(&client), 3);
    assert_eq!(client.count(IFETCH_COUNT_CONNECTIONS), 2);
    assert!(fetches[2..].iter().all(is_queued));
    assert_eq!(fetches[4].report().phase, IFETCH_PHASE_QUEUED as i32);
    // One connection only becomes free, and all who wait have their turn on it.
    server.at_pause(1);
    server.go(1);
    let done = || fetches[4].phase() == IFETCH_PHASE_ENDED;
    client.drive_until("those who wait are served", done);
    assert_eq!(client.count(IFETCH_COUNT_WAITING), 1);
    server.go(0);
    assert_eq!(fetches[0].finish().body, "hello");
    drop(client);
    assert_eq!(server.seen()[1].targets(), ["/b", "/c", "/d", "/e"]);
}

#[test]
fn beyond_the_limit_of_an_origin_only_its_own_fetches_wait() {
    let (one, other) = (Server::start(&[BUSY]), Server::start(&[BUSY]));
    let client = Client::new().limit(OF_AN_ORIGIN, 1);
    let of_one = start(&client, &one, &["/a", "/b"]);
    let of_other = start(&client, &other, &["/c", "/d"]);
    client.drive_until_sent(&of_one[0]);
    client.drive_until_sent(&of_other[0]);
    assert!(is_queued(&of_one[1]) && is_queued(&of_other[1]));
    other.at_pause(0);
    other.go(0);
    assert_eq!(of_other[1].finish().body, "/d");
    assert!(is_queued(&of_one[1]), "what one origin does is nothing to the other");
    one.go(0);
    assert_eq!(of_one[1].finish().body, "/b");
    assert_eq!(client.count(IFETCH_COUNT_OPENED), 2);
}

#[test]
fn a_new_fetch_does_not_overtake_those_who_wait() {
    let server = Server::start(&[&[ServeAll]]);
    let client = Client::new().limit(OF_AN_ORIGIN, 1);
    let mut fetches = start(&client, &server, &["/0", "/1", "/2"]);
    client.drive_until("the first one ends", || !client.next().is_null());
    fetches.extend(start(&client, &server, &["/3", "/4"]));
    for fetch in &fetches {
        assert_eq!(fetch.finish().status, IFETCH_DONE);
    }
    drop(client);
    assert_eq!(server.seen()[0].targets(), ["/0", "/1", "/2", "/3", "/4"]);
}

/// One who waits, cancelled, timed out or freed, is passed over.
#[test]
fn the_order_holds_when_one_leaves_it() {
    let server = Server::start(&[BUSY]);
    let client = Client::new().limit(OF_AN_ORIGIN, 1);
    let mut fetches = start(&client, &server, &["/0", "/1", "/2", "/3", "/4"]);
    client.drive_until_sent(&fetches[0]);
    fetches[1].cancel();
    drop(fetches.remove(3));
    client.poll();
    assert_eq!(queued(&client), 2);
    server.at_pause(0);
    server.go(0);
    for fetch in &fetches {
        fetch.finish();
    }
    drop(client);
    assert_eq!(server.seen()[0].targets(), ["/0", "/2", "/4"]);
}

/// Starts so many fetches from each of two origins, of which one connection is possible at a time.
/// Gives how many of one origin were served in a row.
fn rows_of_two_origins(client: &Client, servers: &[Server; 2], each: usize) -> Vec<usize> {
    let paths = vec!["/"; each];
    let mut fetches = start(client, &servers[0], &paths);
    fetches.extend(start(client, &servers[1], &paths));
    let order = client.finish_all(&fetches);
    assert!(fetches.iter().all(|fetch| fetch.poll() == IFETCH_DONE));
    for first in [0, each] {
        let of_origin = order.iter().filter(|&&number| number / each == first / each);
        assert!(of_origin.is_sorted(), "each origin is served in its order: {order:?}");
    }
    let rows = order.chunk_by(|one, next| one / each == next / each);
    rows.map(<[usize]>::len).collect()
}

/// However many wait, the one that was cancelled is found without a poll of its own.
#[test]
fn a_cancel_among_hundreds_who_wait_is_told_by_the_client() {
    let server = Server::start(&[BUSY]);
    let client = Client::new().limit(IN_ALL, 1);
    let fetches = start(&client, &server, &["/"; 600]);
    client.drive_until_sent(&fetches[0]);
    for which in [599, 1, 300] {
        fetches[which].cancel();
        assert!(readable(&[client.fd()], PATIENCE), "the descriptor tells");
        assert_eq!(client.poll(), 1);
        assert_eq!(client.next(), fetches[which].as_ptr());
        assert_eq!(fetches[which].poll(), IFETCH_CANCELLED);
        client.poll();
    }
    assert_eq!(queued(&client), 596);
}

/// While several origins wait, a connection serves sixteen fetches of its own in a row at most.
#[test]
fn origins_that_wait_take_turns() {
    const IN_A_ROW: usize = 16;
    const EACH: usize = 40;
    let servers = [(); 2].map(|()| Server::start(&[&[ServeAll][..]; EACH]));
    let client = Client::new().limit(IN_ALL, 1);
    let rows = rows_of_two_origins(&client, &servers, EACH);
    // The last one may go on alone.
    assert!(rows[..rows.len() - 1].iter().all(|&row| row <= IN_A_ROW), "{rows:?}");
    // A turn is long enough to be worth its connection.
    assert!(rows.len() <= 2 * EACH.div_ceil(IN_A_ROW), "{rows:?}");
    assert_eq!(client.count(IFETCH_COUNT_OPENED), rows.len() as u64);
}

/// A connection that is not kept is a turn of its own.
#[test]
fn origins_take_turns_also_where_no_connection_is_kept() {
    const EACH: usize = 8;
    let servers = [(); 2].map(|()| Server::start(&[&[Read, Send(CLOSING)][..]; EACH]));
    let client = Client::new().limit(IN_ALL, 1);
    let rows = rows_of_two_origins(&client, &servers, EACH);
    assert!(rows[..rows.len() - 1].iter().all(|&row| row <= 2), "{rows:?}");
}

/// There is no reason to close a connection as long as nobody else waits.
#[test]
fn an_origin_alone_keeps_its_connection() {
    let server = Server::start(&[&[ServeAll]]);
    let client = Client::new().limit(IN_ALL, 1);
    let fetches = start(&client, &server, &["/"; 50]);
    assert!(client.finish_all(&fetches).is_sorted());
    assert_eq!(client.count(IFETCH_COUNT_OPENED), 1);
    drop(client);
    server.seen();
}

#[test]
fn a_raised_limit_lets_more_start() {
    for limit in [IN_ALL, OF_AN_ORIGIN] {
        for (raised_to, running) in [(2, 2), (4, 4), (0, 5)] {
            let server = Server::start(&vec![BUSY; running]);
            let client = Client::new().limit(limit, 1);
            let fetches = start(&client, &server, &["/"; 5]);
            client.drive_until_sent(&fetches[0]);
            assert_eq!(queued(&client), 4);
            client.set_limit(limit, raised_to);
            // The descriptor tells: nobody has to poll for no reason.
            assert!(readable(&[client.fd()], PATIENCE));
            for fetch in &fetches[..running] {
                client.drive_until_sent(fetch);
            }
            assert_eq!(queued(&client), 5 - running as u64);
        }
    }
}

#[test]
fn a_lowered_limit_harms_nobody_who_runs() {
    let server = Server::start(&[BUSY, BUSY]);
    let client = Client::new();
    let fetches = start(&client, &server, &["/a", "/b"]);
    client.drive_until_sent(&fetches[0]);
    client.drive_until_sent(&fetches[1]);
    client.set_limit(OF_AN_ORIGIN, 1);
    let waiting = client.start(&server.url("/c"), &Options::new());
    client.poll();
    assert!(is_queued(&waiting));
    for (i, fetch) in fetches.iter().enumerate() {
        server.at_pause(i);
        server.go(i);
        assert_eq!(fetch.finish().body, "hello");
    }
    assert_eq!(waiting.finish().body, "/c");
}

/// Those that come back are closed until there are no more than it allows.
#[test]
fn a_lowered_limit_is_kept_as_soon_as_it_can_be() {
    for limit in [IN_ALL, OF_AN_ORIGIN] {
        let server = Server::start(&[BUSY, BUSY, BUSY]);
        let client = Client::new();
        let fetches = start(&client, &server, &["/a", "/b", "/c"]);
        for fetch in &fetches {
            client.drive_until_sent(fetch);
        }
        client.set_limit(limit, 1);
        let waiting = start(&client, &server, &["/d", "/e", "/f"]);
        for (i, fetch) in fetches.iter().enumerate() {
            server.at_pause(i);
            server.go(i);
            assert_eq!(fetch.finish().body, "hello");
        }
        client.finish_all(&waiting);
        assert_eq!(client.count(IFETCH_COUNT_CONNECTIONS), 1);
        assert_eq!(client.count(IFETCH_COUNT_OPENED), 3);
    }
}

/// How a fetch gives its place back before it has a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    IsRefused,
    HasNoAddress,
    TimesOut,
    IsCancelled,
    IsFreed,
}

#[test]
fn a_place_that_becomes_free_goes_to_the_next() {
    use Way::*;
    let (_bound, refusing) = refused_address();
    let (silent, _filler) = full_listener();
    let silent = silent.local_addr().expect("it is bound").to_string();
    for way in [IsRefused, HasNoAddress, TimesOut, IsCancelled, IsFreed] {
        let host = match way {
            IsRefused => refusing.to_string(),
            HasNoAddress => names::UNKNOWN.to_owned(),
            TimesOut | IsCancelled | IsFreed => silent.clone(),
        };
        let timeout_ms = if way == TimesOut { 100 } else { 0 };
        let options = Options::new().timeout(IFETCH_TIMEOUT_CONNECT, timeout_ms);
        let server = Server::start(&[&[Serve]]);
        let client = Client::new().limit(IN_ALL, 1);
        let first = client.start(&format!("http://{host}/"), &options);
        let next = client.start(&server.url("/next"), &Options::new());
        match way {
            IsRefused | HasNoAddress | TimesOut => {}
            IsCancelled => first.cancel(),
            IsFreed => drop(first),
        }
        // The descriptor tells of it: nothing else can.
        let done = || next.phase() == IFETCH_PHASE_ENDED;
        client.drive_until(&format!("{way:?}"), done);
        assert_eq!(next.body().as_deref(), Some("/next"), "{way:?}: {}", next.message());
    }
}

/// The place is free although the connection is not kept.
#[test]
fn a_connection_that_is_closed_makes_room_for_a_new_one() {
    let closing = &[Read, Send(CLOSING)][..];
    let server = Server::start(&[closing, closing, &[ServeAll]]);
    let client = Client::new().limit(OF_AN_ORIGIN, 1);
    let fetches = start(&client, &server, &["/a", "/b", "/c"]);
    assert_eq!(client.finish_all(&fetches), [0, 1, 2]);
    assert_eq!(client.count(IFETCH_COUNT_OPENED), 3);
    drop(client);
    server.seen();
}

#[test]
fn an_idle_connection_of_another_origin_makes_room() {
    let (one, other) = (Server::start(&[&[Serve]]), Server::start(&[&[Serve, Serve]]));
    let client = Client::new().limit(IN_ALL, 1);
    client.get(&one.url("/"));
    assert_eq!(client.count(IFETCH_COUNT_IDLE), 1);
    let fetch = client.get(&other.url("/a"));
    assert_eq!(fetch.body().as_deref(), Some("/a"), "{}", fetch.message());
    assert_eq!(one.left(0, PATIENCE), Some(Ended::Fin));
    assert_eq!(client.count(IFETCH_COUNT_CONNECTIONS), 1);
    // Its own idle connection is used, and none is closed for it.
    assert_eq!(client.get(&other.url("/b")).report().reused, 1);
    assert_eq!(client.count(IFETCH_COUNT_OPENED), 2);
}

/// Where there are several, the one that was idle for the longest goes.
#[test]
fn the_longest_idle_connection_makes_room() {
    let servers = [(); 3].map(|()| Server::start(&[&[ServeAll]]));
    let client = Client::new().limit(IN_ALL, 2);
    for server in &servers {
        client.get(&server.url("/"));
    }
    assert_eq!(servers[0].left(0, PATIENCE), Some(Ended::Fin));
    assert_eq!(servers[1].left(0, Duration::ZERO), None);
    assert_eq!(client.count(IFETCH_COUNT_IDLE), 2);
}
