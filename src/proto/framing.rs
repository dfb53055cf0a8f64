//! How long a response body is, and whether the connection stays: RFC 9112 sections 6.3 and 9.3.

use crate::error::{Error, Kind, quote};
use crate::proto::field;
use httparse::Header;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// No body, whatever the header says.
    Empty,
    Length(u64),
    Chunked,
    /// Until the server closes.
    Close,
}

/// What the header says about both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    length: Option<u64>,
    chunked: bool,
    /// Connection options (RFC 9110 section 7.6.1).
    pub(crate) close: bool,
    pub(crate) keep_alive: bool,
}

impl Facts {
    /// Where RFC 9112 leaves a choice between repairing and refusing, this refuses: a length that
    /// two parsers read differently is how responses are smuggled. It does so even where there
    /// is no body: a server that says two things is not to be trusted.
    pub(crate) fn of(version: u8, headers: &[Header<'_>]) -> Result<Self, Error> {
        let mut facts = Self::default();
        for header in headers {
            let name = header.name.as_bytes();
            // Most names differ in their length already.
            match name.len() {
                10 if field::is(name, b"connection") => facts.note_connection(header.value),
                14 if field::is(name, b"content-length") => facts.note_length(header.value)?,
                17 if field::is(name, b"transfer-encoding") => {
                    facts.note_coding(version, header.value)?;
                }
                _ => {}
            }
        }
        if facts.chunked && facts.length.is_some() {
            return Err(bad("it has both Transfer-Encoding and Content-Length"));
        }
        Ok(facts)
    }

    /// The framing of the response with this status to a request that was a HEAD or not.
    pub(crate) fn framing(&self, status: u16, to_head_request: bool) -> Framing {
        match status {
            101 => Framing::Close,
            100..=199 | 204 | 304 => Framing::Empty,
            _ if to_head_request => Framing::Empty,
            _ if self.chunked => Framing::Chunked,
            _ => self.length.map_or(Framing::Close, Framing::Length),
        }
    }

    fn note_connection(&mut self, value: &[u8]) {
        for option in field::items(value) {
            self.close |= field::is(option, b"close");
            self.keep_alive |= field::is(option, b"keep-alive");
        }
    }

    /// All lengths have to agree. "5, 5" and two fields of 5 are let through, as RFC 9110 section
    /// 8.6 allows: proxies that merge fields make them from one.
    fn note_length(&mut self, value: &[u8]) -> Result<(), Error> {
        for text in field::items(value) {
            let mut length = Some(0u64).filter(|_| !text.is_empty());
            for &digit in text {
                if !digit.is_ascii_digit() {
                    return Err(bad(&format!(
                        "its Content-Length {} is not a number",
                        quote(text)
                    )));
                }
                let with = |n: u64| n.checked_mul(10)?.checked_add((digit - b'0').into());
                length = length.and_then(with);
            }
            let Some(length) = length else {
                let why = if text.is_empty() { "not a number" } else { "too large" };
                return Err(bad(&format!("its Content-Length {} is {why}", quote(text))));
            };
            if self.length.is_some_and(|earlier| earlier != length) {
                return Err(bad("its Content-Lengths differ"));
            }
            self.length = Some(length);
        }
        Ok(())
    }

    /// Chunked is the only transfer coding that is understood, and none other was offered, so
    /// anything else is refused (RFC 9112 section 6.1).
    fn note_coding(&mut self, version: u8, coding: &[u8]) -> Result<(), Error> {
        if version < 11 {
            return Err(bad("it has Transfer-Encoding, which HTTP/1.0 does not know"));
        }
        if self.chunked || !field::trim(coding).eq_ignore_ascii_case(b"chunked") {
            let coding = quote(coding);
            return Err(bad(&format!("its Transfer-Encoding {coding} is not chunked alone")));
        }
        self.chunked = true;
        Ok(())
    }
}

fn bad(why: &str) -> Error {
    Error::new(Kind::BadFraming, why)
}
