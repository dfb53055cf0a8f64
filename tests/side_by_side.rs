//! Clients share nothing, also in threads that run side by side. tests/threads.rs looks for data
//! races between them.
#![allow(unsafe_code)]

mod support;

use ::ifetch::ffi::client::ifetch_count::{IFETCH_COUNT_OPENED, IFETCH_COUNT_REUSED};
use std::sync::Barrier;
use std::thread;
use support::*;

const FETCHES: usize = 200;

#[test]
fn each_client_has_its_own_connection_to_the_same_server() {
    let server = Server::start(&[&[Act::ServeAll], &[Act::ServeAll]]);
    let both_are_connected = Barrier::new(2);
    thread::scope(|scope| {
        for name in ["one", "other"] {
            let (url, barrier) = (server.url(""), &both_are_connected);
            scope.spawn(move || {
                let client = Client::new();
                for number in 0..FETCHES {
                    let path = format!("/{name}/{number}");
                    let fetch = client.start(&format!("{url}{path}"), &Options::new());
                    let outcome = fetch.finish();
                    assert_eq!(outcome.body, path, "{}", outcome.message);
                    // From here on each finds the idle connections of both, if they are shared.
                    if number == 0 {
                        barrier.wait();
                    }
                }
                assert_eq!(client.count(IFETCH_COUNT_OPENED), 1);
                assert_eq!(client.count(IFETCH_COUNT_REUSED), FETCHES as u64 - 1);
            });
        }
    });
    for seen in server.seen() {
        let targets = seen.targets();
        let name = if targets[0].starts_with("/one/") { "/one/" } else { "/other/" };
        assert_eq!(targets.len(), FETCHES);
        assert!(targets.iter().all(|target| target.starts_with(name)), "{targets:?}");
    }
}

#[test]
fn a_client_whose_thread_is_inside_a_call_does_not_hold_up_another() {
    let silent = Peer::start(|mut link| {
        link.read_head();
        link.ended()
    });
    let waiting = Client::new();
    let fetch = waiting.start(&silent.url("/"), &Options::new());
    thread::scope(|scope| {
        // It may find this thread inside at first, which asks until it is there.
        let thread = scope.spawn(|| (0..).map(|_| waiting.wait(10_000)).find(|&n| n != -1));
        let start = std::time::Instant::now();
        while waiting.poll() != -1 {
            assert!(start.elapsed() < PATIENCE, "it is not seen inside its call");
        }
        let client = Client::new();
        let outcome = client.start(&Peer::answering(HELLO).url("/"), &Options::new()).finish();
        assert_eq!(outcome.status, IFETCH_DONE, "{}", outcome.message);
        drop(client);
        assert_eq!(waiting.poll(), -1, "it is still inside");
        fetch.cancel();
        assert_eq!(thread.join().expect("no panic"), Some(1));
    });
    assert_eq!(fetch.poll(), IFETCH_CANCELLED);
    silent.seen();
}
