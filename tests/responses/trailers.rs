//! Trailer sections (RFC 9110 section 6.5, RFC 9112 section 7.1.2).

use crate::row::*;
use crate::support::*;

#[rustfmt::skip] // a row is a line
pub(crate) fn rows() -> Vec<Row> {
    vec![
        row("a trailer", section("Digest: x\r\n"), done(200, "hello").trailers(&[("Digest", "x")])),
        row("a trailer after no chunk", chunks("0\r\nDigest: x\r\n\r\n"), done(200, "").trailers(&[("Digest", "x")])),
        row("trailers in their order", section("B: 1\r\nA: 2\r\nB: 3\r\n"), done(200, "hello").trailers(&[("B", "1"), ("A", "2"), ("B", "3")])),
        row("a trailer without a value", section("A:\r\n"), done(200, "hello").trailers(&[("A", "")])),
        row("a trailer among blanks", section("A: \t b c \t\r\n"), done(200, "hello").trailers(&[("A", "b c")])),
        row("a trailer beyond ASCII", section(b"A: caf\xe9\r\n"), done(200, "hello").trailers(&[("A", "caf\u{e9}")])),
        row(
            "trailers change nothing that the header fields said",
            section("Content-Length: 2\r\nTransfer-Encoding: gzip\r\n"),
            done(200, "hello")
                .headers(&[("Transfer-Encoding", "chunked")])
                .trailers(&[("Content-Length", "2"), ("Transfer-Encoding", "gzip")]),
        ),
        row("a trailer section with a folded line", section("A: b\r\n c\r\n"), broken()),
        row("a trailer section that begins with a blank", section(" A: b\r\n"), broken()),
        row("a trailer without a colon", section("Ab\r\n"), broken()),
        row("a trailer without a name", section(": b\r\n"), broken()),
        row("a trailer with a blank before the colon", section("A : b\r\n"), broken()),
        row("a trailer with a bare LF", section("A: b\n"), broken()),
        row("a trailer with a bare CR", section("A: b\rc\r\n"), broken()),
        row("a trailer with a NUL", section("A: b\0\r\n"), broken()),
        row("a trailer section that ends in a bare LF", chunks("5\r\nhello\r\n0\r\nA: b\r\n\n"), broken()),
        row("a response instead of a trailer", section("HTTP/1.1 200 OK\r\n"), broken()),
    ]
}

/// A chunked "hello" with these lines behind it.
fn section(lines: impl AsRef<[u8]>) -> Script {
    chunks([b"5\r\nhello\r\n0\r\n", lines.as_ref(), b"\r\n"].concat())
}

fn broken() -> Expected {
    fails_after(IFETCH_ERROR_BAD_CHUNK, 200, "hello")
}
