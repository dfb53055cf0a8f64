//! Status lines (RFC 9112 section 4), and answers that are not HTTP/1 at all.

use crate::row::*;
use crate::support::*;

#[rustfmt::skip] // a row is a line
pub(crate) fn rows() -> Vec<Row> {
    vec![
        row("a reason phrase of several words", status("HTTP/1.1 404 It is not here"), done(404, "").reason("It is not here")),
        row("an empty reason phrase", status("HTTP/1.1 200 "), done(200, "").reason("")),
        row("no reason phrase at all", status("HTTP/1.1 200"), done(200, "").reason("")),
        row("a reason phrase beyond ASCII", status(b"HTTP/1.1 200 caf\xe9"), done(200, "").reason("caf\u{e9}")),
        row("a reason phrase with a tab", status("HTTP/1.1 200 O\tK"), done(200, "").reason("O\tK")),
        row("a status code that nobody knows", status("HTTP/1.1 299 Hm"), done(299, "")),
        row("a status code of 600", status("HTTP/1.1 600 Hm"), done(600, "")),
        row("a status code of 999", status("HTTP/1.1 999 Hm"), done(999, "")),
        row("a status code of 099", status("HTTP/1.1 099 Hm"), bad()),
        row("a status code of 000", status("HTTP/1.1 000 Hm"), bad()),
        row("a status code of 1000", status("HTTP/1.1 1000 Hm"), bad()),
        row("a status code of two digits", status("HTTP/1.1 20 OK"), bad()),
        row("a status code with a letter", status("HTTP/1.1 2x0 OK"), bad()),
        row("a status code with a sign", status("HTTP/1.1 +20 OK"), bad()),
        row("a status code in words", status("HTTP/1.1 OK"), bad()),
        row("no status code", status("HTTP/1.1"), bad()),
        row("a blank instead of a status code", status("HTTP/1.1 "), bad()),
        row("two blanks before the status code", status("HTTP/1.1  200 OK"), bad()),
        row("a tab before the status code", status("HTTP/1.1\t200 OK"), bad()),
        row("a tab after the status code", status("HTTP/1.1 200\tOK"), bad()),
        row("nothing between status code and reason phrase", status("HTTP/1.1 200OK"), bad()),
        row("a reason phrase with a NUL", status("HTTP/1.1 200 O\0K"), bad()),
        row("a reason phrase with a control character", status("HTTP/1.1 200 O\x01K"), bad()),
        row("a reason phrase with DEL", status("HTTP/1.1 200 O\x7fK"), bad()),
        row("a reason phrase with a bare CR", status("HTTP/1.1 200 O\rK"), bad()),
        row("a status line that ends in a bare LF", sends("HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n"), bad()),
        row("a status line that ends in a bare CR", sends("HTTP/1.1 200 OK\rContent-Length: 0\r\n\r\n"), bad()),
        row("HTTP/1.2", status("HTTP/1.2 200 OK"), bad()),
        row("HTTP/1.10", status("HTTP/1.10 200 OK"), bad()),
        row("HTTP/0.9", status("HTTP/0.9 200 OK"), bad()),
        row("HTTP/2.0", status("HTTP/2.0 200 OK"), bad()),
        row("HTTP/2", status("HTTP/2 200 OK"), bad()),
        row("HTTP/3", status("HTTP/3 200 OK"), bad()),
        row("HTTP/11.1", status("HTTP/11.1 200 OK"), bad()),
        row("a version in letters", status("HTTP/x.y 200 OK"), bad()),
        row("a blank in the version", status("HTTP/ 1.1 200 OK"), bad()),
        row("a blank line before the status line", sends("\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), alien()),
        row("an LF before the status line", sends("\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), alien()),
        row("a blank before the status line", sends(" HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), alien()),
        row("a byte order mark before the status line", sends(b"\xef\xbb\xbfHTTP/1.1 200 OK\r\n\r\n"), alien()),
        row("http in small letters", status("http/1.1 200 OK"), alien()),
        row("HTTPS", status("HTTPS/1.1 200 OK"), alien()),
        row("ICY", sends("ICY 200 OK\r\n\r\n"), alien()),
        row("SSH", sends("SSH-2.0-OpenSSH_9.2p1\r\n"), alien()),
        row("SMTP", sends("220 mail.example ESMTP\r\n"), alien()),
        row("a text without a head", sends("<html>hello</html>\n").closes(), alien()),
        row("an HTTP/2 preface", sends("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), alien()),
        row("an HTTP/2 frame", sends(b"\0\0\x06\x04\0\0\0\0\0\0\x03\0\0\0d"), alien()),
        row("a TLS alert", sends(b"\x15\x03\x01\0\x02\x02\x28").closes(), alien()),
        row("a request", sends("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), alien()),
        row("a NUL", sends("\0").closes(), alien()),
    ]
}

/// This status line over an empty body.
fn status(line: impl AsRef<[u8]>) -> Script {
    sends([line.as_ref(), b"\r\nContent-Length: 0\r\n\r\n"].concat())
}

fn bad() -> Expected {
    fails(IFETCH_ERROR_BAD_HEAD)
}

/// NOT_HTTP: the answer does not begin with "HTTP/".
fn alien() -> Expected {
    fails(IFETCH_ERROR_NOT_HTTP)
}
