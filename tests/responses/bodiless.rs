//! Responses that have no body whatever their fields say (RFC 9112 section 6.3), and bytes behind
//! the end.

use crate::row::*;
use crate::support::*;

#[rustfmt::skip] // a row is a line
pub(crate) fn rows() -> Vec<Row> {
    let head = |o: Options| o.method("HEAD");
    vec![
        row("HEAD", answer("\r\n"), done(200, "")).options(head),
        row("HEAD with a length", answer("Content-Length: 5\r\n\r\n"), done(200, "").headers(&[("Content-Length", "5")])).options(head),
        row("HEAD with an immense length", answer("Content-Length: 99999999999\r\n\r\n"), done(200, "")).options(head),
        row("HEAD with chunked", answer("Transfer-Encoding: chunked\r\n\r\n"), done(200, "")).options(head),
        row("HEAD of an error", sends("HTTP/1.1 404 No\r\nContent-Length: 4\r\n\r\n"), done(404, "")).options(head),
        row("HEAD, and then the end", answer("Content-Length: 5\r\n\r\n").closes(), done(200, "")).options(head),
        row("HEAD with a body all the same", answer("Content-Length: 5\r\n\r\nhello"), extra(200, "")).options(head),
        // There is no body to be misread, but a server that says two things is not to be trusted.
        row("HEAD with a length beside chunked", answer("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"), fails(IFETCH_ERROR_BAD_FRAMING)).options(head),
        row("204 with two lengths", sends("HTTP/1.1 204 No\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n"), fails(IFETCH_ERROR_BAD_FRAMING)),
        row("204", sends("HTTP/1.1 204 No Content\r\n\r\n"), done(204, "")),
        row("204 with a length", sends("HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\n"), done(204, "")),
        row("204 with chunked", sends("HTTP/1.1 204 No\r\nTransfer-Encoding: chunked\r\n\r\n"), done(204, "")),
        row("204 with a body all the same", sends("HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\nhello"), extra(204, "")),
        row("304", sends("HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n"), done(304, "").headers(&[("ETag", "\"x\"")])),
        row("304 with a length", sends("HTTP/1.1 304 Same\r\nContent-Length: 5\r\n\r\n"), done(304, "")),
        row("304 with chunked", sends("HTTP/1.1 304 Same\r\nTransfer-Encoding: chunked\r\n\r\n"), done(304, "")),
        row("304 with a body all the same", sends("HTTP/1.1 304 Same\r\nContent-Length: 5\r\n\r\nhello"), extra(304, "")),
        row("a byte after a length", answer("Content-Length: 5\r\n\r\nhello!"), extra(200, "hello")),
        row("a byte after a length of 0", answer("Content-Length: 0\r\n\r\n!"), extra(200, "")),
        row("a CRLF after a length", answer("Content-Length: 5\r\n\r\nhello\r\n"), extra(200, "hello")),
        row("a second response after a length", answer("Content-Length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\n\r\n"), extra(200, "hello")),
        row("a byte after the last chunk", chunks("5\r\nhello\r\n0\r\n\r\n!"), extra(200, "hello")),
        row("a CRLF after the last chunk", chunks("5\r\nhello\r\n0\r\n\r\n\r\n"), extra(200, "hello")),
    ]
}

/// More came after the end. A fetch that was DONE before it came is right as well.
fn extra(code: i32, body: &str) -> Expected {
    fails_after(IFETCH_ERROR_EXTRA_BYTES, code, body).or_done()
}
