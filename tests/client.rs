//! Several fetches on one client: each of them is heard of, once.
#![allow(unsafe_code)]

mod support;

use support::*;

const HELLO: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

/// Two fetches whose answers are both there, not looked at yet.
fn two_answered(client: &Client) -> [Fetch; 2] {
    let fetches = [(); 2].map(|()| {
        let peer = Peer::answering(HELLO);
        let fetch = client.start(&peer.url("/"), &Options::new());
        // Connected and sent, so that only the answer is to come.
        while fetch.phase() != IFETCH_PHASE_WAITING {
            assert!(readable(&[client.fd()], PATIENCE), "it connects");
            client.poll();
        }
        fetch
    });
    std::thread::sleep(QUIET);
    fetches
}

#[test]
fn a_poll_of_one_fetch_does_not_swallow_the_news_of_another() {
    let client = Client::new();
    let [one, other] = two_answered(&client);
    // This looks at the events of both.
    assert_eq!(one.poll(), IFETCH_DONE);
    assert!(readable(&[client.fd()], QUIET), "the descriptor tells of the other");
    assert_eq!(client.poll(), 1);
    assert_eq!(client.next(), other.as_ptr());
    assert_eq!(other.poll(), IFETCH_DONE);
    assert!(client.next().is_null());
}

#[test]
fn a_wait_for_one_fetch_does_not_swallow_the_news_of_another() {
    let client = Client::new();
    let [one, other] = two_answered(&client);
    assert_eq!(one.wait(-1), IFETCH_DONE);
    assert!(readable(&[client.fd()], QUIET), "the descriptor tells of the other");
    client.poll();
    assert_eq!(client.next(), other.as_ptr());
}

#[test]
fn what_its_user_has_heard_is_not_given_again() {
    let client = Client::new();
    let [one, other] = two_answered(&client);
    assert_eq!(client.poll(), 2);
    assert_eq!(one.poll(), IFETCH_DONE);
    assert_eq!(client.next(), other.as_ptr());
    assert!(client.next().is_null());
    assert_eq!(client.poll(), 0);
}

#[test]
fn a_fetch_that_is_freed_with_its_news_unheard_is_not_given() {
    let client = Client::new();
    let [one, other] = two_answered(&client);
    assert_eq!(client.poll(), 2);
    drop(one);
    assert_eq!(client.next(), other.as_ptr());
    assert!(client.next().is_null());
}

#[test]
fn a_fetch_that_fails_at_its_start_is_told_by_the_descriptor() {
    let client = Client::new();
    let fetch = client.start("nonsense", &Options::new());
    assert!(readable(&[client.fd()], QUIET), "the descriptor tells");
    assert_eq!(client.poll(), 1);
    assert_eq!(client.next(), fetch.as_ptr());
    assert_eq!(fetch.poll(), IFETCH_FAILED);
}

#[test]
fn fetches_outlive_their_client_as_cancelled() {
    let client = Client::new();
    let peer = Peer::start(|mut link| {
        link.read_head();
        link.ended()
    });
    let waiting = client.start(&peer.url("/"), &Options::new());
    while waiting.phase() != IFETCH_PHASE_WAITING {
        assert!(readable(&[client.fd()], PATIENCE), "it connects");
        client.poll();
    }
    let answered = two_answered(&client);
    client.poll();
    drop(client);
    assert_eq!(waiting.poll(), IFETCH_CANCELLED);
    // The server has been told, though the handle lives on.
    peer.seen();
    for fetch in answered {
        assert_eq!(fetch.poll(), IFETCH_DONE, "an outcome stands");
        assert_eq!(fetch.body().as_deref(), Some("hello"));
    }
}
