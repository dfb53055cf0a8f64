//! `ifetch_report`: what a caller needs to know to retry safely.

use super::error::ifetch_error::{self, *};
use super::fetch::{ifetch, ifetch_phase};
use super::{guard, lend};
use crate::fetch::report::{Ending, Report};

/// Whether the server may have acted on the request.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ifetch_acted {
    /// No: it was never given a complete request head. Retrying is safe.
    IFETCH_ACTED_NO = 0,
    /// Maybe: a complete request head was handed to the kernel.
    IFETCH_ACTED_MAYBE = 1,
}

/// How the connection of a fetch was ended by this side. 1 is kept for connections kept for
/// reuse, 4 for RST_STREAM.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ifetch_ending {
    /// There was no established connection, or it has not ended yet.
    IFETCH_ENDING_NONE = 0,
    /// It was closed (FIN).
    IFETCH_ENDING_FIN = 2,
    /// It was aborted (RST, after a FIN where there was time for one).
    IFETCH_ENDING_RST = 3,
}

/// What happened to a fetch. Times are nanoseconds since its start; UINT64_MAX for a moment that
/// was not reached. `phase` is the one it ended in, or the one it is in.
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
    /// Request bytes that the kernel took, head and body.
    pub sent: u64,
    /// Response bytes received, framing and interim responses included.
    pub received: u64,
    /// Connection attempts made.
    pub attempts: u32,
    /// Interim responses received.
    pub interim: u32,
    /// When connecting began: the name was known.
    pub connecting_ns: u64,
    /// When sending began: the connection was established.
    pub sending_ns: u64,
    /// When waiting began: the request was sent completely.
    pub waiting_ns: u64,
    /// When the first byte of a response arrived.
    pub first_byte_ns: u64,
    /// When receiving began: the head of the response was complete.
    pub receiving_ns: u64,
    /// When the fetch ended.
    pub ended_ns: u64,
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
        }
    }
}
