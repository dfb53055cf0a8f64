//! A kept connection that dies under a request: when the request is sent again, and when not
//! (RFC 9110 section 9.2.2).

mod support;

#[path = "support/sends.rs"]
mod sends;

use ::ifetch::ffi::client::ifetch_client_limit::*;
use ::ifetch::ffi::client::ifetch_count::*;
use ::ifetch::ffi::report::ifetch_acted::*;
use std::rc::Rc;
use support::Act::*;
use support::*;

/// Fits every method.
const NO_CONTENT: &str = "HTTP/1.1 204 No Content\r\n\r\n";

type Request = fn(Options) -> Options;

/// Those that may be sent twice.
#[rustfmt::skip] // a row is a line
const IDEMPOTENT: [(&str, Request); 12] = [
    ("GET", |o| o),
    ("HEAD", |o| o.method("HEAD")),
    ("OPTIONS", |o| o.method("OPTIONS")),
    ("TRACE", |o| o.method("TRACE")),
    ("PUT", |o| o.method("PUT")),
    ("DELETE", |o| o.method("DELETE")),
    ("GET, streaming", |o| o.stream()),
    ("GET with close", |o| o.header("Connection", "close")),
    ("GET with a body", |o| o.body(b"hello")),
    ("PUT with a copied body", |o| o.method("PUT").body(b"hello")),
    ("PUT with a borrowed body", |o| o.method("PUT").body_borrowed(b"hello")),
    ("PUT with an empty upload", |o| o.method("PUT").upload(0)),
];

/// Those that may not.
#[rustfmt::skip] // a row is a line
const OTHERS: [(&str, Request); 6] = [
    ("POST", |o| o.method("POST")),
    ("POST with a body", |o| o.method("POST").body(b"hello")),
    ("PATCH", |o| o.method("PATCH")),
    // Methods are case-sensitive: nobody knows what these do.
    ("get", |o| o.method("get")),
    ("Delete", |o| o.method("Delete")),
    ("BREW", |o| o.method("BREW")),
];

/// What the server does with the second request on a connection, and what that is called if it is
/// not sent again.
#[rustfmt::skip] // a row is a line
const BEFORE_A_BYTE: [(&str, &[Act], ifetch_error); 2] = [
    ("a FIN", &[Serve, Read, Finish], IFETCH_ERROR_NO_RESPONSE),
    ("an RST", &[Serve, Read, Reset], IFETCH_ERROR_RECEIVE),
];

#[rustfmt::skip] // a row is a line
const AFTER_A_BYTE: [(&str, &[Act], ifetch_error); 6] = [
    ("a byte and a FIN", &[Serve, Read, Send("H"), Finish], IFETCH_ERROR_TRUNCATED),
    ("a byte and an RST", &[Serve, Read, Send("H"), Reset], IFETCH_ERROR_RECEIVE),
    ("half a head and a FIN", &[Serve, Read, Send("HTTP/1.1 200 OK\r\nA: b\r\n"), Finish], IFETCH_ERROR_TRUNCATED),
    ("half a head and an RST", &[Serve, Read, Send("HTTP/1.1 200 OK\r\nA: b\r\n"), Reset], IFETCH_ERROR_RECEIVE),
    ("an interim response and a FIN", &[Serve, Read, Send("HTTP/1.1 100 On\r\n\r\n"), Finish], IFETCH_ERROR_TRUNCATED),
    ("an interim response and an RST", &[Serve, Read, Send("HTTP/1.1 100 On\r\n\r\n"), Reset], IFETCH_ERROR_RECEIVE),
];

/// The second request of a client, on the connection that the first one left.
fn second(client: &Client, server: &Server, options: &Options) -> Fetch {
    assert_eq!(client.get(&server.url("/first")).body().as_deref(), Some("/first"));
    let fetch = client.start(&server.url("/second"), options);
    fetch.finish();
    fetch
}

/// Reused and retried, as the report tells, and how many were in the life of the client.
fn told(client: &Client, fetch: &Fetch) -> [u64; 4] {
    let report = fetch.report();
    let counts = [IFETCH_COUNT_REUSED, IFETCH_COUNT_RETRIED].map(|which| client.count(which));
    [report.reused.into(), report.retried.into(), counts[0], counts[1]]
}

#[test]
fn an_idempotent_request_is_sent_again_on_a_new_connection() {
    for (request, options) in IDEMPOTENT {
        for (death, script, _) in BEFORE_A_BYTE {
            let server = Server::start(&[script, &[Read, Send(NO_CONTENT)]]);
            let client = Client::new();
            let fetch = second(&client, &server, &options(Options::new()));
            let context = format!("{request}, {death}: {}", fetch.message());
            assert_eq!(fetch.poll(), IFETCH_DONE, "{context}");
            assert_eq!(told(&client, &fetch), [0, 1, 1, 1], "{context}");
            assert_eq!(client.count(IFETCH_COUNT_OPENED), 2, "{context}");
            drop(client);
            let seen = server.seen();
            assert_eq!(seen[0].requests[1], seen[1].requests[0], "{context}");
        }
    }
}

#[test]
fn any_other_request_fails() {
    for (request, options) in OTHERS {
        for (death, script, error) in BEFORE_A_BYTE {
            let server = Server::start(&[script]);
            let client = Client::new();
            let fetch = second(&client, &server, &options(Options::new()));
            let context = format!("{request}, {death}: {}", fetch.message());
            assert_eq!(fetch.error(), error, "{context}");
            assert_eq!(fetch.report().acted, IFETCH_ACTED_MAYBE as i32, "{context}");
            assert_eq!(told(&client, &fetch), [1, 0, 1, 0], "{context}");
            assert_eq!(client.count(IFETCH_COUNT_CONNECTIONS), 0, "{context}");
            server.seen();
        }
    }
}

#[test]
fn after_a_byte_of_a_response_nothing_is_sent_again() {
    for (request, options) in IDEMPOTENT {
        for (death, script, error) in AFTER_A_BYTE {
            let server = Server::start(&[script]);
            let client = Client::new();
            let fetch = second(&client, &server, &options(Options::new()));
            let context = format!("{request}, {death}: {}", fetch.message());
            assert_eq!(fetch.error(), error, "{context}");
            assert_eq!(told(&client, &fetch), [1, 0, 1, 0], "{context}");
            server.seen();
        }
    }
}

/// The connection dies in the same moment in which the request is sent: each of the two may be
/// first, and neither harms.
#[test]
fn a_death_beside_the_request_harms_no_idempotent_one() {
    for death in [Finish, Reset] {
        for _ in 0..20 {
            let server = Server::start(&[&[Serve, Pause, death], &[Serve]]);
            let client = Client::new();
            client.get(&server.url("/first"));
            server.go(0);
            assert_eq!(client.get(&server.url("/again")).body().as_deref(), Some("/again"));
        }
    }
}

#[test]
fn a_new_connection_is_not_tried_again() {
    for (death, script, error) in [
        ("a FIN", &[Read, Finish][..], IFETCH_ERROR_NO_RESPONSE),
        ("an RST", &[Read, Reset], IFETCH_ERROR_RECEIVE),
    ] {
        let server = Server::start(&[script]);
        let client = Client::new();
        let fetch = client.get(&server.url("/"));
        assert_eq!(fetch.error(), error, "{death}");
        assert_eq!(told(&client, &fetch), [0; 4], "{death}");
        server.seen();
    }
}

#[test]
fn a_request_is_sent_again_once_only() {
    for (death, script, error) in BEFORE_A_BYTE {
        let server = Server::start(&[script, &script[1..]]);
        let client = Client::new();
        let fetch = second(&client, &server, &Options::new());
        assert_eq!(fetch.error(), error, "{death}");
        assert_eq!(told(&client, &fetch), [0, 1, 1, 1], "{death}");
        server.seen();
    }
}

/// Where one kept connection was dead, others may be as well.
#[test]
fn a_request_is_not_sent_again_on_another_kept_connection() {
    let dying = [Read, Pause, Send(HELLO), Read, Finish];
    let server = Server::start(&[&[Read, Pause, Send(HELLO)], &dying, &[Serve]]);
    let client = Client::new();
    let firsts = [(); 2].map(|()| client.start(&server.url("/first"), &Options::new()));
    for (i, first) in firsts.iter().enumerate() {
        client.drive_until_sent(first);
        server.at_pause(i);
        server.go(i);
        assert_eq!(first.finish().body, "hello");
    }
    let fetch = client.get(&server.url("/second"));
    assert_eq!(fetch.body().as_deref(), Some("/second"));
    assert_eq!(told(&client, &fetch), [0, 1, 1, 1]);
    drop(client);
    let seen = server.seen();
    assert_eq!((seen[0].targets(), &*seen[0].rest), (vec!["/first"], ""));
}

#[test]
fn a_large_body_is_sent_again_from_its_beginning() {
    const LEN: usize = 8 << 20;
    let body = large_text(LEN);
    let server = Server::start(&[&[Serve, ReadHead, Reset], &[Read, Send(HELLO)]]);
    let client = Client::new();
    let fetch = second(&client, &server, &Options::new().method("PUT").body(&body));
    assert_eq!(fetch.poll(), IFETCH_DONE, "{}", fetch.message());
    drop(client);
    let request = &server.seen()[1].requests[0];
    assert!(request.ends_with(&latin1(&body)), "a body of {} bytes", request.len());
}

#[test]
fn a_large_post_that_dies_half_sent_fails() {
    let server = Server::start(&[&[Serve, ReadHead, Reset]]);
    let client = Client::new();
    let options = Options::new().method("POST").body(&vec![b'x'; 16 << 20]);
    let fetch = second(&client, &server, &options);
    assert_eq!(fetch.error(), IFETCH_ERROR_SEND, "{}", fetch.message());
    assert_eq!(told(&client, &fetch), [1, 0, 1, 0]);
    server.seen();
}

/// The body is gone: the caller has written it, and does not expect to be asked again.
#[test]
fn an_upload_of_which_something_was_written_is_not_sent_again() {
    for len in [-1, 5] {
        for written in ["h", "hello"] {
            let server = Server::start(&[&[Serve, ReadHead, Pause, Finish]]);
            let client = Client::new();
            client.get(&server.url("/first"));
            let options = Options::new().method("PUT").upload(len);
            let fetch = client.start(&server.url("/second"), &options);
            assert!(fetch.write_all(written.as_bytes()));
            server.at_pause(0);
            server.go(0);
            client.drive_until("it ends", || fetch.phase() == IFETCH_PHASE_ENDED);
            assert_eq!(fetch.poll(), IFETCH_FAILED);
            assert_eq!(fetch.error(), IFETCH_ERROR_NO_RESPONSE, "{}", fetch.message());
            assert_eq!(told(&client, &fetch), [1, 0, 1, 0]);
        }
    }
}

/// Also its end is sent again, which the caller has told already.
#[test]
fn an_upload_that_was_ended_with_nothing_in_it_is_sent_again() {
    let server = Server::start(&[&[Serve, Read, Finish], &[Serve]]);
    let client = Client::new();
    client.get(&server.url("/first"));
    let fetch = client.start(&server.url("/second"), &Options::new().method("PUT").upload(-1));
    fetch.write_end();
    assert_eq!(fetch.finish().body, "/second", "{}", fetch.message());
    assert_eq!(told(&client, &fetch), [0, 1, 1, 1]);
}

#[test]
fn an_upload_of_which_nothing_was_written_is_sent_again() {
    for len in [-1, 5] {
        let server = Server::start(&[&[Serve, ReadHead, Pause, Finish, Pause], &[Serve]]);
        let client = Client::new();
        client.get(&server.url("/first"));
        let options = Options::new().method("PUT").upload(len);
        let fetch = client.start(&server.url("/second"), &options);
        assert_eq!(fetch.news(), IFETCH_WRITABLE);
        server.step(0);
        client.drive_until("it is sent again", || fetch.report().retried == 1);
        assert!(fetch.write_all(b"hello"));
        fetch.write_end();
        assert_eq!(fetch.finish().body, "/second", "{}", fetch.message());
        assert_eq!(told(&client, &fetch), [0, 1, 1, 1]);
        drop(client);
        assert!(server.seen()[1].requests[0].ends_with("\r\n\r\nhello"));
    }
}

/// The connection dies between the last look at it and the sending.
#[test]
fn what_the_kernel_did_not_take_is_sent_again_whatever_it_is() {
    for (request, options) in IDEMPOTENT.into_iter().chain(OTHERS) {
        let server = Rc::new(Server::start(&[&[Serve, Pause, Reset], &[Read, Send(NO_CONTENT)]]));
        let client = Client::new();
        client.get(&server.url("/first"));
        let dying = Rc::clone(&server);
        sends::before_the_next([Box::new(move || dying.step(0)) as _]);
        let fetch = client.start(&server.url("/second"), &options(Options::new()));
        assert_eq!(fetch.finish().status, IFETCH_DONE, "{request}: {}", fetch.message());
        assert_eq!(sends::left(), 0, "{request}");
        assert_eq!(told(&client, &fetch), [0, 1, 1, 1], "{request}");
    }
}

#[test]
fn what_the_kernel_takes_on_no_connection_fails() {
    let server = Rc::new(Server::start(&[&[Serve, Pause, Reset], &[Pause, Reset]]));
    let client = Client::new();
    client.get(&server.url("/first"));
    let dying = |connection| {
        let server = Rc::clone(&server);
        Box::new(move || server.step(connection)) as _
    };
    sends::before_the_next([dying(0), dying(1)]);
    let fetch = client.start(&server.url("/second"), &Options::new().method("POST"));
    let got = fetch.finish();
    assert_eq!(sends::left(), 0);
    assert_eq!(got.error, IFETCH_ERROR_SEND, "{}", got.message);
    assert_eq!(fetch.report().acted, IFETCH_ACTED_NO as i32);
    assert_eq!(told(&client, &fetch), [0, 1, 1, 1]);
}

/// The server is gone altogether: the new connection is refused, and that is what is told.
#[test]
fn a_retry_that_cannot_connect_says_so() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a loopback port");
    let url = format!("http://{}/", listener.local_addr().expect("it is bound"));
    let server = std::thread::spawn(move || {
        let mut link = Link::accept(&listener);
        link.read_head();
        link.send(HELLO);
        link.read_head();
        drop(listener);
        link.finish();
        link.ended();
    });
    let client = Client::new();
    client.get(&url);
    let fetch = client.get(&url);
    assert_eq!(fetch.error(), IFETCH_ERROR_CONNECT, "{}", fetch.message());
    assert_eq!(told(&client, &fetch), [0, 1, 1, 1]);
    server.join().expect("the server follows its script");
}

/// The dead connection gives its place to the new one, and others wait for theirs.
#[test]
fn a_retry_fits_under_a_limit_of_one() {
    for limit in [IFETCH_CLIENT_LIMIT_CONNECTIONS, IFETCH_CLIENT_LIMIT_ORIGIN] {
        let server = Server::start(&[&[Serve, Read, Pause, Finish], &[ServeAll]]);
        let client = Client::new().limit(limit, 1);
        client.get(&server.url("/first"));
        let fetches: Vec<Fetch> =
            ["/a", "/b", "/c"].map(|path| client.start(&server.url(path), &Options::new())).into();
        server.at_pause(0);
        server.go(0);
        client.finish_all(&fetches);
        let bodies: Vec<_> = fetches.iter().filter_map(Fetch::body).collect();
        assert_eq!(bodies, ["/a", "/b", "/c"]);
        assert_eq!(fetches.iter().map(|f| f.report().retried).collect::<Vec<_>>(), [1, 0, 0]);
        drop(client);
        assert_eq!(server.seen()[1].requests.len(), 3);
    }
}

#[test]
fn a_cancel_of_what_was_sent_again_ends_the_new_connection() {
    let server = Server::start(&[&[Serve, Read, Finish], &[Read]]);
    let client = Client::new();
    client.get(&server.url("/first"));
    let fetch = client.start(&server.url("/second"), &Options::new());
    let is_again = || fetch.report().retried == 1 && fetch.phase() == IFETCH_PHASE_WAITING;
    client.drive_until("it is sent again", is_again);
    server.at_pause(1);
    fetch.cancel();
    assert!(server.left(1, PATIENCE).is_some(), "by the cancel alone");
    assert_eq!(fetch.poll(), IFETCH_CANCELLED);
    assert_eq!(client.count(IFETCH_COUNT_CONNECTIONS), 0);
}
