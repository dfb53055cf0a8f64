//! What a client counts, for dashboards; and what it refuses to set.
#![allow(unsafe_code)] // for numbers that are no constants

mod support;

#[path = "support/names.rs"]
mod names;

use ::ifetch::ffi::client::ifetch_client_limit::*;
use ::ifetch::ffi::client::ifetch_count::{self, *};
use ::ifetch::ffi::client::*;
use support::Act::*;
use support::*;

const PHASES: [ifetch_count; 7] = [
    IFETCH_COUNT_QUEUED,
    IFETCH_COUNT_RESOLVING,
    IFETCH_COUNT_CONNECTING,
    IFETCH_COUNT_SENDING,
    IFETCH_COUNT_WAITING,
    IFETCH_COUNT_RECEIVING,
    IFETCH_COUNT_ENDED,
];

fn by_phase(client: &Client) -> [u64; 7] {
    PHASES.map(|which| client.count(which))
}

#[test]
fn each_fetch_is_counted_in_its_phase() {
    const HALF: &str = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhell";
    let (silent, _filler) = full_listener();
    let silent = format!("http://{}/", silent.local_addr().expect("it is bound"));
    let sending = Server::start(&[&[ReadHead, Pause]]);
    let waiting = Server::start(&[&[Read]]);
    let receiving = Server::start(&[&[Read, Send(HALF)]]);
    let done = Server::start(&[&[Serve]]);
    let client = Client::new();
    assert_eq!(by_phase(&client), [0; 7]);

    let large = Options::new().method("POST").body(&vec![b'x'; 16 << 20]);
    let plain = Options::new();
    let mut fetches = vec![
        client.start(&format!("http://{}/", names::NEVER), &plain),
        client.start(&silent, &plain),
        client.start(&sending.url("/"), &large),
        client.start(&waiting.url("/"), &plain),
        client.start(&receiving.url("/"), &plain),
        client.start(&done.url("/"), &plain),
        client.start("nonsense", &plain),
    ];
    client.drive_until("each is in its phase", || by_phase(&client) == [0, 1, 1, 1, 1, 1, 2]);
    assert_eq!(client.count(IFETCH_COUNT_CONNECTIONS), 6);
    assert_eq!(client.count(IFETCH_COUNT_IDLE), 1);

    client.set_limit(IFETCH_CLIENT_LIMIT_CONNECTIONS, 1);
    fetches.push(client.start(&waiting.url("/"), &plain));
    assert_eq!(by_phase(&client), [1, 1, 1, 1, 1, 1, 2]);
    assert_eq!(client.count(IFETCH_COUNT_CONNECTIONS), 5);
    assert_eq!(client.count(IFETCH_COUNT_OPENED), 4);

    fetches.iter().for_each(Fetch::cancel);
    client.drive_until("all end", || by_phase(&client) == [0, 0, 0, 0, 0, 0, 8]);
    assert_eq!(client.count(IFETCH_COUNT_CONNECTIONS), 0);
    fetches.pop();
    assert_eq!(client.count(IFETCH_COUNT_ENDED), 7);
    drop(fetches);
    assert_eq!(by_phase(&client), [0; 7]);
}

#[test]
fn what_is_no_count_is_zero() {
    let client = Client::new();
    let fetch = client.start("nonsense", &Options::new());
    assert_eq!(client.count(IFETCH_COUNT_ENDED), 1);
    // 10 is kept for a phase to come.
    for unknown in [0, 10, 20, 1000, -1, i32::MAX, i32::MIN] {
        assert_eq!(call!(ifetch_client_count(client.as_ptr(), unknown)), 0, "{unknown}");
    }
    drop(fetch);
}

#[test]
fn what_cannot_be_set_is_refused() {
    let client = Client::new();
    let set_limit = |which, n| call!(ifetch_client_set_limit(client.as_ptr(), which, n));
    let set_timeout = |which, ms| call!(ifetch_client_set_timeout(client.as_ptr(), which, ms));
    for which in 1..=4 {
        assert_eq!(set_limit(which, u64::from(u32::MAX)), IFETCH_ERROR_NONE);
        assert_eq!(set_limit(which, u64::from(u32::MAX) + 1), IFETCH_ERROR_INVALID_ARGUMENT);
        assert_eq!(set_timeout(which, u32::MAX), IFETCH_ERROR_NONE);
    }
    for unknown in [0, 5, 1000, -1, i32::MAX, i32::MIN] {
        assert_eq!(set_limit(unknown, 1), IFETCH_ERROR_INVALID_ARGUMENT, "{unknown}");
        assert_eq!(set_timeout(unknown, 1), IFETCH_ERROR_INVALID_ARGUMENT, "{unknown}");
    }
}
