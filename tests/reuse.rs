//! Which connections are kept after a fetch, which are not, and why: one row for each response.

mod support;

use ::ifetch::ffi::client::ifetch_count::*;
use ::ifetch::ffi::options::ifetch_limit::*;
use ::ifetch::ffi::options::ifetch_timeout::*;
use ::ifetch::ffi::report::ifetch_close::{self, *};
use ::ifetch::ffi::report::ifetch_ending::{self, *};
use support::Act::*;
use support::*;

/// One row: what is asked, what is answered, and why the connection is not used again.
struct Row {
    name: &'static str,
    options: fn(Options) -> Options,
    response: &'static str,
    /// Whether the server ends the connection after its response.
    finishes: bool,
    close: ifetch_close,
}

const fn kept(name: &'static str, response: &'static str) -> Row {
    closed(IFETCH_CLOSE_NONE, name, response)
}

const fn closed(close: ifetch_close, name: &'static str, response: &'static str) -> Row {
    Row { name, options: |o| o, response, finishes: false, close }
}

impl Row {
    const fn options(self, options: fn(Options) -> Options) -> Row {
        Row { options, ..self }
    }

    const fn finishes(self) -> Row {
        Row { finishes: true, ..self }
    }
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

const REQUEST: ifetch_close = IFETCH_CLOSE_REQUEST;
const RESPONSE: ifetch_close = IFETCH_CLOSE_RESPONSE;
const VERSION: ifetch_close = IFETCH_CLOSE_VERSION;
const DELIMITED: ifetch_close = IFETCH_CLOSE_DELIMITED;

#[rustfmt::skip] // a row is a line
const ROWS: &[Row] = &[
    kept("a length", OK),
    kept("a length of 0", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    kept("chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
    kept("chunks and trailers", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nA: b\r\nConnection: close\r\n\r\n"),
    kept("204", "HTTP/1.1 204 No\r\n\r\n"),
    kept("204 with a length that means nothing", "HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\n"),
    kept("304", "HTTP/1.1 304 Same\r\nContent-Length: 5\r\n\r\n"),
    kept("404", "HTTP/1.1 404 No\r\nContent-Length: 4\r\n\r\ngone"),
    kept("500", "HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n"),
    kept("100 before it", "HTTP/1.1 100 On\r\nConnection: close\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
    kept("HEAD with a length", "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n").options(|o| o.method("HEAD")),
    kept("HEAD with chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").options(|o| o.method("HEAD")),
    kept("HEAD without a length", "HTTP/1.1 200 OK\r\n\r\n").options(|o| o.method("HEAD")),
    kept("a request body", OK).options(|o| o.method("POST").body(b"hello")),
    kept("an error after a request body", "HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n").options(|o| o.method("POST").body(b"hello")),
    kept("an upgrade that is not taken", OK).options(|o| o.upgrade("echo")),
    kept("no Connection field in the request", OK).options(|o| o.header_remove("Connection")),
    kept("keep-alive in the request", OK).options(|o| o.header("Connection", "keep-alive")),
    kept("keep-alive", "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok"),
    kept("something that begins like close", "HTTP/1.1 200 OK\r\nConnection: closed, close-up\r\nContent-Length: 2\r\n\r\nok"),
    kept("something that ends like close", "HTTP/1.1 200 OK\r\nConnection: en-close\r\nContent-Length: 2\r\n\r\nok"),
    kept("close in another field", "HTTP/1.1 200 OK\r\nProxy-Connection: close\r\nX-Connection: close\r\nContent-Length: 2\r\n\r\nok"),
    kept("HTTP/1.0 with keep-alive", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok"),
    kept("HTTP/1.0 with keep-alive in another case", "HTTP/1.0 200 OK\r\nconnection: Keep-Alive\r\nContent-Length: 2\r\n\r\nok"),
    kept("HTTP/1.0 with keep-alive in a list", "HTTP/1.0 200 OK\r\nConnection: a ,keep-alive\t, b\r\nContent-Length: 2\r\n\r\nok"),
    kept("HTTP/1.0 with keep-alive in the second field", "HTTP/1.0 200 OK\r\nConnection: a\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok"),
    kept("HTTP/1.0 with keep-alive, and 304", "HTTP/1.0 304 Same\r\nConnection: keep-alive\r\n\r\n"),
    closed(REQUEST, "close in the request", OK).options(|o| o.header("Connection", "close")),
    closed(REQUEST, "close in the request, in another case", OK).options(|o| o.header("connection", "CLOSE")),
    closed(REQUEST, "close in the request, in a list", OK).options(|o| o.header("Connection", "TE, close").header("TE", "trailers")),
    closed(REQUEST, "close in the request, in the second field", OK).options(|o| o.header("Connection", "TE").header("Connection", "close")),
    closed(REQUEST, "close in the request, and keep-alive", "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok").options(|o| o.header("Connection", "close")),
    closed(RESPONSE, "close", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"),
    closed(RESPONSE, "close in another case", "HTTP/1.1 200 OK\r\nCONNECTION: Close\r\nContent-Length: 2\r\n\r\nok"),
    closed(RESPONSE, "close in a list", "HTTP/1.1 200 OK\r\nConnection: a,CLOSE ,b\r\nContent-Length: 2\r\n\r\nok"),
    closed(RESPONSE, "close in the second field", "HTTP/1.1 200 OK\r\nConnection: a\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"),
    closed(RESPONSE, "close and keep-alive", "HTTP/1.1 200 OK\r\nConnection: keep-alive, close\r\nContent-Length: 2\r\n\r\nok"),
    closed(RESPONSE, "close and chunks", "HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
    closed(RESPONSE, "close and 204", "HTTP/1.1 204 No\r\nConnection: close\r\n\r\n"),
    closed(RESPONSE, "close and HEAD", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n").options(|o| o.method("HEAD")),
    closed(RESPONSE, "HTTP/1.0 with close", "HTTP/1.0 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"),
    closed(RESPONSE, "HTTP/1.0 with close and keep-alive", "HTTP/1.0 200 OK\r\nConnection: close, keep-alive\r\nContent-Length: 2\r\n\r\nok"),
    closed(VERSION, "HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"),
    closed(VERSION, "HTTP/1.0 and HEAD", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n").options(|o| o.method("HEAD")),
    closed(VERSION, "HTTP/1.0 and 204", "HTTP/1.0 204 No\r\n\r\n"),
    closed(VERSION, "HTTP/1.0 with something like keep-alive", "HTTP/1.0 200 OK\r\nConnection: keep-alive-not\r\nKeep-Alive: timeout=5\r\nContent-Length: 2\r\n\r\nok"),
    closed(DELIMITED, "until the end", "HTTP/1.1 200 OK\r\n\r\nhello").finishes(),
    closed(DELIMITED, "until the end, which is at once", "HTTP/1.1 200 OK\r\n\r\n").finishes(),
    closed(DELIMITED, "until the end, in spite of keep-alive", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\nhello").finishes(),
];

/// Each row is fetched, and then something else from the same server.
#[test]
fn a_connection_is_kept_unless_there_is_a_reason() {
    let mut wrong = Vec::new();
    for row in ROWS {
        for streams in [false, true] {
            wrong.extend(play(row, streams).err());
        }
    }
    assert!(wrong.is_empty(), "{} of {} rows:\n{}", wrong.len(), ROWS.len(), wrong.join("\n"));
}

fn play(row: &Row, streams: bool) -> Result<(), String> {
    let is_kept = row.close == IFETCH_CLOSE_NONE;
    let mut script = vec![Read, Send(row.response)];
    script.extend(row.finishes.then_some(Finish));
    script.extend(is_kept.then_some(Serve));
    let scripts = [&script[..], &[Serve]];
    let server = Server::start(&scripts[..if is_kept { 1 } else { 2 }]);

    let client = Client::new();
    let options = (row.options)(Options::new());
    let options = if streams { options.stream() } else { options };
    let fetch = client.start(&server.url("/first"), &options);
    let first = fetch.finish();
    let report = fetch.report();
    let again = client.get(&server.url("/again"));

    let ending = if is_kept { IFETCH_ENDING_KEPT } else { IFETCH_ENDING_FIN };
    let checks = [
        ("the outcome", first.status == IFETCH_DONE),
        ("the ending", report.ending == ending as i32),
        ("the reason", report.close == row.close as i32),
        ("it was not retried, nor reused", (report.retried, report.reused) == (0, 0)),
        ("the next body", again.body().as_deref() == Some("/again")),
        ("the next is reused", again.report().reused == u32::from(is_kept)),
        ("connections opened", client.count(IFETCH_COUNT_OPENED) == 2 - u64::from(is_kept)),
        ("connections reused", client.count(IFETCH_COUNT_REUSED) == u64::from(is_kept)),
        ("connections now", client.count(IFETCH_COUNT_CONNECTIONS) == 1),
        ("connections idle", client.count(IFETCH_COUNT_IDLE) == 1),
    ];
    let wrong: Vec<_> = checks.iter().filter(|(_, right)| !right).map(|(what, _)| *what).collect();
    if !wrong.is_empty() {
        let how = if streams { ", streamed" } else { "" };
        return Err(format!("{}{how}: {}: {report:?} {first:?}", row.name, wrong.join(", ")));
    }
    drop(client);
    for seen in server.seen() {
        assert_eq!((&*seen.rest, seen.ended), ("", Some(Ended::Fin)), "{}", row.name);
    }
    Ok(())
}

fn assert_ended(fetch: &Fetch, ending: ifetch_ending, close: ifetch_close) {
    let report = fetch.report();
    assert_eq!((report.ending, report.close), (ending as i32, close as i32), "{report:?}");
}

#[test]
fn a_fetch_alone_has_nobody_to_keep_its_connection() {
    let server = Server::start(&[&[Serve]]);
    let fetch = Fetch::get(&server.url("/"));
    assert_eq!(fetch.finish().status, IFETCH_DONE);
    assert_ended(&fetch, IFETCH_ENDING_FIN, IFETCH_CLOSE_ALONE);
    assert_eq!(server.left(0, PATIENCE), Some(Ended::Fin), "before the fetch is freed");
    assert!(server.seen()[0].requests[0].contains("\r\nConnection: close\r\n"));
}

#[test]
fn a_clients_request_does_not_ask_for_the_end() {
    let server = Server::start(&[&[Serve]]);
    assert_eq!(Client::new().get(&server.url("/a")).poll(), IFETCH_DONE);
    let host = server.address();
    let wanted = format!(
        "GET /a HTTP/1.1\r\nHost: {host}\r\nUser-Agent: ifetch/0.1.0\r\nAccept: */*\r\n\r\n"
    );
    assert_eq!(server.seen()[0].requests[0], wanted);
}

#[test]
fn a_running_fetch_has_no_reason_yet() {
    let server = Server::start(&[&[Read]]);
    let client = Client::new();
    let fetch = client.start(&server.url("/"), &Options::new());
    client.drive_until_sent(&fetch);
    assert_ended(&fetch, IFETCH_ENDING_NONE, IFETCH_CLOSE_NONE);
    drop(client);
    assert_ended(&fetch, IFETCH_ENDING_RST, IFETCH_CLOSE_INTERRUPTED);
    server.seen();
}

#[test]
fn a_streamed_upload_leaves_a_connection_to_be_kept() {
    for len in [-1, 5] {
        let server = Server::start(&[&[Read, Send(HELLO), Serve]]);
        let client = Client::new();
        let fetch = client.start(&server.url("/"), &Options::new().method("PUT").upload(len));
        assert!(fetch.write_all(b"hello"));
        fetch.write_end();
        assert_eq!(fetch.finish().status, IFETCH_DONE);
        assert_ended(&fetch, IFETCH_ENDING_KEPT, IFETCH_CLOSE_NONE);
        assert_eq!(client.get(&server.url("/again")).body().as_deref(), Some("/again"));
        drop(client);
        assert!(server.seen()[0].requests[0].ends_with("\r\n\r\nhello"));
    }
}

#[test]
fn an_answer_before_the_end_of_the_request_spoils_the_connection() {
    const REFUSAL: &str = "HTTP/1.1 413 No\r\nContent-Length: 2\r\n\r\nno";
    for (answer, body) in [(HELLO, "hello"), (REFUSAL, "no")] {
        for upload in [false, true] {
            let server = Server::start(&[&[ReadHead, Send(answer), Pause], &[Serve]]);
            let client = Client::new();
            let options = Options::new().method("POST");
            let options = match upload {
                true => options.upload(-1),
                false => options.body(&vec![b'x'; 16 << 20]),
            };
            let fetch = client.start(&server.url("/"), &options);
            client.drive_until("it ends", || fetch.phase() == IFETCH_PHASE_ENDED);
            assert_eq!(fetch.body().as_deref(), Some(body));
            assert_ended(&fetch, IFETCH_ENDING_RST, IFETCH_CLOSE_UNSENT);
            assert_eq!(client.get(&server.url("/again")).report().reused, 0);
        }
    }
}

#[test]
fn a_switched_connection_is_not_kept() {
    const SWITCH: &str = "HTTP/1.1 101 On\r\nUpgrade: echo\r\nConnection: upgrade\r\n\r\nbytes";
    let server = Server::start(&[&[Read, Send(SWITCH), Finish], &[Serve]]);
    let client = Client::new();
    let fetch = client.start(&server.url("/"), &Options::new().upgrade("echo"));
    while fetch.news() != IFETCH_HEAD {}
    fetch.write_end();
    assert_eq!(fetch.finish().body, "bytes");
    assert_ended(&fetch, IFETCH_ENDING_FIN, IFETCH_CLOSE_UPGRADED);
    assert_eq!(client.get(&server.url("/again")).report().reused, 0);
}

/// The end is there before the client looks at the response.
#[test]
fn a_server_that_has_closed_already_is_not_asked_again() {
    let server = Server::start(&[&[Read, Pause, Send(HELLO), Finish, Pause], &[Serve]]);
    let client = Client::new();
    let fetch = client.start(&server.url("/"), &Options::new());
    client.drive_until_sent(&fetch);
    server.step(0);
    assert_eq!(fetch.finish().body, "hello");
    assert_ended(&fetch, IFETCH_ENDING_FIN, IFETCH_CLOSE_SERVER);
    assert_eq!(client.count(IFETCH_COUNT_CONNECTIONS), 0);
    let again = client.get(&server.url("/again")).report();
    assert_eq!((again.reused, again.retried), (0, 0));
}

/// What comes behind the response, and is seen only when the last byte of the body has been read:
/// the reader asks for no more than that.
#[test]
fn a_connection_that_is_not_silent_after_the_response_is_not_kept() {
    const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
    #[rustfmt::skip] // a row is a line
    let rows: [(&str, &[Act], ifetch_close); 4] = [
        ("a byte", &[Read, Send(HEAD), Pause, Send("hellox"), Pause], IFETCH_CLOSE_EXTRA),
        ("a FIN", &[Read, Send(HEAD), Pause, Send("hello"), Finish, Pause], IFETCH_CLOSE_SERVER),
        ("a byte, late", &[Read, Send(HEAD), Pause, Send("hello"), Pause, Send("x"), Pause], IFETCH_CLOSE_EXTRA),
        ("a FIN, late", &[Read, Send(HEAD), Pause, Send("hello"), Pause, Finish, Pause], IFETCH_CLOSE_SERVER),
    ];
    for (name, script, close) in rows {
        let server = Server::start(&[script, &[Serve]]);
        let client = Client::new();
        let fetch = client.start(&server.url("/"), &Options::new().stream());
        assert_eq!(fetch.news(), IFETCH_HEAD);
        server.step(0);
        assert_eq!(fetch.news(), IFETCH_READABLE);
        if name.ends_with("late") {
            server.go(0);
            server.at_pause(0);
        }
        let mut body = [0; 5];
        assert_eq!(fetch.read(&mut body), (5, IFETCH_DONE), "{name}");
        assert_ended(&fetch, IFETCH_ENDING_FIN, close);
        assert_eq!(client.get(&server.url("/again")).report().reused, 0, "{name}");
    }
}

/// What a fetch that fails makes of its connection: one row for each way to fail.
#[test]
fn a_failed_fetch_leaves_nothing_to_be_kept() {
    let half = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhell";
    type Way = fn(Options) -> Options;
    let ways: [(&str, Way, ifetch_error); 5] = [
        (half, |o| o.timeout(IFETCH_TIMEOUT_IDLE, 50), IFETCH_ERROR_TIMEOUT_IDLE),
        (half, |o| o.limit(IFETCH_LIMIT_BODY, 8), IFETCH_ERROR_BODY_TOO_LARGE),
        ("", |o| o.timeout(IFETCH_TIMEOUT_TOTAL, 50), IFETCH_ERROR_TIMEOUT_TOTAL),
        ("HTTP/1.1 204 No\r\n\r\nx", |o| o, IFETCH_ERROR_EXTRA_BYTES),
        ("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", |o| o, IFETCH_ERROR_BAD_FRAMING),
    ];
    for (response, options, error) in ways {
        let server = Server::start(&[&[Read, Send(response)], &[Serve]]);
        let client = Client::new();
        let fetch = client.start(&server.url("/"), &options(Options::new()));
        assert_eq!(fetch.finish().error, error);
        assert_ended(&fetch, IFETCH_ENDING_RST, IFETCH_CLOSE_INTERRUPTED);
        assert!(server.left(0, PATIENCE).is_some(), "the server is told: {error:?}");
        assert_eq!(client.get(&server.url("/again")).report().reused, 0, "{error:?}");
    }
}

#[test]
fn a_cancelled_or_freed_fetch_leaves_nothing_to_be_kept() {
    let half = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhell";
    for response in ["", half, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"] {
        for is_freed in [false, true] {
            let server = Server::start(&[&[Read, Pause, Send(response), Pause], &[Serve]]);
            let client = Client::new();
            let fetch = client.start(&server.url("/"), &Options::new());
            client.drive_until_sent(&fetch);
            // The response is there, but was not looked at.
            server.step(0);
            if is_freed {
                drop(fetch);
            } else {
                fetch.cancel();
                assert_eq!(fetch.poll(), IFETCH_CANCELLED);
                assert_ended(&fetch, IFETCH_ENDING_RST, IFETCH_CLOSE_INTERRUPTED);
            }
            server.go(0);
            assert!(server.left(0, PATIENCE).is_some(), "the server is told");
            assert_eq!(client.count(IFETCH_COUNT_CONNECTIONS), 0);
            assert_eq!(client.get(&server.url("/again")).report().reused, 0);
        }
    }
}

/// Scheme, host and port are what makes an origin; credentials and spelling do not.
#[test]
fn only_the_same_origin_shares_a_connection() {
    let server = Server::start(&[&[Serve, Serve, Serve], &[Serve, Serve]]);
    let other = Server::start(&[&[Serve]]);
    let port = server.address().port();
    let client = Client::new();
    for (url, reused) in [
        (format!("http://127.0.0.1:{port}/a"), 0),
        (format!("http://user:word@127.0.0.1:{port}/b"), 1),
        (format!("HTTP://127.1:{port}/c"), 1),
        (format!("http://localhost:{port}/d"), 0),
        (format!("http://LOCALhost:{port}/e"), 1),
        (other.url("/f"), 0),
    ] {
        assert_eq!(client.get(&url).report().reused, reused, "{url}");
    }
    assert_eq!(client.count(IFETCH_COUNT_IDLE), 3);
    drop(client);
    let seen = server.seen();
    assert_eq!((seen[0].targets(), seen[1].targets()), (vec!["/a", "/b", "/c"], vec!["/d", "/e"]));
    let with_credentials = |request: &&String| request.contains("Authorization");
    assert_eq!(seen[0].requests.iter().filter(with_credentials).count(), 1);
    other.seen();
}

#[test]
fn a_connection_is_used_again_and_again() {
    let server = Server::start(&[&[ServeAll]]);
    let client = Client::new();
    for i in 0..100 {
        let path = format!("/{i}");
        let fetch = client.get(&server.url(&path));
        assert_eq!(fetch.body(), Some(path));
        assert_eq!(fetch.report().reused, u32::from(i > 0));
        // Nothing was looked up, and nothing connected to.
        assert_eq!(fetch.report().attempts, u32::from(i == 0));
    }
    let counts = [IFETCH_COUNT_OPENED, IFETCH_COUNT_REUSED, IFETCH_COUNT_RETRIED];
    assert_eq!(counts.map(|which| client.count(which)), [1, 99, 0]);
    drop(client);
    assert_eq!(server.seen()[0].requests.len(), 100);
}

#[test]
fn clients_do_not_share_their_connections() {
    let server = Server::start(&[&[Serve], &[Serve]]);
    let clients = [Client::new(), Client::new()];
    for client in &clients {
        assert_eq!(client.get(&server.url("/")).report().reused, 0);
        assert_eq!(client.count(IFETCH_COUNT_IDLE), 1);
    }
    drop(clients);
    server.seen();
}
