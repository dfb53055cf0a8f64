//! `ifetch_report`: what a caller needs to know to retry safely.

use super::error::ifetch_error::{self, *};
use super::fetch::{ifetch, ifetch_phase};
use super::{guard, lend};
use crate::fetch::report::{Ending, LookupKind, Report};
use crate::proto::persistence::CloseReason;
use crate::transport::cancel::Canceller;
use crate::transport::tls::Version;

/// Whether the server may have acted on the request.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ifetch_acted {
    /// No: it was never given a complete request head. Retrying is safe.
    IFETCH_ACTED_NO = 0,
    /// Maybe: a complete request head was handed to the kernel.
    IFETCH_ACTED_MAYBE = 1,
}

/// What became of the connection of a fetch. 4 is kept for RST_STREAM.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ifetch_ending {
    /// There was no established connection, or the fetch has not ended yet.
    IFETCH_ENDING_NONE = 0,
    /// It was given back to the client, for later fetches.
    IFETCH_ENDING_KEPT = 1,
    /// It was closed (FIN).
    IFETCH_ENDING_FIN = 2,
    /// It was aborted (RST, after a FIN where there was time for one).
    IFETCH_ENDING_RST = 3,
    /// It was left to the client, which reads what is left of the response, and then keeps it (see
    /// IFETCH_CANCEL_DRAIN).
    IFETCH_ENDING_DRAINED = 5,
}

/// Why a connection was not kept for later fetches (RFC 9112 section 9.3).
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ifetch_close {
    /// It was kept or drained, or there was none, or the fetch has not ended.
    IFETCH_CLOSE_NONE = 0,
    /// The fetch was made by ifetch_start(): there is no client that would keep it.
    IFETCH_CLOSE_ALONE = 1,
    /// The request asked for it with "Connection: close".
    IFETCH_CLOSE_REQUEST = 2,
    /// The response asked for it with "Connection: close".
    IFETCH_CLOSE_RESPONSE = 3,
    /// The server speaks HTTP/1.0, and did not say "Connection: keep-alive".
    IFETCH_CLOSE_VERSION = 4,
    /// The body ended with the connection.
    IFETCH_CLOSE_DELIMITED = 5,
    /// The response was complete before the request was sent completely.
    IFETCH_CLOSE_UNSENT = 6,
    /// It speaks another protocol now (101).
    IFETCH_CLOSE_UPGRADED = 7,
    /// The fetch failed or was cancelled.
    IFETCH_CLOSE_INTERRUPTED = 8,
    /// The server had closed it by the time the response was complete.
    IFETCH_CLOSE_SERVER = 9,
    /// It is older than IFETCH_CLIENT_TIMEOUT_AGE.
    IFETCH_CLOSE_AGE = 10,
    /// A limit of the client left no room for it: IFETCH_CLIENT_LIMIT_IDLE is 0 and no fetch waited
    /// for it, or there were more connections than a limit allows that was lowered.
    IFETCH_CLOSE_FULL = 11,
    /// Bytes came behind the response.
    IFETCH_CLOSE_EXTRA = 12,
}

/// Where the addresses of the host came from.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ifetch_lookup {
    /// None were needed: a numeric address, localhost, a kept connection.
    IFETCH_LOOKUP_NONE = 0,
    /// They were looked up for this fetch.
    IFETCH_LOOKUP_NEW = 1,
    /// The fetch waited for a lookup that another one had begun.
    IFETCH_LOOKUP_SHARED = 2,
    /// The client remembered them.
    IFETCH_LOOKUP_CACHED = 3,
    /// They are those that ifetch_client_add_host() gave, or /etc/hosts.
    IFETCH_LOOKUP_LISTED = 4,
}

/// Who cancelled a fetch.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ifetch_canceller {
    /// Nobody: it has not ended, or not as CANCELLED.
    IFETCH_CANCELLER_NONE = 0,
    /// A call: ifetch_cancel(), an ifetch_run() that was interrupted, ifetch_client_free().
    IFETCH_CANCELLER_CALL = 1,
    /// Its token, or one above that (see ifetch_token_cancel()).
    IFETCH_CANCELLER_TOKEN = 2,
    /// The deadline of its token, or of one above that (see ifetch_token_set_timeout()).
    IFETCH_CANCELLER_DEADLINE = 3,
}

/// What happened to a fetch. Times are nanoseconds since its start; UINT64_MAX for a moment that
/// was not reached. `phase` is the one it ended in, or the one it is in.
///
/// Each phase lasts from its own moment to the next one that was reached: queued from 0 to
/// `granted_ns`, resolving to `connecting_ns`, connecting to `sending_ns`, sending to `waiting_ns`,
/// waiting to `receiving_ns`, receiving to `ended_ns`. A response may come before the request has
/// been sent: then `receiving_ns` is before `waiting_ns`, or that was not reached. After a retry
/// the moments are those of the last connection.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ifetch_report {
    /// How many bytes of this struct the library filled.
    pub size: u32,
    /// An ifetch_phase: where the fetch was when it ended, or is now.
    pub phase: i32,
    /// An ifetch_acted.
    pub acted: i32,
    /// An ifetch_ending.
    pub ending: i32,
    /// Request bytes that the kernel took, head and body, on the last connection; with TLS, up to
    /// 64 KiB of them may still have been waiting for it, encrypted.
    pub sent: u64,
    /// Response bytes received on the last connection, framing and interim responses included.
    pub received: u64,
    /// Connection attempts made.
    pub attempts: u32,
    /// Interim responses received.
    pub interim: u32,
    /// When connecting began: the name was known.
    pub connecting_ns: u64,
    /// When sending began: the connection was established, with TLS its handshake complete.
    pub sending_ns: u64,
    /// When waiting began: the request was sent completely.
    pub waiting_ns: u64,
    /// When the first byte of a response arrived.
    pub first_byte_ns: u64,
    /// When receiving began: the head of the response was complete.
    pub receiving_ns: u64,
    /// When the fetch ended.
    pub ended_ns: u64,
    /// When a connection, or leave to make one, was given to the fetch: at once, unless it had to
    /// queue.
    pub granted_ns: u64,
    /// An ifetch_close.
    pub close: i32,
    /// An ifetch_lookup.
    pub lookup: i32,
    /// 1 if the last connection was one that an earlier fetch had used.
    pub reused: u32,
    /// 1 if a kept connection died before any of the response came, and the request was sent again
    /// on a new one, as RFC 9110 section 9.2.2 allows: an idempotent method and a body that can be
    /// sent again, or not a byte of the request taken by the kernel.
    pub retried: u32,
    /// An ifetch_canceller.
    pub canceller: i32,
    /// An ifetch_error: why it ended badly, as ifetch_error_code() says it.
    pub error: i32,
    /// When the TLS handshake began: the socket was connected. Not reached on a kept connection.
    pub handshake_ns: u64,
    /// The version of TLS times ten: 12 or 13; 0 without TLS, or before its handshake is complete.
    pub tls_version: u32,
    /// The registered number of the cipher suite, such as 0x1301; 0 as above.
    pub tls_cipher_suite: u32,
    /// 1 if the handshake resumed an earlier session, so that the server showed no certificate.
    pub tls_resumed: u32,
    /// The registered number of the group that keys were exchanged in, such as 0x001d for X25519; 0
    /// as above, and for a session of TLS 1.2 that was resumed.
    pub tls_group: u32,
}

/// Fills `*out` with what happened to the fetch so far; most useful once it has ended. `size` is
/// `sizeof *out`: later versions append fields, and never write more than `size` bytes.
/// Returns 0, INVALID_ARGUMENT if a pointer is NULL or `size` is less than 4, or BUSY.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ifetch_report_get(
    fetch: *const ifetch,
    out: *mut ifetch_report,
    size: usize,
) -> ifetch_error {
    guard(IFETCH_ERROR_INTERNAL, || {
        // SAFETY: NULL or live, as the header asks.
        let Some(f) = (unsafe { lend(fetch) }) else {
            return IFETCH_ERROR_INVALID_ARGUMENT;
        };
        if out.is_null() || size < size_of::<u32>() {
            return IFETCH_ERROR_INVALID_ARGUMENT;
        }
        let Some(report) = f.0.with(|fetch| fetch.report()) else {
            return IFETCH_ERROR_BUSY;
        };
        let filled = size.min(size_of::<ifetch_report>());
        let report = ifetch_report::new(&report, filled as u32);
        // SAFETY: the header asks for `size` writable bytes, of which `filled` are written; the
        // struct is made of integers without padding.
        unsafe {
            std::ptr::copy_nonoverlapping(
                (&raw const report).cast::<u8>(),
                out.cast::<u8>(),
                filled,
            );
        }
        IFETCH_ERROR_NONE
    })
}

use ifetch_close::*;

impl From<CloseReason> for ifetch_close {
    fn from(reason: CloseReason) -> Self {
        match reason {
            CloseReason::Alone => IFETCH_CLOSE_ALONE,
            CloseReason::Request => IFETCH_CLOSE_REQUEST,
            CloseReason::Response => IFETCH_CLOSE_RESPONSE,
            CloseReason::Version => IFETCH_CLOSE_VERSION,
            CloseReason::Delimited => IFETCH_CLOSE_DELIMITED,
            CloseReason::Unsent => IFETCH_CLOSE_UNSENT,
            CloseReason::Upgraded => IFETCH_CLOSE_UPGRADED,
            CloseReason::Interrupted => IFETCH_CLOSE_INTERRUPTED,
            CloseReason::Server => IFETCH_CLOSE_SERVER,
            CloseReason::Age => IFETCH_CLOSE_AGE,
            CloseReason::Full => IFETCH_CLOSE_FULL,
            CloseReason::Extra => IFETCH_CLOSE_EXTRA,
        }
    }
}

impl ifetch_report {
    fn new(report: &Report, size: u32) -> Self {
        let ns = |moment: Option<u64>| moment.unwrap_or(u64::MAX);
        ifetch_report {
            size,
            phase: ifetch_phase::from(report.phase) as i32,
            acted: if report.traffic.may_have_acted {
                ifetch_acted::IFETCH_ACTED_MAYBE
            } else {
                ifetch_acted::IFETCH_ACTED_NO
            } as i32,
            ending: match report.traffic.ending {
                Ending::None => ifetch_ending::IFETCH_ENDING_NONE,
                Ending::Kept => ifetch_ending::IFETCH_ENDING_KEPT,
                Ending::Drained => ifetch_ending::IFETCH_ENDING_DRAINED,
                Ending::Finished => ifetch_ending::IFETCH_ENDING_FIN,
                Ending::Reset => ifetch_ending::IFETCH_ENDING_RST,
            } as i32,
            sent: report.traffic.sent,
            received: report.traffic.received,
            attempts: report.traffic.attempts,
            interim: report.traffic.interim,
            connecting_ns: ns(report.connecting_ns),
            sending_ns: ns(report.sending_ns),
            waiting_ns: ns(report.waiting_ns),
            first_byte_ns: ns(report.first_byte_ns),
            receiving_ns: ns(report.receiving_ns),
            ended_ns: ns(report.ended_ns),
            granted_ns: ns(report.granted_ns),
            close: report.traffic.close_reason.map_or(IFETCH_CLOSE_NONE, Into::into) as i32,
            lookup: match report.lookup {
                LookupKind::None => ifetch_lookup::IFETCH_LOOKUP_NONE,
                LookupKind::New => ifetch_lookup::IFETCH_LOOKUP_NEW,
                LookupKind::Shared => ifetch_lookup::IFETCH_LOOKUP_SHARED,
                LookupKind::Cached => ifetch_lookup::IFETCH_LOOKUP_CACHED,
                LookupKind::Listed => ifetch_lookup::IFETCH_LOOKUP_LISTED,
            } as i32,
            reused: report.traffic.reused.into(),
            retried: report.retried.into(),
            canceller: match report.canceller {
                None => ifetch_canceller::IFETCH_CANCELLER_NONE,
                Some(Canceller::Call) => ifetch_canceller::IFETCH_CANCELLER_CALL,
                Some(Canceller::Token) => ifetch_canceller::IFETCH_CANCELLER_TOKEN,
                Some(Canceller::Deadline) => ifetch_canceller::IFETCH_CANCELLER_DEADLINE,
            } as i32,
            error: report.error.map_or(IFETCH_ERROR_NONE, Into::into) as i32,
            handshake_ns: ns(report.handshaking_ns),
            tls_version: report.traffic.tls.map_or(0, |tls| match tls.version {
                Version::Tls12 => 12,
                Version::Tls13 => 13,
            }),
            tls_cipher_suite: report.traffic.tls.map_or(0, |tls| tls.cipher_suite.into()),
            tls_resumed: report.traffic.tls.is_some_and(|tls| tls.resumed).into(),
            tls_group: report.traffic.tls.map_or(0, |tls| tls.group.into()),
        }
    }
}
