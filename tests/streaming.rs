//! Bodies that the caller reads and writes itself: levels, backpressure, both ways at once; and
//! what progress and report say meanwhile.
#![allow(unsafe_code)] // for reports of other sizes

mod support;

use ::ifetch::ffi::report::ifetch_acted::*;
use ::ifetch::ffi::report::ifetch_ending::*;
use ::ifetch::ffi::report::ifetch_report_get;
use std::io::Write;
use std::sync::mpsc;
use std::time::Duration;
use support::*;

/// A server that sends one part after the other, each when it is told to, and then leaves.
fn parts(parts: &'static [&'static str]) -> (Peer<()>, mpsc::Sender<()>) {
    let (go, told) = mpsc::channel();
    let peer = Peer::start(move |mut link| {
        link.read_head();
        for part in parts {
            told.recv_timeout(PATIENCE).expect("the test says go");
            link.send(part);
        }
        told.recv_timeout(PATIENCE).expect("the test says go");
        link.finish();
        link.ended();
    });
    (peer, go)
}

/// Lets the server do the next thing, and waits until the descriptor tells of it.
fn next(fetch: &Fetch, go: &mpsc::Sender<()>) {
    assert!(!fetch.readable(Duration::ZERO), "nothing has happened yet");
    go.send(()).expect("the peer waits");
    assert!(fetch.readable(PATIENCE), "the descriptor tells of the next part");
}

#[test]
fn head_comes_once_and_readable_as_long_as_it_is_so() {
    let (peer, go) = parts(&["HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhel", "lo", "abc"]);
    let fetch = Fetch::start(peer.url("/"), &Options::new().stream());
    let fd = fetch.fd();
    let mut buffer = [0; 4];
    assert_eq!(fetch.news_or_stall(), IFETCH_PENDING);
    assert_eq!(
        fetch.read(&mut buffer),
        (0, IFETCH_PENDING),
        "before the head there is nothing to read"
    );
    assert!(fetch.head().is_none());

    next(&fetch, &go);
    assert_eq!(fetch.poll(), IFETCH_HEAD);
    assert_eq!(fetch.head().map(|head| head.status), Some(200));
    assert_eq!(fetch.phase(), IFETCH_PHASE_RECEIVING);
    for _ in 0..3 {
        assert_eq!(fetch.poll(), IFETCH_READABLE);
    }
    assert_eq!(fetch.read(&mut buffer[..2]), (2, IFETCH_READABLE));
    assert_eq!(fetch.poll(), IFETCH_READABLE, "there is one more byte");
    assert_eq!(fetch.read(&mut buffer), (1, IFETCH_PENDING), "drained");
    assert_eq!(fetch.read(&mut buffer), (0, IFETCH_PENDING), "still drained");
    assert_eq!(fetch.poll(), IFETCH_PENDING);

    next(&fetch, &go);
    assert_eq!(fetch.poll(), IFETCH_READABLE);
    assert_eq!(fetch.read(&mut buffer), (2, IFETCH_PENDING));
    next(&fetch, &go);
    assert_eq!(fetch.poll(), IFETCH_READABLE);
    assert_eq!(fetch.read(&mut buffer), (3, IFETCH_DONE), "the last bytes come with the end");
    assert_eq!(fetch.read(&mut buffer), (0, IFETCH_DONE), "and that is said for good");
    assert_eq!(fetch.poll(), IFETCH_DONE);
    assert_eq!(fetch.body(), None, "nothing was collected");
    assert_eq!(fetch.fd(), fd, "the descriptor is the same for good");
    drop(go);
}

/// Reading says what a poll would say, so a caller may read and wait, and need not poll between.
#[test]
fn reading_and_waiting_is_enough() {
    let peer = Peer::start(|mut link| {
        link.read_head();
        for part in ["HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n", "hel", "lo", "abc"] {
            link.send(part);
            std::thread::sleep(Duration::from_millis(50));
        }
    });
    let fetch = Fetch::start(peer.url("/"), &Options::new().stream());
    let (mut body, mut buffer) = (Vec::new(), [0; 64]);
    for _ in 0..100 {
        let (n, status) = fetch.read(&mut buffer);
        body.extend_from_slice(&buffer[..n]);
        match status {
            IFETCH_PENDING => assert!(fetch.readable(PATIENCE), "after {}", latin1(&body)),
            IFETCH_DONE => break,
            _ => {}
        }
    }
    assert_eq!(latin1(&body), "helloabc");
    assert_eq!(fetch.poll(), IFETCH_DONE);
    peer.seen();
}

#[test]
fn a_body_that_was_not_read_is_not_done() {
    let peer = Peer::closing("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    let fetch = Fetch::start(peer.url("/"), &Options::new().stream());
    assert_eq!(fetch.news(), IFETCH_HEAD);
    assert_eq!(fetch.news(), IFETCH_READABLE);
    std::thread::sleep(QUIET);
    assert_eq!(fetch.poll(), IFETCH_READABLE, "though the server has left");
    assert_eq!(fetch.finish().body, "hello");
    peer.seen();
}

#[test]
fn a_response_without_a_body_ends_after_its_head() {
    for response in ["HTTP/1.1 204 No\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"] {
        let peer = Peer::answering(response);
        let fetch = Fetch::start(peer.url("/"), &Options::new().stream());
        assert_eq!(fetch.news(), IFETCH_HEAD);
        assert_eq!(fetch.news(), IFETCH_DONE);
        peer.seen();
    }
}

#[test]
fn a_collecting_fetch_says_nothing_until_its_end() {
    let (peer, go) = parts(&["HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "hel", "lo"]);
    let fetch = Fetch::get(&peer.url("/"));
    assert_eq!(fetch.news_or_stall(), IFETCH_PENDING);
    for so_far in ["", "hel"] {
        next(&fetch, &go);
        assert_eq!(fetch.news_or_stall(), IFETCH_PENDING);
        assert_eq!(fetch.head().map(|head| head.status), Some(200));
        assert_eq!(fetch.body().as_deref(), Some(so_far), "what has arrived is there");
    }
    go.send(()).expect("the peer waits");
    assert_eq!(fetch.news(), IFETCH_DONE);
    assert_eq!(fetch.body().as_deref(), Some("hello"));
    drop(go);
}

#[test]
fn what_was_read_before_a_failure_was_right() {
    let peer =
        Peer::closing("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nx\r\n");
    let fetch = Fetch::start(peer.url("/"), &Options::new().stream());
    let got = fetch.finish();
    assert_eq!((got.error, got.body.as_str()), (IFETCH_ERROR_BAD_CHUNK, "hello"));
    assert_eq!(fetch.read(&mut [0; 8]), (0, IFETCH_FAILED));
    assert_eq!(got.code(), 200, "the head is still there");
}

#[test]
fn reading_after_a_cancel_gives_nothing() {
    let peer = Peer::answering("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    let fetch = Fetch::start(peer.url("/"), &Options::new().stream());
    while fetch.news() != IFETCH_READABLE {}
    fetch.cancel();
    assert_eq!(fetch.read(&mut [0; 8]), (0, IFETCH_CANCELLED));
    assert_eq!(fetch.poll(), IFETCH_CANCELLED);
    peer.seen();
}

#[test]
fn trailers_come_with_the_end() {
    let peer = Peer::closing(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nA: b\r\n\r\n",
    );
    let fetch = Fetch::start(peer.url("/"), &Options::new().stream());
    while fetch.news() != IFETCH_READABLE {}
    assert_eq!(fetch.trailers(), []);
    let got = fetch.finish_reading(1);
    assert_eq!(got.body, "hello");
    assert_eq!(got.trailers, [("A".into(), "b".into())]);
}

const LARGE: usize = 16 << 20;

/// The body in chunks of all sizes up to 64 KiB, with the last one.
fn in_chunks(mut body: &[u8]) -> Vec<u8> {
    let mut coded = Vec::new();
    for size in (1..).map(|i: usize| i * 7919 % 65_536 + 1) {
        let (chunk, rest) = body.split_at(size.min(body.len()));
        write!(coded, "{:x}\r\n", chunk.len()).expect("a Vec takes everything");
        coded.extend_from_slice(chunk);
        coded.extend_from_slice(b"\r\n");
        if chunk.is_empty() {
            return coded;
        }
        body = rest;
    }
    unreachable!("the sizes never end")
}

/// A large response in each framing.
fn large_responses(body: &[u8]) -> [Vec<u8>; 3] {
    let length = format!("Content-Length: {}\r\n\r\n", body.len());
    [
        (length.as_str(), body),
        ("Transfer-Encoding: chunked\r\n\r\n", &in_chunks(body)),
        ("\r\n", body),
    ]
    .map(|(head, body)| [b"HTTP/1.1 200 OK\r\n", head.as_bytes(), body].concat())
}

#[test]
fn large_bodies_arrive_as_they_are() {
    let body = large_text(LARGE);
    for response in large_responses(&body) {
        for cap in [4_099, LARGE + 1] {
            let fetch =
                Fetch::start(Peer::closing(&response[..]).url("/"), &Options::new().stream());
            let got = fetch.finish_reading(cap);
            assert_eq!(got.status, IFETCH_DONE, "{}", got.message);
            assert!(got.body == latin1(&body), "read by {cap}");
        }
        let got = Fetch::get(&Peer::closing(response).url("/")).finish();
        assert_eq!(got.status, IFETCH_DONE, "{}", got.message);
        assert!(got.body == latin1(&body), "collected");
    }
}

/// Whatever came together with the head, and however little of it was kept for the caller.
#[test]
fn what_has_arrived_is_read_without_waiting_for_more() {
    let body = large_text(40_000);
    let coded = in_chunks(&body);
    for with_head in [0, 3, 5, 10, 300, 5_000] {
        let (arrived, has_arrived) = mpsc::channel();
        let (begin, rest) = (coded[..with_head].to_vec(), coded[with_head..].to_vec());
        let peer = Peer::start(move |mut link| {
            link.read_head();
            let head = &b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"[..];
            link.send([head, &begin].concat());
            arrived.send(()).expect("the test waits");
            std::thread::sleep(QUIET);
            link.send(rest);
            arrived.send(()).expect("the test waits");
            link.ended();
        });
        let fetch = Fetch::start(peer.url("/"), &Options::new().stream());
        assert_eq!(fetch.news(), IFETCH_HEAD);
        for _ in ["the beginning", "the rest"] {
            has_arrived.recv_timeout(PATIENCE).expect("the server sends");
        }
        let got = fetch.finish_reading(1_000);
        assert_eq!(got.status, IFETCH_DONE, "{}", got.message);
        assert!(got.body == latin1(&body), "with {with_head} bytes behind the head");
        peer.seen();
    }
}

/// Nobody reads: the server is held back, and the caller is left in peace.
#[test]
fn a_caller_who_does_not_read_stops_the_server() {
    let body = large_text(LARGE);
    for response in large_responses(&body) {
        let (blocked, is_blocked) = mpsc::channel();
        let peer = Peer::start(move |mut link| {
            link.read_head();
            let sent = link.send_until_blocked(&response);
            blocked.send(sent).expect("the test waits");
            link.send(&response[sent..]);
            link.finish();
            link.ended();
        });
        let fetch = Fetch::start(peer.url("/"), &Options::new().stream());
        while fetch.news() != IFETCH_READABLE {}
        let sent = is_blocked.recv_timeout(PATIENCE).expect("the server is held back");
        assert!(sent < LARGE, "and has not sent everything");

        assert_eq!(fetch.poll(), IFETCH_READABLE);
        assert!(!fetch.readable(QUIET), "what is unread does not wake the caller");
        assert_eq!(fetch.poll(), IFETCH_READABLE, "but it is still there");
        assert!(fetch.report().received < sent as u64 / 2, "and is left with the kernel");
        let got = fetch.finish();
        assert_eq!(got.status, IFETCH_DONE, "{}", got.message);
        assert!(got.body == latin1(&body), "nothing was lost");
        peer.seen();
    }
}

/// Up and down at the same time, and far more than fits in between.
#[test]
fn an_echo_goes_both_ways_at_once() {
    let body = large_text(LARGE);
    let peer = Peer::start(|mut link| {
        link.read_head();
        link.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        while let Some(chunk) = link.read_chunk() {
            link.send(format!("{:x}\r\n", chunk.len()));
            link.send(chunk);
            link.send("\r\n");
        }
        link.send("0\r\n\r\n");
        link.ended();
    });
    let fetch = Fetch::start(peer.url("/"), &Options::new().method("POST").upload(-1).stream());
    let (mut rest, mut echo) = (&body[..], Vec::new());
    let mut buffer = vec![0; 100_000];
    loop {
        match fetch.news() {
            IFETCH_HEAD => {}
            IFETCH_READABLE => {
                let (n, _) = fetch.read(&mut buffer);
                echo.extend_from_slice(&buffer[..n]);
            }
            IFETCH_WRITABLE if rest.is_empty() => drop(fetch.write_end()),
            IFETCH_WRITABLE => rest = &rest[fetch.write(&rest[..rest.len().min(30_000)]).0..],
            status => {
                assert_eq!(status, IFETCH_DONE, "{}", fetch.message());
                break;
            }
        }
    }
    assert!(echo == body, "what went up came down");
    peer.seen();
}

/// WRITABLE is a level: a caller with nothing to write waits for the descriptor, which tells of
/// the response all the same.
#[test]
fn a_caller_with_nothing_to_write_hears_of_the_response() {
    let (peer, go) = parts(&["HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "hello"]);
    let fetch = Fetch::start(peer.url("/"), &Options::new().method("PUT").upload(5).stream());
    assert_eq!(fetch.news(), IFETCH_WRITABLE);
    assert!(!fetch.readable(QUIET), "being writable does not wake the caller again and again");
    next(&fetch, &go);
    assert_eq!(fetch.poll(), IFETCH_HEAD);
    assert_eq!(fetch.poll(), IFETCH_WRITABLE);
    next(&fetch, &go);
    assert_eq!(fetch.poll(), IFETCH_READABLE);
    assert_eq!(fetch.finish().body, "hello");
    drop(go);
}

#[test]
fn an_upload_may_wait_for_100_continue() {
    let peer = Peer::start(|mut link| {
        let head = link.read_head();
        assert!(head.contains("\r\nExpect: 100-continue\r\n"), "{head}");
        link.send("HTTP/1.1 100 Continue\r\nA: b\r\n\r\n");
        let body = latin1(&link.read(5));
        link.send("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n");
        link.ended();
        body
    });
    let options = Options::new().method("PUT").upload(5).interim().header("Expect", "100-continue");
    let fetch = Fetch::start(peer.url("/"), &options);
    loop {
        match fetch.poll() {
            IFETCH_INTERIM => break,
            // Not before the server asks for it.
            IFETCH_PENDING | IFETCH_WRITABLE => assert!(fetch.readable(PATIENCE)),
            other => panic!("{other:?} before 100"),
        }
    }
    assert_eq!(fetch.head().map(|head| head.status), Some(100));
    assert_eq!(fetch.header("a").as_deref(), Some("b"));
    assert_eq!(fetch.news(), IFETCH_WRITABLE);
    assert!(fetch.head().is_none(), "an interim response is there until the next poll");
    assert!(fetch.write_all(b"hello"));
    fetch.write_end();
    assert_eq!(fetch.finish().code(), 201);
    assert_eq!(peer.seen(), "hello");
}

/// Once the server has refused, what the caller still writes goes nowhere, and nobody minds.
#[test]
fn an_upload_that_is_refused_is_dropped() {
    let peer = Peer::answering("HTTP/1.1 413 No\r\nContent-Length: 2\r\n\r\nno");
    let fetch =
        Fetch::start(peer.url("/"), &Options::new().method("PUT").upload(LARGE as i64).stream());
    while fetch.news() != IFETCH_HEAD {}
    assert_eq!(fetch.poll(), IFETCH_READABLE);
    assert_eq!(fetch.write(&[b'x'; 1000]).0, 1000, "taken and dropped");
    let before = fetch.progress().0;
    let got = fetch.finish();
    assert_eq!((got.code(), got.body.as_str()), (413, "no"));
    assert_eq!(fetch.write(&[b'x'; 1000]), (1000, IFETCH_DONE), "after the end as well");
    assert_eq!(fetch.write_end(), IFETCH_DONE);
    assert_eq!(fetch.progress().0, before, "nothing was sent");
    peer.seen();
}

#[test]
fn a_switched_protocol_goes_both_ways() {
    let peer = Peer::start(|mut link| {
        let head = link.read_head();
        assert!(head.ends_with("Upgrade: echo\r\nConnection: upgrade\r\n\r\n"), "{head}");
        link.send("HTTP/1.1 101 On\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\nwelcome");
        for _ in 0..3 {
            let line = link.read(5);
            link.send(line);
        }
        link.finish();
        link.ended()
    });
    let fetch = Fetch::start(peer.url("/"), &Options::new().upgrade("echo"));
    assert_eq!(fetch.news(), IFETCH_HEAD);
    assert_eq!(fetch.head().map(|head| head.status), Some(101));
    let mut buffer = [0; 64];
    assert_eq!(fetch.news(), IFETCH_READABLE);
    assert_eq!(fetch.read(&mut buffer), (7, IFETCH_WRITABLE));
    for line in [b"a\0\r\n\xff", b"0\r\n\r\n", b"end.."] {
        assert!(fetch.write_all(line), "{}", fetch.message());
        let mut echo = Vec::new();
        while echo.len() < line.len() {
            assert!(fetch.readable(PATIENCE));
            if fetch.poll() == IFETCH_READABLE {
                let (n, _) = fetch.read(&mut buffer);
                echo.extend_from_slice(&buffer[..n]);
            }
        }
        assert_eq!(echo, line);
    }
    fetch.write_end();
    assert_eq!(fetch.write(b"x"), (0, IFETCH_FAILED), "it has been ended");
    assert_eq!(fetch.finish().status, IFETCH_DONE, "when the server closes");
    assert_eq!(peer.seen(), Ended::Fin);
}

#[test]
fn progress_counts_body_bytes() {
    for (head, coded, expected) in [
        ("Content-Length: 5\r\n\r\n", ["hel", "lo"], 5),
        ("Transfer-Encoding: chunked\r\n\r\n", ["3\r\nhel\r\n", "2\r\nlo\r\n0\r\n\r\n"], u64::MAX),
        ("\r\n", ["hel", "lo"], u64::MAX),
    ] {
        let (go, told) = mpsc::channel::<()>();
        let peer = Peer::start(move |mut link| {
            let request = link.read_head();
            for part in [&format!("HTTP/1.1 200 OK\r\n{head}"), coded[0], coded[1]] {
                told.recv_timeout(PATIENCE).expect("the test says go");
                link.send(part);
            }
            link.finish();
            link.ended();
            request.len() as u64
        });
        let fetch = Fetch::start(peer.url("/"), &Options::new().method("POST").body(b"hello"));
        assert_eq!(fetch.news_or_stall(), IFETCH_PENDING);
        let sent = fetch.progress().0;
        assert_eq!(fetch.progress(), (sent, 0, u64::MAX));
        for received in [0, 3] {
            next(&fetch, &go);
            assert_eq!(fetch.news_or_stall(), IFETCH_PENDING);
            assert_eq!(fetch.progress(), (sent, received, expected), "{head}");
        }
        go.send(()).expect("the peer waits");
        assert_eq!(fetch.news(), IFETCH_DONE);
        let (sent_in_all, received, _) = fetch.progress();
        assert_eq!((sent_in_all, received), (sent, 5));
        // The request body was never read.
        assert_eq!(peer.seen() + 5, sent);
    }
}

#[test]
fn a_report_tells_the_story_of_a_fetch() {
    const RESPONSE: &str = "HTTP/1.1 100 On\r\n\r\nHTTP/1.1 103 On\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    let peer = Peer::start(|mut link| {
        let request = link.read_head() + &latin1(&link.read(3));
        std::thread::sleep(Duration::from_millis(20));
        link.send(RESPONSE);
        (request.len() as u64, link.ended())
    });
    let fetch = Fetch::start(peer.url("/"), &Options::new().method("POST").body(b"abc"));
    assert_eq!(fetch.finish().body, "hello");
    let (request, ended) = peer.seen();
    assert_eq!(ended, Ended::Fin);

    let report = fetch.report();
    assert_eq!(report.size as usize, size_of_val(&report));
    assert_eq!(report.phase, IFETCH_PHASE_RECEIVING as i32);
    assert_eq!(report.acted, IFETCH_ACTED_MAYBE as i32);
    assert_eq!(report.ending, IFETCH_ENDING_FIN as i32);
    assert_eq!((report.sent, report.received), (request, RESPONSE.len() as u64));
    assert_eq!((report.attempts, report.interim), (1, 2));
    let moments = [
        report.connecting_ns,
        report.sending_ns,
        report.waiting_ns,
        report.first_byte_ns,
        report.receiving_ns,
        report.ended_ns,
    ];
    assert!(moments.is_sorted() && report.ended_ns < u64::MAX, "{report:?}");
    assert!(
        report.first_byte_ns - report.waiting_ns > 10_000_000,
        "the server took its time: {report:?}"
    );
    assert!(report.ended_ns < PATIENCE.as_nanos() as u64, "{report:?}");
}

#[test]
fn a_report_knows_what_was_not_reached() {
    let never = u64::MAX;
    let (_bound, address) = refused_address();
    let fetch = Fetch::get(&format!("http://{address}/"));
    assert_eq!(fetch.finish().error, IFETCH_ERROR_CONNECT);
    let report = fetch.report();
    assert_eq!(report.phase, IFETCH_PHASE_CONNECTING as i32);
    assert_eq!((report.acted, report.ending), (IFETCH_ACTED_NO as i32, IFETCH_ENDING_NONE as i32));
    assert_eq!((report.sent, report.received, report.attempts), (0, 0, 1));
    assert!(report.connecting_ns <= report.ended_ns && report.ended_ns < never, "{report:?}");
    let reached = [report.sending_ns, report.waiting_ns, report.first_byte_ns, report.receiving_ns];
    assert_eq!(reached, [never; 4]);

    let peer = Peer::answering("");
    let fetch = Fetch::get(&peer.url("/"));
    assert_eq!(fetch.news_or_stall(), IFETCH_PENDING);
    let report = fetch.report();
    assert_eq!(report.phase, IFETCH_PHASE_WAITING as i32, "it still runs");
    assert_eq!(
        (report.acted, report.ending),
        (IFETCH_ACTED_MAYBE as i32, IFETCH_ENDING_NONE as i32)
    );
    assert_eq!((report.first_byte_ns, report.receiving_ns, report.ended_ns), (never, never, never));
    fetch.cancel();
    assert_eq!(fetch.poll(), IFETCH_CANCELLED);
    let report = fetch.report();
    assert_eq!(
        (report.phase, report.ending),
        (IFETCH_PHASE_WAITING as i32, IFETCH_ENDING_RST as i32)
    );
    assert!(report.ended_ns < never, "{report:?}");
    drop(fetch);
    peer.seen();
}

#[test]
fn a_report_fills_no_more_than_it_was_given() {
    let fetch = Fetch::get("http://");
    let whole = fetch.report();
    let full = size_of_val(&whole);
    // 88 is what it was in version 0.1.0.
    for size in [4, 8, 24, 88, full, full + 16] {
        let mut place = [0xa5_a5_a5_a5_u32; 64];
        assert!(size < size_of_val(&place), "the report has outgrown this test");
        let refused = call!(ifetch_report_get(fetch.as_ptr(), place.as_mut_ptr().cast(), size));
        assert_eq!(refused, IFETCH_ERROR_NONE);
        let filled = size.min(full);
        assert_eq!(place[0] as usize, filled, "it says how many bytes it filled");
        assert!(
            place[filled / 4..].iter().all(|&word| word == 0xa5_a5_a5_a5),
            "behind {size} bytes"
        );
    }
}

/// Chunks of one size are received many at a time, by a guess. Here it is right, wrong, or right
/// until it is not; the lines have other digits, or an extension; and the end is in order or not.
#[test]
fn chunks_are_told_apart_whatever_their_sizes() {
    const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    const END: &str = "0\r\n\r\n";
    let alike = |size: usize, count: usize| vec![size; count];
    let mixed =
        [alike(4096, 20), vec![4095, 4097], alike(4096, 9), vec![1, 65_536], alike(2000, 30)];
    let sizes: [Vec<usize>; 8] = [
        alike(16_384, 40),
        [alike(16_384, 40), vec![5]].concat(),
        mixed.concat(),
        (0..40).map(|n| if n % 2 == 0 { 1500 } else { 3000 }).collect(),
        (1..60).map(|n| n * 100).collect(),
        alike(1024, 300),
        alike(100_000, 8),
        (0..12).flat_map(|n| alike(2048 + n, 6)).collect(),
    ];
    let lower = |len: usize| format!("{len:x}\r\n");
    let upper = |len: usize| format!("{len:X}\r\n");
    let padded = |len: usize| format!("00{len:x}\r\n");
    let extended = |len: usize| format!("{len:x};a=b\r\n");
    let lines: [&dyn Fn(usize) -> String; 4] = [&lower, &upper, &padded, &extended];
    for (sizes, line) in sizes.iter().flat_map(|s| lines.iter().map(move |l| (s, l))) {
        let mut body = large_text(sizes.iter().sum::<usize>() + 8);
        body.truncate(sizes.iter().sum());
        let mut coded = HEAD.to_vec();
        let mut rest = &body[..];
        for &size in sizes {
            let (chunk, behind) = rest.split_at(size);
            coded.extend([line(size).as_bytes(), chunk, b"\r\n"].concat());
            rest = behind;
        }
        for (end, error, cap) in [
            (END, IFETCH_ERROR_NONE, 256 * 1024),
            ("0\r\nA: b\r\n\r\n", IFETCH_ERROR_NONE, 33_333),
            ("0\r\n\r\nx", IFETCH_ERROR_EXTRA_BYTES, 1 << 20),
            ("x\r\n", IFETCH_ERROR_BAD_CHUNK, 256 * 1024),
            ("4000\r\nabc", IFETCH_ERROR_TRUNCATED, 100_000),
            ("", IFETCH_ERROR_TRUNCATED, 256 * 1024),
        ] {
            let response = [&coded[..], end.as_bytes()].concat();
            let peer = Peer::closing(response);
            let fetch = Fetch::start(peer.url("/"), &Options::new().stream());
            // Let it all arrive, so that as much as possible is received at once.
            assert_eq!(fetch.news(), IFETCH_HEAD);
            std::thread::sleep(std::time::Duration::from_millis(2));
            let got = fetch.finish_reading(cap);
            let what = format!("{} chunks, {:?} first, {end:?}", sizes.len(), line(sizes[0]));
            assert!(got.body.starts_with(&latin1(&body)), "{what}");
            let partial = if end.ends_with("abc") { 3 } else { 0 };
            assert_eq!(got.body.len(), body.len() + partial, "{what}");
            // The extra byte may come behind the end of the fetch.
            let ended_first = end.ends_with('x') && got.error == IFETCH_ERROR_NONE;
            assert!(got.error == error || ended_first, "{what}: {}", got.message);
        }
    }
}
