//! Error numbers and their texts.

use super::guard;
use crate::error::Kind;
use std::ffi::{CStr, c_char};

/// Why a call was refused or why a fetch failed. 0 is success everywhere. Numbers are never
/// reused and never change their meaning; new ones are added at the end, so treat a number that
/// you do not know as a failure like any other. ifetch_error_name() and ifetch_error_text() turn
/// them into words; ifetch_error_message() tells the whole story of one fetch.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ifetch_error {
    /// No error.
    IFETCH_ERROR_NONE = 0,
    /// An argument is NULL where it may not be, out of range, or not one of the named constants.
    IFETCH_ERROR_INVALID_ARGUMENT = 1,
    /// Another thread is inside a call on the same client; this call did nothing.
    IFETCH_ERROR_BUSY = 2,
    /// The call does not fit this fetch or its state, or its options exclude each other: an
    /// upgrade with a request body.
    IFETCH_ERROR_WRONG_STATE = 3,
    /// This build cannot do what was asked: a scheme other than http and https (which a build may
    /// lack: see ifetch_feature()), an unknown policy.
    IFETCH_ERROR_UNSUPPORTED = 4,
    /// The URL cannot be parsed, or holds control characters.
    IFETCH_ERROR_INVALID_URL = 5,
    /// The method is not a token (RFC 9110 section 9.1), or is CONNECT.
    IFETCH_ERROR_INVALID_METHOD = 6,
    /// A header name is not a token, a value holds CR, LF, NUL or another control character
    /// (RFC 9110 section 5.5), or the field is one that the library writes itself.
    IFETCH_ERROR_INVALID_HEADER = 7,
    /// The host name could not be turned into an address.
    IFETCH_ERROR_RESOLVE = 8,
    /// No address of the host accepted a connection; the message lists every attempt.
    IFETCH_ERROR_CONNECT = 9,
    /// The whole fetch took longer than IFETCH_TIMEOUT_TOTAL allows.
    IFETCH_ERROR_TIMEOUT_TOTAL = 10,
    /// The name lookup took longer than IFETCH_TIMEOUT_RESOLVE allows.
    IFETCH_ERROR_TIMEOUT_RESOLVE = 11,
    /// Connecting took longer than IFETCH_TIMEOUT_CONNECT allows.
    IFETCH_ERROR_TIMEOUT_CONNECT = 12,
    /// No byte of the response came within IFETCH_TIMEOUT_FIRST_BYTE.
    IFETCH_ERROR_TIMEOUT_FIRST_BYTE = 13,
    /// The response head was not complete within IFETCH_TIMEOUT_HEAD.
    IFETCH_ERROR_TIMEOUT_HEAD = 14,
    /// No byte moved in either direction for IFETCH_TIMEOUT_IDLE.
    IFETCH_ERROR_TIMEOUT_IDLE = 15,
    /// The connection broke while the request was being sent, and no response had come.
    IFETCH_ERROR_SEND = 16,
    /// The connection broke while the response was awaited or received.
    IFETCH_ERROR_RECEIVE = 17,
    /// The server closed the connection without sending a single byte of a response.
    IFETCH_ERROR_NO_RESPONSE = 18,
    /// The server closed the connection before the response was complete (RFC 9112 section 8).
    /// What had arrived is still there: see ifetch_response_body().
    IFETCH_ERROR_TRUNCATED = 19,
    /// The first bytes of the answer are not those of an HTTP/1 response.
    IFETCH_ERROR_NOT_HTTP = 20,
    /// The response head breaks RFC 9112: a bare CR or LF, a NUL, a folded line, a blank before
    /// the colon, a status line that is none.
    IFETCH_ERROR_BAD_HEAD = 21,
    /// The response's length cannot be trusted (RFC 9112 section 6.3): Content-Length differing,
    /// malformed or beside Transfer-Encoding, or a transfer coding that is not understood.
    IFETCH_ERROR_BAD_FRAMING = 22,
    /// The chunked coding, its trailer section included, is broken (RFC 9112 section 7.1).
    IFETCH_ERROR_BAD_CHUNK = 23,
    /// More bytes came after the end of the response.
    IFETCH_ERROR_EXTRA_BYTES = 24,
    /// The server switched protocols (101) although ifetch_options_upgrade() did not ask for it.
    IFETCH_ERROR_UNEXPECTED_UPGRADE = 25,
    /// The response head, or its trailer section, is longer than IFETCH_LIMIT_HEAD.
    IFETCH_ERROR_HEAD_TOO_LARGE = 26,
    /// The response has more header or trailer fields than IFETCH_LIMIT_HEADERS.
    IFETCH_ERROR_TOO_MANY_HEADERS = 27,
    /// The collected body is longer than IFETCH_LIMIT_BODY.
    IFETCH_ERROR_BODY_TOO_LARGE = 28,
    /// More interim (1xx) responses came than IFETCH_LIMIT_INTERIM.
    IFETCH_ERROR_TOO_MANY_INTERIM = 29,
    /// ifetch_write_end() came before the announced length had been written.
    IFETCH_ERROR_UPLOAD_INCOMPLETE = 30,
    /// The operating system refused a resource: descriptors, memory for sockets, threads.
    IFETCH_ERROR_SYSTEM = 31,
    /// The fetch was cancelled.
    IFETCH_ERROR_CANCELLED = 32,
    /// A bug in ifetch was caught before it could do harm; please report the message.
    IFETCH_ERROR_INTERNAL = 33,
    /// The limits of the client kept the fetch waiting for longer than IFETCH_TIMEOUT_QUEUE
    /// allows.
    IFETCH_ERROR_TIMEOUT_QUEUE = 34,
    /// The TLS handshake failed, or the connection broke TLS later: the other side sent what may not
    /// be sent, or has no version or cipher suite in common with this one. The message says what.
    IFETCH_ERROR_TLS = 35,
    /// The server ended TLS with an alert (RFC 8446 section 6.2); the message says which.
    IFETCH_ERROR_TLS_ALERT = 36,
    /// The server's certificate, or one behind it, is refused for another reason than those below: it
    /// cannot be read, has a wrong or weak signature, is not for servers, or breaks a constraint.
    IFETCH_ERROR_CERTIFICATE = 37,
    /// The server's certificate, or one behind it, has expired or is not valid yet.
    IFETCH_ERROR_CERTIFICATE_DATE = 38,
    /// The server's certificate was issued by nobody who is trusted, or by itself.
    IFETCH_ERROR_CERTIFICATE_ISSUER = 39,
    /// The server's certificate is for other names than the one in the URL, or than the one set with
    /// ifetch_options_verify_name(); the message lists them.
    IFETCH_ERROR_CERTIFICATE_NAME = 40,
    /// The server's public key is none of those that ifetch_tls_pin() named.
    IFETCH_ERROR_CERTIFICATE_PIN = 41,
    /// Nobody is trusted: the certificates that this system trusts cannot be read, or there are none,
    /// or they were switched off and no others given.
    IFETCH_ERROR_NO_TRUST = 42,
    /// A file that was named cannot be read, or be written to.
    IFETCH_ERROR_BAD_FILE = 43,
    /// A file or text holds no certificate or no key, in PEM, that can be used.
    IFETCH_ERROR_BAD_PEM = 44,
}

use ifetch_error::*;

impl From<Kind> for ifetch_error {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::InvalidArgument => IFETCH_ERROR_INVALID_ARGUMENT,
            Kind::WrongState => IFETCH_ERROR_WRONG_STATE,
            Kind::Unsupported => IFETCH_ERROR_UNSUPPORTED,
            Kind::InvalidUrl => IFETCH_ERROR_INVALID_URL,
            Kind::InvalidMethod => IFETCH_ERROR_INVALID_METHOD,
            Kind::InvalidHeader => IFETCH_ERROR_INVALID_HEADER,
            Kind::Resolve => IFETCH_ERROR_RESOLVE,
            Kind::Connect => IFETCH_ERROR_CONNECT,
            Kind::TimeoutTotal => IFETCH_ERROR_TIMEOUT_TOTAL,
            Kind::TimeoutResolve => IFETCH_ERROR_TIMEOUT_RESOLVE,
            Kind::TimeoutConnect => IFETCH_ERROR_TIMEOUT_CONNECT,
            Kind::TimeoutFirstByte => IFETCH_ERROR_TIMEOUT_FIRST_BYTE,
            Kind::TimeoutHead => IFETCH_ERROR_TIMEOUT_HEAD,
            Kind::TimeoutIdle => IFETCH_ERROR_TIMEOUT_IDLE,
            Kind::TimeoutQueue => IFETCH_ERROR_TIMEOUT_QUEUE,
            Kind::Send => IFETCH_ERROR_SEND,
            Kind::Receive => IFETCH_ERROR_RECEIVE,
            Kind::NoResponse => IFETCH_ERROR_NO_RESPONSE,
            Kind::Truncated => IFETCH_ERROR_TRUNCATED,
            Kind::NotHttp => IFETCH_ERROR_NOT_HTTP,
            Kind::BadHead => IFETCH_ERROR_BAD_HEAD,
            Kind::BadFraming => IFETCH_ERROR_BAD_FRAMING,
            Kind::BadChunk => IFETCH_ERROR_BAD_CHUNK,
            Kind::ExtraBytes => IFETCH_ERROR_EXTRA_BYTES,
            Kind::UnexpectedUpgrade => IFETCH_ERROR_UNEXPECTED_UPGRADE,
            Kind::HeadTooLarge => IFETCH_ERROR_HEAD_TOO_LARGE,
            Kind::TooManyHeaders => IFETCH_ERROR_TOO_MANY_HEADERS,
            Kind::BodyTooLarge => IFETCH_ERROR_BODY_TOO_LARGE,
            Kind::TooManyInterim => IFETCH_ERROR_TOO_MANY_INTERIM,
            Kind::UploadIncomplete => IFETCH_ERROR_UPLOAD_INCOMPLETE,
            Kind::Tls => IFETCH_ERROR_TLS,
            Kind::TlsAlert => IFETCH_ERROR_TLS_ALERT,
            Kind::Certificate => IFETCH_ERROR_CERTIFICATE,
            Kind::CertificateDate => IFETCH_ERROR_CERTIFICATE_DATE,
            Kind::CertificateIssuer => IFETCH_ERROR_CERTIFICATE_ISSUER,
            Kind::CertificateName => IFETCH_ERROR_CERTIFICATE_NAME,
            Kind::CertificatePin => IFETCH_ERROR_CERTIFICATE_PIN,
            Kind::NoTrust => IFETCH_ERROR_NO_TRUST,
            Kind::BadFile => IFETCH_ERROR_BAD_FILE,
            Kind::BadPem => IFETCH_ERROR_BAD_PEM,
            Kind::System => IFETCH_ERROR_SYSTEM,
            Kind::Cancelled => IFETCH_ERROR_CANCELLED,
            Kind::Internal => IFETCH_ERROR_INTERNAL,
        }
    }
}

/// Every code with its name and its one-line meaning: the one table behind both functions.
const TEXTS: [(ifetch_error, &CStr, &CStr); 45] = [
    (IFETCH_ERROR_NONE, c"NONE", c"no error"),
    (
        IFETCH_ERROR_INVALID_ARGUMENT,
        c"INVALID_ARGUMENT",
        c"an argument is NULL, out of range or unknown",
    ),
    (IFETCH_ERROR_BUSY, c"BUSY", c"another thread is inside a call on the same client"),
    (IFETCH_ERROR_WRONG_STATE, c"WRONG_STATE", c"the call does not fit this fetch or its state"),
    (IFETCH_ERROR_UNSUPPORTED, c"UNSUPPORTED", c"this build cannot do what was asked"),
    (IFETCH_ERROR_INVALID_URL, c"INVALID_URL", c"the URL cannot be parsed"),
    (IFETCH_ERROR_INVALID_METHOD, c"INVALID_METHOD", c"the method is not a token, or is CONNECT"),
    (IFETCH_ERROR_INVALID_HEADER, c"INVALID_HEADER", c"a header field may not be sent like that"),
    (IFETCH_ERROR_RESOLVE, c"RESOLVE", c"the host name could not be turned into an address"),
    (IFETCH_ERROR_CONNECT, c"CONNECT", c"no address of the host accepted a connection"),
    (IFETCH_ERROR_TIMEOUT_TOTAL, c"TIMEOUT_TOTAL", c"the whole fetch took too long"),
    (IFETCH_ERROR_TIMEOUT_RESOLVE, c"TIMEOUT_RESOLVE", c"the name lookup took too long"),
    (IFETCH_ERROR_TIMEOUT_CONNECT, c"TIMEOUT_CONNECT", c"connecting took too long"),
    (
        IFETCH_ERROR_TIMEOUT_FIRST_BYTE,
        c"TIMEOUT_FIRST_BYTE",
        c"the first byte of the response took too long",
    ),
    (IFETCH_ERROR_TIMEOUT_HEAD, c"TIMEOUT_HEAD", c"the response head took too long"),
    (IFETCH_ERROR_TIMEOUT_IDLE, c"TIMEOUT_IDLE", c"no byte moved for too long"),
    (IFETCH_ERROR_SEND, c"SEND", c"the connection broke while the request was being sent"),
    (
        IFETCH_ERROR_RECEIVE,
        c"RECEIVE",
        c"the connection broke while the response was awaited or received",
    ),
    (
        IFETCH_ERROR_NO_RESPONSE,
        c"NO_RESPONSE",
        c"the server closed the connection without a response",
    ),
    (
        IFETCH_ERROR_TRUNCATED,
        c"TRUNCATED",
        c"the connection was closed before the response was complete",
    ),
    (IFETCH_ERROR_NOT_HTTP, c"NOT_HTTP", c"the answer is not an HTTP/1 response"),
    (IFETCH_ERROR_BAD_HEAD, c"BAD_HEAD", c"the response head is malformed"),
    (IFETCH_ERROR_BAD_FRAMING, c"BAD_FRAMING", c"the length of the response cannot be trusted"),
    (IFETCH_ERROR_BAD_CHUNK, c"BAD_CHUNK", c"the chunked coding is broken"),
    (IFETCH_ERROR_EXTRA_BYTES, c"EXTRA_BYTES", c"more bytes came after the end of the response"),
    (
        IFETCH_ERROR_UNEXPECTED_UPGRADE,
        c"UNEXPECTED_UPGRADE",
        c"the server switched protocols without being asked",
    ),
    (IFETCH_ERROR_HEAD_TOO_LARGE, c"HEAD_TOO_LARGE", c"the response head is longer than the limit"),
    (
        IFETCH_ERROR_TOO_MANY_HEADERS,
        c"TOO_MANY_HEADERS",
        c"the response has more header fields than the limit",
    ),
    (
        IFETCH_ERROR_BODY_TOO_LARGE,
        c"BODY_TOO_LARGE",
        c"the collected body is longer than the limit",
    ),
    (
        IFETCH_ERROR_TOO_MANY_INTERIM,
        c"TOO_MANY_INTERIM",
        c"more interim responses came than the limit",
    ),
    (
        IFETCH_ERROR_UPLOAD_INCOMPLETE,
        c"UPLOAD_INCOMPLETE",
        c"the upload ended before its announced length",
    ),
    (IFETCH_ERROR_SYSTEM, c"SYSTEM", c"the operating system refused a resource"),
    (IFETCH_ERROR_CANCELLED, c"CANCELLED", c"the fetch was cancelled"),
    (IFETCH_ERROR_INTERNAL, c"INTERNAL", c"a bug in ifetch was caught"),
    (IFETCH_ERROR_TIMEOUT_QUEUE, c"TIMEOUT_QUEUE", c"waiting for a connection took too long"),
    (IFETCH_ERROR_TLS, c"TLS", c"the server broke TLS, or has nothing in common with this side"),
    (IFETCH_ERROR_TLS_ALERT, c"TLS_ALERT", c"the server ended TLS with an alert"),
    (IFETCH_ERROR_CERTIFICATE, c"CERTIFICATE", c"the server's certificate is refused"),
    (
        IFETCH_ERROR_CERTIFICATE_DATE,
        c"CERTIFICATE_DATE",
        c"the server's certificate has expired, or is not valid yet",
    ),
    (
        IFETCH_ERROR_CERTIFICATE_ISSUER,
        c"CERTIFICATE_ISSUER",
        c"the server's certificate was issued by nobody who is trusted",
    ),
    (
        IFETCH_ERROR_CERTIFICATE_NAME,
        c"CERTIFICATE_NAME",
        c"the server's certificate is for other names",
    ),
    (
        IFETCH_ERROR_CERTIFICATE_PIN,
        c"CERTIFICATE_PIN",
        c"the server's public key is not the one that was pinned",
    ),
    (IFETCH_ERROR_NO_TRUST, c"NO_TRUST", c"nobody is trusted: there are no trusted certificates"),
    (IFETCH_ERROR_BAD_FILE, c"BAD_FILE", c"a file cannot be read or written"),
    (IFETCH_ERROR_BAD_PEM, c"BAD_PEM", c"there is no certificate or key in it that can be used"),
];

fn entry(code: i32) -> Option<&'static (ifetch_error, &'static CStr, &'static CStr)> {
    usize::try_from(code).ok().and_then(|i| TEXTS.get(i))
}

/// The name of an error code without its prefix, such as "TIMEOUT_HEAD"; "UNKNOWN" for a number
/// that is none. Static; any thread.
#[unsafe(no_mangle)]
pub extern "C" fn ifetch_error_name(code: i32) -> *const c_char {
    guard(c"UNKNOWN".as_ptr(), || entry(code).map_or(c"UNKNOWN", |e| e.1).as_ptr())
}

/// The meaning of an error code in one line of English; "unknown error" for a number that is
/// none. Static; any thread.
#[unsafe(no_mangle)]
pub extern "C" fn ifetch_error_text(code: i32) -> *const c_char {
    guard(c"unknown error".as_ptr(), || entry(code).map_or(c"unknown error", |e| e.2).as_ptr())
}

/// The version of the library that runs, such as "0.1.0". Static; any thread.
#[unsafe(no_mangle)]
pub extern "C" fn ifetch_version() -> *const c_char {
    const VERSION: &CStr =
        match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
            Ok(text) => text,
            Err(_) => panic!("a version holds no NUL"),
        };
    VERSION.as_ptr()
}

/// Whether this build has a feature: 1 if so, 0 if not or if the name is unknown or NULL.
/// Names: "http/1.1", "https", "idn", "ipv6", "post-quantum" (key exchange for https). Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ifetch_feature(name: *const c_char) -> i32 {
    guard(0, || {
        // SAFETY: the header asks for NULL or a NUL-terminated string.
        let name = unsafe { super::text(name) };
        i32::from(match name {
            Some(b"http/1.1" | b"idn" | b"ipv6") => true,
            Some(b"https") => cfg!(feature = "tls"),
            Some(b"post-quantum") => cfg!(feature = "aws-lc"),
            _ => false,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_stands_at_its_own_place_in_the_table() {
        for (place, (code, ..)) in TEXTS.iter().enumerate() {
            assert_eq!(place, *code as usize);
        }
    }
}
