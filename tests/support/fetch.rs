//! `ifetch`, freed when it goes out of scope.

use super::*;
use ::ifetch::ffi::body::{ifetch_read, ifetch_write, ifetch_write_end};
use ::ifetch::ffi::fetch::*;
use ::ifetch::ffi::report::{ifetch_report, ifetch_report_get};
use ::ifetch::ffi::response::*;
use std::ffi::c_void;
use std::ptr::null;
use std::time::Instant;

pub(crate) struct Fetch(pub(super) *mut ifetch);

// SAFETY: any thread may use a fetch; a second one at the same time is told BUSY.
unsafe impl Send for Fetch {}
// SAFETY: as above.
unsafe impl Sync for Fetch {}

impl Fetch {
    pub(crate) fn get(url: &str) -> Fetch {
        let url = c_string(url);
        Fetch(call!(ifetch_start(url.as_ptr(), null())))
    }

    pub(crate) fn start(url: impl Into<Vec<u8>>, options: &Options) -> Fetch {
        let url = c_string(url);
        Fetch(call!(ifetch_start(url.as_ptr(), options.as_ptr())))
    }

    pub(crate) fn as_ptr(&self) -> *mut ifetch {
        self.0
    }

    pub(crate) fn fd(&self) -> RawFd {
        call!(ifetch_fd(self.0))
    }

    pub(crate) fn poll(&self) -> ifetch_status {
        call!(ifetch_poll(self.0))
    }

    pub(crate) fn wait(&self, timeout_ms: i32) -> ifetch_status {
        call!(ifetch_wait(self.0, timeout_ms))
    }

    pub(crate) fn cancel(&self) {
        call!(ifetch_cancel(self.0));
    }

    /// Whether the descriptor becomes readable within `patience`.
    pub(crate) fn readable(&self, patience: Duration) -> bool {
        readable(&[self.fd()], patience)
    }

    /// Polls as the header asks, waiting on the descriptor alone, until it says more than PENDING.
    pub(crate) fn news(&self) -> ifetch_status {
        let start = Instant::now();
        loop {
            match self.poll() {
                IFETCH_PENDING => {}
                status => return status,
            }
            // Also if the descriptor tells again and again of nothing.
            let patience = PATIENCE.saturating_sub(start.elapsed());
            let in_time = !patience.is_zero() && self.readable(patience);
            assert!(in_time, "no news in time: {:?}", self.report());
        }
    }

    /// The same, but PENDING once nothing has happened for a while.
    pub(crate) fn news_or_stall(&self) -> ifetch_status {
        loop {
            match self.poll() {
                IFETCH_PENDING if self.readable(QUIET) => {}
                status => return status,
            }
        }
    }

    /// Runs the fetch to its end, reads what a streaming one has to read, and tells how it ended.
    pub(crate) fn finish(&self) -> Outcome {
        self.finish_reading(64 * 1024)
    }

    /// The same with a buffer of `cap` bytes.
    pub(crate) fn finish_reading(&self, cap: usize) -> Outcome {
        let (mut read, mut interim) = (Vec::new(), Vec::new());
        let mut buffer = vec![0; cap];
        let start = Instant::now();
        loop {
            assert!(start.elapsed() < 3 * PATIENCE, "no end, {:?}", self.phase());
            match self.news() {
                IFETCH_INTERIM => interim.extend(self.head()),
                IFETCH_HEAD => {}
                IFETCH_READABLE => {
                    let (n, _) = self.read(&mut buffer);
                    read.extend_from_slice(&buffer[..n]);
                }
                IFETCH_DONE | IFETCH_FAILED | IFETCH_CANCELLED => break,
                other => panic!("{other:?} from a fetch that is run to its end"),
            }
        }
        Outcome::of(self, latin1(&read), interim)
    }

    pub(crate) fn read(&self, buffer: &mut [u8]) -> (usize, ifetch_status) {
        let mut n = usize::MAX;
        let status =
            call!(ifetch_read(self.0, buffer.as_mut_ptr().cast(), buffer.len(), &raw mut n));
        assert!(n <= buffer.len(), "read {n} into {}", buffer.len());
        (n, status)
    }

    pub(crate) fn write(&self, data: &[u8]) -> (usize, ifetch_status) {
        let mut n = usize::MAX;
        let status = call!(ifetch_write(self.0, data.as_ptr().cast(), data.len(), &raw mut n));
        assert!(n <= data.len(), "took {n} of {}", data.len());
        (n, status)
    }

    pub(crate) fn write_end(&self) -> ifetch_status {
        call!(ifetch_write_end(self.0))
    }

    /// Writes all of it, waiting where the fetch asks for it; false if the fetch ended first.
    pub(crate) fn write_all(&self, mut data: &[u8]) -> bool {
        while !data.is_empty() {
            match self.news() {
                IFETCH_WRITABLE => data = &data[self.write(data).0..],
                IFETCH_DONE | IFETCH_FAILED | IFETCH_CANCELLED => return false,
                other => panic!("{other:?} while a body is being written"),
            }
        }
        true
    }

    pub(crate) fn head(&self) -> Option<Head> {
        let response = self.response()?;
        let count = call!(ifetch_response_header_count(response));
        Some(Head {
            status: call!(ifetch_response_status(response)),
            version: call!(ifetch_response_version(response)),
            reason: lent(call!(ifetch_response_reason(response))).expect("not NULL for a response"),
            headers: (0..count).map(|i| field(response, i, ifetch_response_header_at)).collect(),
        })
    }

    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let name = c_string(name);
        lent(call!(ifetch_response_header(self.response()?, name.as_ptr())))
    }

    pub(crate) fn trailers(&self) -> Vec<Field> {
        let Some(response) = self.response() else { return Vec::new() };
        let count = call!(ifetch_response_trailer_count(response));
        (0..count).map(|i| field(response, i, ifetch_response_trailer_at)).collect()
    }

    /// The collected body, which must be followed by a NUL; None for a streaming fetch.
    pub(crate) fn body(&self) -> Option<String> {
        let mut len = usize::MAX;
        let body = call!(ifetch_response_body(self.response()?, &raw mut len));
        if body.is_null() {
            assert_eq!(len, 0, "NULL has no length");
            return None;
        }
        // SAFETY: the header promises `len` bytes and a NUL.
        let with_nul = unsafe { std::slice::from_raw_parts(body, len + 1) };
        assert_eq!(with_nul[len], 0, "the byte after the body");
        Some(latin1(&with_nul[..len]))
    }

    /// The URL that the response came from.
    pub(crate) fn url(&self) -> Option<String> {
        lent(call!(ifetch_response_url(self.response()?)))
    }

    pub(crate) fn error(&self) -> ifetch_error {
        call!(ifetch_error_code(self.0))
    }

    pub(crate) fn message(&self) -> String {
        lent(call!(ifetch_error_message(self.0))).expect("never NULL")
    }

    pub(crate) fn os_error(&self) -> i32 {
        call!(ifetch_os_error(self.0))
    }

    pub(crate) fn phase(&self) -> ifetch_phase {
        call!(ifetch_phase_of(self.0))
    }

    /// Sent, received and expected bytes.
    pub(crate) fn progress(&self) -> (u64, u64, u64) {
        let (mut sent, mut received, mut expected) = (7, 7, 7);
        call!(ifetch_progress(self.0, &raw mut sent, &raw mut received, &raw mut expected));
        (sent, received, expected)
    }

    pub(crate) fn report(&self) -> ifetch_report {
        let mut report = std::mem::MaybeUninit::uninit();
        let refused =
            call!(ifetch_report_get(self.0, report.as_mut_ptr(), size_of::<ifetch_report>()));
        assert_eq!(refused, IFETCH_ERROR_NONE);
        // SAFETY: a report of this size was filled completely.
        unsafe { report.assume_init() }
    }

    pub(crate) fn userdata(&self) -> *mut c_void {
        call!(ifetch_userdata(self.0))
    }

    fn response(&self) -> Option<*const ifetch_response> {
        let response = call!(ifetch_result(self.0));
        (!response.is_null()).then_some(response)
    }
}

impl Drop for Fetch {
    fn drop(&mut self) {
        call!(ifetch_free(self.0));
    }
}

type At = unsafe extern "C" fn(
    *const ifetch_response,
    usize,
    *mut *const c_char,
    *mut *const c_char,
) -> std::ffi::c_int;

fn field(response: *const ifetch_response, i: usize, at: At) -> Field {
    let (mut name, mut value) = (null(), null());
    assert_eq!(call!(at(response, i, &raw mut name, &raw mut value)), 1, "field {i}");
    (lent(name).expect("a field has a name"), lent(value).expect("a field has a value"))
}
