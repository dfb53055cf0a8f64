//! Fetches of one client: what happens to one leaves no trace in another.
#![allow(unsafe_code)]

mod support;

#[path = "support/sends.rs"]
mod sends;

use std::rc::Rc;
use support::*;

/// The client's buffer, in which requests are written and responses received, is emptied in between.
#[test]
fn a_request_that_could_not_be_sent_is_not_taken_for_an_answer() {
    let server = Server::start(&[&[Act::Read, Act::Pause, Act::Send(HELLO)], &[]]);
    let client = Client::new();
    let waiting = client.start(&server.url("/waiting"), &Options::new());
    while waiting.phase() != IFETCH_PHASE_WAITING {
        assert!(readable(&[client.fd()], PATIENCE), "it connects");
        client.poll();
    }
    server.at_pause(0);

    // Cancelled by a signal handler, say, just when it is going to be sent.
    let unsent = Rc::new(client.start(&server.url("/unsent"), &Options::new()));
    let cancelled = Rc::clone(&unsent);
    sends::before_the_next([Box::new(move || cancelled.cancel()) as Box<dyn FnOnce()>]);
    assert_eq!(unsent.news(), IFETCH_CANCELLED);
    assert_eq!(sends::left(), 0, "it was going to be sent");

    server.go(0);
    let outcome = waiting.finish();
    assert_eq!(outcome.body, "hello", "{}", outcome.message);
}
