//! One row of the table: what a server does, and what the fetch ends as.

use crate::support::*;

pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) options: fn(Options) -> Options,
    pub(crate) script: Script,
    pub(crate) expected: Expected,
    pub(crate) reading: Reading,
    /// Where the response is split in two. None: at every byte, and it is also sent byte by byte.
    pub(crate) splits: Option<Vec<usize>>,
}

/// How the body is taken.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    /// Collected; and once more streamed, with the same result.
    Both,
    /// Collected only: for the limits that streaming fetches do not have.
    Collected,
    /// The options make it a streaming fetch.
    Streamed,
}

/// What the server sends after it has read the request head, and what it does then.
pub(crate) struct Script {
    pub(crate) bytes: Vec<u8>,
    pub(crate) end: End,
}

#[derive(Clone, Copy)]
pub(crate) enum End {
    StaysOpen,
    Closes,
    Resets,
}

pub(crate) struct Expected {
    pub(crate) status: ifetch_status,
    pub(crate) error: ifetch_error,
    /// The status code; 0 if there is no response.
    pub(crate) code: i32,
    /// The body, or what has arrived of it; None where it depends on how the bytes arrive.
    pub(crate) body: Option<String>,
    pub(crate) version: Option<i32>,
    pub(crate) reason: Option<&'static str>,
    pub(crate) headers: Option<Vec<Field>>,
    pub(crate) trailers: Vec<Field>,
    /// Status code and header fields of each interim response that was offered.
    pub(crate) interim: Vec<(i32, Vec<Field>)>,
    /// Whether the fetch may also be DONE if not all bytes come at once: it could not know.
    pub(crate) or_done: bool,
}

pub(crate) fn row(name: &'static str, script: Script, expected: Expected) -> Row {
    Row { name, options: |o| o, script, expected, reading: Reading::Both, splits: None }
}

impl Row {
    pub(crate) fn options(self, options: fn(Options) -> Options) -> Row {
        Row { options, ..self }
    }

    pub(crate) fn collected(self) -> Row {
        Row { reading: Reading::Collected, ..self }
    }

    pub(crate) fn streamed(self) -> Row {
        Row { reading: Reading::Streamed, ..self }
    }

    /// For responses too long to be split everywhere: the places that matter.
    pub(crate) fn split_at(self, places: impl IntoIterator<Item = usize>) -> Row {
        Row { splits: Some(places.into_iter().collect()), ..self }
    }
}

/// A server that sends exactly this.
pub(crate) fn sends(bytes: impl Into<Vec<u8>>) -> Script {
    Script { bytes: bytes.into(), end: End::StaysOpen }
}

/// "HTTP/1.1 200 OK", and then this.
pub(crate) fn answer(rest: impl AsRef<[u8]>) -> Script {
    sends([b"HTTP/1.1 200 OK\r\n", rest.as_ref()].concat())
}

/// The head of a chunked response, and then this.
pub(crate) fn chunks(rest: impl AsRef<[u8]>) -> Script {
    answer([b"Transfer-Encoding: chunked\r\n\r\n", rest.as_ref()].concat())
}

impl Script {
    pub(crate) fn closes(self) -> Script {
        Script { end: End::Closes, ..self }
    }

    pub(crate) fn resets(self) -> Script {
        Script { end: End::Resets, ..self }
    }
}

pub(crate) fn done(code: i32, body: impl Into<String>) -> Expected {
    Expected {
        status: IFETCH_DONE,
        error: IFETCH_ERROR_NONE,
        code,
        body: Some(body.into()),
        version: None,
        reason: None,
        headers: None,
        trailers: Vec::new(),
        interim: Vec::new(),
        or_done: false,
    }
}

/// The fetch fails before there is a response.
pub(crate) fn fails(error: ifetch_error) -> Expected {
    Expected { status: IFETCH_FAILED, error, ..done(0, "") }
}

/// The fetch fails, and this is what had arrived.
pub(crate) fn fails_after(error: ifetch_error, code: i32, body: impl Into<String>) -> Expected {
    Expected { code, body: Some(body.into()), ..fails(error) }
}

impl Expected {
    pub(crate) fn version(self, version: i32) -> Expected {
        Expected { version: Some(version), ..self }
    }

    pub(crate) fn reason(self, reason: &'static str) -> Expected {
        Expected { reason: Some(reason), ..self }
    }

    /// All header fields, in their order.
    pub(crate) fn headers(self, headers: &[(&str, &str)]) -> Expected {
        Expected { headers: Some(fields(headers)), ..self }
    }

    /// All trailer fields, in their order.
    pub(crate) fn trailers(self, trailers: &[(&str, &str)]) -> Expected {
        Expected { trailers: fields(trailers), ..self }
    }

    /// One more interim response.
    pub(crate) fn interim(mut self, code: i32, headers: &[(&str, &str)]) -> Expected {
        self.interim.push((code, fields(headers)));
        self
    }

    pub(crate) fn any_body(self) -> Expected {
        Expected { body: None, ..self }
    }

    pub(crate) fn or_done(self) -> Expected {
        Expected { or_done: true, ..self }
    }

    /// What is not as expected, if anything; `split` says that the bytes came in several parts.
    pub(crate) fn difference(&self, got: &Outcome, split: bool) -> Option<String> {
        let is_done = (got.status, got.error) == (IFETCH_DONE, IFETCH_ERROR_NONE);
        let ended = (got.status, got.error) == (self.status, self.error);
        let head = got.head.as_ref();
        let interim: Vec<_> = got.interim.iter().map(|i| (i.status, i.headers.clone())).collect();
        let checks = [
            ("outcome", ended || (is_done && split && self.or_done)),
            ("status code", got.code() == self.code),
            ("body", self.body.as_ref().is_none_or(|body| *body == got.body)),
            ("version", self.version.is_none_or(|v| head.is_some_and(|h| h.version == v))),
            ("reason", self.reason.is_none_or(|r| head.is_some_and(|h| h.reason == r))),
            (
                "headers",
                self.headers.as_ref().is_none_or(|f| head.is_some_and(|h| h.headers == *f)),
            ),
            ("trailers", got.trailers == self.trailers),
            ("interim responses", interim == self.interim),
            ("message", got.message.is_empty() == (got.status == IFETCH_DONE)),
        ];
        let wrong: Vec<_> =
            checks.iter().filter(|(_, right)| !right).map(|(what, _)| *what).collect();
        (!wrong.is_empty()).then(|| format!("{}: {}", wrong.join(", "), short(&format!("{got:?}"))))
    }
}

fn fields(pairs: &[(&str, &str)]) -> Vec<Field> {
    pairs.iter().map(|&(name, value)| (name.into(), value.into())).collect()
}

/// Long bodies make no good message.
fn short(text: &str) -> String {
    const ENOUGH: usize = 600;
    match text.char_indices().nth(ENOUGH) {
        Some((end, _)) => format!("{} ... ({} bytes)", &text[..end], text.len()),
        None => text.into(),
    }
}
