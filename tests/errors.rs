//! Every error code, reached by what really happens, and the words for it.
#![allow(unsafe_code)] // for the one limit of the process that a test sets

mod support;

#[path = "support/names.rs"]
mod names;

use ::ifetch::ffi::client::ifetch_client_limit::*;
use ::ifetch::ffi::client::*;
use ::ifetch::ffi::error::{ifetch_error_name, ifetch_error_text};
use ::ifetch::ffi::fetch::ifetch_set_userdata;
use ::ifetch::ffi::options::ifetch_limit::*;
use ::ifetch::ffi::options::ifetch_timeout::*;
use ::ifetch::ffi::report::{ifetch_report, ifetch_report_get};
use std::path::Path;
use std::ptr::{null, null_mut};
use support::*;

const ALL: [ifetch_error; 45] = [
    IFETCH_ERROR_NONE,
    IFETCH_ERROR_INVALID_ARGUMENT,
    IFETCH_ERROR_BUSY,
    IFETCH_ERROR_WRONG_STATE,
    IFETCH_ERROR_UNSUPPORTED,
    IFETCH_ERROR_INVALID_URL,
    IFETCH_ERROR_INVALID_METHOD,
    IFETCH_ERROR_INVALID_HEADER,
    IFETCH_ERROR_RESOLVE,
    IFETCH_ERROR_CONNECT,
    IFETCH_ERROR_TIMEOUT_TOTAL,
    IFETCH_ERROR_TIMEOUT_RESOLVE,
    IFETCH_ERROR_TIMEOUT_CONNECT,
    IFETCH_ERROR_TIMEOUT_FIRST_BYTE,
    IFETCH_ERROR_TIMEOUT_HEAD,
    IFETCH_ERROR_TIMEOUT_IDLE,
    IFETCH_ERROR_SEND,
    IFETCH_ERROR_RECEIVE,
    IFETCH_ERROR_NO_RESPONSE,
    IFETCH_ERROR_TRUNCATED,
    IFETCH_ERROR_NOT_HTTP,
    IFETCH_ERROR_BAD_HEAD,
    IFETCH_ERROR_BAD_FRAMING,
    IFETCH_ERROR_BAD_CHUNK,
    IFETCH_ERROR_EXTRA_BYTES,
    IFETCH_ERROR_UNEXPECTED_UPGRADE,
    IFETCH_ERROR_HEAD_TOO_LARGE,
    IFETCH_ERROR_TOO_MANY_HEADERS,
    IFETCH_ERROR_BODY_TOO_LARGE,
    IFETCH_ERROR_TOO_MANY_INTERIM,
    IFETCH_ERROR_UPLOAD_INCOMPLETE,
    IFETCH_ERROR_SYSTEM,
    IFETCH_ERROR_CANCELLED,
    IFETCH_ERROR_INTERNAL,
    IFETCH_ERROR_TIMEOUT_QUEUE,
    IFETCH_ERROR_TLS,
    IFETCH_ERROR_TLS_ALERT,
    IFETCH_ERROR_CERTIFICATE,
    IFETCH_ERROR_CERTIFICATE_DATE,
    IFETCH_ERROR_CERTIFICATE_ISSUER,
    IFETCH_ERROR_CERTIFICATE_NAME,
    IFETCH_ERROR_CERTIFICATE_PIN,
    IFETCH_ERROR_NO_TRUST,
    IFETCH_ERROR_BAD_FILE,
    IFETCH_ERROR_BAD_PEM,
];

/// How a code is told.
enum Told {
    /// By the call that was refused.
    Returned(ifetch_error),
    /// By a fetch that ended so, whose message names this.
    By(Fetch, String),
    /// In another test.
    Elsewhere,
}

use Told::{By, Elsewhere, Returned};

/// Does what leads to this code. The compiler asks for an arm for each new one.
#[rustfmt::skip] // an arm is a line
fn reach(code: ifetch_error) -> Told {
    let options = Options::new;
    match code {
        IFETCH_ERROR_NONE => answered("HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n", options()),
        IFETCH_ERROR_INVALID_ARGUMENT => Returned(options().try_limit(99, 1)),
        // a_second_thread_is_told_busy()
        IFETCH_ERROR_BUSY => Elsewhere,
        IFETCH_ERROR_WRONG_STATE => By(Fetch::start("http://a.test/", &options().upgrade("x").body(b"hello")), "upgrade".into()),
        IFETCH_ERROR_UNSUPPORTED => By(Fetch::get("ftp://a.test/"), "ftp".into()),
        IFETCH_ERROR_INVALID_URL => By(Fetch::get("http://"), "URL".into()),
        IFETCH_ERROR_INVALID_METHOD => Returned(options().try_method("A B")),
        IFETCH_ERROR_INVALID_HEADER => Returned(options().try_header("A", "b\r\nC: d")),
        IFETCH_ERROR_RESOLVE => named(names::UNKNOWN, options()),
        IFETCH_ERROR_CONNECT => refused(),
        IFETCH_ERROR_TIMEOUT_TOTAL => held("", options().timeout(IFETCH_TIMEOUT_TOTAL, 50)),
        IFETCH_ERROR_TIMEOUT_RESOLVE => named(names::NEVER, options().timeout(IFETCH_TIMEOUT_RESOLVE, 50)),
        IFETCH_ERROR_TIMEOUT_CONNECT => unanswered(&options().timeout(IFETCH_TIMEOUT_CONNECT, 50)),
        IFETCH_ERROR_TIMEOUT_FIRST_BYTE => held("", options().timeout(IFETCH_TIMEOUT_FIRST_BYTE, 50)),
        IFETCH_ERROR_TIMEOUT_HEAD => held("HTTP/1.1", options().timeout(IFETCH_TIMEOUT_HEAD, 50)),
        IFETCH_ERROR_TIMEOUT_IDLE => held("HTTP/1.1 200 OK\r\n\r\n", options().timeout(IFETCH_TIMEOUT_IDLE, 50)),
        IFETCH_ERROR_SEND => aborted(options().method("POST").body(&vec![b'x'; 8 << 20])),
        IFETCH_ERROR_RECEIVE => aborted(options()),
        IFETCH_ERROR_NO_RESPONSE => answered("", options()),
        IFETCH_ERROR_TRUNCATED => answered("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", options()),
        IFETCH_ERROR_NOT_HTTP => answered("SSH-2.0-x\r\n", options()),
        IFETCH_ERROR_BAD_HEAD => answered("HTTP/1.1 200 OK\nA: b\n\n", options()),
        IFETCH_ERROR_BAD_FRAMING => answered("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", options()),
        IFETCH_ERROR_BAD_CHUNK => answered("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", options()),
        IFETCH_ERROR_EXTRA_BYTES => answered("HTTP/1.1 204 No\r\n\r\nx", options()),
        IFETCH_ERROR_UNEXPECTED_UPGRADE => answered("HTTP/1.1 101 On\r\nUpgrade: x\r\n\r\n", options()),
        IFETCH_ERROR_HEAD_TOO_LARGE => answered("HTTP/1.1 204 No\r\n\r\n", options().limit(IFETCH_LIMIT_HEAD, 10)),
        IFETCH_ERROR_TOO_MANY_HEADERS => answered("HTTP/1.1 204 No\r\nA: b\r\n\r\n", options().limit(IFETCH_LIMIT_HEADERS, 0)),
        IFETCH_ERROR_BODY_TOO_LARGE => answered("HTTP/1.1 200 OK\r\n\r\nhello", options().limit(IFETCH_LIMIT_BODY, 4)),
        IFETCH_ERROR_TOO_MANY_INTERIM => answered("HTTP/1.1 100 On\r\n\r\n", options().limit(IFETCH_LIMIT_INTERIM, 0)),
        IFETCH_ERROR_UPLOAD_INCOMPLETE => ended_early(),
        // a_lack_of_descriptors_is_told()
        IFETCH_ERROR_SYSTEM => Elsewhere,
        IFETCH_ERROR_CANCELLED => cancelled(),
        // No input leads to it: src/client/core.rs tests that a panic does.
        IFETCH_ERROR_INTERNAL => Elsewhere,
        IFETCH_ERROR_TIMEOUT_QUEUE => queued(&options().timeout(IFETCH_TIMEOUT_QUEUE, 50)),
        IFETCH_ERROR_TLS => secure(b"HTTP/1.1 400 No\r\n\r\n"),
        IFETCH_ERROR_TLS_ALERT => secure(&[21, 3, 3, 0, 2, 2, 40]),
        // tests/tls_peers.rs
        IFETCH_ERROR_CERTIFICATE | IFETCH_ERROR_CERTIFICATE_DATE => Elsewhere,
        IFETCH_ERROR_CERTIFICATE_ISSUER | IFETCH_ERROR_CERTIFICATE_NAME => Elsewhere,
        IFETCH_ERROR_CERTIFICATE_PIN => Elsewhere,
        IFETCH_ERROR_NO_TRUST => By(Fetch::start(secure_url(), &options().tls(&Tls::new().trust_system(false))), "trust".into()),
        IFETCH_ERROR_BAD_FILE => Returned(Tls::new().try_trust_file(Path::new("/no/such/file"))),
        IFETCH_ERROR_BAD_PEM => Returned(Tls::new().try_trust_pem(b"no certificate")),
    }
}

/// The server sends this and leaves.
fn answered(response: &str, options: Options) -> Told {
    let peer = Peer::closing(response);
    By(Fetch::start(peer.url("/"), &options), peer.address().to_string())
}

/// The server sends this and nothing more.
fn held(response: &str, options: Options) -> Told {
    let peer = Peer::answering(response);
    By(Fetch::start(peer.url("/"), &options), peer.address().to_string())
}

/// The server aborts the connection as soon as it has the request head.
fn aborted(options: Options) -> Told {
    let peer = Peer::start(|mut link| {
        link.read_head();
        link.reset();
    });
    By(Fetch::start(peer.url("/"), &options), peer.address().to_string())
}

/// The server answers what a client says first with these bytes.
fn secure(bytes: &'static [u8]) -> Told {
    let peer = Peer::start(move |mut link| {
        link.read(1);
        link.send(bytes);
        link.ended();
    });
    let options = Options::new().tls(&Tls::new().accept_any(true));
    By(Fetch::start(format!("https://{}/", peer.address()), &options), peer.address().to_string())
}

/// Of a server that accepts, and that nobody needs to hear of.
fn secure_url() -> String {
    format!("https://{}/", Peer::start(|mut link| link.ended()).address())
}

fn named(name: &str, options: Options) -> Told {
    By(Fetch::start(format!("http://{name}:81/"), &options), name.into())
}

fn refused() -> Told {
    let (_bound, address) = refused_address();
    let fetch = Fetch::get(&format!("http://{address}/"));
    fetch.finish();
    By(fetch, format!("connect to {address}: "))
}

fn unanswered(options: &Options) -> Told {
    let (listener, _first) = full_listener();
    let address = listener.local_addr().expect("it is bound").to_string();
    let fetch = Fetch::start(format!("http://{address}/"), options);
    fetch.finish();
    By(fetch, address)
}

/// Another fetch has the only connection.
fn queued(options: &Options) -> Told {
    let peer = Peer::answering("");
    let client = Client::new().limit(IFETCH_CLIENT_LIMIT_CONNECTIONS, 1);
    let _busy = client.start(&peer.url("/"), &Options::new());
    let fetch = client.start(&peer.url("/"), options);
    fetch.finish();
    By(fetch, peer.address().to_string())
}

fn ended_early() -> Told {
    let peer = Peer::answering("");
    let fetch = Fetch::start(peer.url("/"), &Options::new().method("PUT").upload(5));
    assert!(fetch.write_all(b"hell"));
    assert_eq!(fetch.write_end(), IFETCH_FAILED);
    By(fetch, peer.address().to_string())
}

fn cancelled() -> Told {
    let peer = Peer::answering("");
    let fetch = Fetch::get(&peer.url("/"));
    assert_eq!(fetch.news_or_stall(), IFETCH_PENDING);
    fetch.cancel();
    By(fetch, peer.address().to_string())
}

#[test]
fn every_code_is_reached_and_explained() {
    let wrong: Vec<_> = ALL.into_iter().filter_map(wrong_with).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is not as it should be about this code.
fn wrong_with(code: ifetch_error) -> Option<String> {
    let (fetch, about) = match reach(code) {
        Elsewhere => return None,
        Returned(error) => {
            return (error != code).then(|| format!("{error:?} instead of {code:?}"));
        }
        By(fetch, about) => (fetch, about),
    };
    let got = fetch.finish();
    let message_is_right = match code {
        IFETCH_ERROR_NONE => got.message.is_empty(),
        _ => reads_well(&got.message) && got.message.contains(&about),
    };
    let right = got.error == code && has_errno(code) == (fetch.os_error() != 0) && message_is_right;
    (!right).then(|| {
        format!("{code:?}: {:?}, errno {}, \"{}\"", got.error, fetch.os_error(), got.message)
    })
}

/// Whether a system call is behind the error.
fn has_errno(code: ifetch_error) -> bool {
    matches!(code, IFETCH_ERROR_CONNECT | IFETCH_ERROR_SEND | IFETCH_ERROR_RECEIVE)
}

/// One clause or more that say what was being done, and why it failed: no capital, no full stop.
fn reads_well(message: &str) -> bool {
    message.starts_with(|c: char| c.is_ascii_lowercase())
        && message.contains(": ")
        && !message.ends_with(['.', ' ', ':', '\n'])
        && !message.contains("  ")
        && message.chars().all(|c| !c.is_control())
}

#[test]
fn a_refused_connection_names_address_and_reason() {
    let (_bound, address) = refused_address();
    let fetch = Fetch::get(&format!("http://{address}/"));
    let message = fetch.finish().message.to_lowercase();
    assert!(message.starts_with(&format!("connect to {address}: connection refused")), "{message}");
    assert_eq!(fetch.os_error(), libc::ECONNREFUSED);
}

#[test]
fn every_attempt_is_listed() {
    let (_bound, address) = refused_address();
    let port = address.port();
    let message = Fetch::get(&format!("http://localhost:{port}/")).finish().message;
    for attempt in [format!("127.0.0.1:{port}: "), format!("[::1]:{port}: ")] {
        assert!(message.contains(&attempt), "{message}");
    }
}

/// What a peer sent is quoted in such a way that it can be printed.
#[test]
fn a_message_is_printable_whatever_the_server_sent() {
    for response in [
        &b"\x1b[31m\0\xff\r\n"[..],
        b"HTTP/1.1 200 OK\r\nContent-Length: \xff\xfe\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\x1b[0m: x\nb\r\n\r\n",
    ] {
        let got = Fetch::get(&Peer::closing(response).url("/")).finish();
        assert_eq!(got.status, IFETCH_FAILED);
        assert!(got.message.bytes().all(|b| (b' '..=b'~').contains(&b)), "{:?}", got.message);
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let peer = Peer::closing("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    let fetch = Fetch::get(&peer.url("/"));
    assert_eq!(fetch.read(&mut [0; 8]), (0, IFETCH_FAILED), "it collects its body");
    assert_eq!(fetch.write(b"x"), (0, IFETCH_FAILED), "it has no upload");
    assert_eq!(fetch.write_end(), IFETCH_FAILED, "it has no upload");
    assert_eq!(fetch.error(), IFETCH_ERROR_NONE, "the fetch goes on");
    assert_eq!(fetch.finish().body, "hello");
    assert_eq!(fetch.read(&mut [0; 8]), (0, IFETCH_FAILED), "it has collected its body");
    assert_eq!(fetch.poll(), IFETCH_DONE);
}

#[test]
fn a_second_thread_is_told_busy() {
    let peer = Peer::answering("");
    let fetch = Fetch::get(&peer.url("/"));
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| not_busy(|| fetch.wait(-1)));
        until_busy(&fetch);
        assert_eq!(fetch.poll(), IFETCH_BUSY);
        assert_eq!(fetch.wait(-1), IFETCH_BUSY);
        assert_eq!(fetch.phase(), IFETCH_PHASE_ENDED);
        assert_eq!(call!(ifetch_set_userdata(fetch.as_ptr(), null_mut())), IFETCH_ERROR_BUSY);
        let mut report = std::mem::MaybeUninit::<ifetch_report>::uninit();
        let size = size_of::<ifetch_report>();
        assert_eq!(
            call!(ifetch_report_get(fetch.as_ptr(), report.as_mut_ptr(), size)),
            IFETCH_ERROR_BUSY
        );
        assert!(fetch.fd() >= 0, "the descriptor is known all the same");
        fetch.cancel();
        assert_eq!(waiting.join().expect("it does not panic"), IFETCH_CANCELLED);
    });
    assert_eq!(fetch.error(), IFETCH_ERROR_CANCELLED);
}

#[test]
fn a_second_thread_on_a_client_is_told_busy() {
    let peer = Peer::answering("");
    let client = Client::new();
    let fetch = client.start(&peer.url("/"), &Options::new());
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            loop {
                match call!(ifetch_client_wait(client.as_ptr(), -1)) {
                    -1 => {}
                    count => return count,
                }
            }
        });
        until_busy(&fetch);
        assert_eq!(fetch.poll(), IFETCH_BUSY);
        assert_eq!(client.poll(), -1);
        assert!(client.next().is_null());
        assert_eq!(call!(ifetch_client_wait(client.as_ptr(), 0)), -1);
        assert_eq!(call!(ifetch_client_set_limit(client.as_ptr(), 1, 1)), IFETCH_ERROR_BUSY);
        assert_eq!(call!(ifetch_client_set_timeout(client.as_ptr(), 1, 1)), IFETCH_ERROR_BUSY);
        assert_eq!(call!(ifetch_client_count(client.as_ptr(), 1)), 0);
        assert!(
            call!(ifetch_client_start(client.as_ptr(), c"http://127.0.0.1/".as_ptr(), null()))
                .is_null()
        );
        fetch.cancel();
        assert_eq!(waiting.join().expect("it does not panic"), 1);
    });
    assert_eq!(client.next(), fetch.as_ptr());
    assert_eq!(fetch.poll(), IFETCH_CANCELLED);
}

/// Waits until another thread is inside a call.
fn until_busy(fetch: &Fetch) {
    let start = std::time::Instant::now();
    while fetch.error() != IFETCH_ERROR_BUSY {
        assert!(start.elapsed() < PATIENCE, "the other thread does not wait");
        std::thread::yield_now();
    }
}

/// The one who watches may get in the way of the one who waits: then that one tries again.
fn not_busy(call: impl Fn() -> ifetch_status) -> ifetch_status {
    loop {
        match call() {
            IFETCH_BUSY => std::thread::yield_now(),
            status => return status,
        }
    }
}

/// In a process of its own, since there the number of descriptors can be limited.
#[test]
fn a_lack_of_descriptors_is_told() {
    if !alone("a_lack_of_descriptors_is_told") {
        return;
    }
    // SAFETY: takes a plain number; nothing else runs in this process.
    let (soft, hard) = unsafe {
        let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        assert_eq!(libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit), 0);
        (limit.rlim_cur, limit.rlim_max)
    };
    let limit_to = |count| {
        let limit = libc::rlimit { rlim_cur: count, rlim_max: hard };
        // SAFETY: as above.
        assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) }, 0);
    };

    limit_to(0);
    let fetch = Fetch::get("http://127.0.0.1:1/");
    let client = ::ifetch::ffi::client::ifetch_client_new();
    limit_to(soft);
    assert_eq!(fetch.fd(), -1);
    assert_eq!(fetch.poll(), IFETCH_FAILED);
    assert_eq!(fetch.error(), IFETCH_ERROR_SYSTEM, "{}", fetch.message());
    assert_eq!(fetch.os_error(), libc::EMFILE);
    assert!(reads_well(&fetch.message()), "{}", fetch.message());
    assert!(client.is_null(), "a client has no descriptor either");

    // The client has its descriptor, and its fetch finds none for a socket.
    let client = Client::new();
    limit_to(0);
    let fetch = client.start("http://127.0.0.1:1/", &Options::new());
    let got = fetch.finish();
    limit_to(soft);
    assert_eq!(got.error, IFETCH_ERROR_SYSTEM, "{}", got.message);
    assert_eq!(fetch.os_error(), libc::EMFILE);
}

#[test]
fn every_code_has_a_name_and_a_text() {
    for (number, code) in ALL.iter().enumerate() {
        assert_eq!(*code as usize, number);
        let name = lent(ifetch_error_name(number as i32)).expect("never NULL");
        assert_eq!(format!("{code:?}"), format!("IFETCH_ERROR_{name}"));
        let text = lent(ifetch_error_text(number as i32)).expect("never NULL");
        assert!(text.len() > 5 && !text.ends_with('.') && text.is_ascii(), "{name}: {text}");
    }
    for unknown in [-1, ALL.len() as i32, 1000, i32::MAX, i32::MIN] {
        assert_eq!(lent(ifetch_error_name(unknown)), Some("UNKNOWN".into()), "{unknown}");
        assert_eq!(lent(ifetch_error_text(unknown)), Some("unknown error".into()), "{unknown}");
    }
}
