//! What the kernel holds of a request body at the time of the cancel: a FIN comes behind it, an
//! RST in its place.

use super::support::{Act::*, *};
use ::ifetch::ffi::options::ifetch_cancel_policy::{self, *};

/// More than the kernel takes for a server that does not read.
const BODY: usize = 16 << 20;

/// The request bytes that the kernel took, those that the server then read, and what ended them.
fn cancel_while_sending(policy: ifetch_cancel_policy) -> (u64, u64, Option<Ended>) {
    let server = Server::start(&[&[ReadHead, Pause]]);
    let options = Options::new().method("POST").body(&large_text(BODY)).cancel_policy(policy);
    let fetch = Fetch::start(server.url("/"), &options);
    assert_eq!(fetch.news_or_stall(), IFETCH_PENDING);
    assert_eq!(fetch.phase(), IFETCH_PHASE_SENDING);

    fetch.cancel();
    assert_eq!(fetch.finish().status, IFETCH_CANCELLED);
    server.at_pause(0);
    server.go(0);
    let seen = server.seen().remove(0);
    let read = seen.requests[0].len() + seen.rest.len();
    (fetch.report().sent, read as u64, seen.ended)
}

#[test]
fn after_a_fin_alone_the_server_still_reads_what_the_kernel_has_taken() {
    let (taken, read, ended) = cancel_while_sending(IFETCH_CANCEL_FIN);
    assert_eq!(ended, Some(Ended::Fin));
    assert_eq!(read, taken);
}

#[test]
fn with_an_rst_what_was_not_received_yet_is_dropped() {
    let (taken, read, ended) = cancel_while_sending(IFETCH_CANCEL_RST);
    assert_eq!(ended, Some(Ended::Reset));
    assert!(read < taken, "{read} of {taken} bytes");
}
