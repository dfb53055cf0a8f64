//! A response head, kept as the bytes that came.
//!
//! The head is copied once; names and values are lent to C from that copy, so the byte behind
//! each of them (a colon, a blank or a CR, which nobody needs any more) is overwritten with NUL.

use crate::error::{Error, Kind, quote};
use crate::proto::field;
use crate::proto::framing::Facts;
use httparse::{Header, ParserConfig};
use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::sync::Arc;

/// Fields of a header or trailer section, in wire order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields {
    /// The text, and behind it where each field's name and value begin in it; both end at a NUL.
    /// In one piece, since every response needs one, and shared by responses with the same head.
    bytes: Arc<[u8]>,
    text_len: u32,
}

/// Where a name and a value begin, as two short numbers.
const PLACE: usize = 2 * size_of::<u32>();

/// The start and the header section of a response.
#[derive(Clone, Debug, Default)]
pub(crate) struct Head {
    pub(crate) status: u16,
    /// 10 or 11.
    pub(crate) version: u8,
    reason_at: u8,
    pub(crate) fields: Fields,
}

/// More fields than this are parsed into memory from the heap.
const FIELDS_ON_STACK: usize = 128;

impl Head {
    /// Parses a whole head, up to and with its blank line.
    pub(crate) fn parse(bytes: &[u8], max_fields: usize) -> Result<(Self, Facts), Error> {
        let parsed = Self::parse_start(bytes, max_fields, |_, _| true)?;
        parsed.map(|(_, head, facts)| (head, facts)).ok_or_else(|| malformed("it ends early"))
    }

    /// Parses the head that `bytes` begin with, and says how long it is. Nothing if it is not
    /// complete, or not flawless: then `find_end` and `parse` say what is wrong with it. To look
    /// for its end first would cost as much as parsing it.
    pub(crate) fn parse_at_once(bytes: &[u8], max_fields: usize) -> Option<(usize, Self, Facts)> {
        Self::parse_start(bytes, max_fields, has_strict_lines).ok().flatten()
    }

    fn parse_start(
        bytes: &[u8],
        max_fields: usize,
        accept: impl FnOnce(&[u8], &[Header<'_>]) -> bool,
    ) -> Result<Option<(usize, Self, Facts)>, Error> {
        with_slots(max_fields, |slots| {
            let mut response = httparse::Response::new(&mut []);
            let parsed = ParserConfig::default().parse_response_with_uninit_headers(
                &mut response,
                bytes,
                slots,
            );
            let len = match parsed {
                Ok(httparse::Status::Complete(len)) => len,
                Ok(httparse::Status::Partial) => return Ok(None),
                Err(error) => return Err(explain(error, max_fields)),
            };
            let bytes = &bytes[..len];
            if !accept(bytes, response.headers) {
                return Ok(None);
            }
            let status = response.code.expect("complete");
            if status < 100 {
                return Err(malformed("its status code is below 100"));
            }
            let version = 10 + response.version.expect("complete");
            let facts = Facts::of(version, response.headers)?;
            // "HTTP/1.1 200 OK": the reason begins at 13, or the line ends before that.
            let line_end = start_line(bytes, response.headers).len() - b"\r\n".len();
            let fields = Fields::keep(bytes, response.headers, Some(line_end));
            let reason_at = line_end.min(b"HTTP/1.1 200 ".len()) as u8;
            Ok(Some((len, Self { status, version, reason_at, fields }, facts)))
        })
    }

    pub(crate) fn reason(&self) -> &CStr {
        self.fields.text(usize::from(self.reason_at))
    }

    /// Whether this is an interim response, which another one follows (RFC 9110 section 15.2).
    /// 101 is final: what follows it is not HTTP.
    pub(crate) fn is_interim(&self) -> bool {
        self.status < 200 && self.status != 101
    }
}

impl Fields {
    /// Parses a whole trailer section, up to and with its blank line.
    pub(crate) fn parse(bytes: &[u8], max_fields: usize) -> Result<Self, Error> {
        // httparse has no parser for fields alone that takes uninitialised slots.
        let mut slots = vec![httparse::EMPTY_HEADER; max_fields.min(bytes.len() / 4)];
        match httparse::parse_headers(bytes, &mut slots) {
            Ok(httparse::Status::Complete((_, headers))) => Ok(Self::keep(bytes, headers, None)),
            Ok(httparse::Status::Partial) => Err(malformed("it ends early")),
            Err(error) => Err(explain(error, max_fields)),
        }
    }

    /// `headers` were parsed out of `bytes`, behind a line that ends at `line_end` if there is one.
    fn keep(bytes: &[u8], headers: &[Header<'_>], line_end: Option<usize>) -> Self {
        let base = bytes.as_ptr().addr();
        let len = bytes.len() + headers.len() * PLACE;
        let mut shared: Arc<[u8]> = std::iter::repeat_n(0, len).collect();
        let kept = Arc::get_mut(&mut shared).expect("just made");
        let (text, places) = kept.split_at_mut(bytes.len());
        text.copy_from_slice(bytes);
        if let Some(at) = line_end {
            text[at] = 0;
        }
        for (header, place) in headers.iter().zip(places.as_chunks_mut::<PLACE>().0) {
            let name = header.name.as_ptr().addr() - base;
            let name_end = name + header.name.len();
            text[name_end] = 0;
            // An empty value has no place of its own: the end of the name serves.
            let value = match header.value {
                [] => name_end,
                value => value.as_ptr().addr() - base,
            };
            text[value + header.value.len()] = 0;
            *place = (u64::from(name as u32) | u64::from(value as u32) << 32).to_le_bytes();
        }
        Self { bytes: shared, text_len: bytes.len() as u32 }
    }

    fn text(&self, at: usize) -> &CStr {
        CStr::from_bytes_until_nul(&self.bytes[at..]).expect("a NUL was put behind each text")
    }

    /// Where the name and the value of each field begin.
    fn places(&self) -> impl ExactSizeIterator<Item = (usize, usize)> {
        let (places, _) = self.bytes[self.text_len as usize..].as_chunks::<PLACE>();
        places.iter().map(|&place| {
            let place = u64::from_le_bytes(place);
            (place as u32 as usize, (place >> 32) as usize)
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.places().len()
    }

    pub(crate) fn at(&self, i: usize) -> Option<(&CStr, &CStr)> {
        let (name, value) = self.places().nth(i)?;
        Some((self.text(name), self.text(value)))
    }

    /// The values of all fields with this name.
    pub(crate) fn all<'a>(&'a self, name: &'a [u8]) -> impl Iterator<Item = &'a CStr> {
        self.places().filter_map(move |(start, value)| {
            let end = start + name.len();
            // Most names differ in their length: this one ends in a NUL.
            let same = self.bytes.get(end) == Some(&0)
                && self.bytes[start..end].eq_ignore_ascii_case(name);
            same.then(|| self.text(value))
        })
    }

    pub(crate) fn find<'a>(&'a self, name: &'a [u8]) -> Option<&'a CStr> {
        self.all(name).next()
    }
}

/// Whether every line of a head ends in CR LF. Where one parser sees a line and another does not,
/// responses are smuggled (RFC 9112 section 2.2 lets us refuse a bare LF).
fn has_strict_lines(bytes: &[u8], headers: &[Header<'_>]) -> bool {
    let base = bytes.as_ptr().addr();
    let strict_end = |header: &Header<'_>| {
        let end = match header.value {
            // Behind the colon.
            [] => header.name.as_ptr().addr() - base + header.name.len() + 1,
            value => value.as_ptr().addr() - base + value.len(),
        };
        field::trim_start(&bytes[end..]).starts_with(b"\r")
    };
    start_line(bytes, headers).ends_with(b"\r\n")
        && bytes.ends_with(b"\r\n")
        && headers.iter().all(strict_end)
}

/// What stands before the header section, with the end of the line.
fn start_line<'b>(bytes: &'b [u8], headers: &[Header<'_>]) -> &'b [u8] {
    let end = match headers.first() {
        Some(header) => header.name.as_ptr().addr() - bytes.as_ptr().addr(),
        // A blank line is all that follows.
        None => bytes.len() - b"\r\n".len(),
    };
    &bytes[..end]
}

/// Lends `count` uninitialised slots to `f`.
fn with_slots<'b, T>(count: usize, f: impl FnOnce(&mut [MaybeUninit<Header<'b>>]) -> T) -> T {
    if count <= FIELDS_ON_STACK {
        f(&mut [const { MaybeUninit::uninit() }; FIELDS_ON_STACK][..count])
    } else {
        f(&mut Vec::with_capacity(count).spare_capacity_mut()[..count])
    }
}

fn malformed(why: &str) -> Error {
    Error::new(Kind::BadHead, why)
}

fn explain(error: httparse::Error, max_fields: usize) -> Error {
    use httparse::Error as E;
    match error {
        E::TooManyHeaders => {
            Error::new(Kind::TooManyHeaders, format!("it has more than {max_fields} header fields"))
        }
        E::Version => malformed("its HTTP version is neither 1.0 nor 1.1"),
        E::Status => malformed("its status line is malformed"),
        E::HeaderName => malformed("a header name is malformed, or a line is folded"),
        E::HeaderValue => malformed("a header value holds a control character"),
        E::NewLine => malformed("a CR stands without its LF"),
        E::Token => malformed("it holds a character that may not stand there"),
    }
}

/// Looks for the end of a head or trailer section: the index behind its blank line.
///
/// `searched` remembers how far earlier calls came, so that a head arriving byte by byte is not
/// searched again and again. A line that ends in LF alone is refused.
pub(crate) fn find_end(bytes: &[u8], searched: &mut usize) -> Result<Option<usize>, Error> {
    for at in memchr::memchr_iter(b'\n', &bytes[*searched..]).map(|i| i + *searched) {
        match &bytes[..at] {
            [.., b'\r', b'\n', b'\r'] | [b'\r'] => return Ok(Some(at + 1)),
            [.., b'\r'] => {}
            line => {
                let start = memchr::memrchr(b'\n', line).map_or(0, |i| i + 1);
                let line = quote(&line[start..]);
                return Err(malformed(&format!("the line {line} ends in a bare LF")));
            }
        }
    }
    *searched = bytes.len();
    Ok(None)
}
