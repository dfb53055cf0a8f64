//! Every response, cut off at every byte.

use crate::support::*;

/// A response cut off within its head or its body was not complete, and is never taken for one.
#[test]
fn a_response_that_is_cut_off_is_truncated() {
    for (response, body) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello"),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;a=\"b\"\r\nhel\r\n2\r\nlo\r\n0\r\nA: b\r\n\r\n",
            "hello",
        ),
        ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello"),
        ("HTTP/1.0 404 No\r\nA: b\r\nContent-Length: 5\r\n\r\nhello", "hello"),
    ] {
        for len in 1..response.len() {
            let got = Fetch::get(&Peer::closing(&response[..len]).url("/")).finish();
            assert_eq!(got.error, IFETCH_ERROR_TRUNCATED, "{:?}", &response[..len]);
            assert!(body.starts_with(&got.body), "{:?} gave {:?}", &response[..len], got.body);
        }
    }
}
