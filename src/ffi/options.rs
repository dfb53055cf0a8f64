//! `ifetch_options`: how to fetch.

use super::error::ifetch_error::{self, *};
use super::tls::ifetch_tls;
use super::token::ifetch_token;
use super::{bytes, guard, text};
use crate::error::Error;
use crate::fetch::options::{Deadline, Limit, Options, Policy};
use crate::proto::request::Body;
use std::ffi::{c_char, c_void};
use std::sync::Arc;

/// How to fetch: made by ifetch_options_new(), changed by the functions below, copied by each
/// start, usable for any number of fetches, and given back with ifetch_options_free(). One thread
/// at a time. Each setter returns 0 or an error code; after an error nothing has changed.
pub struct ifetch_options(Arc<Options>);

/// Which deadline ifetch_options_timeout() sets. None is set unless asked for, but
/// IFETCH_TIMEOUT_DRAIN; each has its own error code, and arrives through the fetch's descriptor.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ifetch_timeout {
    /// From the start to the end of the fetch. For a streaming fetch too, whoever is slow.
    IFETCH_TIMEOUT_TOTAL = 1,
    /// From the start of the name lookup to its answer.
    IFETCH_TIMEOUT_RESOLVE = 2,
    /// From the first connection attempt to an established connection, with TLS a complete
    /// handshake.
    IFETCH_TIMEOUT_CONNECT = 3,
    /// From the moment the request is sent completely to the first byte of an answer, interim
    /// ones included.
    IFETCH_TIMEOUT_FIRST_BYTE = 4,
    /// From the moment the request is sent completely to the complete head of the final
    /// response.
    IFETCH_TIMEOUT_HEAD = 5,
    /// Without a byte moving in either direction, once connected. Does not run while it is the
    /// caller who is waited for, to read or to write.
    IFETCH_TIMEOUT_IDLE = 6,
    /// No deadline of the fetch, but how long a connection is drained with IFETCH_CANCEL_DRAIN:
    /// 1,000 unless set.
    IFETCH_TIMEOUT_DRAIN = 7,
    /// From the start to the moment a connection, or leave to make one, is given to the fetch.
    IFETCH_TIMEOUT_QUEUE = 8,
}

/// Which limit ifetch_options_limit() sets.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ifetch_limit {
    /// Bytes of a response head, and of a trailer section: 65,536 unless set; at most 16 MiB.
    IFETCH_LIMIT_HEAD = 1,
    /// Fields of a response head, and of a trailer section: 128 unless set; at most 65,536.
    IFETCH_LIMIT_HEADERS = 2,
    /// Bytes of a collected body: 67,108,864 (64 MiB) unless set. Streamed bodies have no limit.
    IFETCH_LIMIT_BODY = 3,
    /// Interim (1xx) responses: 8 unless set; at most 65,536.
    IFETCH_LIMIT_INTERIM = 4,
    /// Bytes that may be left of a response when its connection is to be drained with
    /// IFETCH_CANCEL_DRAIN: 65,536 unless set; at most 1 MiB.
    IFETCH_LIMIT_DRAIN = 5,
}

/// How a cancelled fetch ends its connection.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ifetch_cancel_policy {
    /// FIN, then at once RST: noticed by the most servers, drops what was not sent yet. The
    /// default.
    IFETCH_CANCEL_RST = 0,
    /// FIN alone: for paths that lose packets, since a lost RST is never sent again.
    IFETCH_CANCEL_FIN = 1,
    /// Keeps the connection for later fetches where that costs little: if the request was sent,
    /// the response head is there, and no more than IFETCH_LIMIT_DRAIN bytes are left of a body
    /// whose length it tells, the client reads those and throws them away, for up to
    /// IFETCH_TIMEOUT_DRAIN. The server does not notice then. Otherwise as IFETCH_CANCEL_RST.
    IFETCH_CANCEL_DRAIN = 2,
}

/// Makes options with the defaults: GET, no body, collected response, no deadlines. Never NULL.
#[unsafe(no_mangle)]
#[must_use]
pub extern "C" fn ifetch_options_new() -> *mut ifetch_options {
    guard(std::ptr::null_mut(), || Box::into_raw(Box::new(ifetch_options(Arc::default()))))
}

/// Frees the options; fetches started with them go on. NULL is ignored.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ifetch_options_free(options: *mut ifetch_options) {
    guard((), || {
        if !options.is_null() {
            // SAFETY: made by `ifetch_options_new`, and the header asks for one free only.
            drop(unsafe { Box::from_raw(options) });
        }
    });
}

/// Sets the method, any token (RFC 9110 section 9.1), sent as it is: methods are case-sensitive.
/// INVALID_METHOD if it is none, or CONNECT, which is no fetch. Copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ifetch_options_method(
    options: *mut ifetch_options,
    method: *const c_char,
) -> ifetch_error {
    // SAFETY: the header asks for NULL or a NUL-terminated string, and NULL or live options.
    unsafe { change(options, |o| o.request.set_method(text(method).ok_or_else(missing)?)) }
}

/// Adds a header field; one with the same name stays beside it. Copied.
///
/// Unless given or removed, the library sends Host, User-Agent ("ifetch/" and its version), Accept
/// (anything), Connection for a fetch without a client, and Authorization if the URL holds
/// credentials; giving one of them replaces it. Host may be given once. INVALID_HEADER for what is no token, for values with CR,
/// LF, NUL or other control characters, and for Content-Length and Transfer-Encoding, which follow
/// from the body.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ifetch_options_header(
    options: *mut ifetch_options,
    name: *const c_char,
    value: *const c_char,
) -> ifetch_error {
    // SAFETY: the header asks for NULL or a NUL-terminated string, and NULL or live options.
    unsafe {
        change(options, |o| {
            o.request.add_field(text(name).ok_or_else(missing)?, text(value).ok_or_else(missing)?)
        })
    }
}

/// Sets a header field: as ifetch_options_header(), but those with the same name go. Copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ifetch_options_header_set(
    options: *mut ifetch_options,
    name: *const c_char,
    value: *const c_char,
) -> ifetch_error {
    // SAFETY: the header asks for NULL or a NUL-terminated string, and NULL or live options.
    unsafe {
        change(options, |o| {
            o.request.set_field(text(name).ok_or_else(missing)?, text(value).ok_or_else(missing)?)
        })
    }
}

/// Removes all header fields with this name, also the one that the library would send.
/// INVALID_HEADER for Host, without which there is no HTTP/1.1 request (RFC 9112 section 3.2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ifetch_options_header_remove(
    options: *mut ifetch_options,
    name: *const c_char,
) -> ifetch_error {
    // SAFETY: the header asks for NULL or a NUL-terminated string, and NULL or live options.
    unsafe { change(options, |o| o.request.remove_field(text(name).ok_or_else(missing)?)) }
}

/// Sets the request body, copied. `data` may be NULL if `len` is 0, which sends an empty body.
/// The last of the body functions to be called counts. The method stays: set it too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ifetch_options_body(
    options: *mut ifetch_options,
    data: *const c_void,
    len: usize,
) -> ifetch_error {
    // SAFETY: the header asks for `len` readable bytes, and NULL or live options.
    unsafe {
        change(options, |o| {
            let data = bytes(data.cast(), len).ok_or_else(missing)?;
            o.request.body = Body::Copied(data.into());
            Ok(())
        })
    }
}

/// Sets the request body without copying it: the bytes must stay, unchanged, until these options
/// and every fetch started with them have been freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ifetch_options_body_borrowed(
    options: *mut ifetch_options,
    data: *const c_void,
    len: usize,
) -> ifetch_error {
    // SAFETY: the header asks for `len` readable bytes that outlive the fetches, and NULL or live
    // options.
    unsafe {
        change(options, |o| {
            o.request.body = Body::Borrowed(bytes(data.cast(), len).ok_or_else(missing)?);
            Ok(())
        })
    }
}

/// Lets the caller write the request body with ifetch_write() and ifetch_write_end(), asked for by
/// WRITABLE. `len` is its length in bytes, sent as Content-Length; negative means that it is
/// unknown, and sent in the chunked coding (RFC 9112 section 7.1).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ifetch_options_upload(
    options: *mut ifetch_options,
    len: i64,
) -> ifetch_error {
    // SAFETY: the header asks for NULL or live options.
    unsafe {
        change(options, |o| {
            o.request.body = Body::Streamed(u64::try_from(len).ok());
            Ok(())
        })
    }
}

/// With `on` not 0, the response body is not collected but read with ifetch_read().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ifetch_options_stream(
    options: *mut ifetch_options,
    on: i32,
) -> ifetch_error {
    // SAFETY: the header asks for NULL or live options.
    unsafe {
        change(options, |o| {
            o.stream = on != 0;
            Ok(())
        })
    }
}

/// With `on` not 0, ifetch_poll() tells of each interim (1xx) response with INTERIM, also to a
/// fetch that collects its body. Otherwise they are skipped.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ifetch_options_interim(
    options: *mut ifetch_options,
    on: i32,
) -> ifetch_error {
    // SAFETY: the header asks for NULL or live options.
    unsafe {
        change(options, |o| {
            o.interim = on != 0;
            Ok(())
        })
    }
}

/// Asks the server to switch to another protocol (RFC 9110 section 7.8): sends "Upgrade:
/// `protocol`" and "Connection: upgrade", and makes the fetch a streaming one. If the server
/// answers 101, the head is that answer, ifetch_read() and ifetch_write() carry the new protocol's
/// bytes as they are, and the fetch is DONE when the server closes; ifetch_write_end() then sends
/// nothing. Any other answer is an ordinary response. NULL takes it back. `protocol` is copied; it
/// must be a valid header value. Excludes a request body.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ifetch_options_upgrade(
    options: *mut ifetch_options,
    protocol: *const c_char,
) -> ifetch_error {
    // SAFETY: the header asks for NULL or a NUL-terminated string, and NULL or live options.
    unsafe { change(options, |o| o.request.set_upgrade(text(protocol))) }
}

/// Sets a deadline (see ifetch_timeout) in milliseconds; 0 takes it away, and for
/// IFETCH_TIMEOUT_DRAIN means that nothing is waited for. INVALID_ARGUMENT for an unknown `which`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ifetch_options_timeout(
    options: *mut ifetch_options,
    which: i32,
    timeout_ms: u32,
) -> ifetch_error {
    // SAFETY: the header asks for NULL or live options.
    unsafe {
        change(options, |o| {
            let deadline = match which {
                1 => Deadline::Total,
                2 => Deadline::Resolve,
                3 => Deadline::Connect,
                4 => Deadline::FirstByte,
                5 => Deadline::Head,
                6 => Deadline::Idle,
                7 => {
                    o.drain_ms = timeout_ms;
                    return Ok(());
                }
                8 => Deadline::Queue,
                _ => return Err(missing()),
            };
            o.set_deadline(deadline, timeout_ms);
            Ok(())
        })
    }
}

/// Sets a limit (see ifetch_limit). INVALID_ARGUMENT for an unknown `which`, or an `n` above what
/// ifetch_limit says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ifetch_options_limit(
    options: *mut ifetch_options,
    which: i32,
    n: u64,
) -> ifetch_error {
    // SAFETY: the header asks for NULL or live options.
    unsafe {
        change(options, |o| {
            let limit = match which {
                1 => Limit::Head,
                2 => Limit::Headers,
                3 => Limit::Body,
                4 => Limit::Interim,
                5 => Limit::Drain,
                _ => return Err(missing()),
            };
            o.set_limit(limit, n)
        })
    }
}

/// Sets how a cancel ends the connection (see ifetch_cancel_policy); UNSUPPORTED if unknown.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ifetch_options_cancel_policy(
    options: *mut ifetch_options,
    policy: i32,
) -> ifetch_error {
    // SAFETY: the header asks for NULL or live options.
    unsafe {
        change(options, |o| {
            o.policy = match policy {
                0 => Policy::Reset,
                1 => Policy::Finish,
                2 => Policy::Drain,
                _ => return Err(Error::unsupported("set this cancel policy")),
            };
            Ok(())
        })
    }
}

/// Puts fetches started with these options under a token (see ifetch_token), of which the options
/// and each of the fetches hold a reference. NULL takes it back. A fetch is under one token; to
/// put it under several, make one with a parent.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ifetch_options_token(
    options: *mut ifetch_options,
    token: *mut ifetch_token,
) -> ifetch_error {
    // SAFETY: the header asks for NULL or live options, and NULL or a live token.
    unsafe {
        change(options, |o| {
            o.token = ifetch_token::share(token);
            Ok(())
        })
    }
}

/// Sets whom a fetch trusts, and who it is, instead of what its client was told
/// (ifetch_client_set_tls()). `tls` is copied; NULL takes it back. A client keeps what it needs
/// for 16 of them: those that are used again and again are best made once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ifetch_options_tls(
    options: *mut ifetch_options,
    tls: *const ifetch_tls,
) -> ifetch_error {
    // SAFETY: the header asks for NULL or live settings, and NULL or live options.
    unsafe {
        change(options, |o| {
            o.tls = ifetch_tls::shared(tls.as_ref());
            Ok(())
        })
    }
}

/// Sets the name or IP address that the server of an https URL has to prove by its certificate, and
/// that it is told (RFC 6066 section 3), instead of the host of the URL. NULL takes it back.
/// INVALID_ARGUMENT if it is empty or holds blanks. Copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ifetch_options_verify_name(
    options: *mut ifetch_options,
    name: *const c_char,
) -> ifetch_error {
    // SAFETY: the header asks for NULL or a NUL-terminated string, and NULL or live options.
    unsafe { change(options, |o| o.set_verify_name(text(name))) }
}

/// Connects to this address and port, such as "127.0.0.1:8443" or "[::1]:80", whatever the URL says;
/// nothing is looked up. The request, and what a certificate has to be for, stay as they are. NULL
/// takes it back. INVALID_ARGUMENT for what is no IP address with a port.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ifetch_options_connect_to(
    options: *mut ifetch_options,
    address: *const c_char,
) -> ifetch_error {
    // SAFETY: the header asks for NULL or a NUL-terminated string, and NULL or live options.
    unsafe { change(options, |o| o.set_connect_to(text(address))) }
}

/// The pointer that ifetch_userdata() gives back for fetches started with these options.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ifetch_options_userdata(
    options: *mut ifetch_options,
    userdata: *mut c_void,
) -> ifetch_error {
    // SAFETY: the header asks for NULL or live options.
    unsafe {
        change(options, |o| {
            o.userdata = userdata.expose_provenance();
            Ok(())
        })
    }
}

impl ifetch_options {
    /// The options behind a C pointer, to be kept by a fetch; later changes copy them first.
    pub(super) fn shared(options: Option<&Self>) -> Arc<Options> {
        options.map_or_else(Options::shared_default, |o| Arc::clone(&o.0))
    }
}

fn missing() -> Error {
    Error::invalid_argument("set an option")
}

/// # Safety
/// `options` is NULL, or live and used by no other thread.
unsafe fn change(
    options: *mut ifetch_options,
    f: impl FnOnce(&mut Options) -> Result<(), Error>,
) -> ifetch_error {
    guard(IFETCH_ERROR_INTERNAL, || {
        // SAFETY: the caller's.
        let Some(options) = (unsafe { options.as_mut() }) else {
            return IFETCH_ERROR_INVALID_ARGUMENT;
        };
        f(Arc::make_mut(&mut options.0)).map_or_else(|e| e.kind.into(), |()| IFETCH_ERROR_NONE)
    })
}
