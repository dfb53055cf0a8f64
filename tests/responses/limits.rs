//! Each limit, reached exactly and passed by one: as it is unless set, and as it was set.

use crate::row::*;
use crate::support::*;
use ::ifetch::ffi::options::ifetch_limit::*;

#[rustfmt::skip] // a row is a line
pub(crate) fn rows() -> Vec<Row> {
    let head_100 = |o: Options| o.limit(IFETCH_LIMIT_HEAD, 100);
    let fields_3 = |o: Options| o.limit(IFETCH_LIMIT_HEADERS, 3);
    let body_10 = |o: Options| o.limit(IFETCH_LIMIT_BODY, 10);
    let body_0 = |o: Options| o.limit(IFETCH_LIMIT_BODY, 0);
    let interim_1 = |o: Options| o.limit(IFETCH_LIMIT_INTERIM, 1).interim();
    let interim_0 = |o: Options| o.limit(IFETCH_LIMIT_INTERIM, 0);
    vec![
        row("a head of 65,536 bytes", head_of(65_536), done(204, "")).split_at(around(65_536)),
        row("a head of 65,537 bytes", head_of(65_537), fails(IFETCH_ERROR_HEAD_TOO_LARGE)).split_at(around(65_536)),
        row("a head that never ends", endless(), fails(IFETCH_ERROR_HEAD_TOO_LARGE)).split_at(around(65_536)),
        row("a head as long as was set", head_of(100), done(204, "")).options(head_100),
        row("a head longer than was set", head_of(101), fails(IFETCH_ERROR_HEAD_TOO_LARGE)).options(head_100),
        row("128 fields", fields_of(128), done(204, "")).split_at(around(300)),
        row("129 fields", fields_of(129), fails(IFETCH_ERROR_TOO_MANY_HEADERS)).split_at(around(300)),
        row("as many fields as were set", fields_of(3), done(204, "")).options(fields_3),
        row("more fields than were set", fields_of(4), fails(IFETCH_ERROR_TOO_MANY_HEADERS)).options(fields_3),
        row("a trailer section of 65,536 bytes", trailers_of(65_536), done(200, "").trailers(&[("A", "x".repeat(65_529).as_str())])).split_at(around(65_586)),
        row("a trailer section of 65,537 bytes", trailers_of(65_537), fails_after(IFETCH_ERROR_HEAD_TOO_LARGE, 200, "")).split_at(around(65_586)),
        row("a trailer section as long as was set", trailers_of(100), done(200, "").trailers(&[("A", "x".repeat(93).as_str())])).options(head_100),
        row("a trailer section longer than was set", trailers_of(101), fails_after(IFETCH_ERROR_HEAD_TOO_LARGE, 200, "")).options(head_100),
        row("128 trailers", trailer_fields(128), done(200, "").trailers(&[("A", ""); 128])).split_at(around(300)),
        row("129 trailers", trailer_fields(129), fails_after(IFETCH_ERROR_TOO_MANY_HEADERS, 200, "")).split_at(around(300)),
        row("as many trailers as were set", trailer_fields(3), done(200, "").trailers(&[("A", ""); 3])).options(fields_3),
        row("more trailers than were set", trailer_fields(4), fails_after(IFETCH_ERROR_TOO_MANY_HEADERS, 200, "")).options(fields_3),
        row("a body as long as was set", length(10), done(200, "x".repeat(10))).options(body_10).collected(),
        row("a body longer than was set", length(11), too_large()).options(body_10).collected(),
        row("an announced body longer than was set", answer("Content-Length: 11\r\n\r\n"), too_large()).options(body_10).collected(),
        row("an announced body of 2 to the 64 minus 1", answer("Content-Length: 18446744073709551615\r\n\r\nhello"), too_large()).collected(),
        row("chunks as long as was set", chunks("5\r\nhello\r\n5\r\nworld\r\n0\r\n\r\n"), done(200, "helloworld")).options(body_10).collected(),
        row("chunks longer than was set", chunks("5\r\nhello\r\n6\r\nworld!\r\n0\r\n\r\n"), too_large()).options(body_10).collected(),
        row("chunks whose sum wraps around", chunks("5\r\nhello\r\nffffffffffffffff\r\nworld!"), too_large()).options(body_10).collected(),
        row("a body until the end as long as was set", answer("\r\nhelloworld").closes(), done(200, "helloworld")).options(body_10).collected(),
        row("a body until the end longer than was set", answer("\r\nhelloworld!").closes(), too_large()).options(body_10).collected(),
        row("no body where none is allowed", length(0), done(200, "")).options(body_0).collected(),
        row("a body where none is allowed", length(1), too_large()).options(body_0).collected(),
        row("a streamed body has no limit", length(11), done(200, "x".repeat(11))).options(|o| o.limit(IFETCH_LIMIT_BODY, 10).stream()).streamed(),
        row("HEAD is not measured by the body it announces", answer("Content-Length: 11\r\n\r\n"), done(200, "")).options(|o| o.limit(IFETCH_LIMIT_BODY, 10).method("HEAD")),
        row("8 interim responses", interim_of(8), done(204, "")),
        row("9 interim responses", interim_of(9), fails(IFETCH_ERROR_TOO_MANY_INTERIM)),
        row("as many interim responses as were set", interim_of(1), done(204, "").interim(100, &[])).options(interim_1),
        row("more interim responses than were set", interim_of(2), fails(IFETCH_ERROR_TOO_MANY_INTERIM)).options(|o| o.limit(IFETCH_LIMIT_INTERIM, 1)),
        row("an interim response where none is allowed", interim_of(1), fails(IFETCH_ERROR_TOO_MANY_INTERIM)).options(interim_0),
    ]
}

/// The limit of a collected body unless set. Made one by one: they are large.
#[rustfmt::skip] // a row is a line
pub(crate) const LARGE: [fn() -> Row; 6] = [
    || row("a body of 64 MiB", length(MIB_64), done(200, "x".repeat(MIB_64))).collected().split_at([]),
    || row("a body of 64 MiB and 1", length(MIB_64 + 1), too_large()).collected().split_at([]),
    || row("chunks of 64 MiB", mib_chunks(""), done(200, "x".repeat(MIB_64))).collected().split_at([]),
    || row("chunks of 64 MiB and 1", mib_chunks("1\r\nx\r\n"), too_large()).collected().split_at([]),
    || row("64 MiB until the end", answer("\r\n".to_owned() + &"x".repeat(MIB_64)).closes(), done(200, "x".repeat(MIB_64))).collected().split_at([]),
    || row("64 MiB and 1 until the end", answer("\r\n".to_owned() + &"x".repeat(MIB_64 + 1)).closes(), too_large()).collected().split_at([]),
];

const MIB_64: usize = 64 << 20;
const NO_CONTENT: &str = "HTTP/1.1 204 No\r\n";

/// Places on both sides of a border, and some within.
fn around(border: usize) -> Vec<usize> {
    let mut places = vec![1, border / 2];
    places.extend(border - 4..border);
    places
}

/// A head of `len` bytes, from the first to the blank line.
fn head_of(len: usize) -> Script {
    let rest = len - NO_CONTENT.len() - "A: \r\n\r\n".len();
    sends(format!("{NO_CONTENT}A: {}\r\n\r\n", "x".repeat(rest)))
}

/// One byte more than a head may have, and no end in sight.
fn endless() -> Script {
    let rest = 65_537 - NO_CONTENT.len() - "A: ".len();
    sends(format!("{NO_CONTENT}A: {}", "x".repeat(rest)))
}

fn fields_of(count: usize) -> Script {
    sends(format!("{NO_CONTENT}{}\r\n", "A:\r\n".repeat(count)))
}

/// No chunk, and a trailer section of `len` bytes, from its first to the blank line.
fn trailers_of(len: usize) -> Script {
    chunks(format!("0\r\nA: {}\r\n\r\n", "x".repeat(len - "A: \r\n\r\n".len())))
}

fn trailer_fields(count: usize) -> Script {
    chunks(format!("0\r\n{}\r\n", "A:\r\n".repeat(count)))
}

fn length(len: usize) -> Script {
    answer(format!("Content-Length: {len}\r\n\r\n{}", "x".repeat(len)))
}

/// 64 MiB in chunks of 1 MiB, then this, then the last chunk.
fn mib_chunks(more: &str) -> Script {
    let mib = format!("100000\r\n{}\r\n", "x".repeat(1 << 20));
    chunks(mib.repeat(64) + more + "0\r\n\r\n")
}

fn interim_of(count: usize) -> Script {
    sends("HTTP/1.1 100 On\r\n\r\n".repeat(count) + NO_CONTENT + "\r\n")
}

/// How much of the body there is by then depends on how the bytes arrive.
fn too_large() -> Expected {
    fails_after(IFETCH_ERROR_BODY_TOO_LARGE, 200, "").any_body()
}
