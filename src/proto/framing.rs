//! How long a response body is: RFC 9112 section 6.3, in one function.

use crate::error::{Error, Kind, quote};
use crate::proto::field;
use crate::proto::head::Head;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// No body, whatever the header says.
    Empty,
    Length(u64),
    Chunked,
    /// Until the server closes.
    Close,
}

impl Framing {
    /// The framing of the response with this head to a request that was a HEAD or not.
    ///
    /// Where RFC 9112 leaves a choice between repairing and refusing, this refuses: a length that
    /// two parsers read differently is how responses are smuggled.
    pub(crate) fn of(head: &Head, to_head_request: bool) -> Result<Self, Error> {
        // Checked even where there is no body: a server that says two things is not to be trusted.
        let length = content_length(head)?;
        let chunked = is_chunked(head)?;
        if chunked && length.is_some() {
            return Err(bad("it has both Transfer-Encoding and Content-Length"));
        }
        Ok(match head.status {
            101 => Framing::Close,
            100..=199 | 204 | 304 => Framing::Empty,
            _ if to_head_request => Framing::Empty,
            _ if chunked => Framing::Chunked,
            _ => length.map_or(Framing::Close, Framing::Length),
        })
    }
}

/// The one length that all Content-Length fields agree on. "5, 5" and two fields of 5 are let
/// through, as RFC 9110 section 8.6 allows: proxies that merge fields make them from one.
fn content_length(head: &Head) -> Result<Option<u64>, Error> {
    let mut length = None;
    for field in head.fields.all(b"content-length") {
        for text in field.to_bytes().split(|&b| b == b',').map(field::trim) {
            if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
                return Err(bad(&format!("its Content-Length {} is not a number", quote(text))));
            }
            let value = str::from_utf8(text).ok().and_then(|t| t.parse().ok());
            let Some(value) = value else {
                return Err(bad(&format!("its Content-Length {} is too large", quote(text))));
            };
            if length.is_some_and(|earlier| earlier != value) {
                return Err(bad("its Content-Lengths differ"));
            }
            length = Some(value);
        }
    }
    Ok(length)
}

/// Whether the transfer coding is chunked. It is the only one that is understood, and none
/// other was offered, so anything else is refused (RFC 9112 section 6.1).
fn is_chunked(head: &Head) -> Result<bool, Error> {
    let mut codings = head.fields.all(b"transfer-encoding");
    let Some(coding) = codings.next() else {
        return Ok(false);
    };
    let coding = coding.to_bytes();
    if head.version < 11 {
        return Err(bad("it has Transfer-Encoding, which HTTP/1.0 does not know"));
    }
    if codings.next().is_some() || !field::trim(coding).eq_ignore_ascii_case(b"chunked") {
        return Err(bad(&format!("its Transfer-Encoding {} is not chunked alone", quote(coding))));
    }
    Ok(true)
}

fn bad(why: &str) -> Error {
    Error::new(Kind::BadFraming, why)
}
