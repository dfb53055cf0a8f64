//! `ifetch`: one fetch, from start to free.

use super::error::ifetch_error;
use super::options::ifetch_options;
use super::response::ifetch_response;
use super::{guard, lend, text};
use crate::client::{self, Fetched};
use crate::fetch::{Outcome, Phase, Status};
use std::ffi::{c_char, c_int, c_void};
use std::ptr::{NonNull, null, null_mut};

/// What a fetch says when it is asked. DONE, FAILED and CANCELLED are final: each fetch reaches
/// exactly one of them, once, and says so for good.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ifetch_status {
    /// Another thread is inside a call on the same client. The call did nothing.
    IFETCH_BUSY = -1,
    /// Nothing to report: wait until the descriptor is readable, then poll again.
    IFETCH_PENDING = 0,
    /// An interim (1xx) response came, and ifetch_options_interim() asked for them. It is what
    /// ifetch_result() gives until the next poll. Poll again before waiting.
    IFETCH_INTERIM = 1,
    /// The response head came: ifetch_result() has it. Said once, by streaming fetches only.
    /// Poll again before waiting.
    IFETCH_HEAD = 2,
    /// Body bytes may be read with ifetch_read(). Said by every poll as long as it is so, by
    /// streaming fetches only.
    IFETCH_READABLE = 3,
    /// Body bytes may be written with ifetch_write(). Said by every poll as long as it is so,
    /// by fetches with a streamed upload only.
    IFETCH_WRITABLE = 4,
    /// The response is complete. An HTTP status such as 404 or 500 is a complete response.
    IFETCH_DONE = 5,
    /// The fetch failed: see ifetch_error_code() and ifetch_error_message(). What had arrived is
    /// still there.
    IFETCH_FAILED = 6,
    /// The fetch was cancelled. What had arrived is still there.
    IFETCH_CANCELLED = 7,
}

use ifetch_status::*;

impl From<Status> for ifetch_status {
    fn from(status: Status) -> Self {
        match status {
            Status::Pending => IFETCH_PENDING,
            Status::Interim => IFETCH_INTERIM,
            Status::Head => IFETCH_HEAD,
            Status::Readable => IFETCH_READABLE,
            Status::Writable => IFETCH_WRITABLE,
            Status::Ended(Outcome::Complete) => IFETCH_DONE,
            Status::Ended(Outcome::Failed) => IFETCH_FAILED,
            Status::Ended(Outcome::Cancelled) => IFETCH_CANCELLED,
        }
    }
}

/// What a fetch is doing.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ifetch_phase {
    /// Turning the host name into addresses.
    IFETCH_PHASE_RESOLVING = 1,
    /// Connecting to one or several addresses.
    IFETCH_PHASE_CONNECTING = 2,
    /// Shaking hands for TLS, which https needs.
    IFETCH_PHASE_TLS = 3,
    /// Handing the request, head and body, to the kernel.
    IFETCH_PHASE_SENDING = 4,
    /// The request is sent; the response head is not complete yet.
    IFETCH_PHASE_WAITING = 5,
    /// The response head is there; the body is arriving.
    IFETCH_PHASE_RECEIVING = 6,
    /// The fetch has ended.
    IFETCH_PHASE_ENDED = 7,
    /// Waiting for a connection, since a limit of the client is reached. It comes before all
    /// others.
    IFETCH_PHASE_QUEUED = 8,
}

use ifetch_phase::*;

impl From<Phase> for ifetch_phase {
    fn from(phase: Phase) -> Self {
        match phase {
            Phase::Queued => IFETCH_PHASE_QUEUED,
            Phase::Resolving => IFETCH_PHASE_RESOLVING,
            Phase::Connecting => IFETCH_PHASE_CONNECTING,
            Phase::Handshaking => IFETCH_PHASE_TLS,
            Phase::Sending => IFETCH_PHASE_SENDING,
            Phase::Waiting => IFETCH_PHASE_WAITING,
            Phase::Receiving => IFETCH_PHASE_RECEIVING,
            Phase::Ended => IFETCH_PHASE_ENDED,
        }
    }
}

/// One fetch: a request, its connection attempts and its response. Made by ifetch_start() or
/// ifetch_client_start(), owned by the caller, and given back with ifetch_free() exactly once.
pub struct ifetch(pub(super) Fetched);

impl ifetch {
    /// Hands a started fetch to C, and tells the client under which pointer it is known there.
    /// Makes a handle of what `start` gives, which is told its address.
    pub(super) fn make(start: impl FnOnce(usize) -> Option<Fetched>) -> *mut ifetch {
        let mut place = Box::<ifetch>::new_uninit();
        let address = place.as_mut_ptr().expose_provenance();
        start(address).map_or(null_mut(), |f| Box::into_raw(Box::write(place, ifetch(f))))
    }
}

/// Starts a fetch that has a client, and so a descriptor, of its own.
///
/// Nothing is waited for: a numeric address is being connected to, or a name looked up, when this
/// returns. `url` and `options` are copied and may go at once; `options`
/// may be NULL, which means a GET whose body is collected.
///
/// Never returns NULL: a bad URL, a NULL one, or a lack of descriptors makes a fetch that has
/// already FAILED, which ifetch_poll() tells. Running out of memory aborts the process.
/// Any thread.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ifetch_start(
    url: *const c_char,
    options: *const ifetch_options,
) -> *mut ifetch {
    guard(null_mut(), || {
        // SAFETY: the header asks for NULL or a NUL-terminated string, and for NULL or live
        // options.
        let (url, options) = unsafe { (text(url), options.as_ref()) };
        ifetch::make(|_| Some(client::start_alone(url, ifetch_options::shared(options))))
    })
}

/// The one descriptor of this fetch: the same from start to free, through name lookup, racing
/// connects and deadlines. Watch it for reading (poll, select, epoll level- or edge-triggered, any
/// loop built on them), call ifetch_poll() when it is readable, and do nothing else with it: do
/// not read, write or close it. Fetches of one client share the client's. No timer of the
/// caller's is needed: deadlines make it readable.
///
/// -1 for NULL, or if the system gave no descriptor: then the fetch has FAILED already.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ifetch_fd(fetch: *const ifetch) -> c_int {
    // SAFETY: NULL or live, as the header asks.
    guard(-1, || unsafe { lend(fetch) }.map_or(-1, |f| f.0.fd()))
}

/// Does what can be done without waiting, within a budget, and says how the fetch stands.
///
/// Call it once after the start and then whenever the descriptor is readable; calling it more
/// often is harmless. Only PENDING means that there is something to wait for: after any other
/// answer that is not final, poll (or read, or write) again first. Work left over by the budget
/// makes the descriptor readable again.
///
/// A fetch of a shared client that has something to say says it; otherwise this polls the client.
/// Returns FAILED for NULL, BUSY if another thread is inside a call on the same client.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ifetch_poll(fetch: *mut ifetch) -> ifetch_status {
    guard(IFETCH_FAILED, || {
        // SAFETY: NULL or live, as the header asks.
        unsafe { lend(fetch) }.map_or(IFETCH_FAILED, |f| f.0.poll().map_or(IFETCH_BUSY, Into::into))
    })
}

/// Ends the fetch now, whatever it is doing: looking up a name, connecting, sending, waiting for
/// the response, receiving.
///
/// May be called from any thread and from any signal handler, at any time between start and
/// free, also while another thread is inside a call on the same fetch. It never blocks, takes no
/// lock, and leaves errno as it was.
/// Before it returns, every connection of the fetch has been ended from the calling thread
/// (FIN, then RST, unless ifetch_options_cancel_policy() says otherwise), so the server can tell
/// even if the loop that owns the fetch is busy for seconds. The descriptor becomes readable,
/// and ifetch_poll() then says CANCELLED. If the fetch has ended already, its outcome stands and
/// nothing happens; nor does it if another cancel is under way, which does all that is said here.
///
/// The caller sees to it that no other thread is still inside this call when the fetch is freed
/// (join it, for example). NULL is ignored.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ifetch_cancel(fetch: *const ifetch) {
    // SAFETY: NULL or live, as the header asks.
    if let Some(fetch) = unsafe { lend(fetch) } {
        fetch.0.cancel();
    }
}

/// The response: NULL until its head has arrived, and for NULL. Right after ifetch_poll() said
/// INTERIM it is that interim response, until the next poll. The pointer lives until the fetch is
/// freed; what its functions lend lives as each of them says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ifetch_result(fetch: *const ifetch) -> *const ifetch_response {
    guard(null(), || {
        // SAFETY: NULL or live, as the header asks.
        match unsafe { lend(fetch) } {
            Some(f) if f.0.with(|fetch| fetch.head().is_some()).unwrap_or(false) => fetch.cast(),
            _ => null(),
        }
    })
}

/// Frees the fetch and all that was lent from it. One that still runs is cancelled first. Never
/// waits: a name lookup by the system is left to its helper thread, which cleans up after itself.
/// NULL is ignored. After fork() a child may free what it inherited, and nothing is sent.
///
/// If another thread is inside a call on the same client the fetch is cancelled, but its memory
/// is given up rather than freed under that thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ifetch_free(fetch: *mut ifetch) {
    guard((), || {
        if let Some(pointer) = NonNull::new(fetch) {
            // SAFETY: live, as the header asks; it is freed below only if nobody is inside.
            if unsafe { pointer.as_ref() }.0.release() {
                // SAFETY: made by `make`, and the header asks for one free only.
                drop(unsafe { Box::from_raw(pointer.as_ptr()) });
            }
        }
    });
}

/// What the fetch is doing now; ENDED for NULL, or if another thread is inside a call on the
/// same client.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ifetch_phase_of(fetch: *const ifetch) -> ifetch_phase {
    guard(IFETCH_PHASE_ENDED, || {
        // SAFETY: NULL or live, as the header asks.
        unsafe { lend(fetch) }
            .and_then(|f| f.0.with(|fetch| fetch.phase().into()))
            .unwrap_or(IFETCH_PHASE_ENDED)
    })
}

/// How far the fetch is: `sent`, request bytes the kernel took (head and body); `received`, body
/// bytes received, without framing; `expected`, the length of the body, UINT64_MAX while unknown.
/// Each pointer may be NULL. For a NULL fetch: 0, 0, UINT64_MAX.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ifetch_progress(
    fetch: *const ifetch,
    sent: *mut u64,
    received: *mut u64,
    expected: *mut u64,
) {
    guard((), || {
        // SAFETY: NULL or live, as the header asks.
        let progress = unsafe { lend(fetch) }
            .and_then(|f| f.0.with(|fetch| fetch.progress()))
            .unwrap_or_default();
        // SAFETY: the header asks for NULL or a place to write to.
        unsafe {
            super::put(sent, progress.sent);
            super::put(received, progress.received);
            super::put(expected, progress.expected.unwrap_or(u64::MAX));
        }
    });
}

/// Why the fetch ended badly: IFETCH_ERROR_NONE while it runs and when it is DONE,
/// IFETCH_ERROR_CANCELLED when it was cancelled; INVALID_ARGUMENT for NULL; BUSY if another thread
/// is inside a call on the same client.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ifetch_error_code(fetch: *const ifetch) -> ifetch_error {
    guard(ifetch_error::IFETCH_ERROR_INTERNAL, || {
        // SAFETY: NULL or live, as the header asks.
        let Some(f) = (unsafe { lend(fetch) }) else {
            return ifetch_error::IFETCH_ERROR_INVALID_ARGUMENT;
        };
        f.0.with(|fetch| fetch.error().map_or(ifetch_error::IFETCH_ERROR_NONE, |e| e.kind.into()))
            .unwrap_or(ifetch_error::IFETCH_ERROR_BUSY)
    })
}

/// What went wrong, in a sentence that names what was being done to what, such as
/// "connect to 127.0.0.1:8080: connection refused". Never holds credentials. Empty while the
/// fetch runs, when it is DONE, and for NULL. Lives until the fetch is freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ifetch_error_message(fetch: *const ifetch) -> *const c_char {
    guard(c"".as_ptr(), || {
        // SAFETY: NULL or live, as the header asks.
        unsafe { lend(fetch) }
            .and_then(|f| f.0.with(|fetch| fetch.error().map(|e| e.message.as_ptr())))
            .flatten()
            .unwrap_or(c"".as_ptr())
    })
}

/// The errno of the system call behind the error, 0 if there was none, and for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ifetch_os_error(fetch: *const ifetch) -> c_int {
    guard(0, || {
        // SAFETY: NULL or live, as the header asks.
        unsafe { lend(fetch) }
            .and_then(|f| f.0.with(|fetch| fetch.error().map_or(0, |e| e.os)))
            .unwrap_or(0)
    })
}

/// The pointer given with ifetch_options_userdata() or ifetch_set_userdata(); NULL if none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ifetch_userdata(fetch: *const ifetch) -> *mut c_void {
    guard(null_mut(), || {
        // SAFETY: NULL or live, as the header asks.
        let address =
            unsafe { lend(fetch) }.and_then(|f| f.0.with(|fetch| fetch.userdata)).unwrap_or(0);
        std::ptr::with_exposed_provenance_mut(address)
    })
}

/// Ties a pointer of the caller's to the fetch; the library never looks behind it.
/// Returns 0, INVALID_ARGUMENT for a NULL fetch, or BUSY.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ifetch_set_userdata(
    fetch: *mut ifetch,
    userdata: *mut c_void,
) -> ifetch_error {
    guard(ifetch_error::IFETCH_ERROR_INTERNAL, || {
        // SAFETY: NULL or live, as the header asks.
        let Some(f) = (unsafe { lend(fetch) }) else {
            return ifetch_error::IFETCH_ERROR_INVALID_ARGUMENT;
        };
        f.0.with(|fetch| fetch.userdata = userdata.expose_provenance())
            .map_or(ifetch_error::IFETCH_ERROR_BUSY, |()| ifetch_error::IFETCH_ERROR_NONE)
    })
}

/// Waits until the fetch has something to say other than PENDING, for callers without a loop.
///
/// It blocks, as besides it only ifetch_run() and ifetch_client_wait() do. `timeout_ms` bounds the
/// wait: 0 does not wait, negative waits without bound. Returns PENDING when the time is over and
/// also when a signal arrived while it slept, so that the caller sees its flags; else as
/// ifetch_poll(). A cancel from another thread or a signal handler ends the wait with CANCELLED.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ifetch_wait(fetch: *mut ifetch, timeout_ms: i32) -> ifetch_status {
    guard(IFETCH_FAILED, || {
        // SAFETY: NULL or live, as the header asks.
        unsafe { lend(fetch) }
            .map_or(IFETCH_FAILED, |f| f.0.wait(timeout_ms).map_or(IFETCH_BUSY, Into::into))
    })
}

/// Runs the fetch until it has something to say other than PENDING, and asks `test_interrupt(arg)`
/// every `interval_ms` (100 if 0 or negative), after each signal, and once before the first wait: a
/// non-zero answer cancels the fetch. The callback runs on the calling thread and may use the
/// fetch, except free it. A NULL `test_interrupt` never interrupts.
///
/// Returns as ifetch_poll() does, never PENDING.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ifetch_run(
    fetch: *mut ifetch,
    test_interrupt: Option<unsafe extern "C" fn(arg: *mut c_void) -> i32>,
    arg: *mut c_void,
    interval_ms: i32,
) -> ifetch_status {
    guard(IFETCH_FAILED, || {
        // SAFETY: NULL or live, as the header asks.
        let Some(f) = (unsafe { lend(fetch) }) else {
            return IFETCH_FAILED;
        };
        let interval_ms = if interval_ms > 0 { interval_ms } else { 100 };
        loop {
            // SAFETY: the caller gave the function and its argument to be called here.
            if test_interrupt.is_some_and(|test| unsafe { test(arg) } != 0) {
                f.0.cancel();
            }
            match f.0.wait(interval_ms) {
                Some(Status::Pending) => {}
                other => return other.map_or(IFETCH_BUSY, Into::into),
            }
        }
    })
}
