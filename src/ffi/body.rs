//! Streamed bodies, in both directions.

use super::fetch::ifetch;
use super::fetch::ifetch_status::{self, *};
use super::{guard, lend, put};
use std::ffi::c_void;

/// Reads body bytes of a streaming fetch (ifetch_options_stream()) into the caller's buffer,
/// where possible straight from the socket. A caller that does not read is never overrun: the
/// socket is not read either, and the server is held back.
///
/// `*n` is set to the number of bytes read, 0 to `cap`, whatever is returned. Returns what
/// ifetch_poll() would say next: READABLE (there may be more: read again), PENDING (wait for
/// the descriptor), the end (DONE, FAILED or CANCELLED; `*n` may be more than 0 then too), or
/// WRITABLE, INTERIM or HEAD, if those are due. Before the head has arrived it reads nothing.
///
/// Returns FAILED, reading nothing, if `fetch`, `buffer` or `n` is NULL or `cap` is 0, and for a
/// fetch that collects its body, which itself goes on; BUSY if another thread is inside.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ifetch_read(
    fetch: *mut ifetch,
    buffer: *mut c_void,
    cap: usize,
    n: *mut usize,
) -> ifetch_status {
    guard(IFETCH_FAILED, || {
        // SAFETY: NULL or a place to write to, as the header asks.
        unsafe { put(n, 0) };
        // SAFETY: NULL or live, as the header asks.
        let Some(f) = (unsafe { lend(fetch) }) else {
            return IFETCH_FAILED;
        };
        if buffer.is_null() || cap == 0 || n.is_null() {
            return IFETCH_FAILED;
        }
        let cap = cap.min(isize::MAX as usize);
        // SAFETY: the header asks for `cap` writable bytes; u8 has no invalid values, and nothing
        // is read from the buffer before it was written.
        let buffer = unsafe { std::slice::from_raw_parts_mut(buffer.cast::<u8>(), cap) };
        match f.0.read(buffer) {
            None => IFETCH_BUSY,
            Some(Err(_)) => IFETCH_FAILED,
            Some(Ok((count, status))) => {
                // SAFETY: checked not to be NULL; a place to write to, as the header asks.
                unsafe { put(n, count) };
                status.into()
            }
        }
    })
}

/// Writes request body bytes of a fetch with a streamed upload (ifetch_options_upload()).
///
/// `*n` is set to the number of bytes taken, 0 to `len`: those the kernel accepted, and for a
/// chunked upload at most one chunk more of 64 KiB. Bytes taken are not needed any more. `n` may be
/// NULL only if `len` is 0. Returns what ifetch_poll() would say next: WRITABLE (more may be
/// written), PENDING (wait for the descriptor), READABLE or HEAD (the response has begun already),
/// or the end. After the end, or once the server has answered with an error status (RFC 9112
/// section 9.5) nothing is sent any more: bytes are then taken and dropped.
///
/// Returns FAILED, taking nothing, if `fetch` is NULL, or `data` or `n` is NULL and `len` is not 0,
/// or the fetch has no streamed upload or it has been ended, or more is written than was announced;
/// the fetch itself goes on. BUSY if another thread is inside.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ifetch_write(
    fetch: *mut ifetch,
    data: *const c_void,
    len: usize,
    n: *mut usize,
) -> ifetch_status {
    guard(IFETCH_FAILED, || {
        // SAFETY: NULL or a place to write to, as the header asks.
        unsafe { put(n, 0) };
        // SAFETY: NULL or live, as the header asks.
        let Some(f) = (unsafe { lend(fetch) }) else {
            return IFETCH_FAILED;
        };
        if len > isize::MAX as usize || (len > 0 && n.is_null()) {
            return IFETCH_FAILED;
        }
        // SAFETY: the header asks for `len` readable bytes.
        let Some(data) = (unsafe { super::bytes(data.cast(), len) }) else {
            return IFETCH_FAILED;
        };
        match f.0.write(data) {
            None => IFETCH_BUSY,
            Some(Err(_)) => IFETCH_FAILED,
            Some(Ok((count, status))) => {
                // SAFETY: NULL or a place to write to, as the header asks.
                unsafe { put(n, count) };
                status.into()
            }
        }
    })
}

/// Ends a streamed upload: for a chunked one the last chunk is sent, for one with a length all of
/// it must have been written, else the fetch fails with UPLOAD_INCOMPLETE. Returns what
/// ifetch_poll() would say next. FAILED for NULL and for a fetch without a streamed upload; a
/// second call is harmless.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ifetch_write_end(fetch: *mut ifetch) -> ifetch_status {
    guard(IFETCH_FAILED, || {
        // SAFETY: NULL or live, as the header asks.
        let Some(f) = (unsafe { lend(fetch) }) else {
            return IFETCH_FAILED;
        };
        match f.0.write_end() {
            None => IFETCH_BUSY,
            Some(Err(_)) => IFETCH_FAILED,
            Some(Ok(status)) => status.into(),
        }
    })
}
