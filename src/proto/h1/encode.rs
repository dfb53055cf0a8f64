//! The request head, and the chunked coding of a request body.

use crate::proto::request::{Body, Request};
use crate::proto::target::Target;
use std::io::Write as _;

const USER_AGENT: &str = concat!("ifetch/", env!("CARGO_PKG_VERSION"));

/// What most requests have around their authority, each in one piece.
const BEFORE_AUTHORITY: &[u8] = b" HTTP/1.1\r\nHost: ";
const BEHIND_AUTHORITY: &[u8] =
    concat!("\r\nUser-Agent: ifetch/", env!("CARGO_PKG_VERSION"), "\r\nAccept: */*\r\n").as_bytes();

/// How long most heads are, but for their URL.
const USUAL: usize = 128;

/// Appends the head of a request to `out`: request line, our fields, the caller's, then those
/// that say how long the body is and, if it is not kept, what becomes of the connection.
pub(crate) fn head(out: &mut Vec<u8>, request: &Request, target: &Target, keeps: bool) {
    // At once, and enough for most.
    out.reserve(target.text().len() + USUAL);
    match request.method() {
        // Its length is known here, and most have it.
        "GET" => out.extend_from_slice(b"GET "),
        method => {
            out.extend_from_slice(method.as_bytes());
            out.push(b' ');
        }
    }
    out.extend_from_slice(target.path_and_query());
    if request.has_default_fields() {
        out.extend_from_slice(BEFORE_AUTHORITY);
        out.extend_from_slice(target.authority());
        out.extend_from_slice(BEHIND_AUTHORITY);
        if let Some(value) = target.authorization() {
            field(out, b"Authorization", value.as_bytes());
        }
    } else {
        out.extend_from_slice(b" HTTP/1.1\r\n");
        fields(out, request, target);
    }
    body_length(out, request);
    if let Some(protocol) = request.upgrade() {
        field(out, b"Upgrade", protocol);
        field(out, b"Connection", b"upgrade");
    } else if !keeps && request.wants_default("connection") {
        // A client that keeps no connection must say so (RFC 9112 section 9.6).
        field(out, b"Connection", b"close");
    }
    out.extend_from_slice(b"\r\n");
}

// Neither is inlined: few requests have fields of their own, and their code is long.
#[inline(never)]
fn fields(out: &mut Vec<u8>, request: &Request, target: &Target) {
    if request.wants_default("host") {
        field(out, b"Host", target.authority());
    }
    if request.wants_default("user-agent") {
        field(out, b"User-Agent", USER_AGENT.as_bytes());
    }
    if request.wants_default("accept") {
        field(out, b"Accept", b"*/*");
    }
    if let Some(value) = target.authorization().filter(|_| request.wants_default("authorization")) {
        field(out, b"Authorization", value.as_bytes());
    }
    for f in request.fields() {
        field(out, &f.name, &f.value);
    }
}

#[inline(never)]
fn field(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

fn body_length(out: &mut Vec<u8>, request: &Request) {
    let length = match &request.body {
        Body::Streamed(None) => return field(out, b"Transfer-Encoding", b"chunked"),
        Body::Streamed(Some(length)) => *length,
        Body::Copied(bytes) => bytes.len() as u64,
        Body::Borrowed(bytes) => bytes.len() as u64,
        Body::None if request.means_a_body() => 0,
        Body::None => return,
    };
    write!(out, "Content-Length: {length}\r\n").expect("a Vec takes everything");
}

/// The line that opens a chunk. An empty chunk would be the last one, so none is made.
pub(crate) fn chunk_line(out: &mut Vec<u8>, len: usize) {
    debug_assert!(len > 0);
    write!(out, "{len:x}\r\n").expect("a Vec takes everything");
}

/// What ends each chunk.
pub(crate) const CHUNK_END: &[u8] = b"\r\n";

/// The last chunk, with no trailers.
pub(crate) const LAST_CHUNK: &[u8] = b"0\r\n\r\n";
