//! How long a body is (RFC 9112 section 6.3): Content-Length, Transfer-Encoding, or until the end.

use crate::row::*;
use crate::support::*;

#[rustfmt::skip] // a row is a line
pub(crate) fn rows() -> Vec<Row> {
    vec![
        row("a length", answer("Content-Length: 5\r\n\r\nhello"), done(200, "hello").version(11).reason("OK")),
        row("a length of 0", answer("Content-Length: 0\r\n\r\n"), done(200, "")),
        row("a length with leading zeros", answer("Content-Length: 0005\r\n\r\nhello"), done(200, "hello")),
        row("a length among blanks", answer("Content-Length: \t 5 \t\r\n\r\nhello"), done(200, "hello")),
        row("a length without a blank", answer("Content-Length:5\r\n\r\nhello"), done(200, "hello")),
        row("a length in another case", answer("content-LENGTH: 5\r\n\r\nhello"), done(200, "hello")),
        row("a body of every byte", answer(every_byte()), done(200, latin1(&bytes_0_to_255()))),
        row("a body that looks like a response", answer(nested()), done(200, NESTED)),
        row("a length, and then the end", answer("Content-Length: 5\r\n\r\nhello").closes(), done(200, "hello")),
        row("a length and keep-alive", answer("Connection: keep-alive\r\nContent-Length: 5\r\n\r\nhello"), done(200, "hello")),
        row("an error status with a body", sends("HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone"), done(404, "gone").reason("Not Found")),
        row("a redirect is a response", sends("HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n"), done(302, "")),
        row("a server error is a response", sends("HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\nno"), done(500, "no")),
        row("205 has a length like any other", sends("HTTP/1.1 205 Reset\r\nContent-Length: 0\r\n\r\n"), done(205, "")),
        row("206 is not put together", sends("HTTP/1.1 206 Part\r\nContent-Range: bytes 1-2/4\r\nContent-Length: 2\r\n\r\nel"), done(206, "el")),
        row("a content coding is left alone", answer("Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\n\x1f.."), done(200, "\x1f..")),
        // The same number twice is one number (RFC 9110 section 8.6).
        row("a length said twice in one field", answer("Content-Length: 5, 5\r\n\r\nhello"), done(200, "hello")),
        row("a length said twice in two fields", answer("Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello"), done(200, "hello")),
        row("a length said three times", answer("Content-Length: 5,5\r\nX: y\r\nContent-Length: 5\r\n\r\nhello"), done(200, "hello")),
        row("two lengths in one field", answer("Content-Length: 5, 6\r\n\r\nhello"), fails(IFETCH_ERROR_BAD_FRAMING)),
        row("two lengths in two fields", answer("Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello"), fails(IFETCH_ERROR_BAD_FRAMING)),
        row("two lengths, the first 0", answer("Content-Length: 0\r\nContent-Length: 5\r\n\r\nhello"), fails(IFETCH_ERROR_BAD_FRAMING)),
        row("a length and none", answer("Content-Length: 5\r\nContent-Length:\r\n\r\nhello"), fails(IFETCH_ERROR_BAD_FRAMING)),
        row("a list of lengths that ends in a comma", answer("Content-Length: 5,\r\n\r\nhello"), fails(IFETCH_ERROR_BAD_FRAMING)),
        row("a list of lengths that begins with a comma", answer("Content-Length: ,5\r\n\r\nhello"), fails(IFETCH_ERROR_BAD_FRAMING)),
        row("a length with a plus", answer("Content-Length: +5\r\n\r\nhello"), fails(IFETCH_ERROR_BAD_FRAMING)),
        row("a length with a minus", answer("Content-Length: -1\r\n\r\nhello"), fails(IFETCH_ERROR_BAD_FRAMING)),
        row("a length of minus 0", answer("Content-Length: -0\r\n\r\n"), fails(IFETCH_ERROR_BAD_FRAMING)),
        row("a length with a letter", answer("Content-Length: 5a\r\n\r\nhello"), fails(IFETCH_ERROR_BAD_FRAMING)),
        row("a length in hexadecimal", answer("Content-Length: 0x5\r\n\r\nhello"), fails(IFETCH_ERROR_BAD_FRAMING)),
        row("a length in words", answer("Content-Length: five\r\n\r\nhello"), fails(IFETCH_ERROR_BAD_FRAMING)),
        row("a length with a fraction", answer("Content-Length: 5.0\r\n\r\nhello"), fails(IFETCH_ERROR_BAD_FRAMING)),
        row("a length with an exponent", answer("Content-Length: 5e0\r\n\r\nhello"), fails(IFETCH_ERROR_BAD_FRAMING)),
        row("a length with an underscore", answer("Content-Length: 1_0\r\n\r\nhellohello"), fails(IFETCH_ERROR_BAD_FRAMING)),
        row("a length in quotes", answer("Content-Length: \"5\"\r\n\r\nhello"), fails(IFETCH_ERROR_BAD_FRAMING)),
        row("a length with a parameter", answer("Content-Length: 5;a=b\r\n\r\nhello"), fails(IFETCH_ERROR_BAD_FRAMING)),
        row("a length with a blank inside", answer("Content-Length: 5 5\r\n\r\nhello"), fails(IFETCH_ERROR_BAD_FRAMING)),
        row("a length in digits beyond ASCII", answer(b"Content-Length: \xb2\r\n\r\nhi"), fails(IFETCH_ERROR_BAD_FRAMING)),
        row("an empty length", answer("Content-Length:\r\n\r\nhello"), fails(IFETCH_ERROR_BAD_FRAMING)),
        row("a length of blanks", answer("Content-Length: \t \r\n\r\nhello"), fails(IFETCH_ERROR_BAD_FRAMING)),
        row("a length of 2 to the 64", answer("Content-Length: 18446744073709551616\r\n\r\nhello"), fails(IFETCH_ERROR_BAD_FRAMING)),
        row("a length that wraps around to 5", answer("Content-Length: 18446744073709551621\r\n\r\nhello"), fails(IFETCH_ERROR_BAD_FRAMING)),
        row("a length of 40 digits", answer("Content-Length: 9999999999999999999999999999999999999999\r\n\r\nhello"), fails(IFETCH_ERROR_BAD_FRAMING)),
        // Smuggling begins with two answers to one question (RFC 9112 section 11.2).
        row("a length beside chunked", answer("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), fails(IFETCH_ERROR_BAD_FRAMING)),
        row("chunked beside a length", answer("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"), fails(IFETCH_ERROR_BAD_FRAMING)),
        row("chunked beside a malformed length", answer("Transfer-Encoding: chunked\r\nContent-Length: x\r\n\r\n0\r\n\r\n"), fails(IFETCH_ERROR_BAD_FRAMING)),
        row("gzip", answer("Transfer-Encoding: gzip\r\n\r\nhello").closes(), fails(IFETCH_ERROR_BAD_FRAMING)),
        row("gzip and chunked", answer("Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"), fails(IFETCH_ERROR_BAD_FRAMING)),
        row("gzip and chunked in two fields", answer("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), fails(IFETCH_ERROR_BAD_FRAMING)),
        row("chunked and gzip", answer("Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n"), fails(IFETCH_ERROR_BAD_FRAMING)),
        row("chunked twice", answer("Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"), fails(IFETCH_ERROR_BAD_FRAMING)),
        row("chunked twice in two fields", answer("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), fails(IFETCH_ERROR_BAD_FRAMING)),
        row("identity", answer("Transfer-Encoding: identity\r\n\r\nhello").closes(), fails(IFETCH_ERROR_BAD_FRAMING)),
        row("identity beside a length", answer("Transfer-Encoding: identity\r\nContent-Length: 5\r\n\r\nhello"), fails(IFETCH_ERROR_BAD_FRAMING)),
        row("an empty transfer coding", answer("Transfer-Encoding:\r\n\r\nhello").closes(), fails(IFETCH_ERROR_BAD_FRAMING)),
        row("a transfer coding in quotes", answer("Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n"), fails(IFETCH_ERROR_BAD_FRAMING)),
        row("a transfer coding that begins like chunked", answer("Transfer-Encoding: chunkedx\r\n\r\n0\r\n\r\n"), fails(IFETCH_ERROR_BAD_FRAMING)),
        row("a transfer coding that ends like chunked", answer("Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"), fails(IFETCH_ERROR_BAD_FRAMING)),
        row("chunked with a parameter", answer("Transfer-Encoding: chunked;a=b\r\n\r\n0\r\n\r\n"), fails(IFETCH_ERROR_BAD_FRAMING)),
        row("chunked in HTTP/1.0", sends("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), fails(IFETCH_ERROR_BAD_FRAMING)),
        row("chunked in another case", answer("transfer-encoding: CHUNKed\r\n\r\n2\r\nok\r\n0\r\n\r\n"), done(200, "ok")),
        row("chunked among blanks", answer("Transfer-Encoding: \t chunked \t\r\n\r\n2\r\nok\r\n0\r\n\r\n"), done(200, "ok")),
        // No length at all: the body ends with the connection.
        row("until the end", answer("\r\nhello").closes(), done(200, "hello")),
        row("until the end, which is at once", answer("\r\n").closes(), done(200, "")),
        row("until the end, in HTTP/1.0", sends("HTTP/1.0 200 OK\r\n\r\nhello").closes(), done(200, "hello").version(10)),
        row("a length in HTTP/1.0", sends("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello"), done(200, "hello").version(10)),
        row("until the end, an error status", sends("HTTP/1.0 503 No\r\n\r\nlater").closes(), done(503, "later")),
    ]
}

const NESTED: &str = "HTTP/1.1 404 No\r\nContent-Length: 9\r\n\r\n";

fn nested() -> String {
    format!("Content-Length: {}\r\n\r\n{NESTED}", NESTED.len())
}

fn every_byte() -> Vec<u8> {
    [b"Content-Length: 256\r\n\r\n", &bytes_0_to_255()[..]].concat()
}

fn bytes_0_to_255() -> Vec<u8> {
    (0..=255).collect()
}
