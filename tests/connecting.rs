//! From a name to a connection: lookups, and races between addresses.
//!
//! In a network of its own, where the name server never answers and `/etc/hosts` is ours.
#![allow(unsafe_code)]

mod support;

use ::ifetch::ffi::client::ifetch_count::*;
use ::ifetch::ffi::resolver::*;
use std::net::TcpListener;
use std::time::{Duration, Instant};
use support::network::{alone, name_server, write_etc};
use support::*;

const HELLO: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

fn asking_the_system() -> Client {
    Client::new().resolver(ifetch_resolver::IFETCH_RESOLVER_SYSTEM)
}

fn assert_hello(fetch: &Fetch) {
    assert_eq!(fetch.news(), IFETCH_DONE, "{}", fetch.message());
    assert_eq!(fetch.body().as_deref(), Some("hello"));
}

#[test]
fn a_known_name_is_looked_up_and_fetched() {
    if !alone("a_known_name_is_looked_up_and_fetched") {
        return;
    }
    let peer = Peer::answering(HELLO);
    let fetch = Fetch::get(&format!("http://known.example:{}/", peer.address().port()));
    assert_hello(&fetch);
    assert!(peer.seen().contains(&format!("Host: known.example:{}", fetch_port(&fetch))));
}

/// The port, as the fetch knows its URL.
fn fetch_port(fetch: &Fetch) -> String {
    let url = fetch.url().expect("a response has a URL");
    url.trim_end_matches('/').rsplit(':').next().expect("it has a port").to_owned()
}

#[test]
fn a_name_that_nobody_answers_for_fails_with_what_the_system_says() {
    if !alone("a_name_that_nobody_answers_for_fails_with_what_the_system_says") {
        return;
    }
    // The system looks up what ends in .local.
    let fetch = Fetch::get("http://unanswered.local/");
    assert_eq!(fetch.news(), IFETCH_FAILED);
    assert_eq!(fetch.error(), IFETCH_ERROR_RESOLVE);
    assert!(fetch.message().starts_with("look up unanswered.local: "), "{}", fetch.message());
}

/// More stuck lookups of the system than may be live at a time, all cancelled: the next one is not
/// delayed.
#[test]
fn cancelled_lookups_delay_no_other() {
    if !alone("cancelled_lookups_delay_no_other") {
        return;
    }
    let peer = Peer::answering(HELLO);
    let client = asking_the_system();
    let stuck: Vec<Fetch> = (0..30)
        .map(|n| client.start(&format!("http://stuck-{n}.example/"), &Options::new()))
        .collect();
    for fetch in &stuck {
        fetch.cancel();
        assert_eq!(fetch.poll(), IFETCH_CANCELLED);
    }
    drop(stuck);
    let start = Instant::now();
    let url = format!("http://known.example:{}/", peer.address().port());
    let client = asking_the_system();
    let fetch = client.get(&url);
    assert_hello(&fetch);
    assert_eq!(client.count(IFETCH_COUNT_LOOKUPS_SYSTEM), 1);
    // A stuck lookup takes two seconds in this network.
    assert!(start.elapsed() < Duration::from_millis(1000), "it took {:?}", start.elapsed());
}

/// The same without a cancel: eight are live at a time, and all of them get their answer.
#[test]
fn lookups_beyond_the_live_ones_wait_for_their_turn() {
    if !alone("lookups_beyond_the_live_ones_wait_for_their_turn") {
        return;
    }
    let client = asking_the_system();
    let fetches: Vec<Fetch> = (0..12)
        .map(|n| client.start(&format!("http://stuck-{n}.example/"), &Options::new()))
        .collect();
    std::thread::sleep(Duration::from_millis(100));
    let threads = std::fs::read_dir("/proc/self/task").expect("proc is mounted").count();
    assert!(threads <= 8 + 2, "{threads} threads");
    let start = Instant::now();
    let mut failed = 0;
    while failed < fetches.len() {
        assert!(start.elapsed() < PATIENCE, "{failed} of {} ended", fetches.len());
        client.wait(1000);
        while !client.next().is_null() {
            failed += 1;
        }
    }
    assert!(fetches.iter().all(|f| f.error() == IFETCH_ERROR_RESOLVE));
}

/// Orphans do not count as live, but there are only so many of them: then the next lookup waits for
/// one to come back, and is not forgotten.
#[test]
fn orphaned_lookups_are_as_many_as_the_hard_limit_allows() {
    const LIVE: usize = 8;
    const THREADS: usize = 256;
    if !alone("orphaned_lookups_are_as_many_as_the_hard_limit_allows") {
        return;
    }
    write_etc("resolv.conf", "nameserver 127.0.0.1\noptions timeout:4 attempts:1\n");
    let peer = Peer::answering(HELLO);
    let threads = || std::fs::read_dir("/proc/self/task").expect("proc is mounted").count();
    let others = threads();
    let client = asking_the_system();
    let asked = name_server();
    asked.set_read_timeout(Some(PATIENCE)).expect("a socket option");
    for round in 0..THREADS / LIVE {
        let stuck: Vec<Fetch> = (0..LIVE)
            .map(|n| client.start(&format!("http://stuck-{round}-{n}.example/"), &Options::new()))
            .collect();
        // Each asks for both kinds of addresses, once its helper is at it.
        for _ in 0..2 * LIVE {
            asked.recv(&mut [0; 512]).expect("the system asks its name server");
        }
        drop(stuck);
    }
    assert_eq!(threads() - others, THREADS);
    let url = format!("http://known.example:{}/", peer.address().port());
    let fetch = client.start(&url, &Options::new());
    std::thread::sleep(Duration::from_millis(20));
    assert_eq!(fetch.poll(), IFETCH_PENDING, "nobody is free to look it up");
    assert_eq!(threads() - others, THREADS);
    assert_hello(&fetch);
}

#[test]
fn a_refusal_of_one_family_starts_the_other_at_once() {
    if !alone("a_refusal_of_one_family_starts_the_other_at_once") {
        return;
    }
    let peer = Peer::answering(HELLO);
    let start = Instant::now();
    let fetch = Fetch::get(&format!("http://localhost:{}/", peer.address().port()));
    assert_hello(&fetch);
    assert!(start.elapsed() < Duration::from_millis(200), "it took {:?}", start.elapsed());
    assert_eq!(fetch.report().attempts, 2);
    peer.seen();
}

#[test]
fn silence_of_one_family_starts_the_other_after_a_quarter_of_a_second() {
    if !alone("silence_of_one_family_starts_the_other_after_a_quarter_of_a_second") {
        return;
    }
    let (silent, _filler) = full_listener_on("[::1]:0");
    let port = silent.local_addr().expect("it is bound").port();
    let peer = Peer::start_on(&format!("127.0.0.1:{port}"), |mut link| {
        link.read_head();
        link.send(HELLO);
        link.ended();
    });
    let start = Instant::now();
    let fetch = Fetch::get(&format!("http://localhost:{port}/"));
    assert_hello(&fetch);
    assert!(start.elapsed() >= Duration::from_millis(250), "it took {:?}", start.elapsed());
    assert!(start.elapsed() < Duration::from_millis(1500), "it took {:?}", start.elapsed());
    assert_eq!(fetch.report().attempts, 2);
    peer.seen();
}

/// The first address is silent, the second refuses, the third answers: it is not kept waiting by the
/// first.
#[test]
fn a_refusal_starts_the_next_attempt_although_an_earlier_one_is_still_silent() {
    if !alone("a_refusal_starts_the_next_attempt_although_an_earlier_one_is_still_silent") {
        return;
    }
    let (silent, _filler) = full_listener_on("127.0.0.2:0");
    let port = silent.local_addr().expect("it is bound").port();
    let peer = Peer::start_on(&format!("127.0.0.4:{port}"), |mut link| {
        link.read_head();
        link.send(HELLO);
        link.ended();
    });
    let start = Instant::now();
    let fetch = Fetch::get(&format!("http://three.example:{port}/"));
    assert_hello(&fetch);
    assert!(start.elapsed() < Duration::from_millis(480), "it took {:?}", start.elapsed());
    assert_eq!(fetch.report().attempts, 3);
    peer.seen();
}

#[test]
fn when_every_address_refuses_the_message_names_each() {
    if !alone("when_every_address_refuses_the_message_names_each") {
        return;
    }
    let fetch = Fetch::get("http://localhost:1/");
    assert_eq!(fetch.news(), IFETCH_FAILED);
    assert_eq!(fetch.error(), IFETCH_ERROR_CONNECT);
    assert_eq!(
        fetch.message(),
        "connect to localhost:1: [::1]:1: connection refused; 127.0.0.1:1: connection refused"
    );
    assert_eq!(fetch.report().attempts, 2);
}

/// Seven addresses are silent and the eighth answers: five attempts run at a time, and the oldest
/// makes room.
#[test]
fn the_last_of_many_addresses_is_tried_while_all_others_are_silent() {
    if !alone("the_last_of_many_addresses_is_tried_while_all_others_are_silent") {
        return;
    }
    let (first, _filler) = full_listener_on("127.0.0.2:0");
    let port = first.local_addr().expect("it is bound").port();
    let silent: Vec<_> =
        (3..=8).map(|n| full_listener_on(&format!("127.0.0.{n}:{port}"))).collect();
    let answering = TcpListener::bind(format!("127.0.0.9:{port}")).expect("a loopback port");
    let server = std::thread::spawn(move || {
        let mut link = Link::accept(&answering);
        link.read_head();
        link.send(HELLO);
        link.ended();
    });
    let fetch = Fetch::get(&format!("http://many.example:{port}/"));
    assert_hello(&fetch);
    assert_eq!(fetch.report().attempts, 8);
    server.join().expect("the server follows its script");
    drop(silent);
}
