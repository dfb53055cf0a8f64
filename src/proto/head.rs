//! A response head, kept as the bytes that came.
//!
//! The head is copied once; names and values are lent to C from that copy, so the byte behind
//! each of them (a colon, a blank or a CR, which nobody needs any more) is overwritten with NUL.

use crate::error::{Error, Kind, quote};
use httparse::{Header, ParserConfig};
use std::ffi::CStr;
use std::mem::MaybeUninit;

/// Fields of a header or trailer section, in wire order.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    bytes: Box<[u8]>,
    places: Box<[Place]>,
}

/// Where in the bytes a field's name and value begin; both end at a NUL.
#[derive(Clone, Copy, Debug)]
struct Place {
    name: u32,
    value: u32,
}

/// The start and the header section of a response.
#[derive(Debug)]
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
    pub(crate) fn parse(bytes: &[u8], max_fields: usize) -> Result<Self, Error> {
        with_slots(max_fields, |slots| {
            let mut response = httparse::Response::new(&mut []);
            let parsed = ParserConfig::default().parse_response_with_uninit_headers(
                &mut response,
                bytes,
                slots,
            );
            match parsed {
                Ok(httparse::Status::Complete(_)) => {}
                Ok(httparse::Status::Partial) => return Err(malformed("it ends early")),
                Err(error) => return Err(explain(error, max_fields)),
            }
            let status = response.code.expect("complete");
            if status < 100 {
                return Err(malformed("its status code is below 100"));
            }
            let version = 10 + response.version.expect("complete");
            let mut fields = Fields::keep(bytes, response.headers);
            // "HTTP/1.1 200 OK": the reason begins at 13, or the line ends before that.
            let line_end = memchr::memchr(b'\r', &fields.bytes).expect("the head has a line");
            fields.bytes[line_end] = 0;
            let reason_at = line_end.min(b"HTTP/1.1 200 ".len()) as u8;
            Ok(Self { status, version, reason_at, fields })
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
            Ok(httparse::Status::Complete((_, headers))) => Ok(Self::keep(bytes, headers)),
            Ok(httparse::Status::Partial) => Err(malformed("it ends early")),
            Err(error) => Err(explain(error, max_fields)),
        }
    }

    /// `headers` were parsed out of `bytes`.
    fn keep(bytes: &[u8], headers: &[Header<'_>]) -> Self {
        let base = bytes.as_ptr().addr();
        let mut kept: Box<[u8]> = bytes.into();
        let places = headers
            .iter()
            .map(|header| {
                let name = header.name.as_ptr().addr() - base;
                let name_end = name + header.name.len();
                kept[name_end] = 0;
                // An empty value has no place of its own: the end of the name serves.
                let value = match header.value {
                    [] => name_end,
                    value => value.as_ptr().addr() - base,
                };
                kept[value + header.value.len()] = 0;
                Place { name: name as u32, value: value as u32 }
            })
            .collect();
        Self { bytes: kept, places }
    }

    fn text(&self, at: usize) -> &CStr {
        CStr::from_bytes_until_nul(&self.bytes[at..]).expect("a NUL was put behind each text")
    }

    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    pub(crate) fn at(&self, i: usize) -> Option<(&CStr, &CStr)> {
        let place = self.places.get(i)?;
        Some((self.text(place.name as usize), self.text(place.value as usize)))
    }

    /// The values of all fields with this name.
    pub(crate) fn all<'a>(&'a self, name: &'a [u8]) -> impl Iterator<Item = &'a CStr> {
        self.places.iter().filter_map(move |place| {
            let start = place.name as usize;
            let end = start + name.len();
            // Most names differ in their length: this one ends in a NUL.
            let same = self.bytes.get(end) == Some(&0)
                && self.bytes[start..end].eq_ignore_ascii_case(name);
            same.then(|| self.text(place.value as usize))
        })
    }

    pub(crate) fn find<'a>(&'a self, name: &'a [u8]) -> Option<&'a CStr> {
        self.all(name).next()
    }
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
/// searched again and again. A line that ends in LF alone is refused: where one parser sees a
/// line and another does not, responses are smuggled (RFC 9112 section 2.2 lets us refuse).
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
