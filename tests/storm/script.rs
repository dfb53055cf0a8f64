//! What the server does with a request, and how the fetch ends that made it. A request names a
//! line of the table, and its own number, in the path of its URL: the server needs to know no more.

use super::support::*;

/// One thing that the server does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Move {
    Say(&'static str),
    /// The head of an answer with a length, and these header fields besides.
    Head(&'static str),
    FirstHalf,
    SecondHalf,
    /// A body in the chunked coding.
    Chunks,
    /// An answer that nobody asked for, in the same breath as the whole one before it.
    WholeAndAnother,
    /// A few milliseconds go by.
    Wait,
    /// Closes when the request comes for the first time.
    CloseAtFirst,
    Close,
    Reset,
    /// Waits until the client has left.
    Stall,
}

use Move::*;

pub(crate) struct Script {
    pub(crate) name: &'static str,
    /// How often it is taken, compared with the others.
    pub(crate) weight: u64,
    pub(crate) moves: &'static [Move],
    /// How a fetch that nobody interrupts may end; not at all if nothing is named.
    pub(crate) ends: &'static [ifetch_error],
}

const OLD: &str = "HTTP/1.0 200 OK\r\n\r\n";
const UNTIL_CLOSE: &str = "HTTP/1.1 200 OK\r\n\r\n";
const HINTS: &str = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
const BAD_CHUNK: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nno number\r\n";

const DONE: &[ifetch_error] = &[IFETCH_ERROR_NONE];

#[rustfmt::skip]
pub(crate) static SCRIPTS: &[Script] = &[
    script("length", 28, &[Head(""), FirstHalf, SecondHalf], DONE),
    script("chunked", 12, &[Say(CHUNKED), Chunks], DONE),
    script("late", 6, &[Wait, Head(""), FirstHalf, SecondHalf], DONE),
    script("pieces", 4, &[Say(HINTS), Wait, Head(""), FirstHalf, Wait, SecondHalf], DONE),
    script("last", 3, &[Head("Connection: close\r\n"), FirstHalf, SecondHalf, Close], DONE),
    script("until-close", 3, &[Say(UNTIL_CLOSE), FirstHalf, SecondHalf, Close], DONE),
    script("old", 2, &[Say(OLD), FirstHalf, SecondHalf, Close], DONE),
    script("leaves", 4, &[Head(""), FirstHalf, SecondHalf, Close], DONE),
    script("leaves-later", 4, &[Head(""), FirstHalf, SecondHalf, Wait, Close], DONE),
    script("another", 3, &[WholeAndAnother], &[IFETCH_ERROR_NONE, IFETCH_ERROR_EXTRA_BYTES]),
    script("at-second", 4, &[CloseAtFirst, Head(""), FirstHalf, SecondHalf],
        &[IFETCH_ERROR_NONE, IFETCH_ERROR_NO_RESPONSE]),
    script("silent", 5, &[Stall], &[]),
    script("halfway", 4, &[Head(""), FirstHalf, Stall], &[]),
    script("nothing", 4, &[Close], &[IFETCH_ERROR_NO_RESPONSE]),
    script("reset", 4, &[Reset], &[IFETCH_ERROR_RECEIVE]),
    script("truncated", 4, &[Head(""), FirstHalf, Close], &[IFETCH_ERROR_TRUNCATED]),
    script("broken", 3, &[Head(""), FirstHalf, Reset], &[IFETCH_ERROR_RECEIVE]),
    script("no-http", 2, &[Say("SSH-2.0-server\r\n"), Close], &[IFETCH_ERROR_NOT_HTTP]),
    script("bad-head", 1, &[Say("HTTP/1.1 200 OK\r\nA : b\r\n\r\n"), Close], &[IFETCH_ERROR_BAD_HEAD]),
    script("bad-chunk", 1, &[Say(BAD_CHUNK), Close], &[IFETCH_ERROR_BAD_CHUNK]),
];

const fn script(
    name: &'static str,
    weight: u64,
    moves: &'static [Move],
    ends: &'static [ifetch_error],
) -> Script {
    Script { name, weight, moves, ends }
}

impl Script {
    pub(crate) fn named(name: &str) -> &'static Script {
        SCRIPTS.iter().find(|script| script.name == name).expect("a request names a script")
    }

    pub(crate) fn by_chance(random: &mut Random) -> &'static Script {
        let mut chance = random.below(SCRIPTS.iter().map(|script| script.weight).sum());
        let taken = SCRIPTS.iter().find(|script| {
            let is_it = chance < script.weight;
            chance = chance.saturating_sub(script.weight);
            is_it
        });
        taken.expect("the weights reach as far as the chance")
    }
}

/// The body of the answer to a request, which names the request's number all over.
pub(crate) fn body(number: usize) -> Vec<u8> {
    let mut random = Random::new(number as u64);
    let len = match random.below(100) {
        0..3 => random.below(300_000),
        3..10 => random.below(20_000),
        _ => 16 + random.below(1_000),
    };
    numbered(number, len as usize)
}

/// Text that says a number again and again.
pub(crate) fn numbered(number: usize, len: usize) -> Vec<u8> {
    let word = format!("{number:07} ");
    let mut text = word.repeat(len.div_ceil(word.len())).into_bytes();
    text.truncate(len);
    text
}
