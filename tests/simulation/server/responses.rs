//! Responses as they should be.

use super::Serving;
use super::script::{Step, bytes};
use crate::simulation::caller::plan::Plan;
use crate::simulation::random::Random;
use std::io::Write as _;

/// How the length of a body is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    Length,
    Chunked,
    Close,
}

/// Bytes by which each body names the request that it belongs to, and which answer it is.
pub(super) fn body(number: usize, nth: u64, len: usize) -> Vec<u8> {
    let mut body = Vec::with_capacity(len + 64);
    while body.len() < len {
        let at = body.len();
        writeln!(body, "byte {at} of answer {nth} to fetch {number}").expect("memory takes it");
    }
    body.truncate(len);
    body
}

/// The steps, the last of which is that it is delivered.
pub(super) fn draw(
    plan: &Plan,
    nth: u64,
    seat: usize,
    random: &mut Random,
) -> (Vec<Step>, Serving) {
    let is_head = plan.method == "HEAD";
    let status = random.one_of(&[200, 200, 200, 200, 204, 304, 404, 413, 500, 299, 777]);
    let has_body = !matches!(status, 204 | 304) && !is_head;
    let len = match random.below(40) {
        0 => 70_000 + random.below(150_000),
        1..=6 => random.below(20_000),
        7..=10 => 0,
        _ => random.below(600),
    };
    let body = if has_body { body(plan.number, nth, len as usize) } else { Vec::new() };
    let old = random.percent(8);
    let closes = random.percent(12);
    let kinds = if plan.upload_len() > 0 { 2 } else { 6 };
    let framing = match random.below(kinds) {
        0 if has_body => Framing::Close,
        1 | 2 if !old => Framing::Chunked,
        _ => Framing::Length,
    };

    let mut head = Vec::new();
    let interim = if random.percent(10) { 1 + random.below(4) } else { 0 };
    for _ in 0..interim {
        head.extend_from_slice(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
    }
    let version = if old { "1.0" } else { "1.1" };
    write!(head, "HTTP/{version} {status} Said\r\nFetch: {}\r\n", plan.number).expect("memory");
    match framing {
        Framing::Length if status == 204 => {}
        Framing::Length => write!(head, "Content-Length: {len}\r\n").expect("memory"),
        Framing::Chunked => head.extend_from_slice(b"Transfer-Encoding: chunked\r\n"),
        Framing::Close => {}
    }
    if closes {
        head.extend_from_slice(b"Connection: close\r\n");
    } else if old {
        head.extend_from_slice(b"Connection: keep-alive\r\n");
    }
    head.extend_from_slice(b"\r\n");
    let head_len = head.len();
    if has_body {
        match framing {
            Framing::Length | Framing::Close => head.extend_from_slice(&body),
            Framing::Chunked => chunk(&mut head, &body, random),
        }
    }

    let mut steps = Vec::new();
    if random.percent(10) {
        let rest = head.split_off(random.below(head_len as u64) as usize);
        steps.push(bytes(head, random));
        steps.push(Step::Pause(random.below(30_000_000)));
        head = rest;
    }
    steps.push(bytes(head, random));
    if plan.is_secure && random.percent(10) {
        steps.insert(random.below(steps.len() as u64) as usize, Step::NewKeys);
    }
    let ends = framing == Framing::Close;
    if ends {
        steps.push(Step::Fin);
    }
    steps.push(Step::Delivered(seat));
    if closes && !ends {
        steps.push(Step::Fin);
    }
    let serving = Serving {
        number: plan.number,
        connection: usize::MAX,
        status,
        body,
        allowed: &[],
        is_delivered: false,
        is_sound: true,
        name: "sound",
    };
    (steps, serving)
}

/// In chunks of one size, or of any.
fn chunk(out: &mut Vec<u8>, mut body: &[u8], random: &mut Random) {
    let size = random.one_of(&[10, 300, 1_024, 4_096, 16_384]).max(body.len() as u64 / 100 + 1);
    let even = random.percent(60);
    while !body.is_empty() {
        let wanted = if even { size } else { 1 + random.below(size) };
        let (piece, rest) = body.split_at(body.len().min(wanted as usize));
        let extension = if random.percent(5) { ";a=b" } else { "" };
        write!(out, "{:x}{extension}\r\n", piece.len()).expect("memory");
        out.extend_from_slice(piece);
        out.extend_from_slice(b"\r\n");
        body = rest;
    }
    out.extend_from_slice(b"0\r\n");
    if random.percent(20) {
        out.extend_from_slice(b"Sum: 17\r\n");
    }
    out.extend_from_slice(b"\r\n");
}
