//! `ifetch_response`: what came back, borrowed from its fetch.

use super::fetch::ifetch;
use super::{guard, lend, put};
use crate::proto::head::Fields;
use std::ffi::{c_char, c_int};
use std::ptr::null;

/// A response, borrowed from its fetch: it lives until the fetch is freed, and is used by the
/// same thread. Before the fetch has ended it may be incomplete: trailers and body are those
/// that have arrived.
pub struct ifetch_response {
    _opaque: (),
}

/// A response is its fetch under another name: `ifetch_result` hands out the same pointer.
///
/// # Safety
/// `response` is NULL or came from `ifetch_result`, and its fetch is live.
unsafe fn fetch_of<'a>(response: *const ifetch_response) -> Option<&'a ifetch> {
    // SAFETY: the caller's.
    unsafe { lend(response.cast::<ifetch>()) }
}

/// The status code (RFC 9110 section 15), such as 200; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ifetch_response_status(response: *const ifetch_response) -> i32 {
    guard(0, || {
        // SAFETY: NULL or live, as the header asks.
        unsafe { fetch_of(response) }
            .and_then(|r| r.0.with(|f| f.head().map_or(0, |h| i32::from(h.status))))
            .unwrap_or(0)
    })
}

/// The HTTP version of the response times ten: 10 or 11; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ifetch_response_version(response: *const ifetch_response) -> i32 {
    guard(0, || {
        // SAFETY: NULL or live, as the header asks.
        unsafe { fetch_of(response) }
            .and_then(|r| r.0.with(|f| f.head().map_or(0, |h| i32::from(h.version))))
            .unwrap_or(0)
    })
}

/// The reason phrase of the status line, such as "Not Found"; often empty, never to be relied on
/// (RFC 9112 section 4). NULL for NULL. Lives until the fetch is freed (an interim response's:
/// until the next poll).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ifetch_response_reason(response: *const ifetch_response) -> *const c_char {
    guard(null(), || {
        // SAFETY: NULL or live, as the header asks.
        unsafe { fetch_of(response) }
            .and_then(|r| r.0.with(|f| f.head().map_or(null(), |h| h.reason().as_ptr())))
            .unwrap_or(null())
    })
}

/// The URL that the response came from, normalised, without credentials and fragment. NULL for
/// NULL. Lives until the fetch is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ifetch_response_url(response: *const ifetch_response) -> *const c_char {
    guard(null(), || {
        // SAFETY: NULL or live, as the header asks.
        unsafe { fetch_of(response) }.and_then(|r| r.0.with(|f| f.url().as_ptr())).unwrap_or(null())
    })
}

/// The value of the first header field with this name, in any case, without the blanks around
/// it; NULL if there is none, and for NULL. Bytes above 127 are as the server sent them. Lives
/// until the fetch is freed (an interim response's: until the next poll).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ifetch_response_header(
    response: *const ifetch_response,
    name: *const c_char,
) -> *const c_char {
    guard(null(), || {
        // SAFETY: NULL or live, and NULL or NUL-terminated, as the header asks.
        let (response, name) = unsafe { (fetch_of(response), super::text(name)) };
        let (Some(response), Some(name)) = (response, name) else {
            return null();
        };
        response
            .0
            .with(|f| {
                f.head().and_then(|h| h.fields.find(name)).map_or(null(), |value| value.as_ptr())
            })
            .unwrap_or(null())
    })
}

/// How many header fields the response has; repeated ones count each. 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ifetch_response_header_count(response: *const ifetch_response) -> usize {
    // SAFETY: NULL or live, as the header asks.
    guard(0, || unsafe { count(response, |f| f.head().map(|h| &h.fields)) })
}

/// Header field number `i`, in the order of arrival, counted from 0. `name` (as the server wrote
/// it) and `value` are set, each unless NULL; both to NULL if there is none. They live until the
/// fetch is freed (an interim response's: until the next poll). Returns 1 if there is such a field,
/// else 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ifetch_response_header_at(
    response: *const ifetch_response,
    i: usize,
    name: *mut *const c_char,
    value: *mut *const c_char,
) -> c_int {
    // SAFETY: pointers as the header asks.
    guard(0, || unsafe { at(response, i, name, value, |f| f.head().map(|h| &h.fields)) })
}

/// How many trailer fields (RFC 9110 section 6.5) came after a chunked body. 0 until the fetch
/// is DONE, and for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ifetch_response_trailer_count(response: *const ifetch_response) -> usize {
    // SAFETY: NULL or live, as the header asks.
    guard(0, || unsafe { count(response, |f| f.trailers()) })
}

/// Trailer field number `i`, as ifetch_response_header_at(). Trailers are kept apart from the
/// header fields and never change what those said.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ifetch_response_trailer_at(
    response: *const ifetch_response,
    i: usize,
    name: *mut *const c_char,
    value: *mut *const c_char,
) -> c_int {
    // SAFETY: pointers as the header asks.
    guard(0, || unsafe { at(response, i, name, value, |f| f.trailers()) })
}

/// The collected body, or what has arrived of it; `*len` is its length in bytes (`len` may be
/// NULL). The byte after the last is NUL, so that text can be used as a C string. NULL, with
/// length 0, for NULL and for streaming fetches. Lives until the next call with the fetch (or the
/// client) that polls or waits; once the fetch has ended, until it is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ifetch_response_body(
    response: *const ifetch_response,
    len: *mut usize,
) -> *const u8 {
    guard(null(), || {
        // SAFETY: NULL or a place to write to, as the header asks.
        unsafe { put(len, 0) };
        // SAFETY: NULL or live, as the header asks.
        let body = unsafe { fetch_of(response) }
            .and_then(|r| r.0.with(|f| f.body().map(|body| (body.as_ptr(), body.len()))));
        let Some(Some((pointer, with_nul))) = body else {
            return null();
        };
        // SAFETY: as above.
        unsafe { put(len, with_nul - 1) };
        pointer
    })
}

type Part = for<'a> fn(&'a crate::fetch::Fetch) -> Option<&'a Fields>;

/// # Safety
/// `response` is NULL or live.
unsafe fn count(response: *const ifetch_response, part: Part) -> usize {
    // SAFETY: the caller's.
    unsafe { fetch_of(response) }
        .and_then(|r| r.0.with(|f| part(f).map_or(0, Fields::len)))
        .unwrap_or(0)
}

/// # Safety
/// `response` is NULL or live; `name` and `value` are NULL or places to write to.
unsafe fn at(
    response: *const ifetch_response,
    i: usize,
    name: *mut *const c_char,
    value: *mut *const c_char,
    part: Part,
) -> c_int {
    // SAFETY: the caller's.
    let field = unsafe { fetch_of(response) }.and_then(|r| {
        r.0.with(|f| {
            let (name, value) = part(f)?.at(i)?;
            Some((name.as_ptr(), value.as_ptr()))
        })
    });
    let found = field.flatten();
    let (name_pointer, value_pointer) = found.unwrap_or((null(), null()));
    // SAFETY: the caller's.
    unsafe {
        put(name, name_pointer);
        put(value, value_pointer);
    }
    c_int::from(found.is_some())
}
