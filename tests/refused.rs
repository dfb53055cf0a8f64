//! The system refuses to send: nobody waits for an answer to what the server never got.
#![allow(unsafe_code)]

mod support;

#[path = "support/sends.rs"]
mod sends;

use ::ifetch::ffi::error::ifetch_error::*;
use support::*;

/// The connection is as good as before, so nothing but the fetch itself would end it.
#[test]
fn a_request_that_the_system_refuses_fails_at_once() {
    for errno in [libc::ENOMEM, libc::ENOBUFS, libc::EPERM] {
        let peer = Peer::start(|mut link| link.ended());
        sends::refuse_the_next(errno);
        let fetch = Fetch::start(peer.url("/"), &Options::new());
        let outcome = fetch.finish();
        assert_eq!((outcome.status, fetch.error()), (IFETCH_FAILED, IFETCH_ERROR_SEND));
        assert_eq!(fetch.os_error(), errno, "{}", outcome.message);
        peer.seen();
    }
}

/// Bytes that were taken and lost are no complete fetch, however the other side ends.
#[test]
fn what_a_tunnel_lost_is_a_failure() {
    for errno in [libc::EPIPE, libc::ECONNRESET, libc::ENOMEM] {
        let peer = Peer::start(|mut link| {
            link.read_head();
            link.send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\n\r\n");
        });
        let fetch = Fetch::start(peer.url("/"), &Options::new().upgrade("echo"));
        assert_eq!(fetch.news(), IFETCH_HEAD);
        sends::refuse_the_next(errno);
        fetch.write(b"lost");
        let mut end = fetch.poll();
        while matches!(end, IFETCH_PENDING | IFETCH_READABLE) {
            assert!(end == IFETCH_READABLE || fetch.readable(PATIENCE), "it ends");
            (_, end) = fetch.read(&mut [0; 64]);
        }
        assert_eq!((end, fetch.error()), (IFETCH_FAILED, IFETCH_ERROR_SEND), "{}", fetch.message());
        peer.seen();
    }
}
