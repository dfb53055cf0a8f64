//! The chunked transfer coding (RFC 9112 section 7.1).

use crate::row::*;
use crate::support::*;

#[rustfmt::skip] // a row is a line
pub(crate) fn rows() -> Vec<Row> {
    vec![
        row("one chunk", chunks("5\r\nhello\r\n0\r\n\r\n"), done(200, "hello")),
        row("three chunks", chunks("2\r\nhe\r\n1\r\nl\r\n2\r\nlo\r\n0\r\n\r\n"), done(200, "hello")),
        row("no chunk", chunks("0\r\n\r\n"), done(200, "")),
        row("one chunk, and then the end", chunks("5\r\nhello\r\n0\r\n\r\n").closes(), done(200, "hello")),
        row("many tiny chunks", chunks("1\r\nx\r\n".repeat(60) + "0\r\n\r\n"), done(200, "x".repeat(60))),
        row("a size in small letters", chunks("a\r\n0123456789\r\n0\r\n\r\n"), done(200, "0123456789")),
        row("a size in capital letters", chunks("A\r\n0123456789\r\n0\r\n\r\n"), done(200, "0123456789")),
        row("a size of two digits", chunks("1f\r\n0123456789012345678901234567890\r\n0\r\n\r\n"), done(200, "0123456789012345678901234567890")),
        row("sizes with leading zeros", chunks("0005\r\nhello\r\n0000\r\n\r\n"), done(200, "hello")),
        row("a chunk that looks like the last", chunks("5\r\n0\r\n\r\n\r\n0\r\n\r\n"), done(200, "0\r\n\r\n")),
        row("a chunk of CR and LF", chunks("4\r\n\r\n\r\n\r\n0\r\n\r\n"), done(200, "\r\n\r\n")),
        row("an extension", chunks("5;a=b\r\nhello\r\n0;c\r\n\r\n"), done(200, "hello")),
        row("several extensions", chunks("5;a=b;c;d=\"e\"\r\nhello\r\n0\r\n\r\n"), done(200, "hello")),
        row("an extension among blanks", chunks("5; a = b \r\nhello\r\n0\r\n\r\n"), done(200, "hello")),
        row("a quoted extension", chunks("5;a=\"; \t0\\\"\\\\\"\r\nhello\r\n0\r\n\r\n"), done(200, "hello")),
        row("a quoted extension beyond ASCII", chunks(b"5;a=\"\xe9\"\r\nhello\r\n0\r\n\r\n"), done(200, "hello")),
        row("a chunk line of 4,096 bytes", chunks(long_line(4096)), done(200, "hello")).split_at(LINE_BORDERS),
        row("a chunk line of 4,097 bytes", chunks(long_line(4097)), broken("")).split_at(LINE_BORDERS),
        row("a chunk line that never ends", chunks(&long_line(5000)[..4900]), broken("")).split_at(LINE_BORDERS),
        row("a size of many zeros", chunks("0".repeat(5000) + "5\r\nhello\r\n0\r\n\r\n"), broken("")).split_at(LINE_BORDERS),
        row("an empty size", chunks("\r\nhello\r\n0\r\n\r\n"), broken("")),
        row("an extension without a size", chunks(";a=b\r\nhello\r\n0\r\n\r\n"), broken("")),
        row("a size with a plus", chunks("+5\r\nhello\r\n0\r\n\r\n"), broken("")),
        row("a size with a minus", chunks("-5\r\nhello\r\n0\r\n\r\n"), broken("")),
        row("a last chunk with a minus", chunks("5\r\nhello\r\n-0\r\n\r\n"), broken("hello")),
        row("a size after a blank", chunks(" 5\r\nhello\r\n0\r\n\r\n"), broken("")),
        row("a size after a tab", chunks("\t5\r\nhello\r\n0\r\n\r\n"), broken("")),
        row("a size before a blank", chunks("5 \r\nhello\r\n0\r\n\r\n"), broken("")),
        row("a size before a tab", chunks("5\t\r\nhello\r\n0\r\n\r\n"), broken("")),
        row("a size before a blank and an extension", chunks("5 ;a=b\r\nhello\r\n0\r\n\r\n"), broken("")),
        row("a size with a blank inside", chunks("1 0\r\n0123456789abcdef\r\n0\r\n\r\n"), broken("")),
        row("a size with 0x", chunks("0x5\r\nhello\r\n0\r\n\r\n"), broken("")),
        row("a size with an underscore", chunks("1_0\r\n0123456789abcdef\r\n0\r\n\r\n"), broken("")),
        row("a size with a letter that is no digit", chunks("5g\r\nhello\r\n0\r\n\r\n"), broken("")),
        row("a size in words", chunks("five\r\nhello\r\n0\r\n\r\n"), broken("")),
        row("a size beyond ASCII", chunks(b"\xb2\r\nhe\r\n0\r\n\r\n"), broken("")),
        row("a size of 17 digits", chunks("10000000000000000\r\nhello\r\n0\r\n\r\n"), broken("")),
        row("a size that wraps around to 5", chunks("10000000000000005\r\nhello\r\n0\r\n\r\n"), broken("")),
        row("a size of 40 digits", chunks("f".repeat(40) + "\r\nhello\r\n0\r\n\r\n"), broken("")),
        row("a size line with a bare LF", chunks("5\nhello\r\n0\r\n\r\n"), broken("")),
        row("a size line with a bare CR", chunks("5\rhello\r\n0\r\n\r\n"), broken("")),
        row("a size line with two CRs", chunks("5\r\r\nhello\r\n0\r\n\r\n"), broken("")),
        row("an extension with a bare LF", chunks("5;a\nhello\r\n0\r\n\r\n"), broken("")),
        row("an extension with a bare CR", chunks("5;a\rb\r\nhello\r\n0\r\n\r\n"), broken("")),
        row("an extension with a NUL", chunks("5;a=\0\r\nhello\r\n0\r\n\r\n"), broken("")),
        row("an extension with a NUL in quotes", chunks("5;a=\"\0\"\r\nhello\r\n0\r\n\r\n"), broken("")),
        row("a last chunk with a bare LF", chunks("5\r\nhello\r\n0\n\r\n"), broken("hello")),
        row("no CRLF after the data", chunks("5\r\nhello0\r\n\r\n"), broken("hello")),
        row("a bare LF after the data", chunks("5\r\nhello\n0\r\n\r\n"), broken("hello")),
        row("a bare CR after the data", chunks("5\r\nhello\r0\r\n\r\n"), broken("hello")),
        row("data that is longer than its size", chunks("5\r\nhello!\r\n0\r\n\r\n"), broken("hello")),
        row("data that is shorter than its size", chunks("5\r\nhell\r\n0\r\n\r\n"), broken("hell\r")),
        row("a blank line after the data", chunks("5\r\nhello\r\n\r\n0\r\n\r\n"), broken("hello")),
        row("a good chunk and a bad one", chunks("5\r\nhello\r\nx\r\nhello\r\n0\r\n\r\n"), broken("hello")),
        // Each place at which a server may leave.
        row("gone before the first chunk", chunks("").closes(), truncated("")),
        row("gone within a size", chunks("1").closes(), truncated("")),
        row("gone within an extension", chunks("5;a=").closes(), truncated("")),
        row("gone between CR and LF of a size line", chunks("5\r").closes(), truncated("")),
        row("gone before the data", chunks("5\r\n").closes(), truncated("")),
        row("gone within the data", chunks("5\r\nhel").closes(), truncated("hel")),
        row("gone after the data", chunks("5\r\nhello").closes(), truncated("hello")),
        row("gone between CR and LF after the data", chunks("5\r\nhello\r").closes(), truncated("hello")),
        row("gone after a chunk", chunks("5\r\nhello\r\n").closes(), truncated("hello")),
        row("gone within the last size", chunks("5\r\nhello\r\n0").closes(), truncated("hello")),
        row("gone after the last size", chunks("5\r\nhello\r\n0\r\n").closes(), truncated("hello")),
        row("gone between the last CR and LF", chunks("5\r\nhello\r\n0\r\n\r").closes(), truncated("hello")),
        row("gone within a trailer field", chunks("5\r\nhello\r\n0\r\nA: b").closes(), truncated("hello")),
        row("gone after a trailer field", chunks("5\r\nhello\r\n0\r\nA: b\r\n").closes(), truncated("hello")),
        row("gone within the second chunk", chunks("5\r\nhello\r\n6\r\n wor").closes(), truncated("hello wor")),
    ]
}

/// Around the borders of a long chunk line, whose response head has 47 bytes.
const LINE_BORDERS: [usize; 10] = [46, 47, 48, 49, 2000, 4142, 4143, 4144, 4145, 4146];

/// A chunk whose size line has `len` bytes before its CRLF.
fn long_line(len: usize) -> String {
    format!("5;{}\r\nhello\r\n0\r\n\r\n", "a".repeat(len - 2))
}

fn broken(body: &str) -> Expected {
    fails_after(IFETCH_ERROR_BAD_CHUNK, 200, body)
}

fn truncated(body: &str) -> Expected {
    fails_after(IFETCH_ERROR_TRUNCATED, 200, body)
}
