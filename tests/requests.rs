//! What goes out on the wire: options and URL in, exact bytes out; and what never goes out.

mod support;

use std::net::TcpListener;
use std::sync::mpsc::{Sender, channel};
use support::*;

/// One row: what is asked for, and the lines that the server reads.
struct Row {
    name: &'static str,
    /// Behind "http://host:port".
    path: &'static str,
    options: fn(Options) -> Options,
    /// Without line ends and blank line; "HOST" is replaced.
    lines: &'static [&'static str],
    body: &'static str,
}

const fn row(
    name: &'static str,
    path: &'static str,
    options: fn(Options) -> Options,
    lines: &'static [&'static str],
) -> Row {
    Row { name, path, options, lines, body: "" }
}

impl Row {
    const fn body(self, body: &'static str) -> Row {
        Row { body, ..self }
    }
}

const GET: &str = "GET / HTTP/1.1";
const POST: &str = "POST / HTTP/1.1";
const HOST: &str = "Host: HOST";
const AGENT: &str = "User-Agent: ifetch/0.1.0";
const ACCEPT: &str = "Accept: */*";
const EMPTY: &str = "Content-Length: 0";
const CLOSE: &str = "Connection: close";

#[rustfmt::skip] // a row is a line
const ROWS: &[Row] = &[
    row("the defaults", "/", |o| o, &[GET, HOST, AGENT, ACCEPT, CLOSE]),
    row("an empty path", "", |o| o, &[GET, HOST, AGENT, ACCEPT, CLOSE]),
    row("a path", "/a/b.c", |o| o, &["GET /a/b.c HTTP/1.1", HOST, AGENT, ACCEPT, CLOSE]),
    row("a query", "/a?b=c&d", |o| o, &["GET /a?b=c&d HTTP/1.1", HOST, AGENT, ACCEPT, CLOSE]),
    row("an empty query", "/a?", |o| o, &["GET /a? HTTP/1.1", HOST, AGENT, ACCEPT, CLOSE]),
    row("a query without a path", "?b", |o| o, &["GET /?b HTTP/1.1", HOST, AGENT, ACCEPT, CLOSE]),
    row("a fragment stays here", "/a?b#c", |o| o, &["GET /a?b HTTP/1.1", HOST, AGENT, ACCEPT, CLOSE]),
    row("a fragment without a path", "#c", |o| o, &[GET, HOST, AGENT, ACCEPT, CLOSE]),
    row("dots in a path", "/a/./b/../c", |o| o, &["GET /a/c HTTP/1.1", HOST, AGENT, ACCEPT, CLOSE]),
    row("two slashes in a path", "//a//b", |o| o, &["GET //a//b HTTP/1.1", HOST, AGENT, ACCEPT, CLOSE]),
    row("escapes stay as they are", "/%41%2f?%20", |o| o, &["GET /%41%2f?%20 HTTP/1.1", HOST, AGENT, ACCEPT, CLOSE]),
    row("what is beyond ASCII is escaped", "/\u{fc}?\u{fc}", |o| o, &["GET /%C3%BC?%C3%BC HTTP/1.1", HOST, AGENT, ACCEPT, CLOSE]),
    row("a method", "/", |o| o.method("DELETE"), &["DELETE / HTTP/1.1", HOST, AGENT, ACCEPT, CLOSE]),
    row("a method of one's own", "/", |o| o.method("BREW"), &["BREW / HTTP/1.1", HOST, AGENT, ACCEPT, CLOSE]),
    row("a method in small letters", "/", |o| o.method("get"), &["get / HTTP/1.1", HOST, AGENT, ACCEPT, CLOSE]),
    row("a method of all token characters", "/", |o| o.method("!#$%&'*+-.^_`|~09az"), &["!#$%&'*+-.^_`|~09az / HTTP/1.1", HOST, AGENT, ACCEPT, CLOSE]),
    row("HEAD", "/", |o| o.method("HEAD"), &["HEAD / HTTP/1.1", HOST, AGENT, ACCEPT, CLOSE]),
    row("OPTIONS has no body to speak of", "/", |o| o.method("OPTIONS"), &["OPTIONS / HTTP/1.1", HOST, AGENT, ACCEPT, CLOSE]),
    row("the last method counts", "/", |o| o.method("PUT").method("GET"), &[GET, HOST, AGENT, ACCEPT, CLOSE]),
    row("a field", "/", |o| o.header("A", "b"), &[GET, HOST, AGENT, ACCEPT, "A: b", CLOSE]),
    row("fields in their order", "/", |o| o.header("B", "1").header("A", "2").header("B", "3"), &[GET, HOST, AGENT, ACCEPT, "B: 1", "A: 2", "B: 3", CLOSE]),
    row("a name as it was given", "/", |o| o.header("x-ABC", "d"), &[GET, HOST, AGENT, ACCEPT, "x-ABC: d", CLOSE]),
    row("an empty value", "/", |o| o.header("A", ""), &[GET, HOST, AGENT, ACCEPT, "A: ", CLOSE]),
    row("a value among blanks", "/", |o| o.header("A", " \tb c\t "), &[GET, HOST, AGENT, ACCEPT, "A: b c", CLOSE]),
    row("a value with a tab inside", "/", |o| o.header("A", "b\tc"), &[GET, HOST, AGENT, ACCEPT, "A: b\tc", CLOSE]),
    row("a value in UTF-8", "/", |o| o.header("A", "\u{fc}"), &[GET, HOST, AGENT, ACCEPT, "A: \u{fc}", CLOSE]),
    row("a field set is there once", "/", |o| o.header("A", "1").header("B", "2").header("a", "3").header_set("A", "4"), &[GET, HOST, AGENT, ACCEPT, "B: 2", "A: 4", CLOSE]),
    row("a field set where there was none", "/", |o| o.header_set("A", "b"), &[GET, HOST, AGENT, ACCEPT, "A: b", CLOSE]),
    row("a field removed", "/", |o| o.header("A", "1").header("B", "2").header("a", "3").header_remove("A"), &[GET, HOST, AGENT, ACCEPT, "B: 2", CLOSE]),
    row("a field removed that was not there", "/", |o| o.header_remove("A"), &[GET, HOST, AGENT, ACCEPT, CLOSE]),
    row("a field removed and added", "/", |o| o.header("A", "1").header_remove("A").header("A", "2"), &[GET, HOST, AGENT, ACCEPT, "A: 2", CLOSE]),
    row("another User-Agent", "/", |o| o.header("user-agent", "me"), &[GET, HOST, ACCEPT, "user-agent: me", CLOSE]),
    row("no User-Agent", "/", |o| o.header_remove("User-Agent"), &[GET, HOST, ACCEPT, CLOSE]),
    row("no User-Agent, and then one", "/", |o| o.header_remove("User-Agent").header("User-Agent", "me"), &[GET, HOST, ACCEPT, "User-Agent: me", CLOSE]),
    row("another Accept", "/", |o| o.header("Accept", "text/html").header("Accept", "a/b"), &[GET, HOST, AGENT, "Accept: text/html", "Accept: a/b", CLOSE]),
    row("no Accept", "/", |o| o.header_remove("accept"), &[GET, HOST, AGENT, CLOSE]),
    row("another Host", "/", |o| o.header("Host", "example.com"), &[GET, AGENT, ACCEPT, "Host: example.com", CLOSE]),
    row("Host set twice", "/", |o| o.header_set("Host", "a").header_set("host", "b"), &[GET, AGENT, ACCEPT, "host: b", CLOSE]),
    row("another Connection", "/", |o| o.header("Connection", "close, TE").header("TE", "trailers"), &[GET, HOST, AGENT, ACCEPT, "Connection: close, TE", "TE: trailers"]),
    row("no Connection", "/", |o| o.header_remove("Connection"), &[GET, HOST, AGENT, ACCEPT]),
    row("nothing but Host", "/", |o| o.header_remove("User-Agent").header_remove("Accept").header_remove("Connection"), &[GET, HOST]),
    row("POST without a body", "/", |o| o.method("POST"), &[POST, HOST, AGENT, ACCEPT, EMPTY, CLOSE]),
    row("PUT without a body", "/", |o| o.method("PUT"), &["PUT / HTTP/1.1", HOST, AGENT, ACCEPT, EMPTY, CLOSE]),
    row("PATCH without a body", "/", |o| o.method("PATCH"), &["PATCH / HTTP/1.1", HOST, AGENT, ACCEPT, EMPTY, CLOSE]),
    row("an empty body", "/", |o| o.method("POST").empty_body(), &[POST, HOST, AGENT, ACCEPT, EMPTY, CLOSE]),
    row("an empty body of a GET", "/", |o| o.empty_body(), &[GET, HOST, AGENT, ACCEPT, EMPTY, CLOSE]),
    row("a copied body", "/", |o| o.method("POST").body(b"hello"), &[POST, HOST, AGENT, ACCEPT, "Content-Length: 5", CLOSE]).body("hello"),
    row("a borrowed body", "/", |o| o.method("POST").body_borrowed(b"hello"), &[POST, HOST, AGENT, ACCEPT, "Content-Length: 5", CLOSE]).body("hello"),
    row("a body of control characters", "/", |o| o.method("POST").body(b"\0\r\n\x7f"), &[POST, HOST, AGENT, ACCEPT, "Content-Length: 4", CLOSE]).body("\0\r\n\x7f"),
    row("a body of a GET", "/", |o| o.body(b"hello"), &[GET, HOST, AGENT, ACCEPT, "Content-Length: 5", CLOSE]).body("hello"),
    row("the last body counts", "/", |o| o.method("POST").upload(-1).body(b"a").body_borrowed(b"bc"), &[POST, HOST, AGENT, ACCEPT, "Content-Length: 2", CLOSE]).body("bc"),
    row("a body after the fields", "/", |o| o.method("POST").body(b"a=b").header("Content-Type", "x/y"), &[POST, HOST, AGENT, ACCEPT, "Content-Type: x/y", "Content-Length: 3", CLOSE]).body("a=b"),
    row("an upgrade", "/", |o| o.upgrade("websocket"), &[GET, HOST, AGENT, ACCEPT, "Upgrade: websocket", "Connection: upgrade"]),
];

#[test]
fn options_and_url_become_exact_bytes() {
    for row in ROWS {
        assert_eq!(
            exchange("", row.path, row.options, row.body.len()),
            wire(row, "HOST"),
            "{}",
            row.name
        );
    }
}

/// What the server reads for this request, with its own address replaced by "HOST".
fn exchange(user: &str, path: &str, options: fn(Options) -> Options, body: usize) -> String {
    let peer = Peer::start(move |mut link| {
        let head = link.read_head();
        let body = latin1(&link.read(body));
        link.send("HTTP/1.1 204 No Content\r\n\r\n");
        link.ended();
        head + &body
    });
    let host = peer.address().to_string();
    let fetch = Fetch::start(format!("http://{user}{host}{path}"), &options(Options::new()));
    assert_eq!(fetch.finish().code(), 204, "{}", fetch.message());
    peer.seen().replace(&host, "HOST")
}

fn wire(row: &Row, host: &str) -> String {
    let lines: String = row.lines.iter().map(|line| line.replace("HOST", host) + "\r\n").collect();
    latin1(format!("{lines}\r\n{}", row.body).as_bytes())
}

#[test]
fn a_body_without_a_length_field_is_not_sent_to_a_get() {
    let seen = exchange("", "/", |o| o, 0);
    assert!(!seen.contains("Content-Length") && !seen.contains("Transfer-Encoding"), "{seen}");
}

#[test]
fn credentials_go_into_their_field_and_nowhere_else() {
    const HEAD: &str =
        "GET /a HTTP/1.1\r\nHost: HOST\r\nUser-Agent: ifetch/0.1.0\r\nAccept: */*\r\n";
    for (user, field) in [
        ("user:pass@", "Authorization: Basic dXNlcjpwYXNz\r\n"),
        ("user:p%40ss@", "Authorization: Basic dXNlcjpwQHNz\r\n"),
        ("user:p:s@", "Authorization: Basic dXNlcjpwOnM=\r\n"),
        ("user@", "Authorization: Basic dXNlcjo=\r\n"),
        (":pass@", "Authorization: Basic OnBhc3M=\r\n"),
        ("a%0d%0ab:c@", "Authorization: Basic YQ0KYjpj\r\n"),
        ("@", ""),
    ] {
        let wanted = format!("{HEAD}{field}Connection: close\r\n\r\n");
        assert_eq!(exchange(user, "/a", |o| o, 0), wanted, "{user}");
    }
    let given = exchange("user:pass@", "/a", |o| o.header("Authorization", "Other"), 0);
    assert_eq!(given, format!("{HEAD}Authorization: Other\r\nConnection: close\r\n\r\n"));
    let removed = exchange("user:pass@", "/a", |o| o.header_remove("authorization"), 0);
    assert_eq!(removed, format!("{HEAD}Connection: close\r\n\r\n"));
}

#[test]
fn credentials_show_in_no_message_and_no_url() {
    let (_bound, refused) = refused_address();
    let silent = Peer::closing("");
    let good = Peer::closing("HTTP/1.1 200 OK\r\n\r\n");
    for (url, error) in [
        (format!("http://usernme:passwrd@{refused}/"), IFETCH_ERROR_CONNECT),
        (format!("http://usernme:passwrd@{}/", silent.address()), IFETCH_ERROR_NO_RESPONSE),
        (format!("http://usernme:passwrd@{}/a#b", good.address()), IFETCH_ERROR_NONE),
        ("ftp://usernme:passwrd@a/".into(), IFETCH_ERROR_UNSUPPORTED),
        ("http://usernme:passwrd@a:99999/".into(), IFETCH_ERROR_INVALID_URL),
        ("http://usernme:passwrd@".into(), IFETCH_ERROR_INVALID_URL),
        ("http://usernme%3a:passwrd@a/".into(), IFETCH_ERROR_INVALID_URL),
        ("http://usernme:passwrd@a/\n".into(), IFETCH_ERROR_INVALID_URL),
    ] {
        let fetch = Fetch::get(&url);
        assert_eq!(fetch.finish().error, error, "{url}");
        let told = fetch.message() + &fetch.url().unwrap_or_default();
        assert!(!told.contains("usernme") && !told.contains("passwrd"), "{told}");
    }
    let seen = good.seen();
    assert!(seen.contains("Authorization: Basic "), "{seen}");
}

#[test]
fn the_url_of_a_response_is_normalised() {
    let peer = Peer::closing("HTTP/1.1 200 OK\r\n\r\n");
    let port = peer.address().port();
    let fetch = Fetch::get(&format!("HTTP://u:p@127.1:{port}/a/../b?c#d"));
    assert_eq!(fetch.finish().code(), 200);
    assert_eq!(fetch.url(), Some(format!("http://127.0.0.1:{port}/b?c")));
    peer.seen();
}

/// Host, and where it leads, for the spellings of one and the same server.
#[test]
fn hosts_are_normalised() {
    for (spelling, host) in [
        ("127.0.0.1", "127.0.0.1"),
        ("127.1", "127.0.0.1"),
        ("0x7f000001", "127.0.0.1"),
        // Fullwidth digits and letters, and an ideographic full stop.
        ("\u{ff11}\u{ff12}\u{ff17}\u{3002}0.0.1", "127.0.0.1"),
        ("\u{ff4c}ocal\u{ff28}ost", "localhost"),
        ("localhost", "localhost"),
        ("LocalHost", "localhost"),
        ("%6cocalhos%74", "localhost"),
    ] {
        let peer = Peer::closing("HTTP/1.1 200 OK\r\n\r\n");
        let port = peer.address().port();
        let fetch = Fetch::get(&format!("http://{spelling}:{port}/"));
        assert_eq!(fetch.finish().code(), 200, "{spelling}: {}", fetch.message());
        let seen = peer.seen();
        assert!(seen.contains(&format!("\r\nHost: {host}:{port}\r\n")), "{spelling}: {seen}");
    }
}

#[test]
fn an_ipv6_literal_keeps_its_brackets() {
    let peer = Peer::start_on("[::1]:0", |mut link| {
        let head = link.read_head();
        link.send("HTTP/1.1 204 No Content\r\n\r\n");
        head
    });
    let port = peer.address().port();
    let fetch = Fetch::get(&format!("http://[0:0::1]:{port}/"));
    assert_eq!(fetch.finish().code(), 204, "{}", fetch.message());
    assert_eq!(fetch.url(), Some(format!("http://[::1]:{port}/")));
    let seen = peer.seen();
    assert!(seen.contains(&format!("\r\nHost: [::1]:{port}\r\n")), "{seen}");
}

#[test]
fn a_name_beyond_ascii_is_looked_up_as_punycode() {
    // No label may have 64 letters, so no resolver has to ask anybody.
    let fetch = Fetch::get(&format!("http://b\u{fc}cher.{}.invalid/", "x".repeat(64)));
    assert_eq!(fetch.finish().error, IFETCH_ERROR_RESOLVE);
    assert!(fetch.message().contains("xn--bcher-kva."), "{}", fetch.message());
}

const UPLOADED: &str = "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n";

#[test]
fn an_upload_of_known_length_is_sent_as_it_is_written() {
    let peer = Peer::start(|mut link| {
        let head = link.read_head();
        let body = latin1(&link.read(11));
        link.send(UPLOADED);
        link.ended();
        (head, body)
    });
    let fetch = Fetch::start(peer.url("/a"), &Options::new().method("PUT").upload(11));
    for part in ["hello", "", " ", "world"] {
        assert!(fetch.write_all(part.as_bytes()), "{}", fetch.message());
    }
    fetch.write_end();
    assert_eq!(fetch.finish().code(), 201, "{}", fetch.message());
    let (head, body) = peer.seen();
    assert!(head.starts_with("PUT /a HTTP/1.1\r\n"), "{head}");
    assert!(
        head.ends_with("Accept: */*\r\nContent-Length: 11\r\nConnection: close\r\n\r\n"),
        "{head}"
    );
    assert_eq!(body, "hello world");
}

#[test]
fn an_upload_of_unknown_length_is_sent_in_a_chunk_for_each_write() {
    const BODY: &str = "5\r\nhello\r\n1\r\n \r\n10\r\n0123456789abcdef\r\n0\r\n\r\n";
    let peer = Peer::start(|mut link| {
        let head = link.read_head();
        let body = latin1(&link.read(BODY.len()));
        link.send(UPLOADED);
        link.ended();
        (head, body)
    });
    let fetch = Fetch::start(peer.url("/"), &Options::new().method("PUT").upload(-1));
    // An empty write is no chunk: that would be the last one.
    for part in ["hello", "", " ", "0123456789abcdef"] {
        assert!(fetch.write_all(part.as_bytes()), "{}", fetch.message());
        fetch.write(&[]);
    }
    fetch.write_end();
    assert_eq!(fetch.finish().code(), 201, "{}", fetch.message());
    let (head, body) = peer.seen();
    assert!(
        head.ends_with("Accept: */*\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"),
        "{head}"
    );
    assert_eq!(body, BODY);
}

#[test]
fn an_empty_upload_is_an_empty_body() {
    for (len, line, body) in
        [(0, "Content-Length: 0", ""), (-1, "Transfer-Encoding: chunked", "0\r\n\r\n")]
    {
        let peer = Peer::start(move |mut link| {
            let head = link.read_head();
            let body = latin1(&link.read(body.len()));
            link.send(UPLOADED);
            link.ended();
            (head, body)
        });
        let fetch = Fetch::start(peer.url("/"), &Options::new().method("PUT").upload(len));
        fetch.write_end();
        assert_eq!(fetch.finish().code(), 201, "{}", fetch.message());
        let seen = peer.seen();
        assert!(seen.0.contains(line), "{}", seen.0);
        assert_eq!(seen.1, body);
    }
}

const LARGE: usize = 8 << 20;

/// A body, and the lengths of its chunks, if it had any.
type Seen = (Vec<u8>, Vec<usize>);

/// A server that reads nothing of the body until it is told, then slowly, then all of it.
fn slow_reader() -> (Peer<Seen>, Sender<()>) {
    let (go, told) = channel();
    let peer = Peer::start(move |mut link| {
        let head = link.read_head();
        told.recv_timeout(PATIENCE).expect("the test says go");
        let seen = if head.contains("chunked") {
            let chunks: Vec<_> = std::iter::from_fn(|| link.read_chunk()).collect();
            (chunks.concat(), chunks.iter().map(Vec::len).collect())
        } else {
            let mut body = Vec::new();
            for _ in 0..16 {
                body.extend(link.read(64 * 1024));
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
            body.extend(link.read(LARGE - body.len()));
            (body, Vec::new())
        };
        link.send(UPLOADED);
        link.ended();
        seen
    });
    (peer, go)
}

#[test]
fn a_large_body_waits_for_a_slow_reader() {
    for borrowed in [false, true] {
        let body: &'static [u8] = large_text(LARGE).leak();
        let (peer, go) = slow_reader();
        let options = Options::new().method("PUT");
        let options = if borrowed { options.body_borrowed(body) } else { options.body(body) };
        let fetch = Fetch::start(peer.url("/"), &options);
        drop(options);
        assert_stalls(&fetch);
        assert_eq!(fetch.phase(), IFETCH_PHASE_SENDING);
        go.send(()).expect("the peer waits");
        assert_eq!(fetch.finish().code(), 201, "{}", fetch.message());
        assert!(peer.seen().0 == body, "the body arrives as it was");
    }
}

#[test]
fn a_large_upload_waits_for_a_slow_reader() {
    let body = large_text(LARGE);
    for len in [LARGE as i64, -1] {
        let (peer, go) = slow_reader();
        let fetch = Fetch::start(peer.url("/"), &Options::new().method("PUT").upload(len));
        let mut rest = &body[..];
        while fetch.news_or_stall() == IFETCH_WRITABLE {
            rest = &rest[fetch.write(&rest[..rest.len().min(100_000)]).0..];
        }
        assert!(!rest.is_empty(), "the kernel does not take everything");
        assert_stalls(&fetch);
        go.send(()).expect("the peer waits");
        assert!(fetch.write_all(rest), "{}", fetch.message());
        fetch.write_end();
        assert_eq!(fetch.finish().code(), 201, "{}", fetch.message());
        let (seen, chunks) = peer.seen();
        assert!(seen == body, "the body arrives as it was");
        assert!(chunks.iter().all(|&len| len <= 64 * 1024), "no chunk is longer than said");
    }
}

/// With nobody reading at the other end, there is soon nothing to do, and the descriptor is quiet.
fn assert_stalls(fetch: &Fetch) {
    assert_eq!(fetch.news_or_stall(), IFETCH_PENDING);
    assert!(!fetch.readable(QUIET), "nothing wakes the caller");
}

#[test]
fn a_write_takes_no_more_than_was_announced() {
    let peer = Peer::start(|mut link| {
        link.read_head();
        let body = latin1(&link.read(5));
        link.send(UPLOADED);
        link.ended();
        body
    });
    let fetch = Fetch::start(peer.url("/"), &Options::new().method("PUT").upload(5));
    assert_eq!(fetch.news(), IFETCH_WRITABLE);
    assert_eq!(fetch.write(b"hello!"), (0, IFETCH_FAILED), "more than was announced");
    assert_eq!(fetch.error(), IFETCH_ERROR_NONE, "the fetch goes on");
    assert!(fetch.write_all(b"hello"), "{}", fetch.message());
    assert_eq!(fetch.write(b"!"), (0, IFETCH_FAILED), "more than was announced");
    fetch.write_end();
    fetch.write_end();
    assert_eq!(fetch.write(b"!"), (0, IFETCH_FAILED), "it has been ended");
    assert_eq!(fetch.finish().code(), 201, "{}", fetch.message());
    assert_eq!(peer.seen(), "hello");
}

#[test]
fn only_an_upload_can_be_written() {
    let peer = Peer::answering(UPLOADED);
    let fetch = Fetch::start(peer.url("/"), &Options::new().method("POST").body(b"x"));
    assert_eq!(fetch.write(b"y"), (0, IFETCH_FAILED));
    assert_eq!(fetch.write_end(), IFETCH_FAILED);
    assert_eq!(fetch.error(), IFETCH_ERROR_NONE, "the fetch goes on");
    assert_eq!(fetch.finish().code(), 201, "{}", fetch.message());
}

#[test]
fn methods_that_are_no_tokens_are_refused() {
    let options = Options::new().method("PUT");
    for method in [
        "",
        " ",
        "A B",
        "GET ",
        " GET",
        "A\r",
        "A\n",
        "A\r\nX: y",
        "A\t",
        "A\x01",
        "A\x7f",
        "A(",
        "A:",
        "A/",
        "\u{fc}",
        "CONNECT",
    ] {
        assert_eq!(options.try_method(method), IFETCH_ERROR_INVALID_METHOD, "{method:?}");
    }
    let peer = Peer::closing("HTTP/1.1 200 OK\r\n\r\n");
    assert_eq!(Fetch::start(peer.url("/"), &options).finish().code(), 200);
    assert!(peer.seen().starts_with("PUT "), "a refused method changes nothing");
}

#[test]
fn fields_that_break_the_request_are_refused() {
    let options = Options::new();
    let refused = |name: &[u8], value: &[u8]| {
        for error in [options.try_header(name, value), options.try_header_set(name, value)] {
            assert_eq!(error, IFETCH_ERROR_INVALID_HEADER, "{}: {}", latin1(name), latin1(value));
        }
    };
    for name in [
        "", " ", "A B", "A ", " A", "A:", "A\r", "A\n", "A\t", "A\x01", "A\x7f", "A(", "A/b",
        "A\"", "\u{fc}",
    ] {
        refused(name.as_bytes(), b"b");
        assert_eq!(options.try_header_remove(name), IFETCH_ERROR_INVALID_HEADER, "{name:?}");
    }
    for control in (1..=0x1f).filter(|&c| c != b'\t').chain([0x7f]) {
        refused(b"A", &[b'b', control, b'c']);
        refused(b"A", &[control]);
        assert_eq!(options.try_upgrade([b'b', control]), IFETCH_ERROR_INVALID_HEADER, "{control}");
    }
    refused(b"A", b"b\r\nInjected: c");
    for own in ["Content-Length", "content-length", "Transfer-Encoding", "TRANSFER-ENCODING"] {
        refused(own.as_bytes(), b"5");
    }
    assert_eq!(options.try_header("Host", "a"), IFETCH_ERROR_NONE);
    assert_eq!(options.try_header("host", "b"), IFETCH_ERROR_INVALID_HEADER, "a second Host");
    assert_eq!(options.try_header_remove("Host"), IFETCH_ERROR_INVALID_HEADER, "no Host");

    let peer = Peer::closing("HTTP/1.1 200 OK\r\n\r\n");
    assert_eq!(Fetch::start(peer.url("/"), &options).finish().code(), 200);
    let wanted = "GET / HTTP/1.1\r\nUser-Agent: ifetch/0.1.0\r\nAccept: */*\r\nHost: a\r\nConnection: close\r\n\r\n";
    assert_eq!(peer.seen(), wanted, "a refused field changes nothing");
}

/// A bad URL fails before anybody is connected to.
#[test]
fn urls_that_are_none_are_refused_before_anything_is_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
    let host = listener.local_addr().expect("it is bound").to_string();
    let refused = |url: Vec<u8>, error: ifetch_error| {
        let fetch = Fetch::start(url.clone(), &Options::new());
        assert_eq!(fetch.poll(), IFETCH_FAILED, "{}", latin1(&url));
        assert_eq!(fetch.error(), error, "{}", latin1(&url));
        assert!(!fetch.message().is_empty() && fetch.head().is_none(), "{}", latin1(&url));
    };
    for url in [
        "",
        "HOST",
        "//HOST/",
        "/",
        "http:",
        "http://",
        "http://?",
        "http://HOST:99999/",
        "http://[::1",
        "http://a b/",
        "http://a%00b/",
        "http://a^b/",
        "http://256.0.0.1/",
        "http://1.2.3.4.5/",
    ] {
        refused(url.replace("HOST", &host).into(), IFETCH_ERROR_INVALID_URL);
    }
    for control in (1..=b' ').chain([0x7f]) {
        for url in ["http://HOST/a?b", "http://HOST/?b", "http://HOSTb/", "bhttp://HOST/"] {
            let url = url.replace("HOST", &host).replace('b', &char::from(control).to_string());
            refused(url.into(), IFETCH_ERROR_INVALID_URL);
        }
    }
    refused(format!("http://{host}/\r\nX: y").into(), IFETCH_ERROR_INVALID_URL);
    refused([b"http://", host.as_bytes(), b"/\xff"].concat(), IFETCH_ERROR_INVALID_URL);
    for scheme in ["ftp", "ws", "data", "unix", "httpx"] {
        refused(format!("{scheme}://{host}/").into(), IFETCH_ERROR_UNSUPPORTED);
    }
    refused("file:///etc/passwd".into(), IFETCH_ERROR_UNSUPPORTED);

    listener.set_nonblocking(true).expect("a socket option");
    let nobody = listener.accept().expect_err("nobody connects");
    assert_eq!(nobody.kind(), std::io::ErrorKind::WouldBlock);
}

/// A server that has refused the request gets no more of its body than was on its way.
#[test]
fn a_refusal_stops_the_body() {
    const LEN: usize = 64 << 20;
    let peer = Peer::start(|mut link| {
        link.read_head();
        link.send("HTTP/1.1 413 No\r\nContent-Length: 2\r\n\r\n");
        // Let it be read before there is room for more of the body.
        std::thread::sleep(QUIET);
        let taken = link.read_until_quiet();
        link.send("no");
        link.ended();
        taken
    });
    let body = vec![b'x'; LEN];
    let fetch = Fetch::start(peer.url("/"), &Options::new().method("POST").body(&body));
    let got = fetch.finish();
    assert_eq!((got.status, got.code(), got.body.as_str()), (IFETCH_DONE, 413, "no"));
    let taken = peer.seen();
    assert!(taken < LEN, "the server was sent all of it");
}

/// What the server has said counts for more than that sending failed. A reset is no end of a body
/// that ends with the connection, though sending is told of it and receiving is not any more.
#[test]
fn a_response_that_breaks_off_counts_for_more_than_a_request_that_does() {
    for length in ["Content-Length: 5\r\n", ""] {
        let peer = Peer::start(move |mut link| {
            link.read_head();
            link.send(format!("HTTP/1.1 200 OK\r\n{length}\r\nhel"));
            link.reset();
        });
        let options = Options::new().method("POST").body(&vec![b'x'; 64 << 20]);
        let got = Fetch::start(peer.url("/"), &options).finish();
        assert!(
            matches!(got.error, IFETCH_ERROR_TRUNCATED | IFETCH_ERROR_RECEIVE),
            "{length:?}, {:?}: {}",
            got.error,
            got.message
        );
        assert_eq!(got.body, "hel");
    }
}
