//! Header fields (RFC 9110 section 5, RFC 9112 section 5).

use crate::row::*;
use crate::support::*;

#[rustfmt::skip] // a row is a line
pub(crate) fn rows() -> Vec<Row> {
    vec![
        row("no field", sends("HTTP/1.1 204 No\r\n\r\n"), done(204, "").headers(&[])),
        row("a field", field("A: b\r\n"), fields(&[("A", "b")])),
        row("a field without a blank", field("A:b\r\n"), fields(&[("A", "b")])),
        row("a value among blanks", field("A: \t  b c \t \r\n"), fields(&[("A", "b c")])),
        row("a value with a tab inside", field("A: b\tc\r\n"), fields(&[("A", "b\tc")])),
        row("an empty value", field("A:\r\nB: \r\n"), fields(&[("A", ""), ("B", "")])),
        row("a value of blanks", field("A: \t  \r\n"), fields(&[("A", "")])),
        row("a value beyond ASCII", field(b"A: caf\xe9 \xff\x80\r\n"), fields(&[("A", "caf\u{e9} \u{ff}\u{80}")])),
        row("a value with colons", field("A: b: c:d\r\n"), fields(&[("A", "b: c:d")])),
        row("a value in quotes", field("A: \"b, c\" (d)\r\n"), fields(&[("A", "\"b, c\" (d)")])),
        row("a value of all visible characters", field(format!("A: {VISIBLE}\r\n")), fields(&[("A", VISIBLE)])),
        row("a name of all token characters", field(format!("{TOKEN}: b\r\n")), fields(&[(TOKEN, "b")])),
        row("names as the server wrote them", field("x-ABC: 1\r\nX-abc: 2\r\n"), fields(&[("x-ABC", "1"), ("X-abc", "2")])),
        row("repeated fields in their order", field("B: 1\r\nA: 2\r\nB: 3\r\nB: 1\r\n"), fields(&[("B", "1"), ("A", "2"), ("B", "3"), ("B", "1")])),
        row("a comma does not split", field("Set-Cookie: a=b, c\r\nSet-Cookie: d\r\n"), fields(&[("Set-Cookie", "a=b, c"), ("Set-Cookie", "d")])),
        row("a line folded with a blank", field("A: b\r\n c\r\n"), bad()),
        row("a line folded with a tab", field("A: b\r\n\tc\r\n"), bad()),
        row("an empty folded line", field("A: b\r\n \r\n"), bad()),
        row("a blank before the first field", field(" A: b\r\n"), bad()),
        row("a tab before the first field", field("\tA: b\r\n"), bad()),
        row("a blank before the colon", field("A : b\r\n"), bad()),
        row("a tab before the colon", field("A\t: b\r\n"), bad()),
        row("a blank before the colon of Content-Length", answer("Content-Length : 5\r\n\r\nhello"), bad()),
        row("a blank before the colon of Transfer-Encoding", answer("Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"), bad()),
        row("a field without a colon", field("Ab\r\n"), bad()),
        row("a field without a name", field(": b\r\n"), bad()),
        row("a colon alone", field(":\r\n"), bad()),
        row("a name with a blank inside", field("A b: c\r\n"), bad()),
        row("a name with a NUL", field("A\0: b\r\n"), bad()),
        row("a name with a control character", field("A\x0b: b\r\n"), bad()),
        row("a name with a parenthesis", field("A(b): c\r\n"), bad()),
        row("a name with quotes", field("\"A\": b\r\n"), bad()),
        row("a name with a slash", field("A/b: c\r\n"), bad()),
        row("a name beyond ASCII", field(b"\xc4: b\r\n"), bad()),
        row("a name with DEL", field("A\x7f: b\r\n"), bad()),
        row("a value with a NUL", field("A: b\0c\r\n"), bad()),
        row("a value with a control character", field("A: b\x01c\r\n"), bad()),
        row("a value with a vertical tab", field("A: b\x0bc\r\n"), bad()),
        row("a value with ESC", field("A: \x1b[31m\r\n"), bad()),
        row("a value with DEL", field("A: b\x7fc\r\n"), bad()),
        row("a value with a bare CR", field("A: b\rc\r\n"), bad()),
        row("a value that ends in two CRs", field("A: b\r\r\n"), bad()),
        row("a field that ends in a bare LF", field("A: b\nC: d\r\n"), bad()),
        row("a head that ends in a bare LF", sends("HTTP/1.1 204 No\r\nA: b\r\n\n"), bad()),
        row("a head that ends in CR CR LF", sends("HTTP/1.1 204 No\r\nA: b\r\n\r\r\n\r\n"), bad()),
        row("a head of bare LFs", sends("HTTP/1.1 200 OK\nContent-Length: 0\n\n"), bad()),
        row("a second status line", field("HTTP/1.1 200 OK\r\n"), bad()),
        row("a field smuggled behind a bare CR", field("A: b\rTransfer-Encoding: chunked\r\n"), bad()),
    ]
}

const TOKEN: &str = "!#$%&'*+-.^_`|~09azAZ";
const VISIBLE: &str = "!\"#$%&'()*+,-./09:;<=>?@AZ[\\]^_`az{|}~";

/// A response without a body and with these lines in its head.
fn field(lines: impl AsRef<[u8]>) -> Script {
    sends([b"HTTP/1.1 204 No\r\n", lines.as_ref(), b"\r\n"].concat())
}

fn fields(all: &[(&str, &str)]) -> Expected {
    done(204, "").headers(all)
}

fn bad() -> Expected {
    fails(IFETCH_ERROR_BAD_HEAD)
}

#[test]
fn a_field_is_found_by_its_name_in_any_case() {
    let peer = Peer::closing(
        "HTTP/1.1 204 No\r\nSet-Cookie: a\r\nset-cookie: b\r\nSet: c\r\nEmpty:\r\n\r\n",
    );
    let fetch = Fetch::get(&peer.url("/"));
    assert_eq!(fetch.finish().code(), 204);
    for (name, value) in [
        ("Set-Cookie", Some("a")),
        ("SET-COOKIE", Some("a")),
        ("set", Some("c")),
        ("empty", Some("")),
        ("Set-Cookie:", None),
        ("Se", None),
        ("Cookie", None),
        ("a", None),
        ("", None),
    ] {
        assert_eq!(fetch.header(name).as_deref(), value, "{name}");
    }
}
