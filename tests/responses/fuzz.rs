//! The responses of the table, changed by chance and sent to a fetch: it ends the same whether they
//! come whole or in parts, and whether they are collected or read.

#[allow(dead_code)] // others try more
#[path = "../fuzz/inputs.rs"]
mod inputs;
#[path = "../fuzz/mutation.rs"]
mod mutation;
mod random {
    pub(super) use crate::support::Random;
}

use crate::row::{self, End, Reading, Row};
use crate::stage;
use crate::support::*;
use inputs::try_one_in;
use mutation::{mutate, split};
use std::net::TcpListener;

const WORDS: &[&[u8]] = &[
    b"\r\n",
    b"\n",
    b"\r\n\r\n",
    b"0\r\n\r\n",
    b"5\r\nhello\r\n",
    b"400\r\n",
    b";a=b",
    b"Content-Length: 5\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Connection: close\r\n",
    b"HTTP/1.1 103 \r\n\r\n",
    b"HTTP/1.1 200 OK\r\n\r\n",
];

#[test]
fn a_changed_response_ends_the_same_however_it_comes() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
    let rows: Vec<Row> = crate::all().into_iter().filter(|row| row.splits.is_none()).collect();
    let plain = row::row("coarse chunks", row::sends(""), row::done(200, ""));
    try_one_in(20, "responses over a socket", &["done", "failed"], |random| {
        let (row, bytes) = match random.below(4) {
            0 => (&plain, coarse_chunks(random)),
            _ => {
                let (row, other) = (one_of(random, &rows), one_of(random, &rows));
                let mut near = vec![row.script.bytes.clone()];
                near.extend(random.percent(30).then(|| other.script.bytes.clone()));
                (row, mutate(random, &near, WORDS, "HTTP/1.1 ".len()))
            }
        };
        let play = |parts: &[&[u8]], cap| {
            stage::perform(row, &listener, parts, End::Closes, cap, None).expect("it ends")
        };
        let whole = play(&[&bytes], None);
        let parts = split(random, &bytes);
        let cap = random.one_of(&[7, 5_000, 100_000]).max(bytes.len() / 50);
        let mut others = vec![play(&parts, None)];
        if row.reading == Reading::Both {
            others.extend([play(&[&bytes], Some(cap)), play(&parts, Some(cap))]);
        }
        for other in others {
            assert_alike(&whole, &other);
        }
        if whole.status == IFETCH_DONE { "done" } else { "failed" }
    });
}

fn one_of<'r>(random: &mut Random, rows: &'r [Row]) -> &'r Row {
    &rows[random.below(rows.len() as u64) as usize]
}

/// Chunks that are received several at a time, mostly of one size, and hardly ever wrong.
fn coarse_chunks(random: &mut Random) -> Vec<u8> {
    let mut bytes = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    let mut size = 1024;
    for number in 0..random.below(12) as u8 {
        if random.percent(20) {
            size = 1 + random.below(3_000) as usize;
        }
        let line = match random.below(12) {
            0 => format!("{size:06x}"),
            1 => format!("{size:X};a=b"),
            _ => format!("{size:x}"),
        };
        bytes.extend_from_slice(format!("{line}\r\n").as_bytes());
        bytes.extend(std::iter::repeat_n(b'a' + number, size));
        bytes.extend_from_slice(if random.percent(3) { b"x\r\n" } else { b"\r\n" });
    }
    bytes.extend_from_slice(b"0\r\n\r\n");
    bytes
}

fn assert_alike(whole: &Outcome, other: &Outcome) {
    // What comes behind the end may come when the fetch has ended.
    let came_too_late = whole.error == IFETCH_ERROR_EXTRA_BYTES && other.status == IFETCH_DONE;
    let is_alike = (whole.status, whole.error) == (other.status, other.error) || came_too_late;
    // A fetch that fails leaves what it had by then.
    let body = match whole.status {
        IFETCH_DONE => whole.body == other.body,
        _ => whole.body.starts_with(&other.body) || other.body.starts_with(&whole.body),
    };
    assert!(is_alike && body && whole.code() == other.code(), "{whole:?}\n{other:?}");
    let trailers = came_too_late || whole.trailers == other.trailers;
    assert!(whole.head == other.head && trailers, "{whole:?}\n{other:?}");
}
