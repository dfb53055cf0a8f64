//! `ifetch_client`: any number of fetches on one descriptor.

use super::error::ifetch_error;
use super::fetch::ifetch;
use super::options::ifetch_options;
use super::{guard, lend, text};
use crate::client::Client;
use std::ffi::{c_char, c_int, c_void};
use std::ptr::null_mut;

/// What outlives a fetch, and drives any number of them on one descriptor. Made by
/// ifetch_client_new(), given back with ifetch_client_free(). One thread at a time may use a
/// client and its fetches, any thread; ifetch_cancel() alone is free of that.
pub struct ifetch_client(Client);

/// Makes a client. NULL if the system gives no descriptor.
#[unsafe(no_mangle)]
#[must_use]
pub extern "C" fn ifetch_client_new() -> *mut ifetch_client {
    guard(null_mut(), || {
        Client::new().map_or(null_mut(), |client| Box::into_raw(Box::new(ifetch_client(client))))
    })
}

/// Frees the client. Its fetches that still run end as CANCELLED; they remain the caller's, to be
/// asked and freed, and the descriptor is closed with the last of them. Never waits. NULL is
/// ignored.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ifetch_client_free(client: *mut ifetch_client) {
    guard((), || {
        if !client.is_null() {
            // SAFETY: made by `ifetch_client_new`, and the header asks for one free only.
            unsafe { Box::from_raw(client) }.0.close();
        }
    });
}

/// Starts a fetch on this client, as ifetch_start() does on one of its own. Returns NULL only if
/// `client` is NULL or another thread is inside a call on it. The fetch is freed by the caller.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ifetch_client_start(
    client: *mut ifetch_client,
    url: *const c_char,
    options: *const ifetch_options,
) -> *mut ifetch {
    guard(null_mut(), || {
        // SAFETY: NULL or live, NULL or NUL-terminated, as the header asks.
        let (client, url, options) = unsafe { (lend(client), text(url), options.as_ref()) };
        client
            .and_then(|c| c.0.start(url, ifetch_options::shared(options)))
            .map_or(null_mut(), ifetch::into_raw)
    })
}

/// The one descriptor of the client and all its fetches, the same until all are freed: watch it
/// for reading and call ifetch_client_poll() when it is readable. -1 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ifetch_client_fd(client: *const ifetch_client) -> c_int {
    // SAFETY: NULL or live, as the header asks.
    guard(-1, || unsafe { lend(client) }.map_or(-1, |c| c.0.fd()))
}

/// Does the work that is ready, without waiting and within a budget; what is left makes the
/// descriptor readable again. Returns how many fetches ifetch_client_next() has to give, or -1 for
/// NULL and if another thread is inside a call on this client.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ifetch_client_poll(client: *mut ifetch_client) -> i32 {
    // SAFETY: NULL or live, as the header asks.
    guard(-1, || unsafe { lend(client) }.and_then(|c| c.0.poll()).unwrap_or(-1))
}

/// The next fetch with news, or NULL when there is none left: ask it with ifetch_poll() until it
/// says PENDING or has ended (a streaming one: read or write until PENDING). A fetch that has ended
/// is given once, unless a call had told the caller already. The fetch may be freed at once. NULL
/// for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ifetch_client_next(client: *mut ifetch_client) -> *mut ifetch {
    guard(null_mut(), || {
        // SAFETY: NULL or live, as the header asks.
        let tag = unsafe { lend(client) }.and_then(|c| c.0.next());
        tag.map_or(null_mut(), std::ptr::with_exposed_provenance_mut)
    })
}

/// Waits until ifetch_client_next() has something to give, for callers without a loop.
/// `timeout_ms`: 0 does not wait, negative waits without bound. Returns how many, 0 when the time
/// is over or a signal arrived, -1 for NULL and if another thread is inside a call on this client.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ifetch_client_wait(client: *mut ifetch_client, timeout_ms: i32) -> i32 {
    // SAFETY: NULL or live, as the header asks.
    guard(-1, || unsafe { lend(client) }.and_then(|c| c.0.wait(timeout_ms)).unwrap_or(-1))
}

/// The pointer given with ifetch_client_set_userdata(); NULL if none, and for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ifetch_client_userdata(client: *const ifetch_client) -> *mut c_void {
    guard(null_mut(), || {
        // SAFETY: NULL or live, as the header asks.
        let address = unsafe { lend(client) }.map_or(0, |c| c.0.userdata());
        std::ptr::with_exposed_provenance_mut(address)
    })
}

/// Ties a pointer of the caller's to the client. Returns 0, or INVALID_ARGUMENT for a NULL client.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ifetch_client_set_userdata(
    client: *mut ifetch_client,
    userdata: *mut c_void,
) -> ifetch_error {
    guard(ifetch_error::IFETCH_ERROR_INTERNAL, || {
        // SAFETY: NULL or live, as the header asks.
        let Some(client) = (unsafe { lend(client) }) else {
            return ifetch_error::IFETCH_ERROR_INVALID_ARGUMENT;
        };
        client.0.set_userdata(userdata.expose_provenance());
        ifetch_error::IFETCH_ERROR_NONE
    })
}
