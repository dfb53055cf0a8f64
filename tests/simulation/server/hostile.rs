//! Responses as they should not be, and servers that stop, break off or say too much.

use super::Serving;
use super::script::{Pace, Step, bytes};
use crate::error::Kind::{self, *};
use crate::simulation::caller::plan::Plan;
use crate::simulation::random::Random;

/// Heads that no client takes, and what it is to say of them.
const HEADS: &[(&str, &[u8], &[Kind])] = &[
    ("another protocol", b"SSH-2.0-OpenSSH_9.2\r\n", &[NotHttp]),
    ("garbage", b"\0\x01\x02\xff\xfe", &[NotHttp]),
    ("a head without a status", b"HTTP/1.1 abc\r\n\r\n", &[BadHead]),
    ("a bare LF", b"HTTP/1.1 200 OK\nA: b\r\n\r\n", &[BadHead]),
    ("a NUL in a field", b"HTTP/1.1 200 OK\r\nA: b\0c\r\n\r\n", &[BadHead]),
    ("a folded line", b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", &[BadHead]),
    ("a blank before the colon", b"HTTP/1.1 200 OK\r\nA : b\r\n\r\n", &[BadHead]),
    (
        "two lengths",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n",
        &[BadFraming],
    ),
    (
        "a length and chunks",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        &[BadFraming],
    ),
    ("a negative length", b"HTTP/1.1 200 OK\r\nContent-Length: -3\r\n\r\n", &[BadFraming]),
    ("an unknown coding", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", &[BadFraming]),
    ("an upgrade", b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n", &[UnexpectedUpgrade]),
    ("a bad chunk", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", &[BadChunk]),
    (
        "a chunk that is too long",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n",
        &[BadChunk],
    ),
    (
        "a chunk of more than there is",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
        &[BadChunk],
    ),
];

/// Makes something else of a sound response.
pub(super) fn spoil(
    steps: &mut Vec<Step>,
    serving: &mut Serving,
    plan: &Plan,
    random: &mut Random,
) {
    let ends = [Some(Step::Fin), Some(Step::Rst), Some(Step::Silence), None];
    let end = ends[random.below(4) as usize].clone();
    if plan.is_secure && random.percent(20) {
        cut(steps, random);
        steps.push(Step::Forged);
        (serving.name, serving.allowed, serving.is_sound) = ("a forged record", &[Tls], false);
        return steps.extend(end);
    }
    match random.below(12) {
        0..=3 => {
            let mut heads = HEADS.iter();
            let number = random.below(HEADS.len() as u64) as usize;
            let &(name, head, allowed) = heads.nth(number).expect("there are so many");
            // Nobody reads a body that no response to HEAD has.
            let is_of_body = allowed == [BadChunk] && plan.method == "HEAD";
            if is_of_body {
                return;
            }
            *steps = vec![bytes(head.to_vec(), random)];
            (serving.name, serving.allowed) = (name, allowed);
        }
        4 => {
            let mut head = b"HTTP/1.1 200 OK\r\n".to_vec();
            let (name, allowed): (_, &[Kind]) = if random.percent(50) {
                (0..200).for_each(|_| head.extend_from_slice(b"A: b\r\n"));
                head.extend_from_slice(b"\r\n");
                ("too many fields", &[TooManyHeaders])
            } else {
                head.extend_from_slice(b"A: ");
                head.resize(70_000, b'a');
                ("an endless head", &[HeadTooLarge])
            };
            *steps = vec![bytes(head, random)];
            (serving.name, serving.allowed) = (name, allowed);
        }
        5 => {
            let interim = b"HTTP/1.1 100 Continue\r\n\r\n".repeat(12);
            *steps = vec![bytes(interim, random)];
            (serving.name, serving.allowed) = ("too many interim heads", &[TooManyInterim]);
        }
        6 => {
            steps.push(Step::Stray(b"more than there should be"));
            (serving.name, serving.allowed) = ("bytes behind the end", &[ExtraBytes]);
            return;
        }
        _ => {
            // One that ends with the connection is complete wherever that ends, in an orderly way.
            let is_to_end = steps.iter().any(|step| matches!(step, Step::Fin));
            cut(steps, random);
            serving.name = "breaks off";
            let end = match end {
                Some(Step::Fin) | None if is_to_end => Some(Step::Rst),
                end => end,
            };
            steps.push(end.unwrap_or(Step::Silence));
            serving.is_sound = false;
            return;
        }
    }
    serving.is_sound = false;
    steps.extend(end);
}

/// Leaves the first bytes of a response, or none.
fn cut(steps: &mut Vec<Step>, random: &mut Random) {
    let len_of = |step: &Step| match step {
        Step::Bytes { bytes, .. } => bytes.len(),
        _ => 0,
    };
    let len: usize = steps.iter().map(len_of).sum();
    let mut left = match random.below(3) {
        0 => 0,
        1 => random.below(len.min(200) as u64) as usize,
        _ => random.below(len as u64) as usize,
    };
    let mut kept = Vec::new();
    for step in steps.drain(..) {
        if let Step::Bytes { mut bytes, pace: Pace { piece, gap_ns }, .. } = step
            && left > 0
        {
            bytes.truncate(left);
            left -= bytes.len();
            kept.push(Step::Bytes { bytes, at: 0, pace: Pace { piece, gap_ns } });
        }
    }
    *steps = kept;
}
