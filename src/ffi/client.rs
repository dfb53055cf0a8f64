//! `ifetch_client`: any number of fetches on one descriptor.

use super::error::ifetch_error::{self, *};
use super::fetch::ifetch;
use super::options::ifetch_options;
use super::tls::ifetch_tls;
use super::{guard, lend, text};
use crate::client::{Client, ClientLimit, ClientTimeout, Count};
use crate::connection::pool::Limit;
use crate::fetch::Phase;
use std::ffi::{c_char, c_int, c_void};
use std::ptr::null_mut;

/// What outlives a fetch, and drives any number of them on one descriptor. Made by
/// ifetch_client_new(), given back with ifetch_client_free(). One thread at a time may use a
/// client and its fetches, any thread; ifetch_cancel() alone is free of that.
///
/// A client keeps connections for later fetches to the same origin (RFC 9112 section 9.3), the one
/// used last first, and remembers names, and the sessions of TLS. A request that meets a kept
/// connection which has died is sent again on a new one, once, if that is safe: see `retried` in
/// ifetch_report.
pub struct ifetch_client(Client);

/// Which limit ifetch_client_set_limit() sets.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ifetch_client_limit {
    /// Connections at a time, in all: those being made, in use, idle or drained; 0, unless set: no
    /// limit. A fetch beyond it queues (IFETCH_PHASE_QUEUED); an idle connection is closed to make
    /// room. Origins that wait take turns.
    IFETCH_CLIENT_LIMIT_CONNECTIONS = 1,
    /// Connections at a time to one origin (scheme, host and port); 0, unless set: no limit. Those
    /// who wait are served in the order in which they came.
    IFETCH_CLIENT_LIMIT_ORIGIN = 2,
    /// Idle connections that are kept: 256 unless set; beyond it, the one that has been idle for
    /// longest is closed. 0 keeps none.
    IFETCH_CLIENT_LIMIT_IDLE = 3,
    /// Names whose addresses are remembered: 256 unless set; 0 remembers none.
    IFETCH_CLIENT_LIMIT_NAMES = 4,
}

/// Which timeout ifetch_client_set_timeout() sets.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ifetch_client_timeout {
    /// An idle connection is closed after this long: 60,000 unless set; 0: never.
    IFETCH_CLIENT_TIMEOUT_IDLE = 1,
    /// A connection this old is not used for another fetch; 0, unless set: however old it is.
    IFETCH_CLIENT_TIMEOUT_AGE = 2,
    /// For how long at the most the addresses of a name are remembered; 0: not at all. Unless set,
    /// as long as the name server said, which is taken as 1 s to a day, or 60,000 where the system
    /// looked it up, which does not tell. Fetches that want the same name at the same time share
    /// one lookup in any case.
    IFETCH_CLIENT_TIMEOUT_NAME = 3,
    /// For how long at the most it is remembered that a name does not exist or has no address; 0:
    /// not at all. Unless set, as long as the name server said (RFC 2308), or 5,000 where the
    /// system looked it up.
    IFETCH_CLIENT_TIMEOUT_NO_NAME = 4,
}

/// What ifetch_client_count() counts.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ifetch_count {
    /// Connections now: being made, in use, idle, drained.
    IFETCH_COUNT_CONNECTIONS = 1,
    /// Idle connections now.
    IFETCH_COUNT_IDLE = 2,
    /// Connections that are being drained now (see IFETCH_CANCEL_DRAIN).
    IFETCH_COUNT_DRAINING = 3,
    /// Connections established since the client was made.
    IFETCH_COUNT_OPENED = 4,
    /// Fetches that were given a kept connection, since the client was made.
    IFETCH_COUNT_REUSED = 5,
    /// Fetches whose kept connection died and that were given a new one, since then.
    IFETCH_COUNT_RETRIED = 6,
    /// Fetches that wait for a connection now. Likewise the next ones, by phase.
    IFETCH_COUNT_QUEUED = 7,
    /// Fetches in this phase now.
    IFETCH_COUNT_RESOLVING = 8,
    /// Fetches in this phase now.
    IFETCH_COUNT_CONNECTING = 9,
    /// Fetches in this phase now.
    IFETCH_COUNT_TLS = 10,
    /// Fetches in this phase now.
    IFETCH_COUNT_SENDING = 11,
    /// Fetches in this phase now.
    IFETCH_COUNT_WAITING = 12,
    /// Fetches in this phase now.
    IFETCH_COUNT_RECEIVING = 13,
    /// Fetches that have ended and were not freed yet.
    IFETCH_COUNT_ENDED = 14,
    /// Names remembered now, also those that do not exist.
    IFETCH_COUNT_NAMES = 15,
    /// Lookups begun since the client was made.
    IFETCH_COUNT_LOOKUPS = 16,
    /// Fetches that waited for a lookup that another one had begun, since then.
    IFETCH_COUNT_LOOKUPS_SHARED = 17,
    /// Fetches whose name was remembered, since then.
    IFETCH_COUNT_LOOKUPS_CACHED = 18,
    /// Lookups that were left to the system, since then (see ifetch_resolver).
    IFETCH_COUNT_LOOKUPS_SYSTEM = 19,
}

/// Makes a client. NULL if the system gives no descriptor.
#[unsafe(no_mangle)]
#[must_use]
pub extern "C" fn ifetch_client_new() -> *mut ifetch_client {
    guard(null_mut(), || {
        Client::new().map_or(null_mut(), |client| Box::into_raw(Box::new(ifetch_client(client))))
    })
}

/// Frees the client. Its fetches that still run end as CANCELLED; they remain the caller's, to be
/// asked and freed, and the descriptor is closed with the last of them. Kept connections are
/// closed. Never waits. NULL is ignored.
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
        let Some(client) = client else {
            return null_mut();
        };
        ifetch::make(|address| client.0.start(url, ifetch_options::shared(options), address))
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
/// says PENDING or has ended (a streaming one: read or write until PENDING; a stream that never gets
/// there is best left after a share, to be asked again after the others, for bytes that are left
/// unread are not told of again). A fetch that has ended is given once, unless a call had told the
/// caller already. The fetch may be freed at once. NULL for NULL.
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

/// Sets a limit (see ifetch_client_limit), from now on: a lower one closes idle connections, and
/// leaves those that are in use. Returns 0, INVALID_ARGUMENT for a NULL client, an unknown `which`
/// or an `n` above 4,294,967,295, or BUSY.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ifetch_client_set_limit(
    client: *mut ifetch_client,
    which: i32,
    n: u64,
) -> ifetch_error {
    let limit = match which {
        1 => ClientLimit::Pool(Limit::Connections),
        2 => ClientLimit::Pool(Limit::PerOrigin),
        3 => ClientLimit::Pool(Limit::Idle),
        4 => ClientLimit::Names,
        _ => return IFETCH_ERROR_INVALID_ARGUMENT,
    };
    let Ok(n) = u32::try_from(n) else {
        return IFETCH_ERROR_INVALID_ARGUMENT;
    };
    // SAFETY: NULL or live, as the header asks.
    unsafe { change(client, |c| c.set_limit(limit, n as usize)) }
}

/// Sets a timeout (see ifetch_client_timeout) in milliseconds, from now on. Returns 0,
/// INVALID_ARGUMENT for a NULL client or an unknown `which`, or BUSY.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ifetch_client_set_timeout(
    client: *mut ifetch_client,
    which: i32,
    timeout_ms: u32,
) -> ifetch_error {
    let timeout = match which {
        1 => ClientTimeout::Idle,
        2 => ClientTimeout::Age,
        3 => ClientTimeout::Name,
        4 => ClientTimeout::NoName,
        _ => return IFETCH_ERROR_INVALID_ARGUMENT,
    };
    // SAFETY: NULL or live, as the header asks.
    unsafe { change(client, |c| c.set_timeout(timeout, timeout_ms)) }
}

/// Sets whom the client's fetches trust, and who they are, from now on; fetches that bring settings
/// of their own (ifetch_options_tls()) are not concerned. `tls` is copied; NULL means the
/// defaults. Connections that were made before are not used for later fetches. Returns 0,
/// INVALID_ARGUMENT for a NULL client, or BUSY.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ifetch_client_set_tls(
    client: *mut ifetch_client,
    tls: *const ifetch_tls,
) -> ifetch_error {
    // SAFETY: NULL or live, as the header asks.
    unsafe {
        let settings = ifetch_tls::shared(tls.as_ref()).unwrap_or_default();
        change(client, |c| c.set_tls(settings))
    }
}

/// # Safety
/// `client` is NULL or live.
pub(super) unsafe fn change(
    client: *mut ifetch_client,
    f: impl FnOnce(&Client) -> Option<()>,
) -> ifetch_error {
    guard(IFETCH_ERROR_INTERNAL, || {
        // SAFETY: the caller's.
        let Some(client) = (unsafe { lend(client) }) else {
            return IFETCH_ERROR_INVALID_ARGUMENT;
        };
        f(&client.0).map_or(IFETCH_ERROR_BUSY, |()| IFETCH_ERROR_NONE)
    })
}

/// How many there are of `which` (see ifetch_count), for dashboards: costs next to nothing,
/// however many fetches there are. 0 for NULL, for an unknown `which`, and if another thread is
/// inside a call on this client.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ifetch_client_count(client: *const ifetch_client, which: i32) -> u64 {
    let count = match which {
        1 => Count::Connections,
        2 => Count::Idle,
        3 => Count::Draining,
        4 => Count::Opened,
        5 => Count::Reused,
        6 => Count::Retried,
        7 => Count::In(Phase::Queued),
        8 => Count::In(Phase::Resolving),
        9 => Count::In(Phase::Connecting),
        10 => Count::In(Phase::Handshaking),
        11 => Count::In(Phase::Sending),
        12 => Count::In(Phase::Waiting),
        13 => Count::In(Phase::Receiving),
        14 => Count::In(Phase::Ended),
        15 => Count::Names,
        16 => Count::Lookups,
        17 => Count::LookupsShared,
        18 => Count::LookupsCached,
        19 => Count::LookupsSystem,
        _ => return 0,
    };
    // SAFETY: NULL or live, as the header asks.
    guard(0, || unsafe { lend(client) }.and_then(|c| c.0.count(count)).unwrap_or(0))
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
    // SAFETY: NULL or live, as the header asks.
    unsafe {
        change(client, |c| {
            c.set_userdata(userdata.expose_provenance());
            Some(())
        })
    }
}
